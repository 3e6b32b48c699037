"""Questions that ask for a function: the cases that it is run on, and what its results should be.

`running` calls the function, in the kernel in which it lives, and keeps only plain data. `compare`
needs no function, so that a grader outside that kernel can judge what an answer record holds. Which
cases there are depends on the question alone; their values are drawn by a nonce, so that nothing is
gained by remembering results.

NumPy is imported when a function is run or compared, not before.
"""

import base64
import binascii
import builtins
import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import shake_256
from typing import TYPE_CHECKING, Any

from cnnlesson.quiz.running import (
    ITEM_SIZES,
    LARGEST_INT,
    LONGEST_NAME,
    LONGEST_SIDE,
    LONGEST_TEXT,
    MOST_ARRAYS,
    MOST_AXES,
    MOST_BYTES,
    Array,
    Call,
    Odd,
    Outcome,
    Raised,
    Results,
    arrays_of,
    bytes_of,
    one_line,
    run_on,
)

if TYPE_CHECKING:
    from cnnlesson.quiz.questions import Misconception, Question
    from cnnlesson.quiz.setups import Row

PUBLIC = "public"
"""What the values of the cases are drawn by for everyone but a grader."""

HALF = Fraction(1, 2)
TOLERANCE: Mapping[str, float] = {"<f4": 1e-4, "<f8": 1e-9, "<i8": 0.0}
"""How far a number may be from the one computed in float64, relative to the largest of them."""

_CALLED_AGAIN = 2
_MOST_CALLS = 100


# --- What a question asks for ------------------------------------------------------------------


class Values:
    """Numbers drawn by a public hash: the same key gives the same, on every machine."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._drawn = 0

    def array(self, shape: Sequence[int], dtype: str = "float64") -> Any:
        """Draw an array: floats from -1 to 1, or whole numbers from -9 to 9."""
        import numpy as np

        drawn = np.frombuffer(self._bytes(4 * math.prod(shape)), "<i4").astype(np.int64)
        numbers = drawn % 19 - 9 if np.dtype(dtype).kind == "i" else drawn / 2**31
        return numbers.astype(dtype).reshape(shape)

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number from `low` to `high`."""
        return low + int.from_bytes(self._bytes(8), "big") % (high - low + 1)

    def _bytes(self, count: int) -> bytes:
        self._drawn += 1
        return shake_256(f"{self._key}/{self._drawn}".encode()).digest(count)


@dataclass(frozen=True)
class Trait:
    """What some cases have and others have not, such as a stride above 1.

    Attributes:
        without: what the others are like; "It is right {without}".
        holds: the arguments to whether the case has it.
        hint: what else to say, if anything.
    """

    without: str
    holds: Callable[..., bool]
    hint: str = ""


@dataclass(frozen=True, eq=False)
class Task:
    """A function to write.

    Attributes:
        name: what a question calls it.
        arguments: the name of each argument, in order, and what it is, in words.
        returns: what it returns, in words.
        cases: draws the arguments of all cases. Their number, shapes and dtypes are always the
            same; whole numbers may be drawn where the function is about nothing else.
        expected: the arguments to the right result, computed directly and in float64: an int, an
            array (of no axes for a number), or a tuple of arrays.
        parts: what the arrays are called, if there are several.
        traits: what to look for when some cases are right and others wrong.
    """

    name: str
    arguments: tuple["Row", ...]
    returns: str
    cases: Callable[[Values], Sequence[tuple[Any, ...]]]
    expected: Callable[..., Any]
    parts: tuple[str, ...] = ()
    traits: tuple[Trait, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """What the arguments are called."""
        return tuple(name for name, _ in self.arguments)

    def all_cases(self, nonce: str) -> list[tuple[Any, ...]]:
        """Return the arguments of all calls, the smallest first.

        At the end the first come again, once with other values and once as they were, since a
        function should keep nothing from call to call.
        """
        values = Values(f"{nonce}/{self.name}")
        cases, others = (sorted(self.cases(values), key=_size) for _ in range(2))
        return [*cases, others[0], cases[0]]


@dataclass(frozen=True)
class Signature:
    """The set-up of a question about a function: what goes in and what comes out.

    Attributes:
        call: how the function is called.
        parts: the arguments and the result, in words.
    """

    call: str
    parts: tuple["Row", ...]

    def rows(self) -> list["Row"]:
        """What goes in and what comes out, as the card's table shows it."""
        return [*((f"`{name}`", what) for name, what in self.parts[:-1]), self.parts[-1]]

    def given(self) -> dict[str, Any]:
        """How the function is called."""
        return {"call": self.call}

    def figure(self) -> None:
        """Nothing to draw."""


def signature(task: Task) -> Signature:
    """Return the set-up of a task."""
    call = f"{task.name}({', '.join(task.names)})"
    return Signature(call, (*task.arguments, ("returns", task.returns)))


def _size(arguments: Sequence[Any]) -> int:
    return sum(int(getattr(each, "size", each)) for each in arguments)


def run(task: Task, function: Callable[..., Any], nonce: str = PUBLIC) -> Results:
    """Call a function on all cases of a task; see `run_on`.

    Args:
        task: what the function should do.
        function: the student's.
        nonce: what the values are drawn by.
    """
    return run_on(task.all_cases(nonce), function, nonce)


# --- Reading an answer record's value ----------------------------------------------------------


def decode(value: object, nonce: str) -> Results:
    """Read the value of an answer record, which may hold anything.

    Args:
        value: from a record, as JSON gives it.
        nonce: what the grader knows the values to be drawn by, whatever the record says.

    Raises:
        ValueError: if it is not what `encode` writes, or too much of it, with the reason.
    """
    _need(type(value) is list and len(value) <= _MOST_CALLS, "no list of at most 100 calls")
    assert isinstance(value, list)
    calls = tuple(map(_decoded, value))
    size = sum(len(data) for call in calls for data in bytes_of(call.outcome))
    _need(size <= MOST_BYTES, f"arrays of more than {MOST_BYTES} bytes")
    return Results(nonce, calls)


def _need(fulfilled: bool, problem: str) -> None:
    if not fulfilled:
        raise ValueError(f"the record of a function holds {problem}")


def _decoded(value: object) -> Call:
    _need(type(value) is dict, "a call that is not an object")
    assert isinstance(value, dict)
    outcomes: Mapping[str, Callable[[Any], Outcome]] = {
        "int": _decoded_int,
        "array": _decoded_array,
        "arrays": _decoded_arrays,
        "raised": _decoded_raised,
        "other": lambda what: Odd(_decoded_text(what, LONGEST_TEXT)),
    }
    kinds = [key for key in value if key in outcomes]
    _need(len(kinds) == 1, "a call without an outcome, or with several")
    _need(value.keys() <= {*kinds, "changed", "overwritten"}, "a call with other entries")
    changed = value.get("changed")
    _need(
        "changed" not in value or (type(changed) is int and 0 <= changed < MOST_ARRAYS),
        "no number of an argument",
    )
    _need(value.get("overwritten", True) is True, "an 'overwritten' other than true")
    return Call(outcomes[kinds[0]](value[kinds[0]]), changed, "overwritten" in value)


def _decoded_int(value: object) -> int:
    _need(type(value) is int and abs(value) < LARGEST_INT, "no whole number of 64 bits")
    assert isinstance(value, int)
    return value


def _decoded_text(value: object, longest: int) -> str:
    _need(type(value) is str and len(value) <= longest, "no text, or a long one")
    return one_line(value, longest)


def _decoded_raised(value: object) -> Raised:
    _need(type(value) is list and len(value) == 2, "no name and message of an exception")
    assert isinstance(value, list)
    return Raised(_decoded_text(value[0], LONGEST_NAME), _decoded_text(value[1], LONGEST_TEXT))


def _decoded_arrays(value: object) -> tuple[Array, ...]:
    _need(type(value) is list and 0 < len(value) <= MOST_ARRAYS, "no list of one to 8 arrays")
    assert isinstance(value, list)
    return tuple(map(_decoded_array, value))


def _decoded_array(value: object) -> Array:
    _need(
        type(value) is dict and value.keys() == {"dtype", "shape", "base64"},
        "an array without dtype, shape and base64 alone",
    )
    assert isinstance(value, dict)
    dtype, shape, text = value["dtype"], value["shape"], value["base64"]
    _need(type(dtype) is str and dtype in ITEM_SIZES, "a dtype other than <f4, <f8 and <i8")
    _need(type(shape) is list and len(shape) <= MOST_AXES, "a shape of more than 8 axes")
    _need(
        all(type(side) is int and 0 <= side <= LONGEST_SIDE for side in shape),
        "a shape of other than whole numbers up to a million",
    )
    _need(type(text) is str and len(text) <= 2 * MOST_BYTES, "no bytes, or too many")
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the record of a function holds what is not base64") from None
    _need(len(data) == math.prod(shape) * ITEM_SIZES[dtype], "bytes that do not fit their shape")
    return Array(dtype, tuple(shape), data)


# --- Comparing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What is to be said about a function.

    Attributes:
        answered: whether there is a function yet.
        right: whether it is right in all cases.
        share: of the points, for one that is not right, unless a misconception says more.
        sentences: where it goes wrong and how; never an expected number.
        explained: the misconceptions that lead to just these results.
        at_most: of the points, what other faults leave beside those.
    """

    answered: bool = True
    right: bool = False
    share: Fraction = Fraction(0)
    sentences: tuple[str, ...] = ()
    explained: tuple["Misconception", ...] = ()
    at_most: Fraction = Fraction(1)


@dataclass(frozen=True)
class _Problem:
    """What is wrong with a call.

    Attributes:
        sentence: says so.
        explains_itself: whether the numbers have nothing to do with it.
        share: of the points, if nothing worse happens.
    """

    sentence: str
    explains_itself: bool = False
    share: Fraction = Fraction(0)


def compare(question: "Question", results: Results, *, hidden: bool = False) -> Finding:
    """Compare results with the right ones, computed directly and in float64.

    Nothing here runs the student's code, so `results` may come from a record.

    Args:
        question: one that asks for a function.
        results: what `run` or `decode` returned.
        hidden: whether the values of the cases stay untold, in whatever words of the student's.
    """
    task = question.function
    assert task is not None
    results = _without_words(results) if hidden else results
    if results.unanswered:
        return Finding(answered=False)
    cases = task.all_cases(results.nonce)
    calls = results.calls[: len(cases)]
    with _all_numbers():
        problems = [
            _problem(task, case, call, task.expected(*case), hidden=hidden)
            for case, call in zip(cases, calls, strict=False)
        ]
        wrong = [place for place, problem in enumerate(problems) if problem]
        if not wrong and len(results.calls) == len(cases):
            return Finding(right=True)
        if not wrong:
            missing = "The record of this function holds too few results, or too many."
            return Finding(sentences=(missing,))
        first = problems[wrong[0]]
        assert first is not None
        if wrong[0] >= len(cases) - _CALLED_AGAIN and not first.explains_itself:
            again = (
                "It is right at first, but wrong when it is called again with arguments of the "
                "same shapes. Does it keep something from call to call?"
            )
            return Finding(sentences=(again,))
        unclear = [at for at in wrong if (bad := problems[at]) and not bad.explains_itself]
        explained = _explaining(question, cases, calls, unclear) if unclear else ()
    where = _where(task, cases[wrong[0]], hidden=hidden)
    if not where:
        where = f"in {len(wrong)} of the {len(calls)} calls that were made"
    sentences = [f"It goes wrong {where}."]
    if first.explains_itself or not explained:
        sentences.append(first.sentence)
    if not explained:
        hint = "" if first.explains_itself else _pattern(task, cases, wrong, len(calls))
        if hint:
            sentences.append(hint)
        elif unclear == wrong and isinstance(calls[wrong[0]].outcome, int | Array | tuple):
            sentences.append(question.next_step)
    return Finding(
        share=min(problem.share for problem in problems if problem),
        sentences=tuple(sentences),
        explained=explained,
        at_most=min([Fraction(1), *(bad.share for bad in problems if bad and bad.explains_itself)]),
    )


@contextlib.contextmanager
def _all_numbers() -> Iterator[None]:
    """Let NumPy compute with NaN and infinity in silence."""
    import numpy as np

    with np.errstate(all="ignore"):
        yield


_PLAIN_WORDS = ("None", "True", "False", "a list", "a tuple")


def _without_words(results: Results) -> Results:
    """Leave out what a function may say in words of its own, since it knows its arguments."""
    return replace(results, calls=tuple(map(_without_word, results.calls)))


def _without_word(call: Call) -> Call:
    match call.outcome:
        case Raised(name):
            kind = getattr(builtins, name, None)
            known = isinstance(kind, type) and issubclass(kind, BaseException)
            return replace(call, outcome=Raised(name if known else "an exception of its own", ""))
        case Odd(what) if what not in _PLAIN_WORDS:
            return replace(call, outcome=Odd("something else"))
    return call


def _problem(
    task: Task, arguments: tuple[Any, ...], call: Call, expected: Any, *, hidden: bool
) -> _Problem | None:
    """Say what is wrong with a call, if anything is."""
    outcome = call.outcome
    if isinstance(outcome, Raised):
        return _Problem(_raised(outcome))
    if call.changed is not None and call.changed < len(task.names):
        name = task.names[call.changed]
        return _Problem(
            f"It changes its argument `{name}`: work on a copy, or on a new array.",
            explains_itself=True,
        )
    if call.overwritten:
        return _Problem(
            "What it returned changes when it is called again: make a new array in each call.",
            explains_itself=True,
        )
    if isinstance(expected, int):
        return _whole_problem(outcome, expected, hidden=hidden)
    wanted = expected if isinstance(expected, tuple) else (expected,)
    form = _form_problem(task, outcome, wanted)
    if form:
        return form
    dtype = _dtype(arguments)
    if isinstance(outcome, int):
        close = _close(outcome, wanted[0], TOLERANCE[dtype])
        return None if close else _Problem("The number is another.")
    return _numbers_problem(task, arrays_of(outcome), wanted, dtype)


def _raised(raised: Raised) -> str:
    if raised.name == KeyboardInterrupt.__name__:
        return "It was stopped before it had returned: is there a loop that never ends?"
    return f"It raises {raised.name}{': ' if raised.message else ''}{raised.message}"


def _whole_problem(outcome: Outcome, expected: int, *, hidden: bool) -> _Problem | None:
    if isinstance(outcome, int):
        said = "The number is another." if hidden else f"It returns {outcome}."
        return None if outcome == expected else _Problem(said)
    if isinstance(outcome, Array) and outcome.shape == ():
        return _Problem(
            "It returns a float, but this is a count: `//` divides whole numbers and rounds down.",
            explains_itself=True,
        )
    return _other_form(outcome, "a whole number")


def _other_form(outcome: Outcome, form: str) -> _Problem:
    return _Problem(
        f"It returns {_described(outcome)}, but {form} is asked for.", explains_itself=True
    )


def _form_problem(task: Task, outcome: Outcome, wanted: tuple[Any, ...]) -> _Problem | None:
    """Say whether the outcome is an array, or so many arrays, of the right shapes."""
    number = not task.parts and wanted[0].shape == ()
    form = (
        f"a tuple of {len(task.parts)} arrays ({', '.join(task.parts)})"
        if task.parts
        else "a number"
        if number
        else "an array"
    )
    arrays = arrays_of(outcome)
    if number and isinstance(outcome, int):
        return None
    if (
        not arrays
        or len(arrays) != len(wanted)
        or isinstance(outcome, tuple) != bool(task.parts)
        or (not number and arrays[0].shape == () and not task.parts)
    ):
        return _other_form(outcome, form)
    if number and arrays[0].shape:
        return _Problem(f"It returns {_described(outcome)}, but a number is asked for.")
    for place, (array, right) in enumerate(zip(arrays, wanted, strict=True)):
        if array.shape != right.shape:
            name = f"`{task.parts[place]}`" if task.parts else "What it returns"
            return _Problem(f"{name} has shape {array.shape}, which is not the shape asked for.")
    return None


def _numbers_problem(
    task: Task, arrays: tuple[Array, ...], wanted: tuple[Any, ...], dtype: str
) -> _Problem | None:
    """Compare arrays of the right shapes with the right numbers."""
    import numpy as np

    number = not wanted[0].shape and not task.parts
    exact = [_close(a, right, TOLERANCE[dtype]) for a, right in zip(arrays, wanted, strict=True)]
    kinds = {array.dtype for array in arrays}
    if all(exact):
        if number or kinds == {dtype}:
            return None
        given = " and ".join(sorted(_NAMES[each] for each in kinds))
        return _Problem(
            f"The numbers are right, but of dtype {given}; {task.names[0]} is of {_NAMES[dtype]}, "
            "and the result should be too.",
            explains_itself=True,
            share=HALF,
        )
    if any(not np.isfinite(_numbers(array)).all() for array in arrays):
        return _Problem("There are NaN or infinite numbers in what it returns.")
    roughly = [
        _close(array, right, TOLERANCE["<f4"]) for array, right in zip(arrays, wanted, strict=True)
    ]
    if all(roughly) and dtype != "<f4":
        return _Problem(
            "The numbers are right to a few digits only: keep the dtype throughout.",
            explains_itself=True,
        )
    if task.parts:
        bad = [f"`{name}`" for name, fine in zip(task.parts, exact, strict=True) if not fine]
        return _Problem(f"Not right: {', '.join(bad)}.")
    return _Problem(
        "The number is another." if number else "The shape is right, but the numbers are others."
    )


_NAMES = {"<f4": "float32", "<f8": "float64", "<i8": "int64"}


def _described(outcome: Outcome) -> str:
    match outcome:
        case Odd("None"):
            return "None (is there a `return`?)"
        case Odd():
            return outcome.what
        case Array(shape=()):
            return "a number"
        case Array():
            return f"an array of shape {outcome.shape}"
        case tuple():
            return f"{len(outcome)} arrays" if len(outcome) > 1 else "one array in a tuple or list"
        case _:
            return "a number"


def _dtype(arguments: tuple[Any, ...]) -> str:
    """Return the dtype that results should have: that of the first argument."""
    dtype = getattr(arguments[0], "dtype", None)
    return "<i8" if dtype is None or dtype.kind == "i" else f"<f{dtype.itemsize}"


def _numbers(value: Any) -> Any:
    import numpy as np

    if isinstance(value, Array):
        return np.frombuffer(value.data, value.dtype).reshape(value.shape).astype(np.float64)
    return np.asarray(value, np.float64)


def _close(value: Any, right: Any, tolerance: float) -> bool:
    """Whether two have the same shape, and numbers that differ by next to nothing."""
    import numpy as np

    one, other = _numbers(value), _numbers(right)
    if one.shape != other.shape:
        return False
    room = tolerance * (1 + float(np.abs(other).max(initial=0)))
    return bool(np.all(np.abs(one - other) <= room))


def _explaining(
    question: "Question",
    cases: Sequence[tuple[Any, ...]],
    calls: Sequence[Call],
    wrong: Sequence[int],
) -> tuple["Misconception", ...]:
    """Return the misconceptions that give what the student's function gave.

    Those that agree with it in every case come alone; where there is none, those that agree
    wherever it is wrong, if they do so by a value and not only by raising.
    """
    rest = [place for place in range(len(calls)) if place not in wrong]
    everywhere, where_wrong = [], []
    for misconception in question.misconceptions:
        if not all(_agrees(misconception, cases[at], calls[at].outcome) for at in wrong):
            continue
        if all(_agrees(misconception, cases[at], calls[at].outcome) for at in rest):
            everywhere.append(misconception)
        elif any(not isinstance(calls[at].outcome, Raised) for at in wrong):
            where_wrong.append(misconception)
    return tuple(everywhere or where_wrong)


def _agrees(misconception: "Misconception", arguments: tuple[Any, ...], outcome: Outcome) -> bool:
    """Whether a function with this bug would come to this outcome."""
    try:
        value = misconception.formula(*arguments)
    except Exception as error:  # as such functions do where their bug leads nowhere
        return isinstance(outcome, Raised) and outcome.name == type(error).__name__
    values = value if isinstance(value, tuple) else (value,)
    outcomes = arrays_of(outcome) or ((outcome,) if isinstance(outcome, int) else ())
    if len(values) != len(outcomes) or isinstance(value, tuple) != isinstance(outcome, tuple):
        return False
    if isinstance(value, int):
        return outcomes == values
    dtypes = {each.dtype for each in outcomes if isinstance(each, Array)} | {_dtype(arguments)}
    tolerance = max(TOLERANCE[dtype] for dtype in dtypes)
    return all(_close(one, other, tolerance) for one, other in zip(outcomes, values, strict=True))


def _where(task: Task, arguments: tuple[Any, ...], *, hidden: bool) -> str:
    """Name a case by its shapes and settings, or by its shapes alone, if there are any."""
    import numpy as np

    said, dtypes = [], set()
    for name, value in zip(task.names, arguments, strict=True):
        if isinstance(value, np.ndarray):
            said.append(f"{name} of shape {value.shape}")
            dtypes.add(str(value.dtype))
        elif type(value) in (int, float) and not hidden:
            said.append(f"{name} {value}")
    of_dtype = f", in {' and '.join(sorted(dtypes))}" if dtypes - {"float64"} else ""
    return f"with {', '.join(said)}{of_dtype}" if said else ""


def _pattern(
    task: Task, cases: Sequence[tuple[Any, ...]], wrong: Sequence[int], called: int
) -> str:
    """Say what the wrong cases have in common and no right one has, if it is a known trait."""
    if called < len(cases):
        return ""
    best, fewest = "", sys.maxsize
    for trait in task.traits:
        having = {place for place, case in enumerate(cases) if trait.holds(*case)}
        if set(wrong) <= having and len(having) < min(fewest, len(cases), 2 * len(wrong) + 1):
            best, fewest = f"It is right {trait.without}. {trait.hint}".rstrip(), len(having)
    return best
