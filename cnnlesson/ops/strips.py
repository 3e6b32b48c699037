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
from typing import NamedTuple

import numpy as np

from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Geometry, meetings

# Fits the second-level cache of the processor or nearly so, and lets the product run at full speed.
_BYTES = 3 << 19


class Strip(NamedTuple):
    """Some images, and some positions of the filter on them; parts of rows are of one row only."""

    images: slice
    rows: slice
    columns: slice

    @property
    def size(self) -> tuple[int, int]:
        """The rows and columns of positions."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def positions(self, g: Geometry) -> slice:
        """Return where the strip lies among all positions in a row."""
        return slice(
            self.rows.start * g.columns.out + self.columns.start,
            (self.rows.stop - 1) * g.columns.out + self.columns.stop,
        )


def forward(x: Array, filters: Array, bias: Array | None, g: Geometry) -> Array:
    """Convolve: see `conv2d`."""
    y = np.empty(g.out_shape, x.dtype)
    maps = y.reshape(g.batch, g.groups, g.filters_per_group, g.rows.out * g.columns.out)
    matrix = _matrix(filters, g)
    if bias is not None:
        column = bias.reshape(g.groups, g.filters_per_group, 1)
        matrix = np.concatenate([matrix, column], axis=2)
    for strip, columns in _columns(x, g):
        part = maps[strip.images, ..., strip.positions(g)]
        np.matmul(matrix, columns[:, :, : matrix.shape[2]], out=part)
    return y


def filter_gradients(x: Array, dy: Array, g: Geometry) -> tuple[Array, Array]:
    """Give the gradients with respect to filters and bias."""
    dfilters = np.zeros((g.groups, g.filters_per_group, g.weights_per_filter), x.dtype)
    dbias = np.zeros((g.groups, g.filters_per_group), x.dtype)
    for strip, columns in _columns(x, g):
        maps = _maps(dy, g, strip)
        # Each image has a product of its own, as large as the filters: so not too many of these.
        several = max(1, _BYTES // (len(maps) * dfilters[:, 0].nbytes))
        for first in range(0, g.filters_per_group, several):
            some = slice(first, first + several)
            product = np.matmul(maps[:, :, some], columns.swapaxes(-1, -2)).sum(axis=0)
            dfilters[:, some] += product[..., :-1]
            dbias[:, some] += product[..., -1]
    return dfilters, dbias


def input_gradient(filters: Array, dy: Array, g: Geometry) -> Array:
    """Give the gradient with respect to the input."""
    dx = np.zeros((g.batch, g.in_channels, g.rows.size, g.columns.size), dy.dtype)
    matrix = _matrix(filters, g).swapaxes(-1, -2)
    for strip in _strips(g, dy.itemsize):
        columns = np.matmul(matrix, _maps(dy, g, strip)).reshape(
            -1, g.in_channels, g.rows.window, g.columns.window, *strip.size
        )
        # Rows first: what is added then are whole rows, and a window's height less of them is left.
        pixels, _ = g.rows.reach(strip.rows)
        lines = np.zeros(
            (*columns.shape[:2], g.columns.window, pixels.stop - pixels.start, strip.size[1]),
            dy.dtype,
        )
        for i, (out, met) in enumerate(meetings(g.rows, strip.rows.start, strip.rows.stop)):
            within = slice(met.start - pixels.start, met.stop - pixels.start, met.step)
            lines[:, :, :, within] += columns[:, :, i, :, out]
        part = dx[strip.images, :, pixels]
        for j, (out, met) in enumerate(
            meetings(g.columns, strip.columns.start, strip.columns.stop)
        ):
            part[..., met] += lines[:, :, j, :, out]
    return dx


def _matrix(filters: Array, g: Geometry) -> Array:
    """Return each filter as a row: (G, K/G, C/G * F_h * F_w)."""
    return filters.reshape(g.groups, g.filters_per_group, g.weights_per_filter)


def _maps(dy: Array, g: Geometry, strip: Strip) -> Array:
    """Return a strip of the output's gradient, positions in a row: (n, G, K/G, positions)."""
    part = dy[strip.images, :, strip.rows, strip.columns]
    return part.reshape(len(part), g.groups, g.filters_per_group, prod(strip.size))


def _strips(g: Geometry, itemsize: int) -> Iterator[Strip]:
    """Cut the output: several small images at once, or some rows of one, or a part of a row."""
    bytes_per_position = g.in_channels * g.rows.window * g.columns.window * itemsize
    bytes_per_row = bytes_per_position * g.columns.out
    rows = ceil(g.rows.out / ceil(g.rows.out * bytes_per_row / _BYTES))
    images = max(1, _BYTES // (rows * bytes_per_row)) if rows == g.rows.out else 1
    columns = g.columns.out if rows > 1 else max(1, _BYTES // bytes_per_position)
    for image in range(0, g.batch, images):
        for row in range(0, g.rows.out, rows):
            for column in range(0, g.columns.out, columns):
                yield Strip(
                    slice(image, min(image + images, g.batch)),
                    slice(row, min(row + rows, g.rows.out)),
                    slice(column, min(column + columns, g.columns.out)),
                )


def _columns(x: Array, g: Geometry) -> Iterator[tuple[Strip, Array]]:
    """Yield strips with their columns, each in the memory of the one before.

    The columns are (n, G, C/G * F_h * F_w + 1, positions).
    """
    workspace = np.empty(0, x.dtype)
    for strip in _strips(g, x.itemsize):
        windows = _windows(_padded(x, g, strip), g, strip)
        shape = len(windows), g.groups, g.weights_per_filter + 1, prod(strip.size)
        if not workspace.size:
            workspace = np.empty(prod(shape), x.dtype)
        columns = workspace[: prod(shape)].reshape(shape)
        columns[:, :, -1] = 1
        by_group = len(windows), g.groups, g.in_channels // g.groups, *windows.shape[2:]
        columns[:, :, :-1].reshape(by_group)[...] = windows.reshape(by_group)
        yield strip, columns


def _padded(x: Array, g: Geometry, strip: Strip) -> Array:
    """Copy what a strip sees, with the zeros around it: (n, C, height, width)."""
    height, width = (
        (out - 1) * axis.stride + axis.span
        for out, axis in zip(strip.size, (g.rows, g.columns), strict=True)
    )
    rows, among_rows = g.rows.reach(strip.rows)
    columns, among_columns = g.columns.reach(strip.columns)
    seen = x[strip.images, :, rows, columns]
    padded = np.zeros((len(seen), g.in_channels, height, width), x.dtype)
    padded[:, :, among_rows, among_columns] = seen
    return padded


def _windows(padded: Array, g: Geometry, strip: Strip) -> Array:
    """View what each weight meets at all positions: (n, C, F_h, F_w, rows, columns).

    At stride 1 neighbouring weights of a column of the filter meet the same lines, a row apart. If
    the filter is high, it pays to lay out these lines once: each run of the copy is then a whole
    strip long instead of a row.
    """
    n, channels, height, _ = padded.shape
    n_step, c_step, h_step, w_step = padded.strides
    weight_step, position_step = w_step * g.columns.dilation, w_step * g.columns.stride
    if g.rows.stride == 1 and g.rows.window > 3:
        padded = np.ndarray(
            (n, channels, g.columns.window, height, strip.size[1]),
            padded.dtype,
            padded,
            strides=(n_step, c_step, weight_step, h_step, position_step),
        ).copy()
        n_step, c_step, weight_step, h_step, position_step = padded.strides
    row_steps = h_step * g.rows.dilation, h_step * g.rows.stride
    return np.ndarray(
        (n, channels, g.rows.window, g.columns.window, *strip.size),
        padded.dtype,
        padded,
        strides=(n_step, c_step, row_steps[0], weight_step, row_steps[1], position_step),
    )
