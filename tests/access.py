"""What keeps readers from a page: axe-core's findings, and what a narrow page cuts off."""

SCHEMES = ("light", "dark")
PHONE, DESKTOP = 390, 1280  # pixels

_CUT_OFF = """() => [
  ...[...document.querySelectorAll(".jp-InputArea-editor, .jp-RenderedText")].filter(
    (box) => getComputedStyle(box).overflowX === "hidden" && box.scrollWidth > box.clientWidth + 1),
  ...[...document.querySelectorAll(".cnnlesson svg text")].filter((text) =>
    text.getBoundingClientRect().right > text.ownerSVGElement.getBoundingClientRect().right + 1),
].map((element) => element.textContent)"""


def violations(page, context=None, **options):
    """Say in words what axe-core finds in what is visible; nothing if all is well."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context, {"resultTypes": ["violations"], **options})
    return found.generate_report() if found.violations_count else ""


def cut_off(page):
    """List the code and the labels that do not fit, where no scrolling leads to the rest."""
    return page.evaluate(_CUT_OFF)


def scrolls_sideways(page):
    return page.evaluate("document.documentElement.scrollWidth > innerWidth")
