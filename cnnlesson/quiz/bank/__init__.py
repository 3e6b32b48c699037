"""All questions and assignments, and the numbers that each student gets."""

from functools import lru_cache
from itertools import count
from typing import Any

from cnnlesson.quiz import diagnosis
from cnnlesson.quiz.bank import (
    building,
    conv_layer,
    dimensionality,
    equivariance,
    padding,
    parameter_sharing,
)
from cnnlesson.quiz.questions import Assignment, Question
from cnnlesson.quiz.setups import Draw, reserved
from cnnlesson.settings import near, shown

_ROOMS = (padding, dimensionality, parameter_sharing, conv_layer, equivariance)

QUESTIONS: dict[str, Question] = {q.id: q for room in (*_ROOMS, building) for q in room.QUESTIONS}
ASSIGNMENTS: dict[str, Assignment] = {room.ASSIGNMENT.id: room.ASSIGNMENT for room in _ROOMS}

LESSON = ""
"""The variant with the lesson's own numbers."""

PRACTICE = "practice"
"""What the variants of practice cards begin with; no graded question has their numbers."""


def find(question_id: str) -> Question:
    """Return a question by its id.

    Raises:
        ValueError: if there is none, naming the nearest.
    """
    if isinstance(question_id, str) and question_id in QUESTIONS:
        return QUESTIONS[question_id]
    raise ValueError(f"there is no question {shown(question_id)}; {near(question_id, QUESTIONS)}")


@lru_cache(maxsize=4096)
def setup(question: Question, variant: str) -> Any:
    """Return the numbers of a question in a variant: the same for the same variant, always.

    Args:
        question: the question; those with the same `numbers` share them.
        variant: `LESSON` for the lesson's own, "practice/..." for a card's, else any text.
    """
    numbers = question.numbers
    if variant == LESSON or numbers.draw is None:
        return numbers.lesson
    practice = variant.startswith(PRACTICE)
    for attempt in count():
        drawn = numbers.draw(Draw(f"{variant}/{numbers.id}/{attempt}"))
        if (
            drawn != numbers.lesson
            and reserved(drawn) == practice
            and _tells_apart(question, drawn)
        ):
            return drawn
    raise AssertionError("unreachable")


def _tells_apart(question: Question, drawn: Any) -> bool:
    """Whether the wrong answers to all questions with these numbers can be told apart."""
    return all(
        diagnosis.apart(each, drawn) >= min(each.tells_apart, len(each.misconceptions))
        for each in QUESTIONS.values()
        if each.numbers is question.numbers
    )
