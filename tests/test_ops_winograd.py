"""Winograd's algorithm, which rounds more than the others, within its own tolerance."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops_cases import LAYOUTS, budgets, correlated, examples, workspace

from cnnlesson.ops import conv2d, conv2d_gradients, winograd

# Of the output's standard deviation; what is measured is a third of it, and in float64 1e-13.
TOLERANCE = {"float32": 1e-4, "float64": 1e-11}

sizes, sides = st.integers(1, 14), st.tuples(st.integers(0, 3), st.integers(0, 3))


@st.composite
def problems(draw):
    dtype, layout = draw(st.sampled_from(sorted(TOLERANCE))), draw(st.sampled_from(sorted(LAYOUTS)))
    padding = draw(sides), draw(sides)
    height, width = (max(draw(sizes), 3 - sum(ends)) for ends in padding)
    n, c, k = draw(st.integers(0, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    arrays = (
        LAYOUTS[layout](rng.standard_normal(shape).astype(dtype))
        for shape in ((n, c, height, width), (k, c, 3, 3), (k,))
    )
    return *arrays, padding


def assert_close(array, expected):
    assert array.shape == expected.shape
    if array.size:
        scale = max(np.sqrt((expected.astype(float) ** 2).mean()), 1e-3)
        error = np.abs(array - expected).max() / scale
        assert error <= TOLERANCE[str(array.dtype)]


@given(problems(), budgets)
@examples(80)
def test_winograd_is_scipys_convolution(problem, budget):
    x, filters, bias, padding = problem
    with (
        workspace(budget),
        mock.patch.object(winograd, "_BYTES_TILES", budget),
        mock.patch.object(winograd, "_BYTES_FILTERS", budget),
        mock.patch.object(winograd, "wins", lambda g: g.groups == 1),
    ):
        y = conv2d(x, filters, bias, padding=padding)
        dx, dfilters, _ = conv2d_gradients(x, filters, y, padding=padding)
    settings = {"stride": (1, 1), "dilation": (1, 1), "groups": 1, "padding": padding}
    assert y.dtype == x.dtype
    assert_close(y, correlated(x, filters, bias, **settings))
    expected = conv2d_gradients(x, filters, y, padding=padding, winograd=False)
    assert_close(dx, expected[0])
    assert_close(dfilters, expected[1])


@pytest.mark.parametrize("size", [14, 56])
def test_where_winograd_wins_it_can_be_switched_off(size):
    """Off, the result is that of the other algorithms to the last bit; on, within tolerance."""
    rng = np.random.default_rng(0)
    x, filters = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((2, 64, size, size), (64, 64, 3, 3))
    )
    on, off = conv2d(x, filters, padding=1), conv2d(x, filters, padding=1, winograd=False)
    with mock.patch.object(winograd, "wins", lambda _: False):
        np.testing.assert_array_equal(conv2d(x, filters, padding=1), off)
    assert (on != off).any()
    assert_close(on, off)
    gradients = (
        conv2d_gradients(x, filters, on, padding=1, winograd=switch) for switch in (True, False)
    )
    for fast, exact in zip(*gradients, strict=True):
        assert_close(fast, exact)
