"""The pages that `make site` makes: read from a disk, with no network and no kernel."""

import re
import subprocess

import nbformat
import pytest
from course import ROOT
from test_visualisers import CALLS

pytestmark = pytest.mark.browser

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def site(tmp_path_factory, clean_environment):
    folder = tmp_path_factory.mktemp("site") / "site"
    made = subprocess.run(
        ["make", "site", f"SITE={folder}"],
        cwd=ROOT,
        env=clean_environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture
def offline(browser, site):
    """Open a page of the site from the disk; afterwards, nothing else may have been asked for."""
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 1000})
    asked, failed = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("requestfailed", lambda request: failed.append(request.url))
    context.on("weberror", lambda error: failed.append(str(error.error)))

    def offline(name, **preferences):
        page = context.new_page()
        page.emulate_media(**preferences)
        page.goto((site / name).as_uri())
        return page

    yield offline
    context.close()
    assert failed == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:", "blob:"))] == []


def test_every_visualiser_is_live(offline):
    page = offline("notebooks/visualisers.html")
    for name in CALLS:
        page.get_by_role("group", name=name).first.wait_for()
    assert page.locator("img.jupyter-widget:visible").count() == 0

    convolution = page.get_by_role("group", name="Convolution visualiser").first
    convolution.get_by_role("button", name="Stride S: more").click()
    convolution.get_by_role("heading", name="Output, 2 × 2").wait_for()

    sharing = page.get_by_role("group", name="Parameter sharing visualiser")
    sharing.get_by_role("button", name="Unshared weights").click()
    sharing.get_by_text("756,560 parameters").first.wait_for()

    dimensionality = page.get_by_role("group", name="Dimensionality visualiser").first
    dimensionality.get_by_role("button", name="Filters K: more").click()
    dimensionality.get_by_text("14 × 14 × 21").first.wait_for()

    network = page.get_by_role("group", name="Network builder")
    network.get_by_label("Network", exact=True).select_option("VGG-16")
    network.get_by_text("138,357,544").first.wait_for()

    with page.expect_download() as saved:
        convolution.get_by_role("button", name="Save picture (SVG)").click()
    assert saved.value.suggested_filename.endswith(".svg")


def test_two_views_of_a_page_do_not_share_their_settings(offline):
    page = offline("notebooks/visualisers.html")
    views = page.get_by_role("group", name="Convolution visualiser")
    first, second = views.nth(0), views.nth(1)
    first.get_by_role("button", name="Stride S: more").click()
    first.get_by_role("heading", name="Output, 2 × 2").wait_for()
    assert second.get_by_role("heading", name="Output, 3 × 3").is_visible()


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_page_shows_all_that_its_notebook_does(name, offline):
    page = offline(f"notebooks/{name}.html")
    notebook = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4)
    title = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)[1]
    assert page.get_by_role("heading", level=1).inner_text().startswith(title)
    assert page.locator(".jp-CodeCell").count() == sum(
        cell.cell_type == "code" for cell in notebook.cells
    )
    if any("$$" in str(cell) for cell in notebook.cells):
        page.locator("mjx-container").first.wait_for()
        assert "$$" not in page.locator("main").inner_text()
    broken = "[...document.images].filter(image => image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0


def test_links_lead_from_page_to_page_and_to_the_assignments(offline, site):
    page = offline("index.html")
    page.wait_for_url("**/notebooks/00-start-here.html")
    for path in site.glob("notebooks/*.html"):
        page.goto(path.as_uri())
        for link in page.locator("main a[href]").all():
            target = link.get_attribute("href").partition("#")[0]
            if target and ":" not in target:
                assert (path.parent / target).exists(), target


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_and_its_visualisers_follow_the_readers_theme(scheme, offline):
    page = offline("notebooks/visualisers.html", color_scheme=scheme)
    widget = page.get_by_role("group", name="Network builder")
    for element in (widget, page.locator("body")):
        red = element.evaluate("e => +getComputedStyle(e).backgroundColor.match(/\\d+/)[0]")
        assert red > 200 if scheme == "light" else red < 60


def test_without_scripts_the_pictures_stay(browser, site):
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "notebooks/visualisers.html").as_uri())
    pictures = page.locator("img.jupyter-widget:visible")
    assert pictures.count() == 6
    assert all(len(picture.get_attribute("alt")) > 40 for picture in pictures.all())
    context.close()
