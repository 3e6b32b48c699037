"""The numbers that a question is asked about, and how a student's own are drawn.

A set-up is drawn by a public hash, so that the same student always sees the same numbers and a
neighbour others. That discourages copying and promises no more: whoever likes can compute it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar

from cnnlesson import arithmetic
from cnnlesson.arithmetic import Shape

Choice = TypeVar("Choice")
"""What `Draw.pick` picks from, and returns."""

Row = tuple[str, str]
"""What a quantity is called, and its value, as the card's table shows them."""


class Draw:
    """Picks by a public hash: the same key always gives the same picks, on every machine."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._picks = 0

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """Return one of the choices.

        Args:
            choices: what there is to choose from, at least one; each pick draws anew.
        """
        self._picks += 1
        return choices[_hash(f"{self._key}/{self._picks}") % len(choices)]


def _hash(text: str) -> int:
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big")


def reserved(setup: object) -> bool:
    """Whether a set-up is kept for practice, and so never graded: about one in six."""
    return _hash(repr(setup)) % 6 == 0


class Lines:
    """Sentences to show after a right answer, a line each."""

    def __init__(self, *lines: str) -> None:
        self.lines = lines

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_markdown_(self) -> str:
        return "\n\n".join(self.lines)


@dataclass(frozen=True)
class Numbers:
    """Where the numbers of one or more questions come from.

    Questions with the same numbers are about the same layer, whichever student they are for.

    Attributes:
        id: what they are called; it enters the hash.
        lesson: the lesson's own set-up, for worked examples and warm-ups.
        draw: makes another set-up, or None where everyone gets the lesson's.
    """

    id: str
    lesson: Any
    draw: Callable[[Draw], Any] | None = None


@dataclass(frozen=True)
class Layer:
    """A convolutional layer over one input; its letters are the lesson's.

    Attributes:
        input_shape: (H, W, C).
        filter_size: F, or (F_h, F_w).
        out_channels: K, the number of filters.
        stride: S, the same along both axes.
        padding: P, zeros on every side.
        dilation: D.
    """

    input_shape: Shape
    filter_size: int | tuple[int, int]
    out_channels: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1

    @property
    def H(self) -> int:  # noqa: N802 - the lesson's letter
        """The input's height."""
        return self.input_shape[0]

    @property
    def W(self) -> int:  # noqa: N802
        """The input's width."""
        return self.input_shape[1]

    @property
    def C(self) -> int:  # noqa: N802
        """The input's depth."""
        return self.input_shape[2]

    @property
    def filter_sizes(self) -> tuple[int, int]:
        """Height and width of a filter."""
        size = self.filter_size
        return size if isinstance(size, tuple) else (size, size)

    @property
    def F(self) -> int:  # noqa: N802
        """The filter size, where it is the same both ways, else its width."""
        return self.filter_sizes[1]

    @property
    def K(self) -> int:  # noqa: N802
        """The number of filters."""
        return self.out_channels

    @property
    def S(self) -> int:  # noqa: N802
        """The stride."""
        return self.stride

    @property
    def P(self) -> int:  # noqa: N802
        """The padding on every side."""
        return self.padding

    @property
    def D(self) -> int:  # noqa: N802
        """The dilation."""
        return self.dilation

    @cached_property
    def output_shape(self) -> Shape:
        """(H_out, W_out, K), by `arithmetic`."""
        return arithmetic.output_shape(self.input_shape, **self.settings)

    @property
    def positions(self) -> int:
        """How many positions a filter takes: H_out · W_out."""
        return self.output_shape[0] * self.output_shape[1]

    @property
    def taps(self) -> int:
        """How many weights a filter has in one channel: F · F."""
        return self.filter_sizes[0] * self.filter_sizes[1]

    @property
    def weights(self) -> int:
        """How many weights one filter has: F · F · C."""
        return self.taps * self.C

    @property
    def settings(self) -> dict[str, Any]:
        """The layer's settings, as functions of `arithmetic` and `ops` take them by name."""
        return {
            "filter_size": self.filter_size,
            "out_channels": self.out_channels,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
        }

    @property
    def shape_pieces(self) -> dict[str, Any]:
        """The pieces that the output's shape is made of, for misconceptions to change."""
        return {"size": self.output_shape[:2], "depth": self.output_shape[2]}

    @cached_property
    def grown(self) -> "Layer":
        """The same layer over an image twice as high and twice as wide."""
        return replace(self, input_shape=(2 * self.H, 2 * self.W, self.C))

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        high, wide = self.filter_sizes
        rows = [
            ("input, height x width x depth", f"{self.H} x {self.W} x {self.C}"),
            ("filters", f"{self.K}, each {high} x {wide} x {self.C} and with one bias"),
            ("stride, in both directions", str(self.S)),
            ("zero padding, on every side", str(self.P)),
        ]
        if self.D > 1:
            rows.append(("dilation", str(self.D)))
        return rows

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; none of them is an answer."""
        return {
            **{letter: getattr(self, letter) for letter in "HWCFKSPD"},
            "input_shape": self.input_shape,
            "filter_sizes": self.filter_sizes,
            **self.settings,
        }

    def figure(self) -> Any:
        """Draw the input and one filter to scale; the output is what questions are about."""
        # Imported here since arithmetic questions need neither NumPy nor a widget.
        from cnnlesson.drawing import FILTER, INPUT
        from cnnlesson.volumes import Volume, volumes

        return volumes(
            [
                Volume("Input", self.input_shape, INPUT),
                Volume("Filter", (*self.filter_sizes, self.C), FILTER),
            ],
            "The layer",
            f"An input of {self.H} by {self.W} by {self.C}, and one of {self.K} filters.",
        )


@dataclass(frozen=True)
class NoNumbers:
    """The set-up of a question about an idea.

    Attributes:
        order: which order its choices come in; 0 for that of the lesson.
    """

    order: int = 0

    def rows(self) -> list[Row]:
        """Nothing to tabulate."""
        return []

    def given(self) -> dict[str, Any]:
        """No numbers."""
        return {}

    def figure(self) -> None:
        """Nothing to draw."""


IDEA = Numbers("idea", NoNumbers(), lambda draw: NoNumbers(1 + draw.pick(range(9999))))
"""Of questions about an idea: no numbers, and an order of choices for each student."""

RUNNING_EXAMPLE = Layer((32, 32, 3), 8, 20, stride=2, padding=1)
"""The lesson's own layer."""


def layer(draw: Draw) -> Layer:
    """Draw a layer like the lesson's, whose stride fits along both axes."""
    filter_size = draw.pick(range(3, 12))
    stride = draw.pick([2, 3, 4][: filter_size - 1])  # a longer one would leave pixels unread
    padding = draw.pick(range(1, min(5, filter_size)))
    spare = filter_size - 2 * padding
    lengths = [size for size in range(20, 65) if (size - spare) % stride == 0]
    return Layer(
        (draw.pick(lengths), draw.pick(lengths), draw.pick((2, 3, 4, 5, 6))),
        filter_size,
        draw.pick((8, 10, 12, 16, 20, 24, 32)),
        stride=stride,
        padding=padding,
    )
