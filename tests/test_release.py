"""What students get: made from source/, runnable, kind, and free of solutions."""

import filecmp
import json

import nbformat
import pytest
from course import ROOT, copy_course

from cnnlesson.quiz import bank, session
from cnnlesson.quiz.bank import ASSIGNMENTS as IN_THE_BANK
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.questions import Kind

ASSIGNMENTS = sorted(folder.name for folder in (ROOT / "source").iterdir() if folder.is_dir())
SUBMISSIONS = sorted(folder.name for folder in (ROOT / "tests/submissions").iterdir())


def notebooks(stage, assignment):
    return sorted((ROOT / stage / assignment).glob("*.ipynb"))


def graded_cells(path):
    """The cells that `check` grades; what a person grades is Markdown."""
    cells = nbformat.read(path, as_version=4).cells
    graded = [cell for cell in cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return [cell for cell in graded if cell.cell_type == "code"]


def test_every_assignment_of_the_bank_is_released():
    assert sorted(IN_THE_BANK) == ASSIGNMENTS
    for name, assignment in IN_THE_BANK.items():
        asked = [cell.id for path in notebooks("source", name) for cell in graded_cells(path)]
        assert asked == list(assignment.questions)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_one_explanation_with_a_rubric_is_graded_by_a_person(assignment):
    (path,) = notebooks("source", assignment)
    cells = nbformat.read(path, as_version=4).cells
    (explanation,) = (
        cell
        for cell in cells
        if cell.cell_type == "markdown" and cell.metadata.get("nbgrader", {}).get("grade")
    )
    assert explanation.metadata.nbgrader.solution
    assert f"**Rubric, {explanation.metadata.nbgrader.points} points.**" in explanation.source
    (released,) = notebooks("release", assignment)
    assert "Rubric" not in released.read_text(encoding="utf-8")


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_running_all_goes_on_after_a_wrong_answer(assignment):
    for path in notebooks("source", assignment):
        assert all(cell.metadata.tags == ["raises-exception"] for cell in graded_cells(path))


@pytest.mark.nbgrader
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_release_is_what_nbgrader_makes_of_the_source(assignment, run, tmp_path):
    course = copy_course(tmp_path, "source", "release")
    (course / "release" / assignment / "left-over.ipynb").write_text("{}")
    run("nbgrader", "generate_assignment", assignment, cwd=course)
    made, committed = course / "release" / assignment, ROOT / "release" / assignment
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted(path.name for path in committed.iterdir())
    _, different, unreadable = filecmp.cmpfiles(made, committed, names, shallow=False)
    assert different + unreadable == [], f"run: nbgrader generate_assignment {assignment} --force"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_grade_cell_is_one_line_that_names_its_question(assignment):
    for path in notebooks("source", assignment):
        for cell in graded_cells(path):
            question = cell.metadata.nbgrader.grade_id
            assert question in QUESTIONS
            assert cell.source.startswith(f'check("{question}", ')
            assert "\n" not in cell.source
            assert cell.metadata.nbgrader.points > 0


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_prompt_tells_its_title_and_its_points(assignment):
    for path in notebooks("source", assignment):
        cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
        for cell in graded_cells(path):
            heading, *_ = cells[f"{cell.id}-prompt"].source.splitlines()
            points = cell.metadata.nbgrader.points
            unit = "point" if points == 1 else "points"
            assert heading.endswith(f" {QUESTIONS[cell.id].title} ({points} {unit})")


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_a_release_holds_no_solution(assignment):
    for path in notebooks("release", assignment):
        text = path.read_text(encoding="utf-8")
        assert "SOLUTION" not in text
        assert all(not cell.get("outputs") for cell in nbformat.read(path, as_version=4).cells)


@pytest.mark.nbgrader
@pytest.mark.parametrize(
    ("assignment", "student"), [*((name, "") for name in ASSIGNMENTS), ("padding", "ada")]
)
def test_the_source_validates(assignment, student, run, monkeypatch, clean_environment):
    monkeypatch.setitem(clean_environment, "CNNLESSON_STUDENT", student)
    for path in notebooks("source", assignment):
        assert "Success! Your notebook passes all the tests." in run(
            "nbgrader", "validate", str(path), cwd=ROOT
        )


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_sources_answers_are_right_for_every_student(assignment, monkeypatch):
    """All but functions, which have the same numbers for all."""
    (path,) = notebooks("source", assignment)
    sources = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}
    questions = [QUESTIONS[name] for name in IN_THE_BANK[assignment].questions]
    students = [session.variant(assignment, f"student-{number}") for number in range(100)]
    for variant in (bank.LESSON, *students):
        monkeypatch.setattr(session, "_current", session.Session(variant))
        names = {}
        exec("from cnnlesson import ask", names)
        for question in questions:
            if question.kind is Kind.FUNCTION:
                continue
            exec(sources[f"{question.id}-answer"], names)
            answer = sources[question.id].removeprefix(f'check("{question.id}", ')[:-1]
            verdict = judge(question, bank.setup(question, variant), names[answer])
            assert verdict.outcome is Outcome.RIGHT, (question.id, variant)


@pytest.mark.nbgrader
@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_release_does_not_validate_and_says_why_kindly(assignment, run):
    for path in notebooks("release", assignment):
        said = run("nbgrader", "validate", str(path), cwd=ROOT)
        cells = graded_cells(path)
        assert f"VALIDATION FAILED ON {len(cells) + 1} CELL(S)!" in said
        assert said.count("You did not provide a response.") == 1  # the explanation
        for cell in cells:
            assert cell.source in said
            assert QUESTIONS[cell.metadata.nbgrader.grade_id].title in said
        assert said.count("Not answered yet: ") == len(cells)
        assert "..." not in [line[-3:] for line in said.splitlines()], "Validate cut a line"
        assert "NameError" not in said
        assert "Traceback" not in said
        assert ".py" not in said, "a library frame shows"


@pytest.mark.parametrize("student", SUBMISSIONS)
def test_bundled_submissions_answer_todays_release(student):
    """All but what the student wrote, or deleted, is as released."""
    (path,) = (ROOT / "tests/submissions" / student).glob("*/*.ipynb")
    released = {
        cell["id"]: cell
        for cell in json.loads((ROOT / "release" / path.parent.name / path.name).read_text())[
            "cells"
        ]
    }
    submitted = {cell["id"]: cell for cell in json.loads(path.read_text())["cells"]}
    assert set(submitted) <= set(released)
    assert len(released) - len(submitted) == (student == "deleted-grade-cell")
    for name, cell in submitted.items():
        if cell["metadata"].get("nbgrader", {}).get("locked", False):
            assert cell == released[name]
