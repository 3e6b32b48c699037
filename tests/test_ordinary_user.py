"""The sandbox, and nbgrader in it, run by an ordinary user: root can do more, and so hide a fault.

An ordinary user cannot enter the folders of root, so they get an environment of their own, as a
class would be graded on a server: from the system's Python, and not editable.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from course import ROOT, copy_course
from nbgrader.api import Gradebook

pytestmark = [pytest.mark.sandbox, pytest.mark.nbgrader]

SOMEBODY = 12345
"""The id of a user that has no name here, no group, and nothing of their own."""

SYSTEM_PYTHON = Path("/usr/bin/python3")
NEEDED = ("matplotlib", "nbval", "pytest", "hypothesis")
ASSIGNMENT = "parameter-sharing"
EARNED = {"all-right": 15, "blank": 0, "loops-for-ever": 14}


def uv():
    return shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)


def missing():
    if os.getuid() != 0:
        return "needs root, to become another user; all else runs as an ordinary one already"
    lacking = [name for name in ("setpriv", "bwrap") if not shutil.which(name)]
    if lacking or not uv():
        return f"needs {' and '.join(lacking or ['uv'])}"
    version = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    )
    return "" if version.returncode == 0 else "needs Debian's python3-venv, 3.11 or newer"


@pytest.fixture(scope="module")
def as_somebody(clean_environment):
    """Run a command as that user, in a folder with the tests and an environment they can read."""
    if why := missing():
        pytest.skip(why)
    # Not pytest's own folder, which is for root's eyes alone.
    with tempfile.TemporaryDirectory(prefix="cnnlesson-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = folder / "environment/bin/python"
        install = [uv(), "pip", "install", "--python", python, "--quiet", "--compile-bytecode"]
        constraints = ("--constraint", ROOT / "constraints.txt")
        ours = f"{ROOT}[lab,grading,sandbox]"
        for command in (
            [uv(), "venv", "--quiet", "--python", SYSTEM_PYTHON, folder / "environment"],
            [*install, *constraints, "--build-constraint", ROOT / "constraints.txt", ours, *NEEDED],
        ):
            subprocess.run(command, check=True, env=clean_environment)
        home = folder / "home"
        home.mkdir()
        copy_course(home, "source", "tests", "conftest.py", "pyproject.toml")
        for path in (home, *home.rglob("*")):
            os.chown(path, SOMEBODY, SOMEBODY)

        def run(program, *arguments):
            user = [f"--{each}={SOMEBODY}" for each in ("reuid", "regid")]
            done = subprocess.run(
                ["setpriv", *user, "--clear-groups", python.parent / program, *arguments],
                cwd=home,
                env={
                    "HOME": str(home),
                    "PATH": f"{python.parent}:/usr/bin:/bin",
                    "LANG": "C.UTF-8",
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
            assert done.returncode == 0, done.stdout
            return done.stdout

        run.home = home
        yield run


def test_the_sandbox_holds_for_an_ordinary_user(as_somebody):
    said = as_somebody("pytest", "-q", "-p", "no:cacheprovider", "tests/test_sandbox.py")
    assert " passed" in said
    assert "skipped" not in said


def test_an_ordinary_user_grades_a_class(as_somebody):
    course = as_somebody.home
    for student in EARNED:
        shutil.copytree(course / "tests/submissions" / student, course / "submitted" / student)
    for path in (course / "submitted", *(course / "submitted").rglob("*")):
        os.chown(path, SOMEBODY, SOMEBODY)
    for step in ("generate_assignment", "autograde"):
        as_somebody("nbgrader", step, ASSIGNMENT)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submissions = gradebook.assignment_submissions(ASSIGNMENT)
        assert {each.student.id: each.score for each in submissions} == EARNED
    assert (course / ".grading-secret").stat().st_uid == SOMEBODY
