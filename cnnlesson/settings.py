"""Reading a layer's settings: whole numbers, one per axis, or one per side.

Everything that takes a filter size, a stride, a dilation or a padding reads it here, so that all
of the library accepts the same forms and refuses the same mistakes with the same words.
"""

import difflib
import operator
import reprlib
from collections.abc import Iterable, Sequence
from typing import SupportsIndex, TypeGuard

Pair = tuple[int, int]
"""Along the height, along the width."""

Sides = tuple[Pair, Pair]
"""(top, bottom), (left, right)."""

PerAxis = SupportsIndex | Sequence[SupportsIndex]
"""One number for both axes, or (height, width)."""

PerSide = SupportsIndex | Sequence[SupportsIndex | Sequence[SupportsIndex]]
"""One number for all sides, (height, width), or ((top, bottom), (left, right))."""


def whole(name: str, number: object, *, at_least: int) -> int:
    """Return `number` as an int, or say which setting is wrong, with its value.

    NumPy's integers are welcome; True and 2.0 are not, since neither was meant as a size.

    Args:
        name: what a message calls the number.
        number: what was given.
        at_least: the smallest number that makes sense.

    Raises:
        TypeError: if `number` is not a whole number.
        ValueError: if it is below `at_least`.
    """
    try:
        if isinstance(number, bool):
            raise TypeError
        result = operator.index(number)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, not {shown(number)} of type {type(number).__name__}"
        ) from None
    if result < at_least:
        raise ValueError(f"{name} is {result}, but must be at least {at_least}")
    return result


def per_axis(name: str, value: PerAxis, *, at_least: int = 1) -> Pair:
    """Return (height, width) from one number for both axes, or from two.

    Raises:
        TypeError: if `value` is neither a whole number nor two of them.
        ValueError: if a number is below `at_least`.
    """
    if not several(value):
        number = whole(name, value, at_least=at_least)
        return number, number
    numbers = tuple(value)
    if len(numbers) != 2:
        raise TypeError(
            f"{name} must be one whole number, or two, (height, width), not {shown(value)}"
        )
    return (
        whole(f"{name} along the height", numbers[0], at_least=at_least),
        whole(f"{name} along the width", numbers[1], at_least=at_least),
    )


def per_side(padding: PerSide) -> Sides:
    """Return ((top, bottom), (left, right)) from one number, two, or four.

    Raises:
        TypeError: if `padding` has none of the three forms.
        ValueError: if a number is negative.
    """
    if not several(padding):
        number = whole("padding", padding, at_least=0)
        return (number, number), (number, number)
    axes = tuple(padding)
    if len(axes) != 2 or several(axes[0]) != several(axes[1]):
        raise TypeError(
            "padding must be one whole number, two, (height, width), or four, "
            f"((top, bottom), (left, right)), not {shown(padding)}"
        )
    return one_axis(axes[0], "top", "bottom"), one_axis(axes[1], "left", "right")


def one_axis(padding: object, before: str = "before", after: str = "after") -> Pair:
    """Return the padding at both ends of one axis from one number, or from two.

    Raises:
        TypeError: if `padding` is neither a whole number nor two of them.
        ValueError: if a number is negative.
    """
    if not several(padding):
        number = whole("padding", padding, at_least=0)
        return number, number
    ends = tuple(padding)
    if len(ends) != 2:
        raise TypeError(
            f"padding along an axis must be one whole number, or two, ({before}, {after}), "
            f"not {shown(padding)}"
        )
    return (
        whole(f"padding {before}", ends[0], at_least=0),
        whole(f"padding {after}", ends[1], at_least=0),
    )


def several(value: object) -> TypeGuard[Sequence[object]]:
    """Tell a sequence or NumPy array of numbers from one number; a string is neither."""
    if isinstance(value, Sequence):
        return not isinstance(value, str | bytes)
    return bool(getattr(value, "shape", ()))


def near(name: object, known: Iterable[str]) -> str:
    """Say which of the known names was meant, or which there are."""
    names = list(known)
    close = difflib.get_close_matches(str(name), names, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names)}"


def shown(value: object) -> str:
    """Write whatever was given on one line, at a length that a message can hold."""
    try:
        text = _SHORT.repr(value).replace("Ellipsis", "...")
    except (Exception, SystemExit):  # an object's own repr may do anything
        # Its class too may have been given a name that does.
        text = f"an object of type {type.__dict__['__name__'].__get__(type(value))}"
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST - 50]}...{text[-47:]}"
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


_LONGEST = 200
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 50
