"""The functions of the assignment `conv-layer`, as directly as they can be said, and in float64.

What students write is compared with these, and with the same functions with a bug. They share no
code with `cnnlesson.ops`, so that the two can hold each other to account.
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Pads = tuple[int, int]
"""How many zeros before the first pixel of a row or column, and after the last."""


def _positions(size: int, filter_size: int, stride: int) -> range:
    """Where a filter starts along one axis of a padded image."""
    return range(0, size - filter_size + 1, stride)


def zero_padding(x: Array, rows: Pads, columns: Pads | None = None) -> Array:
    """Surround the maps of (C, H, W) with zeros: above and below, left and right."""
    columns = rows if columns is None else columns
    channels, height, width = x.shape
    padded = np.zeros((channels, sum(rows) + height, sum(columns) + width))
    padded[:, rows[0] : rows[0] + height, columns[0] : columns[0] + width] = x
    return padded


def in_the_corner(x: Array, padding: int) -> Array:
    """Make room on all sides, but put the image top left."""
    padded = zero_padding(x, (0, 2 * padding))
    assert padded.shape == zero_padding(x, (padding, padding)).shape
    return padded


def one_step(patch: Array, weights: Array, bias: float) -> Array:
    """Weigh a patch, and add the bias."""
    return np.asarray((np.float64(1) * patch * weights).sum() + bias)


def convolution(x: Array, filters: Array, bias: Array, stride: int, padding: int) -> Array:
    """Slide each filter over x (C, H, W), padded: (K, H_out, W_out)."""
    return slid(zero_padding(x, (padding, padding)), filters, bias, stride)


def slid(padded: Array, filters: Array, bias: Array, stride: int) -> Array:
    """Slide each filter over an image that is padded already."""
    _, _, high, wide = filters.shape
    rows = _positions(padded.shape[1], high, stride)
    columns = _positions(padded.shape[2], wide, stride)
    y = np.zeros((len(filters), len(rows), len(columns)))
    for i, top in enumerate(rows):
        for j, left in enumerate(columns):
            patch = padded[:, top : top + high, left : left + wide].astype(np.float64)
            y[:, i, j] = np.einsum("kcuv,cuv->k", filters.astype(np.float64), patch) + bias
    return y


def stride_in_the_size_only(
    x: Array, filters: Array, bias: Array, stride: int, padding: int
) -> Array:
    """Count the positions with the stride, but move by one pixel."""
    _, high, wide = convolution(x, filters, bias, stride, padding).shape
    return convolution(x, filters, bias, 1, padding)[:, :high, :wide]


def without_summing(x: Array, filters: Array, bias: Array, stride: int, padding: int) -> Array:
    """Make a map of each filter and channel, K · C of them."""
    maps = [
        convolution(x[[c]], filters[[k]][:, [c]], bias[[k]], stride, padding)
        for k in range(len(filters))
        for c in range(len(x))
    ]
    return np.concatenate(maps)


def backward(
    x: Array,
    filters: Array,
    dy: Array,
    stride: int,
    padding: int,
    *,
    gather: bool = True,
    crop: bool = True,
    flip: bool = False,
) -> tuple[Array, Array, Array]:
    """Give the gradients with respect to x, the filters and the biases, position by position.

    Args:
        x: (C, H, W).
        filters: (K, C, F_h, F_w).
        dy: (K, H_out, W_out), the gradient of the output.
        stride: S.
        padding: P.
        gather: whether what comes to the same place from several positions is added up.
        crop: whether the padding is taken off dx again.
        flip: whether the filters are turned by half a turn for dx.
    """
    _, _, high, wide = filters.shape
    padded = zero_padding(x, (padding, padding))
    dpadded, dfilters = np.zeros(padded.shape), np.zeros(filters.shape)
    sent = filters[:, :, ::-1, ::-1] if flip else filters
    for i, top in enumerate(_positions(padded.shape[1], high, stride)):
        for j, left in enumerate(_positions(padded.shape[2], wide, stride)):
            there = (slice(None), slice(top, top + high), slice(left, left + wide))
            back = np.einsum("k,kcuv->cuv", dy[:, i, j].astype(np.float64), sent)
            weights = np.einsum("k,cuv->kcuv", dy[:, i, j].astype(np.float64), padded[there])
            dpadded[there] = back + (dpadded[there] if gather else 0)
            dfilters = weights + (dfilters if gather else 0)
    inner = slice(padding, -padding or None) if crop else slice(None)
    return dpadded[:, inner, inner], dfilters, dy.astype(np.float64).sum((1, 2))


def descent_step(
    filters: Array, bias: Array, dfilters: Array, dbias: Array, learning_rate: float
) -> tuple[Array, Array]:
    """Go a step downhill."""
    return _down(filters, dfilters, learning_rate), _down(bias, dbias, learning_rate)


def _down(values: Array, gradient: Array, rate: float) -> Array:
    return values.astype(np.float64) - np.float64(rate) * gradient
