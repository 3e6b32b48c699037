"""`cnnlesson autograde` leaves what `nbgrader autograde` leaves, row by row and file by file.

Both work on the same class, configured alike: simulated students, with one for everything that
happens to notebooks on their way. A third gradebook, in PostgreSQL, must hold the same.
"""

import contextlib
import csv
import json
import os
import re
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import manual
import nbformat
import postgres
import pytest
from course import copy_course
from graded import files, released_course, rows, set_due_date, sqlite
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from pairs import all_sorts_of_students, mark_by_hand, outcomes
from sqlalchemy.exc import OperationalError

from cnnlesson import __version__
from cnnlesson.grading import simulate
from cnnlesson.quiz.record import MIME, answer_record

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]

FIRST, TWO = "parameter-sharing", "two-notebooks"
ONE_LOOPS = "--Execute.timeout=3"
STAGES = {"rebuild", "sandbox", "run", "judge", "write"}
STAGES_OF_A_PAGE = {"read", "page", "write"}


@dataclass(frozen=True)
class State:
    """What a course holds at one time."""

    rows: dict
    autograded: dict
    said: str
    status: int


def state(course, db_url, done):
    return State(rows(db_url), files(course / "autograded"), done.stdout, done.returncode)


def notebook_of_one_answer(name, answer):
    def cell(made, grade_id, **kind):
        known = {"grade": False, "solution": False, "locked": False, "task": False, **kind}
        made.metadata.nbgrader = {"grade_id": grade_id, "schema_version": 3, **known}
        return made

    tests = f"import helper\nassert {name}(4) == helper.{name.upper()}"
    return new_notebook(
        cells=[
            cell(new_code_cell(answer), "answer", solution=True),
            cell(new_code_cell(tests), "tests", grade=True, locked=True, points=2),
            cell(new_markdown_cell("Why?"), "why", grade=True, solution=True, points=1),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )


def add_two_notebooks(course, run):
    """An assignment of two notebooks, of which students hand in both, one, or others besides."""
    functions = {"area": "n * n", "border": "4 * n - 4"}
    source = course / "source" / TWO
    source.mkdir()
    (source / "helper.py").write_text("AREA = 16\nBORDER = 12\n")
    for name, formula in functions.items():
        solved = (
            f"def {name}(n):\n    ### BEGIN SOLUTION\n    return {formula}\n    ### END SOLUTION"
        )
        nbformat.write(notebook_of_one_answer(name, solved), source / f"{name}.ipynb")
    handed_in = {
        "ada": {"area": "area", "border": "border"},
        "adam": {"border": "border"},
        "bob": {"area": "first final (2)", "border": "border"},
        "bea": {},
    }
    for student, names in handed_in.items():
        folder = course / "submitted" / student / TWO
        folder.mkdir(parents=True)
        for name, written in names.items():
            notebook = notebook_of_one_answer(name, f"def {name}(n):\n    return {functions[name]}")
            nbformat.write(notebook, folder / f"{written}.ipynb")
    adam = course / "submitted/adam" / TWO
    (adam / "timestamp.txt").write_text("2026-02-03 08:00:00 UTC\n")
    (adam / "helper.py").write_text("AREA = BORDER = 0\n")  # which must not count
    (adam / "notes").mkdir()
    (adam / "notes/mine.txt").write_text("by heart\n")
    shutil.copytree(course / "submitted/ada", course / "submitted/<b>")  # no student's id
    run("nbgrader", "generate_assignment", TWO, cwd=course)


def check_with_another_release(folder):
    """Leave a record of an older library in a student's notebook, as it is when it is saved."""
    notebook = nbformat.read(folder / f"{FIRST}.ipynb", as_version=4)
    checks = (cell for cell in notebook.cells if cell.source.startswith("check("))
    data = {MIME: answer_record("one-filter", "of-that-time", 192, "0.0.9")}
    next(checks).outputs = [new_output("display_data", data)]
    nbformat.write(notebook, folder / f"{FIRST}.ipynb")


@pytest.fixture(scope="module")
def a_class():
    return all_sorts_of_students(FIRST, more=2)


@pytest.fixture(scope="module")
def courses(a_class, run, tmp_path_factory):
    """The course twice: for nbgrader's commands, and for ours."""
    folder = tmp_path_factory.mktemp("courses")
    first, second = folder / "nbgrader", folder / "cnnlesson"
    released_course(first, *a_class, run)
    check_with_another_release(first / "submitted" / a_class[1][-1].student / FIRST)
    add_two_notebooks(first, run)
    for assignment in (FIRST, TWO):
        set_due_date(sqlite(first), assignment)
    shutil.copytree(first, second)
    return first, second


@pytest.fixture(scope="module")
def both(courses, commands):
    """Run a command of nbgrader's, and the same of ours, at the same time."""

    def both(step, *arguments):
        ours = {"generate_feedback": "feedback"}.get(step, step)
        with ThreadPoolExecutor() as pool:
            theirs = pool.submit(commands, courses[0], "nbgrader", step, *arguments)
            done = commands(courses[1], "cnnlesson", ours, *arguments)
            return theirs.result(), done

    return both


@pytest.fixture(scope="module")
def graded(courses, both):
    """The class after the first grading."""
    done = both("autograde", FIRST, ONE_LOOPS)
    return [state(course, sqlite(course), each) for course, each in zip(courses, done, strict=True)]


@pytest.fixture(scope="module")
def graded_again(graded, courses, both, a_class):
    """The class once a person has given points, and it has been graded anew."""
    assert all(graded)
    _, students = a_class
    for course in courses:
        mark_by_hand(sqlite(course), FIRST, students)
    done = both("autograde", FIRST, ONE_LOOPS, "--force")
    return [state(course, sqlite(course), each) for course, each in zip(courses, done, strict=True)]


def same(theirs, ours):
    assert ours.rows == theirs.rows
    assert ours.autograded == theirs.autograded
    assert (ours.status != 0) == (theirs.status != 0)


def test_the_class_has_all_that_happens_to_notebooks(a_class, graded):
    _, students = a_class
    assert {each.handling for each in students} == {*simulate.HANDLINGS, ""}
    assert any(outcomes(each) & {"loops"} for each in students)
    assert {each.late for each in students} == {True, False}
    theirs, _ = graded
    assert len(theirs.rows["submitted_assignment"]) == len(students)
    assert any(row["late_submission_penalty"] for row in theirs.rows["submitted_notebook"])


def test_rows_and_files_are_nbgraders(graded, commands):
    same(*graded)
    assert graded[1].status == 0, graded[1].said
    assert [*commands.temporary.iterdir()] == []


def test_remarks_are_told_to_students_and_instructors_alike(graded, courses, a_class):
    student = a_class[1][-1].student
    told = (
        f"about '{FIRST}.ipynb': you checked your answers with release 0.0.9 of the library, and "
        f"they are graded with release {__version__}, which may ask other questions"
    )
    for course, each in zip(courses, graded, strict=True):
        assert f"{student}: {told}" in each.said
        notebook = nbformat.read(course / "autograded" / student / FIRST / f"{FIRST}.ipynb", 4)
        assert told in "".join(notebook.metadata.cnnlesson.remarks)
        assert each.said.count("0.0.9") == 1


def test_a_regrade_is_nbgraders_and_keeps_what_a_person_gave(graded_again, courses):
    same(*graded_again)
    grades = graded_again[1].rows["grade"]
    assert any(row["manual_score"] for row in grades)
    assert any(row["extra_credit"] for row in grades)
    assert any(row["manual_comment"] for row in graded_again[1].rows["comment"])
    assert any(row["late_submission_penalty"] for row in graded_again[1].rows["submitted_notebook"])
    (copy,) = (courses[1] / "gradebook-backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows(f"sqlite:///{copy}")["grade"]


@pytest.mark.parametrize(
    ("kind", "students", "said"),
    [
        ("Submissions", [], " in submitted/: collect first what students handed in, as by `nbgr"),
        ("Submissions", ["ada", "b*"], " by ada, b* in submitted/: check the names, or collect"),
        ("GradedSubmissions", [], f" in autograded/: run `cnnlesson autograde {FIRST}` first"),
    ],
)
def test_where_there_is_nothing_to_read_it_is_told_what_comes_first(
    kind, students, said, tmp_path, monkeypatch
):
    from cnnlesson.grading.pipeline import course
    from cnnlesson.grading.pipeline.problems import CannotGradeError

    monkeypatch.chdir(copy_course(tmp_path, "source"))
    with pytest.raises(CannotGradeError) as raised:
        getattr(course, kind)([FIRST]).find(students)
    assert str(raised.value).startswith(f"there is nothing of {FIRST}{said}")


def test_what_was_graded_is_left_alone(graded_again, courses, commands):
    again = commands(courses[1], "cnnlesson", "autograde", FIRST)
    count = len(graded_again[1].rows["submitted_assignment"])
    assert f"{count} had been before" in again.stdout
    assert again.returncode == 0
    assert rows(sqlite(courses[1])) == graded_again[1].rows


@pytest.mark.usefixtures("graded")
def test_the_log_tells_the_stages_and_no_names(courses, a_class):
    _, students = a_class
    log, *_ = sorted((courses[1] / "logs").glob(f"autograde-{FIRST}-*.jsonl"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    begun, *lines, ended = lines
    assert begun["began"]
    assert ended["peak_kilobytes"] > ended["cpu_seconds"] > 0
    assert len({line["student"] for line in lines}) == len(lines) == len(students)
    assert not any(each.student in log.read_text() for each in students)
    for line in lines:
        assert line["graded"]
        assert line["seconds"].keys() == STAGES - ({"run", "sandbox"} - line["seconds"].keys())
        assert all(seconds >= 0 for seconds in line["seconds"].values())
    assert sum("run" in line["seconds"] for line in lines) >= len(students) - len(simulate.BROKEN)
    assert log.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("graded_again")
def test_feedback_is_nbgraders_byte_for_byte(courses, both, commands, a_class):
    _, students = a_class
    for done in both("generate_feedback", FIRST):
        assert done.returncode == 0, done.stdout
    theirs, ours = (files(course / "feedback") for course in courses)
    assert ours == theirs
    assert sum(path.endswith(".html") for path in ours) == len(students)
    (log,) = (courses[1] / "logs").glob(f"feedback-{FIRST}-*.jsonl")
    _, *lines, _ = [json.loads(line) for line in log.read_text().splitlines()]
    assert len(lines) == len(students)
    for line in lines:
        assert line["made"]
        assert line["seconds"].keys() == STAGES_OF_A_PAGE
        assert all(seconds > 0 for seconds in line["seconds"].values())
    again = commands(courses[1], "cnnlesson", "feedback", FIRST)
    assert "(--force makes them again, with the points and comments given since)" in again.stdout


@pytest.fixture(scope="module")
def listed(request, a_class, commands, run, tmp_path_factory):
    """Of a class, what each student deserves, and the rows that came of it."""
    count = request.config.getoption("students")
    if not count:
        _, ours = request.getfixturevalue("graded")
        return a_class[1], ours.rows
    exercise, _ = a_class
    students = [*simulate.simulated_class(exercise, count, seed=1)]
    course = tmp_path_factory.mktemp("large") / "course"
    released_course(course, exercise, students, run)
    done = commands(course, "cnnlesson", "autograde", FIRST)
    assert done.returncode == 0, done.stdout
    return students, rows(sqlite(course))


def test_every_score_is_as_listed(listed):
    """With `--students 1000`, those of a class of so many."""
    students, found = listed
    earned = dict.fromkeys((each.student for each in students), 0)
    for row in found["grade"]:
        student = row["notebook_id"]["assignment_id"]["student_id"]["id"]
        earned[student] += row["auto_score"] or 0
    assert earned == {each.student: each.total(stock=False, manual=False) for each in students}


# The same in PostgreSQL


@pytest.fixture(scope="module")
def on_postgres(courses, a_class, commands, run, postgresql, tmp_path_factory):
    """The course with its gradebook in PostgreSQL; its states; and its rows before the regrade."""
    _, students = a_class
    db_url = postgresql.database("class")
    course = tmp_path_factory.mktemp("on-postgres") / "course"
    parts = ("source", "submitted", "nbgrader_config.py", ".grading-secret")
    course.mkdir()
    for part in parts:
        copy = shutil.copytree if (courses[0] / part).is_dir() else shutil.copy2
        copy(courses[0] / part, course / part)
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f"c.CourseDirectory.db_url = {db_url!r}\n")
    run("nbgrader", "generate_assignment", FIRST, cwd=course)
    set_due_date(db_url, FIRST)
    states = []
    for flags in ([], ["--force"]):
        done = commands(course, "cnnlesson", "autograde", FIRST, ONE_LOOPS, *flags)
        assert done.returncode == 0, done.stdout
        states.append(state(course, db_url, done))
        if not flags:
            mark_by_hand(db_url, FIRST, students)
            marked = rows(db_url)
    return course, states, marked


def of_first(found):
    """The rows that are about the first assignment, or about none."""
    return {
        name: [row for row in kept if TWO not in str(row)]
        for name, kept in found.items()
        if name != "student"
    }


@pytest.mark.postgres
def test_in_postgresql_the_rows_are_the_same(on_postgres, graded, graded_again):
    _, states, _ = on_postgres
    for (_, sqlites), ours in zip((graded, graded_again), states, strict=True):
        assert of_first(ours.rows) == of_first(sqlites.rows)
        assert ours.autograded == sqlites.autograded


@pytest.mark.postgres
def test_postgresql_is_backed_up_before_a_regrade_and_restored(
    on_postgres, postgresql, clean_environment
):
    """By the command that `docs/administrators/gradebook.md` gives, and by the same once more."""
    course, _, marked = on_postgres
    (copy,) = (course / "gradebook-backups").iterdir()
    assert copy.stat().st_mode & 0o777 == 0o600
    page = manual.commands("docs/administrators/gradebook.md")
    (command,) = [line for line in page if line.startswith("pg_restore ")]
    other = postgresql.database("restored")
    restores = str(Path(postgres.program("pg_restore")).parent)
    environment = {
        **clean_environment,
        "DATABASE": other.replace("+psycopg", ""),
        "PATH": os.pathsep.join([restores, clean_environment["PATH"]]),
    }
    for _ in range(2):
        subprocess.run(["bash", "-ec", command], cwd=course, env=environment, check=True)
        assert rows(other) == marked


@pytest.mark.postgres
@pytest.mark.usefixtures("graded_again")
def test_feedback_and_export_work_with_postgresql(on_postgres, commands, courses):
    course, (_, after), _ = on_postgres
    for command in (["cnnlesson", "feedback", FIRST], ["nbgrader", "export"]):
        done = commands(course, *command)
        assert done.returncode == 0, done.stdout
    pages = files(course / "feedback")
    assert sum(path.endswith(".html") for path in pages) == len(after.rows["submitted_assignment"])
    with (course / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
    with Gradebook(sqlite(courses[1])) as gradebook:
        assert scores == {
            each.student.id: each.score for each in gradebook.assignment_submissions(FIRST)
        }


@pytest.fixture
def desks(a_class, graded_again, on_postgres, courses, tmp_path):
    """The class in SQLite and in PostgreSQL, and of both the same students."""
    assert graded_again
    in_sqlite = shutil.copytree(courses[1], tmp_path / "sqlite")
    with Gradebook(sqlite(in_sqlite)) as gradebook:
        names = sorted(student.id for student in gradebook.students)
    table = [f"{name},{number}" for number, name in enumerate([*names, "newcomer"], 101)]
    (tmp_path / "students.csv").write_text("\n".join(["id,lms_user_id", *table]))
    points = sum(each.points for each in a_class[0].cells)
    rows = [f"{name},{number},,{name},," for name, number in (line.split(",") for line in table)]
    head = ["Student,ID,SIS User ID,SIS Login ID,Section,Parameter Sharing (8)"]
    head.append(f"    Points Possible,,,,,{points:g}")
    (tmp_path / "canvas.csv").write_text("\n".join([*head, *rows]))
    with zipfile.ZipFile(tmp_path / "canvas.zip", "w") as archive:
        number = table[-1].rpartition(",")[-1]
        archive.writestr(f"newcomer_{number}_5001_{FIRST}.ipynb", "{}")
    return in_sqlite, on_postgres[0]


@pytest.mark.postgres
def test_the_desk_does_the_same_with_postgresql(desks, commands, tmp_path):
    def both(*arguments):
        with ThreadPoolExecutor() as pool:
            done = [*pool.map(lambda course: commands(course, "cnnlesson", *arguments), desks)]
        assert [each.returncode for each in done] == [0, 0], done
        return [each.stdout for each in done]

    def alike(told):
        theirs, ours = told
        assert ours == theirs
        return ours

    assert "1 students added" in both("roster", tmp_path / "students.csv")[0]
    assert "0 students added, 0 updated" in alike(both("roster", tmp_path / "students.csv"))
    told = both("collect", FIRST, "--from=canvas", tmp_path / "canvas.zip")
    assert alike(told).startswith("1 submissions placed")
    for course in desks:
        assert (course / "submitted/newcomer" / FIRST / f"{FIRST}.ipynb").read_text() == "{}"
    assert "newcomer" in alike(
        [re.sub("(feedback|none yet).*", "", each) for each in both("scores", FIRST)]
    )
    both("report", FIRST)
    paths = [course / "reports" / FIRST / "report.json" for course in desks]
    reports = [json.loads(path.read_text()) | {"made": None} for path in paths]
    assert alike(reports)["misconceptions"]
    alike(both("export", tmp_path / "canvas.csv", "--to=canvas"))
    assert "newcomer" in alike([(course / "grades-canvas.csv").read_text() for course in desks])


def test_what_was_late_is_late_no_more_once_there_is_no_due_date(of_two, commands):
    (of_two / "submitted/ada" / TWO / "timestamp.txt").write_text("2100-01-01 00:00:00 UTC")
    taken_off = []
    for date in (f"{simulate.DUE}", None):
        with Gradebook(sqlite(of_two)) as gradebook:
            gradebook.update_or_create_assignment(TWO, duedate=date)
        some = ["--student=ada", "--force", "--no-backup"]
        done = commands(of_two, "cnnlesson", "autograde", TWO, *some)
        assert done.returncode == 0, done.stdout
        notebooks = [
            row
            for row in rows(sqlite(of_two))["submitted_notebook"]
            if row["assignment_id"]["student_id"]["id"] == "ada"
        ]
        taken_off.append([row["late_submission_penalty"] for row in notebooks])
    assert any(taken_off[0])
    assert not any(taken_off[1])


# One submission never stops another


@pytest.fixture
def of_two(courses, tmp_path):
    """The course with the assignment of two notebooks, of which nothing has been graded."""
    course = tmp_path / "course"
    shutil.copytree(courses[1], course)
    shutil.rmtree(course / "logs", ignore_errors=True)
    return course


def test_odd_names_dates_and_files_stop_nobody_else(of_two, commands, tmp_path):
    submitted = of_two / "submitted"
    for name in (b"Eve \x1b]0;taken\x07", b"Eve \xff"):
        shutil.copytree(submitted / "ada", submitted / os.fsdecode(name))
    (submitted / "ada" / TWO / "timestamp.txt").write_text("0001-01-01T00:00:00+14:00")
    (submitted / "bob" / TWO / "area.html").mkdir()
    (submitted / "bob" / TWO / "area.html/mine.txt").write_text("in the place of a page")
    where = [TWO, "--course-dir=course", "--log=log.jsonl"]
    done = commands(tmp_path, "cnnlesson", "autograde", *where)
    assert "3 graded; 4 could not be: <b>, Eve" in done.stdout
    assert not set(done.stdout) & {"\x1b", "\x07"}
    log = (tmp_path / "log.jsonl").read_text()
    assert log.count('"why"') == 4
    assert "Eve" not in log
    broken = of_two / "autograded/adam" / TWO / "border.ipynb"
    broken.unlink()
    broken.write_text("{")
    done = commands(tmp_path, "cnnlesson", "feedback", *where, "--workers=1")
    assert done.stdout.endswith("2 feedback pages made; 1 could not be: adam.\n"), done.stdout
    assert {path.name for path in (of_two / "feedback/bob" / TWO).glob("*.html")} == {
        "area.html",
        "border.html",
    }


def test_feedback_waits_for_a_gradebook_that_is_away(of_two, monkeypatch):
    from cnnlesson.grading.pipeline import engine
    from cnnlesson.grading.pipeline.course import GradedSubmissions
    from cnnlesson.grading.pipeline.feedback import _Pages, feedback

    answers = iter([OperationalError("select", {}, "away"), LookupError("it has no grades")])

    def told(*_):
        raise next(answers)

    monkeypatch.chdir(of_two)
    monkeypatch.setattr(_Pages, "_told", told)
    shutil.copytree("submitted/adam", "autograded/adam", dirs_exist_ok=True)
    course = GradedSubmissions([TWO, "--force"])
    outcome = feedback(course, ["adam"], lambda _: engine.here(), lambda *_: None)
    assert outcome.failed == {"adam": "it has no grades"}


def sent(**parts):
    from cnnlesson.grading.pipeline.tasks import Graded

    return Graded(**parts).to_bytes()


ODD_RESULTS = [
    None,
    b"junk",
    b"[]",
    b'{"score": 3}',
    sent(),
    sent(for_instructor={"area": 1}),
    sent(handed_in=["area", "border"]),
    sent(handed_in=["area"], notebooks={"area": {}}),
    sent(handed_in=["area"], notebooks={"area": {"cells": [1], "metadata": 3, "nbformat": 4}}),
]


@dataclass
class Sending:
    """A worker that sends the same whatever it is to do."""

    result: bytes | None
    workers = 1

    def run(self, _work, _common, tasks):
        from cnnlesson.grading.pipeline.engine import Done

        yield from (Done(task.about, self.result) for task in tasks)


@pytest.mark.parametrize("result", ODD_RESULTS)
def test_what_a_worker_sends_is_looked_at(of_two, monkeypatch, result):
    from cnnlesson.grading.pipeline.autograde import autograde
    from cnnlesson.grading.pipeline.course import Submissions

    monkeypatch.chdir(of_two)
    before = rows(sqlite(of_two))
    workers = contextlib.nullcontext(Sending(result))
    course = Submissions([TWO])
    outcome = autograde(course, ["ada"], lambda _: workers, lambda *_: None, backup=False)
    assert (outcome.done, [*outcome.failed]) == (0, ["ada"])
    assert "the worker " in outcome.failed["ada"]
    assert rows(sqlite(of_two)) == before


@pytest.mark.parametrize("result", [None, b"junk", b"", b"<html>\n</html>", b"0.1\n"])
def test_what_a_worker_sends_as_a_page_is_looked_at(of_two, monkeypatch, result):
    from cnnlesson.grading.pipeline.course import GradedSubmissions
    from cnnlesson.grading.pipeline.feedback import feedback

    monkeypatch.chdir(of_two)
    shutil.copytree("submitted/adam", "autograded/adam", dirs_exist_ok=True)
    monkeypatch.setattr("cnnlesson.grading.pipeline.feedback._Pages._told", lambda *_: {})
    workers = contextlib.nullcontext(Sending(result))
    course = GradedSubmissions([TWO, "--force"])
    outcome = feedback(course, ["adam"], lambda _: workers, lambda *_: None)
    assert outcome.failed.keys() == {"adam"}
    assert "the worker sent no page: " in outcome.failed["adam"]
    assert not Path("feedback/adam").exists()


# What cannot be graded at all is said in a sentence


def unsecured(course):
    (course / "nbgrader_config.py").write_text("c = get_config()\n")


def stale(course):
    path = course / "source" / TWO / "area.ipynb"
    path.write_text(path.read_text().replace("AREA", "BORDER"))


def spoilt(course):
    (course / "gradebook.db").write_text("no database")


MISSING_MODULE = (
    "import sys; sys.modules['nbgrader'] = None; from cnnlesson.cli import main; main()"
)
CANNOT = {
    "no assignment": (["cnnlesson", "autograde"], "name one assignment"),
    "an unknown one": (["cnnlesson", "autograde", "poetry"], "poetry"),
    "an unsecured course": (["cnnlesson", "autograde", TWO], "secure(c)", unsecured),
    "a stale source": (["cnnlesson", "autograde", TWO], "generate_assignment", stale),
    "no gradebook": (["cnnlesson", "autograde", TWO], "the gradebook cannot be used", spoilt),
    "no nbgrader": (["python", "-c", MISSING_MODULE, "autograde", TWO], "this needs nbgrader"),
}


@pytest.mark.parametrize("what", CANNOT)
def test_what_keeps_a_class_from_being_graded_is_one_sentence(what, courses, commands, tmp_path):
    command, sentence, *changes = CANNOT[what]
    course = tmp_path / "course"
    shutil.copytree(courses[1], course, ignore=shutil.ignore_patterns("autograded", "feedback"))
    for change in changes:
        change(course)
    done = commands(course, *command)
    assert done.returncode == 1
    assert sentence in done.stdout
    assert "Traceback" not in done.stdout
    assert done.stdout.count("Error: ") == 1


# nbgrader's flags

STEPS = {
    "one notebook": ["--notebook=border"],
    "the rest": [],
    "some students": ["--student=ad*", "--force"],
    "without running": ["--no-execute", "--force"],
    "students that are added": ["--create", "--force"],
    "another gradebook": ["--db=sqlite:///other.db", "--force"],
}


def test_flags_mean_what_they_mean_to_nbgrader(courses, both):
    shutil.rmtree(courses[0] / "autograded", ignore_errors=True)
    shutil.rmtree(courses[1] / "autograded", ignore_errors=True)
    for course in courses:
        shutil.copy(course / "gradebook.db", course / "other.db")
    for step, flags in STEPS.items():
        done = both("autograde", TWO, *flags)
        book = "other.db" if step == "another gradebook" else "gradebook.db"
        theirs, ours = (
            state(course, f"sqlite:///{course}/{book}", each)
            for course, each in zip(courses, done, strict=True)
        )
        assert ours.rows == theirs.rows, step
        assert ours.autograded == theirs.autograded, step
        refused = step != "some students"
        assert (bool(theirs.status), bool(ours.status)) == (refused, refused), (step, ours.said)
        assert ("<b>" in ours.said) == refused
