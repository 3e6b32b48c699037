"""What is installed here, what is missing, what that would give, and how to get it.

This module imports only what every installation has, and all else where it looks for it.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cnnlesson import __version__

_EXTRAS = {
    "lab": "JupyterLab, in which students and lecturers work",
    "grading": "nbgrader and the feedback pages: grading, rosters, exports",
    "sandbox": "what the sandbox needs in Python, in which submissions run",
    "parallel": "`cnnlesson autograde` and `cnnlesson feedback`: a class in parallel",
    "postgres": "a gradebook in PostgreSQL",
    "hub": "`make hub`: a JupyterHub to try nbgrader's exchange on",
    "site": "the reference in `make site`",
    "npm": "`make site` and `make hub` where there is no npm",
    "test": "`make test`, for developers",
    "browser": "the tests of what a browser shows, for developers",
    "bench": "`make bench`: our convolution against PyTorch's, for developers",
    "dev": "`make check`: format, lint, spelling and types, for developers",
}
"""What the extras of the package give: first to those who teach."""

_NEEDED = ("grading", "sandbox")

_PACKAGES = {
    "bubblewrap": {"apt": "bubblewrap", "dnf": "bubblewrap"},
    "libseccomp": {"apt": "libseccomp2", "dnf": "libseccomp"},
    "Chromium": {"apt": "chromium", "dnf": "chromium", "brew": "--cask chromium"},
    "PostgreSQL client": {"apt": "postgresql-client", "dnf": "postgresql", "brew": "libpq"},
}
"""The names of programs' packages, by what installs them."""

_LINUX = "use Linux: a virtual machine, a JupyterHub, or WSL 2 on Windows"
_PATIENCE = 20  # seconds for a program to tell its version
_OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of what.
        state: "fine", "missing", "amiss" if it is there but wrong, or "absent" where nothing of it
            is needed here.
        found: what is there, such as a version, or what is wrong.
        gives: what it gives, or would give.
        get: how to get it on this system.
        needed: whether grading does not work without it.
    """

    name: str
    state: str
    found: str
    gives: str = ""
    get: str = ""
    needed: bool = False

    def sentence(self) -> str:
        """Say it in one line, the state first."""
        if self.state == "fine":
            return f"Fine: {self.name}, {self.found}."
        needed = ", and needed" if self.needed else ""
        begin = {"missing": f"Missing{needed}", "amiss": "Amiss"}.get(self.state, "Not here")
        told = [f"{begin}: {self.name}, {self.found}."]
        told += [f"It gives {self.gives}."] if self.gives else []
        verb = "mend" if self.state == "amiss" else "get"
        told += [f"To {verb} it: {self.get}."] if self.get else []
        return " ".join(told)


def examine(course_dir: Path) -> list[Finding]:
    """Look at everything.

    Args:
        course_dir: the folder where a course may be.
    """
    looks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _extras,
        _sandbox,
        _programs,
        lambda: _course(course_dir),
    )
    return [finding for look in looks for finding in look()]


def installer() -> str:
    """Return what installs programs on this system: "apt", "dnf" or "brew", or nothing."""
    known = ("brew",) if sys.platform == "darwin" else ("apt", "dnf", "brew")
    return next((name for name in known if shutil.which(name)), "")


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    old = sys.version_info < _OLDEST_PYTHON
    yield Finding(
        "Python",
        "missing" if old else "fine",
        version,
        gives="everything here, from 3.11 on",
        get="install a newer one",
        needed=True,
    )
    yield Finding("cnnlesson", "fine", __version__)


# --- Packages of Python --------------------------------------------------------------------------


def _extras() -> Iterator[Finding]:
    wanted = _requirements()
    for extra, gives in _EXTRAS.items():
        versions = {name: _version(name) for name in wanted.get(extra, [])}
        lacking = [name for name, version in versions.items() if not version]
        there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
        yield Finding(
            f"the extra {extra}",
            "missing" if lacking else "fine",
            f"without {', '.join(lacking)}" if lacking else there or "nothing needed here",
            gives,
            f"pip install 'cnnlesson[{extra}]'",
            extra in _NEEDED,
        )
    if version := _version("nbgrader"):
        yield from _nbgrader(version)


def _nbgrader(version: str) -> Iterator[Finding]:
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type] # slow, and not needed
    try:
        from cnnlesson.grading.guard import TESTED
    except ImportError:
        return  # what lacks has been said

    yield Finding(
        "a tested nbgrader",
        "fine" if version in TESTED else "missing",
        f"{version} is installed, and {' and '.join(TESTED)} are tested",
        "the guard against harmful submissions, which knows nbgrader's insides",
        f"pip install nbgrader=={TESTED[-1]}",
        needed=True,
    )


def _requirements() -> dict[str, list[str]]:
    """What each extra of the installed package brings to this system."""
    found: dict[str, list[str]] = {}
    try:
        listed = metadata.requires("cnnlesson") or []
    except metadata.PackageNotFoundError:  # a source tree that was never installed
        listed = []
    for requirement in listed:
        name = re.match(r"[\w.-]+", requirement)
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        elsewhere = re.search(r"sys_platform == ['\"](\w+)['\"]", requirement)
        if name and extra and (not elsewhere or elsewhere[1] == sys.platform):
            found.setdefault(extra[1], []).append(name[0])
    return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


# --- The sandbox ---------------------------------------------------------------------------------


def _sandbox() -> Iterator[Finding]:
    if sys.platform != "linux":
        yield Finding(
            "the sandbox", "missing", f"this is {sys.platform}", _GIVES_SANDBOX, _LINUX, needed=True
        )
        return
    yield _program("bubblewrap", "bwrap", "the sandbox's walls", needed=True)
    yield _seccomp()
    yield _landlock()
    yield _control_groups()
    yield _probe()


_GIVES_SANDBOX = "the grading of code that nobody vouches for"


def _seccomp() -> Finding:
    from cnnlesson.grading.sandbox import seccomp

    gives = "the filter of what submissions ask of the kernel"
    try:
        size = len(seccomp.program())
    except seccomp.NoSeccompError as error:
        return Finding("libseccomp", "missing", _of(error), gives, _how("libseccomp"), needed=True)
    return Finding("libseccomp", "fine", f"its filter has {size} bytes", gives, needed=True)


def _landlock() -> Finding:
    from cnnlesson.grading.sandbox.inside.confine import landlock_version

    version = landlock_version()
    return Finding(
        "Landlock",
        "fine" if version else "missing",
        f"version {version} of its interface" if version else "the kernel does not have it",
        "one more wall around files, and a sandbox that need not start anew for each submission",
        "run Linux 5.13 or newer with landlock among its security modules",
    )


def _control_groups() -> Finding:
    from cnnlesson.grading.sandbox.cgroups import delegated

    group = delegated()
    return Finding(
        "control groups",
        "fine" if group else "missing",
        "this process has one to divide" if group else "none is this process's to divide",
        "limits of memory and processes that the kernel keeps at once; without, a supervisor does",
        "start the grader by systemd-run --user --scope -p Delegate=yes",
    )


def _probe() -> Finding:
    """Run a cell in a real sandbox."""
    try:
        from cnnlesson.grading.sandbox import Sandbox, SandboxUnavailableError
    except ImportError as error:
        why, get = f"{error.name} is not installed", "pip install 'cnnlesson[grading,sandbox]'"
        return Finding("the sandbox", "missing", why, _GIVES_SANDBOX, get, needed=True)
    sandbox = Sandbox()
    try:
        sandbox.probe()
    except (SandboxUnavailableError, OSError) as error:
        return Finding("the sandbox", "missing", _of(error), _GIVES_SANDBOX, "see above", True)
    finally:
        sandbox.close()
    return Finding("the sandbox", "fine", "a cell ran in it, and was confined", needed=True)


# --- Programs ------------------------------------------------------------------------------------


def _programs() -> Iterator[Finding]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(shutil.which, names), names[0])
    yield _program("Chromium", found, "the tests of what a browser shows, for developers alone")
    yield _program(
        "PostgreSQL client", "psql", "a look into a gradebook in PostgreSQL, and its back-up"
    )


def _program(name: str, command: str, gives: str, *, needed: bool = False) -> Finding:
    path = shutil.which(command)
    if path is None:
        return Finding(name, "missing", f"no {command} on PATH", gives, _how(name), needed)
    try:
        told = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_PATIENCE, check=False
        ).stdout.strip()
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(name, "missing", f"{path} does not run: {error}", gives, _how(name), needed)
    version = re.search(r"\d+(\.\d+)+", told)
    return Finding(name, "fine", version[0] if version else f"{path}", gives, needed=needed)


def _how(name: str) -> str:
    """Say how a program is installed on this system."""
    tool = installer()
    packages = _PACKAGES[name]
    if tool in packages:
        sudo = "" if tool == "brew" or not hasattr(os, "getuid") or os.getuid() == 0 else "sudo "
        return f"{sudo}{tool} install {packages[tool]}"
    return f"install the package {' or '.join(dict.fromkeys(packages.values()))}"


# --- The course ----------------------------------------------------------------------------------


def _course(folder: Path) -> Iterator[Finding]:
    yield from _library(folder / "cnnlesson" / "__init__.py")
    if not (folder / "nbgrader_config.py").is_file():
        yield Finding("a course", "absent", f"{folder.resolve()} has no nbgrader_config.py")
        return
    if not _version("nbgrader"):
        yield Finding(
            "a course", "fine", "nbgrader_config.py is here; it takes nbgrader to read it"
        )
        return
    from cnnlesson.grading import examination

    with chdir(folder):
        for name, trouble, found, get, amiss in examination.of_course():
            state = "amiss" if amiss else "missing" if trouble or get else "fine"
            yield Finding(name, state, found, get=get, needed=trouble)


def _library(file: Path) -> Iterator[Finding]:
    """Whether the library that the course's folder brings along is the one that is installed."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if version := re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE):
        there = f"its folder brings {version[1]}, and {__version__} is installed"
        yield Finding(
            "the course's library",
            "fine" if version[1] == __version__ else "missing",
            there,
            "the questions and numbers that answers are graded by",
            f"pip install --editable {file.parents[1].resolve()}",
        )


def _of(error: BaseException) -> str:
    """What an error says, as a part of a sentence in one line."""
    return " ".join(str(error).split()).rstrip(".")
