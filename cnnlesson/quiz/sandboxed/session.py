"""Begin an assignment and show its questions, with the numbers that the course has laid out."""

from types import EllipsisType
from typing import Any

from cnnlesson import identity
from cnnlesson.quiz.cards import Card, unpack
from cnnlesson.quiz.sandboxed import desk
from cnnlesson.settings import near, shown

NOW, AFTER_GRADING = "now", "after-grading"

typed: str | None = None
"""The id that the student gave, normalised, if it is one: it may be another than the course's."""


def question(question_id: str) -> dict[str, Any]:
    """Return what is known of a question of this assignment.

    Raises:
        ValueError: if it has no such question, naming the nearest.
    """
    questions: dict[str, Any] = desk.material()["questions"]
    if isinstance(question_id, str) and question_id in questions:
        known: dict[str, Any] = questions[question_id]
        return known
    raise ValueError(
        f"there is no question {shown(question_id)} in this assignment; "
        f"{near(question_id, questions)}"
    )


def begin(assignment: str, student_id: str | EllipsisType = ..., *, tell: str = NOW) -> None:
    """Begin the assignment: its questions have the numbers of the student whom the course knows.

    Args:
        assignment: its id.
        student_id: what the student gave as an id; it is noted beside the answers.
        tell: when verdicts are told; while an assignment is graded, by the feedback.

    Raises:
        ValueError: if it is another assignment, or `tell` is none of the two.
    """
    global typed
    known = desk.material()
    if assignment not in known["titles"]:
        raise ValueError(
            f"{shown(assignment)} is not the assignment here; {near(assignment, known['titles'])}"
        )
    if tell not in (NOW, AFTER_GRADING):
        raise ValueError(f"tell must be {NOW!r} or {AFTER_GRADING!r}, not {shown(tell)}")
    try:
        typed = identity.normalised(student_id) if isinstance(student_id, str) else None
    except ValueError:
        typed = None
    print(f"{known['titles'][assignment]}: the questions of {known['student']}.")  # noqa: T201


def ask(question_id: str) -> Card:
    """Show a question: its prompt, its numbers and a figure.

    Args:
        question_id: which question, such as "number-of-parameters".

    Returns:
        The card; its `setup` holds the numbers by name.

    Raises:
        ValueError: if the assignment has no such question.
    """
    return unpack(question(question_id)["card"])


def practice(question_id: str, number: int = 0) -> None:
    """Leave a practice card out, since it is none of what is graded.

    Args:
        question_id: which question.
        number: which of its practice cards.
    """
    print(  # noqa: T201
        f"Practice card {number} of {shown(question_id)}: not shown while an assignment is graded."
    )
