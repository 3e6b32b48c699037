"""The Dimensionality visualiser: how large a layer's output is, and what the layer costs."""

import math
from contextlib import suppress
from itertools import pairwise, product
from typing import Any

import traitlets

from cnnlesson import arithmetic
from cnnlesson.arithmetic import Shape, ShapeLike, Unread
from cnnlesson.drawing import ACCENT, FILTER, INK, INPUT, MUTED, OUTPUT, Drawing
from cnnlesson.settings import shown, whole
from cnnlesson.volumes import Volume, volumes
from cnnlesson.widgets.base import Visualiser, module, style

LIMITS = {
    "height": (1, 512),
    "width": (1, 512),
    "in_channels": (1, 32),
    "filter_size": (1, 11),
    "stride": (1, 16),
    "padding": (0, 32),
    "dilation": (1, 8),
    "out_channels": (1, 32),
}
"""The smallest and the largest number of each control."""


_GROWTH_SIZES = (16, 32, 64, 128, 256, 512)
_SERIES = (("shared", ACCENT), ("unshared", INK), ("dense", INK))


class Dimensionality(Visualiser):
    """A layer's input, one filter and the output, drawn to scale, and all that can be counted.

    Attributes:
        input_shape: (H, W, C), height, width and depth of the input.
        filter_size: F.
        out_channels: K, the number of filters.
        stride: S, in pixels.
        padding: P, zeros on each side.
        dilation: D, the distance in pixels between neighbouring weights.
        view: "volumes", or "growth" for the parameters against the image's size.
        fewest: the fewest parameters with which the controls reach the goal, if it asks for them.
    """

    _esm = module("arithmetic.js", "ui.js", "dimensionality.js")
    _css = style("style.css", "dimensionality.css")

    input_shape = traitlets.List(traitlets.Int(), [32, 32, 3]).tag(sync=True)
    filter_size = traitlets.Int(8).tag(sync=True)
    out_channels = traitlets.Int(20).tag(sync=True)
    stride = traitlets.Int(2).tag(sync=True)
    padding = traitlets.Int(1).tag(sync=True)
    dilation = traitlets.Int(1).tag(sync=True)
    view = traitlets.Enum(["volumes", "growth"], "volumes").tag(sync=True)
    limits = traitlets.Dict(LIMITS, read_only=True).tag(sync=True)
    fewest = traitlets.Int(None, allow_none=True, read_only=True).tag(sync=True)

    def __init__(
        self,
        input_shape: ShapeLike = (32, 32, 3),
        filter_size: int = 8,
        out_channels: int = 20,
        *,
        stride: int = 2,
        padding: int = 1,
        dilation: int = 1,
        **settings: Any,
    ) -> None:
        """Show a layer; by default the lesson's running example.

        Args:
            input_shape: (H, W, C), at most 512x512x32.
            filter_size: F, at most 11.
            out_channels: K, at most 32.
            stride: S, at most 16.
            padding: P on each side, at most 32.
            dilation: D, at most 8.
            settings: `view`, `predict`, and `goal`, such as `{"output": [14, 14, 20]}`; with
                `"fewest": "parameters"` that output is to be reached with the fewest shared
                parameters, and with `"input": [32, 32, 3]` from this input.

        Raises:
            TypeError: if a number is not whole.
            ValueError: if a number is beyond what its control offers, or the goal cannot be read
                or reached.
        """
        super().__init__(
            input_shape=list(arithmetic.read_shape(input_shape)),
            filter_size=whole("filter_size", filter_size, at_least=1),
            out_channels=whole("out_channels", out_channels, at_least=1),
            stride=whole("stride", stride, at_least=1),
            padding=whole("padding", padding, at_least=0),
            dilation=whole("dilation", dilation, at_least=1),
            **settings,
        )

    @traitlets.validate("input_shape")
    def _offered_shape(self, proposal: Any) -> list[int]:
        shape = arithmetic.read_shape(proposal["value"])
        for name, size in zip(("height", "width", "in_channels"), shape, strict=True):
            _offered(name, size)
        return list(shape)

    @traitlets.validate("filter_size", "out_channels", "stride", "padding", "dilation")
    def _offered_number(self, proposal: Any) -> int:
        return _offered(proposal["trait"].name, proposal["value"])

    @traitlets.validate("goal")
    def _reachable(self, proposal: Any) -> dict[str, Any]:
        goal = dict(proposal["value"])
        if not goal:
            self.set_trait("fewest", None)
            return goal
        if "output" not in goal or set(goal) - {"output", "fewest", "input"}:
            raise ValueError(
                f"the goal is {shown(goal)}, but must give an output, as in "
                '{"output": [14, 14, 20]}, and besides at most "fewest" and "input"'
            )
        if goal.get("fewest", "parameters") != "parameters":
            raise ValueError(f'"fewest" is {goal["fewest"]!r}, but can only be "parameters"')
        goal |= {
            name: list(arithmetic.read_shape(goal[name]))
            for name in ("output", "input") & goal.keys()
        }
        least = fewest_parameters(goal["output"], goal.get("input"))
        self.set_trait("fewest", least if "fewest" in goal else None)
        return goal

    @property
    def output_shape(self) -> Shape:
        """(H_out, W_out, K), by `arithmetic.output_shape`.

        Raises:
            ValueError: if the filter does not fit into the padded input.
        """
        return arithmetic.output_shape(
            self.input_shape, self.filter_size, self.out_channels, **self._steps
        )

    @property
    def counts(self) -> dict[str, int]:
        """What the layer costs, by `arithmetic`.

        Neurons; parameters "shared", "unshared" and "dense"; multiply-adds; and the bytes that
        the output takes in float32.

        Raises:
            ValueError: if the filter does not fit into the padded input.
        """
        height, width, depth = self.input_shape
        layer = (self.input_shape, self.filter_size, self.out_channels)
        neurons = arithmetic.neurons(*layer, **self._steps)
        return {
            "neurons": neurons,
            "shared": arithmetic.parameters_shared(self.filter_size, depth, self.out_channels),
            "unshared": arithmetic.parameters_unshared(*layer, **self._steps),
            "dense": arithmetic.parameters_dense(height * width * depth, neurons),
            "multiply_adds": arithmetic.multiply_adds(*layer, **self._steps),
            "memory": arithmetic.activation_memory(self.output_shape),
        }

    @property
    def unread(self) -> tuple[Unread, Unread]:
        """The rows, and the columns, that no position reads, by `arithmetic.unread`.

        Raises:
            ValueError: if the filter does not fit into the padded input.
        """
        height, width, _ = self.input_shape
        return (
            arithmetic.unread(height, self.filter_size, **self._steps),
            arithmetic.unread(width, self.filter_size, **self._steps),
        )

    @property
    def _steps(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def description(self) -> str:
        """Say what is shown, in one sentence."""
        height, width, depth = self.input_shape
        plural = "filter" if self.out_channels == 1 else "filters"
        layer = (
            f"Layer with an input of {height}x{width}x{depth}, {self.out_channels} {plural} of "
            f"{self.filter_size}x{self.filter_size}x{depth}, stride {self.stride}, "
            f"padding {self.padding}, dilation {self.dilation}; output: "
        )
        try:
            counts = self.counts
        except ValueError:
            return layer + "none, since the filter does not fit"
        return layer + (
            f"{'x'.join(map(str, self.output_shape))}; parameters: {counts['shared']:,} shared, "
            f"{counts['unshared']:,} unshared, {counts['dense']:,} dense"
        )

    def picture(self) -> Drawing:
        """Draw the volumes to scale, or in the growth view the three counts against image size."""
        return self._growth_at_rest() if self.view == "growth" else self._volumes_at_rest()

    def _volumes_at_rest(self) -> Drawing:
        height, width, depth = self.input_shape
        shown = [Volume("Input", (height, width, depth), INPUT)]
        shown.append(Volume("Filter", (self.filter_size, self.filter_size, depth), FILTER))
        with suppress(ValueError):  # if the filter does not fit
            shown.append(Volume("Output", self.output_shape, OUTPUT))
        return volumes(shown, "Dimensionality", self.description())

    def _growth_at_rest(self) -> Drawing:
        drawing = Drawing(640, 360, "Growth", self.description())
        sizes = [size for size in _GROWTH_SIZES if size >= self._smallest_square]
        counted = [_counts_of_square(self, size) for size in sizes]
        largest = max(max(counts) for counts in counted)
        decades = range(math.ceil(math.log10(largest)) + 1)
        left, right, top, bottom = 70, 470, 30, 310

        def place(size: int, count: int) -> tuple[float, float]:
            across = math.log(size / sizes[0]) / math.log(sizes[-1] / sizes[0])
            up = math.log10(count) / decades[-1]
            return left + across * (right - left), bottom - up * (bottom - top)

        for decade in decades[::2]:
            _, y = place(sizes[0], 10**decade)
            drawing.line(left, y, right, y, stroke=MUTED, dashed=True)
            drawing.text(
                left - 8,
                y + 4,
                f"{10**decade:,}" if decade < 7 else f"10^{decade}",
                size=11,
                anchor="end",
            )
        for size in sizes:
            x, _ = place(size, 1)
            drawing.text(x, bottom + 18, str(size), size=11, anchor="middle")
        drawing.text(left, bottom + 38, "height and width of the image, in pixels", size=12)
        for series, (name, colour) in enumerate(_SERIES):
            points = [
                place(size, counts[series]) for size, counts in zip(sizes, counted, strict=True)
            ]
            for start, end in pairwise(points):
                drawing.line(*start, *end, stroke=colour, width=2, dashed=series == 1)
            x, y = points[-1]
            drawing.text(x + 8, y + 4, f"{name}: {counted[-1][series]:,}", size=12)
        return drawing

    @property
    def _smallest_square(self) -> int:
        """The smallest image that the filter fits on."""
        reach = arithmetic.dilated_filter_size(self.filter_size, self.dilation)
        return max(reach - 2 * self.padding, 1)


def _counts_of_square(shown: Dimensionality, size: int) -> tuple[int, int, int]:
    """The parameters shared, unshared and dense of the layer over a square image."""
    depth = shown.input_shape[2]
    layer = ((size, size, depth), shown.filter_size, shown.out_channels)
    neurons = arithmetic.neurons(*layer, **shown._steps)
    return (
        arithmetic.parameters_shared(shown.filter_size, depth, shown.out_channels),
        arithmetic.parameters_unshared(*layer, **shown._steps),
        arithmetic.parameters_dense(size * size * depth, neurons),
    )


def dimensionality(*layer: Any, **settings: Any) -> Dimensionality:
    """Show a layer's volumes and counts; arguments are those of `Dimensionality`."""
    return Dimensionality(*layer, **settings)


def growth(*layer: Any, **settings: Any) -> Dimensionality:
    """Show how the parameters grow with the image; arguments are those of `Dimensionality`."""
    return Dimensionality(*layer, **{"view": "growth", **settings})


def fewest_parameters(output: ShapeLike, input_shape: ShapeLike | None = None) -> int:
    """Find the fewest shared parameters with which the controls reach an output.

    Args:
        output: (H_out, W_out, K).
        input_shape: (H, W, C) of the input, if it is given; else any that the controls offer.

    Raises:
        ValueError: if no settings of the controls reach it.
    """
    *sizes, filters = arithmetic.read_shape(output)
    *inputs, depth = (None, None, 1) if input_shape is None else arithmetic.read_shape(input_shape)
    if input_shape is not None:
        for axis, size in zip(("height", "width", "in_channels"), (*inputs, depth), strict=True):
            _offered(axis, size)
    _, most = LIMITS["out_channels"]

    def reaches(filter_size: int, stride: int, padding: int, dilation: int) -> bool:
        for axis, wanted, given in zip(("height", "width"), sizes, inputs, strict=True):
            least, largest = LIMITS[axis] if given is None else (given, given)
            fitting = arithmetic.input_sizes_for(
                wanted, filter_size, stride=stride, padding=padding, dilation=dilation
            )
            if not range(max(fitting.start, least), min(fitting.stop, largest + 1)):
                return False
        return True

    names = ("filter_size", "stride", "padding", "dilation")
    every = product(*(range(LIMITS[name][0], LIMITS[name][1] + 1) for name in names))
    # The filter's size varies last, and with it the parameters.
    smallest = next((setting[0] for setting in every if reaches(*setting)), None)
    if smallest is None or filters > most:
        origin = "" if input_shape is None else f" from an input of {shown(list(input_shape))}"
        raise ValueError(f"no settings of the controls reach {shown(list(output))}{origin}")
    return arithmetic.parameters_shared(smallest, depth, filters)


def _offered(name: str, number: int) -> int:
    least, most = LIMITS[name]
    if not least <= number <= most:
        raise ValueError(f"{name} is {number}, but the control goes from {least} to {most}")
    return number
