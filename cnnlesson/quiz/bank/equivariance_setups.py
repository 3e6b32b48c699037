"""The numbers that the questions on equivariance are about."""

from dataclasses import dataclass
from math import prod
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz.setups import Draw, Row


class Tabled:
    """Numbers that a table tells all about."""

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; none of them is an answer."""
        return vars(self)

    def figure(self) -> None:
        """Nothing to draw."""


# --- An image that moves -----------------------------------------------------------------------


@dataclass(frozen=True)
class Moving(Tabled):
    """A layer with circular borders, over an image that moves to the right.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width.
        K: how many filters.
        S: the stride, which divides W.
        steps: by how many positions the maps move.
    """

    W: int
    F: int
    K: int
    S: int
    steps: int

    @property
    def shift(self) -> int:
        """By how many pixels the image moves."""
        return self.steps * self.S

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; the steps are what is asked for."""
        return {"W": self.W, "F": self.F, "K": self.K, "S": self.S, "shift": self.shift}

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return _circle(self)


@dataclass(frozen=True)
class Turning(Tabled):
    """Such a layer, whose stride need divide neither the image's width nor its move, but one.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width.
        K: how many filters.
        S: the stride.
        shift: by how many pixels the image moves.
    """

    W: int
    F: int
    K: int
    S: int
    shift: int

    @property
    def positions(self) -> int:
        """How many positions a row of the map has: on a circle, one at every S-th pixel."""
        return arithmetic.output_size(self.W, self.F, stride=self.S, padding=(0, self.F - 1))

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [*_circle(self), ("positions in a row of a map", str(self.positions))]


def _circle(g: Moving | Turning) -> list[Row]:
    return [
        ("image, height x width", f"{g.W} x {g.W}"),
        ("filters", f"{g.K} of {g.F} x {g.F}"),
        ("stride", str(g.S)),
        ("borders", "circular: what leaves on one side comes in on the other"),
    ]


def moving(draw: Draw) -> Moving:
    """Draw an image and a move of it that both fit the stride."""
    stride, positions = draw.pick((2, 3, 4)), draw.pick(range(8, 17))
    return Moving(
        W=stride * positions,
        F=draw.pick(range(3, 8)),
        K=draw.pick((8, 12, 16, 20, 24)),
        S=stride,
        steps=draw.pick(range(2, 7)),
    )


def turning(draw: Draw) -> Turning:
    """Draw an image and a move of it, of which the one, the other or both fit the stride."""
    stride, positions, steps = (
        draw.pick((2, 3, 4, 5)),
        draw.pick(range(8, 17)),
        draw.pick(range(1, 7)),
    )
    left_over = draw.pick(range(1, stride))
    too_wide, too_far = draw.pick(((0, 0), (left_over, 0), (0, left_over)))
    return Turning(
        W=stride * positions + too_wide,
        F=draw.pick(range(3, 8)),
        K=draw.pick((8, 12, 16, 20, 24)),
        S=stride,
        shift=stride * steps + too_far,
    )


# --- Strides that add up -----------------------------------------------------------------------

CONVOLUTION, POOLING = "convolution", "max pooling"


@dataclass(frozen=True)
class Strides(Tabled):
    """Layers with circular borders, one after the other.

    Attributes:
        W: the image's height and width, which every layer's stride divides in its turn.
        layers: for each layer what it is, the height and width of its windows, and its stride.
    """

    W: int
    layers: tuple[tuple[str, int, int], ...]

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each layer."""
        return tuple(stride for _, _, stride in self.layers)

    def strides_of(self, kind: str) -> tuple[int, ...]:
        """The strides of the convolutions, or of the poolings."""
        return tuple(stride for what, _, stride in self.layers if what == kind)

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}"),
            *(
                (f"layer {place}", f"{what}, {size} x {size}, stride {stride}")
                for place, (what, size, stride) in enumerate(self.layers, 1)
            ),
            ("borders", "circular, in every layer"),
        ]


def strides(draw: Draw) -> Strides:
    """Draw two convolutions, a pooling after each, and an image that all strides divide."""
    layers = []
    for _ in range(2):
        layers.append((CONVOLUTION, draw.pick((3, 5, 7)), draw.pick((1, 2, 3))))
        window = draw.pick((2, 3))
        layers.append((POOLING, window, window))
    return Strides(draw.pick(range(4, 13)) * prod(stride for *_, stride in layers), tuple(layers))


# --- An object whose response is cut -----------------------------------------------------------


@dataclass(frozen=True)
class Cut(Tabled):
    """A layer of stride 1 with zero padding, over an object on zeros.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width.
        P: zeros on every side, fewer than F - 1.
        object_size: the object's height and width.
    """

    W: int
    F: int
    P: int
    object_size: int

    @property
    def map_size(self) -> int:
        """Height and width of a map."""
        return arithmetic.output_size(self.W, self.F, padding=self.P)

    @property
    def inside(self) -> int:
        """In how many columns the object lies wholly inside the image."""
        return arithmetic.output_size(self.W, self.object_size)

    @property
    def response_size(self) -> int:
        """Height and width of what the object changes in a map that is large enough.

        With P = F - 1 on a side of the object alone, every window that touches it is there.
        """
        return arithmetic.output_size(self.object_size, self.F, padding=self.F - 1)

    @property
    def whole(self) -> int:
        """In how many columns the whole response lies inside the map."""
        return arithmetic.output_size(self.map_size, self.response_size)

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}, zeros but for the object"),
            ("object", f"{self.object_size} x {self.object_size}"),
            ("filters", f"{self.F} x {self.F}"),
            ("stride", "1"),
            ("zero padding, on every side", str(self.P)),
        ]


def cut(draw: Draw) -> Cut:
    """Draw a layer whose padding leaves some responses cut."""
    filter_size = draw.pick(range(4, 10))
    return Cut(
        W=draw.pick(range(28, 57)),
        F=filter_size,
        P=draw.pick(range(1, filter_size - 1)),
        object_size=draw.pick(range(4, 9)),
    )


# --- A wall ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wall(Tabled):
    """A layer of stride 1 with zero padding that adds up, over an image of one brightness.

    Attributes:
        W: the image's height and width, at least 2F.
        F: the filter's height and width.
        P: zeros on every side, fewer than F.
        brightness: of every pixel.
        bias: what the filter adds.
    """

    W: int
    F: int
    P: int
    brightness: int
    bias: int

    @property
    def pixels(self) -> tuple[int, int, int]:
        """How many pixels of the image are in the window in a corner, at an edge, inside."""
        return self.seen(self.F - self.P)

    def seen(self, left: int) -> tuple[int, int, int]:
        """The same, if at an edge so many rows or columns of a window are left on the image."""
        left = max(0, left)
        return left * left, left * self.F, self.F * self.F

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}, every pixel is {self.brightness}"),
            ("filter", f"{self.F} x {self.F}, every weight is 1"),
            ("bias", str(self.bias)),
            ("stride", "1"),
            ("zero padding, on every side", str(self.P)),
        ]


def wall(draw: Draw) -> Wall:
    """Draw a wall and the filter that adds up its pixels."""
    size = draw.pick(range(3, 8))
    return Wall(
        W=draw.pick(range(2 * size, 41)),
        F=size,
        P=draw.pick(range(1, size)),
        brightness=draw.pick(range(2, 10)),
        bias=draw.pick(range(1, 10)),
    )


# --- An object that goes to other columns ------------------------------------------------------


@dataclass(frozen=True)
class Places(Tabled):
    """A layer with a stride and zero padding, over an object on zeros that may go elsewhere.

    In `column`, `right`, `left` and `between` its whole response is inside the map; at both ends
    it is cut, since the filter is at least S wider than the padding.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width, at least 2S + P.
        S: the stride.
        P: zeros on every side.
        object_size: the object's height and width.
        column: where its left edge is.
        steps: by how many strides `right` and `left` are away.
        part: by how many pixels `between` is, fewer than S.
    """

    W: int
    F: int
    S: int
    P: int
    object_size: int
    column: int
    steps: tuple[int, int]
    part: int

    @property
    def right(self) -> int:
        """Some strides to the right."""
        return self.column + self.steps[0] * self.S

    @property
    def left(self) -> int:
        """Some strides to the left."""
        return self.column - self.steps[1] * self.S

    @property
    def between(self) -> int:
        """Less than a stride to the right."""
        return self.column + self.part

    @property
    def cut(self) -> int:
        """As many strides to the left as there is room for."""
        return self.column % self.S

    @property
    def last(self) -> int:
        """The last column in which the object is inside the image."""
        return self.W - self.object_size

    def given(self) -> dict[str, Any]:
        """The numbers by name, and the columns that the object may go to."""
        columns = ("right", "left", "between", "cut", "last")
        return vars(self) | {name: getattr(self, name) for name in columns}

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}, zeros but for the object"),
            ("object", f"{self.object_size} x {self.object_size}"),
            ("its left edge", f"in column {self.column}, counted from 0"),
            ("filters", f"{self.F} x {self.F}"),
            ("stride", str(self.S)),
            ("zero padding, on every side", str(self.P)),
        ]


def places(draw: Draw) -> Places:
    """Draw an object, and columns to go to in which its response is whole."""
    stride, padding, size = draw.pick((2, 3)), draw.pick((0, 1, 2)), draw.pick(range(4, 9))
    filter_size = 2 * stride + padding + draw.pick(range(4))
    steps = draw.pick((1, 2, 3)), draw.pick((1, 2, 3))
    first_whole = filter_size - 1 - padding  # further left, a window to the left is missing
    column = first_whole + steps[1] * stride + draw.pick(range(3))
    room_for_windows = size + filter_size + stride
    return Places(
        W=column + steps[0] * stride + room_for_windows + draw.pick(range(12)),
        F=filter_size,
        S=stride,
        P=padding,
        object_size=size,
        column=column,
        steps=steps,
        part=draw.pick(range(1, stride)),
    )


# --- A network that saw one corner -------------------------------------------------------------

NETWORKS = {
    "shared filters, then the global maximum of each map": "a",
    "shared filters, then all positions of all maps side by side (flattened)": "b",
    "filters of its own for every position, then the global maximum of each map": "c",
}
"""What comes before the last, dense layer, to what the network does elsewhere."""


@dataclass(frozen=True)
class Corner(Tabled):
    """A network that was trained on shapes in one corner.

    Attributes:
        network: one of `NETWORKS`.
        classes: how many shapes it tells apart.
        W: the images' height and width.
        K: how many filters.
    """

    network: str
    classes: int
    W: int
    K: int

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("images", f"{self.W} x {self.W}, zeros but for one of {self.classes} shapes"),
            ("layer", f"{self.K} filters at every position, then ReLU"),
            ("in detail", self.network),
            ("last layer", f"dense, {self.classes} classes"),
            ("trained on", "shapes in the top left quarter, until it knows them all"),
        ]


def corner(draw: Draw) -> Corner:
    """Draw a network, and what it was trained on."""
    return Corner(
        network=draw.pick(tuple(NETWORKS)),
        classes=draw.pick(range(3, 11)),
        W=draw.pick(range(16, 41, 2)),
        K=draw.pick((16, 20, 24, 32)),
    )
