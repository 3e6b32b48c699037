"""What every operator asks of its arrays, and the words it refuses them with."""

from types import EllipsisType
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating[Any]]
"""An array of float32 or of float64."""

Index = tuple[EllipsisType | slice | NDArray[np.intp], ...]
"""An index of an array: a part along each of its last axes."""

_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def same_floats(**arrays: Array | None) -> None:
    """Refuse anything but NumPy arrays that are all float32, or all float64; None is left out.

    Raises:
        TypeError: with every array's name and dtype, and what to convert.
    """
    given = {name: array for name, array in arrays.items() if array is not None}
    dtypes = []
    for name, array in given.items():
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"{name} must be a NumPy array, not a {type(array).__name__}: "
                f"take np.array({name}, np.float32)"
            )
        dtypes.append(array.dtype)
    for name, dtype in zip(given, dtypes, strict=True):
        if dtype not in _FLOATS:
            raise TypeError(
                f"{name} holds {dtype}, but must hold float32 or float64: "
                f"convert it, as in {name}.astype(np.float32)"
            )
    if dtypes.count(dtypes[0]) != len(dtypes):
        named = ", ".join(f"{name} {dtype}" for name, dtype in zip(given, dtypes, strict=True))
        raise TypeError(
            f"the arrays must share one dtype, but are {named}: "
            "convert with .astype(np.float32) or .astype(np.float64)"
        )


def rank(name: str, array: Array, axes: str) -> None:
    """Refuse an array whose number of axes is not that of `axes`, such as "N, C, H, W".

    Raises:
        ValueError: with the shape and the axes expected.
    """
    wanted = axes.count(",") + 1
    if array.ndim != wanted:
        raise ValueError(
            f"{name} must have {wanted} axes, ({axes}), but has {array.ndim}: "
            f"its shape is {array.shape}"
        )


def shape(name: str, array: NDArray[Any] | None, wanted: tuple[int, ...], meaning: str) -> None:
    """Refuse an array of any other shape than `wanted`, for the reason in `meaning`.

    Raises:
        ValueError: with both shapes.
    """
    if array is not None and array.shape != wanted:
        raise ValueError(f"{name} has shape {array.shape}, but must be {wanted}: {meaning}")
