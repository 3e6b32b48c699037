"""Watch what a submission's processes use together, which no limit of a single process bounds."""

import contextlib
import re
from pathlib import Path

import psutil


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


def _memory(process: psutil.Process) -> int:
    try:
        bytes_: int = process.memory_full_info().pss
    except psutil.AccessDenied:
        bytes_ = process.memory_info().rss  # larger, since what is shared counts in full
    except psutil.Error:
        return 0  # it has ended
    return bytes_


def _sockets(pid: int) -> int:
    """Count the sockets of a process's network, which is the submission's own."""
    with contextlib.suppress(OSError):
        found = re.search(r"sockets: used (\d+)", Path(f"/proc/{pid}/net/sockstat").read_text())
        return int(found[1]) if found else 0
    return 0
