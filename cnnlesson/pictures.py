"""Pictures drawn by code: a cat, and glyphs to tell apart.

A picture is a float32 array (C, H, W) with values from 0, black, to 1; one picture of a batch in
the library's order of axes. What is not drawn is 0, as zero padding is.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from cnnlesson.settings import per_axis, whole

Picture = NDArray[np.float32]
"""(C, H, W), from 0 to 1."""

_Mask = NDArray[np.bool_]
_Point = tuple[float, float]

_LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: Recommendation ITU-R BT.601


# --- The cat ---------------------------------------------------------------------------------

_FUR, _STRIPE, _CREAM = (0.95, 0.62, 0.27), (0.75, 0.42, 0.12), (1.0, 0.9, 0.76)
_PINK, _ROSE, _GREEN = (0.94, 0.52, 0.5), (0.8, 0.32, 0.36), (0.62, 0.85, 0.35)
_DARK, _WHITE = (0.1, 0.06, 0.04), (1.0, 1.0, 1.0)


def cat(size: int = 64, *, channels: int = 1) -> Picture:
    """Draw the face of a ginger cat.

    Args:
        size: height and width in pixels, at least 8; a cat from about 16.
        channels: 1 for grayscale, 3 for red, green and blue.

    Returns:
        (channels, size, size), float32 from 0 to 1; the background is 0.

    Raises:
        TypeError: if `size` is not a whole number.
        ValueError: if it is below 8, or `channels` is neither 1 nor 3.
    """
    size = whole("size", size, at_least=8)
    if channels not in (1, 3):
        raise ValueError(f"channels is {channels!r}, but a cat has 1 (gray) or 3 (colours)")
    easel = _Easel(size)
    for side in (-1, 1):
        easel.paint(_FUR, easel.triangle((0.8 * side, 0.1), (0.72 * side, -0.96), (0, -0.4)))
        easel.paint(
            _PINK, easel.triangle((0.66 * side, -0.1), (0.65 * side, -0.74), (0.25 * side, -0.4))
        )
    easel.paint(_FUR, easel.ellipse((0, 0.2), 0.84, 0.7))
    for x, length in ((-0.2, 0.22), (0, 0.3), (0.2, 0.22)):
        easel.paint(_STRIPE, easel.line((x, -0.46), (x * 0.8, -0.46 + length), 0.05))
    for side in (-1, 1):
        eye = (0.36 * side, 0.1)
        easel.paint(_GREEN, easel.ellipse(eye, 0.18, 0.19))
        easel.paint(_DARK, easel.ellipse(eye, 0.1, 0.17))
        easel.paint(_WHITE, easel.ellipse((eye[0] + 0.05, 0.02), 0.045, 0.05))
        easel.paint(_CREAM, easel.ellipse((0.15 * side, 0.54), 0.22, 0.17))
    easel.paint(_ROSE, easel.triangle((-0.13, 0.35), (0.13, 0.35), (0, 0.49)))
    for side in (-1, 1):
        smile = ((0, 0.47), (0, 0.57), (0.1 * side, 0.64), (0.21 * side, 0.56))
        for start, end in pairwise(smile):
            easel.paint(_DARK, easel.line(start, end, 0.022))
        for height in (0.36, 0.54, 0.72):
            easel.paint(_WHITE, easel.line((0.34 * side, 0.5), (0.98 * side, height), 0.014))
    picture = easel.picture()
    if channels == 1:
        picture = np.tensordot(np.array([_LUMINANCE], np.float32), picture, axes=1)
    return picture.clip(0, 1)


class _Easel:
    """A canvas from -1 to 1 in both directions, painted shape over shape.

    It is painted at several points per pixel, whose average smooths the edges.
    """

    def __init__(self, size: int, points: int = 6) -> None:
        self._points = points
        self._pixel = 2 / size
        steps = (np.arange(size * points) + 0.5) / points * self._pixel - 1
        self._x, self._y = steps[None, :], steps[:, None]
        self._canvas = np.zeros((3, steps.size, steps.size), np.float32)

    def paint(self, color: Sequence[float], mask: _Mask) -> None:
        """Cover a shape with a colour."""
        self._canvas[:, mask] = np.array(color, np.float32)[:, None]

    def ellipse(self, center: _Point, radius_x: float, radius_y: float) -> _Mask:
        """Give the points inside an ellipse."""
        x, y = center
        inside: _Mask = ((self._x - x) / radius_x) ** 2 + ((self._y - y) / radius_y) ** 2 <= 1
        return inside

    def triangle(self, a: _Point, b: _Point, c: _Point) -> _Mask:
        """Give the points on one and the same side of all three edges."""
        sides = [
            (q[0] - p[0]) * (self._y - p[1]) - (q[1] - p[1]) * (self._x - p[0])
            for p, q in ((a, b), (b, c), (c, a))
        ]
        inside: _Mask = np.all([s >= 0 for s in sides], axis=0)
        outside_turned: _Mask = np.all([s <= 0 for s in sides], axis=0)
        return inside | outside_turned

    def line(self, start: _Point, end: _Point, radius: float) -> _Mask:
        """Give the points within a radius of a segment, never less than a third of a pixel wide."""
        radius = max(radius, self._pixel / 6)
        dx, dy = end[0] - start[0], end[1] - start[1]
        along = ((self._x - start[0]) * dx + (self._y - start[1]) * dy) / (dx**2 + dy**2)
        along = np.clip(along, 0, 1)
        distance = np.hypot(self._x - start[0] - along * dx, self._y - start[1] - along * dy)
        near: _Mask = distance <= radius
        return near

    def picture(self) -> Picture:
        """Average the points of each pixel."""
        n = self._canvas.shape[1] // self._points
        averaged: Picture = self._canvas.reshape(3, n, self._points, n, self._points).mean((2, 4))
        return averaged


# --- The glyphs ------------------------------------------------------------------------------

# Nine pixels each, so that no classifier can tell them apart by their brightness.
_DRAWINGS = {
    "plus": """
        . . # . .
        . . # . .
        # # # # #
        . . # . .
        . . # . .
    """,
    "cross": """
        # . . . #
        . # . # .
        . . # . .
        . # . # .
        # . . . #
    """,
    "tee": """
        # # # # #
        . . # . .
        . . # . .
        . . # . .
        . . # . .
    """,
    "corner": """
        # . . . .
        # . . . .
        # . . . .
        # . . . .
        # # # # #
    """,
}

GLYPH_NAMES = tuple(_DRAWINGS)
"""The glyphs, in the order of their class numbers."""

GLYPH_SIZE = 5
"""Height and width of a glyph, in pixels."""


def glyph(name: str) -> Picture:
    """Draw a glyph: 9 white pixels out of 5 x 5.

    Args:
        name: one of `GLYPH_NAMES`.

    Returns:
        (1, 5, 5), float32, of zeros and ones.

    Raises:
        ValueError: if there is no glyph of this name.
    """
    if name not in GLYPH_NAMES:
        raise ValueError(f"there is no glyph {name!r}: take one of {', '.join(GLYPH_NAMES)}")
    marks = [row.split() for row in _DRAWINGS[name].strip().splitlines()]
    drawn: Picture = (np.array(marks) == "#").astype(np.float32)
    return drawn[None]


# --- In a canvas -----------------------------------------------------------------------------

_ANYWHERE = -sys.maxsize  # a place has no smallest number


def place(
    picture: NDArray[Any],
    canvas_shape: SupportsIndex | Sequence[SupportsIndex],
    row: int,
    column: int,
) -> Picture:
    """Put a picture into a canvas of zeros; what reaches beyond the border is cut off.

    Args:
        picture: (C, h, w).
        canvas_shape: H = W, or (H, W).
        row: where the picture's top row goes, in pixels from the canvas's top; may be negative,
            or beyond the bottom.
        column: the same for its left column.

    Returns:
        (C, H, W), float32; all zeros if the picture lies outside.

    Raises:
        TypeError: if `row`, `column` or the shape are not whole numbers.
        ValueError: if the picture has no three axes, or the canvas no pixel.
    """
    picture = np.asarray(picture)
    if picture.ndim != 3:
        raise ValueError(
            f"a picture has three axes, (channels, height, width), not {picture.shape}"
            + (": picture[None] adds the channel" if picture.ndim == 2 else "")
        )
    channels, height, width = picture.shape
    canvas_height, canvas_width = per_axis("canvas_shape", canvas_shape)
    rows = _overlap(whole("row", row, at_least=_ANYWHERE), height, canvas_height)
    columns = _overlap(whole("column", column, at_least=_ANYWHERE), width, canvas_width)
    canvas = np.zeros((channels, canvas_height, canvas_width), np.float32)
    canvas[:, rows[0], columns[0]] = picture[:, rows[1], columns[1]]
    return canvas


def _overlap(start: int, size: int, canvas_size: int) -> tuple[slice, slice]:
    """Give what a picture and a canvas share along an axis: in the canvas, in the picture."""
    first = min(max(start, 0), canvas_size)
    last = max(min(start + size, canvas_size), first)
    return slice(first, last), slice(first - start, last - start)
