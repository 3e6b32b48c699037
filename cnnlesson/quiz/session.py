"""Which assignment a notebook is, for whom, and what has been answered in it so far."""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from types import EllipsisType

from cnnlesson import identity
from cnnlesson.quiz import bank
from cnnlesson.settings import near, shown

NOW, AFTER_GRADING = "now", "after-grading"


@dataclass
class Session:
    """What `check` and `ask` need to know of the notebook they run in.

    Attributes:
        variant: which numbers its questions have.
        tell: "now", or "after-grading" for verdicts that the feedback brings.
        answers: the answers so far that had the right form, by the question's id.
    """

    variant: str = bank.LESSON
    tell: str = NOW
    answers: dict[str, object] = field(default_factory=dict)

    @property
    def tells_now(self) -> bool:
        """Whether a verdict is told at once; a grader always needs it."""
        return self.tell == NOW or os.environ.get("NBGRADER_EXECUTION") == "autograde"


_current = Session()


def current() -> Session:
    """Return the session of this notebook."""
    return _current


def variant(assignment: str, student: str) -> str:
    """Return the id of a student's numbers in an assignment, a public hash.

    Args:
        assignment: its id.
        student: the normalised id; empty for the sample that everyone sees who gives none.
    """
    return sha256(f"{assignment}/{student}".encode()).hexdigest()[:12]


def begin(assignment: str, student_id: str | EllipsisType = ..., *, tell: str = NOW) -> None:
    """Begin an assignment: choose the numbers that its questions have for this student.

    Args:
        assignment: its id, such as "parameter-sharing".
        student_id: the student's id; `...` for the one that a hub, or `cnnlesson start`, knows.
        tell: when `check` gives the verdict: "now", or "after-grading", where it only says that
            the form of an answer is right.

    Raises:
        ValueError: if there is no such assignment, the id cannot be one, or `tell` is neither.
    """
    global _current
    if assignment not in bank.ASSIGNMENTS:
        raise ValueError(
            f"there is no assignment {assignment!r}; {near(assignment, bank.ASSIGNMENTS)}"
        )
    if tell not in (NOW, AFTER_GRADING):
        raise ValueError(f"tell must be {NOW!r} or {AFTER_GRADING!r}, not {tell!r}")
    if not isinstance(student_id, str | EllipsisType):
        raise ValueError(f"student_id must be text, not {shown(student_id)}")
    student = identity.known_student(typed=None if student_id is ... else student_id)
    _current = Session(variant(assignment, student or ""), tell)
    title = bank.ASSIGNMENTS[assignment].title
    if student:
        print(f"{title}: the questions of {student}.")  # noqa: T201 - this is how it speaks
    else:
        print(  # noqa: T201
            f"{title}: a sample, since no student id is known yet.\n"
            "Fill in yours above and run both cells: your questions have numbers of their own."
        )
