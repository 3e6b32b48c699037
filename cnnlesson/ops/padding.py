"""Padding: zeros, a reflection of the image, or the image over again as on a torus.

Rows are padded first, then columns of the rows so padded, which fills the corners. The gradient
goes the same way back: what was copied outward is added inward.
"""

from typing import Literal

import numpy as np

from cnnlesson.ops import checks
from cnnlesson.ops.checks import Array, Index
from cnnlesson.settings import Pair, PerSide, per_side

Mode = Literal["zeros", "reflect", "circular"]


def pad(x: Array, padding: PerSide, mode: Mode = "zeros") -> Array:
    """Surround each image with P pixels per side.

    "reflect" mirrors the image at its border pixels, which are not repeated; "circular" continues
    it from the opposite side. (The modes of PyTorch's `torch.nn.functional.pad`.)

    Args:
        x: (N, C, H, W), float32 or float64.
        padding: P, one number for all sides, (height, width), or ((top, bottom), (left, right)).
        mode: what the padding holds.

    Returns:
        (N, C, top + H + bottom, left + W + right).

    Raises:
        TypeError: if `x` is no such array, or `padding` not of whole numbers.
        ValueError: if the mode is unknown, the rank is wrong, or the image has too few pixels to
            fill the padding: P of a reflection is at most H-1, of a circle at most H.
    """
    checks.same_floats(x=x)
    checks.rank("x", x, "N, C, H, W")
    rows, columns = per_side(padding)
    batch, channels, height, width = x.shape
    copies = _copies(x.shape[2:], (rows, columns), mode)
    padded = np.zeros((batch, channels, height + sum(rows), width + sum(columns)), x.dtype)
    padded[_inside(x.shape[2:], (rows, columns))] = x
    for border, source in copies:
        padded[border] = padded[source]
    return padded


def pad_gradient(dy: Array, padding: PerSide, mode: Mode = "zeros") -> Array:
    """Give the gradient with respect to the input of `pad`.

    Args:
        dy: (N, C, top + H + bottom, left + W + right), the gradient of the padded images.
        padding: as for `pad`.
        mode: as for `pad`.

    Returns:
        (N, C, H, W).

    Raises:
        TypeError: as `pad`.
        ValueError: as `pad`, or if `dy` holds nothing but padding.
    """
    checks.same_floats(dy=dy)
    checks.rank("dy", dy, "N, C, H, W")
    sides = rows, columns = per_side(padding)
    size = dy.shape[2] - sum(rows), dy.shape[3] - sum(columns)
    if min(size) < 1:
        raise ValueError(
            f"dy has shape {dy.shape}, and a padding of {rows} rows and {columns} columns leaves "
            "no image of it: take the gradient of the padded image, or a smaller padding"
        )
    folded = dy.copy()
    for border, source in reversed(_copies(size, sides, mode)):
        folded[source] += folded[border]
    return folded[_inside(size, sides)].copy()


def _inside(size: tuple[int, ...], sides: tuple[Pair, Pair]) -> Index:
    """Return the index of the image within the padded image."""
    return (..., *(slice(p, p + n) for n, (p, _) in zip(size, sides, strict=True)))


def _copies(
    size: tuple[int, ...], sides: tuple[Pair, Pair], mode: Mode
) -> list[tuple[Index, Index]]:
    """List (border, source), indices of the padded image, in the order of copying."""
    if mode not in ("zeros", "reflect", "circular"):
        raise ValueError(f"mode is {mode!r}, but must be 'zeros', 'reflect' or 'circular'")
    if mode == "zeros":
        return []
    copies: list[tuple[Index, Index]] = []
    for name, n, (before, after) in zip(("height", "width"), size, sides, strict=True):
        most = n - 1 if mode == "reflect" else n
        if max(before, after) > most:
            raise ValueError(
                f"mode {mode!r} pads a {name} of {n} with at most {most} pixels per side, "
                f"not {max(before, after)}: take a smaller padding or a larger image"
            )
        end = before + n
        if mode == "reflect":
            sources = (
                np.arange(2 * before, before, -1),
                np.arange(end - 2, end - 2 - after, -1),
            )
        else:
            sources = np.arange(n, end), np.arange(before, before + after)
        borders = np.arange(before), np.arange(end, end + after)
        other_axis = (slice(None),) if name == "height" else ()
        copies += [
            ((..., border, *other_axis), (..., source, *other_axis))
            for border, source in zip(borders, sources, strict=True)
        ]
    return copies
