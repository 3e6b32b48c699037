"""The answer record: what a cell leaves for a grader that does not trust the kernel.

It is plain JSON, never pickle, and capped in size, so that whoever reads it can check all of it.
"""

import json
import math
import re
from fractions import Fraction
from typing import Any

from cnnlesson.quiz.running import Results, encode
from cnnlesson.quiz.taming import tamed
from cnnlesson.settings import shown

MIME = "application/vnd.cnnlesson.answer+json"
SCHEMA = 1
LARGEST = 256 * 1024
"""Bytes of one record as JSON."""

_DIGITS = 1000
_VERSION = re.compile(r"[\w.+-]{1,40}", re.ASCII)


def answer_record(question: str, variant: str, answer: object, version: str) -> dict[str, Any]:
    """Make the record of one answer.

    Args:
        question: the question's id.
        variant: the id of the numbers that it was asked about.
        answer: the student's answer; `...` for none yet; what a function did rather than it.
        version: of the library.

    Returns:
        `schema`, `library`, `question`, `variant`, and either `value`, or `unanswered`: true, or
        `unreadable`: a description of what has no plain form or is too large.
    """
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "library": version,
        "question": question,
        "variant": variant,
    }
    if answer is ... or (type(answer) is Results and answer.unanswered):
        return record | {"unanswered": True}
    if type(answer) is Results:
        return record | {"value": encode(answer)}  # which keeps its own size small
    tame = tamed(answer)
    try:
        whole = record | {"value": _plain(tame)}
    except _NoPlainFormError:
        return record | {"unreadable": shown(tame)}
    if len(json.dumps(whole).encode()) > LARGEST:
        return record | {"unreadable": "an answer of more than 256 KB"}
    return whole


def other_release(record: object, version: str) -> str:
    """Return the version of the library that made a record, if it is another one.

    Args:
        record: anything, such as what a notebook was saved with.
        version: of this library.
    """
    theirs = record.get("library") if isinstance(record, dict) else None
    if isinstance(theirs, str) and _VERSION.fullmatch(theirs) and theirs != version:
        return theirs
    return ""


class _NoPlainFormError(Exception):
    pass


def _plain(value: object) -> Any:
    """Turn what `tamed` returns into JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) < 10**_DIGITS:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, Fraction) and value.denominator == 1:
        return _plain(value.numerator)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, frozenset):
        return sorted((_plain(part) for part in value), key=json.dumps)
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    raise _NoPlainFormError
