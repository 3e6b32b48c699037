"""Convolution as a matrix product, over strips of the image that stay in the cache.

Write the patch under each position of the filter as a column: then all K filters at all positions
are one product, (K, C*F*F) x (C*F*F, positions), which BLAS computes at the processor's full
speed. But the columns hold each pixel up to F*F times. For the whole image they are many
megabytes, written to memory and read back; a strip of about one megabyte at a time is still in
the cache when the product comes for it, and is all the workspace there is.

A bias is the weight of an input that is always 1, so each column ends in a 1.

The gradients are the same product transposed: with respect to the filters, dy times the columns;
with respect to the input, filters times dy gives the columns' gradient, and each of its numbers is
added to the pixel that it was copied from.

It wins wherever nothing special does: any stride, dilation, padding, groups and filter size.

Source: K. Chellapilla, S. Puri and P. Simard, "High performance convolutional neural networks for
document processing", 2006, section 3, for the product.
"""

from collections.abc import Iterator
from math import ceil, prod

import numpy as np
from numpy.lib.stride_tricks import as_strided

from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Geometry, meetings

# Fits the second-level cache of the processor or nearly so, and lets the product run at full speed.
_BYTES = 3 << 19


def forward(x: Array, filters: Array, bias: Array | None, g: Geometry) -> Array:
    """Convolve: see `conv2d`."""
    y = np.empty(g.out_shape, x.dtype)
    maps = y.reshape(g.batch, g.groups, g.filters_per_group, g.rows.out * g.columns.out)
    matrix = _matrix(filters, g)
    if bias is not None:
        column = bias.reshape(g.groups, g.filters_per_group, 1)
        matrix = np.concatenate([matrix, column], axis=2)
    for images, rows, columns in _columns(x, g):
        part = maps[images, ..., rows.start * g.columns.out : rows.stop * g.columns.out]
        np.matmul(matrix, columns[:, :, : matrix.shape[2]], out=part)
    return y


def filter_gradients(x: Array, dy: Array, g: Geometry) -> tuple[Array, Array]:
    """Give the gradients with respect to filters and bias."""
    total = np.zeros((g.groups, g.filters_per_group, g.weights_per_filter + 1), x.dtype)
    for images, rows, columns in _columns(x, g):
        total += np.matmul(_maps(dy, g, images, rows), columns.swapaxes(-1, -2)).sum(axis=0)
    return total[..., :-1], total[..., -1]


def input_gradient(filters: Array, dy: Array, g: Geometry) -> Array:
    """Give the gradient with respect to the input."""
    dx = np.zeros((g.batch, g.in_channels, g.rows.size, g.columns.size), dy.dtype)
    matrix = _matrix(filters, g).swapaxes(-1, -2)
    for images, rows in _strips(g, dy.itemsize):
        columns = np.matmul(matrix, _maps(dy, g, images, rows)).reshape(
            -1, g.in_channels, g.rows.window, g.columns.window,
            rows.stop - rows.start, g.columns.out,
        )  # fmt: skip
        # Rows first: what is added then are whole rows, and a window's height less of them is left.
        pixels, _ = g.rows.reach(rows)
        height = pixels.stop - pixels.start
        lines = np.zeros((*columns.shape[:2], g.columns.window, height, g.columns.out), dy.dtype)
        for i, (out_rows, in_rows) in enumerate(meetings(g.rows, rows.start, rows.stop)):
            within = slice(in_rows.start - pixels.start, in_rows.stop - pixels.start, in_rows.step)
            lines[:, :, :, within] += columns[:, :, i, :, out_rows]
        part = dx[images, :, pixels]
        for j, (out_columns, in_columns) in enumerate(meetings(g.columns, 0, g.columns.out)):
            part[..., in_columns] += lines[:, :, j, :, out_columns]
    return dx


def _matrix(filters: Array, g: Geometry) -> Array:
    """Return each filter as a row: (G, K/G, C/G * F_h * F_w)."""
    return filters.reshape(g.groups, g.filters_per_group, g.weights_per_filter)


def _maps(dy: Array, g: Geometry, images: slice, rows: slice) -> Array:
    """Return a strip of the output's gradient, positions in a row: (n, G, K/G, positions)."""
    strip = dy[images, :, rows]
    return strip.reshape(len(strip), g.groups, g.filters_per_group, -1)


def _strips(g: Geometry, itemsize: int) -> Iterator[tuple[slice, slice]]:
    """Cut images x rows of the output: several small images at once, or some rows of one."""
    bytes_per_row = g.in_channels * g.rows.window * g.columns.window * g.columns.out * itemsize
    strips_per_image = ceil(g.rows.out * bytes_per_row / _BYTES)
    rows = ceil(g.rows.out / strips_per_image)
    images = max(1, _BYTES // (rows * bytes_per_row)) if rows == g.rows.out else 1
    for image in range(0, g.batch, images):
        for row in range(0, g.rows.out, rows):
            yield (
                slice(image, min(image + images, g.batch)),
                slice(row, min(row + rows, g.rows.out)),
            )


def _columns(x: Array, g: Geometry) -> Iterator[tuple[slice, slice, Array]]:
    """Yield (images, rows, columns), strip by strip, each in the memory of the one before.

    The columns are (n, G, C/G * F_h * F_w + 1, positions).
    """
    width = g.columns.before + g.columns.size + g.columns.after
    inside = slice(g.columns.before, g.columns.before + g.columns.size)
    is_padded = (g.rows.before, g.rows.after, g.columns.before, g.columns.after) != (0, 0, 0, 0)
    workspace = None
    for images, rows in _strips(g, x.itemsize):
        pixels, among = g.rows.reach(rows)
        seen = x[images, :, pixels]
        if is_padded:
            height = (rows.stop - rows.start - 1) * g.rows.stride + g.rows.span
            padded = np.zeros((len(seen), g.in_channels, height, width), x.dtype)
            padded[:, :, among, inside] = seen
            seen = padded
        n, (n_step, c_step, h_step, w_step) = len(seen), seen.strides
        windows = as_strided(
            seen,
            (n, g.groups, g.in_channels // g.groups, g.rows.window, g.columns.window,
             rows.stop - rows.start, g.columns.out),
            (n_step, c_step * (g.in_channels // g.groups), c_step,
             h_step * g.rows.dilation, w_step * g.columns.dilation,
             h_step * g.rows.stride, w_step * g.columns.stride),
        )  # fmt: skip
        positions = (rows.stop - rows.start) * g.columns.out
        shape = n, g.groups, g.weights_per_filter + 1, positions
        if workspace is None:
            workspace = np.empty(prod(shape), x.dtype)
        columns = workspace[: prod(shape)].reshape(shape)
        columns[:, :, :-1].reshape(windows.shape)[...] = windows
        columns[:, :, -1] = 1
        yield images, rows, columns
