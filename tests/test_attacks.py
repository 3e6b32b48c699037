"""Hostile students among honest ones: the real commands give each what is deserved, and no more.

One class for each assignment: all attacks of `tests/attacks/`, and honest students before, between
and after them. Each class is graded by one `nbgrader autograde` and one `generate_feedback`, and
where root runs the tests, by an ordinary user too.
"""

import shutil
import subprocess
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
import pytest
from attacks import (
    CONV_LAYER,
    MARK,
    PAGE,
    PARAMETER_SHARING,
    PLAIN,
    SOURCES,
    Submission,
    attacks,
    points,
    with_table,
)
from attacks.elsewhere import ATTACKS as ELSEWHERE
from course import ROOT, copy_course
from nbgrader.api import Gradebook
from processes import become_subreaper
from sqlalchemy import create_engine, inspect, text
from users import User

pytestmark = [pytest.mark.attack, pytest.mark.sandbox, pytest.mark.nbgrader]

ATTACKS = attacks()
MB = 1024 * 1024
MOST_MEMORY = 400 * MB
TIMEOUT = 4
"""Seconds for a cell; the honest ones take milliseconds."""
TOTAL_TIMEOUT = 9
"""Seconds for a notebook."""
HONEST_AFTER = 5
"""How many hostile students come before the next honest one."""
OF_THE_COURSE = (
    "assignment",
    "notebook",
    "base_cell",
    "grade_cells",
    "solution_cells",
    "source_cell",
)
"""The tables of the gradebook that no submission may change."""


@dataclass(frozen=True)
class Class:
    """A graded class.

    Attributes:
        assignment: its name.
        user: who graded it.
        course: its folder.
        before: what the gradebook held before, by table.
        peak: the most memory that a command took, in bytes.
        said: what the commands said.
        temporary: the folder for temporary files that the commands had.
        left: the processes that they left behind.
        students: each student's id, with their attack, or none.
    """

    assignment: str
    user: User
    course: Path
    before: dict
    peak: int
    said: str
    temporary: Path
    left: list
    students: dict


@pytest.fixture(scope="module", params=[PARAMETER_SHARING, CONV_LAYER, PLAIN])
def released(request, run, tmp_path_factory):
    """A course with a release of one assignment, and nothing handed in."""
    course = copy_course(tmp_path_factory.mktemp(request.param))
    shutil.copytree(SOURCES[request.param] / request.param, course / "source" / request.param)
    run("nbgrader", "generate_assignment", request.param, cwd=course)
    return request.param, course


@pytest.fixture(scope="module")
def graded(released, user):
    """The class of that assignment, graded."""
    assignment, release = released
    folder = user.folder(assignment)
    course, temporary = folder / "course", folder / "temporary"
    shutil.copytree(release, course)
    temporary.mkdir()
    students = dict(_students(assignment))
    for student, attack in students.items():
        hand_in(student, attack, assignment, course / "submitted" / student / assignment)
    user.own(folder)
    before = rows(course)
    become_subreaper()
    others = set(psutil.Process().children(recursive=True))
    peaks, said = [], []
    environment = user.environment | {"TMPDIR": str(temporary)}
    limits = (f"--Execute.timeout={TIMEOUT}", f"--Sandbox.total_timeout={TOTAL_TIMEOUT}")
    for step in (["autograde", *limits], ["generate_feedback"]):
        command = user.command("nbgrader", step[0], assignment, *step[1:])
        peak, words = watched(command, course, environment)
        peaks.append(peak)
        said.append(words)
    children = psutil.Process().children(recursive=True)
    left = [each for each in children if each not in others and each.status() != "zombie"]
    return Class(
        *(assignment, user, course, before),
        *(max(peaks), "\n".join(said), temporary, left, students),
    )


def _students(assignment):
    """Each student's id, with an attack, or with none for an honest one."""
    number = count(1)
    chosen = [attack for attack in ATTACKS if attack.assignment == assignment]
    for place, attack in enumerate(chosen):
        if place % HONEST_AFTER == 0:
            yield f"{next(number):03}-honest", None
        yield f"{next(number):03}-{attack.name}", attack
    yield f"{next(number):03}-honest", None


def hand_in(student, attack, assignment, folder):
    folder.mkdir(parents=True)
    submission = Submission(student, assignment, folder)
    if attack:
        attack.change(submission)
    submission.hand_in()


def watched(command, course, environment):
    """Run a command; return the most memory that it itself took, and what it said."""
    with subprocess.Popen(
        command,
        cwd=course,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        peaks, ended = [0], threading.Event()

        def watch():
            while not ended.wait(0.05):
                peaks.append(peak_of(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        said, _ = process.communicate()
        ended.set()
        watcher.join()
    return max(peaks), said


def peak_of(pid):
    """The most memory that a process has taken so far, in bytes; 0 when it has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) * 1024 if found else 0


def rows(course):
    """What the gradebook holds of the course itself, by table."""
    engine = create_engine(f"sqlite:///{course}/gradebook.db")
    with engine.connect() as gradebook:
        found = {
            name: sorted(map(repr, gradebook.execute(text(f"select * from {name}"))))
            for name in inspect(engine).get_table_names()
            if name in OF_THE_COURSE
        }
    engine.dispose()
    return found


def test_each_student_earns_what_they_deserve(graded):
    known = points(graded.assignment)
    earned, deserved = {}, {}
    with Gradebook(f"sqlite:///{graded.course}/gradebook.db") as gradebook:
        for student, attack in graded.students.items():
            if attack and not attack.graded:
                continue
            (notebook,) = gradebook.find_submission(graded.assignment, student).notebooks
            scores = {grade.name: grade.score for grade in notebook.grades}
            earned[student] = {name: scores[name] for name in known}
            deserved[student] = {**known, **(attack.deserved if attack else {})}
    assert earned == deserved


def test_the_course_is_as_it_was(graded):
    assert graded.before.keys() == set(OF_THE_COURSE)
    assert rows(graded.course) == graded.before
    expected = {"nbgrader_config.py", "source", "release", "submitted", "autograded", "feedback"}
    expected |= {"gradebook.db", ".grading-secret", ".grading-lock"}
    assert {path.name for path in graded.course.iterdir()} <= expected
    assert {path.lstat().st_uid for path in graded.course.iterdir()} == {graded.user.uid}


def test_nothing_is_left_on_the_machine(graded):
    assert graded.left == []
    assert [*graded.temporary.iterdir()] == []
    places = ("/tmp", "/var/tmp", "/dev/shm", graded.user.environment["HOME"], "/")
    assert [path for place in places for path in Path(place).glob(f"*{MARK}*")] == []


def test_no_attack_costs_the_grader_memory(graded):
    assert 0 < graded.peak < MOST_MEMORY


def test_every_student_has_a_page(graded):
    for student, attack in graded.students.items():
        if attack and not attack.graded:
            continue
        (page,) = graded.course.glob(f"feedback/{student}/*/*.html")
        assert "HIDDEN" not in page.read_text("utf-8"), student


def test_what_cannot_be_graded_is_named(graded):
    refused = {
        student for student, attack in graded.students.items() if attack and not attack.graded
    }
    assert {student for student in refused if student in graded.said} == refused


def test_no_two_attacks_have_the_same_name_and_the_page_lists_them_all():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    page = PAGE.read_text("utf-8")
    assert page == with_table(page)  # or else: make attacks


@pytest.mark.parametrize("test", sorted({each.tested for each in ELSEWHERE}))
def test_an_attack_that_is_made_elsewhere_is_there(test):
    file, _, name = test.partition("::")
    assert f"\ndef {name}(" in (ROOT / "tests" / f"{file}.py").read_text("utf-8")
