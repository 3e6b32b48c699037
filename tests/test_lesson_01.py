"""Lesson 1 and its lecturer's page: every number in the prose is one that the library computes."""

import re

import nbformat
import pytest
from course import ROOT

from cnnlesson import (
    arithmetic,
    neurons,
    output_shape,
    parameters_shared,
    parameters_unshared,
)
from cnnlesson.quiz import bank
from cnnlesson.widgets import sharing

NAME = "01-parameter-sharing"
IMAGE = (32, 32, 3)
LAYER = {"filter_size": 8, "out_channels": 20, "stride": 2, "padding": 1}

CELLS = nbformat.read(ROOT / f"notebooks/{NAME}.ipynb", as_version=4).cells
CODE = [cell.source for cell in CELLS if cell.cell_type == "code"]
PROSE = " ".join(
    " ".join(cell.source.split()) for cell in CELLS if cell.cell_type == "markdown"
).partition("## Read on")[0]
CARDS = re.findall(r'practice\("([a-z-]+)"\)', "\n".join(CODE))


@pytest.fixture(scope="module")
def lesson():
    """What the lesson's cells leave behind."""
    names = {}
    for source in CODE:
        exec(source, names)
    return names


def test_the_counts_in_the_prose_are_the_librarys():
    shared, unshared = parameters_shared(8, 3, 20), parameters_unshared(IMAGE, **LAYER)
    height, width, depth = output_shape(IMAGE, **LAYER)
    one = parameters_shared(8, 3, 1)
    work = arithmetic.multiply_adds(IMAGE, **LAYER)
    dense = arithmetic.parameters_dense(32 * 32 * 3, neurons(IMAGE, **LAYER))
    for words in (
        f"answers with {height}x{width}x{depth} numbers",
        f"{height * width} neurons in a map, {neurons(IMAGE, **LAYER):,} in all",
        f"8 · 8 · 3 = {one - 1} weights, and with the bias {one} parameters",
        f"{unshared:,} and {shared:,}: were you near? It is {unshared // shared} times fewer",
        f"makes {(8 * 8 + 1) * 20:,}",
        f"{one} parameters, not {8 * 8 + 1}",
        f"20 biases in this layer, not {neurons(IMAGE, **LAYER):,}",
        f"at 32x32, {unshared:,} are left of {dense:,}",
        f"so {shared:,} stays {shared:,}",
        f"{work:,} multiplications with sharing, and {work:,} without",
        f"learnt from {height * width} patches",
    ):
        assert words in PROSE
    assert unshared // shared == height * width
    known = {shared, unshared, one, one - 1, height * width, work, dense, 1300}
    known.add(neurons(IMAGE, **LAYER))
    numbers = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", PROSE)}
    assert {number for number in numbers if number >= 100} == known


def test_what_is_said_of_the_small_cat_holds(lesson):
    top_left, bottom_right = lesson["top_left"], lesson["bottom_right"]
    assert top_left.argmax() == top_left[:2].argmax()
    assert f"The {top_left[1, 1]} has moved to row 5, column 6" in PROSE
    assert bottom_right[5, 6] == bottom_right.max() == top_left[1, 1] == top_left.max()
    assert (bottom_right == bottom_right.max()).sum() == (top_left == top_left.max()).sum() == 1
    assert (lesson["with_bias"] > 0).sum() == 1

    def strided(column):
        image = lesson["image_with_cat"](2, column)
        return lesson["feature_map"](image, lesson["weights"])[::2, ::2]

    assert strided(2)[1, 1] == strided(4)[1, 2] == 17
    assert f"{strided(3).max()} is the most that is left" in PROSE


def test_what_is_said_of_the_centred_face_holds(lesson):
    answers = (10 * lesson["shared"]).round().astype(int)
    assert answers[3, 2] == answers.max() == 10
    elsewhere = answers[3, 4]
    assert f"It says 10 at that eye. But it says {elsewhere} at the other eye" in PROSE
    assert answers[5, 1] == answers[5, 5]
    assert f"and {answers[5, 1]} on both cheeks" in PROSE
    rows, columns = answers.shape
    assert f"at {rows}x{columns} positions" in PROSE
    assert f"{rows * columns} filters for that map" in PROSE
    assert f"sharing has one, {parameters_shared(8, 1, 1)} parameters each" in PROSE
    centred, moved = lesson["centred"], lesson["windows"](3)
    left = (moved * centred).sum() / (centred * centred).sum()
    assert "three pixels off centre, hardly more than a third is left" in PROSE
    assert 1 / 3 < left < 0.37


def test_the_cards_are_about_the_layer_that_the_prose_describes():
    setups = [bank.setup(bank.find(card), f"{bank.PRACTICE}/0") for card in CARDS]
    assert len({setup.output_shape for setup in setups}) == 1
    height, width, depth = setups[0].output_shape
    output = f"{height}x{width}x{depth}"
    assert f"whose output is {output}: {height} high, {width} wide and {depth} deep" in PROSE
    assert f"with its output of {output}" in PROSE
    assert f"The layer on this card has a stride of {setups[0].S}" in PROSE


def test_the_lecturers_key_is_right():
    page = (ROOT / f"docs/lecturer/{NAME}.md").read_text(encoding="utf-8")
    key = dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|", page, re.MULTILINE))
    assert list(key) == CARDS
    for card in CARDS:
        question = bank.find(card)
        setup = bank.setup(question, f"{bank.PRACTICE}/0")
        right = question.right_answer(setup)
        expected = (
            question.choices[right].format(g=setup).rstrip(".")
            if question.choices
            else f"{right:,}"
        )
        assert key[card] == expected


def test_the_numbers_for_the_lecturer_are_the_librarys():
    page = " ".join((ROOT / f"docs/lecturer/{NAME}.md").read_text(encoding="utf-8").split())
    weights, filters, positions = 8 * 8 * 3, 20, 14 * 14
    for words in (
        f"{(8 * 8 + 1) * filters:,} (the filter is thought flat)",
        f"{weights * filters:,} (no bias)",
        f"{weights * filters + 1:,} (one bias for the layer)",
        f"{weights + 1} (one filter stands for all)",
        f"{weights * filters * positions:,} (no bias)",
        f"{(weights + 1) * positions:,} (one map only)",
        f"{arithmetic.parameters_dense(32 * 32 * 3, positions * filters):,} (every neuron sees",
        f"The multiply-adds are {arithmetic.multiply_adds(IMAGE, **LAYER):,} either way",
    ):
        assert words in page


def test_the_moves_to_try_show_what_the_prose_says():
    assert sharing(shift=[0, 2]).difference == sharing(shift=[0, 4]).difference == 0
    assert sharing(shift=[0, 5]).difference > 0
    assert sharing(shift=[0, 2], shared=False).difference > 0
