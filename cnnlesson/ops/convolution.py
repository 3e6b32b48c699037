"""Convolution and its gradients: the checks, and the one place that chooses an algorithm."""

from types import ModuleType

import numpy as np

from cnnlesson.ops import checks, pointwise, strips
from cnnlesson.ops import winograd as _winograd
from cnnlesson.ops.checks import Array
from cnnlesson.ops.geometry import Axis, Geometry, read_convolution
from cnnlesson.settings import PerAxis, PerSide


def conv2d(
    x: Array,
    filters: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: PerSide = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    winograd: bool = True,
) -> Array:
    """Slide K filters over each image and weigh what they cover.

    y[n, k, i, j] = b[k] + sum over c, u, v of w[k, c, u, v] * x[n, c, i*S + u*D, j*S + v*D],
    where x is padded with zeros and c goes over the channels of the filter's group. Nothing is
    flipped: what networks call a convolution is a cross-correlation in mathematics. (I.
    Goodfellow, Y. Bengio and A. Courville, "Deep Learning", 2016, equation 9.6.) `conv2d_plain`
    computes the same by loops.

    Args:
        x: (N, C, H, W), float32 or float64.
        filters: (K, C/G, F_h, F_w).
        bias: (K,), or None for zeros.
        stride: S, the step between positions.
        padding: P, zeros around the image: one number for all sides, (height, width), or
            ((top, bottom), (left, right)).
        dilation: D, the distance in pixels between neighbouring weights.
        groups: G; each group of K/G filters sees its own C/G channels.
        winograd: whether the fast algorithm of `cnnlesson.ops.winograd` may be taken where it
            wins, for a rounding error some ten times larger.

    Returns:
        (N, K, H_out, W_out), with sizes by `arithmetic.output_size`.

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64, or a setting is not of
            whole numbers.
        ValueError: if shapes, groups or sizes do not fit; the message repeats the shapes.
    """
    g = _read(x, filters, stride, padding, dilation, groups, bias=bias)
    checks.shape("bias", bias, filters.shape[:1], f"one per filter of filters {filters.shape}")
    y: Array = _algorithm(g, winograd).forward(x, filters, bias, g)
    return y


def conv2d_gradients(
    x: Array,
    filters: Array,
    dy: Array,
    *,
    stride: PerAxis = 1,
    padding: PerSide = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    winograd: bool = True,
) -> tuple[Array, Array, Array]:
    """Give the gradients with respect to the arguments of `conv2d`.

    dw[k, c, u, v] = sum over n, i, j of dy[n, k, i, j] * x[n, c, i*S + u*D, j*S + v*D], db sums dy,
    and dx gathers for each pixel every weight that met it times the dy of that position.

    Args:
        x: (N, C, H, W), the input.
        filters: (K, C/G, F_h, F_w).
        dy: (N, K, H_out, W_out), the gradient of the output.
        stride: as for `conv2d`, and so the other settings.
        padding: as for `conv2d`.
        dilation: as for `conv2d`.
        groups: as for `conv2d`.
        winograd: as for `conv2d`.

    Returns:
        (dx, dfilters, dbias), of the shapes of x, filters and bias.

    Raises:
        TypeError: as `conv2d`.
        ValueError: as `conv2d`, or if `dy` has not the shape of the output.
    """
    g = _read(x, filters, stride, padding, dilation, groups, dy=dy)
    checks.shape("dy", dy, g.out_shape, "the shape of the output")
    dx = _input_gradient(filters, dy, g, winograd)
    dfilters, dbias = _algorithm(g, winograd).filter_gradients(x, dy, g)
    return dx, dfilters.reshape(filters.shape), dbias.reshape(len(filters))


def _algorithm(g: Geometry, allow_winograd: bool) -> ModuleType:
    """Choose what computes the output, and the gradients with respect to filters and bias."""
    if pointwise.applies(g):
        return pointwise
    if allow_winograd and _winograd.wins(g):
        return _winograd
    return strips


def _input_gradient(filters: Array, dy: Array, g: Geometry, allow_winograd: bool) -> Array:
    """Choose what computes the gradient with respect to the input.

    As a convolution of dy it copies K*F*F numbers per pixel, which is cheap; back through the
    columns it adds up C*F*F, which is dear.
    """
    if pointwise.applies(g):
        return pointwise.input_gradient(filters, dy, g)
    mirrored = _mirrored(g)
    if mirrored is not None:
        algorithm = _algorithm(mirrored, allow_winograd)
        if algorithm is _winograd or g.out_channels <= g.in_channels:
            dx: Array = algorithm.forward(dy, _flipped(filters, g), None, mirrored)
            return dx
    return strips.input_gradient(filters, dy, g)


def _mirrored(g: Geometry) -> Geometry | None:
    """Return the convolution that takes dy to dx, with flipped filters; only stride 1 has one.

    dx[n, c, i, j] = sum over k, u, v of w[k, c, u, v] * dy[n, k, i + P - u*D, j + P - v*D]: the
    filters turned by half a circle slide over dy, padded with D(F-1) - P zeros.
    """
    axes = []
    for axis in (g.rows, g.columns):
        before, after = axis.span - 1 - axis.before, axis.span - 1 - axis.after
        if axis.stride != 1 or min(before, after) < 0:
            return None
        axes.append(Axis(axis.out, axis.window, 1, axis.dilation, before, after, axis.size))
    return Geometry(g.batch, g.out_channels, g.in_channels, g.groups, *axes)


def _flipped(filters: Array, g: Geometry) -> Array:
    """Turn each filter by half a circle, and swap inputs and outputs: (C, K/G, F_h, F_w)."""
    grouped = filters.reshape(g.groups, -1, *filters.shape[1:])[..., ::-1, ::-1].swapaxes(1, 2)
    return np.ascontiguousarray(grouped).reshape(g.in_channels, -1, *filters.shape[2:])


def _read(
    x: Array,
    filters: Array,
    stride: PerAxis,
    padding: PerSide,
    dilation: PerAxis,
    groups: int,
    **others: Array | None,
) -> Geometry:
    checks.same_floats(x=x, filters=filters, **others)
    checks.rank("filters", filters, "K, C/G, F_h, F_w")
    return read_convolution(
        x, filters, stride=stride, padding=padding, dilation=dilation, groups=groups
    )
