"""Set-ups of several layers, and those that are asked about backwards; see `setups`."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cnnlesson import arithmetic, network
from cnnlesson.arithmetic import Shape
from cnnlesson.quiz.cards import Given
from cnnlesson.quiz.setups import Draw, Layer, Row
from cnnlesson.settings import shown

POOL = 2
"""Height, width and stride of a pooling window."""

FOLLOWING = 3
"""Height and width of the filters that follow the pooling."""

BYTES = 4
"""What a number takes as float32."""


# --- A convolution, a pooling, and what follows it -------------------------------------------


@dataclass(frozen=True)
class Chain:
    """A convolution and a 2 x 2 pooling, followed by a 3 x 3 convolution or a dense layer.

    Attributes:
        first: the first layer.
        filters: how many filters the convolution after the pooling has.
        classes: how many neurons the dense layer has.
    """

    first: Layer
    filters: int
    classes: int

    @property
    def layers(self) -> tuple[network.Layer, ...]:
        """The two convolutions and the pooling between them, as `network` has them."""
        return (self._convolution, network.Pool("max", POOL), self._following)

    @cached_property
    def pooled_shape(self) -> Shape:
        """(H, W, K) after the pooling, by `network`."""
        return network.Network(self.layers[:2], self.first.input_shape).output_shape

    @cached_property
    def following(self) -> Layer:
        """The convolution after the pooling, over what it gets."""
        return Layer(self.pooled_shape, FOLLOWING, self.filters)

    @property
    def convolved(self) -> network.Network:
        """The network of the two convolutions."""
        return network.Network(self.layers, self.first.input_shape)

    @property
    def classifier(self) -> network.Network:
        """The network that ends in the dense layer instead."""
        layers = (*self.layers[:2], network.Flatten(), network.Dense(self.classes))
        return network.Network(layers, self.first.input_shape)

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        g = self.first
        return [
            ("input, height x width x depth", f"{g.H} x {g.W} x {g.C}"),
            (
                "1. convolution",
                f"{g.K} filters, each {g.F} x {g.F} x {g.C} and with one bias; stride {g.S}, "
                f"zero padding {g.P} on every side",
            ),
            ("2. max pooling", f"windows of {POOL} x {POOL}, stride {POOL}, no padding"),
        ]

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; none of them is an answer."""
        first = Given(**self.first.given())
        return {"first": first, "filters": self.filters, "classes": self.classes}

    def figure(self) -> Any:
        """Draw the input and one filter of the first layer."""
        return self.first.figure()

    @property
    def _convolution(self) -> network.Conv:
        g = self.first
        return network.Conv(g.filter_size, g.K, stride=g.S, padding=g.P)

    @property
    def _following(self) -> network.Conv:
        return network.Conv(FOLLOWING, self.filters)


def chain(draw: Draw) -> Chain:
    """Draw a chain like the lesson's; where a stride does not fit, sizes are rounded down."""
    filter_size = draw.pick(range(3, 9))
    first = Layer(
        (draw.pick(range(30, 65)), draw.pick(range(30, 65)), draw.pick((2, 3, 4, 5))),
        filter_size,
        draw.pick((8, 10, 12, 16, 20, 24)),
        stride=draw.pick((2, 3)),
        padding=draw.pick(range(1, min(4, filter_size))),
    )
    return Chain(first, filters=draw.pick((18, 30, 32, 40, 48)), classes=draw.pick((5, 7, 9, 11)))


# --- A chain that breaks ---------------------------------------------------------------------


@dataclass(frozen=True)
class Stack:
    """Layers over an input, one of which cannot follow the one before it.

    Attributes:
        input_shape: (H, W, C).
        layers: from input to output.
    """

    input_shape: Shape
    layers: tuple[network.Layer, ...]

    @cached_property
    def broken(self) -> int | None:
        """Which layer is the first that breaks, counting from 1; None if all fit."""
        shape = self.input_shape
        for number, layer in enumerate(self.layers, 1):
            try:
                shape = layer.output_shape(shape)
            except ValueError:
                return number
        return None

    @property
    def reason(self) -> str:
        """Why it breaks, as `network` says it; empty if it does not."""
        try:
            network.Network(self.layers, self.input_shape)
        except ValueError as error:
            return str(error)
        return ""

    @property
    def names(self) -> list[str]:
        """The layers in words, counted from 1."""
        return [f"Layer {number}: {layer}" for number, layer in enumerate(self.layers, 1)]

    def rows(self) -> list[Row]:
        """The input; the layers are what is chosen from."""
        high, wide, deep = self.input_shape
        return [("input, height x width x depth", f"{high} x {wide} x {deep}")]

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; none of them is an answer."""
        return {"input_shape": self.input_shape, "layers": self.layers}

    def figure(self) -> None:
        """Nothing to draw: the sizes on the way are what is asked for."""


STACK_LENGTH = 6
"""How many layers such a stack has."""


def stack(draw: Draw) -> Stack:
    """Draw a stack that breaks, as often at one layer as at another, but not early."""
    place = draw.pick(range(3, STACK_LENGTH + 1))
    while True:
        layers: list[network.Layer] = [_convolution(draw)]
        for _ in range(STACK_LENGTH - 1):
            pools = isinstance(layers[-1], network.Conv) and draw.pick((True, False))
            layers.append(network.Pool("max", POOL) if pools else _convolution(draw))
        lengths = range(4 + 4 * place, 20 + 6 * place)
        drawn = Stack((draw.pick(lengths), draw.pick(lengths), 3), tuple(layers))
        if drawn.broken == place:
            return drawn


def _convolution(draw: Draw) -> network.Conv:
    return network.Conv(
        draw.pick((3, 3, 5, 7)),
        draw.pick((8, 16, 32)),
        stride=draw.pick((1, 1, 2)),
        padding=draw.pick((0, 0, 1)),
    )


# --- Backwards -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """A layer of which the output is known, and the input is not.

    Attributes:
        output: height and width of the output.
        layer: the layer, over the smallest input that gives this output.
    """

    output: tuple[int, int]
    layer: Layer

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        high, wide = self.output
        return [
            ("output, height x width x depth", f"{high} x {wide} x {self.layer.K}"),
            *self.layer.rows()[1:],
        ]

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; the input is what is asked for."""
        layer = self.layer.given()
        for name in ("H", "W", "input_shape"):
            del layer[name]
        return {"output": self.output, "layer": Given(**layer)}

    def figure(self) -> None:
        """Nothing to draw: to scale, the output would show the input."""


def wanted(draw: Draw) -> Wanted:
    """Draw an output size and the layer that led to it."""
    filter_size = draw.pick(range(3, 10))
    stride = draw.pick(range(2, min(5, filter_size) + 1))
    padding = draw.pick(range(1, min(4, filter_size)))
    output = draw.pick(range(8, 31)), draw.pick(range(8, 31))
    depth, filters = draw.pick((1, 3, 4)), draw.pick((8, 12, 16, 20))
    return backwards(output, filter_size, filters, depth, stride=stride, padding=padding)


def backwards(
    output: tuple[int, int],
    filter_size: int,
    filters: int,
    depth: int,
    *,
    stride: int,
    padding: int,
) -> Wanted:
    """Return the set-up for a layer whose output is `output`.

    Raises:
        ValueError: if no input gives it.
    """
    high, wide = (
        arithmetic.input_sizes_for(size, filter_size, stride=stride, padding=padding)[0]
        for size in output
    )
    return Wanted(output, Layer((high, wide, depth), filter_size, filters, stride, padding))


@dataclass(frozen=True)
class Budget:
    """What a layer has to reach, and what it may cost.

    Attributes:
        input_shape: (H, W, C).
        output: height and width that the output has to have.
        fewest_filters: how many maps it needs at least.
        most_parameters: how many parameters it may have.
        most_bytes: what its activations may take, for one image in float32.
        layer: one that does it.
    """

    input_shape: Shape
    output: tuple[int, int]
    fewest_filters: int
    most_parameters: int
    most_bytes: int
    layer: Layer

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("input, height x width x depth", " x ".join(map(str, self.input_shape))),
            ("output, height x width", " x ".join(map(str, self.output))),
            ("filters, at least", str(self.fewest_filters)),
            ("parameters with biases, at most", str(self.most_parameters)),
            ("bytes of the output, at most", str(self.most_bytes)),
        ]

    def given(self) -> dict[str, Any]:
        """The numbers by name, for a student to compute with; the layer is what is asked for."""
        return {
            "input_shape": self.input_shape,
            "output": self.output,
            "fewest_filters": self.fewest_filters,
            "most_parameters": self.most_parameters,
            "most_bytes": self.most_bytes,
        }

    def figure(self) -> None:
        """Nothing to draw: a filter is what is to be found."""

    def lacks(self, answer: Sequence[Any]) -> str | None:
        """Say what a layer does not fulfil, or None if it does everything.

        Args:
            answer: filter size, stride, padding and number of filters.
        """
        if not all(isinstance(number, int) for number in answer):
            return "Each of the four is one whole number, the same for height and width."
        filter_size, stride, padding, filters = answer
        if min(filter_size, stride, filters) < 1 or padding < 0:
            return (
                "Filter size, stride and number of filters are at least 1, and the padding is not "
                "negative."
            )
        if padding >= filter_size:
            return "The padding has to be smaller than the filter, or it would see zeros alone."
        try:
            shape = arithmetic.output_shape(
                self.input_shape, filter_size, filters, stride=stride, padding=padding
            )
        except ValueError:
            return "That filter does not fit into the padded input."
        if shape[:2] != self.output:
            return (
                f"That gives an output of {shown(shape[0])} x {shown(shape[1])}, which is not "
                "the one wanted."
            )
        if filters < self.fewest_filters:
            return f"More filters are needed than {shown(filters)}."
        return self._too_dear(filter_size, filters) or self._leaves_out(answer)

    def _too_dear(self, filter_size: int, filters: int) -> str | None:
        parameters = arithmetic.parameters_shared(filter_size, self.input_shape[2], filters)
        if parameters > self.most_parameters:
            return f"The output is right, but that takes {shown(parameters)} parameters, too many."
        memory = arithmetic.activation_memory((*self.output, filters), bytes_per_number=BYTES)
        if memory > self.most_bytes:
            return f"The output is right, but its numbers take {shown(memory)} bytes, too many."
        return None

    def _leaves_out(self, answer: Sequence[int]) -> str | None:
        filter_size, stride, padding, _ = answer
        for size, line in zip(self.input_shape, ("rows", "columns"), strict=False):
            left_out = arithmetic.unread(size, filter_size, stride=stride, padding=padding).pixels
            if left_out:
                return f"The output and the costs are right, but some {line} are never read."
        return None


def budget(draw: Draw) -> Budget:
    """Draw a layer that reads every pixel, and a budget that hardly larger ones exceed."""
    while True:
        filter_size = draw.pick((3, 4, 5, 6))
        drawn = Layer(
            (draw.pick(range(24, 65)), draw.pick(range(24, 65)), draw.pick((3, 4, 6))),
            filter_size,
            draw.pick((8, 12, 16, 20, 24)),
            stride=draw.pick(range(2, min(4, filter_size) + 1)),
            padding=draw.pick(range(1, min(3, filter_size))),
        )
        made = within(drawn, draw.pick((1, 2)))
        if made.lacks((drawn.F, drawn.S, drawn.P, drawn.K)) is None:
            return made


def within(layer: Layer, slack: int) -> Budget:
    """Return the budget that a layer keeps: `slack` filters more would still do."""
    high, wide, filters = layer.output_shape
    most = filters + slack
    return Budget(
        layer.input_shape,
        (high, wide),
        filters,
        arithmetic.parameters_shared(layer.filter_size, layer.C, most),
        math.prod((high, wide, most, BYTES)),
        layer,
    )
