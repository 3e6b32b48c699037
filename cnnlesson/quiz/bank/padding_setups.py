"""The numbers that the questions on padding are about."""

from dataclasses import dataclass
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz.setups import Draw, Layer, Row
from cnnlesson.settings import shown

Triple = tuple[int, int, int]

_DEPTHS = (1, 2, 3, 4, 6, 8)
_FILTERS = (4, 6, 8, 10, 12, 16, 20, 24, 32)


@dataclass(frozen=True)
class Unpadded(Layer):
    """A layer whose card leaves the padding to the question; `padding` is one it may speak of."""

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it, without the padding."""
        return [row for row in super().rows() if "padding" not in row[0]]

    @property
    def shorter(self) -> int:
        """The shorter of the input's height and width."""
        return min(self.H, self.W)


@dataclass(frozen=True)
class Pixels(Layer):
    """A layer at stride 1 over an image so small that its pixels can be drawn."""

    @property
    def uses(self) -> Triple:
        """In how many positions the filter covers a corner, the middle of an edge, the middle."""
        down, across = self._at(self.H // 2, self.H), self._at(self.W // 2, self.W)
        left, top = self._at(0, self.W), self._at(0, self.H)
        return top * left, top * across, down * across

    def _at(self, pixel: int, size: int) -> int:
        """Count the positions along one axis in which the filter covers a pixel."""
        positions = arithmetic.output_size(size, self.F, padding=self.P)
        return sum(0 <= pixel + self.P - start < self.F for start in range(positions))

    def figure(self) -> Any:
        """Draw the padded image and the three pixels that the question is about."""
        from cnnlesson.drawing import ACCENT, FILTER, INK, INPUT, MUTED, OUTPUT, Drawing

        cell, margin = 14, 12
        high, wide = self.H + 2 * self.P, self.W + 2 * self.P
        marked = {
            (0, 0): ("c", FILTER),
            (0, self.W // 2): ("e", OUTPUT),
            (self.H // 2, self.W // 2): ("m", ACCENT),
        }
        drawing = Drawing(
            max(wide * cell, 300) + 2 * margin,
            high * cell + 2 * margin + 28,
            "Three pixels",
            f"An image of {self.H} by {self.W} pixels in a border of zeros, {self.P} wide. A pixel "
            "in a corner, one in the middle of the upper edge and one in the middle are marked.",
        )
        for row in range(-self.P, self.H + self.P):
            for column in range(-self.P, self.W + self.P):
                x, y = margin + (column + self.P) * cell, margin + (row + self.P) * cell
                if 0 <= row < self.H and 0 <= column < self.W:
                    letter, fill = marked.get((row, column), ("", INPUT))
                    drawing.rectangle(x, y, cell, cell, fill=fill, stroke=INK)
                    if letter:
                        ink = "#ffffff" if letter == "m" else INK
                        drawing.text(x + 7, y + 11, letter, size=11, fill=ink, anchor="middle")
                else:
                    drawing.rectangle(x, y, cell, cell, stroke=MUTED, hatched=True)
        drawing.text(
            margin,
            high * cell + margin + 20,
            "c: corner, e: edge, m: middle; striped: zeros",
            size=12,
        )
        return drawing


@dataclass(frozen=True)
class Goal:
    """What a layer that is to be designed has to reach.

    Attributes:
        input_shape: (H, W, C).
        wanted: the output's height and width.
        least: the smallest filter size allowed.
        solution: one (F, S, P) that reaches it.
    """

    input_shape: Triple
    wanted: tuple[int, int]
    least: int
    solution: Triple

    @property
    def H(self) -> int:  # noqa: N802 - the lesson's letter
        """The input's height."""
        return self.input_shape[0]

    @property
    def W(self) -> int:  # noqa: N802
        """The input's width."""
        return self.input_shape[1]

    def fails(self, design: Triple) -> str | None:
        """Say what a design (F, S, P) does not fulfil, or None if it is right."""
        if not all(isinstance(number, int) for number in design):
            return "The answer is three whole numbers: filter size, stride and padding."
        size, stride, padding = design
        if size < self.least:
            return f"The filter is to be at least {self.least} high and wide, not {shown(size)}."
        if stride < 1:
            return f"A stride is at least 1 pixel, not {shown(stride)}."
        if not 0 <= padding < size:
            return (
                "The padding is at least 0 and less than the filter size, or some position would "
                f"see nothing but zeros; yours is {shown(padding)}."
            )
        if size > min(self.H, self.W) + 2 * padding:
            return "Your filter is larger than the padded input, so it has no position at all."
        settings = {"stride": stride, "padding": padding}
        made = tuple(arithmetic.output_size(n, size, **settings) for n in (self.H, self.W))
        if made != self.wanted:
            return (
                f"Your layer makes {' x '.join(map(shown, made))}, not "
                f"{' x '.join(map(shown, self.wanted))}: which of your three numbers brings it "
                "closer?"
            )
        if any(arithmetic.remainder(n, size, **settings) for n in (self.H, self.W)):
            return (
                "The output has the right size, but the stride does not fit: beyond the last "
                "position some columns or rows of the padded input are left over."
            )
        return None

    def rows(self) -> list[Row]:
        """The task as the card's table shows it."""
        return [
            ("input, height x width x depth", " x ".join(map(str, self.input_shape))),
            ("wanted output, height x width", f"{self.wanted[0]} x {self.wanted[1]}"),
            ("filter size, the same both ways", f"at least {self.least}"),
            ("stride, the same both ways", "fits: no row or column is left over"),
            ("padding, the same on every side", "less than the filter size"),
        ]

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; the layer is what is asked for."""
        return {
            "H": self.H,
            "W": self.W,
            "input_shape": self.input_shape,
            "wanted": self.wanted,
            "least": self.least,
        }

    def figure(self) -> Any:
        """Draw the input and the wanted output to scale."""
        from cnnlesson.drawing import INPUT, OUTPUT
        from cnnlesson.volumes import Volume, volumes

        high, wide = self.wanted
        return volumes(
            [Volume("Input", self.input_shape, INPUT), Volume("One map", (high, wide, 1), OUTPUT)],
            "From input to output",
            f"An input of {self.H} by {self.W}, and a wanted map of {high} by {wide}.",
        )


FIVE_BY_FIVE = Unpadded((5, 5, 1), 3, 1, padding=1)
"""The lesson's grid."""

EVEN_EIGHT = Unpadded((32, 32, 3), 8, 20)
"""The lesson's layer at stride 1, whose filter is even."""

STRIDE_TWO = Unpadded((32, 32, 3), 8, 20, stride=2)
"""The lesson's layer at its stride."""


def odd(draw: Draw) -> Unpadded:
    """Draw a layer at stride 1 with an odd filter, and some padding that does not keep the size."""
    size = draw.pick((5, 7, 9, 11))
    padding = draw.pick([p for p in range(1, min(7, size - 1)) if p != (size - 1) // 2])
    return Unpadded(
        (draw.pick(range(15, 65)), draw.pick(range(15, 65)), draw.pick(_DEPTHS)),
        size,
        draw.pick(_FILTERS),
        padding=padding,
    )


def even(draw: Draw) -> Unpadded:
    """Draw a layer at stride 1 with an even filter."""
    return Unpadded(
        (draw.pick(range(20, 65)), draw.pick(range(20, 65)), draw.pick(_DEPTHS)),
        draw.pick((4, 6, 8, 10, 12, 14, 16)),
        draw.pick(_FILTERS),
    )


def pixels(draw: Draw) -> Pixels:
    """Draw a layer whose filter is less than half as large as the image, with some padding."""
    size = draw.pick((4, 5, 6, 7))
    return Pixels(
        (draw.pick(range(2 * size, 19)), draw.pick(range(2 * size, 19)), draw.pick((2, 3, 4, 6))),
        size,
        draw.pick(_FILTERS),
        padding=draw.pick(range(1, size - 1)),
    )


def deep(draw: Draw) -> Unpadded:
    """Draw the first of many equal layers over a large image."""
    high, wide = draw.pick(range(40, 161)), draw.pick(range(40, 161))
    return Unpadded((high, wide, 3), draw.pick((4, 5, 6, 7, 9)), draw.pick(_FILTERS))


def strided(draw: Draw) -> Unpadded:
    """Draw a layer with a stride over 1, which divides at most one of height and width."""
    stride = draw.pick((2, 3, 4))
    high, wide = draw.pick(range(20, 65)), draw.pick(range(20, 65))
    if high % stride == wide % stride == 0:
        high += 1
    return Unpadded(
        (high, wide, draw.pick(_DEPTHS)),
        draw.pick(range(stride + 1, 12)),
        draw.pick(_FILTERS),
        stride=stride,
    )


def halving(draw: Draw) -> Unpadded:
    """Draw a layer at stride 2 with an odd filter over an input with even sides."""
    size = draw.pick((3, 5, 7, 9, 11))
    return Unpadded(
        (draw.pick(range(16, 98, 2)), draw.pick(range(16, 98, 2)), draw.pick(_DEPTHS)),
        size,
        draw.pick(_FILTERS),
        stride=2,
        padding=(size - 1) // 2,
    )


def goal(draw: Draw) -> Goal:
    """Draw a layer with a stride over 1 that fits, and tell what it reaches."""
    size, stride = draw.pick(range(4, 10)), draw.pick((2, 3))
    padding = draw.pick(range(1, size // 2 + 1))
    wanted = draw.pick(range(8, 29)), draw.pick(range(8, 29))
    high, wide = ((count - 1) * stride + size - 2 * padding for count in wanted)
    least = draw.pick((3, 4))
    return Goal((high, wide, draw.pick(_DEPTHS)), wanted, least, (size, stride, padding))
