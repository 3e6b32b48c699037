"""Convolution with 3x3 filters by S. Winograd's algorithm: a quarter of the multiplications.

Two polynomials can be multiplied by evaluating both at enough points, multiplying value by value,
and interpolating. A 3-tap filter over 6 pixels makes 4 outputs, which takes 6 points, 6
multiplications instead of 12; along both axes 36 instead of 144. In matrices, for each tile of 6x6
pixels d, 4x4 outputs y and each pair of channels:

    y = A^T [ (G w G^T) * (B^T d B) ] A,    summed over the channels within the brackets.

Evaluating and interpolating are multiplications too, but by constants, and once per channel rather
than once per pair of channels. So it wins where channels are many, at stride 1.

A stride S can become channels: of every S x S pixels make one with S * S times the channels, and
of the filter, filled up to 3S x 3S, one of 3x3; the same sums then have stride 1. AlexNet's first
filters, 11x11 at stride 4, become 3x3x48.

The points are 0, 1, -1, 2, -2 and infinity. Their powers grow the rounding error some ten times: in
float32 the largest is about 5e-5 of the output's standard deviation, and the tests allow 1e-4. And
what is infinite or not a number spoils its whole tile, not only the positions that see it.

The gradient with respect to the filters is the same formula transposed,
dw = G^T [ sum over tiles of (B^T d B) * (A dy A^T) ] G.

Source: A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2016, for
F(4x4, 3x3).
"""

from collections.abc import Iterator
from math import ceil

import numpy as np

from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Geometry

# Each row of _B_T evaluates a tile at one point, each row of _G a filter; _A_T interpolates.
_B_T = np.array([
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
])  # fmt: skip
_G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_A_T = np.array(
    [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]]
)
_G_BOTH = np.kron(_G, _G)

# Output pixels along a tile.
_TILE = 4

# Of a block's tiles at 36 points, and of as many filters as are taken at once at 36 points.
_BYTES_TILES = 3 << 19
_BYTES_FILTERS = 5 << 19


def wins(g: Geometry) -> bool:
    """Tell whether this is the fastest way, by what was measured on the shapes of networks.

    Channels must be many, or evaluating costs more than multiplying; tiles too, or evaluating the
    filters does; and of filters and tiles not much may be filled up with zeros.
    """
    axes = g.rows, g.columns
    return (
        g.groups == 1
        and min(_in_channels(g), g.out_channels) >= 24
        and all(0 <= 4 * (3 * axis.stride - axis.window) <= axis.stride for axis in axes)
        and all(axis.dilation == 1 and axis.out >= 6 for axis in axes)
        and g.batch * ceil(g.rows.out / _TILE) * ceil(g.columns.out / _TILE) >= 32
    )


def forward(x: Array, filters: Array, bias: Array | None, g: Geometry) -> Array:
    """Convolve: see `conv2d`."""
    y = np.empty(g.out_shape, x.dtype)
    for some in _filters_at_once(g, x.itemsize):
        weights = _weights(filters[some], g)
        for images, rows, tiles in _blocks(g, some, x.itemsize):
            products = np.matmul(_points_of_input(x, g, images, rows, tiles), weights)
            if bias is not None:
                # At the point (1, 1) a constant is itself, which interpolation spreads evenly.
                products[7] += bias[some]
            _interpolate(products, tiles, y[images, some, rows])
            del products
    return y


def filter_gradients(x: Array, dy: Array, g: Geometry) -> tuple[Array, Array]:
    """Give the gradients with respect to filters and bias."""
    f_h, f_w, s_h, s_w = g.rows.window, g.columns.window, g.rows.stride, g.columns.stride
    dfilters = np.empty((g.out_channels, g.in_channels, f_h, f_w), x.dtype)
    dbias = np.zeros(g.out_channels, x.dtype)
    for some in _filters_at_once(g, x.itemsize):
        dweights = np.zeros((36, _in_channels(g), some.stop - some.start), x.dtype)
        for images, rows, tiles in _blocks(g, some, x.itemsize):
            dy_points = _points_of_output(dy[images, some, rows], tiles)
            points = _points_of_input(x, g, images, rows, tiles)
            dweights += np.matmul(points.swapaxes(1, 2), dy_points)
            # At the point (1, 1) a tile's value is its sum.
            dbias[some] += dy_points[7].sum(axis=0)
            del points, dy_points
        taps = np.matmul(_G_BOTH.T.astype(x.dtype), dweights.reshape(36, -1))
        taps = taps.reshape(3, 3, g.in_channels, s_h, s_w, -1).transpose(5, 2, 0, 3, 1, 4)
        dfilters[some] = taps.reshape(-1, g.in_channels, 3 * s_h, 3 * s_w)[..., :f_h, :f_w]
    return dfilters, dbias


def _in_channels(g: Geometry) -> int:
    """Count the input's channels after the stride has become channels."""
    return g.in_channels * g.rows.stride * g.columns.stride


def _filters_at_once(g: Geometry, itemsize: int) -> Iterator[slice]:
    """Cut the filters so that their values at 36 points stay within the workspace."""
    several = max(1, _BYTES_FILTERS // (36 * _in_channels(g) * itemsize))
    for first in range(0, g.out_channels, several):
        yield slice(first, min(first + several, g.out_channels))


def _blocks(
    g: Geometry, filters: slice, itemsize: int
) -> Iterator[tuple[slice, slice, tuple[int, int]]]:
    """Yield (images, rows of the output, (tiles down, tiles across)), block by block."""
    down, across = ceil(g.rows.out / _TILE), ceil(g.columns.out / _TILE)
    bytes_per_row = 36 * across * max(_in_channels(g), filters.stop - filters.start) * itemsize
    rows_at_once = ceil(down / ceil(down * bytes_per_row / _BYTES_TILES))
    images_at_once = 1
    if rows_at_once == down:
        images_at_once = max(1, _BYTES_TILES // (down * bytes_per_row))
    for image in range(0, g.batch, images_at_once):
        images = slice(image, min(image + images_at_once, g.batch))
        for row in range(0, down, rows_at_once):
            stop = min(row + rows_at_once, down)
            yield images, slice(_TILE * row, min(_TILE * stop, g.rows.out)), (stop - row, across)


def _weights(filters: Array, g: Geometry) -> Array:
    """Evaluate the filters at all points: (36, C * S_h * S_w, K)."""
    k, c, f_h, f_w = filters.shape
    s_h, s_w = g.rows.stride, g.columns.stride
    whole = np.zeros((k, c, 3 * s_h, 3 * s_w), filters.dtype)
    whole[:, :, :f_h, :f_w] = filters
    taps = whole.reshape(k, c, 3, s_h, 3, s_w).transpose(2, 4, 1, 3, 5, 0).reshape(9, -1)
    weights: Array = np.matmul(_G_BOTH.astype(filters.dtype), taps)
    return weights.reshape(36, -1, k)


def _points_of_input(
    x: Array, g: Geometry, images: slice, rows: slice, tiles: tuple[int, int]
) -> Array:
    """Evaluate what some rows of tiles see, padding included."""
    seen_rows, among_rows = g.rows.reach(rows)
    seen_columns, among_columns = g.columns.reach(slice(0, g.columns.out))
    seen = x[images, :, seen_rows, seen_columns]
    (n, c), (h, w) = seen.shape[:2], (_TILE * count + 2 for count in tiles)
    padded = np.zeros((n, c, h * g.rows.stride, w * g.columns.stride), x.dtype)
    padded[:, :, among_rows, among_columns] = seen
    phases = padded.reshape(n, c, h, g.rows.stride, w, g.columns.stride)
    channels = phases.transpose(0, 1, 3, 5, 2, 4).reshape(n, _in_channels(g), h, w)
    return _points(_B_T, np.ascontiguousarray(channels.transpose(2, 3, 0, 1)), tiles)


def _points_of_output(dy: Array, tiles: tuple[int, int]) -> Array:
    """Evaluate a gradient, with zeros up to the end of its last tiles."""
    n, k, height, width = dy.shape
    pixels = np.zeros((*(_TILE * count for count in tiles), n, k), dy.dtype)
    pixels[:height, :width] = dy.transpose(2, 3, 0, 1)
    return _points(_A_T.T, pixels, tiles)


def _points(matrix: Array, pixels: Array, tiles: tuple[int, int]) -> Array:
    """Evaluate each tile at all points: (36, tiles across * tiles down * n, C).

    Along an axis this is the matrix times all tiles' pixels, one long product if the axis is the
    outermost. So after the rows, rows and columns change places.
    """
    matrix = matrix.astype(pixels.dtype)
    (down, across), (_, width, n, channels) = tiles, pixels.shape
    by_rows = np.empty((6, down, width, n * channels), pixels.dtype)
    np.matmul(
        matrix,
        _windows(pixels.reshape(1, len(pixels), -1), matrix.shape[1], down)[0],
        out=by_rows.reshape(6, down, -1).swapaxes(0, 1),
    )
    turned = np.ascontiguousarray(by_rows.swapaxes(1, 2)).reshape(6, width, -1)
    del by_rows
    points = np.empty((6, 6, across, turned.shape[2]), pixels.dtype)
    np.matmul(matrix, _windows(turned, matrix.shape[1], across), out=points.swapaxes(1, 2))
    return points.reshape(36, across * down * n, channels)


def _windows(lines: Array, size: int, count: int) -> Array:
    """View windows of so many lines, a tile's outputs apart: (batch, count, size, line)."""
    batch_step, line_step, step = lines.strides
    shape = len(lines), count, size, lines.shape[2]
    steps = batch_step, _TILE * line_step, line_step, step
    return np.ndarray(shape, lines.dtype, lines, strides=steps)


def _interpolate(products: Array, tiles: tuple[int, int], y: Array) -> None:
    """Make 4x4 outputs of each tile's 36 values, and put them side by side into y, (n, K, H, W)."""
    matrix = _A_T.astype(products.dtype)
    by_columns = np.matmul(matrix, products.reshape(6, 6, -1))
    outputs = np.matmul(matrix, by_columns.reshape(6, -1))
    outputs = outputs.reshape(_TILE, _TILE, tiles[1], tiles[0], *y.shape[:2])
    for i, by_row in enumerate(outputs):
        for j, one in enumerate(by_row):
            target = y[:, :, i::_TILE, j::_TILE]
            target[...] = one.transpose(2, 3, 1, 0)[:, :, : target.shape[2], : target.shape[3]]
