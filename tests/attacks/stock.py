"""Hand attacks in to stock nbgrader, in a sandbox around it, and print what becomes of them.

Run by hand, from `tests/`, whenever the version of nbgrader changes: `python -m attacks.stock`,
with the names of attacks for those alone. `Attack.stock` tells what it prints in a few words.
Each attack is graded in a course of its own, with an honest student after it.

What stands around nbgrader keeps the machine: no network, a user whom nobody else is (root's
processes are never too many), little to write on, and a watch that ends all of it in time.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from stat import S_IFLNK

import numpy
import psutil
from course import ROOT
from nbgrader.api import Gradebook, MissingEntry
from test_archives import nested, zipped

from attacks import PLAIN, SOURCES, Attack, Change, Submission, attacks, points

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.Execute.timeout = 5
c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>[^/]+)_(?P<file_id>[^/_]+)"
"""

HONEST = "999-honest"
MB = 1 << 20
MEMORY, FILES, PROCESSES, SECONDS = 2048 * MB, 256 * MB, 200, 120
"""What stock nbgrader and the attack may use together; files are those in each tmpfs."""

NOBODY = os.getuid() or 1_400_000_000 + os.getpid()
"""The user that all of it runs as, whom no other process is."""

_RAISED = re.compile(r"[\w.]*(Error|Exception|Died|Exit|Interrupt)\b")

AND_THEN = """
"$@"; code=$?
for each in /proc/[0-9]*; do
    test "${each#/proc/}" -gt 2 && test "${each#/proc/}" != $$ && echo "LEFT $(cat $each/comm)"
done
exit $code
"""
"""Runs a command, and names the processes that it left."""


@dataclass
class Run:
    """What a command of stock nbgrader did.

    Attributes:
        code: how it ended.
        said: the last error that it named, or its last line.
        seconds: how long it took.
        grader: the most memory of its own process, in bytes.
        all: the most memory of all its processes, and of what is in no process, in bytes.
        processes: the most that there were at a time.
        left: the processes that outlived it.
        ended: why the watch ended it, if it did.
    """

    code: int = 0
    said: str = ""
    seconds: float = 0
    grader: int = 0
    all: int = 0
    processes: int = 0
    left: tuple[str, ...] = ()
    ended: str = ""

    def __str__(self) -> str:
        told = [
            f"code {self.code}, {self.seconds:.0f} s, grader {self.grader // MB} MB, "
            f"all {self.all // MB} MB, {self.processes} processes"
        ]
        told += [f"left {len(self.left)}: {' '.join(self.left[:5])}"] if self.left else []
        told += [f"ENDED: {self.ended}"] if self.ended else []
        return "; ".join([*told, f"[{self.said}]"])


def outer(course: Path, *command: str) -> list[str]:
    """The command, where it reaches nothing but the course, and cannot use the machine up."""
    return [*_walls(course), "sh", "-c", AND_THEN, "sh", *command]


def _walls(course: Path) -> Iterator[str]:
    mine = ("/tmp", "/var/tmp", "/run", "/dev/shm", str(Path.home()))
    yield from ("bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
    for each in mine:
        yield from ("--perms", "0777", "--size", str(FILES), "--tmpfs", each)
    needed = {Path(each).resolve() for each in (sys.base_prefix, sys.prefix, ROOT)}
    above = {folder for each in (*needed, course) for folder in each.parents}
    for folder in sorted(above - {Path("/")}):
        yield from ("--perms", "0755", "--dir", str(folder))
    for each in needed:
        yield from ("--ro-bind", str(each), str(each))
    yield from ("--bind", str(own_numpy()), str(Path(numpy.__file__).parent))
    yield from ("--bind", str(course), str(course), "--chdir", str(course))
    for folder in ("HOME", "TMPDIR"):
        yield from ("--setenv", folder, "/tmp")
    yield from ("--unshare-ipc", "--unshare-pid", "--unshare-net")
    yield from ("--unshare-uts", "--die-with-parent", "--new-session", "--")
    if os.getuid() == 0:
        yield from ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        yield from ("--bounding-set=-all", "--inh-caps=-all", "--")
    yield from ("prlimit", f"--as={4 * MEMORY}", f"--nproc={PROCESSES}", f"--fsize={FILES}")
    yield from ("--nofile=4096", "--core=0", "--cpu=60", "--")


def watched(course: Path, *command: str) -> Run:
    """Run a command in its walls, and end it where it takes too much."""
    run, began, before = Run(), time.monotonic(), _memory_in_files()
    with tempfile.TemporaryFile() as log:
        process = psutil.Popen(
            outer(course, *command), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        while process.poll() is None:
            _look(process, run, before)
            run.seconds = time.monotonic() - began
            if run.all > MEMORY:
                run.ended = f"all processes took {run.all // MB} MB"
            elif run.seconds > SECONDS:
                run.ended = f"it took {SECONDS} s"
            if run.ended:
                process.kill()
            time.sleep(0.03)
        run.code = process.wait()
        size = log.seek(0, os.SEEK_END)
        log.seek(max(0, size - 100_000))
        lines = log.read().decode(errors="replace").strip().splitlines()
    run.left = tuple(line[5:] for line in lines if line.startswith("LEFT "))
    run.said = ([line for line in lines if _RAISED.match(line)] or lines or [""])[-1][:150]
    return run


def _look(process: psutil.Process, run: Run, before: int) -> None:
    found = process.children(recursive=True)
    total = _memory_in_files() - before
    for each in found:
        with suppress(psutil.Error):
            memory = each.memory_info()
            total += memory.rss - memory.shared
            if "nbgrader" in " ".join(each.cmdline()[:2]) and each.name() != "sh":
                run.grader = max(run.grader, memory.rss)
    run.all, run.processes = max(run.all, total), max(run.processes, len(found))


def _memory_in_files() -> int:
    """What is in memory and belongs to no process: files of a tmpfs, and shared memory."""
    lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    found = dict(line.replace(":", "").split()[:2] for line in lines)
    return int(found["Shmem"]) * 1024


@cache
def generated(assignment: str) -> Path:
    """A course with an assignment and nobody in it."""
    course = _for_now()
    (course / "nbgrader_config.py").write_text(CONFIG)
    shutil.copytree(SOURCES[assignment] / assignment, course / "source" / assignment)
    _give_away(course)
    done = watched(course, nbgrader(), "generate_assignment", assignment)
    assert done.code == 0, done
    return course


def _for_now() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="stock-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def own_numpy() -> Path:
    """A package that the user owns who grades, as most own their whole environment."""
    folder = _for_now()
    shutil.copytree(Path(numpy.__file__).parent, folder / "numpy")
    _give_away(folder)
    return folder / "numpy"


def nbgrader() -> str:
    """The command of this environment."""
    return str(Path(sys.executable).parent / "nbgrader")


def _give_away(course: Path) -> None:
    for path in (course, *course.rglob("*")):
        os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def outcome(attack: Attack) -> str:
    """What becomes of an attack, and of the honest student after it."""
    assignment = attack.assignment
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        course = Path(folder, "course")
        shutil.copytree(generated(assignment), course)
        hand_in(course, assignment, HONEST)
        if attack.name.startswith("linked-"):
            hand_in(course, assignment, "001-honest")
        student = hand_in(course, assignment, f"001-{attack.name}", attack.change)
        _give_away(course)
        before = {path.name: path.read_bytes() for path in course.glob("*.py")}
        ran = [watched(course, nbgrader(), "autograde", assignment)]
        if attack.kind == "text that is slow to show":
            ran.append(watched(course, nbgrader(), "generate_feedback", assignment))
        told = {}
        with suppress(Exception), Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            told = {each: scores(gradebook, each, assignment) for each in (student, HONEST)}
        after = {path.name: path.read_bytes() for path in course.glob("*.py")}
    known = points(assignment)
    words = [compared(told.get(student, {}), attack, known)]
    if told.get(HONEST) != known:
        words.append(f"THE NEXT STUDENT: {told.get(HONEST)}")
    words += ["CONFIGURATION CHANGED"] if after != before else []
    return "; ".join([*words, *map(str, ran)])


def collected(archives: Mapping[str, bytes]) -> str:
    """What becomes of archives by their names, which `zip_collect` finds."""
    with tempfile.TemporaryDirectory(prefix="stock-") as folder:
        course = Path(folder, "course")
        shutil.copytree(generated(PLAIN), course)
        found = course / "downloaded" / PLAIN / "archive"
        found.mkdir(parents=True)
        for name, content in archives.items():
            (found / name).write_bytes(content)
        _give_away(course)
        before = {*course.rglob("*")}
        ran = watched(course, nbgrader(), "zip_collect", PLAIN)
        new = [path for path in {*course.rglob("*")} - before if not path.is_dir()]
    listed = sorted(str(path.relative_to(course)) for path in new)
    return f"{len(listed)} new files: {listed[:6]}; {ran}"


def _archives() -> Iterator[tuple[str, Mapping[str, bytes]]]:
    good = {f"ada_{PLAIN}.ipynb": b"{}"}
    honest = {"zoe.zip": zipped({f"zoe_{PLAIN}.ipynb": b"{}"})}
    yield "outside", honest | {"eve.zip": zipped({"../../../escaped": b"x"} | good)}
    yield "link", honest | {"eve.zip": zipped({"ada_x": b"/etc/passwd"}, mode=S_IFLNK | 0o777)}
    yield "grows", honest | {"eve.zip": zipped({"a": bytes(200_000_000), "b": bytes(200_000_000)})}
    yield "nested", honest | {"eve.zip": nested(12)}
    yield "twice", {"ada.zip": zipped(good), "eve.zip": zipped(good)} | honest
    yield "broken", {"ada.zip": zipped(good)[:-30]} | honest


def hand_in(course: Path, assignment: str, student: str, change: Change | None = None) -> str:
    """Hand in a submission, and return the id that it has come to have."""
    submitted = course / "submitted" / student / assignment
    submitted.mkdir(parents=True)
    submission = Submission(student, assignment, submitted)
    if change:
        change(submission)
    submission.hand_in()
    return submission.folder.parent.name


def scores(gradebook: Gradebook, student: str, assignment: str) -> dict[str, float]:
    """The points of a student's cells; none if they were not graded."""
    try:
        notebooks = gradebook.find_submission(assignment, student).notebooks
    except MissingEntry:
        return {}
    found = {grade.name: grade.score for notebook in notebooks for grade in notebook.grades}
    return {name: score for name, score in found.items() if name in points(assignment)}


def compared(earned: dict[str, float], attack: Attack, known: dict[str, float]) -> str:
    """What was earned beside what was deserved, where they differ."""
    deserved = {**known, **attack.deserved}
    if not earned or not any(earned.values()):
        return f"not graded, or nothing earned: {earned}"
    differ = [
        f"{n}: {earned.get(n)} for {deserved[n]:g}" for n in known if earned.get(n) != deserved[n]
    ]
    return ", ".join(differ) or "as deserved"


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # for alembic
    for attack in attacks():
        if attack.name in sys.argv[1:] or not sys.argv[1:]:
            print(attack.name, "|", outcome(attack), flush=True)  # noqa: T201
    for name, archives in _archives():
        if f"archive-{name}" in sys.argv[1:] or not sys.argv[1:]:
            print(f"archive-{name}", "|", collected(archives), flush=True)  # noqa: T201
