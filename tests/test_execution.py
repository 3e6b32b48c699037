"""What a run in the sandbox keeps of nbgrader's `Execute`, in a course without a bank."""

import nbformat
import pytest
from course import ROOT
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.api import Gradebook

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]

CONFIGURATION = """
from cnnlesson.grading.secure import secure
c = get_config()
secure(c)
c.CourseDirectory.course_id = "plain"
c.Execute.timeout = 2
"""


def cell(source, tags=(), **marks):
    """A cell of source/, a grade cell of one point if it has an id."""
    metadata = {"tags": [*tags]}
    if marks:
        known = {"grade": True, "locked": True, "solution": False, "task": False, "points": 1}
        metadata["nbgrader"] = {**known, "schema_version": 3, **marks}
    return new_code_cell(source, metadata=metadata)


@pytest.fixture
def graded(run, tmp_path):
    """Grade cells as the only student's submission; return the scores, and what was said."""

    def graded(*cells, language="python", configuration="", check=True):
        (tmp_path / "nbgrader_config.py").write_text(CONFIGURATION + configuration)
        kernel = {"name": "kernel", "display_name": "A kernel", "language": language}
        notebook = new_notebook(cells=[*cells], metadata={"kernelspec": kernel})
        for folder in ("source/quiz", "submitted/ada/quiz"):
            (tmp_path / folder).mkdir(parents=True)
            nbformat.write(notebook, tmp_path / folder / "quiz.ipynb")
        run("nbgrader", "generate_assignment", "quiz", cwd=tmp_path)
        said = run("nbgrader", "autograde", "quiz", cwd=tmp_path, check=check)
        with Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as gradebook:
            graded = gradebook.assignment_submissions("quiz")
            notebooks = [notebook for each in graded for notebook in each.notebooks]
            scores = {grade.name: grade.score for each in notebooks for grade in each.grades}
        return scores, said

    return graded


def test_cells_keep_what_they_have_earned_when_a_later_one_ends_the_run(graded):
    scores, _ = graded(
        cell("kept = 2"),
        cell("assert kept == 2", grade_id="before"),
        cell("while True: pass"),
        cell("assert kept == 2", grade_id="after-a-time-out"),
        cell("import signal; signal.signal(2, signal.SIG_IGN)\nwhile True: pass"),
        cell("assert kept == 2", grade_id="after-the-end"),
    )
    assert scores == {"before": 1, "after-a-time-out": 1, "after-the-end": 0}


def test_tags_of_the_course_hold_as_in_nbclient(graded):
    scores, _ = graded(
        cell("made = 1", tags=["skip-execution"]),
        cell("assert 'made' not in globals()", grade_id="skipped"),
    )
    assert scores == {"skipped": 1}


def test_errors_that_are_not_allowed_fail_the_submission(graded):
    _, said = graded(
        cell("1/0", grade_id="fails"),
        configuration="c.Execute.force_raise_errors = True\n",
        check=False,
    )
    assert "ZeroDivisionError" in said
    assert "1 of 1 submissions could not be processed" in said


def test_a_kernel_of_another_language_is_refused_in_words(graded):
    _, said = graded(cell("1", grade_id="one"), language="R", check=False)
    assert "the sandbox runs Python, and the kernel 'kernel' of this notebook runs R" in said


def test_a_folder_of_the_course_is_no_place_for_it(graded):
    """Nor is any other that is the grader's: not even its name is there."""
    scores, _ = graded(
        cell(f"import os; assert not os.path.exists({str(ROOT)!r})", grade_id="hidden"),
        cell("assert os.listdir('.') == []", grade_id="empty"),
    )
    assert scores == {"hidden": 1, "empty": 1}
