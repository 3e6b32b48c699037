"""Rebuild whatever a student gave from Python's own types, so that nothing of it can surprise."""

import itertools
import sys
from collections.abc import Iterator
from fractions import Fraction
from numbers import Rational
from typing import Any

from cnnlesson.settings import shown

_LONGEST = 1000
"""How many numbers or letters are looked at; no answer is nearly as long."""

_MOST = 10_000
"""How many are, in all lists within lists together."""

_DEEPEST = 6
"""How many lists within lists are looked at."""


class Opaque:
    """What stands for an answer, or a part of one, that is not looked into."""

    def __init__(self, answer: object, text: str = "") -> None:
        self._answer = answer
        self._text = text

    def __repr__(self) -> str:
        return self._text or shown(self._answer)


def tamed(answer: object) -> Any:
    """Rebuild an answer from Python's own types, whose methods do what they always do.

    A subclass of int, list or str may do anything when it is compared, counted or walked through,
    and an object may claim to be of any class; here nothing is asked of them but what they hold.
    NumPy's numbers and arrays become Python's, without importing NumPy.

    Args:
        answer: anything.

    Returns:
        None, a bool, an int, a float, a Fraction, a str, or a list, tuple or frozenset of such;
        with an `Opaque` for all that is something else, too long or too deep.
    """
    try:
        return _tamed(answer, _DEEPEST, itertools.count())
    except Exception:  # an object's own code may raise anything, and answers may be endless
        return _closed(answer) or Opaque(answer)


def _tamed(answer: Any, depth: int, seen: Iterator[int]) -> Any:
    if next(seen) > _MOST:
        raise ValueError
    kind = type(answer)
    if answer is None or kind is bool:
        return answer
    if issubclass(kind, int):
        return int.__index__(answer)
    if issubclass(kind, float):
        return float.__float__(answer)
    if issubclass(kind, str) and str.__len__(answer) <= _LONGEST:
        return str.__str__(answer)
    own: Any
    for own in (list, tuple, set, frozenset):
        if issubclass(kind, own) and depth and own.__len__(answer) <= _LONGEST:
            parts = [_tamed(part, depth - 1, seen) for part in own.__iter__(answer)]
            return frozenset(parts) if own is set else own(parts)
    if issubclass(kind, Rational):
        return Fraction(*(int.__index__(int(n)) for n in (answer.numerator, answer.denominator)))
    numpy = sys.modules.get("numpy")
    if numpy and depth and kind is numpy.ndarray and answer.size <= _LONGEST:
        return _tamed(answer.tolist(), depth, seen)
    if numpy and depth and issubclass(kind, numpy.generic):
        return _tamed(numpy.generic.item(answer), depth - 1, seen)
    return _closed(answer) or Opaque(answer)


def _closed(answer: Any) -> Opaque | None:
    """Count the parts of what is too long or too deep, or has code of its own to walk through."""
    own: Any
    for own in (str, list, tuple, set, frozenset):
        if issubclass(type(answer), own):
            return Opaque(answer, f"a {own.__name__} of length {own.__len__(answer)}")
    return None
