"""Let only one process at a time grade a course."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from cnnlesson.grading.pipeline.problems import CannotGradeError

fcntl: ModuleType | None
try:
    import fcntl
except ImportError:  # on Windows, where nothing is graded in a sandbox
    fcntl = None

_FILE = ".grading-lock"


class CourseIsBusyError(CannotGradeError):
    """Another process grades this course; the message says which, as far as it can be known."""


@contextmanager
def only_one(course: Path) -> Iterator[None]:
    """Be the only process that grades a course; the system ends this with the process.

    Args:
        course: its folder.

    Raises:
        CourseIsBusyError: if there is another one.
    """
    if fcntl is None:
        yield
        return
    with (course / _FILE).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CourseIsBusyError(
                f"another process grades in {course}: {file.read().strip() or 'it just began'}. "
                "Wait until it is done, or end it: it loses nothing"
            ) from None
        file.truncate(0)
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        file.write(f"process {os.getpid()} on {socket.gethostname()}, since {now}\n")
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)
