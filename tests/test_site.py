"""The pages that `make site` makes: read from a disk, with no network and no kernel."""

import importlib
import re

import nbformat
import pytest
from access import DESKTOP, PHONE, SCHEMES, cut_off, scrolls_sideways, violations
from course import ROOT
from links import is_external, leads_nowhere, links, places
from test_visualisers import CALLS

from cnnlesson.quiz.bank import ASSIGNMENTS

pytestmark = pytest.mark.browser

NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
TEXTS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
REFERENCE = re.findall(r"`(cnnlesson[\w.]*)` \|", (ROOT / "docs/reference/README.md").read_text())
PAGES = [
    *(f"notebooks/{name}.html" for name in NOTEBOOKS),
    *(f"assignments/{name}.html" for name in ASSIGNMENTS),
    *(text.replace("README", "index").replace(".md", ".html") for text in TEXTS),
    *(f"docs/reference/{name}.html" for name in REFERENCE),
    "CONTRIBUTING.html",
]


ALIKE = [f"docs/reference/{name}.html" for name in REFERENCE if name != "cnnlesson.ops"]
"""Pages that differ in names and words alone, so that one of their kind is looked at."""


@pytest.fixture(scope="module")
def made(tmp_path_factory, make_in_checkout):
    """The site's folder, and what was said while it was made."""
    folder = tmp_path_factory.mktemp("site") / "site"
    return folder, make_in_checkout("site", f"SITE={folder}")


@pytest.fixture(scope="module")
def site(made):
    return made[0]


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


def headings_out_of_order(page):
    """The headings that skip a level, by their words; a visualiser counts its own."""
    headings = page.locator("main :is(h1, h2, h3, h4, h5, h6):not(.cnnlesson *)").evaluate_all(
        "all => all.map((heading) => [Number(heading.tagName[1]), heading.innerText])"
    )
    before = [0, *(level for level, _ in headings[:-1])]
    return [
        words for (level, words), last in zip(headings, before, strict=True) if level > last + 1
    ]


def has_text_alternative(picture):
    """Whether a picture has an alt, a name or a description, or what holds it has a name."""
    words = picture.evaluate(
        """picture => picture.alt || picture.getAttribute("aria-label") ||
                      picture.querySelector("desc")?.textContent ||
                      picture.closest("[role=img]")?.getAttribute("aria-label")"""
    )
    return words and len(words) > 20


def settle(page):
    """Wait until formulas are typeset and visualisers live, and unfold what is folded."""
    page.evaluate("MathJax.startup.promise.then(() => null)")
    page.wait_for_function(
        """() => document.querySelectorAll("script[type*='widget-view']").length ===
                 document.querySelectorAll(".cnnlesson").length"""
    )
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")


@pytest.mark.parametrize("name", [page for page in PAGES if page not in ALIKE])
def test_a_page_is_for_everybody_on_a_phone_or_a_desktop_in_either_theme(name, offline):
    """Axe finds nothing, headings are in order, pictures described, and the licence is there."""
    page = offline(name)
    settle(page)
    for width in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            page.wait_for_timeout(200)
            assert violations(page) == "", (width, scheme)
        assert not scrolls_sideways(page)
        assert cut_off(page) == []
    assert headings_out_of_order(page) == []
    pictures = page.locator("main img, main svg:not([aria-hidden=true]):not(mjx-container svg)")
    assert all(map(has_text_alternative, pictures.all()))
    footer = page.get_by_role("contentinfo")
    assert "CC BY 4.0" in footer.inner_text()
    footer.get_by_role("link", name="BSD-3-Clause").click()
    assert "Redistribution" in page.locator("body").inner_text()


@pytest.mark.parametrize("name", REFERENCE)
def test_the_reference_has_a_place_for_every_public_name(name, site):
    module = importlib.import_module(name)
    public = getattr(module, "__all__", None) or [
        each for each, value in vars(module).items() if getattr(value, "__module__", "") == name
    ]
    wanted = {f"{name}.{each}" for each in public if not each.startswith("_")}
    assert wanted <= places(site / f"docs/reference/{name}.html")


def test_no_kernel_warns_while_the_site_is_made(made):
    assert "WARNING" not in made[1]


def test_the_students_site_has_no_answers_and_no_link_into_nothing(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "tools/site")
    build = importlib.import_module("build")
    monkeypatch.setattr(build, "ASSETS", {})
    monkeypatch.setattr(build.NotebookClient, "execute", lambda self: None)
    build.build(tmp_path, for_students=True)
    pages = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.html")}
    assert {page for page in pages if page.startswith("docs/")} == {"docs/students.html"}
    assert {*PAGES} - pages == {page for page in PAGES if re.match("docs/|CONTRIBUTING", page)} - {
        "docs/students.html"
    }
    for name in pages:
        within = [
            link
            for link in links(tmp_path / name)
            if not is_external(link) and not link.startswith("../assets/")
        ]
        assert [each for each in within if leads_nowhere(each, tmp_path / name)] == []


@pytest.mark.parametrize("name", ["index.html", *PAGES])
def test_every_link_within_the_site_leads_somewhere(name, site):
    within = [link for link in links(site / name) if not is_external(link)]
    assert [link for link in within if leads_nowhere(link, site / name)] == []


def test_every_page_is_known_here(site):
    made = {str(path.relative_to(site)) for path in site.rglob("*.html")}
    assert made == {"index.html", *PAGES}


def test_the_start_leads_to_every_page(offline, site):
    page = offline("index.html")
    page.wait_for_url("**/notebooks/00-start-here.html")
    page.get_by_role("navigation").get_by_role("link", name="For instructors").click()
    page.get_by_role("heading", name="For instructors", level=1).wait_for()
    reached, waiting = set(), [site / "index.html"]
    while waiting:
        here = waiting.pop()
        reached.add(here)
        within = (link.partition("#")[0] for link in links(here) if not is_external(link))
        targets = ((here.parent / link).resolve() for link in within)
        waiting += [each for each in targets if each.suffix == ".html" and each not in reached]
    assert {(site / name).resolve() for name in PAGES} <= reached


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
