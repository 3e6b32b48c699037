"""The questions on equivariance against layers that compute, and networks that train."""

import numpy as np
import pytest

from cnnlesson.network import Activation, Conv, Dense, Flatten, GlobalPool, Network
from cnnlesson.ops import conv2d, global_max_pool, pad
from cnnlesson.quiz import bank
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.training import Training, translated_glyphs

VARIANTS = ["", "practice/0", "practice/1", *(f"student-{number}" for number in range(8))]
ALL = pytest.mark.parametrize("variant", VARIANTS)


def numbers_of(name, variant):
    question = QUESTIONS[name]
    setup = bank.setup(question, variant)
    return setup, question.right_answer(setup)


def moved_maps(g, pixels):
    """Maps of one row of pixels at random, shifted to the right on a circle."""
    random = np.random.default_rng(1)
    image = random.integers(-9, 10, (1, 1, 1, g.W)).astype(float)
    filters = random.integers(-9, 10, (3, 1, 1, g.F)).astype(float)
    circle = pad(np.roll(image, pixels, axis=-1), ((0, 0), (0, g.F - 1)), "circular")
    return conv2d(circle, filters, stride=(1, g.S))


@ALL
def test_the_map_moves_as_far_as_the_answer_says(variant):
    g, right = numbers_of("how-far-the-map-moves", variant)
    before, after = moved_maps(g, 0), moved_maps(g, g.shift)
    fitting = [n for n in range(before.shape[-1]) if np.array_equal(after, np.roll(before, n, -1))]
    assert fitting == [right]


@ALL
def test_as_many_shifts_keep_the_maxima_as_the_answer_says(variant):
    g, right = numbers_of("shifts-that-keep-the-maximum", variant)
    kept = global_max_pool(moved_maps(g, 0))
    same = [np.array_equal(global_max_pool(moved_maps(g, d)), kept) for d in range(g.W)]
    assert sum(same) == right


@ALL
def test_the_response_is_whole_in_as_many_columns_as_the_answer_says(variant):
    g, right = numbers_of("places-with-the-whole-response", variant)
    filters = np.ones((1, 1, 1, g.F))  # with weights and pixels above 0, each touch shows
    amounts = []
    for column in range(g.W - g.object_size + 1):
        image = np.zeros((1, 1, 1, g.W))
        image[..., column : column + g.object_size] = 1
        amounts.append(conv2d(image, filters, padding=(0, g.P)).sum())
    assert amounts.count(g.object_size * g.F) == right


@pytest.mark.parametrize(
    ("filters", "head", "wanted"),
    [
        ("shared", GlobalPool("max"), "a"),
        ("shared", Flatten(), "b"),
        ("of its own", GlobalPool("max"), "c"),
    ],
)
def test_a_network_does_elsewhere_what_the_answer_says(filters, head, wanted):
    question = QUESTIONS["seen-in-one-corner"]
    read = "flattened" if isinstance(head, Flatten) else "global maximum"
    setups = {bank.setup(question, f"student-{number}") for number in range(40)}
    asked = [g for g in setups if filters in g.network and read in g.network]
    assert asked
    assert {question.right_answer(g) for g in asked} == {wanted}

    layers = [Conv(5, 24, shared=filters == "shared"), Activation(), head, Dense(4)]
    network = Network(layers, (16, 16, 1))
    (outcome,) = translated_glyphs([network], [Training.CORNER], seeds=2).outcomes
    if question.choices[wanted].startswith("It knows"):
        assert outcome.unseen.min() > 0.85
    else:
        assert outcome.unseen.max() < 0.35
