"""The formulas, against the lesson's numbers, NumPy's windows and published layers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from cnnlesson.arithmetic import (
    activation_memory,
    dilated_filter_size,
    filter_sizes_for,
    input_sizes_for,
    multiply_adds,
    multiply_adds_dense,
    neurons,
    output_shape,
    output_size,
    paddings_for,
    paddings_that_keep,
    parameters_dense,
    parameters_shared,
    parameters_unshared,
    pooled_size,
    receptive_field,
    remainder,
    same_padding,
    strides_for,
    transposed_output_size,
    unread,
)

RUNNING_EXAMPLE = {
    "input_shape": (32, 32, 3),
    "filter_size": 8,
    "out_channels": 20,
    "stride": 2,
    "padding": 1,
}


def test_running_example():
    assert output_shape(**RUNNING_EXAMPLE) == (14, 14, 20)
    assert neurons(**RUNNING_EXAMPLE) == 3920
    assert parameters_unshared(**RUNNING_EXAMPLE) == 756_560
    assert parameters_shared(filter_size=8, in_channels=3, out_channels=20) == 3860


def axes(max_size=40):
    """Settings along one axis under which the filter fits."""
    return st.fixed_dictionaries(
        {
            "input_size": st.integers(1, max_size),
            "filter_size": st.integers(1, 9),
            "stride": st.integers(1, 6),
            "padding": st.tuples(st.integers(0, 6), st.integers(0, 6)),
            "dilation": st.integers(1, 4),
        }
    ).filter(
        lambda axis: (
            dilated_filter_size(axis["filter_size"], axis["dilation"])
            <= axis["input_size"] + sum(axis["padding"])
        )
    )


def windows(input_size, filter_size, stride, padding, dilation):
    """The indices that every position reads along an axis, cut out by NumPy."""
    before, after = padding
    indices = np.arange(-before, input_size + after)
    reach = dilated_filter_size(filter_size, dilation)
    return sliding_window_view(indices, reach)[::stride, ::dilation]


@given(axes())
def test_size_is_the_number_of_numpys_windows(axis):
    assert (output_size(**axis), axis["filter_size"]) == windows(**axis).shape


@given(axes())
def test_unread_is_what_no_window_holds(axis):
    found = unread(**axis)
    left_out = set(range(-axis["padding"][0], axis["input_size"] + axis["padding"][1]))
    left_out -= set(windows(**axis).flat)
    assert set(found.pixels) | set(found.padding) == left_out
    assert all(0 <= index < axis["input_size"] for index in found.pixels)
    assert not any(0 <= index < axis["input_size"] for index in found.padding)


@given(axes())
def test_remainder_is_what_lies_beyond_the_last_window(axis):
    last_index = axis["input_size"] + axis["padding"][1] - 1
    assert remainder(**axis) == last_index - windows(**axis)[-1, -1]


def test_padding_that_is_left_over_is_told_from_pixels():
    assert unread(224, 7, stride=2, padding=3) == ((), (226,))
    assert unread(32, 8, stride=3) == ((), ()) == unread(32, 8, stride=2, padding=1)
    assert unread(9, 2, stride=3).pixels == (2, 5, 8)  # gaps, since S > F
    assert unread(6, 2, dilation=5).pixels == (1, 2, 3, 4)  # gaps within the filter


@given(axes(), st.integers(1, 9))
def test_inverses_find_exactly_the_settings_that_reach_a_size(axis, wanted):
    def reached(**changed):
        try:
            return output_size(**(axis | changed)) == wanted
        except ValueError:
            return False

    size, filter_size, stride, dilation = (
        axis[name] for name in ("input_size", "filter_size", "stride", "dilation")
    )
    same_but_padding = {"stride": stride, "dilation": dilation}
    totals = [sum(pair) for pair in paddings_for(wanted, size, filter_size, **same_but_padding)]
    assert totals == [total for total in range(120) if reached(padding=(total, 0))]
    assert all(
        after - before in (0, 1)
        for before, after in paddings_for(wanted, size, filter_size, **same_but_padding)
    )

    rest = {"padding": axis["padding"], "dilation": dilation}
    padded_size = size + sum(axis["padding"])
    strides = strides_for(wanted, size, filter_size, **rest)
    assert list(strides) == [s for s in range(1, padded_size + 1) if reached(stride=s)]

    rest["stride"] = stride
    filters = filter_sizes_for(wanted, size, **rest)
    assert list(filters) == [f for f in range(1, 60) if reached(filter_size=f)]
    inputs = input_sizes_for(wanted, filter_size, **rest)
    assert list(inputs) == [w for w in range(1, 120) if reached(input_size=w)]


def test_the_paddings_that_keep_a_size():
    assert paddings_that_keep(5, 3) == [(1, 1)]
    assert paddings_that_keep(32, 8) == [(3, 4)]  # an even filter has no even split
    assert paddings_that_keep(5, 3, dilation=2) == [(2, 2)]


@pytest.mark.parametrize(
    ("input_size", "filter_size", "stride", "padding"),
    # As JAX pads "SAME" (jax.lax.padtype_to_pads, release 0.10.2), which follows TensorFlow.
    [
        (5, 2, 2, (0, 1)),
        (5, 7, 3, (2, 3)),
        (8, 7, 2, (2, 3)),
        (8, 8, 3, (3, 3)),
        (13, 3, 4, (1, 1)),
        (13, 7, 2, (3, 3)),
        (32, 1, 3, (0, 0)),
        (32, 2, 2, (0, 0)),
        (32, 3, 2, (0, 1)),
        (33, 8, 2, (3, 4)),
        (224, 3, 1, (1, 1)),
        (224, 7, 2, (2, 3)),
    ],
)
def test_same_padding_of_tensorflow(input_size, filter_size, stride, padding):
    assert same_padding(input_size, filter_size, stride=stride) == padding
    size = output_size(input_size, filter_size, stride=stride, padding=padding)
    assert size == -(-input_size // stride)


@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 4))
def test_the_conventions_of_same_agree_at_stride_1(input_size, filter_size, dilation):
    sides = same_padding(input_size, filter_size, dilation=dilation)
    theirs = same_padding(input_size, filter_size, dilation=dilation, convention="pytorch")
    assert sides == theirs
    kept = output_size(input_size, filter_size, padding="same", dilation=dilation)
    assert kept == input_size


@given(st.integers(1, 30), st.integers(1, 30))
def test_padding_by_name_is_scipys(input_size, filter_size):
    image, weights = np.ones(input_size), np.ones(filter_size)
    for name in ("full", "valid") if filter_size <= input_size else ("full",):
        size = output_size(input_size, filter_size, padding=name)
        assert size == signal.correlate(image, weights, mode=name).size


def test_same_is_refused_where_frameworks_differ():
    with pytest.raises(ValueError, match="at stride 2 differs between frameworks"):
        output_size(32, 3, stride=2, padding="same")
    with pytest.raises(ValueError, match=r"PyTorch refuses .* at stride 2"):
        same_padding(32, 3, stride=2, convention="pytorch")
    with pytest.raises(ValueError, match="'keras'"):
        same_padding(32, 3, convention="keras")
    with pytest.raises(ValueError, match="'circular'"):
        output_size(32, 3, padding="circular")


@given(axes(max_size=12), st.integers(0, 3))
def test_transposed_convolution_undoes_the_size(axis, extra):
    """Every input size that shares an output size comes back, by its own output padding."""
    wanted = output_size(**axis)
    sizes = input_sizes_for(
        wanted,
        axis["filter_size"],
        **{name: axis[name] for name in ("stride", "padding", "dilation")},
    )
    settings = {name: axis[name] for name in ("filter_size", "stride", "padding", "dilation")}
    last = max(sizes)
    extra = min(extra, axis["stride"] - 1, last - min(sizes))
    output_padding = axis["stride"] - 1 - extra
    if output_padding < max(axis["stride"], axis["dilation"]):
        size = transposed_output_size(wanted, output_padding=output_padding, **settings)
        assert size == last - extra


@pytest.mark.torch
@given(axes(max_size=20), st.integers(0, 3), st.booleans())
def test_sizes_are_pytorchs(axis, output_padding, ceil):
    torch = pytest.importorskip("torch")
    size, filter_size, stride, dilation = (
        axis[name] for name in ("input_size", "filter_size", "stride", "dilation")
    )
    padding = axis["padding"][0]
    image = torch.zeros(1, 1, size, device="meta")
    weights = torch.zeros(1, 1, filter_size, device="meta")
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    if dilated_filter_size(filter_size, dilation) <= size + 2 * padding:
        theirs = torch.nn.functional.conv1d(image, weights, **settings)
        assert output_size(size, filter_size, **settings) == theirs.shape[-1]
        if padding <= filter_size // 2:
            theirs = torch.nn.functional.max_pool1d(image, filter_size, ceil_mode=ceil, **settings)
            assert pooled_size(size, filter_size, ceil=ceil, **settings) == theirs.shape[-1]
    extra = {"output_padding": min(output_padding, max(stride, dilation) - 1)}
    try:
        ours = transposed_output_size(size, filter_size, **extra, **settings)
    except ValueError:
        return
    theirs = torch.nn.functional.conv_transpose1d(image, weights, **extra, **settings)
    assert ours == theirs.shape[-1]


@pytest.mark.parametrize(
    ("input_size", "settings", "floored", "ceiled"),
    [
        (55, {"filter_size": 3, "stride": 2}, 27, 27),  # AlexNet's first pool
        (112, {"filter_size": 3, "stride": 2, "padding": 1}, 56, 57),  # ResNet's
        (7, {"filter_size": 2}, 3, 4),
        (6, {"filter_size": 3, "stride": 2}, 2, 3),
        (5, {"filter_size": 2, "stride": 3, "padding": 1}, 2, 2),  # a third starts in the padding
    ],
)
def test_pooling_floors_or_rounds_up(input_size, settings, floored, ceiled):
    assert pooled_size(input_size, **settings) == floored
    assert pooled_size(input_size, ceil=True, **settings) == ceiled


def test_a_pool_refuses_windows_of_padding_alone():
    with pytest.raises(ValueError, match=r"padding is 2, .* at most half of its reach, 1"):
        pooled_size(8, 3, padding=(2, 0))


stacks = st.lists(
    st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 3), st.integers(1, 3)),
    max_size=4,
)


@given(stacks)
def test_receptive_field_is_what_reaches_a_neuron(stack):
    """Trace the first two neurons back to the pixels that they depend on."""
    for depth, field in enumerate(receptive_field(stack), start=1):
        first, second = ({0}, {1})
        for filter_size, stride, padding, dilation in reversed(stack[:depth]):
            first, second = (
                {
                    index * stride + weight * dilation - padding
                    for index in neuron
                    for weight in range(filter_size)
                }
                for neuron in (first, second)
            )
        assert field.size == max(first) - min(first) + 1
        assert field.jump == min(second) - min(first)
        assert field.first_center == (min(first) + max(first) + 1) / 2


pairs = st.tuples(st.integers(1, 12), st.integers(1, 12))
layers = st.fixed_dictionaries(
    {
        "input_shape": st.tuples(st.integers(1, 30), st.integers(1, 30), st.integers(1, 4)),
        "filter_size": pairs,
        "out_channels": st.integers(1, 6),
        "stride": pairs,
        "padding": st.tuples(*[st.tuples(st.integers(0, 4), st.integers(0, 4))] * 2),
        "dilation": st.tuples(st.integers(1, 3), st.integers(1, 3)),
    }
).filter(
    lambda layer: all(
        dilated_filter_size(layer["filter_size"][axis], layer["dilation"][axis])
        <= layer["input_shape"][axis] + sum(layer["padding"][axis])
        for axis in (0, 1)
    )
)


def patches(layer):
    """All patches that the filters see, cut out by NumPy: (H_out, W_out, F_h, F_w, C)."""
    padded = np.pad(np.zeros(layer["input_shape"], bool), (*layer["padding"], (0, 0)))
    reach = [dilated_filter_size(layer["filter_size"][i], layer["dilation"][i]) for i in (0, 1)]
    s, d = layer["stride"], layer["dilation"]
    everywhere = sliding_window_view(padded, (*reach, padded.shape[2]))
    return everywhere[:: s[0], :: s[1], 0, :: d[0], :: d[1]]


@given(layers)
def test_shape_is_that_of_numpys_windows(layer):
    expected = (*patches(layer).shape[:2], layer["out_channels"])
    assert output_shape(**layer) == expected


@given(layers, st.booleans(), st.integers(1, 3))
def test_counts_are_those_of_arrays_that_hold_the_parameters(layer, bias, groups):
    height, width, *window, channels = patches(layer).shape
    layer["input_shape"] = (*layer["input_shape"][:2], channels * groups)
    layer["out_channels"] = k = layer["out_channels"] * groups
    weights = np.zeros((*window, channels), bool).size
    one_filter = weights + bias
    assert neurons(**layer) == height * width * k
    counted = parameters_unshared(**layer, bias=bias, groups=groups)
    assert counted == height * width * k * one_filter
    assert multiply_adds(**layer, groups=groups) == height * width * k * weights
    window, depth = layer["filter_size"], layer["input_shape"][2]
    assert parameters_shared(window, depth, k, bias=bias, groups=groups) == k * one_filter


@given(st.integers(1, 99), st.integers(1, 99), st.booleans())
def test_a_dense_layer_holds_a_matrix_and_a_vector(inputs, outputs, bias):
    matrix = np.zeros((outputs, inputs), bool)
    assert multiply_adds_dense(inputs, outputs) == matrix.size
    assert parameters_dense(inputs, outputs, bias=bias) == matrix.size + outputs * bias


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_is_that_of_the_array(dtype):
    activations = np.zeros((16, 20, 14, 15), dtype)
    size = activations.itemsize
    assert activation_memory((14, 15, 20), batch=16, bytes_per_number=size) == activations.nbytes


@given(layers)
def test_results_are_plain_ints(layer):
    layer["input_shape"] = tuple(map(np.int64, layer["input_shape"]))
    layer["stride"] = np.uint8(layer["stride"])
    assert {type(n) for n in (*output_shape(**layer), parameters_unshared(**layer))} == {int}


@pytest.mark.parametrize(
    ("filter_size", "in_channels", "out_channels", "published"),
    [
        (11, 3, 64, 23_296),  # AlexNet's first layer in torchvision
        (5, 1, 6, 156),  # C1 of LeNet-5 (LeCun et al. 1998, section II.B)
        (3, 3, 64, 1_792),  # VGG-16, conv1_1
        (3, 512, 512, 2_359_808),  # VGG-16, conv5_3
    ],
)
def test_published_counts(filter_size, in_channels, out_channels, published):
    assert parameters_shared(filter_size, in_channels, out_channels) == published


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((5, 8), ValueError, ["F = 8", "5 + 2*0 = 5", "at most 5", "at least 8", "at least 2"]),
        ((5, 3, 0), ValueError, ["stride is 0", "at least 1"]),
        ((5, 3, 1, -1), ValueError, ["padding is -1", "at least 0"]),
        ((0, 3), ValueError, ["input_size is 0"]),
        ((5, 0), ValueError, ["filter_size is 0"]),
        ((5.0, 3), TypeError, ["input_size", "5.0", "float", "whole"]),
        ((5, "3"), TypeError, ["filter_size", "'3'", "str"]),
        ((5, 3, True), TypeError, ["stride", "True", "bool"]),
        ((5, 3, 1, None), TypeError, ["padding", "None"]),
        ((5, 3, 2, (0, 1, 2)), TypeError, ["(before, after)", "(0, 1, 2)"]),
        ((3, 3, 1, 0, 2), ValueError, ["F = 3", "dilation 2", "5 pixels", "at most 2"]),
        ((3, 8, 1, (1, 0)), ValueError, ["3 + 1 + 0 = 4", "at least 3"]),
    ],
)
def test_impossible_sizes_are_refused_with_the_numbers(arguments, error, words):
    size, filter_size, *rest = arguments
    options = dict(zip(("stride", "padding", "dilation"), rest, strict=False))
    with pytest.raises(error) as refused:
        output_size(size, filter_size, **options)
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize(
    "shape",
    [(32, 32), 32, "32x32x3", "abc", b"abc", None, (32, 32, 3, 1), (32, 32.5, 3), {1, 2, 3}],
)
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(TypeError, match=r"height, width, depth|whole number"):
        output_shape(shape, 8, 20)


@pytest.mark.parametrize(
    ("function", "arguments", "wrong"),
    [
        (parameters_shared, (0, 3, 20), "filter_size is 0"),
        (parameters_shared, (8, 0, 20), "in_channels is 0"),
        (parameters_shared, (8, 3, 0), "out_channels is 0"),
        (parameters_dense, (0, 10), "inputs is 0"),
        (parameters_dense, (10, 0), "outputs is 0"),
        (output_shape, ((32, 32, 0), 8, 20), "the depth of the shape is 0"),
        (output_shape, ((0, 32, 3), 8, 20), "the height of the shape is 0"),
        (output_shape, ((32, 32, 3), 8, 0), "out_channels is 0"),
        (output_shape, ((32, 32, 3), (8, 0), 20), "filter_size along the width is 0"),
        (output_shape, ((5, 32, 3), 8, 20), r"H \+ 2P = 5 \+ 2\*0"),
        (activation_memory, ((32, -1, 3),), "the width of the shape is -1"),
        (receptive_field, ([(3, 0)],), "stride is 0"),
        (strides_for, (0, 5, 3), "wanted_size is 0"),
    ],
)
def test_counts_of_nothing_are_refused_by_name(function, arguments, wrong):
    with pytest.raises(ValueError, match=wrong):
        function(*arguments)


def test_a_message_stays_short():
    for monster in (list(range(100_000)), "x" * 100_000, np.zeros((500, 500))):
        with pytest.raises(TypeError) as refused:
            output_size(monster, 3)
        assert len(str(refused.value)) < 200


def test_groups_that_do_not_divide_are_refused():
    with pytest.raises(ValueError, match=r"2 groups do not divide in_channels = 3.* 4 channels"):
        parameters_shared(3, 3, 4, groups=2)
    with pytest.raises(ValueError, match="4 groups do not divide out_channels = 6"):
        parameters_shared(3, 8, 6, groups=4)


def test_a_transposed_convolution_must_leave_something():
    with pytest.raises(ValueError, match=r"= -1: take at least 2 off the padding"):
        transposed_output_size(1, 1, padding=1)
    with pytest.raises(ValueError, match="must be less than the stride, 2"):
        transposed_output_size(3, 3, stride=2, output_padding=2)


@given(st.integers(1, 50), st.integers(1, 60), st.integers(0, 5))
def test_the_advice_in_the_error_works(size, filter_size, padding):
    if filter_size <= size + 2 * padding:
        return
    with pytest.raises(ValueError, match="at most") as refused:
        output_size(size, filter_size, padding=padding)
    smaller_filter, larger_input, more_padding = map(
        int, re.findall(r"at (?:most|least) (\d+)", str(refused.value))
    )
    assert output_size(size, smaller_filter, padding=padding) == 1
    assert output_size(larger_input, filter_size, padding=padding) == 1
    assert output_size(size, filter_size, padding=more_padding) >= 1
