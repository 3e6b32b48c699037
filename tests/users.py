"""Who grades in the tests: whoever runs them and, if that is root, an ordinary user besides.

Root can do more, and so hide a fault. An ordinary user cannot enter the folders of root, so they
get an environment of their own, as a class would be graded on a server: from the system's Python,
and not editable.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest
from course import ROOT

SOMEBODY = 12345
"""The id of a user that has no name here, no group, and nothing of their own."""

AS_SOMEBODY = pytest.param("somebody", marks=pytest.mark.somebody)
USERS = ["me", AS_SOMEBODY] if os.getuid() == 0 else ["me"]
"""Whom a test that grades is to be run for, by the names of their fixtures."""

SYSTEM_PYTHON = Path("/usr/bin/python3")
NEEDED = ("hypothesis", "matplotlib", "nbval", "pytest", "rfc3987")


@dataclass(frozen=True)
class User:
    """Somebody who runs commands.

    Attributes:
        uid: their id.
        scripts: the folder of their environment's commands.
        environment: their variables.
        place: a folder that they can enter, for folders of theirs.
    """

    uid: int
    scripts: Path
    environment: Mapping[str, str]
    place: Path

    def command(self, program, *arguments):
        """Return a command of their environment, by its full path as if nothing were activated."""
        ids = (f"--{each}={self.uid}" for each in ("reuid", "regid"))
        become = () if self.uid == os.getuid() else ("setpriv", *ids, "--clear-groups")
        return [*become, self.scripts / program, *map(str, arguments)]

    def begin(self, program, *arguments, cwd, as_group=False, **variables):
        """Begin a command; output and errors go together.

        Args:
            program: its name.
            arguments: for it.
            cwd: where.
            as_group: whether it gets a process group of its own, as from a terminal.
            variables: besides the usual ones.
        """
        return subprocess.Popen(
            self.command(program, *arguments),
            cwd=cwd,
            env={**self.environment, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=as_group,
        )

    def call(self, program, *arguments, **settings):
        """Run a command to its end, and return its status and what it said; see `begin`."""
        begun = self.begin(program, *arguments, **settings)
        said, _ = begun.communicate()
        return begun.returncode, said

    def run(self, program, *arguments, cwd, check=True):
        """Run a command to its end, and return what it said."""
        status, said = self.call(program, *arguments, cwd=cwd)
        assert not check or status == 0, said
        return said

    def folder(self, name):
        """Make a folder of theirs, which nobody else can enter."""
        folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.place))
        self.own(folder)
        return folder

    def own(self, folder):
        """Give them a folder with all that is in it, but not what links in it lead to."""
        if self.uid != os.getuid():
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.uid, follow_symlinks=False)


@cache
def lacks_for_somebody():
    """Say what root needs to become an ordinary user who can grade, if anything is missing."""
    lacking = [name for name in ("setpriv", "bwrap") if not shutil.which(name)]
    if lacking or not _uv():
        return f"needs {' and '.join(lacking or ['uv'])}"
    version = subprocess.run(
        [SYSTEM_PYTHON, "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    )
    return "" if version.returncode == 0 else "needs Debian's python3-venv, 3.11 or newer"


def ordinary_user(folder, variables):
    """Return an ordinary user, in a folder that everyone can enter.

    Args:
        folder: of this session of tests; its workers share the environment that one of them makes.
        variables: of whoever makes it.
    """
    environment, made = folder / "environment", folder / "made"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            _make(environment, variables)
            made.touch()
    place = Path(tempfile.mkdtemp(dir=folder))
    place.chmod(0o755)
    user = User(SOMEBODY, environment / "bin", {}, place)
    own = {"HOME": f"{user.folder('home')}", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    return replace(user, environment=own)


def _make(environment, variables):
    python = environment / "bin/python"
    install = [_uv(), "pip", "install", "--python", python, "--quiet", "--compile-bytecode"]
    constraints = ROOT / "constraints.txt"
    pinned = ["--constraint", constraints, "--build-constraint", constraints]
    for command in (
        [_uv(), "venv", "--quiet", "--clear", "--python", SYSTEM_PYTHON, environment],
        [*install, *pinned, f"{ROOT}[lab,grading,sandbox]", *NEEDED],
    ):
        subprocess.run(command, check=True, env=variables)


def _uv():
    return shutil.which("uv") or shutil.which("uv", path=Path(sys.executable).parent)
