"""Watch what a submission's processes use together, which no limit of a single process bounds.

The /proc that a submission sees shows its processes alone, so there is no need to search all those
of the machine, which would take the longer the busier it is.
"""

import contextlib
import re
from pathlib import Path


def use_of_all(first: int) -> tuple[int, int]:
    """Return what all processes of a submission use: bytes of memory, and sockets.

    A page that several of them share counts in shares.

    Args:
        first: the process id, as this process sees it, of the first one of its namespace.

    Raises:
        PermissionError: if it may not be looked at.
    """
    try:
        status = Path(f"/proc/{first}/status").read_text()
        inside = Path(f"/proc/{first}/root/proc")
        numbers = [entry for entry in inside.iterdir() if entry.name.isdigit()]
    except PermissionError:  # what cannot be watched must not go on
        raise
    except OSError:  # it has ended
        return 0, 0
    if not re.search(r"^NSpid:.*\s1$", status, re.M):  # another process has its number by now
        return 0, 0
    return sum(map(_memory, numbers)), _sockets(first)


def _memory(process: Path) -> int:
    """What a process has in memory, or had and can have swapped out as it likes."""
    try:
        return _kilobytes(process / "smaps_rollup", "Pss|Swap") * 1024
    except PermissionError:
        # It hides. What is for all to see is more, since what is shared counts in full.
        with contextlib.suppress(OSError):
            return _kilobytes(process / "status", "VmRSS|VmSwap") * 1024
    except OSError:
        pass  # it has ended
    return 0


def _kilobytes(file: Path, names: str) -> int:
    return sum(map(int, re.findall(rf"^(?:{names}):\s+(\d+)", file.read_text(), re.M)))


def _sockets(pid: int) -> int:
    """Count the sockets of a process's network, which is the submission's own."""
    with contextlib.suppress(OSError):
        found = re.search(r"sockets: used (\d+)", Path(f"/proc/{pid}/net/sockstat").read_text())
        return int(found[1]) if found else 0
    return 0
