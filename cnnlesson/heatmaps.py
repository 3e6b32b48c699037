"""Heat maps of the experiment in `cnnlesson.training`: where a network knows what it learned."""

import numpy as np
from numpy.typing import NDArray

from cnnlesson.drawing import ACCENT, INK, MUTED, Drawing
from cnnlesson.training import Experiment, Outcome, Training

_CELL, _COLUMNS = 16, 2
_LEFT, _TOP, _GAP = 20, 46, 52
_ABOVE, _BELOW = 26, 26  # of a map: its name, and its means
_DARK = np.array(list(bytes.fromhex(ACCENT[1:]))) / 255


def heat_maps(experiment: Experiment, training: Training) -> Drawing:
    """Draw how often each network was right at each place, for one way of training.

    The darker, the more; one colour, so that its lightness alone tells. A frame is drawn around
    the places of the training, and means over seeds and places stand below each map.

    Args:
        experiment: what to draw, as `translated_glyphs` gives it.
        training: where the networks were trained.

    Returns:
        The maps, two in a row in the order of the networks, and the scale; the description says
        the means.

    Raises:
        ValueError: if no network of the experiment was trained there.
    """
    outcomes = [each for each in experiment.outcomes if each.training is training]
    if not outcomes:
        raise ValueError(
            f"no network of this experiment was trained {training.value}: take "
            f"{' or '.join(sorted({str(each.training) for each in experiment.outcomes}))}"
        )
    side = _CELL * max(len(each.heat_map) for each in outcomes)
    across, down = side + _GAP, _ABOVE + side + _BELOW + 14
    title = f"Trained {training.value}: how often right, by the place of the glyph"
    told = "; ".join(f"{each.arm}: {_means(each)}" for each in outcomes)
    drawing = Drawing(
        2 * _LEFT + _COLUMNS * across,
        _TOP + (len(outcomes) // _COLUMNS + 1) * down,
        title,
        f"{title}. {told}.",
    )
    drawing.text(_LEFT, 26, f"Trained {training.value}", size=16, bold=True)
    corners = [
        (_LEFT + number % _COLUMNS * across, _TOP + number // _COLUMNS * down)
        for number in range(len(outcomes) + 1)
    ]
    for outcome, (left, top) in zip(outcomes, corners, strict=False):
        drawing.text(left, top + 16, outcome.arm, size=14, bold=True)
        _map(drawing, left, top + _ABOVE, outcome)
        drawing.text(left, top + _ABOVE + side + 18, _means(outcome), size=13)
    _scale(drawing, *corners[-1], framed=not outcomes[0].trained_at.all())
    return drawing


def _map(drawing: Drawing, left: float, top: float, outcome: Outcome) -> None:
    shares, trained = outcome.heat_map, outcome.trained_at
    height, width = (length * _CELL for length in shares.shape)
    drawing.image(left, top, _shades(shares), _CELL)
    drawing.rectangle(left, top, width, height, stroke=MUTED)
    if not trained.all():
        rows, columns = np.nonzero(trained)
        x, y = left + int(columns.min()) * _CELL, top + int(rows.min()) * _CELL
        right = left + (int(columns.max()) + 1) * _CELL
        bottom = top + (int(rows.max()) + 1) * _CELL
        for x1, y1, x2, y2 in (
            *((x - 1.5, y, right + 1.5, y), (x - 1.5, bottom, right + 1.5, bottom)),
            *((x, y, x, bottom), (right, y, right, bottom)),
        ):
            drawing.line(x1, y1, x2, y2, stroke=INK, width=3)


def _scale(drawing: Drawing, left: float, top: float, *, framed: bool) -> None:
    """Explain the shades: chance, and all right."""
    for number, (share, words) in enumerate(
        ((0, "never right"), (0.25, "1 in 4, as by chance"), (0.5, "half the time"), (1, "always"))
    ):
        y = top + _ABOVE + number * 24
        drawing.image(left, y, _shades(np.array([[share]])), 16)
        drawing.rectangle(left, y, 16, 16, stroke=MUTED)
        drawing.text(left + 24, y + 13, words, size=13)
    if framed:
        y = top + _ABOVE + 4 * 24
        for inset in (0, 1):
            drawing.rectangle(left + inset, y + inset, 16 - 2 * inset, 16 - 2 * inset, stroke=INK)
        drawing.text(left + 24, y + 13, "where it was trained", size=13)


def _shades(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours (H, W, 3), from white for 0 to dark for 1."""
    shades: NDArray[np.float64] = 1 - shares[..., None] * (1 - _DARK)
    return shades


def _means(outcome: Outcome) -> str:
    if outcome.unseen is None:
        return f"{_share(outcome.seen)} everywhere"
    return f"{_share(outcome.seen)} where trained, {_share(outcome.unseen)} elsewhere"


def _share(by_seed: NDArray[np.float64]) -> str:
    """Write a mean with two digits, and 1.00 only where nothing is missing."""
    mean = float(by_seed.mean())
    return f"{mean if mean == 1 else min(mean, 0.99):.2f}"
