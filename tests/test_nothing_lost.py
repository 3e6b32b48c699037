"""Whatever is killed while a class is graded, the next run goes on, and ends in the same grades.

The same holds for what stops by itself: Ctrl-C, a lost worker, and a PostgreSQL that restarts. Each
is held against one run that nothing disturbed.
"""

import json
import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from graded import files, released_course, rows, set_due_date, sqlite
from nbgrader.api import Gradebook
from pairs import some_students
from processes import Watch

from cnnlesson.grading.pipeline.records import Marks, Record, Records

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]

ASSIGNMENT = "parameter-sharing"
GRADE = ("cnnlesson", "autograde", ASSIGNMENT, "--names", "--log=log.jsonl")

DIES = """
import json, os, signal, sys
from pathlib import Path
from types import SimpleNamespace
from cnnlesson.cli import main
from cnnlesson.grading.pipeline import records, staging

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

rename = Path.rename
{moment}
main()
"""
"""The command, killed at a moment."""

MOMENTS = {
    "with files staged": "staging.json = SimpleNamespace(dumps=die, loads=json.loads)",
    "in the transaction": "records.Records._taken_off = die",
    "with rows written": "staging.Staging.place = die",
    "while that is mended": "staging.rmtree = die",
}
BETWEEN_OLD_AND_NEW = "Path.rename = lambda *way: (die if way[0].name == 'files' else rename)(*way)"


@pytest.fixture(scope="module")
def a_class():
    return some_students(ASSIGNMENT, 8, loops=0)


@pytest.fixture(scope="module")
def released(a_class, run, tmp_path_factory):
    """A course that is to be graded."""
    course = tmp_path_factory.mktemp("released") / "course"
    released_course(course, *a_class, run)
    set_due_date(sqlite(course), ASSIGNMENT)
    return course


@pytest.fixture(scope="module")
def graded_course(released, commands, tmp_path_factory):
    """The course, graded by a run that nothing disturbed."""
    course = tmp_path_factory.mktemp("undisturbed") / "course"
    shutil.copytree(released, course)
    done = commands(course, *GRADE)
    assert done.returncode == 0, done.stdout
    (course / "log.jsonl").unlink()
    return course


@pytest.fixture(scope="module")
def undisturbed(graded_course):
    """The rows and the files of that course."""
    return rows(sqlite(graded_course)), files(graded_course / "autograded")


@pytest.fixture
def course(released, tmp_path):
    return Path(shutil.copytree(released, tmp_path / "course"))


def graded_by(course):
    """The students whom the log says to be graded, as often as it says so."""
    log = course / "log.jsonl"
    lines = map(json.loads, log.read_text().splitlines()) if log.exists() else ()
    return [line["student"] for line in lines if line.get("graded")]


def in_place(course):
    """The students whose graded notebook is there."""
    return {path.parts[-3] for path in (course / "autograded").glob("*/*/*.ipynb")}


def wait_until(is_so, running, seconds=60):
    until = time.monotonic() + seconds
    while not is_so():
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.005)


def assert_all_is_as_ever(course, undisturbed, commands, db_url=None):
    expected_rows, expected_files = undisturbed
    assert rows(db_url or sqlite(course)) == expected_rows
    assert files(course / "autograded") == expected_files
    assert not (course / ".autograded-staged").exists()
    assert [*commands.temporary.iterdir()] == []


def dying(commands, course, moment, *arguments):
    script = DIES.format(moment=moment)
    done = commands(course, "python", "-c", script, *GRADE[1:], *arguments)
    assert done.returncode == -signal.SIGKILL, done.stdout


def test_a_killed_coordinator_loses_nothing_at_any_moment(course, undisturbed, commands, a_class):
    """One course goes from death to death; each run takes up what the one before left."""
    _, (first, *_) = students = a_class
    watch = Watch()
    for student, moment in zip(students[1], MOMENTS.values(), strict=False):
        dying(commands, course, moment, f"--student={student.student}")
    assert graded_by(course) == []  # each died before it could say so
    finished = commands(course, *GRADE)
    assert finished.returncode == 0, finished.stdout
    assert_all_is_as_ever(course, undisturbed, commands)
    dying(commands, course, BETWEEN_OLD_AND_NEW, f"--student={first.student}", "--force")
    assert first.student not in in_place(course)
    before = graded_by(course)
    assert commands(course, *GRADE).returncode == 0
    assert graded_by(course) == before  # it was put into place, not graded
    assert_all_is_as_ever(course, undisturbed, commands)
    assert watch.left() == []


def test_grades_without_files_and_files_without_grades_are_mended(
    graded_course, undisturbed, commands
):
    course = graded_course
    without_files, without_grades, *_ = sorted(in_place(course))
    shutil.rmtree(course / "autograded" / without_files)
    with Gradebook(sqlite(course)) as gradebook:
        gradebook.remove_submission(ASSIGNMENT, without_grades)
    done = commands(course, *GRADE)
    assert done.returncode == 0, done.stdout
    assert sorted(graded_by(course)) == [without_files, without_grades]
    assert_all_is_as_ever(course, undisturbed, commands)


def test_kills_at_random_lose_nothing(course, undisturbed, commands):
    """First of the coordinator, and then of a worker."""
    watch, chance = Watch(), random.Random(8)
    for _ in range(2):
        there, before = in_place(course), len(graded_by(course))
        running = commands.begin(course, *GRADE, "--workers=2")
        wait_until(lambda so_far=before: len(graded_by(course)) > so_far, running)
        time.sleep(chance.random() / 2)
        running.kill()
        running.communicate()
        assert watch.left() == []
        assert there.isdisjoint(graded_by(course)[before:])
    again = [*in_place(course)][:4]  # or nothing might be left for the workers
    for student in again:
        shutil.rmtree(course / "autograded" / student)
    before = len(graded_by(course))
    running = commands.begin(course, *GRADE, "--workers=2")
    wait_until(lambda: len(graded_by(course)) > before, running)
    workers_of(running)[0].kill()
    said, _ = running.communicate()
    assert running.returncode == 0, said
    for student, times in Counter(graded_by(course)).items():
        assert times <= 1 + (student in again), student
    assert watch.left() == []
    assert_all_is_as_ever(course, undisturbed, commands)


def workers_of(running):
    """The processes that have a sandbox."""
    found = []
    for each in psutil.Process(running.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            parent = each.parent()
            if parent and each.name() == "bwrap" != parent.name():
                found.append(parent)
    return found


def test_ctrl_c_stops_and_another_run_goes_on(course, undisturbed, commands):
    watch = Watch()
    last = max((course / "submitted").glob("*/*/*.ipynb"))
    handed_in = last.read_text(encoding="utf-8")
    last.write_text(with_a_loop(handed_in), encoding="utf-8")  # so that something is left
    running = commands.begin(course, *GRADE, "--workers=2")
    wait_until(lambda: graded_by(course), running)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, workers included
    said, _ = running.communicate()
    assert running.returncode == 130, said
    told = re.search(r"(\d+) graded; (\d+) left, which the same command goes on with\.", said)
    done, left = map(int, told.groups())
    assert done == len(graded_by(course)) > 0
    assert done + left == len(undisturbed[0]["submitted_assignment"])
    assert "Traceback" not in said
    assert watch.left() == []
    assert [*commands.temporary.iterdir()] == []
    last.write_text(handed_in, encoding="utf-8")
    assert commands(course, *GRADE).returncode == 0
    assert len(set(graded_by(course))) == len(graded_by(course))
    assert_all_is_as_ever(course, undisturbed, commands)


def test_a_record_is_through_only_if_all_of_it_is(course):
    with Gradebook(sqlite(course)) as gradebook:
        records = Records(gradebook, ASSIGNMENT, lambda *_: None)
        notebook = gradebook.find_notebook(ASSIGNMENT, ASSIGNMENT)
        grades = {cell.name: 1.0 for cell in notebook.grade_cells}
        (one, *_), answer = grades, notebook.solution_cells[0].name
        when = "2026-01-01T00:00:00"
        marks = Marks(grades, {answer: None}, for_person=(one,))
        record = Record("ada", when, {ASSIGNMENT: marks})
        assert not records.has(record)
        records.save(Record("ada", when, {ASSIGNMENT: replace(marks, for_person=())}))
        others = [
            record,
            Record("ada", "2026-01-02T00:00:00", {ASSIGNMENT: replace(marks, for_person=())}),
            Record("ada", when, {ASSIGNMENT: Marks({**grades, one: 0.5}, {answer: None})}),
            Record("ada", when, {ASSIGNMENT: Marks(grades, {answer: "No response."})}),
            Record("ada", when, {}, missing=(ASSIGNMENT,)),
        ]
        assert not any(map(records.has, others))
        for each in others:
            records.save(each)
            assert records.has(each)


def test_ctrl_c_before_anything_is_graded_is_one_sentence(course, commands):
    watch = Watch()
    running = commands.begin(course, *GRADE)
    wait_until(lambda: any("forkserver" in each for each in command_lines(running)), running)
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate()
    assert running.returncode == 130, said
    assert said == "Stopped before anything was done; the same command does it.\n"
    assert watch.left() == []
    assert [*commands.temporary.iterdir()] == []


def command_lines(process):
    """How the processes below one were begun."""
    return [" ".join(each.cmdline()) for each in psutil.Process(process.pid).children()]


def with_a_loop(notebook):
    """The notebook with an answer that computes for ever."""
    told = json.loads(notebook)
    code = (cell for cell in told["cells"] if cell["cell_type"] == "code")
    answer = next(cell for cell in code if cell["metadata"].get("nbgrader", {}).get("solution"))
    answer["source"] = "while True:\n    pass"
    return json.dumps(told)


def test_only_one_process_grades_a_course(course, commands):
    running = commands.begin(course, *GRADE)
    lock = course / ".grading-lock"
    wait_until(lambda: lock.exists() and lock.read_text(), running)
    running.send_signal(signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            rivals = (
                GRADE,
                ("cnnlesson", "feedback", ASSIGNMENT),
                ("nbgrader", "autograde", ASSIGNMENT),
            )
            for other in pool.map(lambda command: commands(course, *command), rivals):
                assert other.returncode == 1
                *_, said = other.stdout.splitlines()
                assert f"another process grades in {course}: process {running.pid} on " in said
                assert "Traceback" not in other.stdout
    finally:
        running.send_signal(signal.SIGCONT)
        os.killpg(running.pid, signal.SIGINT)
        running.communicate()


@pytest.mark.postgres
def test_a_postgresql_that_restarts_is_waited_for(
    released, undisturbed, commands, postgresql, tmp_path, run
):
    course = tmp_path / "course"
    course.mkdir()
    for part in ("source", "submitted"):
        shutil.copytree(released / part, course / part)
    shutil.copy2(released / ".grading-secret", course)
    db_url = postgresql.database("restarts")
    config = (released / "nbgrader_config.py").read_text()
    config += f"c.CourseDirectory.db_url = {db_url!r}\n"
    (course / "nbgrader_config.py").write_text(config)
    run("nbgrader", "generate_assignment", ASSIGNMENT, cwd=course)
    set_due_date(db_url, ASSIGNMENT)
    running = commands.begin(course, *GRADE)
    for mode in ("fast", "immediate"):
        before = len(graded_by(course))
        wait_until(lambda so_far=before: len(graded_by(course)) > so_far, running)
        postgresql.stop(mode)
        time.sleep(1)
        postgresql.start()
    said, _ = running.communicate()
    assert running.returncode == 0, said
    assert "the gradebook does not answer" in said
    assert len(set(graded_by(course))) == len(graded_by(course))
    assert_all_is_as_ever(course, undisturbed, commands, db_url)
