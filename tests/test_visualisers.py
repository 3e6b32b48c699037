"""What all visualisers promise: access, themes, narrow pages, no requests, a picture at rest."""

import re
import xml.etree.ElementTree as ET
from base64 import b64decode
from pathlib import Path

import nbformat
import pytest
from access import violations
from course import ROOT
from labs import open_notebook, run_all

from cnnlesson import widgets

CALLS = {
    "Convolution visualiser": "convolution()",
    "Parameter sharing visualiser": "sharing()",
    "Dimensionality visualiser": "dimensionality()",
    "Network builder": "network()",
}


def made(call):
    return eval(call, vars(widgets))


@pytest.mark.parametrize("call", CALLS.values())
def test_a_visualiser_leaves_a_picture_with_its_text(call):
    widget = made(call)
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == repr(widget) == widget.description()
    assert " at 0x" not in repr(widget)
    drawing = ET.fromstring(data["image/svg+xml"])
    assert drawing.find("{*}desc").text == widget.description()
    assert b64decode(data["image/png"]).startswith(b"\x89PNG\r\n")
    again, _ = made(call)._repr_mimebundle_()
    assert again["image/svg+xml"] == data["image/svg+xml"]


README_PICTURES = {
    "dimensionality": "dimensionality()",
    "convolution": "convolution(padding=1)",
    "parameter-sharing": "sharing(shift=[6, -8])",
    "growth": "growth()",
}


def test_the_readme_shows_what_visualisers_leave():
    shown = re.findall(r"!\[.+\]\((.+)\)", (ROOT / "README.md").read_text())
    assert shown == [f"docs/pictures/{name}.svg" for name in README_PICTURES]
    for name, call in README_PICTURES.items():
        assert (ROOT / f"docs/pictures/{name}.svg").read_text() == made(call).picture().svg(), call


@pytest.mark.parametrize("call", CALLS.values())
def test_a_module_is_small_and_asks_for_nothing(call):
    widget = made(call)
    assert len(widget._esm.encode()) <= 60_000
    code = (
        (widget._esm + widget._css).replace("http://www.w3.org/2000/svg", "").replace("url(#", "")
    )
    for request in ("fetch(", "XMLHttpRequest", "import(", "http:", "https:", "url("):
        assert request not in code


@pytest.fixture(scope="module")
def notebook(served_course):
    """A notebook with one cell for each visualiser."""
    cells = ["from cnnlesson.widgets import *", *CALLS.values()]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, served_course / "notebooks" / "all-visualisers.ipynb")
    return "notebooks/all-visualisers.ipynb"


@pytest.fixture(scope="module")
def gallery(browser, lab, notebook):
    """A page with all visualisers."""
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(60_000)
    open_notebook(page, lab, notebook)
    run_all(page)
    for name in CALLS:
        page.get_by_role("group", name=name).wait_for()
    yield page
    page.close()


def in_theme(page, name, *, light):
    """The visualiser by its name, in one of JupyterLab's themes."""
    page.evaluate(
        "light => document.body.setAttribute('data-jp-theme-light', light)", str(light).lower()
    )
    page.wait_for_timeout(200)
    return page.get_by_role("group", name=name)


@pytest.mark.browser
@pytest.mark.parametrize("light", [True, False], ids=["light", "dark"])
@pytest.mark.parametrize("name", CALLS)
def test_axe_finds_nothing(name, light, gallery):
    widget = in_theme(gallery, name, light=light)
    widget.evaluate("widget => widget.id = 'under-test'")
    found = violations(gallery, context="#under-test")
    widget.evaluate("widget => widget.removeAttribute('id')")
    assert found == ""


@pytest.mark.browser
@pytest.mark.parametrize("name", CALLS)
def test_themes_change_what_is_drawn(name, gallery):
    light = in_theme(gallery, name, light=True).screenshot()
    dark = in_theme(gallery, name, light=False).screenshot()
    assert light != dark
    assert (
        in_theme(gallery, name, light=True).evaluate(
            "widget => getComputedStyle(widget).backgroundColor"
        )
        == "rgb(255, 255, 255)"
    )


@pytest.mark.browser
@pytest.mark.parametrize("name", CALLS)
def test_it_fits_a_page_of_400_pixels(name, gallery):
    widget = gallery.get_by_role("group", name=name)
    widget.evaluate("widget => widget.style.width = '400px'")
    gallery.wait_for_timeout(200)
    overflow = "widget => widget.scrollWidth - widget.clientWidth"
    assert widget.evaluate(overflow) <= 0
    widget.evaluate("widget => widget.style.width = ''")


@pytest.mark.browser
@pytest.mark.parametrize("name", CALLS)
def test_targets_are_large_enough_and_out_of_jupyters_shortcuts(name, gallery):
    widget = gallery.get_by_role("group", name=name)
    for control in widget.locator("button:visible, input:visible, select:visible").all():
        box = control.bounding_box()
        assert min(box["width"], box["height"]) >= 24
    unprotected = widget.locator("button, input, select, summary, [tabindex='0']").and_(
        gallery.locator(":not([data-lm-suppress-shortcuts])")
    )
    assert unprotected.count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("name", CALLS)
def test_nothing_is_asked_of_the_network(name, gallery):
    asked = []
    gallery.on("request", lambda request: asked.append(request.url))
    widget = gallery.get_by_role("group", name=name)
    for more in widget.get_by_role("button", name="more").all()[:3]:
        more.click()
    gallery.wait_for_timeout(500)
    jupyters_own = ("/static/favicons/", "/api/")  # a busy kernel's icon, and polling
    assert [url for url in asked if not any(part in url for part in jupyters_own)] == []


@pytest.mark.browser
@pytest.mark.parametrize("name", CALLS)
def test_pictures_are_saved(name, gallery):
    widget = gallery.get_by_role("group", name=name)
    for form, start in (("SVG", b"<svg "), ("PNG", b"\x89PNG")):
        with gallery.expect_download() as saved:
            widget.get_by_role("button", name=re.compile(f"Save.*{form}")).click()
        assert Path(saved.value.path()).read_bytes().startswith(start)


@pytest.mark.browser
def test_they_live_in_notebook_7_too(page, notebook7, notebook):
    open_notebook(page, notebook7, notebook, interface="notebooks")
    run_all(page)
    for name in CALLS:
        page.get_by_role("group", name=name).wait_for()
    convolution = page.get_by_role("group", name="Convolution visualiser")
    convolution.get_by_role("button", name="Stride S: more").click()
    convolution.get_by_role("heading", name="Output, 2 × 2").wait_for()


@pytest.mark.browser
def test_the_gallery_shows_pictures_until_it_is_run(page, lab):
    path = "notebooks/visualisers.ipynb"
    open_notebook(page, lab, path)
    pictures = page.locator(".jp-OutputArea-output img, .jp-OutputArea-output svg")
    assert pictures.count() == 6
    assert page.locator(".cnnlesson").count() == 0
    run_all(page)
    page.locator(".cnnlesson").nth(5).wait_for()
    assert {each.get_attribute("aria-label") for each in page.locator(".cnnlesson").all()} == {
        *CALLS
    }
