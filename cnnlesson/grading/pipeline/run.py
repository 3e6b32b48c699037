"""One run of a command over a class, whatever it does with each of its students."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from cnnlesson.grading.intake import shown
from cnnlesson.grading.pipeline.course import Course, Found, Waiting
from cnnlesson.grading.pipeline.engine import Done, Task, Work, Workers
from cnnlesson.grading.pipeline.progress import Log, Outcome, Progress
from cnnlesson.grading.pipeline.staging import Staging
from cnnlesson.grading.pipeline.stopping import stop_if_asked

_Reads = TypeVar("_Reads", bound=Course)
_About = TypeVar("_About")


class Run(ABC, Generic[_Reads, _About]):
    """Has work done, writes down what comes of it, and counts.

    Attributes:
        does: what is done, as the log has it.
        failing: what is said of a student with whom it could not be done.
    """

    does: ClassVar[str]
    failing: ClassVar[str]

    def __init__(self, course: _Reads, log: Log) -> None:
        """Do nothing yet.

        Args:
            course: the course, with the assignment.
            log: told what became of each student's.
        """
        self._course, self._log = course, log
        self._staging = Staging(course.staging)
        self._outcome = Outcome()
        self._progress = Progress(0, "")

    @abstractmethod
    def _tasks(self, waiting: Sequence[Waiting]) -> Iterator[Task[_About]]:
        """Read what is to be worked on, one by one."""

    @abstractmethod
    def _finish(self, done: Done[_About]) -> None:
        """Write down what came of a task."""

    def _run(self, found: Found, what: str, workers: Workers, work: Work, common: bytes) -> None:
        """Do what waits, until it is done or somebody stops it.

        Args:
            found: what there is.
            what: what it is called, such as "submissions".
            workers: opens what does the work.
            work: what is done with each task.
            common: what all tasks need.
        """
        outcome, total = self._outcome, len(found.waiting) + len(found.refused)
        outcome.skipped = found.done
        self._progress = Progress(total, f"{what} of {self._course.name}")
        with self._progress.shown():
            for student, why in found.refused.items():
                self._fail(student, why)
            try:
                if found.waiting:
                    with workers(len(found.waiting)) as engine:
                        for done in engine.run(work, common, self._tasks(found.waiting)):
                            self._finish(done)
                            stop_if_asked()
            except KeyboardInterrupt:
                pass
            finally:
                self._staging.close()
        outcome.left = total - outcome.done - len(outcome.failed)

    def _succeed(self, student: str, seconds: Mapping[str, float], **told: int) -> None:
        """Count a student as done, and log how long each stage took, and what else is told."""
        rounded = {stage: round(each, 4) for stage, each in seconds.items()}
        self._log(student, {self.does: True, "seconds": rounded, **told})
        self._outcome.done += 1
        self._progress.one()

    def _fail(self, student: str, why: str) -> None:
        self._outcome.failed[student] = why
        self._log(student, {self.does: False, "why": _unnamed(why, student)})
        self._progress.one(f"{student} {self.failing}: {why}")


def _unnamed(why: str, student: str) -> str:
    """Say why without saying who, by the id as it is or as it is shown."""
    return re.sub(
        rf"{re.escape(shown(student))}|(?<!\w){re.escape(student)}(?!\w)", "the student", why
    )
