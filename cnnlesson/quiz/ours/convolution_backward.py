"""A convolutional layer, backward."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view


def convolution_backward(
    x: Any, filters: Any, dy: Any, stride: int, padding: int
) -> tuple[Any, Any, Any]:
    """Return dx, dfilters and dbias, shaped as x, the filters and the biases."""
    _, filter_height, filter_width = filters.shape[1:]
    _, high, wide = dy.shape
    padded = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    windows = sliding_window_view(padded, (filter_height, filter_width), axis=(1, 2))
    dfilters = np.einsum("kij,cijuv->kcuv", dy, windows[:, ::stride, ::stride])
    dpadded = np.zeros_like(padded)
    for u, v in np.ndindex(filter_height, filter_width):
        rows, columns = slice(u, u + high * stride, stride), slice(v, v + wide * stride, stride)
        dpadded[:, rows, columns] += np.einsum("kij,kc->cij", dy, filters[:, :, u, v])
    height, width = x.shape[1:]
    dx = dpadded[:, padding : padding + height, padding : padding + width]
    return dx, dfilters, dy.sum(axis=(1, 2))
