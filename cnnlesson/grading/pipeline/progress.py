"""Tell how far the work is: a bar on a terminal, plain lines elsewhere, and a log in JSON."""

import hmac
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from cnnlesson.grading.remarks import clean

_EVERY = 5.0  # seconds between two plain lines


@dataclass
class Outcome:
    """What became of an assignment's submissions.

    Attributes:
        done: with how many something was done.
        skipped: with how many it had been done before.
        left: how many were not reached, since the work was stopped.
        failed: why it could not be done, by student.
        changed: the scores that are not what they were, before and after, by student.
        backup: the copy of the gradebook from before, if one was made.
    """

    done: int = 0
    skipped: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    changed: dict[str, tuple[float, float]] = field(default_factory=dict)
    backup: Path | None = None


class Progress:
    """Counts what is done, and tells of it."""

    def __init__(self, total: int, what: str, stream: TextIO | None = None) -> None:
        """Begin to count.

        Args:
            total: how many there are.
            what: what they are, such as "submissions of padding".
            stream: where to tell; standard error unless given.
        """
        self.total, self.done, self.problems = total, 0, 0
        self._what = what
        self._stream = stream or sys.stderr
        self._began = self._told = time.monotonic()
        self._bar: Any = None
        self._row: Any = None

    @contextmanager
    def shown(self) -> Iterator["Progress"]:
        """Show it while the work goes on."""
        if not self._stream.isatty():
            self._line(f"{self.total} {self._what} to do")
            try:
                yield self
            finally:
                self._line(self._summary())
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[problems]}"),
        )
        with Bar(*columns, console=Console(file=self._stream)) as self._bar:
            self._row = self._bar.add_task(self._what, total=self.total, rate="", problems="")
            yield self
        self._bar = None

    def one(self, problem: str = "") -> None:
        """Count one that is done, or that could not be done, and say why."""
        self.done += 1
        if problem:
            self.problems += 1
            self.say(problem)
        if self._bar is not None:
            problems = f"{self.problems} with a problem" if self.problems else ""
            self._bar.update(
                self._row, completed=self.done, rate=f"{self._rate():.1f}/s", problems=problems
            )
        elif time.monotonic() - self._told > _EVERY and self.done < self.total:
            self._told = time.monotonic()
            left = (self.total - self.done) / self._rate()
            self._line(f"{self._summary()}, {_duration(left)} left")

    def say(self, sentence: str) -> None:
        """Say something in a line of its own, whatever names and errors of students are in it."""
        sentence = shown_in_a_line(sentence)
        if self._bar is not None:
            self._bar.console.print(sentence, markup=False, highlight=False, soft_wrap=True)
        else:
            self._line(sentence)

    def _summary(self) -> str:
        problems = f", {self.problems} with a problem" if self.problems else ""
        return f"{self.done} of {self.total}, {self._rate():.1f}/s{problems}"

    def _rate(self) -> float:
        return self.done / max(time.monotonic() - self._began, 0.001)

    def _line(self, sentence: str) -> None:
        print(sentence, file=self._stream, flush=True)


def shown_in_a_line(text: str) -> str:
    """Return text that does nothing to a terminal, and can be written to any file."""
    return " ".join(clean(text).split())


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


# --- The log -------------------------------------------------------------------------------------

Log = Callable[[str, Mapping[str, Any]], None]
"""Writes a line about a student."""


@contextmanager
def log_to(path: Path | None, secret: bytes, *, names: bool) -> Iterator[Log]:
    """Write what became of each submission into a file, as a JSON object on a line each.

    The last line tells what this process, the coordinator, has used of processor and memory.

    Args:
        path: of the file, which is added to, and readable for its owner alone; None for no log.
        secret: what pseudonyms are made with: in one course, a student always has the same.
        names: whether students' ids are written, rather than pseudonyms.
    """
    if path is None:
        yield lambda student, about: None
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8") as file:

        def put(told: Mapping[str, Any]) -> None:
            file.write(json.dumps({"time": round(time.time(), 3), **told}) + "\n")
            file.flush()

        def write(student: str, about: Mapping[str, Any]) -> None:
            put({"student": student if names else pseudonym(secret, student), **about})

        put({"began": True})
        try:
            yield write
        finally:
            from resource import RUSAGE_SELF, getrusage  # which Windows lacks

            used = getrusage(RUSAGE_SELF)
            seconds = round(used.ru_utime + used.ru_stime, 3)
            put({"ended": True, "cpu_seconds": seconds, "peak_kilobytes": used.ru_maxrss})


def pseudonym(secret: bytes, student: str) -> str:
    """Return what a student is called where ids are not to be told."""
    # Whose folder has a name that is no text has a pseudonym all the same.
    name = student.encode("utf-8", "surrogatepass")
    return hmac.new(secret, name, "sha256").hexdigest()[:12]
