"""The ParameterSharing visualiser: who uses which weights, and what moves when the input does."""

import math
from functools import cache
from typing import Any, Literal, NamedTuple

import numpy as np
import traitlets
from numpy.typing import NDArray

from cnnlesson import arithmetic, ops, pictures
from cnnlesson.drawing import Drawing
from cnnlesson.settings import Pair, Sides, shown
from cnnlesson.widgets.base import Visualiser, module
from cnnlesson.widgets.boards import Board, side_by_side

SMALLEST_INPUT = 16
LARGEST_INPUT = 64
LARGEST_FILTER = 11
MOST_FILTERS = 32
LARGEST_STRIDE = 4
LARGEST_PADDING = 5
CAT_SIZES = (8, 12, 16)

# Pixels and weights are whole multiples of 1/64 and 1/8, so every sum of products is exact in
# float64, in whatever order it is taken: the browser's numbers are NumPy's, and zeros are zeros.
_GRAY_LEVELS = 64
_WEIGHT_LEVELS = 8


class Parameters(NamedTuple):
    """What a layer has to learn, weights and biases, with and without sharing."""

    shared: int
    unshared: int


class ParameterSharing(Visualiser):
    """A cat to move, seen by a layer with shared weights, or with others for every patch.

    A shift of the input by n*S pixels is to move the map by n places. A shift d that is no
    multiple of S moves it by the whole steps in it, d/S rounded towards zero. With zero borders,
    what is pushed out is lost and zeros come in, for the input as for the map. With circular
    borders, what leaves comes in at the opposite side: the layer pads the input by F-1 of its own
    pixels, so that there is a patch for every S-th pixel, all the way round.

    Biases are counted, but are 0 in the maps.

    Attributes:
        input_shape: [H, W, C] of the input; C is 1 for a gray cat, 3 for one in colours.
        filter_size: F.
        out_channels: K, the number of filters.
        stride: S, in pixels.
        padding: P, zeros on every side; has no effect with circular borders.
        border: "zeros" or "circular".
        shared: whether all patches use the same weights.
        shift: how far the cat has been moved, [rows, columns], in pixels.
        cat_size: height and width of the cat.
        filter: the number of the filter whose maps are shown, from 0.
        seed: what the weights are drawn from.
    """

    _esm = module("arithmetic.js", "ui.js", "grid.js", "sharing.js")

    input_shape = traitlets.List(traitlets.Int(), [32, 32, 3]).tag(sync=True)
    filter_size = traitlets.Int(8).tag(sync=True)
    out_channels = traitlets.Int(20).tag(sync=True)
    stride = traitlets.Int(2).tag(sync=True)
    padding = traitlets.Int(1).tag(sync=True)
    border = traitlets.Enum(["zeros", "circular"], "zeros").tag(sync=True)
    shared = traitlets.Bool(True).tag(sync=True)
    shift = traitlets.List(traitlets.Int(), [0, 0]).tag(sync=True)
    cat_size = traitlets.Enum(CAT_SIZES, 12).tag(sync=True)
    filter = traitlets.Int(0, min=0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    pictures = traitlets.Dict().tag(sync=True)

    def __init__(self, **settings: Any) -> None:
        """Show a layer; by default 20 filters of 8x8x3, stride 2, padding 1, over 32x32x3.

        Args:
            settings: the attributes of this class, `goal` and `predict`. A goal names what is to
                hold once the cat has moved: `equal` (whether both ways give the same map), and
                if wanted `shared`, `stride` and `border`.

        Raises:
            TraitError: if a setting is out of range, with the numbers.
        """
        super().__init__(
            pictures={
                str(size): {str(depth): _levels(size, depth).tolist() for depth in (1, 3)}
                for size in CAT_SIZES
            },
            **settings,
        )

    # --- What may be set -----------------------------------------------------------------------

    @traitlets.validate("input_shape")
    def _possible_shape(self, proposal: Any) -> Any:
        shape = proposal["value"]
        if len(shape) != 3:
            raise traitlets.TraitError(
                f"input_shape must be [height, width, depth] such as [32, 32, 3], not {shape}"
            )
        height, width, depth = shape
        if not all(SMALLEST_INPUT <= size <= LARGEST_INPUT for size in (height, width)):
            raise traitlets.TraitError(
                f"an input of {height}x{width} cannot be shown: height and width go from "
                f"{SMALLEST_INPUT} to {LARGEST_INPUT}"
            )
        if depth not in (1, 3):
            raise traitlets.TraitError(
                f"the depth of the input is {depth}, but a cat has 1 (gray) or 3 (colours)"
            )
        return shape

    @traitlets.validate("filter_size", "out_channels", "stride", "padding", "seed")
    def _in_range(self, proposal: Any) -> Any:
        first, last = {
            "filter_size": (1, LARGEST_FILTER),
            "out_channels": (1, MOST_FILTERS),
            "stride": (1, LARGEST_STRIDE),
            "padding": (0, LARGEST_PADDING),
            "seed": (0, 999),
        }[proposal["trait"].name]
        if not first <= proposal["value"] <= last:
            raise traitlets.TraitError(
                f"{proposal['trait'].name} is {proposal['value']}, "
                f"but must be from {first} to {last}"
            )
        return proposal["value"]

    @traitlets.validate("shift")
    def _possible_shift(self, proposal: Any) -> Any:
        shift = proposal["value"]
        if len(shift) != 2 or max(map(abs, shift)) >= LARGEST_INPUT:
            raise traitlets.TraitError(
                f"shift must be [rows, columns] of less than {LARGEST_INPUT} pixels, not {shift}"
            )
        return shift

    @traitlets.validate("goal")
    def _possible_goal(self, proposal: Any) -> Any:
        goal = proposal["value"]
        kinds = {"equal": bool, "shared": bool, "stride": int, "border": str}
        if goal and (
            "equal" not in goal
            or any(not isinstance(value, kinds.get(key, ())) for key, value in goal.items())
        ):
            raise traitlets.TraitError(
                f"goal is {shown(goal)}, but must hold equal (True or False), and of the others at "
                "most shared (True or False), stride (a number) and border ('zeros' or 'circular')"
            )
        return goal

    # --- What the library says about it --------------------------------------------------------

    @property
    def parameters(self) -> Parameters:
        """The parameters of the whole layer, by `arithmetic`."""
        return Parameters(
            arithmetic.parameters_shared(self.filter_size, self.input_shape[2], self.out_channels),
            arithmetic.parameters_unshared(
                self.input_shape,
                self.filter_size,
                self.out_channels,
                stride=self.stride,
                padding=self._sides,
            ),
        )

    @property
    def map_shift(self) -> Pair:
        """The places by which the map is to move: whole steps of S in the cat's shift."""
        rows, columns = (math.trunc(pixels / self.stride) for pixels in self._moved)
        return rows, columns

    @property
    def shift_then_convolve(self) -> NDArray[np.float64]:
        """The map of the moved cat, H_out x W_out, by `ops.conv2d` or `ops.unshared_conv2d`."""
        return self._convolve(self._shifted(self._cat_at_start, self._moved))

    @property
    def convolve_then_shift(self) -> NDArray[np.float64]:
        """The map of the cat where it started, moved by `map_shift`; H_out x W_out."""
        return self._shifted(self._convolve(self._cat_at_start), self.map_shift)

    @property
    def difference(self) -> float:
        """The largest absolute difference of the two maps; exactly 0.0 where they are equal."""
        return float(np.abs(self.shift_then_convolve - self.convolve_then_shift).max())

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weights of the shown filter.

        Returns:
            (C, F, F) if they are shared, which are those of the first patch; otherwise
            (H_out, W_out, C, F, F).
        """
        height, width = self._out_size
        patches = 1 if self.shared else height * width
        depth, size = self.input_shape[2], self.filter_size
        of_a_patch = depth * size**2
        first = self._shown_filter * height * width * of_a_patch
        drawn = _drawn(np.arange(first, first + patches * of_a_patch), self.seed)
        if self.shared:
            return drawn.reshape(depth, size, size)
        return drawn.reshape(height, width, depth, size, size)

    def description(self) -> str:
        """Say what is shown, in one sentence."""
        height, width, depth = self.input_shape
        size, (down, right) = self.filter_size, self._moved
        border = f"padding {self.padding}" if self.border == "zeros" else "circular borders"
        plural = "filter" if self.out_channels == 1 else "filters"
        counts = self.parameters
        counted = f"{counts.shared} parameters if shared, {counts.unshared} if unshared; "
        return (
            f"Parameter sharing in a layer over {height}x{width}x{depth} with {self.out_channels} "
            f"{plural} of {size}x{size}x{depth}, stride {self.stride}, {border}: "
            f"{'' if self.predict else counted}shown "
            f"{'shared' if self.shared else 'unshared'}, the cat moved {down} down and {right} "
            f"right, largest difference {self.difference:g}"
        )

    def picture(self) -> Drawing:
        """Draw the moved cat, and the maps of both ways with their difference."""
        image = self._shifted(self._cat_at_start, self._moved)
        first, second = self.shift_then_convolve, self.convolve_then_shift
        colours = np.broadcast_to(image.transpose(1, 2, 0), (*image.shape[1:], 3))
        boards = [
            Board("Input", colours),
            Board("Shift, then convolve", first),
            Board("Convolve, then shift", second),
            Board("Difference", first - second),
        ]
        return side_by_side("Parameter sharing", self.description(), boards)

    # --- How it is computed --------------------------------------------------------------------

    @property
    def _sides(self) -> Sides:
        if self.border == "zeros":
            one_axis = self.padding, self.padding
        else:
            before = (self.filter_size - 1) // 2
            one_axis = before, self.filter_size - 1 - before
        return one_axis, one_axis

    @property
    def _out_size(self) -> Pair:
        height, width, _ = arithmetic.output_shape(
            self.input_shape, self.filter_size, 1, stride=self.stride, padding=self._sides
        )
        return height, width

    @property
    def _shown_filter(self) -> int:
        return min(self.filter, self.out_channels - 1)

    @property
    def _start(self) -> Pair:
        height, width, _ = self.input_shape
        return (height - self.cat_size) // 2, (width - self.cat_size) // 2

    @property
    def _moved(self) -> Pair:
        """The shift, of which at least a row and a column of the cat's box stay in the picture."""
        rows, columns = (
            min(max(pixels, 1 - self.cat_size - start), size - 1 - start)
            for pixels, start, size in zip(self.shift, self._start, self.input_shape, strict=False)
        )
        return rows, columns

    @property
    def _cat_at_start(self) -> NDArray[np.float64]:
        height, width, depth = self.input_shape
        cat = _levels(self.cat_size, depth) / _GRAY_LEVELS
        return pictures.place(cat, (height, width), *self._start).astype(np.float64)

    def _convolve(self, image: NDArray[np.float64]) -> NDArray[np.float64]:
        mode: Literal["zeros", "circular"] = "zeros" if self.border == "zeros" else "circular"
        padded = ops.pad(image[None], self._sides, mode)
        if self.shared:
            # Winograd's transforms round.
            maps = ops.conv2d(padded, self.weights[None], stride=self.stride, winograd=False)
        else:
            maps = ops.unshared_conv2d(padded, self.weights[:, :, None], stride=self.stride)
        shown_map: NDArray[np.float64] = maps[0, 0]
        return shown_map

    def _shifted(self, array: NDArray[np.float64], by: Pair) -> NDArray[np.float64]:
        """Shift the last two axes; the border says what comes in."""
        moved: NDArray[np.float64] = np.roll(array, by, axis=(-2, -1))
        if self.border == "zeros":
            for axis, places in zip((-2, -1), by, strict=True):
                lines = np.moveaxis(moved, axis, 0)
                lines[: max(places, 0)] = 0
                lines[max(len(lines) + min(places, 0), 0) :] = 0
        return moved


def sharing(**settings: Any) -> ParameterSharing:
    """Show what sharing weights saves and what it keeps; settings are those of the class."""
    return ParameterSharing(**settings)


@cache
def _levels(size: int, channels: int) -> NDArray[np.int64]:
    """The cat in whole gray levels, from 0 to 64."""
    return np.rint(pictures.cat(size, channels=channels) * _GRAY_LEVELS).astype(np.int64)


def _drawn(numbers: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """Draw a weight from -1 to 1 for each number, as sharing.js does."""
    key = _mixed(np.array([seed + 1], np.uint32))
    whole = (_mixed(numbers.astype(np.uint32) ^ key) % np.uint32(2 * _WEIGHT_LEVELS + 1)).astype(
        np.float64
    )
    return (whole - _WEIGHT_LEVELS) / _WEIGHT_LEVELS


def _mixed(numbers: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of 32-bit numbers, so that neighbours look unrelated (C. Wellons, lowbias32)."""
    numbers = (numbers ^ (numbers >> np.uint32(16))) * np.uint32(0x7FEB352D)
    numbers = (numbers ^ (numbers >> np.uint32(15))) * np.uint32(0x846CA68B)
    return numbers ^ (numbers >> np.uint32(16))
