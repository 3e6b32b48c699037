"""Hand attacks in to stock nbgrader, in a sandbox around it, and print what becomes of them.

Run by hand, from `tests/`, whenever the version of nbgrader changes: `python -m attacks.stock`,
with the names of attacks for those alone. `Attack.stock` tells what it prints in a few words.
Each attack is graded in a course of its own, with an honest student after it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from course import ROOT
from nbgrader.api import Gradebook, MissingEntry

from attacks import SOURCES, Attack, Submission, attacks, points

CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE"}
c.Execute.timeout = 5
"""

MEMORY, PROCESSES, SECONDS = 6 << 30, 4000, 180
"""What stock nbgrader and the attack may use together."""


def outer(course: Path, *command: str) -> list[str]:
    """The command, where it reaches nothing but the course, and cannot use the machine up."""
    return [
        *("bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),
        *("--bind", str(course), "/tmp/course", "--chdir", "/tmp/course"),
        *("--ro-bind", str(ROOT), str(ROOT), "--setenv", "HOME", "/tmp"),
        *("--unshare-all", "--die-with-parent", "--new-session", "--"),
        *("prlimit", f"--as={MEMORY}", f"--nproc={PROCESSES}", "--fsize=1000000000"),
        *("timeout", "--signal=KILL", str(SECONDS)),
        *(f"{Path(sys.executable).parent}/nbgrader", *command),
    ]


def outcome(chosen: list[Attack], assignment: str) -> dict[str, str]:
    """What becomes of attacks on one assignment, graded together."""
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder)
        (course / "nbgrader_config.py").write_text(CONFIG)
        shutil.copytree(SOURCES[assignment] / assignment, course / "source" / assignment)
        students = {f"{place:03}-{each.name}": each for place, each in enumerate(chosen)}
        for student, attack in [*students.items(), ("999-honest", None)]:
            submitted = course / "submitted" / student / assignment
            submitted.mkdir(parents=True)
            submission = Submission(student, assignment, submitted)
            if attack:
                attack.change(submission)
            submission.hand_in()
        for step in ("generate_assignment", "autograde"):
            done = subprocess.run(
                outer(course, step, assignment), capture_output=True, text=True, errors="replace"
            )
            if step == "generate_assignment":
                assert done.returncode == 0, done.stderr
        said = (done.stderr.strip().splitlines() or [""])[-1][-120:]
        with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
            told = {each: scores(gradebook, each, assignment) for each in [*students, "999-honest"]}
    known = points(assignment)
    after = "" if told["999-honest"] == known else f"; the next student: {told['999-honest']}"
    return {
        attack.name: f"{compared(told[student], attack, known)}{after} [{said}]"
        for student, attack in students.items()
    }


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
        return "not graded, or nothing earned"
    differ = [
        f"{n}: {earned.get(n)} for {deserved[n]:g}" for n in known if earned.get(n) != deserved[n]
    ]
    return ", ".join(differ) or "as deserved"


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # for alembic
    wanted = [each for each in attacks() if each.name in sys.argv[1:] or not sys.argv[1:]]
    for attack in wanted:
        print(attack.name, "|", *outcome([attack], attack.assignment).values(), flush=True)  # noqa: T201
