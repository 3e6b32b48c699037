"""Read what a student gave as an answer, which may be anything."""

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cnnlesson.quiz.questions import Answer, Kind, Question
from cnnlesson.quiz.running import Results
from cnnlesson.quiz.taming import tamed
from cnnlesson.settings import shown


@dataclass(frozen=True)
class Misfit:
    """An answer that does not have the form asked for.

    Attributes:
        sentence: says so, and what form is.
        value: the answer as plain numbers as far as they can be read, since even so it may show
            where it comes from; None if they cannot.
    """

    sentence: str
    value: Answer = None


def read(question: Question, answer: object) -> Answer | Misfit:
    """Return an answer as plain ints, tuples or letters, or why it is none.

    Accepted is what is a whole number in mathematics: 14, 14.0 and 28/2, though not True; and a
    list, a tuple or a one-dimensional array of them; letters as one string or as several.
    """
    if question.kind is Kind.FUNCTION:
        if type(answer) is Results:
            return answer
        return Misfit(f"The answer is a function, not {shown(tamed(answer))}.")
    if question.kind in (Kind.CHOICE, Kind.SEVERAL):
        return _letters(question, answer)
    tame = tamed(answer)
    if question.kind is Kind.DESIGN and question.fails is not None:
        value = _nested(tame)
    else:
        value = _nested(tame) if len(question.names) > 1 else _number(tame)
    form = f"The answer is {question.form}, not {shown(tame)}."
    if value is None:
        return Misfit(form)
    expected = len(question.names)
    if expected > 1 and (not isinstance(value, tuple) or len(value) != expected):
        return Misfit(form, value)
    if not _all_whole(value):
        return Misfit(form, value)
    return value


def _number(answer: object) -> int | Fraction | None:
    """Read a number; a float that is the nearest to a simple fraction is that fraction."""
    if isinstance(answer, bool):
        return None
    if isinstance(answer, float) and math.isfinite(answer):
        exact = Fraction(answer)
        simple = exact.limit_denominator(1000)
        near = simple if math.isclose(simple, answer, rel_tol=1e-12) else exact
        return near.numerator if near.denominator == 1 else near
    if isinstance(answer, int | Fraction):
        return answer.numerator if answer.denominator == 1 else answer
    return None


def _nested(answer: object, depth: int = 3) -> Answer:
    """Read a number, or tuples and lists of them."""
    if not isinstance(answer, tuple | list):
        return _number(answer)
    if depth == 0:
        return None
    parts = tuple(_nested(part, depth - 1) for part in answer)
    return None if None in parts else parts


def _all_whole(value: Answer) -> bool:
    if isinstance(value, tuple):
        return all(map(_all_whole, value))
    return isinstance(value, int)


def _letters(question: Question, answer: object) -> Any:
    """Read the letters of choices, as a frozenset where there may be several."""
    several = question.kind is Kind.SEVERAL
    given = tame = tamed(answer)
    if isinstance(given, str):
        text = given.strip().lower()
        given = [c for c in text if c not in " ,;"] if several else [text.strip("().")]
    elif not isinstance(given, list | tuple | frozenset):
        given = []
    letters = {each.strip().lower() if isinstance(each, str) else None for each in given}
    if not letters or not letters <= question.choices.keys() or (not several and len(letters) > 1):
        return Misfit(f"The answer is {question.form}, not {shown(tame)}.")
    return frozenset(letters) if several else letters.pop()
