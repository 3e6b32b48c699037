"""Convolution, shared and unshared, against SciPy, numerical gradients and itself."""

import itertools
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from ops_cases import (
    budgets,
    convolutions,
    correlated,
    examples,
    numerical_gradient,
    workspace,
)

from cnnlesson import arithmetic
from cnnlesson.ops import (
    conv2d,
    conv2d_gradients,
    conv2d_plain,
    unshared_conv2d,
    unshared_conv2d_gradients,
)


def copied(*arrays):
    return [None if a is None else a.copy() for a in arrays]


def unshared_filters(case):
    return case.array(*case.out, *case.filters.shape)


def unshared_bias(case):
    return case.array(*case.dy.shape[1:]) if case.has_bias else None


@given(convolutions, budgets)
@examples(150)
def test_convolution_is_scipys(case, budget):
    before = copied(case.x, case.filters, case.bias)
    with workspace(budget):
        y = conv2d(case.x, case.filters, case.bias, **case.settings)
    assert y.dtype == case.dtype
    np.testing.assert_array_equal(y, correlated(case.x, case.filters, case.bias, **case.settings))
    for array, was in zip((case.x, case.filters, case.bias), before, strict=True):
        np.testing.assert_array_equal(array, was)


@given(convolutions)
@examples(50)
def test_the_arithmetic_tells_what_the_operators_produce(case):
    settings = {name: case.settings[name] for name in ("stride", "padding", "dilation")}
    groups = case.settings["groups"]
    _, depth, height, width = case.x.shape
    filters, _, *window = case.filters.shape
    maps = conv2d(case.x, case.filters, **case.settings)[:1]
    shape = arithmetic.output_shape((height, width, depth), window, filters, **settings)
    assert (*maps.shape[2:], maps.shape[1]) == shape
    shared = arithmetic.parameters_shared(window, depth, filters, groups=groups, bias=False)
    assert shared == case.filters.size
    unshared = arithmetic.parameters_unshared(
        (height, width, depth), window, filters, groups=groups, bias=False, **settings
    )
    assert unshared == unshared_filters(case).size


@given(convolutions)
@examples(30)
def test_plain_convolution_is_the_fast_one(case):
    plain = conv2d_plain(case.x, case.filters, case.bias, **case.settings)
    assert plain.dtype == case.dtype
    np.testing.assert_array_equal(plain, conv2d(case.x, case.filters, case.bias, **case.settings))


@given(convolutions, budgets)
@examples(150)
def test_gradients_are_the_transposes(case, budget):
    """A map that is linear in x has one gradient: <A x, dy> = <x, A^T dy> for all x and dy.

    The numbers are whole, so both sides are equal exactly.
    """
    before = copied(case.x, case.filters, case.dy)
    with workspace(budget):
        dx, dfilters, dbias = conv2d_gradients(case.x, case.filters, case.dy, **case.settings)
    for array, was in zip((case.x, case.filters, case.dy), before, strict=True):
        np.testing.assert_array_equal(array, was)
    assert {dx.dtype, dfilters.dtype, dbias.dtype} == {np.dtype(case.dtype)}
    assert (dx.shape, dfilters.shape) == (case.x.shape, case.filters.shape)
    x, filters = case.array(*dx.shape), case.array(*dfilters.shape)
    changed_x = correlated(x, case.filters, **case.settings)
    changed_filters = correlated(case.x, filters, **case.settings)
    assert (changed_x * case.dy).sum() == (x * dx).sum(dtype=float)
    assert (changed_filters * case.dy).sum() == (filters * dfilters).sum(dtype=float)
    np.testing.assert_array_equal(dbias, case.dy.sum(axis=(0, 2, 3)))


def in_float64(case):
    case.dtype = "float64"
    case.__post_init__()
    return case


small = convolutions.map(in_float64).filter(lambda case: case.x.size + case.filters.size < 300)


@given(small)
@examples(15)
def test_gradients_are_the_numerical_ones(case):
    gradients = conv2d_gradients(case.x, case.filters, case.dy, **case.settings)
    bias = np.zeros(len(case.filters))
    for array, gradient in zip((case.x, case.filters, bias), gradients, strict=True):
        numerical = numerical_gradient(
            lambda: conv2d(case.x, case.filters, bias, **case.settings), array, case.dy
        )
        np.testing.assert_allclose(gradient, numerical, atol=1e-6)


@given(convolutions, budgets)
@examples(80)
def test_unshared_convolution_is_scipys_at_every_position(case, budget):
    filters, bias = unshared_filters(case), unshared_bias(case)
    before = copied(case.x, filters, bias)
    with workspace(budget):
        y = unshared_conv2d(case.x, filters, bias, **case.settings)
    for array, was in zip((case.x, filters, bias), before, strict=True):
        np.testing.assert_array_equal(array, was)
    assert y.dtype == case.dtype
    assert y.shape == case.dy.shape
    positions = list(itertools.product(*map(range, case.out)))
    for i, j in positions[:: max(1, len(positions) // 4)]:
        expected = correlated(case.x, filters[i, j], **case.settings)[:, :, i, j]
        if bias is not None:
            expected = expected + bias[:, i, j]
        np.testing.assert_array_equal(y[:, :, i, j], expected)


@given(convolutions, budgets)
@examples(60)
def test_unshared_gradients_sum_to_the_shared_ones(case, budget):
    """With the same filters everywhere, dx is that of sharing, and all positions' dw add to it."""
    filters = np.broadcast_to(case.filters, (*case.out, *case.filters.shape))
    with workspace(budget):
        dx, dfilters, dbias = unshared_conv2d_gradients(case.x, filters, case.dy, **case.settings)
    assert {dx.dtype, dfilters.dtype, dbias.dtype} == {np.dtype(case.dtype)}
    assert dfilters.shape == filters.shape
    shared = conv2d_gradients(case.x, case.filters, case.dy, **case.settings)
    np.testing.assert_array_equal(dx, shared[0])
    np.testing.assert_array_equal(dfilters.sum(axis=(0, 1)), shared[1])
    np.testing.assert_array_equal(dbias, case.dy.sum(axis=0))


@given(small)
@examples(8)
def test_unshared_gradients_are_the_numerical_ones(case):
    filters = unshared_filters(case)[..., :2, :2]
    case.settings["padding"] = ((1, 1), (2, 0))
    case.x, case.settings["dilation"] = case.array(2, case.x.shape[1], 5, 4), (1, 1)
    out = conv2d(case.x, case.filters[..., :2, :2], **case.settings).shape
    filters = case.array(*out[2:], *case.filters[..., :2, :2].shape)
    bias, dy = case.array(*out[1:]), case.array(*out)
    gradients = unshared_conv2d_gradients(case.x, filters, dy, **case.settings)
    for array, gradient in zip((case.x, filters, bias), gradients, strict=True):
        numerical = numerical_gradient(
            lambda: unshared_conv2d(case.x, filters, bias, **case.settings), array, dy
        )
        np.testing.assert_allclose(gradient, numerical, atol=1e-6)


def random(*shape, dtype="float32"):
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


SEVEN_SHAPES = {
    "lesson": ((1, 3, 32, 32), (20, 3, 8, 8), {"stride": 2, "padding": 1}),
    "64 channels": ((1, 64, 56, 56), (64, 64, 3, 3), {"padding": 1}),
    "128 channels": ((8, 128, 28, 28), (128, 128, 3, 3), {"padding": 1}),
    "AlexNet": ((1, 3, 224, 224), (64, 3, 11, 11), {"stride": 4, "padding": 2}),
    "colours": ((1, 3, 224, 224), (64, 3, 3, 3), {"padding": 1}),
    "pointwise": ((8, 256, 14, 14), (256, 256, 1, 1), {}),
    "small images": ((64, 3, 32, 32), (32, 3, 5, 5), {"padding": 2}),
}


def peak(function):
    """Return the megabytes that a call takes beyond its result."""
    tracemalloc.start()
    try:
        result = function()
        kept, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result is not None
    return (most - kept) / 1e6


@pytest.mark.parametrize(
    ("x_shape", "filters_shape", "options"),
    [
        *SEVEN_SHAPES.values(),
        ((1, 256, 20, 300), (16, 256, 5, 5), {"padding": 2}),  # one row: 8 MB of columns
        ((4, 512, 7, 7), (512, 512, 3, 3), {"padding": 1}),  # 9 MB of filters
    ],
    ids=[*SEVEN_SHAPES, "wide", "deep"],
)
def test_workspace_is_small(x_shape, filters_shape, options):
    x, filters = random(*x_shape), random(*filters_shape)
    dy = conv2d(x, filters, **options)
    assert peak(lambda: conv2d(x, filters, **options)) <= 10
    assert peak(lambda: conv2d(x, filters, winograd=False, **options)) <= 10
    assert peak(lambda: conv2d_gradients(x, filters, dy, **options)) <= 10


def test_threads_do_not_meet():
    shapes = list(SEVEN_SHAPES.values())[:3] * 4
    work = [
        (random(*x)[:2], random(*filters), {**options, "padding": i % 2})
        for i, (x, filters, options) in enumerate(shapes)
    ]

    def both(job):
        x, filters, options = job
        y = conv2d(x, filters, **options)
        return [y, *conv2d_gradients(x, filters, y, **options)]

    alone = [both(job) for job in work]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(both, work))
    for expected, result in zip(itertools.chain(*alone), itertools.chain(*together), strict=True):
        np.testing.assert_array_equal(result, expected)


X, FILTERS = np.zeros((2, 4, 5, 6), np.float32), np.zeros((6, 4, 3, 3), np.float32)


@pytest.mark.parametrize(
    ("x", "filters", "options", "error", "words"),
    [
        (X[0], FILTERS, {}, ValueError, ["x", "(4, 5, 6)", "N, C, H, W"]),
        (X, FILTERS[0], {}, ValueError, ["filters", "(4, 3, 3)", "K, C/G"]),
        (X[:, :3], FILTERS, {}, ValueError, ["(2, 3, 5, 6)", "(6, 4, 3, 3)", "3 channels"]),
        (X[:, :0], FILTERS[:, :0], {}, ValueError, ["one channel", "(2, 0, 5, 6)"]),
        (X, FILTERS[:0], {}, ValueError, ["one filter", "(0, 4, 3, 3)"]),
        (X, FILTERS, {"groups": 2}, ValueError, ["4/2 = 2", "(2, 4, 5, 6)", "(6, 4, 3, 3)"]),
        (X, FILTERS, {"groups": 4}, ValueError, ["K = 6", "C = 4", "divide"]),
        (X, FILTERS, {"groups": 0}, ValueError, ["groups is 0"]),
        (X, FILTERS, {"dilation": 3}, ValueError, ["(2, 4, 5, 6)", "padding of at least 1"]),
        (X, FILTERS, {"stride": 1.5}, TypeError, ["stride", "1.5"]),
        (X, FILTERS, {"stride": True}, TypeError, ["stride", "True"]),
        (X, FILTERS, {"padding": -1}, ValueError, ["padding is -1"]),
        (X, FILTERS, {"padding": (1, 2, 3)}, TypeError, ["(1, 2, 3)", "top, bottom"]),
        (X.astype(int), FILTERS, {}, TypeError, ["x", "int64", "x.astype(np.float32)"]),
        (X, FILTERS.astype("f2"), {}, TypeError, ["filters", "float16", "float32"]),
        (X, FILTERS.astype(float), {}, TypeError, ["x float32", "filters float64"]),
        (X.tolist(), FILTERS, {}, TypeError, ["x", "list", "NumPy array"]),
    ],
)  # fmt: skip
def test_impossible_convolutions_are_refused_with_the_shapes(x, filters, options, error, words):
    many = np.broadcast_to(filters, (3, 4, *filters.shape))
    calls = [
        lambda: conv2d(x, filters, **options),
        lambda: conv2d_plain(x, filters, **options),
        lambda: conv2d_gradients(x, filters, X, **options),
    ]
    if np.ndim(filters) == 4:
        calls += [
            lambda: unshared_conv2d(x, many, **options),
            lambda: unshared_conv2d_gradients(x, many, X, **options),
        ]
    for call in calls:
        with pytest.raises(error) as refused:
            call()
        text = str(refused.value).replace(str(many.shape), str(np.shape(filters)))
        assert [word for word in words if word not in text] == []


def test_a_wrong_bias_or_gradient_is_refused_with_both_shapes():
    bias, dy = np.zeros(5, np.float32), np.zeros((2, 6, 3, 3), np.float32)
    many = np.zeros((3, 4, 6, 4, 3, 3), np.float32)
    for call in (
        lambda: conv2d(X, FILTERS, bias),
        lambda: conv2d_plain(X, FILTERS, bias),
        lambda: unshared_conv2d(X, many, bias),
    ):
        with pytest.raises(ValueError, match=r"bias has shape \(5,\), but must be \(6,"):
            call()
    for call in (
        lambda: conv2d_gradients(X, FILTERS, dy),
        lambda: unshared_conv2d_gradients(X, many, dy),
    ):
        with pytest.raises(ValueError, match=r"\(2, 6, 3, 3\), but must be \(2, 6, 3, 4\)"):
            call()
    with pytest.raises(ValueError, match=r"\(2, 4, 6, 4, 3, 3\), but must be \(3, 4, 6, 4, 3, 3"):
        unshared_conv2d(X, many[:2].repeat(2, 1)[:, :4], None)
