"""A student's and an instructor's way through the course, in a real JupyterLab in Chromium."""

import nbformat
import pytest
from course import ROOT
from labs import fill_in, open_notebook, wait_until_all_has_run

from cnnlesson.quiz import bank
from cnnlesson.quiz.session import variant

pytestmark = pytest.mark.browser


def restart_and_run_all(page):
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()


def outputs(page):
    """What each code cell shows, as text."""
    cells = page.locator(".jp-Notebook .jp-CodeCell").all()
    return ["\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts()) for cell in cells]


@pytest.mark.parametrize("name", ["00-start-here", "01-parameter-sharing"])
def test_a_lesson_runs_from_top_to_bottom(name, page, lab):
    path = f"notebooks/{name}.ipynb"
    open_notebook(page, lab, path)
    restart_and_run_all(page)
    wait_until_all_has_run(page)
    committed = nbformat.read(ROOT / path, as_version=4)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    for cell, shown in zip(code, outputs(page), strict=True):
        for output in cell.outputs:
            data = output.get("data", {"text/plain": output.get("text")})
            if "text/markdown" in data:  # typeset, so the text of the page is not that of the file
                assert "$$" not in shown
            elif not {"text/html", "image/svg+xml"} & set(data):  # a table, a visualiser
                assert data["text/plain"].strip() in shown
    assert all("Error" not in shown for shown in outputs(page))
    broken = "[...document.images].filter(image => image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0


def test_a_student_answers_a_quiz(page, lab):
    open_notebook(page, lab, "release/parameter-sharing/parameter-sharing.ipynb")
    fill_in(page, "student_id = ", 'student_id = "ada"')
    restart_and_run_all(page)  # which goes on after cells that raise
    wait_until_all_has_run(page)
    assert page.get_by_text("Not answered yet").count() == 12
    page.get_by_text("Parameter sharing: the questions of ada.").wait_for()

    layer = bank.setup(bank.QUESTIONS["parameter-sharing"], variant("parameter-sharing", "ada"))
    card = page.locator(".jp-CodeCell", has_text='ask("parameter-sharing")')
    assert f"{layer.H} x {layer.W} x {layer.C}" in card.inner_text()
    figure = card.get_by_role("img", name=f"An input of {layer.H} by {layer.W} by {layer.C}")
    assert figure.evaluate("image => image.naturalWidth") > 100

    answers = {
        (layer.taps + 1) * layer.K: "A filter reaches through all",
        layer.weights * layer.K: "is not quite right",
        (layer.weights + 1) * layer.K: f"{(layer.weights + 1) * layer.K} is right.",
    }
    for answer, verdict in answers.items():
        name = "number_of_shared_parameters"
        fill_in(page, f"{name} = ", f"{name} = {answer}")
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-OutputArea-output", has_text=verdict).wait_for()
    page.get_by_text("Show the work").click()
    page.locator(".jp-OutputArea-output details mjx-container").first.wait_for()


def test_a_locked_cell_cannot_be_edited(page, lab):
    open_notebook(page, lab, "release/parameter-sharing/parameter-sharing.ipynb")
    cell = page.locator(".jp-CodeCell", has_text='check("parameter-sharing"')
    assert cell.locator(".cm-content").get_attribute("aria-readonly") == "true" or (
        cell.locator(".cm-content").get_attribute("contenteditable") == "false"
    )


def test_the_formgrader_lists_the_assignment(page, lab, served_course, run):
    run("nbgrader", "generate_assignment", "parameter-sharing", "--force", cwd=served_course)
    page.goto(lab("formgrader/manage_assignments"))
    row = page.locator("tr", has_text="parameter-sharing")
    row.wait_for()
    assert "No nbgrader_config.py" not in page.content()
