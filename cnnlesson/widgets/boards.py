"""Grids of numbers side by side, as a static picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnlesson.drawing import MUTED, Drawing

_ROOM, _LARGEST, _SMALLEST = 300, 30, 4  # pixels: of a board, and of a cell
_WITH_NUMBERS = 24  # from here on there is room for a number
_LOW, _HIGH = np.array([0.337, 0.706, 0.914]), np.array([0.902, 0.624, 0.0])  # blue, orange


@dataclass(frozen=True, eq=False)
class Board:
    """A grid of numbers, or a picture.

    Attributes:
        name: what stands above it.
        numbers: (H, W), or (H, W, 3) from 0 to 1 for a picture in colours.
        padded: (H, W), which cells are padding; none unless given.
    """

    name: str
    numbers: NDArray[np.float64]
    padded: NDArray[np.bool_] | None = None

    @property
    def cell(self) -> int:
        """Height and width of a cell, in pixels."""
        longest = max(int(self.numbers.shape[0]), int(self.numbers.shape[1]), 1)
        return max(_SMALLEST, min(_LARGEST, _ROOM // longest))

    def draw(self, drawing: Drawing, x: int, y: int) -> None:
        """Draw the cells: written out where there is room, else by shade; zero is white."""
        if self.numbers.ndim == 3:
            drawing.image(x, y, self.numbers, self.cell)
            return
        cell = self.cell
        largest = max(np.abs(self.numbers).max(initial=0), 1e-9)
        ends = np.where(self.numbers[..., None] < 0, _LOW, _HIGH)
        share = np.abs(self.numbers)[..., None] / largest * 0.8
        drawing.image(x, y, 1 - share * (1 - ends), cell)
        if cell < _WITH_NUMBERS:
            height, width = self.numbers.shape
            drawing.rectangle(x, y, width * cell, height * cell, stroke=MUTED)
            return
        for (i, j), number in np.ndenumerate(self.numbers):
            left, top = x + j * cell, y + i * cell
            dashed = self.padded is not None and bool(self.padded[i, j])
            drawing.rectangle(left, top, cell, cell, stroke=MUTED, dashed=dashed)
            words = f"{number:.1f}".removesuffix(".0").replace("-", "−")
            drawing.text(left + cell / 2, top + cell / 2 + 4, words, size=11, anchor="middle")


def side_by_side(title: str, description: str, boards: Sequence[Board]) -> Drawing:
    """Draw boards in a row, each under its name."""
    sizes = [[length * board.cell for length in board.numbers.shape[:2]] for board in boards]
    widths = [
        max(width, 9 * len(board.name)) + 28
        for board, (_, width) in zip(boards, sizes, strict=True)
    ]
    drawing = Drawing(sum(widths) + 12, max(height for height, _ in sizes) + 58, title, description)
    x = 20
    for board, width in zip(boards, widths, strict=True):
        drawing.text(x, 26, board.name, size=14, bold=True)
        if board.numbers.size:
            board.draw(drawing, x, 38)
        x += width
    return drawing
