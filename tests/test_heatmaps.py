"""The experiment's heat maps: what stands in the picture is what was counted."""

import numpy as np
import pytest

from cnnlesson.drawing import ACCENT, Image, Line
from cnnlesson.heatmaps import heat_maps
from cnnlesson.training import Experiment, Outcome, Training


def outcome(arm="One", training=Training.CORNER, elsewhere=0.25, seeds=2):
    trained_at = np.zeros((3, 4), bool)
    trained_at[:2, :2] = True
    if training is Training.EVERYWHERE:
        trained_at[:] = True
    accuracy = np.where(trained_at, 1.0, elsewhere)
    return Outcome(arm, training, 10, np.stack([accuracy] * seeds), trained_at)


def test_each_place_has_the_shade_of_its_accuracy():
    drawing = heat_maps(Experiment((outcome(),)), Training.CORNER)
    (shades,) = [shape.rows for shape in drawing.shapes if isinstance(shape, Image)][:1]
    assert (len(shades), len(shades[0])) == (3, 4)
    assert {shades[i][j] for i in range(2) for j in range(2)} == {ACCENT}
    assert len({colour for row in shades for colour in row}) == 2


def test_shades_go_from_light_to_dark_with_accuracy():
    """Lightness alone tells, so that colour-blind readers and grey prints lose nothing."""
    totals = []
    for elsewhere in (0, 0.25, 0.5, 0.75, 1):
        drawing = heat_maps(Experiment((outcome(elsewhere=elsewhere),)), Training.CORNER)
        colour = next(shape for shape in drawing.shapes if isinstance(shape, Image)).rows[2][3]
        totals.append(sum(bytes.fromhex(colour[1:])))
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == 5
    assert totals[0] == 3 * 255


def test_the_frame_is_around_the_places_of_the_training():
    drawing = heat_maps(Experiment((outcome(),)), Training.CORNER)
    grid = next(shape for shape in drawing.shapes if isinstance(shape, Image))
    lines = [shape for shape in drawing.shapes if isinstance(shape, Line)]
    heights = sorted({line.start[1] for line in lines if line.start[1] == line.end[1]})
    assert heights == [grid.y, grid.y + 2 * grid.cell]
    everywhere = Experiment((outcome(training=Training.EVERYWHERE),))
    drawn = heat_maps(everywhere, Training.EVERYWHERE).shapes
    assert not [shape for shape in drawn if isinstance(shape, Line)]


def test_the_description_tells_the_means_of_the_training_alone():
    arms = (outcome("One"), outcome("Two", elsewhere=0.5), outcome("Else", Training.EVERYWHERE))
    told = heat_maps(Experiment(arms), Training.CORNER).description
    assert "One: 1.00 where trained, 0.25 elsewhere; Two: 1.00 where trained, 0.50" in told
    assert "Else" not in told
    everywhere = heat_maps(Experiment(arms), Training.EVERYWHERE).description
    assert everywhere.endswith("Else: 1.00 everywhere.")


def test_what_is_not_all_right_is_not_rounded_to_all():
    nearly = outcome(elsewhere=0.999)
    assert "0.99 elsewhere" in heat_maps(Experiment((nearly,)), Training.CORNER).description


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_everything_lies_within_the_picture(number):
    arms = tuple(outcome(f"Arm {i}") for i in range(number))
    drawing = heat_maps(Experiment(arms), Training.CORNER)
    for shape in drawing.shapes:
        if isinstance(shape, Image):
            assert shape.x + shape.cell * len(shape.rows[0]) <= drawing.width
            assert shape.y + shape.cell * len(shape.rows) <= drawing.height


def test_a_training_that_nobody_had_is_refused():
    with pytest.raises(ValueError, match=r"trained everywhere: take Training\.CORNER"):
        heat_maps(Experiment((outcome(),)), Training.EVERYWHERE)


def test_it_reads_as_markdown_with_a_text_alternative():
    drawing = heat_maps(Experiment((outcome(),)), Training.CORNER)
    assert drawing._repr_markdown_().startswith(f"![{drawing.description}](data:image/svg+xml;")
    assert repr(drawing) == drawing.description
