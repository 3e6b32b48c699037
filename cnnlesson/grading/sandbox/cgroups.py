"""A control group for each submission, where systemd has given this process one to divide.

The kernel then keeps the limits itself, at once and for every kind of memory. The supervisor in
`watch` works besides, and alone where there is no such group. What may be done is told by
https://systemd.io/CGROUP_DELEGATION/, and the files by
https://docs.kernel.org/admin-guide/cgroup-v2.html.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = "grader"
_NEEDED = ("memory", "pids")
_PATIENCE = 5.0  # seconds that killed processes may take to be gone


def delegated(root: Path = _ROOT) -> Path | None:
    """Return the group that this process has been given to divide, if it has been given one.

    Args:
        root: where control groups of version 2 are mounted.
    """
    with contextlib.suppress(OSError, ValueError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        (path,) = (line[3:] for line in lines if line.startswith("0::"))
        group = root / path.lstrip("/")
        if group.name == _OWN:
            group = group.parent  # divided before
        has = (group / "cgroup.controllers").read_text().split()
        if set(_NEEDED) <= set(has) and os.getxattr(group, "user.delegate") == b"1":
            return group
    return None


def divide(group: Path, controllers: Iterable[str] = _NEEDED) -> None:
    """Move a group's processes into one below it, so that others can be made beside that.

    Args:
        group: a group that is this process's to divide.
        controllers: what is to be limited in the groups below it.

    Raises:
        OSError: if the kernel refuses.
    """
    own = group / _OWN
    own.mkdir(exist_ok=True)
    for process in (group / "cgroup.procs").read_text().split():
        (own / "cgroup.procs").write_text(process)
    for controller in controllers:
        (group / "cgroup.subtree_control").write_text(f"+{controller}")


@contextlib.contextmanager
def confined(group: Path, process: int, limits: Mapping[str, str]) -> Iterator[None]:
    """Keep a process, and all that it starts, within limits; at the end, none of them is left.

    Args:
        group: a group that was divided.
        process: the process's id.
        limits: files of a group and what to write into them, as `{"pids.max": "64"}`.

    Raises:
        OSError: if the kernel refuses.
    """
    inner = group / f"submission-{process}"
    inner.mkdir()
    try:
        for name, value in limits.items():
            (inner / name).write_text(value)
        (inner / "cgroup.procs").write_text(str(process))
        yield
    finally:
        (inner / "cgroup.kill").write_text("1")
        until = time.monotonic() + _PATIENCE
        while "populated 1" in (inner / "cgroup.events").read_text() and time.monotonic() < until:
            time.sleep(0.001)
        inner.rmdir()
