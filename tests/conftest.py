"""What the tests share: the real commands, and the course in a folder of its own."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import postgres
import pytest
from course import ROOT
from graded import Commands
from hypothesis import settings
from labs import browser, lab, notebook7, page, served_course  # noqa: F401 - fixtures for all tests
from users import USERS, User, ordinary_user

# No deadline, since other work slows a machine down; in CI, the same examples at every run.
settings.register_profile("cnnlesson", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("cnnlesson")

# Notebooks that fail on purpose, and those of other courses.
collect_ignore = ["attacks", "other_course", "sandbox", "submissions"]


@pytest.fixture(scope="session")
def clean_environment():
    """The variables of a terminal with nothing activated, bytecode cached, and no make running."""
    ours = ("PYTHONDONTWRITEBYTECODE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES")
    scripts = str(Path(sys.executable).parent)
    path = [entry for entry in os.environ["PATH"].split(os.pathsep) if entry != scripts]
    return {
        **{k: v for k, v in os.environ.items() if k not in ours},
        "PATH": os.pathsep.join(path),
    }


@pytest.fixture(scope="session")
def run(me):
    """Run a command of this environment by its full path, as one does who activated nothing."""
    return me.run


@pytest.fixture(scope="session")
def make_in_checkout(clean_environment):
    """Run make in the checkout, one at a time, since workers share it; return what it says."""

    def make(*arguments):
        with (ROOT / "Makefile").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            made = subprocess.run(
                ["make", *arguments],
                cwd=ROOT,
                env=clean_environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        assert made.returncode == 0, made.stdout
        return made.stdout

    return make


@pytest.fixture(scope="session")
def me(clean_environment, tmp_path_factory):
    """Whoever runs the tests."""
    scripts = Path(sys.executable).parent
    return User(os.getuid(), scripts, clean_environment, tmp_path_factory.mktemp("mine"))


@pytest.fixture(scope="session")
def somebody(clean_environment, open_folder):
    """An ordinary user, whom root can become."""
    return ordinary_user(open_folder, clean_environment)


@pytest.fixture(scope="module", params=USERS)
def user(request):
    """Each user whom a test is to be run for."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def commands(me, tmp_path_factory):
    """Run commands in courses; their temporary files are to go with them."""
    return Commands(me, tmp_path_factory.mktemp("temporary"))


@pytest.fixture(scope="session")
def postgresql():
    """A PostgreSQL server for the tests with the marker `postgres`."""
    with postgres.server() as running:
        yield running
