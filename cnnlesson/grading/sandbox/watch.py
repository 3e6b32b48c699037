"""Watch what a submission's processes use together, which no limit of a single process bounds."""

import contextlib
import re
from pathlib import Path
from typing import Any

try:
    import psutil
except ImportError:  # which a sandbox is refused for, in words; an import must not fail on it
    psutil = None


def first_child(keeper: int) -> int:
    """Return the id of the one process that another has started.

    Raises:
        ValueError: if there are none, or several.
        psutil.Error: if it has ended.
    """
    (child,) = psutil.Process(keeper).children()
    pid: int = child.pid
    return pid


def use_of_children(keeper: int) -> tuple[int, int]:
    """Return what all processes below one use: bytes of memory, and sockets.

    A page that several of them share counts in shares.

    Args:
        keeper: the process id of a submission's keeper, as this process sees it.
    """
    try:
        processes = psutil.Process(keeper).children(recursive=True)
    except psutil.Error:
        return 0, 0
    sockets = max((_sockets(each.pid) for each in processes[:1]), default=0)
    return sum(map(_memory, processes)), sockets


def _memory(process: Any) -> int:
    """What a process has in memory, or had and can have swapped out as it likes."""
    try:
        own = process.memory_full_info()
        return int(own.pss + own.swap)
    except psutil.AccessDenied:
        return _memory_for_all_to_see(process.pid)
    except psutil.Error:
        return 0  # it has ended


def _memory_for_all_to_see(pid: int) -> int:
    """The same of a process that hides; it is more, since what is shared counts in full."""
    with contextlib.suppress(OSError):
        status = Path(f"/proc/{pid}/status").read_text()
        return 1024 * sum(map(int, re.findall(r"^Vm(?:RSS|Swap):\s+(\d+)", status, re.M)))
    return 0


def _sockets(pid: int) -> int:
    """Count the sockets of a process's network, which is the submission's own."""
    with contextlib.suppress(OSError):
        found = re.search(r"sockets: used (\d+)", Path(f"/proc/{pid}/net/sockstat").read_text())
        return int(found[1]) if found else 0
    return 0
