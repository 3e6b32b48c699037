"""The command that starts the warm parent, in a file system of its own."""

import json
import os
import shutil
import site
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

HOME = "/home/student"
WORK = f"{HOME}/work"
DESK = f"{HOME}/desk"
"""Where a notebook runs, and where it finds what its library needs; see `Paper` in `bank`."""

_CODE, _LIBRARY, _PACKAGES = "/sandbox/code", "/sandbox/library", "/sandbox/packages"
_BEGIN = f"import sys; sys.path.insert(0, {_CODE!r}); from inside import warm; warm.main()"

_SYSTEM_FOLDERS = ("bin", "sbin", "lib", "lib32", "lib64")
_SYSTEM_FILES = ("ld.so.cache", "alternatives", "fonts", "localtime", "mime.types")

_OURS = ("cnnlesson", "nbgrader")
"""What no submission sees of the installed packages."""


class SandboxUnavailableError(RuntimeError):
    """There can be no sandbox here; the message names what is in the way, and the remedy."""


@dataclass(frozen=True)
class Parent:
    """A warm parent that has just been started.

    Attributes:
        process: of bubblewrap, which ends all that is inside when it ends.
        control: the socket that the parent listens on.
        log: what it says where something goes wrong.
    """

    process: subprocess.Popen[bytes]
    control: socket.socket
    log: IO[bytes]


def ordinary_uid() -> int:
    """Return the user id that submissions run under.

    An ordinary user's sandboxes have that user's id, in a user namespace that has no other. Root
    can do better: an id that nobody has, and that no other grader uses at the same time.
    """
    return os.getuid() or 1_500_000_000 + os.getpid()


def start(
    settings: Mapping[str, Any],
    library: Path | None,
    hidden: Iterable[Path],
    hidden_packages: Iterable[str],
) -> Parent:
    """Start a warm parent.

    Args:
        settings: what `warm.serve` needs; where things lie inside is added here.
        library: the folder of the students' library, readable for everyone.
        hidden: folders of the machine that must not be seen, such as the course's.
        hidden_packages: the names of more installed packages that submissions do not see.

    Raises:
        SandboxUnavailableError: if bubblewrap is not there.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        raise SandboxUnavailableError(
            "bubblewrap is not installed: install it (Debian and Ubuntu: apt install bubblewrap; "
            "Fedora: dnf install bubblewrap); it exists for Linux alone"
        )
    uid = ordinary_uid()
    packages = _packages()
    path = [f"{DESK}/library", *([_LIBRARY] if library else []), *packages.values()]
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    log = tempfile.TemporaryFile()  # noqa: SIM115 - stays open as long as the parent
    with theirs, _file(f"student:x:{uid}:{uid}::{HOME}:/bin/sh\n") as users:
        binds = [
            *_folders(_CODE, _LIBRARY, *packages.values(), "/etc", HOME, *_prefixes()),
            *_system(),
            *("--proc", "/proc", "--dev", "/dev", "--dir", "/tmp"),
            # The same to a reader; but mapped, /dev/zero is memory that nobody counts.
            *("--dev-bind", "/dev/full", "/dev/zero"),
            *("--perms", "0444", "--ro-bind-data", str(users.fileno()), "/etc/passwd"),
            *("--ro-bind", str(Path(__file__).parent / "inside"), f"{_CODE}/inside"),
            *(("--ro-bind", str(library), _LIBRARY) if library else ()),
            *(part for real, seen in packages.items() for part in ("--ro-bind", str(real), seen)),
            *_masks(packages, hidden, (*_OURS, *hidden_packages)),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"),
        ]
        inside = {**settings, "uid": uid, "path": path, "home": HOME, "work": WORK}
        python = [str(_python()), "-I", "-S", "-u", "-c", _BEGIN]
        process = subprocess.Popen(
            [bwrap, *_isolation(), *binds, "--", *python, str(theirs.fileno()), json.dumps(inside)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(theirs.fileno(), users.fileno()),
            env={},
        )
    return Parent(process, mine, log)


def _isolation() -> list[str]:
    """Namespaces and capabilities: the warm parent must make new namespaces, and nothing else."""
    capabilities = ["SYS_ADMIN", "SETPCAP"]
    if os.getuid() == 0:
        capabilities += ["SETUID", "SETGID", "KILL"]
        namespaces = [f"--unshare-{each}" for each in ("pid", "ipc", "net", "uts", "cgroup-try")]
    else:
        namespaces = ["--unshare-user", "--unshare-all"]
    return [
        *namespaces,
        *("--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"),
        *("--cap-drop", "ALL"),
        *(part for each in capabilities for part in ("--cap-add", f"CAP_{each}")),
    ]


def _system() -> Iterator[str]:
    """The system's programs and libraries, and the Python that nbgrader runs by."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _SYSTEM_FOLDERS:
        folder = Path("/", name)
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.is_dir():
            yield from ("--ro-bind", str(folder), str(folder))
    for name in _SYSTEM_FILES:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for prefix in _prefixes():
        yield from ("--ro-bind", str(prefix), str(prefix))


def _folders(*paths: str | Path) -> Iterator[str]:
    """Make folders, and those that they lie in, so that everybody can pass through them."""
    above = {folder for path in paths for folder in (Path(path), *Path(path).parents)}
    for folder in sorted(above - {Path("/")}):
        yield from ("--perms", "0755", "--dir", str(folder))


def _prefixes() -> set[Path]:
    """The folders of the Python that nbgrader runs by, apart from those of the system."""
    prefixes = {_python().parents[1], Path(sys.base_prefix).resolve()}
    return {prefix for prefix in prefixes if not prefix.is_relative_to("/usr")}


def _python() -> Path:
    """Return the interpreter itself, rather than an environment's link to it."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def _packages() -> dict[Path, str]:
    """Map the folders that installed packages are imported from, to where they are seen."""
    names = ("site-packages", "dist-packages")
    found = (Path(each) for each in sys.path if Path(each).name in names)
    folders = dict.fromkeys(each.resolve() for each in found if each.is_dir())
    return {folder: f"{_PACKAGES}/{place}" for place, folder in enumerate(folders)}


def _masks(
    packages: Mapping[Path, str], hidden: Iterable[Path], names: Sequence[str]
) -> Iterator[str]:
    """Lay something empty over what is in a folder that is seen, and must not be."""
    bases = {Path(each) for each in site.getsitepackages([sys.base_prefix])}
    visible = {Path(seen): real for real, seen in packages.items()}
    visible |= {base: base for base in bases if base.is_dir()}
    for seen, real in visible.items():
        for entry in sorted(real.iterdir()):
            plain = entry.name.lower().replace("-", "_")
            if any(name.lower().replace("-", "_") in plain for name in names):
                yield from _empty(seen / entry.name, entry.is_dir())
    # conda keeps other environments, and copies of all packages, below Python's own folder.
    hidden = [*hidden, *(prefix / name for prefix in _prefixes() for name in ("envs", "pkgs"))]
    prefixes = {Path("/usr"), *_prefixes()}
    for folder in hidden:
        real = folder.resolve()
        if real.is_dir() and any(real.is_relative_to(prefix) for prefix in prefixes):
            yield from _empty(real, True)


def _empty(path: Path, folder: bool) -> tuple[str, ...]:
    if folder:
        return ("--tmpfs", str(path), "--remount-ro", str(path))
    return ("--ro-bind", os.devnull, str(path))


def _file(text: str) -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(text.encode())
    file.seek(0)
    return file
