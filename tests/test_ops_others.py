"""Padding, pooling, the dense layer, ReLU and the loss."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view
from ops_cases import LAYOUTS, examples, numerical_gradient

from cnnlesson import ops

layouts = st.sampled_from(sorted(LAYOUTS))
dtypes = st.sampled_from(["float32", "float64"])


def values(shape, *, seed, layout="contiguous", dtype="float64"):
    """Distinct numbers, none within a gradient step of another, or of zero."""
    numbers = np.random.default_rng(seed).permutation(np.prod(shape, dtype=int)) - 10.5
    return LAYOUTS[layout](numbers.reshape(shape).astype(dtype))


# --- Padding ---------------------------------------------------------------------------------

numpys_name = {"zeros": "constant", "reflect": "reflect", "circular": "wrap"}


@st.composite
def paddings(draw):
    mode = draw(st.sampled_from(sorted(numpys_name)))
    sizes = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    most = {"zeros": (4, 4), "reflect": (sizes[0] - 1, sizes[1] - 1), "circular": sizes}[mode]
    sides = tuple((draw(st.integers(0, m)), draw(st.integers(0, m))) for m in most)
    return (draw(st.integers(0, 2)), 2, *sizes), sides, mode


@given(paddings(), layouts, dtypes)
@examples(60)
def test_padding_is_numpys(case, layout, dtype):
    shape, sides, mode = case
    x = values(shape, seed=1, layout=layout, dtype=dtype)
    before = x.copy()
    padded = ops.pad(x, sides, mode)
    assert padded.dtype == dtype
    if len(x):
        expected = np.pad(x, ((0, 0), (0, 0), *sides), numpys_name[mode])
        np.testing.assert_array_equal(padded, expected)
    np.testing.assert_array_equal(x, before)


@given(paddings(), layouts)
@examples(30)
def test_padding_gradient_is_the_numerical_one(case, layout):
    shape, sides, mode = case
    x = values(shape, seed=1)
    dy = values(ops.pad(x, sides, mode).shape, seed=2, layout=layout)
    before = dy.copy()
    expected = numerical_gradient(lambda: ops.pad(x, sides, mode), x, dy)
    np.testing.assert_allclose(ops.pad_gradient(dy, sides, mode), expected, atol=1e-6)
    np.testing.assert_array_equal(dy, before)


@pytest.mark.parametrize(
    ("padding", "mode", "words"),
    [
        (3, "reflect", ["height of 3", "at most 2", "not 3"]),
        ((0, 5), "circular", ["width of 4", "at most 4", "not 5"]),
        (1, "mirror", ["'mirror'", "'reflect'"]),
    ],
)
def test_impossible_padding_is_refused(padding, mode, words):
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        ops.pad(np.zeros((1, 1, 3, 4)), padding, mode)
    assert [word for word in words if word not in str(refused.value)] == []


def test_a_gradient_of_nothing_but_padding_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 1, 3, 4\).*leaves no image"):
        ops.pad_gradient(np.zeros((1, 1, 3, 4)), 2)


# --- Pooling ---------------------------------------------------------------------------------


@st.composite
def poolings(draw):
    """A shape and the settings of a pooling layer whose windows fit."""
    sides, sizes, windows = [], [], []
    for _ in range(2):
        window = draw(st.integers(1, 4))
        before, after = (draw(st.integers(0, window // 2)) for _ in range(2))
        smallest = max(1, window - before - after)
        sizes.append(draw(st.integers(smallest, smallest + 6)))
        windows.append(window)
        sides.append((before, after))
    stride = draw(st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5)))
    options = {"stride": stride, "padding": tuple(sides), "ceil": draw(st.booleans())}
    return (draw(st.integers(0, 2)), 2, *sizes), tuple(windows), options


def windows_of(x, filter_size, out, *, stride, padding, fill, **_):
    """Cut out all windows with NumPy: (N, C, H_out, W_out, F_h, F_w); `fill` beyond the image."""
    stride = stride or filter_size
    beyond = tuple(
        (before, after + f + s)
        for (before, after), f, s in zip(padding, filter_size, stride, strict=True)
    )
    padded = np.pad(x, ((0, 0), (0, 0), *beyond), constant_values=fill)
    windows = sliding_window_view(padded, filter_size, axis=(2, 3))
    return windows[:, :, :: stride[0], :: stride[1]][:, :, : out[0], : out[1]]


@given(poolings(), layouts, dtypes)
@examples(60)
def test_max_pool_takes_the_largest_of_numpys_windows(case, layout, dtype):
    shape, filter_size, options = case
    x = values(shape, seed=1, layout=layout, dtype=dtype)
    before = x.copy()
    y = ops.max_pool2d(x, filter_size, **options)
    windows = windows_of(x, filter_size, y.shape[2:], fill=-np.inf, **options)
    np.testing.assert_array_equal(y, windows.max(axis=(4, 5)))
    assert y.dtype == dtype
    np.testing.assert_array_equal(x, before)


@given(poolings(), layouts, dtypes, st.booleans())
@examples(60)
def test_avg_pool_averages_numpys_windows(case, layout, dtype, count_padding):
    shape, filter_size, options = case
    x = values(shape, seed=1, layout=layout, dtype=dtype)
    before = x.copy()
    y = ops.avg_pool2d(x, filter_size, count_padding=count_padding, **options)
    assert y.dtype == dtype
    counted = np.ones(x.shape)
    if count_padding:
        x, counted = (
            np.pad(a, ((0, 0), (0, 0), *options["padding"]), constant_values=c)
            for a, c in ((x, 0), (counted, 1))
        )
        options = {**options, "stride": options["stride"] or filter_size}
        options["padding"] = ((0, 0), (0, 0))
    sums, counts = (
        windows_of(a, filter_size, y.shape[2:], fill=0, **options).sum(axis=(4, 5))
        for a in (x, counted)
    )
    np.testing.assert_allclose(y, sums / counts, rtol=1e-5)
    np.testing.assert_array_equal(before.shape, shape)


@given(poolings(), layouts, st.booleans())
@examples(25)
def test_pooling_gradients_are_the_numerical_ones(case, layout, count_padding):
    shape, filter_size, options = case
    x = values(shape, seed=1)
    dy = values(ops.max_pool2d(x, filter_size, **options).shape, seed=2, layout=layout)
    kept_x, kept_dy = x.copy(), dy.copy()
    for forward, gradient, more in (
        (ops.max_pool2d, ops.max_pool2d_gradient, {}),
        (ops.avg_pool2d, ops.avg_pool2d_gradient, {"count_padding": count_padding}),
    ):
        expected = numerical_gradient(partial(forward, x, filter_size, **options, **more), x, dy)
        dx = gradient(x, dy, filter_size, **options, **more)
        np.testing.assert_allclose(dx, expected, atol=1e-6)
        np.testing.assert_array_equal(x, kept_x)
        np.testing.assert_array_equal(dy, kept_dy)


def test_among_equals_the_first_gets_the_gradient():
    x, ones = np.zeros((1, 1, 4, 4)), np.ones((1, 1, 2, 2))
    expected = [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(ops.max_pool2d_gradient(x, ones, 2)[0, 0], expected)
    dx = ops.global_max_pool_gradient(x, np.ones((1, 1)))
    assert dx[0, 0, 0, 0] == dx.sum() == 1


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), layouts, dtypes)
@examples(30)
def test_global_pools(batch, height, width, layout, dtype):
    x = values((batch, 2, height, width), seed=1, layout=layout, dtype=dtype)
    for pool, numpys in ((ops.global_max_pool, np.max), (ops.global_avg_pool, np.mean)):
        assert pool(x).dtype == dtype
        np.testing.assert_allclose(pool(x), numpys(x, axis=(2, 3)), rtol=1e-5)
    x, dy = values(x.shape, seed=1), values((batch, 2), seed=2)
    for pool, gradient in (
        (ops.global_max_pool, ops.global_max_pool_gradient),
        (ops.global_avg_pool, ops.global_avg_pool_gradient),
    ):
        expected = numerical_gradient(partial(pool, x), x, dy)
        np.testing.assert_allclose(gradient(x, dy), expected, atol=1e-6)


IMAGE = np.zeros((1, 2, 5, 6), np.float32)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "words"),
    [
        ((IMAGE[0], 2), {}, ValueError, ["(2, 5, 6)", "N, C, H, W"]),
        ((IMAGE, 6), {}, ValueError, ["(1, 2, 5, 6)", "at most 5"]),
        (
            (IMAGE, 2),
            {"padding": 2},
            ValueError,
            ["padding is 2", "half of its reach", "(1, 2, 5, 6)"],
        ),
        ((IMAGE, 2.0), {}, TypeError, ["filter_size", "2.0"]),
        ((IMAGE.astype(int), 2), {}, TypeError, ["int64", "x.astype(np.float32)"]),
    ],
)
def test_impossible_pooling_is_refused(arguments, options, error, words):
    for pool in (ops.max_pool2d, ops.avg_pool2d):
        with pytest.raises(error) as refused:
            pool(*arguments, **options)
        assert [word for word in words if word not in str(refused.value)] == []


@pytest.mark.parametrize("gradient", [ops.max_pool2d_gradient, ops.avg_pool2d_gradient])
def test_a_wrong_gradient_of_a_pool_is_refused(gradient):
    with pytest.raises(ValueError, match=r"\(1, 2, 5, 6\), but must be \(1, 2, 2, 3\)"):
        gradient(IMAGE, IMAGE, 2)


def test_global_pools_refuse_what_has_no_pixels():
    for pool in (ops.global_max_pool, ops.global_avg_pool):
        with pytest.raises(ValueError, match=r"\(1, 2, 0, 6\).*without pixels"):
            pool(IMAGE[:, :, :0])


# --- Dense, ReLU, loss -----------------------------------------------------------------------


@given(st.integers(0, 3), st.integers(1, 4), st.integers(1, 4), layouts, dtypes, st.booleans())
@examples(30)
def test_dense(batch, inputs, outputs, layout, dtype, has_bias):
    x, weights, bias, dy = (
        values(shape, seed=seed, layout=layout, dtype=dtype)
        for seed, shape in enumerate(
            [(batch, inputs), (outputs, inputs), (outputs,), (batch, outputs)]
        )
    )
    bias = bias if has_bias else None
    y = ops.dense(x, weights, bias)
    assert y.dtype == dtype
    expected = np.einsum("ni,oi->no", x, weights) + (0 if bias is None else bias)
    np.testing.assert_array_equal(y, expected)
    dx, dweights, dbias = ops.dense_gradients(x, weights, dy)
    np.testing.assert_array_equal(dx, np.einsum("no,oi->ni", dy, weights))
    np.testing.assert_array_equal(dweights, np.einsum("no,ni->oi", dy, x))
    np.testing.assert_array_equal(dbias, dy.sum(axis=0))


def test_dense_gradients_are_the_numerical_ones():
    x, weights, bias = values((3, 4), seed=1), values((2, 4), seed=2), values((2,), seed=3)
    dy = values((3, 2), seed=4)
    gradients = ops.dense_gradients(x, weights, dy)
    for array, gradient in zip((x, weights, bias), gradients, strict=True):
        expected = numerical_gradient(lambda: ops.dense(x, weights, bias), array, dy)
        np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_relu():
    x = np.array([[-2, -0.0, 0, 3]], np.float32)
    np.testing.assert_array_equal(ops.relu(x), [[0, 0, 0, 3]])
    dx = ops.relu_gradient(x, np.array([[1, np.inf, 2, 3]], np.float32))
    np.testing.assert_array_equal(dx, [[0, 0, 0, 3]])
    assert ops.relu(x).dtype == dx.dtype == np.float32


@given(st.integers(1, 4), st.integers(1, 5), layouts)
@examples(20)
def test_loss_and_its_gradient(batch, classes, layout):
    rng = np.random.default_rng(batch)
    logits = LAYOUTS[layout](rng.standard_normal((batch, classes)))
    labels = rng.integers(0, classes, batch)
    loss, dlogits = ops.softmax_cross_entropy(logits, labels)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert loss == pytest.approx(-np.log(softmax[np.arange(batch), labels]).mean())
    expected = numerical_gradient(
        lambda: ops.softmax_cross_entropy(logits, labels)[0], logits, np.ones(1)
    )
    np.testing.assert_allclose(dlogits, expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_loss_of_huge_logits_is_finite(dtype):
    logits = np.array([[1e30, -1e30, 0], [-1e30, 1e4, 1e4]], dtype)
    loss, dlogits = ops.softmax_cross_entropy(logits, np.array([0, 1]))
    assert loss == pytest.approx(np.log(2) / 2)
    np.testing.assert_allclose(dlogits, [[0, 0, 0], [0, -0.25, 0.25]], atol=1e-7)
    assert dlogits.dtype == dtype


def test_loss_of_an_empty_batch_is_zero():
    loss, dlogits = ops.softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int))
    assert (loss, dlogits.shape) == (0, (0, 3))


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: ops.dense(LOGITS, np.zeros((4, 2))), ValueError, ["(2, 3)", "(4, 2)", "agree"]),
        (lambda: ops.dense(LOGITS, LOGITS, np.zeros(3)), ValueError, ["(3,)", "(2,)", "(2, 3)"]),
        (lambda: ops.dense(LOGITS[0], LOGITS), ValueError, ["(3,)", "N, I"]),
        (lambda: ops.dense_gradients(LOGITS, LOGITS, LOGITS), ValueError, ["(2, 3)", "(2, 2)"]),
        (lambda: ops.relu(np.arange(3)), TypeError, ["int64", "x.astype(np.float32)"]),
        (lambda: ops.relu_gradient(LOGITS, LOGITS[0]), ValueError, ["(3,)", "(2, 3)"]),
        (lambda: ops.softmax_cross_entropy(LOGITS, [0, 3]), ValueError, ["0 to 3", "0 to 2"]),
        (lambda: ops.softmax_cross_entropy(LOGITS, [0.0, 1]), TypeError, ["float64", "whole"]),
        (lambda: ops.softmax_cross_entropy(LOGITS, [0]), ValueError, ["(1,)", "(2,)", "(2, 3)"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_shapes(call, error, words):
    with pytest.raises(error) as refused:
        call()
    assert [word for word in words if word not in str(refused.value)] == []
