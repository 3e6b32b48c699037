"""All questions and assignments, and the numbers that each student gets."""

from collections.abc import Sequence
from functools import lru_cache
from pkgutil import iter_modules
from types import ModuleType
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


def _by_id(kind: str, found: Sequence[tuple[ModuleType, Any]]) -> dict[str, Any]:
    """Map ids to what has them; each comes with the module that it stands in.

    Raises:
        ValueError: if an id is taken twice, for one would silently take the other's place.
    """
    places: dict[str, str] = {}
    for room, each in found:
        if each.id in places:
            raise ValueError(
                f"two {kind}s are called {each.id!r}, in {places[each.id]} and in {room.__name__}: "
                "give the newer one another id"
            )
        places[each.id] = room.__name__
    return {each.id: each for _, each in found}


QUESTIONS: dict[str, Question] = _by_id(
    "question", [(room, each) for room in (*_ROOMS, building) for each in room.QUESTIONS]
)
ASSIGNMENTS: dict[str, Assignment] = _by_id(
    "assignment", [(room, room.ASSIGNMENT) for room in _ROOMS]
)

LESSON = ""
"""The variant with the lesson's own numbers."""

PRACTICE = "practice"
"""What the variants of practice cards begin with; no graded question has their numbers."""

_MOST_DRAWS = 500
"""How often numbers are drawn for a student; of thousands, none of the lesson's needed 100."""


def find(question_id: str) -> Question:
    """Return a question by its id.

    Raises:
        ValueError: if there is none, naming the nearest.
    """
    if isinstance(question_id, str) and question_id in QUESTIONS:
        return QUESTIONS[question_id]
    raise ValueError(f"there is no question {shown(question_id)}; {near(question_id, QUESTIONS)}")


def find_assignment(assignment_id: str) -> Assignment:
    """Return an assignment by its id.

    Raises:
        ValueError: if there is none, naming the nearest, or the module that is not made known.
    """
    if isinstance(assignment_id, str) and assignment_id in ASSIGNMENTS:
        return ASSIGNMENTS[assignment_id]
    what_to_do = near(assignment_id, ASSIGNMENTS)
    module = str(assignment_id).replace("-", "_")
    if module in {each.name for each in iter_modules(__path__)}:  # its author asks, and no student
        what_to_do = f"{module}.py is there, so make it known in {__file__}"
    raise ValueError(f"there is no assignment {shown(assignment_id)}; {what_to_do}")


@lru_cache(maxsize=4096)
def setup(question: Question, variant: str) -> Any:
    """Return the numbers of a question in a variant: the same for the same variant, always.

    Args:
        question: the question; those with the same `numbers` share them.
        variant: `LESSON` for the lesson's own, "practice/..." for a card's, else any text.

    Raises:
        ValueError: if no numbers can be drawn that are the student's own and tell wrong answers
            apart; it is the question that has to be mended.
    """
    numbers = question.numbers
    if variant == LESSON or numbers.draw is None:
        return numbers.lesson
    practice = variant.startswith(PRACTICE)
    others, alike = False, None
    for attempt in range(_MOST_DRAWS):
        drawn = numbers.draw(Draw(f"{variant}/{numbers.id}/{attempt}"))
        if drawn == numbers.lesson:
            continue
        others = True
        if reserved(drawn) == practice:
            if _tells_apart(question, drawn):
                return drawn
            alike = drawn
    why = _too_few(others, practice) if alike is None else _too_alike(question, alike)
    raise ValueError(
        f"{_MOST_DRAWS} draws brought no numbers that the question {question.id!r} can be asked "
        f"with: {why}"
    )


def _tells_apart(question: Question, drawn: Any) -> bool:
    """Whether the wrong answers to all questions with these numbers can be told apart."""
    return all(
        diagnosis.apart(each, drawn) >= _wanted(each)
        for each in QUESTIONS.values()
        if each.numbers is question.numbers
    )


def _wanted(question: Question) -> int:
    """How many of its wrong answers must differ."""
    return min(question.tells_apart, len(question.misconceptions))


def _too_few(others: bool, practice: bool) -> str:
    kept = "for graded questions" if practice else "for practice cards, as one in six is"
    which = f"or are kept {kept}" if others else "and nothing else was drawn"
    return (
        f"they are the lesson's own, {which}. Let the function that draws them (`draw` of "
        "`Numbers`) pick from more, or leave it out to give everyone the lesson's"
    )


def _too_alike(question: Question, drawn: Any) -> str:
    """Say which formulas coincide at numbers that were drawn."""
    told = [
        f"of {each.id!r}, {said}"
        for each in QUESTIONS.values()
        if each.numbers is question.numbers and diagnosis.apart(each, drawn) < _wanted(each)
        for said in diagnosis.coincidences(each, drawn)
    ]
    return (
        f"wrong answers cannot be told apart. At the last numbers, {drawn}: "
        f"{'; '.join(told)}. Change or leave out one of the formulas, or let `draw` avoid numbers "
        "at which they coincide"
    )
