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
    workspace = np.empty(0, x.dtype)
    for images, rows in _strips(g, x.itemsize):
        windows = _windows(_padded(x, g, images, rows), g, rows.stop - rows.start)
        n, _, *rest = windows.shape
        shape = n, g.groups, g.weights_per_filter + 1, rest[-2] * rest[-1]
        if not workspace.size:
            workspace = np.empty(prod(shape), x.dtype)
        columns = workspace[: prod(shape)].reshape(shape)
        columns[:, :, -1] = 1
        by_group = n, g.groups, g.in_channels // g.groups, *rest
        columns[:, :, :-1].reshape(by_group)[...] = windows.reshape(by_group)
        yield images, rows, columns


def _padded(x: Array, g: Geometry, images: slice, rows: slice) -> Array:
    """Copy what a strip sees, with the zeros around it: (n, C, height, width)."""
    height = (rows.stop - rows.start - 1) * g.rows.stride + g.rows.span
    left, width = g.columns.before, g.columns.size
    pixels, among = g.rows.reach(rows)
    padded = np.zeros(
        (images.stop - images.start, g.in_channels, height, left + width + g.columns.after), x.dtype
    )
    padded[:, :, among, left : left + width] = x[images, :, pixels]
    return padded


def _windows(padded: Array, g: Geometry, height_out: int) -> Array:
    """View what each weight meets at all positions: (n, C, F_h, F_w, rows, W_out).

    At stride 1 neighbouring weights of a column of the filter meet the same lines, a row apart. If
    the filter is high, it pays to lay out these lines once: each run of the copy is then a whole
    strip long instead of a row.
    """
    n, channels, height, _ = padded.shape
    width_out = g.columns.out
    n_step, c_step, h_step, w_step = padded.strides
    weight_step, position_step = w_step * g.columns.dilation, w_step * g.columns.stride
    if g.rows.stride == 1 and g.rows.window > 3:
        padded = np.ndarray(
            (n, channels, g.columns.window, height, width_out),
            padded.dtype,
            padded,
            strides=(n_step, c_step, weight_step, h_step, position_step),
        ).copy()
        n_step, c_step, weight_step, h_step, position_step = padded.strides
    row_steps = h_step * g.rows.dilation, h_step * g.rows.stride
    return np.ndarray(
        (n, channels, g.rows.window, g.columns.window, height_out, width_out),
        padded.dtype,
        padded,
        strides=(n_step, c_step, row_steps[0], weight_step, row_steps[1], position_step),
    )
