"""Networks as data: layers, and what each costs.

A `Network` is a stack of layers over an input of height x width x depth. It holds no weights:
it counts them. After every layer it tells the shape, the parameters, the multiply-adds, the
memory of the activations and the receptive field; a layer that cannot be is refused with its
position and the reason.

Multiply-adds count the products of weights with activations, as papers do: pooling, activations,
sums and batch normalisation (which a trained network folds into the convolution before it) count
as none. Memory is that of every layer's output, for one image in float32.

Through blocks, the receptive field is that of the *largest* branch: a neuron depends on all that
any path brings to it.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from cnnlesson import arithmetic
from cnnlesson.arithmetic import AxisLayer, Padding, Shape, ShapeLike
from cnnlesson.settings import Pair, PerAxis, PerSide, per_axis, per_side, whole
from cnnlesson.tables import Table

PoolKind = Literal["max", "average"]
"""What is taken of a window: its largest number, or the mean."""

ActivationKind = Literal["relu", "relu6", "tanh"]
"""Functions of one number."""


# --- Layers ----------------------------------------------------------------------------------


class Layer:
    """What a network asks of a layer. As it stands here: nothing learned, nothing changed.

    Each method takes the shape (H, W, C) of the layer's input, and raises TypeError or ValueError
    with the reason if the layer cannot follow it.
    """

    def output_shape(self, shape: Shape) -> Shape:
        """Give (H, W, C) of the output."""
        return shape

    def parameters(self, shape: Shape) -> int:  # noqa: ARG002
        """Count what training sets."""
        return 0

    def multiply_adds(self, shape: Shape) -> int:  # noqa: ARG002
        """Count the products of weights with activations, for one image."""
        return 0

    def windows(self, shape: Shape) -> tuple[AxisLayer, AxisLayer]:  # noqa: ARG002
        """Give the window that an output sees of the input, along the height and the width."""
        return AxisLayer(1), AxisLayer(1)


@dataclass(frozen=True)
class Conv(Layer):
    """A convolutional layer; with `shared=False` the layer that it would be without sharing.

    Attributes:
        filter_size: F, or (height, width).
        out_channels: K, the number of filters.
        stride: S, in pixels.
        padding: P, zeros around the input, in any form that `arithmetic` takes.
        dilation: D, the distance in pixels between neighbouring weights.
        groups: G; a filter sees C/G of the channels.
        bias: whether each filter has one.
        shared: whether a filter keeps its weights from position to position. If not, every
            output position has filters and biases of its own ("locally connected").
        connections: for each of the K filters, the input channels that it sees, counted from 0;
            None if it sees all of its group.
    """

    filter_size: PerAxis
    out_channels: int
    stride: PerAxis = 1
    padding: Padding = 0
    dilation: PerAxis = 1
    groups: int = 1
    bias: bool = True
    shared: bool = True
    connections: tuple[tuple[int, ...], ...] | None = None

    def output_shape(self, shape: Shape) -> Shape:
        """Give (H_out, W_out, K)."""
        return arithmetic.output_shape(
            shape,
            self.filter_size,
            self.out_channels,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
        )

    def parameters(self, shape: Shape) -> int:
        """Count the weights and the biases."""
        return sum(
            self._parameters(depth, filters, shape) for depth, filters in self._bundles(shape)
        )

    def multiply_adds(self, shape: Shape) -> int:
        """Count one for each weight at each position; sharing saves none."""
        height, width, _ = shape
        return sum(
            arithmetic.multiply_adds(
                (height, width, depth),
                self.filter_size,
                filters,
                stride=self.stride,
                padding=self.padding,
                dilation=self.dilation,
                groups=self.groups,
            )
            for depth, filters in self._bundles(shape)
        )

    def windows(self, shape: Shape) -> tuple[AxisLayer, AxisLayer]:
        """Give the window of a filter."""
        return _windows(shape, self.filter_size, self.stride, self.padding, self.dilation)

    def __str__(self) -> str:
        return "".join(
            (
                "Conv " if self.shared else "Unshared conv ",
                f"{_extent(self.filter_size)}, {self.out_channels} maps",
                _setting("stride", self.stride, 1),
                _setting("padding", self.padding, 0),
                _setting("dilation", self.dilation, 1),
                _setting("groups", self.groups, 1),
                "" if self.connections is None else ", by table",
                "" if self.bias else ", no bias",
            )
        )

    def _bundles(self, shape: Shape) -> Iterator[tuple[int, int]]:
        """Split the filters by the channels that they see: (depth of the input, filters)."""
        depth = shape[2]
        if self.connections is None:
            yield depth, self.out_channels
            return
        if self.groups != 1:
            raise ValueError(
                f"a connection table and {self.groups} groups exclude each other: take groups=1"
            )
        if len(self.connections) != self.out_channels:
            raise ValueError(
                f"the connection table has {len(self.connections)} rows for "
                f"{self.out_channels} filters: give one row for each"
            )
        for channels in self.connections:
            if not channels or len(set(channels)) < len(channels):
                raise ValueError(f"a filter sees some channels, each once, not {channels}")
            if not set(channels) <= set(range(depth)):
                raise ValueError(
                    f"a filter sees channels {channels}, but the input has 0 to {depth - 1}"
                )
            yield len(channels), 1

    def _parameters(self, depth: int, filters: int, shape: Shape) -> int:
        if self.shared:
            return arithmetic.parameters_shared(
                self.filter_size, depth, filters, groups=self.groups, bias=self.bias
            )
        return arithmetic.parameters_unshared(
            (shape[0], shape[1], depth),
            self.filter_size,
            filters,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=self.groups,
            bias=self.bias,
        )


@dataclass(frozen=True)
class Pool(Layer):
    """Pooling: the maximum or the average of each window, map by map.

    Attributes:
        kind: "max" or "average".
        filter_size: F, the size of a window.
        stride: S; F unless given.
        padding: P, around the input.
        ceil: whether a last window may hang over the end.
        trainable: LeNet-5's subsampling of 1998: the sum of a window times a weight, plus a bias,
            one of each per map (LeCun et al., section II.B).
    """

    kind: PoolKind
    filter_size: PerAxis
    stride: PerAxis | None = None
    padding: PerSide = 0
    ceil: bool = False
    trainable: bool = False

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, ("max", "average"))

    def output_shape(self, shape: Shape) -> Shape:
        """Give (H_out, W_out, C)."""
        filters = per_axis("filter_size", self.filter_size)
        strides = per_axis("stride", self._stride)
        paddings = per_side(self.padding)
        height, width = (
            arithmetic.pooled_size(
                shape[axis],
                filters[axis],
                stride=strides[axis],
                padding=paddings[axis],
                ceil=self.ceil,
            )
            for axis in (0, 1)
        )
        return height, width, shape[2]

    def parameters(self, shape: Shape) -> int:
        """Count none, or if trainable a weight and a bias per map."""
        return 2 * shape[2] if self.trainable else 0

    def multiply_adds(self, shape: Shape) -> int:
        """Count none, or if trainable one per output: its weight times the sum."""
        return math.prod(self.output_shape(shape)) if self.trainable else 0

    def windows(self, shape: Shape) -> tuple[AxisLayer, AxisLayer]:
        """Give the window that is pooled."""
        return _windows(shape, self.filter_size, self._stride, self.padding, 1)

    def __str__(self) -> str:
        return "".join(
            (
                f"{self.kind.capitalize()} pool {_extent(self.filter_size)}",
                _setting("stride", self._stride, self.filter_size),
                _setting("padding", self.padding, 0),
                ", ceil" if self.ceil else "",
                ", trainable" if self.trainable else "",
            )
        )

    @property
    def _stride(self) -> PerAxis:
        return self.filter_size if self.stride is None else self.stride


@dataclass(frozen=True)
class _WholeInput(Layer):
    """A layer whose one output position sees all positions of its input."""

    def windows(self, shape: Shape) -> tuple[AxisLayer, AxisLayer]:
        """Give a window of the input's height and width."""
        return _windows(shape, shape[:2], shape[:2], 0, 1)


@dataclass(frozen=True)
class GlobalPool(_WholeInput):
    """Pooling over all positions: what is left of a map is one number, and no position.

    Attributes:
        kind: "max" or "average".
    """

    kind: PoolKind

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, ("max", "average"))

    def output_shape(self, shape: Shape) -> Shape:
        """Give (1, 1, C)."""
        return 1, 1, shape[2]

    def __str__(self) -> str:
        return f"Global {self.kind} pool"


@dataclass(frozen=True)
class Flatten(_WholeInput):
    """All numbers of the input in one long row, so that each position is told from the others."""

    def output_shape(self, shape: Shape) -> Shape:
        """Give (1, 1, H * W * C)."""
        return 1, 1, math.prod(shape)

    def __str__(self) -> str:
        return "Flatten"


@dataclass(frozen=True)
class Dense(_WholeInput):
    """A fully connected layer: every neuron sees every number of the input.

    Attributes:
        units: the number of neurons.
        bias: whether each has one.
    """

    units: int
    bias: bool = True

    def output_shape(self, shape: Shape) -> Shape:  # noqa: ARG002
        """Give (1, 1, units)."""
        return 1, 1, whole("units", self.units, at_least=1)

    def parameters(self, shape: Shape) -> int:
        """Count a weight for each pair of input and neuron, and the biases."""
        return arithmetic.parameters_dense(math.prod(shape), self.units, bias=self.bias)

    def multiply_adds(self, shape: Shape) -> int:
        """Count one for each weight."""
        return arithmetic.multiply_adds_dense(math.prod(shape), self.units)

    def __str__(self) -> str:
        return f"Dense, {self.units} units" + ("" if self.bias else ", no bias")


@dataclass(frozen=True)
class RadialBasis(Dense):
    """LeNet-5's output of 1998: distances to one drawing per class, made by hand, not trained."""

    def parameters(self, shape: Shape) -> int:  # noqa: ARG002
        """Count none: the drawings are fixed."""
        return 0

    def __str__(self) -> str:
        return f"Radial basis, {self.units} units, fixed"


@dataclass(frozen=True)
class Activation(Layer):
    """A function applied to every number.

    Attributes:
        kind: "relu", "relu6" (a ReLU that stops at 6) or "tanh".
    """

    kind: ActivationKind = "relu"

    def __post_init__(self) -> None:
        _one_of("kind", self.kind, ("relu", "relu6", "tanh"))

    def __str__(self) -> str:
        return {"relu": "ReLU", "relu6": "ReLU6", "tanh": "Tanh"}[self.kind]


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Batch normalisation: a scale and a shift learned per channel.

    Its running means and variances are kept, not learned, and do not count.
    """

    def parameters(self, shape: Shape) -> int:
        """Count two per channel."""
        return 2 * shape[2]

    def __str__(self) -> str:
        return "Batch norm"


# --- Blocks ----------------------------------------------------------------------------------


class Branch(NamedTuple):
    """One path through a block.

    Attributes:
        layers: the layers on it; none if it hands its input on.
        first: the numbers of its first layer within the block: 2, or 1.2 as (1, 2).
        name: what to call the path in front of its layers, if anything.
    """

    layers: "Stack"
    first: tuple[int, ...]
    name: str = ""


class Block:
    """Paths that start from one input and are joined again."""

    def branches(self) -> tuple[Branch, ...]:
        """Give the paths, in the order in which a summary lists them."""
        raise NotImplementedError

    def join(self, input_shape: Shape, shapes: Sequence[Shape]) -> Shape:
        """Give the shape of what the paths' outputs make together.

        Args:
            input_shape: (H, W, C) of the block's input.
            shapes: (H, W, C) of each path's output, in order.

        Raises:
            ValueError: if they do not go together.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Residual(Block):
    """What the body makes of the input, added to the input (or to what the shortcut makes of it).

    The shortcut's layers are numbered on from the body's. (K. He et al., "Deep residual learning
    for image recognition", 2016.)

    Attributes:
        body: layers.
        shortcut: layers; none if the input is added as it is.
    """

    body: "Stack"
    shortcut: "Stack" = ()

    def branches(self) -> tuple[Branch, ...]:
        """Give the body and the shortcut."""
        return (
            Branch(self.body, (1,)),
            Branch(self.shortcut, (len(self.body) + 1,), "Shortcut: "),
        )

    def join(self, input_shape: Shape, shapes: Sequence[Shape]) -> Shape:
        """Give the shape that body and shortcut agree on."""
        body, shortcut = shapes
        if body == shortcut:
            return body
        message = (
            f"the body gives {_shape(body)} and the shortcut {_shape(shortcut)}, but only equal "
            "shapes can be added"
        )
        strides = [
            arithmetic.strides_for(wanted, size, 1)
            for wanted, size in zip(body[:2], input_shape[:2], strict=True)
        ]
        if all(strides):
            stride = tuple(choices[0] for choices in strides)
            message += f": let the shortcut be Conv(1, {body[2]}, stride={stride})"
        raise ValueError(message)

    def __str__(self) -> str:
        return "Sum (residual)"


@dataclass(frozen=True)
class Parallel(Block):
    """Branches side by side on one input, their maps stacked in depth, as in Inception.

    Attributes:
        paths: the layers of each branch; a branch without any hands the input on.
    """

    paths: "Sequence[Stack]"

    def branches(self) -> tuple[Branch, ...]:
        """Give the branches: layer l of branch b has the number b.l."""
        return tuple(Branch(layers, (number, 1)) for number, layers in enumerate(self.paths, 1))

    def join(self, input_shape: Shape, shapes: Sequence[Shape]) -> Shape:  # noqa: ARG002
        """Give the common height and width, and the sum of the depths."""
        if not shapes:
            raise ValueError("it has no branches: give at least one")
        sizes = {shape[:2] for shape in shapes}
        if len(sizes) > 1:
            raise ValueError(
                f"its branches give {', '.join(map(_shape, shapes))}, but only maps of one height "
                "and width can be stacked: pad the branches with the larger filters"
            )
        return (*sizes.pop(), sum(shape[2] for shape in shapes))

    def __str__(self) -> str:
        return "Stack of maps (parallel)"


Stack = Sequence[Layer | Block]
"""Layers and blocks, from input to output."""


# --- Networks --------------------------------------------------------------------------------


class Row(NamedTuple):
    """What a network is after one of its layers.

    Attributes:
        position: where the layer stands, counting from 1, and inside blocks as in 5.2.
        layer: what it is, in words.
        shape: (H, W, C) of its output.
        parameters: those of this layer.
        multiply_adds: those of this layer, for one image.
        memory: bytes of its output, for one image in float32.
        receptive_field: (height, width) in pixels of the network's input on which a neuron of
            the output depends, padding included.
    """

    position: str
    layer: str
    shape: Shape
    parameters: int
    multiply_adds: int
    memory: int
    receptive_field: Pair


@dataclass(frozen=True)
class Network:
    """A stack of layers over an input, counted layer by layer; shows itself as a table.

    Attributes:
        layers: layers and blocks, from input to output.
        input_shape: (H, W, C) of one image.
        name: what to call the network.

    Raises:
        TypeError: if a setting of a layer is of the wrong type; as for ValueError, the message
            starts with the layer's position.
        ValueError: if a layer cannot follow the one before it.
    """

    layers: Stack
    input_shape: ShapeLike
    name: str = "Network"

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError(f"{self.name} has no layers: give at least one")
        object.__setattr__(self, "layers", tuple(self.layers))
        object.__setattr__(self, "input_shape", arithmetic.read_shape(self.input_shape))
        _ = self.rows  # an impossible layer is refused here, not at the first question

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """What the network is after each layer; a block's own row follows those inside it."""
        start = _Reached(arithmetic.read_shape(self.input_shape), (), ())
        return tuple(_follow(self.layers, start, (), 1, "")[0])

    @property
    def output_shape(self) -> Shape:
        """(H, W, C) after the last layer."""
        return self.rows[-1].shape

    @property
    def parameters(self) -> int:
        """All parameters that training sets."""
        return sum(row.parameters for row in self.rows)

    @property
    def multiply_adds(self) -> int:
        """All multiply-adds for one image."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def memory(self) -> int:
        """Bytes of all layers' outputs for one image in float32, as training keeps them."""
        return sum(row.memory for row in self.rows)

    @property
    def receptive_field(self) -> Pair:
        """(height, width) in pixels that a neuron of the output depends on."""
        return self.rows[-1].receptive_field

    def summary(self) -> Table:
        """Give all rows and the totals as a table."""
        return Table(
            caption=f"{self.name}, for an input of {_shape(self.input_shape)}",
            columns=(
                "Layer",
                "Kind",
                "Output (H × W × C)",
                "Parameters",
                "Multiply-adds",
                "Memory (bytes)",
                "Receptive field",
            ),
            rows=tuple(
                (
                    row.position,
                    row.layer,
                    _shape(row.shape),
                    row.parameters,
                    row.multiply_adds,
                    row.memory,
                    _extent(row.receptive_field),
                )
                for row in self.rows
            ),
            total=("Total", "", "", self.parameters, self.multiply_adds, self.memory, ""),
        )

    def __str__(self) -> str:
        return str(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


class _Reached(NamedTuple):
    """How far the walk through a network has come: the shape, and the windows on the way."""

    shape: Shape
    along_height: tuple[AxisLayer, ...]
    along_width: tuple[AxisLayer, ...]


def _follow(
    layers: Stack, reached: _Reached, block: tuple[int, ...], first: int, path_name: str
) -> tuple[list[Row], _Reached]:
    """Walk through a stack of layers, which starts at number `first` of a block."""
    rows: list[Row] = []
    for number, layer in enumerate(layers, first):
        position = (*block, number)
        before, ends = reached, []
        if isinstance(layer, Block):
            for branch in layer.branches():
                *path, start = (*position, *branch.first)
                inner, end = _follow(branch.layers, before, tuple(path), start, branch.name)
                rows += inner
                ends.append(end)
        try:
            if isinstance(layer, Block):
                reached = _join(layer, before, ends)
                parameters = products = 0
            elif isinstance(layer, Layer):
                reached = _pass(layer, before)
                parameters = layer.parameters(before.shape)
                products = layer.multiply_adds(before.shape)
            else:
                raise TypeError("it is neither a layer nor a block")
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"layer {_dotted(position)} ({path_name}{layer}) cannot follow "
                f"{_shape(before.shape)}: {error}"
            ) from error
        rows.append(
            Row(
                _dotted(position),
                f"{path_name}{layer}",
                reached.shape,
                parameters,
                products,
                arithmetic.activation_memory(reached.shape),
                (_field_size(reached.along_height), _field_size(reached.along_width)),
            )
        )
    return rows, reached


def _pass(layer: Layer, before: _Reached) -> _Reached:
    """Go through one layer."""
    shape = layer.output_shape(before.shape)
    height, width = layer.windows(before.shape)
    return _Reached(shape, (*before.along_height, height), (*before.along_width, width))


def _join(block: Block, before: _Reached, ends: list[_Reached]) -> _Reached:
    """Bring the paths through a block together, and keep the windows of the one that sees most."""
    shape = block.join(before.shape, [end.shape for end in ends])
    return _Reached(
        shape,
        max((end.along_height for end in ends), key=_field_size),
        max((end.along_width for end in ends), key=_field_size),
    )


def _field_size(windows: tuple[AxisLayer, ...]) -> int:
    """Give the pixels seen through a path's windows; without any, the pixel itself."""
    return arithmetic.receptive_field(windows)[-1].size if windows else 1


def _windows(
    shape: Shape, filter_size: PerAxis, stride: PerAxis, padding: Padding, dilation: PerAxis
) -> tuple[AxisLayer, AxisLayer]:
    """Say along each axis what `receptive_field` wants to know of a window."""
    filters = per_axis("filter_size", filter_size)
    strides = per_axis("stride", stride)
    dilations = per_axis("dilation", dilation)
    paddings = arithmetic.both_paddings(padding)
    height, width = (
        AxisLayer(
            filters[axis],
            strides[axis],
            arithmetic.padding_sides(
                paddings[axis],
                shape[axis],
                filters[axis],
                stride=strides[axis],
                dilation=dilations[axis],
            ),
            dilations[axis],
        )
        for axis in (0, 1)
    )
    return height, width


def _one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(known)}")


# What follows names a layer even where its settings make no sense, since messages need it.


def _dotted(position: tuple[int, ...]) -> str:
    return ".".join(map(str, position))


def _shape(shape: ShapeLike) -> str:
    return " × ".join(map(str, shape))


def _extent(size: object) -> str:
    several = isinstance(size, Sequence) and not isinstance(size, str)
    return " × ".join(map(str, size if several else (size, size)))  # type: ignore[call-overload]


def _setting(name: str, value: object, usual: object) -> str:
    return "" if value == usual else f", {name} {value}"


# --- Published networks ----------------------------------------------------------------------

# LeCun et al. 1998, table I: the maps of S2 that each map of C3 sees.
_C3_TABLE = (
    *((m, (m + 1) % 6, (m + 2) % 6) for m in range(6)),
    *(tuple(sorted((m + step) % 6 for step in range(4))) for m in range(6)),
    (0, 1, 3, 4),
    (1, 2, 4, 5),
    (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)


def running_example() -> Network:
    """The lesson's layer: 20 filters of 8 x 8 over 32 x 32 x 3, stride 2, padding 1."""
    return Network((Conv(8, 20, stride=2, padding=1),), (32, 32, 3), "The running example")


def lenet5(*, historical: bool = False) -> Network:
    """LeNet-5, which read handwritten digits, 32 x 32 in grayscale.

    Args:
        historical: as published, with 60,000 trained parameters: subsampling has a weight and a
            bias per map, C3 sees its input by a table, and the output compares with fixed
            drawings. If not, as taught today, with 61,706: average pooling, every filter sees
            all maps, and the output is a dense layer.

    Y. LeCun, L. Bottou, Y. Bengio and P. Haffner, "Gradient-based learning applied to document
    recognition", Proceedings of the IEEE, 1998, section II.B.
    """
    tanh = Activation("tanh")
    pool = Pool("average", 2, trainable=historical)
    return Network(
        (
            *(Conv(5, 6), tanh, pool, *((tanh,) if historical else ())),
            *(Conv(5, 16, connections=_C3_TABLE if historical else None), tanh),
            *(pool, *((tanh,) if historical else ())),
            *(Conv(5, 120), tanh, Flatten(), Dense(84), tanh),
            RadialBasis(10) if historical else Dense(10),
        ),
        (32, 32, 1),
        "LeNet-5 (1998)" if historical else "LeNet-5",
    )


def alexnet(*, historical: bool = False) -> Network:
    """AlexNet, for 1,000 classes; local response normalisation and dropout learn nothing.

    Args:
        historical: the network of 2012, with 60,965,224 parameters: two groups, since it was
            spread over two GPUs, on 227 x 227 pixels (the paper says 224, with which its first
            layer does not come to 55 x 55). If not, torchvision's, with 61,100,840, which
            follows the author's later version on one GPU, on 224 x 224 pixels.

    A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional
    neural networks", 2012; A. Krizhevsky, "One weird trick for parallelizing convolutional neural
    networks", 2014; torchvision.models.alexnet.
    """
    relu, pool = Activation(), Pool("max", 3, stride=2)
    groups = 2 if historical else 1
    first, second, fourth = (96, 256, 384) if historical else (64, 192, 256)
    return Network(
        (
            *(Conv(11, first, stride=4, padding=0 if historical else 2), relu, pool),
            *(Conv(5, second, padding=2, groups=groups), relu, pool),
            *(Conv(3, 384, padding=1), relu),
            *(Conv(3, fourth, padding=1, groups=groups), relu),
            *(Conv(3, 256, padding=1, groups=groups), relu, pool),
            *(Flatten(), Dense(4096), relu, Dense(4096), relu, Dense(1000)),
        ),
        (227, 227, 3) if historical else (224, 224, 3),
        "AlexNet (2012)" if historical else "AlexNet",
    )


def vgg16() -> Network:
    """VGG-16, for 1,000 classes: 138,357,544 parameters, most of them in one dense layer.

    K. Simonyan and A. Zisserman, "Very deep convolutional networks for large-scale image
    recognition", 2015, configuration D.
    """
    relu = Activation()
    layers: list[Layer] = []
    for convolutions, maps in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        layers += [Conv(3, maps, padding=1), relu] * convolutions
        layers.append(Pool("max", 2))
    layers += [Flatten(), Dense(4096), relu, Dense(4096), relu, Dense(1000)]
    return Network(layers, (224, 224, 3), "VGG-16")


def resnet18() -> Network:
    """ResNet-18, for 1,000 classes: 11,689,512 parameters.

    K. He, X. Zhang, S. Ren and J. Sun, "Deep residual learning for image recognition", 2016,
    with projections where the shape changes (option B), as in torchvision.models.resnet18.
    """
    relu, norm = Activation(), BatchNorm()
    layers: list[Layer | Block] = [Conv(7, 64, stride=2, padding=3, bias=False), norm, relu]
    layers.append(Pool("max", 3, stride=2, padding=1))
    depth = 64
    for maps, stride in (
        (64, 1),
        (64, 1),
        (128, 2),
        (128, 1),
        (256, 2),
        (256, 1),
        (512, 2),
        (512, 1),
    ):
        body = (
            *(Conv(3, maps, stride=stride, padding=1, bias=False), norm, relu),
            *(Conv(3, maps, padding=1, bias=False), norm),
        )
        projection = (Conv(1, maps, stride=stride, bias=False), norm)
        layers += [Residual(body, () if maps == depth else projection), relu]
        depth = maps
    layers += [GlobalPool("average"), Dense(1000)]
    return Network(layers, (224, 224, 3), "ResNet-18")


def mobilenet_v2() -> Network:
    """MobileNetV2, for 1,000 classes: 3,504,872 parameters, and few multiply-adds.

    M. Sandler, A. Howard, M. Zhu, A. Zhmoginov and L.-C. Chen, "MobileNetV2: inverted residuals
    and linear bottlenecks", 2018, table 2; torchvision.models.mobilenet_v2.
    """
    norm, relu6 = BatchNorm(), Activation("relu6")
    layers: list[Layer | Block] = [Conv(3, 32, stride=2, padding=1, bias=False), norm, relu6]
    depth = 32
    for expansion, maps, blocks, first_stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for stride in (first_stride, *[1] * (blocks - 1)):
            wide = expansion * depth
            expand = (Conv(1, wide, bias=False), norm, relu6)
            body = (
                *(expand if expansion > 1 else ()),
                *(Conv(3, wide, stride=stride, padding=1, groups=wide, bias=False), norm, relu6),
                *(Conv(1, maps, bias=False), norm),
            )
            layers += [Residual(body)] if stride == 1 and maps == depth else body
            depth = maps
    layers += [Conv(1, 1280, bias=False), norm, relu6, GlobalPool("average"), Dense(1000)]
    return Network(layers, (224, 224, 3), "MobileNetV2")
