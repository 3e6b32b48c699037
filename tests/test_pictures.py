"""The pictures, and where they are placed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlesson.pictures import GLYPH_NAMES, GLYPH_SIZE, cat, glyph, place


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [8, 16, 33, 64])
def test_a_cat_of_any_size(size, channels):
    picture = cat(size, channels=channels)
    assert picture.shape == (channels, size, size)
    assert picture.dtype == np.float32
    assert picture.min() == 0
    assert 0.75 < picture.max() <= 1
    assert np.array_equal(picture, cat(size, channels=channels))


def test_the_cat_has_two_ears_and_a_face_that_is_nearly_symmetric():
    picture = cat(64)[0]
    ears, between = picture[3:20, [13, 50]], picture[:14, 31:33]
    assert (ears.max(axis=0) > 0.5).all()
    assert (between == 0).all()
    assert np.abs(picture - picture[:, ::-1]).mean() < 0.01  # but for the light in its eyes


def test_the_gray_cat_is_as_bright_as_the_coloured_one():
    red, green, blue = cat(32, channels=3)
    assert np.allclose(cat(32)[0], 0.299 * red + 0.587 * green + 0.114 * blue, atol=1e-6)


@pytest.mark.parametrize(
    ("size", "channels", "error"),
    [(7, 1, ValueError), (16, 2, ValueError), (16.0, 1, TypeError), ("16", 1, TypeError)],
)
def test_impossible_cats_are_refused(size, channels, error):
    with pytest.raises(error, match=r"size|channels"):
        cat(size, channels=channels)


def test_glyphs_are_equally_bright_and_far_apart_wherever_they_lie():
    drawn = [glyph(name)[0] for name in GLYPH_NAMES]
    assert {g.sum() for g in drawn} == {9}
    assert {g.shape for g in drawn} == {(GLYPH_SIZE, GLYPH_SIZE)}
    for i, a in enumerate(drawn):
        padded = np.pad(a, GLYPH_SIZE - 1)
        windows = np.lib.stride_tricks.sliding_window_view(padded, a.shape)
        for b in drawn[:i]:
            assert (windows * b).sum((2, 3)).max() <= 7


def test_an_unknown_glyph_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"no glyph 'star'.*plus"):
        glyph("star")


@given(
    st.integers(-12, 24),
    st.integers(-12, 24),
    st.tuples(st.integers(1, 16), st.integers(1, 16)),
    st.tuples(st.integers(1, 3), st.integers(1, 8), st.integers(1, 8)),
)
def test_placing_is_cropping_from_a_larger_canvas(row, column, canvas_shape, picture_shape):
    picture = np.arange(1, np.prod(picture_shape) + 1, dtype=np.float32).reshape(picture_shape)
    margin, (height, width) = 40, canvas_shape
    large = np.zeros((picture_shape[0], height + 2 * margin, width + 2 * margin), np.float32)
    top, left = margin + row, margin + column
    large[:, top : top + picture_shape[1], left : left + picture_shape[2]] = picture
    placed = place(picture, canvas_shape, row, column)
    assert placed.dtype == np.float32
    assert np.array_equal(placed, large[:, margin : margin + height, margin : margin + width])


def test_one_number_is_a_square_canvas():
    assert place(glyph("plus"), 16, 0, 0).shape == (1, 16, 16)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((np.ones((5, 5)), 16, 0, 0), ValueError, r"\(5, 5\).*picture\[None\]"),
        ((glyph("plus"), 0, 0, 0), ValueError, "canvas_shape is 0"),
        ((glyph("plus"), (16, 16, 1), 0, 0), TypeError, "two, .height, width."),
        ((glyph("plus"), 16, 0.5, 0), TypeError, "row must be a whole number, not 0.5"),
        ((glyph("plus"), 16, 0, None), TypeError, "column must be a whole number"),
    ],
)
def test_what_cannot_be_placed_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        place(*arguments)
