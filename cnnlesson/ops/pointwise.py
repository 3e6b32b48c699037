"""Convolution with 1x1 filters: every pixel's channels are mixed alike, wherever it lies.

The image already is the matrix of columns, (C, H*W), so nothing is copied.

It wins always where it applies: filters of 1x1, stride 1, no padding.
"""

import numpy as np

from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Geometry


def applies(g: Geometry) -> bool:
    """Tell whether each position of the filter reads exactly the pixel it lies on."""
    return all(
        axis.window == axis.stride == 1 and axis.before == axis.after == 0
        for axis in (g.rows, g.columns)
    )


def forward(x: Array, filters: Array, bias: Array | None, g: Geometry) -> Array:
    """Convolve: see `conv2d`."""
    y: Array = np.matmul(_matrix(filters, g), _maps(x, g))
    if bias is not None:
        y += bias.reshape(g.groups, -1, 1)
    return y.reshape(g.out_shape)


def filter_gradients(x: Array, dy: Array, g: Geometry) -> tuple[Array, Array]:
    """Give the gradients with respect to filters and bias."""
    dfilters = np.matmul(_maps(dy, g), _maps(x, g).swapaxes(-1, -2)).sum(axis=0)
    return dfilters, dy.sum(axis=(0, 2, 3))


def input_gradient(filters: Array, dy: Array, g: Geometry) -> Array:
    """Give the gradient with respect to the input."""
    dx: Array = np.matmul(_matrix(filters, g).swapaxes(-1, -2), _maps(dy, g))
    return dx.reshape(g.batch, g.in_channels, g.rows.size, g.columns.size)


def _matrix(filters: Array, g: Geometry) -> Array:
    """Return each filter as a row: (G, K/G, C/G)."""
    return filters.reshape(g.groups, g.filters_per_group, g.weights_per_filter)


def _maps(x: Array, g: Geometry) -> Array:
    """Return pixels in a row: (N, G, channels per group, H*W)."""
    batch, channels, height, width = x.shape
    return x.reshape(batch, g.groups, channels // g.groups, height * width)
