"""One step of gradient descent."""

from typing import Any


def descent_step(
    filters: Any, bias: Any, dfilters: Any, dbias: Any, learning_rate: float
) -> tuple[Any, Any]:
    """Return the filters and the biases, each less its gradient times the learning rate."""
    return filters - learning_rate * dfilters, bias - learning_rate * dbias
