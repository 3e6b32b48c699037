"""Run a student's function on given cases, and keep only plain data of what it did.

This belongs into the kernel in which the function lives, and knows neither what the function
should do nor what is right: whoever asks for it brings the cases. See `functions` for the rest.

NumPy is imported when a function is run, not before.
"""

import base64
import contextlib
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

ITEM_SIZES = {"<f4": 4, "<f8": 8, "<i8": 8}
"""The dtypes that results have, and the bytes that a number of each takes."""

MOST_BYTES = 150_000
"""Of all arrays that one record holds; as JSON it then stays below 256 KB."""

MOST_ARRAYS = 8
MOST_AXES = 8
LONGEST_SIDE = 10**6
LARGEST_INT = 2**63
LONGEST_TEXT = 200
LONGEST_NAME = 60

Case = Sequence[Any]
"""The arguments of one call."""


# --- What a function did -----------------------------------------------------------------------


@dataclass(frozen=True)
class Array:
    """An array as plain data, in C order.

    Attributes:
        dtype: one of "<f4", "<f8" and "<i8".
        shape: its shape; no axes for a number.
        data: its bytes.
    """

    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class Raised:
    """What a function raised.

    Attributes:
        name: of the exception's class.
        message: its text, cut.
    """

    name: str
    message: str


@dataclass(frozen=True)
class Odd:
    """What no question asks a function to return.

    Attributes:
        what: a description, such as "a list".
    """

    what: str


Outcome = int | Array | tuple[Array, ...] | Raised | Odd


@dataclass(frozen=True)
class Call:
    """What became of one call.

    Attributes:
        outcome: what the function returned or raised.
        changed: which of its arguments it changed, counted from 0, if any.
        overwritten: whether a later call changed what this one had returned.
    """

    outcome: Outcome
    changed: int | None = None
    overwritten: bool = False


@dataclass(frozen=True)
class Results:
    """What a function did, as plain data.

    Attributes:
        nonce: what the values of the cases were drawn by.
        calls: one for each case; fewer if the function was interrupted, and one
            if it is not written yet.
    """

    nonce: str
    calls: tuple[Call, ...]

    @property
    def unanswered(self) -> bool:
        """Whether the function is still as released, and raises NotImplementedError."""
        first = self.calls[0].outcome if self.calls else None
        return isinstance(first, Raised) and first.name == NotImplementedError.__name__

    @property
    def interrupted(self) -> bool:
        """Whether a time-out or a person stopped the function."""
        last = self.calls[-1].outcome if self.calls else None
        return isinstance(last, Raised) and last.name == KeyboardInterrupt.__name__


# --- Running it --------------------------------------------------------------------------------


def run_on(cases: Sequence[Case], function: Callable[..., Any], nonce: str = "") -> Results:
    """Call a function on all cases, each time on arguments of its own.

    Whatever it raises is noted, and what it prints is dropped, since one line for each case helps
    nobody. An interrupt, which is how nbgrader ends a cell after its time, ends the run.

    Args:
        cases: the arguments of each call.
        function: the student's.
        nonce: what the values of the cases were drawn by, if that is known here.
    """
    calls: list[Call] = []
    returned: list[Any] = []
    room = MOST_BYTES
    for arguments in cases:
        given = tuple(_copied(each) for each in arguments)
        outcome, value = _called(function, given, room)
        room -= sum(map(len, bytes_of(outcome)))
        calls.append(Call(outcome, changed=_first_change(arguments, given)))
        returned.append(value)
        so_far = Results(nonce, tuple(calls))
        if so_far.interrupted or (so_far.unanswered and len(calls) == 1):
            return so_far
    for place, (call, value) in enumerate(zip(calls, returned, strict=True)):
        if bytes_of(call.outcome) and bytes_of(_plain(value, MOST_BYTES)) != bytes_of(call.outcome):
            calls[place] = replace(call, overwritten=True)
    return Results(nonce, tuple(calls))


def _called(
    function: Callable[..., Any], arguments: tuple[Any, ...], room: int
) -> tuple[Outcome, Any]:
    """Call a function; return what came of it as plain data, and what it returned."""
    try:
        with _quiet():
            value = function(*arguments)
            return _plain(value, room), value
    except BaseException as error:  # a student's function may raise anything, even SystemExit
        return Raised(one_line(type(error).__name__, LONGEST_NAME), one_line(error)), None


class _Nowhere(io.TextIOBase):
    """Takes what is printed, and keeps none of it."""

    def write(self, text: str) -> int:
        return len(text)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop what is printed or warned of: nbgrader scores a cell with any stderr as zero."""
    nowhere = _Nowhere()
    with warnings.catch_warnings(), contextlib.redirect_stdout(nowhere):  # noqa: SIM117
        with contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            yield


def one_line(value: object, longest: int = LONGEST_TEXT) -> str:
    """Return the first words of a text that may be anything, on one line."""
    try:
        words = str(value)[: 10 * longest].split()
    except Exception:  # an exception's own text may raise
        return ""
    line = "".join(each if each.isprintable() else "\ufffd" for each in " ".join(words))
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _copied(argument: Any) -> Any:
    return argument.copy() if hasattr(argument, "copy") else argument


def _first_change(before: Sequence[Any], after: Sequence[Any]) -> int | None:
    import numpy as np

    for place, (one, other) in enumerate(zip(before, after, strict=True)):
        if isinstance(one, np.ndarray) and (
            one.shape != other.shape or one.dtype != other.dtype or one.tobytes() != other.tobytes()
        ):
            return place
    return None


def _plain(value: Any, room: int) -> Outcome:
    """Turn what a function returned into plain data."""
    import numpy as np

    if value is None or isinstance(value, bool | np.bool_):
        return Odd(str(value))
    if isinstance(value, tuple | list) and 0 < len(value) <= MOST_ARRAYS:
        if all(isinstance(each, np.ndarray) for each in value):
            arrays = []
            for each in value:
                array = _array(each, room)
                if isinstance(array, Odd):
                    return array
                arrays.append(array)
                room -= len(array.data)
            return tuple(arrays)
        return Odd(f"a {type(value).__name__} of {len(value)}")
    if isinstance(value, int | np.integer) or (
        isinstance(value, np.ndarray) and value.shape == () and value.dtype.kind in "iu"
    ):
        number = int(value)
        return number if abs(number) < LARGEST_INT else Odd("a number of more than 18 digits")
    if isinstance(value, float | np.floating | np.ndarray):
        return _array(np.asarray(value), room)
    kind = one_line(type(value).__name__, LONGEST_NAME)
    return Odd(f"an object of type {kind}" if kind not in ("list", "tuple") else f"a {kind}")


def _array(value: Any, room: int) -> Array | Odd:
    import numpy as np

    value = np.asarray(value)
    kind = value.dtype.kind
    dtype = "<i8" if kind in "iu" else f"<f{value.dtype.itemsize}" if kind == "f" else ""
    if dtype not in ITEM_SIZES or value.dtype == np.uint64:
        return Odd(f"an array of {one_line(value.dtype, LONGEST_NAME)}")
    if value.ndim > MOST_AXES or max(value.shape, default=0) > LONGEST_SIDE:
        return Odd("an array of far too many axes or numbers")
    if value.size * ITEM_SIZES[dtype] > room:
        return Odd(f"an array of shape {value.shape}, which is far too large")
    return Array(dtype, value.shape, value.astype(dtype).tobytes())


def arrays_of(outcome: Outcome) -> tuple[Array, ...]:
    """Return the arrays of an outcome; none if it is something else."""
    if isinstance(outcome, Array):
        return (outcome,)
    return outcome if isinstance(outcome, tuple) else ()


def bytes_of(outcome: Outcome) -> list[bytes]:
    """Return the bytes of an outcome's arrays."""
    return [array.data for array in arrays_of(outcome)]


# --- The answer record's value -----------------------------------------------------------------


def encode(results: Results) -> list[dict[str, Any]]:
    """Return results as plain JSON, for an answer record; the nonce is not part of it."""
    return [
        _encoded(call.outcome)
        | ({} if call.changed is None else {"changed": call.changed})
        | ({"overwritten": True} if call.overwritten else {})
        for call in results.calls
    ]


def _encoded(outcome: Outcome) -> dict[str, Any]:
    match outcome:
        case Array():
            return {"array": encoded_array(outcome)}
        case tuple():
            return {"arrays": [encoded_array(each) for each in outcome]}
        case Raised():
            return {"raised": [outcome.name, outcome.message]}
        case Odd():
            return {"other": outcome.what}
        case _:
            return {"int": outcome}


def encoded_array(array: Array) -> dict[str, Any]:
    """Return an array as plain JSON."""
    text = base64.b64encode(array.data).decode("ascii")
    return {"dtype": array.dtype, "shape": list(array.shape), "base64": text}


# --- Cases on their way to another process -----------------------------------------------------


def pack(cases: Sequence[Case]) -> list[list[Any]]:
    """Return cases as plain JSON: Python's numbers as they are, NumPy's with their dtype."""
    return [[_packed(argument) for argument in case] for case in cases]


def unpack(packed: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Return what `pack` was given, as a course wrote it: nothing is checked here."""
    return [tuple(_unpacked(argument) for argument in case) for case in packed]


def _packed(argument: Any) -> Any:
    if type(argument) in (int, float):
        return argument
    import numpy as np

    array = _array(argument, MOST_BYTES)
    if isinstance(array, Odd):
        raise TypeError(f"a case cannot hold {array.what}")
    return encoded_array(array) | {"scalar": isinstance(argument, np.generic)}


def _unpacked(argument: Any) -> Any:
    if not isinstance(argument, dict):
        return argument
    import numpy as np

    data = base64.b64decode(argument["base64"])
    array = np.frombuffer(data, argument["dtype"]).reshape(argument["shape"]).copy()
    return array[()] if argument["scalar"] else array
