"""Pooling: each window of a channel becomes one number, its maximum or its average.

Every operator goes over the few weights of a window, not over its many positions: weight (i, j)
of all windows at once is one slice of the image. Where a weight meets padding there is no slice.

The conventions are those of PyTorch's `MaxPool2d` and `AvgPool2d`.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array, Index
from cnnlesson.ops.geometry import Axis, meetings, read_pooling
from cnnlesson.settings import PerAxis, PerSide


def max_pool2d(
    x: Array,
    filter_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerSide = 0,
    ceil: bool = False,
) -> Array:
    """Take the largest number of each window; padding never wins, it counts as -inf.

    Args:
        x: (N, C, H, W), float32 or float64.
        filter_size: the size of a window.
        stride: the step between windows; the size of a window unless given.
        padding: at most half the window, so that each window holds a pixel.
        ceil: whether a last window may hang over the end. It must start inside the image or the
            padding before it.

    Returns:
        (N, C, H_out, W_out), with sizes by `arithmetic.pooled_size`.

    Raises:
        TypeError: if `x` is no such array, or a setting not of whole numbers.
        ValueError: if the rank is wrong, or a window does not fit.
    """
    checks.same_floats(x=x)
    axes = read_pooling(x, filter_size, stride=stride, padding=padding, ceil=ceil)
    y = np.full(_out_shape(x, axes), -np.inf, x.dtype)
    for windows, pixels in _taps(axes):
        np.maximum(y[windows], x[pixels], out=y[windows])
    return y


def max_pool2d_gradient(
    x: Array,
    dy: Array,
    filter_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerSide = 0,
    ceil: bool = False,
) -> Array:
    """Give the gradient with respect to the input of `max_pool2d`.

    The whole gradient of a window goes to its maximum; among equals to the first, row by row, as
    in PyTorch.

    Args:
        x: (N, C, H, W), the input.
        dy: (N, C, H_out, W_out), the gradient of the output.
        filter_size: as for `max_pool2d`, and so the other settings.
        stride: as for `max_pool2d`.
        padding: as for `max_pool2d`.
        ceil: as for `max_pool2d`.

    Returns:
        (N, C, H, W).

    Raises:
        TypeError: as `max_pool2d`.
        ValueError: as `max_pool2d`, or if `dy` has not the shape of the output.
    """
    checks.same_floats(x=x, dy=dy)
    axes = read_pooling(x, filter_size, stride=stride, padding=padding, ceil=ceil)
    checks.shape("dy", dy, _out_shape(x, axes), "the shape of the output")
    y = max_pool2d(x, filter_size, stride=stride, padding=padding, ceil=ceil)
    dx = np.zeros(x.shape, x.dtype)
    open_windows = np.ones(y.shape, bool)
    for windows, pixels in _taps(axes):
        wins = (x[pixels] == y[windows]) & open_windows[windows]
        open_windows[windows] &= ~wins
        dx[pixels] += np.where(wins, dy[windows], 0)
    return dx


def avg_pool2d(
    x: Array,
    filter_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerSide = 0,
    ceil: bool = False,
    count_padding: bool = True,
) -> Array:
    """Average each window.

    What hangs over the end of the padded image, with `ceil`, never counts.

    Args:
        x: (N, C, H, W), float32 or float64.
        filter_size: as for `max_pool2d`, and so stride, padding and ceil.
        stride: as for `max_pool2d`.
        padding: as for `max_pool2d`, but zeros.
        ceil: as for `max_pool2d`.
        count_padding: whether the zeros of the padding count among the averaged.

    Returns:
        (N, C, H_out, W_out).

    Raises:
        TypeError: as `max_pool2d`.
        ValueError: as `max_pool2d`.
    """
    checks.same_floats(x=x)
    axes = read_pooling(x, filter_size, stride=stride, padding=padding, ceil=ceil)
    y = np.zeros(_out_shape(x, axes), x.dtype)
    for windows, pixels in _taps(axes):
        y[windows] += x[pixels]
    y /= _counted(axes, count_padding, x.dtype)
    return y


def avg_pool2d_gradient(
    x: Array,
    dy: Array,
    filter_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: PerSide = 0,
    ceil: bool = False,
    count_padding: bool = True,
) -> Array:
    """Give the gradient with respect to the input of `avg_pool2d`: an equal share to each pixel.

    Args:
        x: (N, C, H, W), the input; only its shape matters.
        dy: (N, C, H_out, W_out), the gradient of the output.
        filter_size: as for `avg_pool2d`, and so the other settings.
        stride: as for `avg_pool2d`.
        padding: as for `avg_pool2d`.
        ceil: as for `avg_pool2d`.
        count_padding: as for `avg_pool2d`.

    Returns:
        (N, C, H, W).

    Raises:
        TypeError: as `avg_pool2d`.
        ValueError: as `avg_pool2d`, or if `dy` has not the shape of the output.
    """
    checks.same_floats(x=x, dy=dy)
    axes = read_pooling(x, filter_size, stride=stride, padding=padding, ceil=ceil)
    checks.shape("dy", dy, _out_shape(x, axes), "the shape of the output")
    share = dy / _counted(axes, count_padding, x.dtype)
    dx = np.zeros(x.shape, x.dtype)
    for windows, pixels in _taps(axes):
        dx[pixels] += share[windows]
    return dx


def global_max_pool(x: Array) -> Array:
    """Take the largest number of each channel: (N, C, H, W) becomes (N, C).

    Args:
        x: (N, C, H, W), float32 or float64, of at least one pixel.

    Raises:
        TypeError: if `x` is not an array of float32 or float64.
        ValueError: if the rank is wrong, or the images have no pixels.
    """
    y: Array = _channels(x).max(axis=2)
    return y


def global_max_pool_gradient(x: Array, dy: Array) -> Array:
    """Give the gradient with respect to the input of `global_max_pool`.

    Each channel's gradient goes to its maximum; among equals to the first, row by row.

    Args:
        x: (N, C, H, W), the input.
        dy: (N, C), the gradient of the output.

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64.
        ValueError: if the rank of `x` is wrong, or `dy` has not the shape of the output.
    """
    checks.same_floats(x=x, dy=dy)
    flat = _channels(x)
    checks.shape("dy", dy, flat.shape[:2], "the shape of the output")
    dx = np.zeros(flat.shape, x.dtype)
    np.put_along_axis(dx, flat.argmax(axis=2)[..., None], dy[..., None], axis=2)
    return dx.reshape(x.shape)


def global_avg_pool(x: Array) -> Array:
    """Average each channel: (N, C, H, W) becomes (N, C).

    Args:
        x: (N, C, H, W), float32 or float64, of at least one pixel.

    Raises:
        TypeError: if `x` is not an array of float32 or float64.
        ValueError: if the rank is wrong, or the images have no pixels.
    """
    y: Array = _channels(x).mean(axis=2)
    return y


def global_avg_pool_gradient(x: Array, dy: Array) -> Array:
    """Give the gradient with respect to the input of `global_avg_pool`: dy / (H * W) everywhere.

    Args:
        x: (N, C, H, W), the input; only its shape matters.
        dy: (N, C), the gradient of the output.

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64.
        ValueError: if the rank of `x` is wrong, or `dy` has not the shape of the output.
    """
    checks.same_floats(x=x, dy=dy)
    flat = _channels(x)
    checks.shape("dy", dy, flat.shape[:2], "the shape of the output")
    dx = np.empty(x.shape, x.dtype)
    dx[...] = (dy / flat.shape[2])[..., None, None]
    return dx


def _out_shape(x: Array, axes: tuple[Axis, Axis]) -> tuple[int, ...]:
    return (*x.shape[:2], axes[0].out, axes[1].out)


def _taps(axes: tuple[Axis, Axis]) -> Iterator[tuple[Index, Index]]:
    """For each weight of a window, row by row: the windows in which it meets pixels, and those."""
    rows, columns = (meetings(axis, 0, axis.out) for axis in axes)
    for out_rows, in_rows in rows:
        for out_columns, in_columns in columns:
            yield (..., out_rows, out_columns), (..., in_rows, in_columns)


@lru_cache(maxsize=1024)
def _counted(axes: tuple[Axis, Axis], count_padding: bool, dtype: np.dtype[Any]) -> Array:
    """Count what each window averages: (H_out, W_out)."""
    counts = []
    for axis in axes:
        low = -axis.before if count_padding else 0
        high = axis.size + (axis.after if count_padding else 0)
        starts = np.arange(axis.out) * axis.stride - axis.before
        counts.append(np.minimum(starts + axis.window, high) - np.maximum(starts, low))
    return np.outer(*counts).astype(dtype)


def _channels(x: Array) -> Array:
    """Return the pixels of each channel in a row: (N, C, H*W)."""
    checks.same_floats(x=x)
    checks.rank("x", x, "N, C, H, W")
    if 0 in x.shape[2:]:
        raise ValueError(
            f"x has shape {x.shape}: a channel without pixels has neither mean nor maximum"
        )
    batch, channels, height, width = x.shape
    return x.reshape(batch, channels, height * width)
