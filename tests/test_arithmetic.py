"""The formulas, against the lesson's numbers, NumPy's windows and published layers."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from cnnlesson.arithmetic import (
    neurons,
    output_shape,
    output_size,
    parameters_shared,
    parameters_unshared,
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


sizes = st.integers(1, 40)
layers = st.fixed_dictionaries(
    {
        "input_shape": st.tuples(sizes, sizes, st.integers(1, 4)),
        "filter_size": st.integers(1, 12),
        "out_channels": st.integers(1, 6),
        "stride": st.integers(1, 6),
        "padding": st.integers(0, 6),
    }
).filter(lambda layer: layer["filter_size"] <= min(layer["input_shape"][:2]) + 2 * layer["padding"])


def patches(layer):
    """All patches that the filters see, cut out by NumPy: (H_out, W_out, F, F, C)."""
    p, f, s = layer["padding"], layer["filter_size"], layer["stride"]
    padded = np.pad(np.zeros(layer["input_shape"], bool), ((p, p), (p, p), (0, 0)))
    return sliding_window_view(padded, (f, f, padded.shape[2]))[::s, ::s, 0]


@given(layers)
def test_shape_is_that_of_numpys_windows(layer):
    expected = (*patches(layer).shape[:2], layer["out_channels"])
    assert output_shape(**layer) == expected


@given(layers)
def test_counts_are_those_of_arrays_that_hold_the_parameters(layer):
    height, width, *patch_shape = patches(layer).shape
    k = layer["out_channels"]
    one_filter = np.zeros(patch_shape, bool).size + 1  # and a bias
    assert neurons(**layer) == height * width * k
    assert parameters_unshared(**layer) == height * width * k * one_filter
    shared = parameters_shared(layer["filter_size"], layer["input_shape"][2], k)
    assert shared == k * one_filter


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
    ],
)
def test_impossible_sizes_are_refused_with_the_numbers(arguments, error, words):
    size, filter_size, *rest = arguments
    options = dict(zip(("stride", "padding"), rest, strict=False))
    with pytest.raises(error) as refused:
        output_size(size, filter_size, **options)
    assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize("shape", [(32, 32), 32, "32x32x3", None, (32, 32, 3, 1), (32, 32.5, 3)])
def test_what_is_no_shape_is_refused(shape):
    with pytest.raises(TypeError, match=r"height, width, depth|whole number"):
        output_shape(shape, 8, 20)


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
