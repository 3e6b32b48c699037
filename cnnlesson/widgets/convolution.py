"""The Convolution visualiser: an input, a filter and an output, and what meets what."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike, NDArray

from cnnlesson import arithmetic, ops, pictures
from cnnlesson.drawing import Drawing
from cnnlesson.settings import PerSide, per_side, shown
from cnnlesson.widgets.base import Visualiser, module
from cnnlesson.widgets.boards import Board, side_by_side

LARGEST_INPUT = 64
LARGEST_FILTER = 11
MOST_FILTERS = 32
MOST_CHANNELS = 3

_GRID = [
    [0, 0, 1, 0, 0],
    [0, 1, 2, 1, 0],
    [1, 2, 3, 2, 1],
    [0, 1, 2, 1, 0],
    [0, 0, 1, 0, 0],
]
_EDGES = [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]


class Convolution(Visualiser):
    """A convolution to walk through: every output with its patch, its products and its sum.

    Attributes:
        input: C x H x W numbers, channel by channel.
        filters: K x C x F_h x F_w numbers.
        bias: K numbers.
        stride: S, in pixels.
        padding: zeros at the top, bottom, left and right.
        dilation: D, the distance in pixels between neighbouring weights.
        position: row and column of the output that is spelled out.
        view: "steps", or "padding" for how often each pixel is used.
    """

    _esm = module("arithmetic.js", "ui.js", "grid.js", "convolution.js")

    input: traitlets.List[Any] = traitlets.List().tag(sync=True)
    filters: traitlets.List[Any] = traitlets.List().tag(sync=True)
    bias = traitlets.List(traitlets.Float()).tag(sync=True)
    stride = traitlets.Int(1, min=1).tag(sync=True)
    padding = traitlets.List(traitlets.Int(min=0), minlen=4, maxlen=4).tag(sync=True)
    dilation = traitlets.Int(1, min=1).tag(sync=True)
    position = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    view = traitlets.Enum(["steps", "padding"], "steps").tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        input: ArrayLike | None = None,  # noqa: A002 - the word that readers know
        filters: ArrayLike | None = None,
        *,
        bias: ArrayLike | None = None,
        padding: PerSide = 0,
        **settings: Any,
    ) -> None:
        """Show a convolution; by default of a 5x5 grid with a 3x3 filter.

        Args:
            input: H x W or C x H x W numbers, at most 64x64x3.
            filters: F x F, C x F x F, or K x C x F x F numbers; at most 32 filters of 11x11.
            bias: one number per filter; zeros unless given.
            padding: as everywhere in the library: one number, (height, width), or
                ((top, bottom), (left, right)).
            settings: `stride`, `dilation`, `view`, `goal`, `predict`.

        Raises:
            ValueError: if the numbers do not form an input and filters that fit each other.
        """
        image = _array("input", _GRID if input is None else input, axes=3)
        weights = _array("filters", _EDGES if filters is None else filters, axes=4)
        biases = np.zeros(len(weights)) if bias is None else _array("bias", bias, axes=1)
        if len(biases) != len(weights):
            raise ValueError(f"{len(biases)} biases for {len(weights)} filters: give one for each")
        super().__init__(
            input=image.tolist(),
            filters=weights.tolist(),
            bias=biases.tolist(),
            padding=[zeros for sides in per_side(padding) for zeros in sides],
            pictures={
                "the cat": pictures.cat(24).round(2).tolist(),
                **{name: pictures.glyph(name).tolist() for name in pictures.GLYPH_NAMES},
            },
            **settings,
        )

    @traitlets.validate("input")
    def _fitting_input(self, proposal: Any) -> Any:
        image = _array("input", proposal["value"], axes=3)
        if image.shape[0] > MOST_CHANNELS or max(image.shape[1:]) > LARGEST_INPUT:
            raise ValueError(
                f"an input of {image.shape[1]}x{image.shape[2]}x{image.shape[0]} is too large to "
                f"show: at most {LARGEST_INPUT}x{LARGEST_INPUT}x{MOST_CHANNELS}"
            )
        return image.tolist()

    @traitlets.validate("filters")
    def _fitting_filters(self, proposal: Any) -> Any:
        weights = _array("filters", proposal["value"], axes=4)
        if len(weights) > MOST_FILTERS or max(weights.shape[2:]) > LARGEST_FILTER:
            raise ValueError(
                f"{len(weights)} filters of {weights.shape[2]}x{weights.shape[3]} are too many or "
                f"too large to show: at most {MOST_FILTERS} of {LARGEST_FILTER}x{LARGEST_FILTER}"
            )
        if self.input and weights.shape[1] != len(self.input):
            raise ValueError(
                f"filters for {weights.shape[1]} channels do not fit an input of {len(self.input)}"
            )
        return weights.tolist()

    @property
    def output(self) -> NDArray[np.float64]:
        """The output, K x H_out x W_out, by `ops.conv2d`.

        Raises:
            ValueError: if the filters do not fit into the padded input.
        """
        top, bottom, left, right = self.padding
        maps = ops.conv2d(
            np.array([self.input], np.float64),
            np.array(self.filters, np.float64),
            np.array(self.bias, np.float64),
            stride=self.stride,
            padding=((top, bottom), (left, right)),
            dilation=self.dilation,
        )
        return np.asarray(maps[0], np.float64)

    @property
    def uses(self) -> NDArray[np.int64]:
        """How many positions use each pixel of the padded input; 0 if the filter does not fit."""
        sides = self.padding[:2], self.padding[2:]
        axes = zip(np.shape(self.input)[1:], np.shape(self.filters)[2:], sides, strict=True)
        rows, columns = (self._uses_of_axis(*axis) for axis in axes)
        return np.outer(rows, columns)

    def _uses_of_axis(
        self, input_size: int, filter_size: int, sides: Sequence[int]
    ) -> NDArray[np.int64]:
        before, after = sides
        try:
            positions = arithmetic.output_size(
                input_size,
                filter_size,
                stride=self.stride,
                padding=(before, after),
                dilation=self.dilation,
            )
        except ValueError:  # the filter does not fit
            positions = 0
        first = self.stride * np.arange(positions)[:, None]
        used = first + self.dilation * np.arange(filter_size)
        return np.bincount(used.ravel(), minlength=before + input_size + after)

    def description(self) -> str:
        """Say what is shown, in one sentence."""
        depth, height, width = np.shape(self.input)
        count, _, filter_height, filter_width = np.shape(self.filters)
        top, bottom, left, right = self.padding
        try:
            result = "x".join(
                map(
                    str,
                    arithmetic.output_shape(
                        (height, width, depth),
                        (filter_height, filter_width),
                        count,
                        stride=self.stride,
                        padding=((top, bottom), (left, right)),
                        dilation=self.dilation,
                    ),
                )
            )
        except ValueError:
            result = "none, since the filter does not fit"
        result = "to be predicted" if self.predict else result
        plural = "filter" if count == 1 else "filters"
        used = ""
        if self.view == "padding":
            pixels = self.uses[top : top + height, left : left + width]
            counts = " to ".join(map(str, sorted({pixels.min(), pixels.max()})))
            used = f"; each pixel of the input is used {counts} times"
        return (
            f"Convolution of an input of {height}x{width}x{depth} with {count} {plural} of "
            f"{filter_height}x{filter_width}x{depth}, stride {self.stride}, "
            f"padding {_sides_text(self.padding)}, dilation {self.dilation}; output: {result}{used}"
        )

    def picture(self) -> Drawing:
        """Draw the padded input or how often it is used, the first filter, and its output."""
        top, bottom, left, right = self.padding
        if self.view == "padding":
            name, image = "Input: how often used", self.uses.astype(float)
        else:
            name = "Input"
            image = np.pad(np.array(self.input[0]), ((top, bottom), (left, right)))
        weights = np.array(self.filters[0][0])
        try:
            output = self.output[0]
        except ValueError:  # the filter does not fit
            output = np.zeros((0, 0))
        output = output[:0, :0] if self.predict else output
        inside = np.zeros(image.shape, bool)
        inside[top : len(image) - bottom, left : image.shape[1] - right] = True
        boards = [Board(name, image, ~inside), Board("Filter", weights), Board("Output", output)]
        return side_by_side("Convolution", self.description(), boards)


def convolution(*arrays: ArrayLike, **settings: Any) -> Convolution:
    """Show a convolution; arguments are those of `Convolution`."""
    return Convolution(*arrays, **settings)


def padding(*arrays: ArrayLike, **settings: Any) -> Convolution:
    """Show how often each pixel is used: the lesson's 5x5 grid with a 3x3 filter, or others.

    Arguments are those of `Convolution`.
    """
    return Convolution(*arrays, **{"view": "padding", **settings})


def _sides_text(sides: list[int]) -> str:
    return str(sides[0]) if len(set(sides)) == 1 else "/".join(map(str, sides))


def _array(name: str, numbers: ArrayLike, *, axes: int) -> NDArray[np.float64]:
    """Read numbers as float64 with so many axes; missing leading ones are of length 1."""
    try:
        array = np.asarray(numbers, np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name} must be a grid of numbers, not {shown(numbers)}") from None
    if not min(axes, 2) <= array.ndim <= axes or 0 in array.shape:
        raise ValueError(f"{name} must have up to {axes} axes of numbers, not shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds numbers that are not finite")
    return array.reshape((1,) * (axes - array.ndim) + array.shape)
