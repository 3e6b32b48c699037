"""The questions that lessons 4a and 4b practise on, counted on arrays."""

from fractions import Fraction

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from cnnlesson.ops import conv2d, pad
from cnnlesson.quiz import bank
from cnnlesson.quiz.bank.building import QUESTIONS
from cnnlesson.quiz.diagnosis import judge
from cnnlesson.quiz.setups import Layer

COLUMNS, TERMS = QUESTIONS
VARIANTS = [bank.LESSON, *(f"practice/{number}" for number in range(12))]
ALL = pytest.mark.parametrize("variant", VARIANTS)


@ALL
def test_the_matrix_has_a_column_for_each_patch(variant):
    g = bank.setup(COLUMNS, variant)
    image = pad(np.zeros((1, g.C, g.H, g.W)), g.P)[0]
    patches = sliding_window_view(image, (g.F, g.F), axis=(1, 2))[:, :: g.S, :: g.S]
    columns = patches.transpose(0, 3, 4, 1, 2).reshape(g.C * g.F * g.F, -1)
    assert COLUMNS.right_answer(g) == columns.shape


@ALL
def test_a_gradient_has_a_term_for_each_output_that_changes(variant):
    g = bank.setup(TERMS, variant)
    image, bias = np.ones((1, g.C, g.H, g.W)), np.ones(g.K)
    filters = np.ones((g.K, g.C, g.F, g.F))
    before = conv2d(image, filters, bias)

    def changed(array, at):
        """How many outputs change if one number grows."""
        array[at] += 1
        after = conv2d(image, filters, bias)
        array[at] -= 1
        return int((after != before).sum())

    counts = changed(filters, (0, 0, 0, 0)), changed(bias, 0), changed(image, (0, 0, g.F, g.F))
    assert TERMS.right_answer(g) == counts


@pytest.mark.parametrize(
    ("answer", "misconceptions"),
    [
        ((25, 1, 18), {"bias-used-once"}),
        ((1, 1, 18), {"weight-used-once", "bias-used-once"}),
        ((50, 25, 18), {"weight-of-all-maps"}),
        ((25, 25, 9), {"one-filter"}),
        ((16, 16, 18), {"no-plus-one"}),
    ],
)
def test_wrong_terms_are_recognised(answer, misconceptions):
    grid = TERMS.numbers.lesson
    assert set(judge(TERMS, grid, answer).misconceptions) == misconceptions


def test_patches_in_rows_earn_half():
    ours = Layer((32, 32, 3), 8, 20, stride=2, padding=1)
    assert COLUMNS.right_answer(ours) == (192, 196)
    assert judge(COLUMNS, ours, (196, 192)).share == Fraction(1, 2)
