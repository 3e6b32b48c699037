"""The operators against PyTorch, where it is installed; its defaults are the conventions here."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ops_cases import budgets, convolutions, examples, workspace
from test_ops_others import paddings, values

from cnnlesson import ops

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def torch():
    import torch

    torch.set_num_threads(1)
    return torch


def differentiated(torch, function, arrays, dy):
    """Return PyTorch's result, and its gradients with respect to all arrays."""
    tensors = [torch.tensor(np.array(a, order="C"), requires_grad=True) for a in arrays]
    y = function(*tensors)
    gradients = torch.autograd.grad(y, tensors, torch.tensor(np.array(dy, order="C")))
    return y.detach().numpy(), [gradient.numpy() for gradient in gradients]


@given(case=convolutions.filter(lambda case: case.batch > 0), budget=budgets)
@examples(80)
def test_convolution(torch, case, budget):
    bias = case.array(len(case.filters))
    (top, bottom), (left, right) = case.settings["padding"]
    options = {**case.settings, "padding": 0}

    def function(x, filters, bias):
        x = torch.nn.functional.pad(x, (left, right, top, bottom))
        return torch.nn.functional.conv2d(x, filters, bias, **options)

    y, gradients = differentiated(torch, function, (case.x, case.filters, bias), case.dy)
    with workspace(budget):
        np.testing.assert_array_equal(
            ops.conv2d(case.x, case.filters, bias, winograd=False, **case.settings), y
        )
        ours = ops.conv2d_gradients(case.x, case.filters, case.dy, winograd=False, **case.settings)
    for gradient, expected in zip(ours, gradients, strict=True):
        np.testing.assert_array_equal(gradient, expected)


@st.composite
def poolings(draw):
    """As PyTorch admits them: padding alike at both ends and at most half a window."""
    window = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    padding = tuple(draw(st.integers(0, f // 2)) for f in window)
    sizes = tuple(
        draw(st.integers(max(1, f - 2 * p), 9)) for f, p in zip(window, padding, strict=True)
    )
    stride = draw(st.none() | st.tuples(st.integers(1, 5), st.integers(1, 5)))
    return (2, 3, *sizes), window, stride, padding, draw(st.booleans())


@given(case=poolings(), ties=st.booleans(), count_padding=st.booleans())
@examples(80)
def test_pooling(torch, case, ties, count_padding):
    shape, window, stride, padding, ceil = case
    x = values(shape, seed=1)
    if ties:
        x = x % 3
    theirs = {"stride": stride, "padding": padding, "ceil_mode": ceil}
    ours = {"stride": stride, "padding": padding, "ceil": ceil}
    for forward, gradient, function, more in (
        (ops.max_pool2d, ops.max_pool2d_gradient, torch.nn.functional.max_pool2d, {}),
        (
            ops.avg_pool2d,
            ops.avg_pool2d_gradient,
            torch.nn.functional.avg_pool2d,
            {"count_padding": count_padding},
        ),
    ):
        if more:
            theirs = {**theirs, "count_include_pad": count_padding}
        y = forward(x, window, **ours, **more)
        dy = values(y.shape, seed=2)
        expected, (dx,) = differentiated(
            torch,
            lambda tensor: function(tensor, window, **theirs),  # noqa: B023
            (x,),
            dy,
        )
        np.testing.assert_allclose(y, expected, rtol=1e-12)
        np.testing.assert_allclose(gradient(x, dy, window, **ours, **more), dx, rtol=1e-12)


@given(case=paddings())
@examples(30)
def test_padding(torch, case):
    (_, *shape), ((top, bottom), (left, right)), mode = case
    x = values((2, *shape), seed=1)
    dy = values(ops.pad(x, case[1], mode).shape, seed=2)
    name = "constant" if mode == "zeros" else mode
    y, (dx,) = differentiated(
        torch,
        lambda tensor: torch.nn.functional.pad(tensor, (left, right, top, bottom), name),
        (x,),
        dy,
    )
    np.testing.assert_array_equal(ops.pad(x, case[1], mode), y)
    np.testing.assert_allclose(ops.pad_gradient(dy, case[1], mode), dx, rtol=1e-12)


def test_global_pools_dense_relu_and_loss(torch):
    functional = torch.nn.functional
    x = values((2, 3, 4, 5), seed=1) % 7
    dy = values((2, 3), seed=2)
    for pool, gradient, function in (
        (ops.global_max_pool, ops.global_max_pool_gradient, functional.adaptive_max_pool2d),
        (ops.global_avg_pool, ops.global_avg_pool_gradient, functional.adaptive_avg_pool2d),
    ):
        y, (dx,) = differentiated(torch, lambda t: function(t, 1)[..., 0, 0], (x,), dy)  # noqa: B023
        np.testing.assert_allclose(pool(x), y)
        np.testing.assert_allclose(gradient(x, dy), dx)
    x, weights, bias = (values(s, seed=3) for s in ((4, 3), (5, 3), (5,)))
    dy = values((4, 5), seed=4)
    y, gradients = differentiated(torch, functional.linear, (x, weights, bias), dy)
    np.testing.assert_allclose(ops.dense(x, weights, bias), y)
    for gradient, expected in zip(ops.dense_gradients(x, weights, dy), gradients, strict=True):
        np.testing.assert_allclose(gradient, expected)
    y, (dx,) = differentiated(torch, functional.relu, (x,), weights[:4])
    np.testing.assert_array_equal(ops.relu(x), y)
    np.testing.assert_array_equal(ops.relu_gradient(x, weights[:4]), dx)
    labels = np.array([0, 2, 1, 1])
    loss, (dlogits,) = differentiated(
        torch, lambda t: functional.cross_entropy(t, torch.tensor(labels)), (x,), np.ones(())
    )
    ours = ops.softmax_cross_entropy(x, labels)
    np.testing.assert_allclose(ours[0], loss)
    np.testing.assert_allclose(ours[1], dlogits, atol=1e-12)
