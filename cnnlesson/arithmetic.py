"""The arithmetic of a convolutional layer, on plain integers.

The lesson's symbols stand in the formulas: an input of height H, width W and depth C, K filters
of height and width F, stride S, and P rings of zeros around the input. Shapes told to people are
height x width x depth.

Sources: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
relationship 6, for sizes; Stanford's CS231n course notes, "Convolutional networks", for counts.
"""

import operator
from collections.abc import Iterable
from typing import SupportsIndex

Shape = tuple[int, int, int]
"""Height, width and depth."""


def output_size(input_size: int, filter_size: int, *, stride: int = 1, padding: int = 0) -> int:
    """Count the positions of a filter along one axis.

    W_out = floor((W - F + 2P) / S) + 1: the first position needs no step, and every S further
    pixels admit one more. Where the stride does not fit, the size is floored, as frameworks do.

    Args:
        input_size: W (or H), in pixels, at least 1.
        filter_size: F, in pixels, at least 1.
        stride: S, in pixels, at least 1.
        padding: P, the zeros added at *each* end, at least 0.

    Returns:
        The number of positions, in pixels of the output.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is out of range, or the filter exceeds the padded input.
    """
    input_size = _whole("input_size", input_size, at_least=1)
    filter_size = _whole("filter_size", filter_size, at_least=1)
    stride = _whole("stride", stride, at_least=1)
    padding = _whole("padding", padding, at_least=0)
    padded_size = input_size + 2 * padding
    if filter_size > padded_size:
        missing = filter_size - padded_size
        raise ValueError(
            f"a filter of size F = {filter_size} does not fit into the padded input, "
            f"W + 2P = {input_size} + 2*{padding} = {padded_size}: take a filter of at most "
            f"{padded_size}, an input of at least {input_size + missing}, "
            f"or a padding of at least {padding + -(-missing // 2)}"
        )
    return (padded_size - filter_size) // stride + 1


def output_shape(
    input_shape: Shape, filter_size: int, out_channels: int, *, stride: int = 1, padding: int = 0
) -> Shape:
    """Give height, width and depth of a layer's output: H_out x W_out x K.

    Height and width follow `output_size`; each of the K filters makes one map, so the depth is K.

    Args:
        input_shape: (H, W, C), height, width and depth of the input.
        filter_size: F; the filter is F high, F wide and C deep.
        out_channels: K, the number of filters.
        stride: S, the same along both axes.
        padding: P, zeros added on each of the four sides.

    Returns:
        (H_out, W_out, K).

    Raises:
        TypeError: if a number is not whole, or `input_shape` is not three numbers.
        ValueError: if a number is out of range, or the filter exceeds the padded input.
    """
    height, width, _ = _shape(input_shape)
    out_channels = _whole("out_channels", out_channels, at_least=1)
    return (
        output_size(height, filter_size, stride=stride, padding=padding),
        output_size(width, filter_size, stride=stride, padding=padding),
        out_channels,
    )


def neurons(
    input_shape: Shape, filter_size: int, out_channels: int, *, stride: int = 1, padding: int = 0
) -> int:
    """Count the layer's neurons, the numbers in its output: H_out * W_out * K.

    Arguments and errors are those of `output_shape`.
    """
    height, width, depth = output_shape(
        input_shape, filter_size, out_channels, stride=stride, padding=padding
    )
    return height * width * depth


def parameters_shared(filter_size: int, in_channels: int, out_channels: int) -> int:
    """Count the parameters of a convolutional layer: (F*F*C + 1) * K.

    Each of the K filters has F*F*C weights and one bias, and serves every position, so neither
    the input's size nor stride nor padding enters.

    Args:
        filter_size: F, height and width of a filter.
        in_channels: C, the depth of the input and so of every filter.
        out_channels: K, the number of filters.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is below 1.
    """
    filter_size = _whole("filter_size", filter_size, at_least=1)
    in_channels = _whole("in_channels", in_channels, at_least=1)
    out_channels = _whole("out_channels", out_channels, at_least=1)
    return (filter_size * filter_size * in_channels + 1) * out_channels


def parameters_unshared(
    input_shape: Shape, filter_size: int, out_channels: int, *, stride: int = 1, padding: int = 0
) -> int:
    """Count the parameters if no position shared its own: (F*F*C + 1) * (H_out * W_out * K).

    Every neuron of the output then has F*F*C weights and a bias to itself (a "locally connected"
    layer). Arguments and errors are those of `output_shape`.
    """
    one_filter = parameters_shared(filter_size, _shape(input_shape)[2], out_channels=1)
    return one_filter * neurons(
        input_shape, filter_size, out_channels, stride=stride, padding=padding
    )


def _whole(name: str, number: SupportsIndex, *, at_least: int) -> int:
    """Return `number` as an int, or say which argument is wrong, with its value.

    NumPy's integers are welcome; True and 2.0 are not, since neither was meant as a size.
    """
    try:
        if isinstance(number, bool):
            raise TypeError
        whole = operator.index(number)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number, not {number!r} of type {type(number).__name__}"
        ) from None
    if whole < at_least:
        raise ValueError(f"{name} is {whole}, but must be at least {at_least}")
    return whole


def _shape(input_shape: Iterable[SupportsIndex]) -> Shape:
    """Return (H, W, C) as three ints of at least 1, or say what is wrong with it."""
    try:
        height, width, depth = input_shape
    except (TypeError, ValueError):
        raise TypeError(
            "input_shape must be three numbers, (height, width, depth) such as (32, 32, 3), "
            f"not {input_shape!r}"
        ) from None
    return (
        _whole("the height in input_shape", height, at_least=1),
        _whole("the width in input_shape", width, at_least=1),
        _whole("the depth in input_shape", depth, at_least=1),
    )
