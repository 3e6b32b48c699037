"""Volumes drawn to one scale: an input, a filter, an output."""

from collections.abc import Sequence
from typing import NamedTuple

from cnnlesson.arithmetic import Shape
from cnnlesson.drawing import INK, Drawing

_SLANT = (0.6, 0.35)  # pixels to the right and up for each of depth


class Volume(NamedTuple):
    """A volume to draw: what it is called, its (height, width, depth), its colour."""

    name: str
    shape: Shape
    colour: str


def volumes(shown: Sequence[Volume], title: str, description: str) -> Drawing:
    """Draw volumes side by side, each over its name and shape.

    Args:
        shown: the volumes, from left to right.
        title: of the drawing.
        description: its text alternative.
    """
    pixel = 200 / max(size for volume in shown for size in volume.shape[:2])
    spans = [pixel * (wide + _SLANT[0] * deep) for _, (_, wide, deep), _ in shown]
    tall = max(pixel * (high + _SLANT[1] * deep) for _, (high, _, deep), _ in shown)
    width = sum(max(span, 90) + 40 for span in spans)
    drawing = Drawing(round(width) + 20, round(tall) + 80, title, description)
    x = 24.0
    for (name, (high, wide, deep), colour), span in zip(shown, spans, strict=True):
        _box(drawing, x, 24 + tall, pixel * wide, pixel * high, pixel * deep, colour)
        drawing.text(x, tall + 44, name, size=13, bold=True)
        drawing.text(x, tall + 62, f"{high} × {wide} × {deep}", size=12)
        x += max(span, 90) + 40
    return drawing


def _box(
    drawing: Drawing, x: float, y: float, width: float, height: float, depth: float, fill: str
) -> None:
    """Draw a volume whose front face has its lower left corner at (x, y)."""
    across, up = depth * _SLANT[0], depth * _SLANT[1]
    top, right = y - height, x + width
    drawing.polygon([(x, top), (right, top), (right, y), (x, y)], fill=fill, stroke=INK)
    for corners in (
        [(x, top), (x + across, top - up), (right + across, top - up), (right, top)],
        [(right, top), (right + across, top - up), (right + across, y - up), (right, y)],
    ):
        drawing.polygon(corners, fill=fill, stroke=INK)
