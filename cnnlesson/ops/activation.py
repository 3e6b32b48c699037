"""What follows a layer's weighted sums: ReLU, and at the end the loss of a classifier."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array


def relu(x: Array) -> Array:
    """Replace what is negative by zero, in an array of any shape: max(x, 0).

    Args:
        x: float32 or float64, of any shape.

    Raises:
        TypeError: if `x` is not an array of float32 or float64.
    """
    checks.same_floats(x=x)
    return np.maximum(x, 0)


def relu_gradient(x: Array, dy: Array) -> Array:
    """Give the gradient with respect to the input of `relu`: dy where x > 0, else zero.

    Args:
        x: the input, of any shape.
        dy: the gradient of the output, of the same shape.

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64.
        ValueError: if the shapes differ.
    """
    checks.same_floats(x=x, dy=dy)
    checks.shape("dy", dy, x.shape, "the shape of x")
    # np.where takes ten times as long, since no processor can guess the signs, and dy * (x > 0)
    # makes NaN of infinities. So each number is kept by a mask of all ones, or wiped by zeros.
    bits = np.dtype(f"i{x.itemsize}")
    kept: Array = (dy.view(bits) & -(x > 0).astype(bits)).view(x.dtype)
    return kept


def softmax_cross_entropy(logits: Array, labels: NDArray[np.integer[Any]]) -> tuple[float, Array]:
    """Give the mean of -log softmax(logits)[label], and its gradient.

    The largest logit is taken off first, which changes nothing but keeps exp from overflowing.
    The gradient is (softmax(logits) - one_hot(labels)) / N.

    Args:
        logits: (N, classes), float32 or float64.
        labels: (N,), whole numbers from 0 to classes - 1.

    Returns:
        (loss, dlogits): a float, 0.0 for a batch of zero, and (N, classes).

    Raises:
        TypeError: if the logits are not float32 or float64, or the labels not whole numbers.
        ValueError: if the shapes do not fit, or a label names no class.
    """
    checks.same_floats(logits=logits)
    checks.rank("logits", logits, "N, classes")
    labels = np.asarray(labels)
    batch, classes = logits.shape
    checks.shape("labels", labels, (batch,), f"one per row of logits {logits.shape}")
    if batch == 0:
        return 0.0, np.zeros(logits.shape, logits.dtype)
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels hold {labels.dtype}, but must be whole numbers, the classes")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(
            f"labels go from {labels.min()} to {labels.max()}, but logits {logits.shape} name "
            f"the classes 0 to {classes - 1}"
        )
    picked = np.arange(batch), labels
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    sums = exponentials.sum(axis=1, keepdims=True)
    loss = float((np.log(sums[:, 0]) - shifted[picked]).mean())
    dlogits = exponentials / sums
    dlogits[picked] -= 1
    dlogits /= batch
    return loss, dlogits
