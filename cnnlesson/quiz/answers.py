"""Read what a student gave as an answer, which may be anything."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational
from typing import Any

from cnnlesson.quiz.functions import Results
from cnnlesson.quiz.questions import Answer, Kind, Question
from cnnlesson.settings import shown

_LONGEST = 1000
"""How many numbers are looked at; no answer is nearly as long."""


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
    answer = without_numpy(answer)
    if question.kind is Kind.FUNCTION:
        if isinstance(answer, Results):
            return answer
        return Misfit(f"The answer is a function, not {shown(answer)}.")
    if question.kind in (Kind.CHOICE, Kind.SEVERAL):
        return _letters(question, answer)
    if question.kind is Kind.DESIGN and question.fails is not None:
        value = _nested(answer)
    else:
        value = _nested(answer) if len(question.names) > 1 else _number(answer)
    form = f"The answer is {question.form}, not {shown(answer)}."
    if value is None:
        return Misfit(form)
    expected = len(question.names)
    if expected > 1 and (not isinstance(value, tuple) or len(value) != expected):
        return Misfit(form, value)
    if not _all_whole(value):
        return Misfit(form, value)
    return value


def without_numpy(answer: object) -> object:
    """Turn NumPy's scalars and arrays into Python's numbers and lists, without importing NumPy."""
    if type(answer).__module__ == "numpy" and hasattr(answer, "tolist"):
        return answer.tolist()
    return answer


def _number(answer: object) -> int | Fraction | None:
    """Read a number; a float that is the nearest to a simple fraction is that fraction."""
    answer = without_numpy(answer)
    if isinstance(answer, bool):
        return None
    if isinstance(answer, float) and math.isfinite(answer):
        exact = Fraction(answer)
        simple = exact.limit_denominator(1000)
        near = simple if math.isclose(simple, answer, rel_tol=1e-12) else exact
        return near.numerator if near.denominator == 1 else near
    if isinstance(answer, Rational):
        number = Fraction(int(answer.numerator), int(answer.denominator))
        return number.numerator if number.denominator == 1 else number
    return None


def _nested(answer: object, depth: int = 3) -> Answer:
    """Read a number, or tuples and lists of them."""
    answer = without_numpy(answer)
    if not isinstance(answer, tuple | list):
        return _number(answer)
    if depth == 0 or len(answer) > _LONGEST:
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
    given = answer
    if isinstance(answer, str):
        text = answer.strip().lower()
        given = [c for c in text if c not in " ,;"] if several else [text.strip("().")]
    elif isinstance(answer, Mapping) or not isinstance(answer, list | tuple | set | frozenset):
        given = []
    letters = {str(each).strip().lower() for each in list(given)[:_LONGEST]}  # type: ignore[call-overload]
    if not letters or not letters <= question.choices.keys() or (not several and len(letters) > 1):
        return Misfit(f"The answer is {question.form}, not {shown(answer)}.")
    return frozenset(letters) if several else letters.pop()
