"""Read what a sandbox sends, which may be anything: never more or deeper than allowed."""

import json
import math
from typing import Any

from cnnlesson.grading.weighing import excess

_DIGITS = 1000


class FrameError(ValueError):
    """What came is not what a sandbox sends; the message says why."""


def parse(body: bytes, *, depth: int, items: int, characters: int) -> Any:
    """Parse JSON from an untrusted place.

    Args:
        body: the text; its size was limited when it was read.
        depth: how many lists and objects may lie within each other.
        items: how many texts, brackets and commas there may be in all.
        characters: how many there may be in all texts together.

    Returns:
        the value, without lone surrogates and NUL characters, which no database takes.

    Raises:
        FrameError: if it is no JSON in ASCII, or too deep, or holds too much, a key twice, NaN,
            infinity, or a number of more than a thousand digits.
    """
    # Like one of the sandbox's own. Decoded, other text may take four times its size.
    if not body.isascii():
        raise FrameError("no JSON in ASCII")
    if much := excess(body, values=items, nesting=depth):
        raise FrameError(much)
    left = [characters]

    def object_(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        left[0] -= sum(len(key) + _characters(each) for key, each in pairs)
        if left[0] < 0:
            raise FrameError(f"more than {characters:,} characters")
        return _object(pairs)

    try:
        return json.loads(
            body.decode(),
            parse_constant=_no_number,
            parse_int=_int,
            parse_float=_float,
            object_pairs_hook=object_,
        )
    except RecursionError:
        raise FrameError("lists within lists, far too deep") from None
    except FrameError:
        raise
    except ValueError as error:
        raise FrameError(f"no JSON: {error}") from None


def clean(text: str) -> str:
    """Replace lone surrogates and NUL characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _no_number(name: str) -> None:
    raise FrameError(f"{name}, which is no number")


def _int(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise FrameError(f"a number of more than {_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise FrameError("a number that is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = {clean(key): _clean(each) for key, each in pairs}
    if len(value) != len(pairs):
        raise FrameError("an object that has a key twice")
    return value


def _characters(value: Any) -> int:
    """How many characters a value has, but for its objects, which have been counted."""
    if isinstance(value, str):
        return len(value)
    return sum(map(_characters, value)) if isinstance(value, list) else 0


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_clean(each) for each in value]
    return value
