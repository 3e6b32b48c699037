"""Folders for what a process needs while it runs.

They go when the process ends. One that is killed cannot see to that: then they go when the next is
made, which finds out by a lock that the system holds for as long as a process lives.
"""

import contextlib
import os
import shutil
import tempfile
from multiprocessing.util import Finalize  # heeded by workers, which atexit is not
from pathlib import Path
from types import ModuleType

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows, where a folder stays until somebody cleans up
    fcntl = None

_PREFIX = "cnngrad-"  # short, since sockets lie below, whose paths must not be long
_LAST = -1000  # behind what multiprocessing itself cleans up


def scratch_folder() -> Path:
    """Make a folder among the temporary files, for as long as this process runs."""
    remove_abandoned()
    # Under another name until it is locked, or else it would look abandoned.
    made = Path(tempfile.mkdtemp(prefix=f".{_PREFIX}"))
    if fcntl is not None:
        fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_EX)
    folder = made.rename(made.with_name(made.name.removeprefix(".")))
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=_LAST)
    return folder


def remove_abandoned() -> None:
    """Remove the folders that processes left which were killed."""
    if fcntl is None:
        return
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            found = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(found).st_uid == os.getuid():
                    fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(found)
