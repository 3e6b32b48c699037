"""Every lesson in a real JupyterLab, as a reader with other eyes, hands or screens meets it.

JupyterLab's own shell, editor and theme are its makers' to judge: only what the lessons bring is
looked at, the text and what cells show.
"""

import pytest
from access import DESKTOP, PHONE, violations
from course import ROOT
from labs import open_notebook, run_all, wait_until_all_has_run

pytestmark = pytest.mark.browser

LESSONS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
OURS = {"include": [[".jp-MarkdownOutput"], [".jp-OutputArea-output"]]}
# JupyterLab's theme does not underline links, and on a narrow page it lets outputs scroll that only
# some browsers reach by keyboard; the site's pages mend the one and avoid the other.
JUPYTERLABS = ("link-in-text-block", "scrollable-region-focusable")
RULES = {rule: {"enabled": False} for rule in JUPYTERLABS}


@pytest.mark.parametrize("name", LESSONS)
def test_axe_finds_nothing_on_a_phone_or_a_desktop_in_either_theme(name, page, lab):
    open_notebook(page, lab, f"notebooks/{name}.ipynb")
    run_all(page)
    wait_until_all_has_run(page)
    page.keyboard.press("Control+B")  # away with the list of files
    for theme in ("Dark", "Light"):  # and other tests begin in the light one
        choose_theme(page, f"JupyterLab {theme}")
        for width in (PHONE, DESKTOP):
            page.set_viewport_size({"width": width, "height": 900})
            page.wait_for_timeout(300)
            assert violations(page, OURS, rules=RULES) == "", (width, theme)
            assert violations(page, ".cnnlesson", runOnly=JUPYTERLABS) == "", (width, theme)


def choose_theme(page, name):
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    for item in ("Theme", name):
        page.locator(".lm-Menu-itemLabel").get_by_text(item, exact=True).click()
    page.wait_for_function("name => document.body.dataset.jpThemeName === name", arg=name)
