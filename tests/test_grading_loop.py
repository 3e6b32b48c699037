"""The instructor's whole loop on a copy of the course, by the stock commands alone."""

import csv
import html
import re
import shutil
import zipfile
from pathlib import Path

import lms_class
import pytest
from click.testing import CliRunner
from course import ROOT, copy_course
from nbgrader.api import Gradebook

from cnnlesson.cli import main
from cnnlesson.grading.scores import StudentScore, class_scores, scores_table
from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS

ASSIGNMENT = "parameter-sharing"
POINTS = {
    "one-filter": 1,
    "convolution-output-shape": 1,
    "number-of-neurons": 1,
    "neurons-of-one-filter": 1,
    "number-of-parameters": 2,
    "parameter-sharing": 2,
    "sharing-ratio": 1,
    "larger-image": 1,
    "larger-image-unshared": 2,
    "what-is-shared": 1,
    "what-sharing-saves": 1,
    "a-cat-moves": 1,
}
EXPLANATION = "explain-when-sharing-hurts"
NOTHING = dict.fromkeys(POINTS, 0)
EARNED = {
    "all-right": POINTS,
    "all-wrong": NOTHING | {"number-of-parameters": 1},  # where only the biases are missing
    "blank": NOTHING,
    "deleted-grade-cell": POINTS,
    "loops-for-ever": POINTS | {"convolution-output-shape": 0},
    "raises": POINTS | {"number-of-parameters": 0},
}

pytestmark = pytest.mark.nbgrader


@pytest.fixture(scope="module")
def course(run, tmp_path_factory):
    """A course whose six submissions came in as one archive each and have been graded."""
    course = copy_course(tmp_path_factory.mktemp("course"), "source", "release")
    archives = course / "downloaded" / ASSIGNMENT / "archive"
    archives.mkdir(parents=True)
    for submission in (ROOT / "tests/submissions").glob("*/*/*.ipynb"):
        student = submission.parts[-3]
        with zipfile.ZipFile(archives / f"{student}.zip", "w") as archive:
            archive.write(submission, f"{student}_{submission.name}")
    run("nbgrader", "generate_assignment", ASSIGNMENT, cwd=course)
    run("nbgrader", "zip_collect", ASSIGNMENT, cwd=course)
    run("nbgrader", "autograde", ASSIGNMENT, cwd=course)
    run("nbgrader", "generate_feedback", ASSIGNMENT, cwd=course)
    return course


@pytest.fixture(scope="module")
def gradebook(course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        yield gradebook


def test_the_whole_class_is_in_the_gradebook(gradebook):
    assert {student.id for student in gradebook.students} == set(EARNED)
    assert gradebook.find_assignment(ASSIGNMENT).max_score == sum(POINTS.values()) + 3


@pytest.mark.parametrize("student", EARNED)
def test_every_student_gets_the_points_they_earned(student, gradebook):
    submission = gradebook.find_submission(ASSIGNMENT, student)
    (notebook,) = submission.notebooks
    scores = {grade.name: grade.score for grade in notebook.grades}
    explained = scores.pop(EXPLANATION)
    assert scores == EARNED[student]
    assert explained == 0
    assert submission.needs_manual_grade == (student != "blank")  # which nbgrader need not read


@pytest.mark.parametrize("student", EARNED)
def test_every_feedback_page_names_the_questions(student, course):
    page = course / "feedback" / student / ASSIGNMENT / f"{ASSIGNMENT}.html"
    text = page.read_text(encoding="utf-8")
    for name in POINTS:
        assert QUESTIONS[name].title in text
    assert f"the questions of {student}." in text
    assert "BEGIN SOLUTION" not in text


def test_feedback_tells_what_went_wrong(course):
    def page(student):
        folder = course / "feedback" / student / ASSIGNMENT
        return html.unescape((folder / f"{ASSIGNMENT}.html").read_text(encoding="utf-8"))

    assert "is not right" in page("all-wrong")
    assert "A filter reaches through all" in page("all-wrong")
    assert "not quite right" in page("all-wrong")
    assert "Not answered yet" in page("blank")
    assert "neurons' is not defined" in page("raises")
    assert "CellTimeoutError" in page("loops-for-ever")
    assert "was missing; it is back" in page("deleted-grade-cell")


def test_export_lists_the_scores(course, run):
    run("nbgrader", "export", cwd=course)
    with (course / "grades.csv").open() as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {student: sum(earned.values()) for student, earned in EARNED.items()}


def test_the_scores_command_shows_each_student_and_page(course, run):
    header, *rows, footer = run("cnnlesson", "scores", ASSIGNMENT, cwd=course).splitlines()
    assert header.split() == ["student", "score", "feedback"]
    shown = {}
    for row in rows:
        student, score, _, maximum, page = row.split()
        assert (course / page).is_file()
        shown[student] = (float(score), float(maximum))
    assert shown == {student: (sum(earned.values()), 18) for student, earned in EARNED.items()}
    assert re.fullmatch(
        r"Answers that wait for a person's points, .*: \d by \d of 6 students\.", footer
    )


def test_the_scores_command_finds_a_course_elsewhere(course, run):
    rows = run("cnnlesson", "scores", ASSIGNMENT, "--course-dir", course.name, cwd=course.parent)
    _, *rows, _ = rows.splitlines()
    assert len(rows) == len(EARNED)
    for row in rows:
        assert (course.parent / row.split()[-1]).is_file()


def test_the_scores_command_says_what_is_missing(course, run, tmp_path):
    def refused(assignment, folder):
        said = run("cnnlesson", "scores", assignment, cwd=folder, check=False)
        assert said.startswith("Error: ")
        assert len(said.splitlines()) == 1
        return said

    said = refused("padding", course)
    assert "no assignment 'padding' (it has: parameter-sharing)" in said
    assert f"{tmp_path} is no course" in refused(ASSIGNMENT, tmp_path)
    empty = copy_course(tmp_path)
    assert "there is no gradebook yet" in refused(ASSIGNMENT, empty)
    assert [path.name for path in empty.iterdir()] == ["nbgrader_config.py"]


def test_a_student_without_a_submission_or_a_page_is_listed():
    page = Path("feedback/ada/x/x.html")
    rows = [
        StudentScore("ada", 4.5, 6, (page,)),
        StudentScore("grace-hopper", None, 6, ()),
        StudentScore("lin", 0, 6, ()),
    ]
    table = scores_table(rows, "x")
    assert [line.split(maxsplit=2)[:2] for line in table.splitlines()[1:]] == [
        ["ada", "4.5"],
        ["grace-hopper", "-"],
        ["lin", "0"],
    ]
    assert "no submission" in table
    assert "none yet: cnnlesson feedback x" in table


@pytest.mark.nbgrader
def test_scores_before_any_grading_say_what_to_do(tmp_path):
    course = lms_class.course_with_class(tmp_path, graded=False)
    said = CliRunner().invoke(main, ["scores", ASSIGNMENT, "--course-dir", str(course)])
    assert said.exit_code == 1
    assert said.output == (
        f"Error: nothing was graded of '{ASSIGNMENT}' yet: run `cnnlesson autograde {ASSIGNMENT}`\n"
    )


@pytest.mark.nbgrader
def test_answers_that_wait_for_a_person_are_counted(tmp_path):
    course = lms_class.course_with_class(tmp_path)
    assert "wait" not in scores_table(class_scores(ASSIGNMENT, course), ASSIGNMENT)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.find_grade("question", ASSIGNMENT, ASSIGNMENT, "ada").manual_score = None
        gradebook.db.commit()
    footer = scores_table(class_scores(ASSIGNMENT, course), ASSIGNMENT).splitlines()[-1]
    assert footer.endswith("count 0 until then: 1 by 1 of 5 students.")


def test_where_an_instructor_allows_it_the_class_is_graded_without_a_sandbox(run, tmp_path):
    """With the same marks, and a warning for each notebook."""
    course = copy_course(tmp_path, "source", "release")
    for student in ("all-right", "all-wrong"):
        shutil.copytree(ROOT / "tests/submissions" / student, course / "submitted" / student)
    run("nbgrader", "generate_assignment", ASSIGNMENT, cwd=course)
    allowed = "--SandboxedExecute.allow_unsandboxed=True"
    said = run("nbgrader", "autograde", ASSIGNMENT, allowed, cwd=course)
    assert said.count("submissions run with your own rights") == 2
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        graded = gradebook.assignment_submissions(ASSIGNMENT)
        scores = {submission.student.id: submission.score for submission in graded}
    assert scores == {each: sum(EARNED[each].values()) for each in ("all-right", "all-wrong")}


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_instructors_own_answers_earn_all_points_in_every_assignment(assignment, run, tmp_path):
    course = copy_course(tmp_path, "source", "release")
    submitted = course / "submitted" / "ada" / assignment
    shutil.copytree(course / "source" / assignment, submitted)
    for command in ("generate_assignment", "autograde", "generate_feedback"):
        run("nbgrader", command, assignment, cwd=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        (notebook,) = gradebook.find_submission(assignment, "ada").notebooks
        checked = {
            grade.name: (grade.auto_score, grade.max_score)
            for grade in notebook.grades
            if grade.cell.cell_type == "code"
        }
        assert set(checked) == set(ASSIGNMENTS[assignment].questions)
        assert all(score == most for score, most in checked.values())
    page = course / "feedback" / "ada" / assignment / f"{assignment}.html"
    assert "is right." in page.read_text(encoding="utf-8")
