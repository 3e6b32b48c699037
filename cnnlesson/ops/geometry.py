"""Where a sliding window lies: sizes, strides and paddings, read and checked once per call."""

from functools import lru_cache
from typing import NamedTuple

from cnnlesson import arithmetic
from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array
from cnnlesson.settings import PerAxis, PerSide, per_axis, per_side, whole


class Axis(NamedTuple):
    """A window that slides along one axis of the input.

    Weight `i` of position `o` meets pixel o*S + i*D - P; outside 0 ... size-1 it meets padding.
    """

    size: int
    window: int
    stride: int
    dilation: int
    before: int
    after: int
    out: int

    @property
    def span(self) -> int:
        """The pixels from a window's first weight to its last: D(F-1) + 1."""
        return self.dilation * (self.window - 1) + 1

    def reach(self, positions: slice) -> tuple[slice, slice]:
        """Find the pixels that a run of positions reads.

        Returns:
            Those pixels in the input, and where they lie among all that the positions span; the
            rest of that is padding.
        """
        first = positions.start * self.stride - self.before
        stop = (positions.stop - 1) * self.stride - self.before + self.span
        start, end = (min(max(pixel, 0), self.size) for pixel in (first, stop))
        return slice(start, end), slice(start - first, end - first)


class Geometry(NamedTuple):
    """One convolution: N images of C channels, K filters in G groups, and the two axes."""

    batch: int
    in_channels: int
    out_channels: int
    groups: int
    rows: Axis
    columns: Axis

    @property
    def filters_per_group(self) -> int:
        """The filters that see the same channels: K/G."""
        return self.out_channels // self.groups

    @property
    def weights_per_filter(self) -> int:
        """The numbers in one filter: C/G * F_h * F_w."""
        return self.in_channels // self.groups * self.rows.window * self.columns.window

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """The shape of the output: N, K, H_out, W_out."""
        return self.batch, self.out_channels, self.rows.out, self.columns.out


# The training of a small network asks for the same few axes thousands of times.
@lru_cache(maxsize=1024)
def convolved(size: int, window: int, stride: int, dilation: int, before: int, after: int) -> Axis:
    """Return the axis of a convolution; its positions follow `arithmetic.output_size`."""
    out = arithmetic.output_size(
        size, window, stride=stride, padding=(before, after), dilation=dilation
    )
    return Axis(size, window, stride, dilation, before, after, out)


@lru_cache(maxsize=1024)
def pooled(size: int, window: int, stride: int, before: int, after: int, ceil: bool) -> Axis:
    """Return the axis of a pooling layer; its windows follow `arithmetic.pooled_size`."""
    out = arithmetic.pooled_size(size, window, stride=stride, padding=(before, after), ceil=ceil)
    return Axis(size, window, stride, 1, before, after, out)


@lru_cache(maxsize=4096)
def meetings(axis: Axis, start: int, stop: int) -> tuple[tuple[slice, slice], ...]:
    """For each weight: at which of the positions it meets a pixel, and those pixels.

    The slices of positions count from `start`.
    """
    found = []
    for weight in range(axis.window):
        offset = weight * axis.dilation - axis.before
        first = max(start, -(offset // axis.stride))
        last = min(stop, (axis.size - 1 - offset) // axis.stride + 1) - 1
        pixels = slice(first * axis.stride + offset, last * axis.stride + offset + 1, axis.stride)
        nothing = slice(0, 0)
        met = first <= last
        found.append(
            (slice(first - start, last + 1 - start), pixels) if met else (nothing, nothing)
        )
    return tuple(found)


def read_convolution(
    x: Array,
    filters: Array,
    *,
    stride: PerAxis,
    padding: PerSide,
    dilation: PerAxis,
    groups: int,
) -> Geometry:
    """Check a convolution's input, filters (K, C/G, F_h, F_w) and settings against each other.

    Raises:
        TypeError: if a setting is not of whole numbers.
        ValueError: if a rank, a channel count or a size does not fit, with the shapes.
    """
    checks.rank("x", x, "N, C, H, W")
    batch, channels, height, width = x.shape
    out_channels, per_group, filter_height, filter_width = filters.shape[-4:]
    groups = whole("groups", groups, at_least=1)
    given = f"x has shape {x.shape} and filters {filters.shape}"
    if not channels or not out_channels:
        raise ValueError(f"there must be at least one channel and one filter, but {given}")
    if channels % groups or out_channels % groups:
        raise ValueError(
            f"{groups} groups must divide the C = {channels} channels and the "
            f"K = {out_channels} filters, but {given}: take groups that divide both"
        )
    if per_group * groups != channels:
        raise ValueError(
            f"each filter must have C/G = {channels}/{groups} = {channels // groups} channels, "
            f"but has {per_group}: {given}"
        )
    (s_h, s_w), (d_h, d_w) = per_axis("stride", stride), per_axis("dilation", dilation)
    (top, bottom), (left, right) = per_side(padding)
    try:
        rows = convolved(height, filter_height, s_h, d_h, top, bottom)
        columns = convolved(width, filter_width, s_w, d_w, left, right)
    except ValueError as error:
        raise ValueError(f"{error} ({given})") from None
    return Geometry(batch, channels, out_channels, groups, rows, columns)


def read_pooling(
    x: Array, filter_size: PerAxis, *, stride: PerAxis | None, padding: PerSide, ceil: bool
) -> tuple[Axis, Axis]:
    """Check a pooling layer's input and settings, and return its two axes.

    Raises:
        TypeError: if a setting is not of whole numbers.
        ValueError: if a rank or a size does not fit, with the shape.
    """
    checks.rank("x", x, "N, C, H, W")
    window = per_axis("filter_size", filter_size)
    step = window if stride is None else per_axis("stride", stride)
    (top, bottom), (left, right) = per_side(padding)
    try:
        return (
            pooled(x.shape[2], window[0], step[0], top, bottom, bool(ceil)),
            pooled(x.shape[3], window[1], step[1], left, right, bool(ceil)),
        )
    except ValueError as error:
        raise ValueError(f"{error} (x has shape {x.shape})") from None
