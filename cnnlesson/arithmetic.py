"""The arithmetic of convolutional layers, on plain integers.

The lesson's symbols stand in the formulas: an input of height H, width W and depth C, K filters
of height and width F, stride S, padding P, dilation D, and G groups. Shapes told to people are
height x width x depth. A function named for a *size* works along one axis; one that takes an
`input_shape` works on both, and there every setting may be one number, or (height, width).
`cnnlesson.working.show_work` shows how each result comes about.

Padding is zeros around the input: one number P for each end of an axis, (before, after), or by
name: "valid" is none, "full" is D(F-1) at each end, and "same" keeps the size at stride 1 (see
`same_padding` for larger strides). Where the stride does not fit, sizes are floored, as
frameworks do; `remainder` and `unread` tell what is left over.

Sources: V. Dumoulin and F. Visin, "A guide to convolution arithmetic for deep learning", 2016,
for sizes; A. Araujo, W. Norris and J. Sim, "Computing receptive fields of convolutional neural
networks", Distill, 2019, for receptive fields; Stanford's CS231n course notes, "Convolutional
networks", for counts; the documentation of TensorFlow, Keras and PyTorch for their conventions.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple, SupportsIndex

from cnnlesson.settings import (
    Pair,
    PerAxis,
    PerSide,
    one_axis,
    per_axis,
    per_side,
    several,
    shown,
    whole,
)

Shape = tuple[int, int, int]
"""Height, width and depth."""

ShapeLike = Sequence[SupportsIndex]
"""Three whole numbers: height, width and depth."""

PaddingName = Literal["valid", "same", "full"]
"""The names of paddings that frameworks have."""

AxisPadding = SupportsIndex | Sequence[SupportsIndex] | PaddingName
"""Along one axis: P for each end, (before, after), or a name."""

Padding = PerSide | PaddingName
"""Along both axes: P for each side, (height, width), ((top, bottom), (left, right)), or a name."""


# --- Sizes along one axis --------------------------------------------------------------------


def output_size(
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    padding: AxisPadding = 0,
    dilation: int = 1,
) -> int:
    """Count the positions of a filter along one axis.

    W_out = floor((W - F + 2P) / S) + 1: the first position needs no step, and every S further
    pixels admit one more. A dilated filter reaches D(F-1) + 1 pixels, which then stands for F.
    (Dumoulin and Visin, relationships 6 and 15.)

    Args:
        input_size: W (or H), in pixels, at least 1.
        filter_size: F, the weights along this axis, at least 1.
        stride: S, in pixels, at least 1.
        padding: P, the zeros added at *each* end; or (before, after), or a name.
        dilation: D, the distance in pixels between neighbouring weights, at least 1.

    Returns:
        The number of positions, in pixels of the output.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is out of range, or the filter exceeds the padded input.
    """
    spare, stride = _spare(input_size, filter_size, stride, padding, dilation)
    return spare // stride + 1


def remainder(
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    padding: AxisPadding = 0,
    dilation: int = 1,
) -> int:
    """Count the pixels, padding included, beyond the last position: (W - F + 2P) mod S.

    Zero where the stride fits. Arguments and errors are those of `output_size`.
    """
    spare, stride = _spare(input_size, filter_size, stride, padding, dilation)
    return spare % stride


class Unread(NamedTuple):
    """What no position of a filter reads, as indices along the input's axis.

    The input's pixels are 0 ... W-1; padding before it is negative, padding after it W and more.
    """

    pixels: tuple[int, ...]
    padding: tuple[int, ...]


def unread(
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    padding: AxisPadding = 0,
    dilation: int = 1,
) -> Unread:
    """Find the pixels, and the padding, that no position ever reads.

    They lie at the end, where the stride does not fit, and in gaps, where S > F or where the
    filter is dilated. An input of 224 under F = 7, S = 2, P = 3 leaves padding over, but no pixel.

    Arguments and errors are those of `output_size`.
    """
    positions = output_size(
        input_size, filter_size, stride=stride, padding=padding, dilation=dilation
    )
    before, after = padding_sides(
        padding, input_size, filter_size, stride=stride, dilation=dilation
    )
    read = {
        position * stride + weight * dilation - before
        for position in range(positions)
        for weight in range(filter_size)
    }
    left_out = [index for index in range(-before, input_size + after) if index not in read]
    return Unread(
        pixels=tuple(index for index in left_out if 0 <= index < input_size),
        padding=tuple(index for index in left_out if not 0 <= index < input_size),
    )


def dilated_filter_size(filter_size: int, dilation: int = 1) -> int:
    """Give the pixels that a dilated filter reaches over: D(F-1) + 1.

    Args:
        filter_size: F, the weights along this axis, at least 1.
        dilation: D, the distance in pixels between neighbouring weights, at least 1.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is below 1.
    """
    filter_size = whole("filter_size", filter_size, at_least=1)
    return whole("dilation", dilation, at_least=1) * (filter_size - 1) + 1


def transposed_output_size(
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    padding: SupportsIndex | Sequence[SupportsIndex] = 0,
    dilation: int = 1,
    output_padding: int = 0,
) -> int:
    """Give the output size of a transposed convolution: (W-1)S - 2P + D(F-1) + 1 + extra.

    It undoes `output_size`: S input sizes share one output size, and `output_padding` says which
    of them is meant. (Dumoulin and Visin, relationship 14; PyTorch's ConvTranspose2d.)

    Args:
        input_size: W, in pixels, at least 1.
        filter_size: F, the weights along this axis, at least 1.
        stride: S of the convolution that is undone.
        padding: P of the convolution that is undone, or (before, after).
        dilation: D, at least 1.
        output_padding: extra pixels at the end, fewer than the stride or the dilation.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is out of range, or nothing would be left.
    """
    input_size = whole("input_size", input_size, at_least=1)
    reach = dilated_filter_size(filter_size, dilation)
    stride = whole("stride", stride, at_least=1)
    before, after = one_axis(padding)
    output_padding = whole("output_padding", output_padding, at_least=0)
    if output_padding >= max(stride, dilation):
        raise ValueError(
            f"output_padding is {output_padding}, but must be less than the stride, {stride}, "
            f"or the dilation, {dilation}"
        )
    size = (input_size - 1) * stride - before - after + reach + output_padding
    if size < 1:
        raise ValueError(
            "nothing is left of the output: (W-1)S - 2P + D(F-1) + 1 + extra = "
            f"{(input_size - 1) * stride} - {before + after} + {reach} + {output_padding} "
            f"= {size}: take at least {1 - size} off the padding"
        )
    return size


def pooled_size(
    input_size: int,
    filter_size: int,
    *,
    stride: int | None = None,
    padding: SupportsIndex | Sequence[SupportsIndex] = 0,
    dilation: int = 1,
    ceil: bool = False,
) -> int:
    """Count the windows of a pooling layer along one axis.

    As `output_size`, and the stride is F unless given. With `ceil`, a last window may hang over
    the end, so the division rounds up; one that would start beyond the input and the padding
    before it does not count (the rule of PyTorch's MaxPool2d). Padding beyond half a window is
    refused, as in PyTorch: a window could then lie in padding alone.

    Args:
        input_size: W, in pixels, at least 1.
        filter_size: F, the size of a window, at least 1.
        stride: S, in pixels; F unless given.
        padding: P at each end, or (before, after).
        dilation: D, at least 1.
        ceil: whether a window may hang over the end.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is out of range, or the window exceeds the padded input.
    """
    stride = filter_size if stride is None else stride
    spare, stride = _spare(input_size, filter_size, stride, padding, dilation)
    before, after = one_axis(padding)
    half = dilated_filter_size(filter_size, dilation) // 2
    if max(before, after) > half:
        raise ValueError(
            f"padding is {max(before, after)}, but a window of {filter_size} (dilation {dilation}) "
            f"takes at most half of its reach, {half}"
        )
    if not ceil:
        return spare // stride + 1
    windows = -(-spare // stride) + 1
    return windows - 1 if (windows - 1) * stride >= input_size + before else windows


# --- Padding by name -------------------------------------------------------------------------


def padding_sides(
    padding: AxisPadding,
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
) -> Pair:
    """Give the padding along one axis in numbers, (before, after), whichever way it was written.

    Args:
        padding: P for each end, (before, after), or a name.
        input_size: W, in pixels; it matters to "same" alone.
        filter_size: F.
        stride: S, in pixels.
        dilation: D.

    Raises:
        TypeError: if `padding` is neither a whole number, nor two, nor a name.
        ValueError: if it is negative, an unknown name, or "same" at a stride above 1, where
            the frameworks differ.
    """
    if not isinstance(padding, str):
        return one_axis(padding)
    if padding == "valid":
        return 0, 0
    if padding == "full":
        reach = dilated_filter_size(filter_size, dilation)
        return reach - 1, reach - 1
    if padding == "same":
        if stride != 1:
            raise ValueError(
                f'"same" padding at stride {stride} differs between frameworks: ask '
                "same_padding(...) for the convention you mean, or give the padding in numbers"
            )
        return same_padding(input_size, filter_size, dilation=dilation)
    raise ValueError(f'padding is {padding!r}, but the names are "valid", "same" and "full"')


def same_padding(
    input_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    convention: Literal["tensorflow", "pytorch"] = "tensorflow",
) -> Pair:
    """Give the zeros (before, after) that a framework's "same" padding adds along one axis.

    TensorFlow and Keras aim at ceil(W/S) positions and pad max((ceil(W/S)-1)S + D(F-1)+1 - W, 0)
    in all, which depends on W. PyTorch pads D(F-1) in all, and takes a stride of 1 only. Both
    put the extra zero of an odd number at the end, and at stride 1 they agree. At S = 2, F = 3
    and even W, TensorFlow pads (0, 1) where PyTorch users write P = 1, that is (1, 1): the
    same size, and maps one pixel apart.

    Args:
        input_size: W, in pixels, at least 1.
        filter_size: F, at least 1.
        stride: S, in pixels, at least 1.
        dilation: D, at least 1.
        convention: whose rule.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if a number is below 1, the convention is unknown, or it is PyTorch's and
            the stride is not 1.
    """
    input_size = whole("input_size", input_size, at_least=1)
    reach = dilated_filter_size(filter_size, dilation)
    stride = whole("stride", stride, at_least=1)
    if convention == "tensorflow":
        total = max((-(-input_size // stride) - 1) * stride + reach - input_size, 0)
    elif convention == "pytorch":
        if stride != 1:
            raise ValueError(
                f'PyTorch refuses "same" padding at stride {stride}: only 1 is allowed'
            )
        total = reach - 1
    else:
        raise ValueError(f'convention is {convention!r}, but must be "tensorflow" or "pytorch"')
    return total // 2, total - total // 2


# --- Backwards: which settings give a wanted output ------------------------------------------


def paddings_for(
    wanted_size: int, input_size: int, filter_size: int, *, stride: int = 1, dilation: int = 1
) -> list[Pair]:
    """List the paddings (before, after) that give a wanted output size along one axis.

    Any split of the same total gives the same size; listed is the even one, with an odd zero at
    the end. Up to S totals qualify, since the division floors; none if the input is too large.

    Args:
        wanted_size: W_out, at least 1.
        input_size: W, at least 1.
        filter_size: F, at least 1.
        stride: S, at least 1.
        dilation: D, at least 1.

    Returns:
        The pairs, least padding first.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is below 1.
    """
    least = _needed(wanted_size, filter_size, stride, dilation)
    input_size = whole("input_size", input_size, at_least=1)
    totals = range(max(least - input_size, 0), max(least - input_size + stride, 0))
    return [(total // 2, total - total // 2) for total in totals]


def paddings_that_keep(
    input_size: int, filter_size: int, *, stride: int = 1, dilation: int = 1
) -> list[Pair]:
    """List the paddings (before, after) that keep the size: `paddings_for` with W_out = W."""
    return paddings_for(input_size, input_size, filter_size, stride=stride, dilation=dilation)


def strides_for(
    wanted_size: int,
    input_size: int,
    filter_size: int,
    *,
    padding: SupportsIndex | Sequence[SupportsIndex] = 0,
    dilation: int = 1,
) -> range:
    """Give the strides that reach a wanted output size along one axis, as a range.

    They are the S with W_out - 1 = floor((W - F + 2P) / S). A single position is what every
    stride beyond W - F + 2P gives; the range then ends at the padded input's size.

    Arguments and errors are those of `output_size`, with `wanted_size` at least 1.
    """
    wanted_size = whole("wanted_size", wanted_size, at_least=1)
    spare, _ = _spare(input_size, filter_size, 1, padding, dilation)
    if wanted_size == 1:
        return range(spare + 1, input_size + sum(one_axis(padding)) + 1)
    return range(spare // wanted_size + 1, spare // (wanted_size - 1) + 1)


def filter_sizes_for(
    wanted_size: int,
    input_size: int,
    *,
    stride: int = 1,
    padding: SupportsIndex | Sequence[SupportsIndex] = 0,
    dilation: int = 1,
) -> range:
    """Give the filter sizes that reach a wanted output size along one axis, as a range.

    Arguments and errors are those of `output_size`, with `wanted_size` at least 1. The range is
    empty if no filter does it.
    """
    wanted_size = whole("wanted_size", wanted_size, at_least=1)
    stride = whole("stride", stride, at_least=1)
    dilation = whole("dilation", dilation, at_least=1)
    padded_size = whole("input_size", input_size, at_least=1) + sum(one_axis(padding))
    # The reach D(F-1) + 1 may take from the padded input what (W_out - 1) steps leave, and
    # must take more than what one further step would leave.
    longest = padded_size - (wanted_size - 1) * stride
    shortest = max(longest - stride + 1, 1)
    return range(-(-(shortest - 1) // dilation) + 1, (longest - 1) // dilation + 2)


def input_sizes_for(
    wanted_size: int,
    filter_size: int,
    *,
    stride: int = 1,
    padding: SupportsIndex | Sequence[SupportsIndex] = 0,
    dilation: int = 1,
) -> range:
    """Give the input sizes that share an output size: S of them in a row, as a range.

    Arguments and errors are those of `output_size`, with `wanted_size` at least 1. Sizes below 1
    are left out.
    """
    smallest = _needed(wanted_size, filter_size, stride, dilation) - sum(one_axis(padding))
    return range(max(smallest, 1), max(smallest + stride, 1))


# --- Shapes and counts of a layer ------------------------------------------------------------


def output_shape(
    input_shape: ShapeLike,
    filter_size: PerAxis,
    out_channels: int,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> Shape:
    """Give height, width and depth of a layer's output: H_out x W_out x K.

    Height and width follow `output_size`; each of the K filters makes one map, so the depth is K.

    Args:
        input_shape: (H, W, C), height, width and depth of the input.
        filter_size: F; the filter is F high, F wide and C deep.
        out_channels: K, the number of filters.
        stride: S, in pixels.
        padding: P, zeros added on each side, or as the module says.
        dilation: D, the distance in pixels between neighbouring weights.

    Returns:
        (H_out, W_out, K).

    Raises:
        TypeError: if a number is not whole, or `input_shape` is not three numbers.
        ValueError: if a number is out of range, or the filter exceeds the padded input.
    """
    height, width, _ = read_shape(input_shape)
    filters = per_axis("filter_size", filter_size)
    strides = per_axis("stride", stride)
    dilations = per_axis("dilation", dilation)
    paddings = both_paddings(padding)
    sizes = [
        _spare(size, filters[axis], strides[axis], paddings[axis], dilations[axis], "HW"[axis])[0]
        // strides[axis]
        + 1
        for axis, size in enumerate((height, width))
    ]
    return sizes[0], sizes[1], whole("out_channels", out_channels, at_least=1)


def neurons(
    input_shape: ShapeLike,
    filter_size: PerAxis,
    out_channels: int,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> int:
    """Count the layer's neurons, the numbers in its output: H_out * W_out * K.

    Arguments and errors are those of `output_shape`.
    """
    return math.prod(
        output_shape(
            input_shape,
            filter_size,
            out_channels,
            stride=stride,
            padding=padding,
            dilation=dilation,
        )
    )


def weights_of_a_filter(filter_size: PerAxis, in_channels: int, *, groups: int = 1) -> int:
    """Count the weights of one filter, bias apart: F * F * C/G.

    Args:
        filter_size: F, or (height, width).
        in_channels: C, the depth of the input.
        groups: G; the filter sees C/G channels.

    Raises:
        TypeError: if an argument is not a whole number.
        ValueError: if an argument is below 1, or the groups do not divide the channels.
    """
    height, width = per_axis("filter_size", filter_size)
    return height * width * channels_per_group("in_channels", in_channels, groups)


def parameters_shared(
    filter_size: PerAxis,
    in_channels: int,
    out_channels: int,
    *,
    groups: int = 1,
    bias: bool = True,
) -> int:
    """Count the parameters of a convolutional layer: (F*F*C/G + 1) * K.

    Each of the K filters has its weights and one bias, and serves every position, so neither
    the input's size nor stride nor padding nor dilation enters.

    Args:
        filter_size: F, height and width of a filter.
        in_channels: C, the depth of the input.
        out_channels: K, the number of filters.
        groups: G; a filter sees C/G of the input's channels.
        bias: whether each filter has one.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if a number is below 1, or the groups do not divide the channels.
    """
    one_filter = weights_of_a_filter(filter_size, in_channels, groups=groups) + bool(bias)
    channels_per_group("out_channels", out_channels, groups)
    return one_filter * out_channels


def parameters_unshared(
    input_shape: ShapeLike,
    filter_size: PerAxis,
    out_channels: int,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> int:
    """Count the parameters if no position shared its own: (F*F*C/G + 1) * (H_out * W_out * K).

    Every neuron of the output then has weights and a bias to itself (a "locally connected"
    layer). Arguments and errors are those of `output_shape` and `parameters_shared`.
    """
    height, width, depth = output_shape(
        input_shape, filter_size, out_channels, stride=stride, padding=padding, dilation=dilation
    )
    return (
        parameters_shared(filter_size, read_shape(input_shape)[2], depth, groups=groups, bias=bias)
        * height
        * width
    )


def parameters_dense(inputs: int, outputs: int, *, bias: bool = True) -> int:
    """Count the parameters of a fully connected layer: (inputs + 1) * outputs.

    Args:
        inputs: numbers that come in, H * W * C for an image.
        outputs: neurons, each with a weight for every input and one bias.
        bias: whether each neuron has one.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if a number is below 1.
    """
    inputs = whole("inputs", inputs, at_least=1)
    return (inputs + bool(bias)) * whole("outputs", outputs, at_least=1)


def multiply_adds(
    input_shape: ShapeLike,
    filter_size: PerAxis,
    out_channels: int,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> int:
    """Count the multiply-adds of one image: (F*F*C/G) * (H_out * W_out * K).

    One product and its addition count as one; biases do not count. Sharing saves none of them.
    Arguments and errors are those of `output_shape` and `parameters_shared`.
    """
    return parameters_unshared(
        input_shape,
        filter_size,
        out_channels,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        bias=False,
    )


def multiply_adds_dense(inputs: int, outputs: int) -> int:
    """Count the multiply-adds of a fully connected layer: one for each weight.

    Arguments and errors are those of `parameters_dense`.
    """
    return parameters_dense(inputs, outputs, bias=False)


def activation_memory(shape: ShapeLike, *, batch: int = 1, bytes_per_number: int = 4) -> int:
    """Give the bytes that a layer's output takes: N * H * W * C * bytes.

    Args:
        shape: (H, W, C) of the output of one image.
        batch: N, the number of images.
        bytes_per_number: 4 for float32, 8 for float64.

    Raises:
        TypeError: if a number is not whole, or `shape` is not three numbers.
        ValueError: if a number is below 1.
    """
    return (
        math.prod(read_shape(shape))
        * whole("batch", batch, at_least=1)
        * whole("bytes_per_number", bytes_per_number, at_least=1)
    )


# --- Through a stack of layers, along one axis -----------------------------------------------


class AxisLayer(NamedTuple):
    """What the receptive field needs to know of a layer, along one axis."""

    filter_size: int
    stride: int = 1
    padding: int | Pair = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """What a neuron sees of the input, along one axis.

    Attributes:
        size: the pixels that it depends on, padding included.
        jump: the distance in pixels between the fields of neighbouring neurons.
        first_center: where the first neuron's field is centred, in pixels; pixel i of the input
            reaches from i to i + 1, so its own centre is i + 0.5.
    """

    size: int
    jump: int
    first_center: float


def receptive_field(layers: Iterable[AxisLayer | tuple[int, ...]]) -> list[ReceptiveField]:
    """Follow the receptive field through a stack of layers, along one axis.

    With j the jump so far: size += D(F-1) * j; first_center += (D(F-1)/2 - P_before) * j;
    jump = S * j. It starts from a pixel of the input: size 1, jump 1, centre 0.5.
    (Araujo et al., equations 1 to 4.)

    Args:
        layers: from input to output, each an `AxisLayer` or the same as a tuple.

    Returns:
        The field of a neuron after each layer.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if a number is out of range.
    """
    field = ReceptiveField(size=1, jump=1, first_center=0.5)
    fields = []
    for layer in layers:
        filter_size, stride, padding, dilation = AxisLayer(*layer)
        grown = dilated_filter_size(filter_size, dilation) - 1
        before, _ = one_axis(padding)
        field = ReceptiveField(
            size=field.size + grown * field.jump,
            jump=field.jump * whole("stride", stride, at_least=1),
            first_center=field.first_center + (grown / 2 - before) * field.jump,
        )
        fields.append(field)
    return fields


# --- Reading arguments -----------------------------------------------------------------------


def read_shape(shape: ShapeLike) -> Shape:
    """Return (H, W, C) as three ints of at least 1.

    Args:
        shape: height, width and depth, of any kind of whole number.

    Raises:
        TypeError: if these are not three whole numbers.
        ValueError: if one is below 1.
    """
    if not several(shape) or len(shape) != 3:
        raise TypeError(
            "a shape must be three numbers, (height, width, depth) such as (32, 32, 3), "
            f"not {shown(shape)}"
        )
    height, width, depth = shape
    return (
        whole("the height of the shape", height, at_least=1),
        whole("the width of the shape", width, at_least=1),
        whole("the depth of the shape", depth, at_least=1),
    )


def channels_per_group(name: str, channels: int, groups: int) -> int:
    """Return channels / groups.

    Args:
        name: what the channels are called in an error, such as "in_channels".
        channels: C or K, at least 1.
        groups: G, at least 1.

    Raises:
        TypeError: if a number is not whole.
        ValueError: if a number is below 1, or the division leaves a rest.
    """
    channels = whole(name, channels, at_least=1)
    groups = whole("groups", groups, at_least=1)
    if channels % groups:
        raise ValueError(
            f"{groups} groups do not divide {name} = {channels}: "
            f"take groups that do, or {-(-channels // groups) * groups} channels"
        )
    return channels // groups


def both_paddings(padding: Padding) -> tuple[AxisPadding, AxisPadding]:
    """Return the padding of the height and of the width; a name stays one, for both.

    Args:
        padding: in any form that `Padding` has.

    Returns:
        (rows, columns), each P for both ends, (before, after), or the name.

    Raises:
        TypeError: if it is neither whole numbers nor a name.
        ValueError: if a number is negative.
    """
    if isinstance(padding, str):
        return padding, padding
    return per_side(padding)


def _spare(
    input_size: int,
    filter_size: int,
    stride: int,
    padding: AxisPadding,
    dilation: int,
    symbol: str = "W",
) -> tuple[int, int]:
    """Return the pixels W - F + 2P that the first position leaves over, and the stride, checked.

    `symbol` is what a message calls the input's size.
    """
    input_size = whole("input_size", input_size, at_least=1)
    reach = dilated_filter_size(filter_size, dilation)
    stride = whole("stride", stride, at_least=1)
    before, after = padding_sides(
        padding, input_size, filter_size, stride=stride, dilation=dilation
    )
    padded_size = input_size + before + after
    if reach <= padded_size:
        return padded_size - reach, stride
    filter_text = f"a filter of size F = {filter_size}"
    if dilation > 1:
        filter_text += f", which dilation {dilation} spreads over {reach} pixels,"
    ends = f"2P = {input_size} + 2*{before}"
    if before != after:
        ends = f"P + P = {input_size} + {before} + {after}"
    short_of = reach - padded_size
    raise ValueError(
        f"{filter_text} does not fit into the padded input, {symbol} + {ends} = {padded_size}: "
        f"take a filter of at most {(padded_size - 1) // dilation + 1}, an input of at least "
        f"{input_size + short_of}, or at each end a padding of at least "
        f"{-(-(reach - input_size) // 2)}"
    )


def _needed(wanted_size: int, filter_size: int, stride: int, dilation: int) -> int:
    """Return the smallest padded input that has room for `wanted_size` positions."""
    reach = dilated_filter_size(filter_size, dilation)
    steps = whole("wanted_size", wanted_size, at_least=1) - 1
    return steps * whole("stride", stride, at_least=1) + reach
