"""Which assignment a notebook is, for whom, and what has been answered in it so far."""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from types import EllipsisType

from cnnlesson import identity
from cnnlesson.quiz import bank
from cnnlesson.settings import shown

NOW, AFTER_GRADING = "now", "after-grading"


@dataclass
class Session:
    """What `check` and `ask` need to know of the notebook they run in.

    Attributes:
        variant: which numbers its questions have.
        tell: "now", or "after-grading" for verdicts that the feedback brings.
        answers: the answers so far that had the right form, by the question's id.
        right: those of them that were right.
        begun: whether `begin` was called.
    """

    variant: str = bank.LESSON
    tell: str = NOW
    answers: dict[str, object] = field(default_factory=dict)
    right: set[str] = field(default_factory=set)
    begun: bool = True

    @property
    def tells_now(self) -> bool:
        """Whether a verdict is told at once; a grader always needs it."""
        return self.tell == NOW or os.environ.get("NBGRADER_EXECUTION") == "autograde"


_current = Session(begun=False)


def current(question_id: str = "") -> Session:
    """Return the session of this notebook.

    Where a grader says whose notebook it runs, that student's questions do not depend on a `begin`
    that the student's own cells may have kept from working.

    Args:
        question_id: what the session is wanted for.
    """
    global _current
    if not _current.begun and os.environ.get(identity.GIVEN):
        for assignment in bank.ASSIGNMENTS.values():
            if question_id in assignment.questions:
                _current = Session(variant(assignment.id, identity.known_student() or ""))
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
    title = bank.find_assignment(assignment).title
    if tell not in (NOW, AFTER_GRADING):
        raise ValueError(f"tell must be {NOW!r} or {AFTER_GRADING!r}, not {tell!r}")
    typed = None if isinstance(student_id, EllipsisType) else student_id
    if not isinstance(typed, str | None) and not os.environ.get(identity.GIVEN):
        raise ValueError(f"student_id must be text, not {shown(student_id)}")
    student = identity.known_student(typed=typed)
    own = variant(assignment, student or "")
    if own == _current.variant:
        _current.tell = tell  # whoever runs the cell again has answered what is answered
    else:
        _current = Session(own, tell)
    if student:
        print(f"{title}: the questions of {student}.")  # noqa: T201 - this is how it speaks
    else:
        print(  # noqa: T201
            f"{title}: a sample, since no student id is known yet.\n"
            "Fill in yours above and run both cells: your questions have numbers of their own."
        )
