"""The unshared convolution: as a convolution, but every position has filters of its own.

Known as a locally connected layer. With nothing to share, each position is a small dense layer
from its patch, (C*F*F, N), to its K outputs, (K, N), so all of them are one batched product. The
batch goes last: then a patch is made of runs of whole batches, and copying it is cheap.
"""

from collections.abc import Iterator

import numpy as np

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Geometry, meetings, read_convolution
from cnnlesson.settings import PerAxis, PerSide

# As much as a second-level cache keeps until the product has read it.
_BYTES = 1 << 20


def unshared_conv2d(
    x: Array,
    filters: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerSide = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Array:
    """Weigh each patch of the images with the filters of its own position.

    y[n, k, i, j] = b[k, i, j]
                    + sum over c, u, v of w[i, j, k, c, u, v] * x[n, c, i*S + u*D, j*S + v*D].

    Args:
        x: (N, C, H, W), float32 or float64.
        filters: (H_out, W_out, K, C/G, F_h, F_w): `filters[i, j]` are the filters of one
            position, of the shape that `conv2d` takes for all.
        bias: (K, H_out, W_out), of the shape of one output, or None for zeros.
        stride: as for `conv2d`, and so padding, dilation and groups.
        padding: as for `conv2d`.
        dilation: as for `conv2d`.
        groups: as for `conv2d`.

    Returns:
        (N, K, H_out, W_out).

    Raises:
        TypeError: as `conv2d`.
        ValueError: as `conv2d`, or if there is not one set of filters per position.
    """
    checks.same_floats(x=x, filters=filters, bias=bias)
    g = _read(x, filters, stride, padding, dilation, groups)
    checks.shape("bias", bias, g.out_shape[1:], "one per number of an output, (K, H_out, W_out)")
    y = np.empty(g.out_shape, x.dtype)
    for rows, patches in _patches(x, g):
        out = np.matmul(_matrices(filters, g, rows), patches)
        y[:, :, rows] = out.reshape(*out.shape[:2], g.out_channels, g.batch).transpose(3, 2, 0, 1)
    if bias is not None:
        y += bias
    return y


def unshared_conv2d_gradients(
    x: Array,
    filters: Array,
    dy: Array,
    *,
    stride: PerAxis = 1,
    padding: PerSide = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array]:
    """Give the gradients with respect to the arguments of `unshared_conv2d`.

    Args:
        x: (N, C, H, W), the input.
        filters: (H_out, W_out, K, C/G, F_h, F_w).
        dy: (N, K, H_out, W_out), the gradient of the output.
        stride: as for `conv2d`, and so padding, dilation and groups.
        padding: as for `conv2d`.
        dilation: as for `conv2d`.
        groups: as for `conv2d`.

    Returns:
        (dx, dfilters, dbias), of the shapes of x, filters and bias.

    Raises:
        TypeError: as `unshared_conv2d`.
        ValueError: as `unshared_conv2d`, or if `dy` has not the shape of the output.
    """
    checks.same_floats(x=x, filters=filters, dy=dy)
    g = _read(x, filters, stride, padding, dilation, groups)
    checks.shape("dy", dy, g.out_shape, "the shape of the output")
    dfilters = np.empty(filters.shape, x.dtype)
    dx = np.zeros((g.in_channels, g.rows.size, g.columns.size, g.batch), x.dtype)
    column_taps = meetings(g.columns, 0, g.columns.out)
    for rows, patches in _patches(x, g):
        outputs = np.ascontiguousarray(dy[:, :, rows].transpose(2, 3, 1, 0))
        outputs = outputs.reshape(*patches.shape[:3], g.filters_per_group, g.batch)
        np.matmul(outputs, patches.swapaxes(-1, -2), out=_matrices(dfilters, g, rows))
        dpatches = np.matmul(_matrices(filters, g, rows).swapaxes(-1, -2), outputs).reshape(
            *patches.shape[:2], g.in_channels, g.rows.window, g.columns.window, g.batch
        )
        dpatches = dpatches.transpose(3, 4, 2, 0, 1, 5)
        for i, (out_rows, in_rows) in enumerate(meetings(g.rows, rows.start, rows.stop)):
            for j, (out_columns, in_columns) in enumerate(column_taps):
                dx[:, in_rows, in_columns] += dpatches[i, j, :, out_rows, out_columns]
    return np.ascontiguousarray(dx.transpose(3, 0, 1, 2)), dfilters, dy.sum(axis=0)


def _read(
    x: Array, filters: Array, stride: PerAxis, padding: PerSide, dilation: PerAxis, groups: int
) -> Geometry:
    checks.rank("filters", filters, "H_out, W_out, K, C/G, F_h, F_w")
    g = read_convolution(
        x, filters, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
    wanted = g.rows.out, g.columns.out, *filters.shape[2:]
    checks.shape("filters", filters, wanted, f"one set per position over x of shape {x.shape}")
    return g


def _matrices(filters: Array, g: Geometry, rows: slice) -> Array:
    """Return each filter of some rows of positions as a row: (h, W_out, G, K/G, C/G*F*F)."""
    return filters[rows].reshape(
        rows.stop - rows.start,
        g.columns.out,
        g.groups,
        g.filters_per_group,
        g.weights_per_filter,
    )


def _patches(x: Array, g: Geometry) -> Iterator[tuple[slice, Array]]:
    """Yield (rows, patches) for some rows of positions at a time: (h, W_out, G, C/G*F*F, N)."""
    top, left = g.rows.before, g.columns.before
    height, width = g.rows.size, g.columns.size
    padded = np.zeros(
        (g.in_channels, top + height + g.rows.after, left + width + g.columns.after, g.batch),
        x.dtype,
    )
    padded[:, top : top + height, left : left + width] = x.transpose(1, 2, 3, 0)
    c_step, h_step, w_step, n_step = padded.strides
    windows: Array = np.ndarray(
        (g.rows.out, g.columns.out, g.in_channels, g.rows.window, g.columns.window, g.batch),
        x.dtype,
        padded,
        strides=(h_step * g.rows.stride, w_step * g.columns.stride, c_step,
                 h_step * g.rows.dilation, w_step * g.columns.dilation, n_step),
    )  # fmt: skip
    rows_at_once = max(1, _BYTES // max(1, windows[0].nbytes))
    for row in range(0, g.rows.out, rows_at_once):
        rows = slice(row, min(row + rows_at_once, g.rows.out))
        patches = np.ascontiguousarray(windows[rows])
        yield (
            rows,
            patches.reshape(len(patches), g.columns.out, g.groups, g.weights_per_filter, g.batch),
        )
