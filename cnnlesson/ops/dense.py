"""The fully connected layer: every output sees every input."""

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array


def dense(x: Array, weights: Array, bias: Array | None = None) -> Array:
    """Weigh all inputs for each output: y = x W^T + b.

    Args:
        x: (N, I), float32 or float64.
        weights: (O, I).
        bias: (O,), or None for zeros.

    Returns:
        (N, O).

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64.
        ValueError: if the shapes do not fit.
    """
    checks.same_floats(x=x, weights=weights, bias=bias)
    _check_shapes(x, weights)
    checks.shape("bias", bias, weights.shape[:1], f"one per output of weights {weights.shape}")
    y = x @ weights.T
    if bias is not None:
        y += bias
    return y


def dense_gradients(x: Array, weights: Array, dy: Array) -> tuple[Array, Array, Array]:
    """Give the gradients with respect to the arguments of `dense`.

    Args:
        x: (N, I), the input.
        weights: (O, I).
        dy: (N, O), the gradient of the output.

    Returns:
        (dx, dweights, dbias), of the shapes of x, weights and bias.

    Raises:
        TypeError: if the arrays are not of one dtype, float32 or float64.
        ValueError: if the shapes do not fit.
    """
    checks.same_floats(x=x, weights=weights, dy=dy)
    _check_shapes(x, weights)
    checks.shape("dy", dy, (len(x), len(weights)), "the shape of the output")
    return dy @ weights, dy.T @ x, dy.sum(axis=0)


def _check_shapes(x: Array, weights: Array) -> None:
    checks.rank("x", x, "N, I")
    checks.rank("weights", weights, "O, I")
    if x.shape[1] != weights.shape[1]:
        raise ValueError(
            f"each output needs a weight per input, but x has shape {x.shape} and weights "
            f"{weights.shape}: their last axes must agree"
        )
