"""Lesson 5: every number that its text states is one that the library gives."""

import json
import math
import re

import nbformat
import numpy as np
import pytest
from course import ROOT

from cnnlesson.arithmetic import output_size
from cnnlesson.network import vgg16
from cnnlesson.quiz import bank
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.bank.objectives import LESSONS
from cnnlesson.quiz.cards import card_of
from cnnlesson.training import Training, arms, glyphs_at, translated_glyphs

LESSON = "05-does-sharing-work"
NOTEBOOK = nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", as_version=4)
TEXT = " ".join(
    " ".join(cell.source.split()) for cell in NOTEBOOK.cells if cell.cell_type == "markdown"
)
CODE = {cell.id: cell for cell in NOTEBOOK.cells if cell.cell_type == "code"}
PAGE = (ROOT / "docs/lecturer" / f"{LESSON}.md").read_text(encoding="utf-8")
CARDS = re.findall(r'practice\("([\w-]+)"(?:, (\d+))?\)', " ".join(c.source for c in CODE.values()))


def shown(cell_id):
    outputs = CODE[cell_id].outputs
    return "".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in outputs
    )


def test_each_objective_is_met_by_one_card_in_their_order():
    assert [QUESTIONS[name].objective for name, _ in CARDS] == list(LESSONS[LESSON])


def test_no_two_cards_have_the_same_numbers():
    setups = [bank.setup(QUESTIONS[name], f"practice/{number or 0}") for name, number in CARDS]
    assert len(set(setups)) == len(CARDS) == 4


def test_the_lecturers_key_has_the_right_answers():
    for name, number in CARDS:
        question = QUESTIONS[name]
        setup = bank.setup(question, f"practice/{number or 0}")
        right = question.right_answer(setup)
        if question.choices:
            letter = {own: at for at, own in question.letters(setup).items()}[right]
            right = dict(card_of(question, setup).choices)[letter]
        called = f"`{name}`, number {number}" if number else f"`{name}`"
        assert f"| {called} | {right} |" in PAGE


def test_how_wide_a_response_is_and_where_it_fits():
    layer_map = output_size(32, 8, padding=1)
    response = output_size(12, 8, padding=7)
    inside, whole = output_size(32, 12), output_size(layer_map, response)
    assert f"12 + 7 = {response} positions wide" in TEXT
    assert f"The map is {layer_map} positions wide" in TEXT
    assert f"fits in {layer_map} - {response} + 1 = {whole} ways" in TEXT
    assert f"in {inside} columns" in TEXT
    assert f"padding 1: whole from column 6 to 14, {whole} of {inside}" in shown("whole")
    assert f"in {whole} of the {inside} columns" in " ".join(PAGE.split())


def test_how_many_positions_a_circle_has():
    assert f"W/S = 32/2 = {32 // 2} positions. At 33 there are {math.ceil(33 / 2)}" in TEXT
    assert "(1, 20, 16, 16)" in shown("odd-width")
    assert "(1, 20, 17, 17)" in shown("odd-width")


def test_the_maxima_that_the_text_tells_of():
    stride_1, stride_2 = (json.loads(line.split(": ")[1]) for line in shown("maxima").splitlines())
    assert stride_1 == [20] * 9
    assert stride_2 == [20, 0] * 4 + [20]


def test_vgg16_halves_its_maps_five_times():
    halvings = [row for row in vgg16().rows if "pool" in str(row.layer).lower()]
    assert len(halvings) == 5
    assert "VGG-16 halves its maps five times" in TEXT
    assert f"multiple of {2**5} pixels" in TEXT
    assert f"one in {4**5:,} of all" in TEXT


def test_the_experiment_is_as_the_text_describes_it():
    places = output_size(16, 5)
    assert f"12 · 12 = {places**2} places" in TEXT
    assert f"4 · 4 = {output_size(8, 5) ** 2} places of the top left quarter" in TEXT
    images, _ = glyphs_at([0], [0])
    assert np.all(images.sum((1, 2, 3)) == 9)
    assert "nine pixels of 1 in each" in TEXT
    counts = [network.parameters for network in arms()]
    assert f"{min(counts)} parameters against {max(counts):,}" in TEXT
    assert counts[0] == min(counts)
    assert f"That makes {len(counts) * len(Training) * 5} trainings" in TEXT
    layer = arms()[0].layers[0]
    assert (layer.out_channels, layer.filter_size) == (24, 5)


def test_the_glyphs_response_is_whole_in_the_middle_alone():
    layer_map, response = output_size(16, 5), output_size(5, 5, padding=4)
    whole = output_size(layer_map, response)
    assert f"the response is {response} wide on a map of {layer_map}" in TEXT
    assert f"whole in {whole} of the {layer_map} columns, the ones in the middle" in TEXT
    assert layer_map - whole == 2 * whole  # as many to the left, which are the training's


def test_full_padding_cures_completely():
    network = arms(padding="full")[:1]
    (outcome,) = translated_glyphs(network, [Training.CORNER], seeds=3).outcomes
    assert f"({outcome.seen.tolist()}, {outcome.unseen.tolist()})" == shown("full")
    assert set(outcome.unseen) == {1.0}


@pytest.mark.parametrize(
    "words",
    [
        "Zhang, *Making convolutional networks shift-invariant again*, ICML 2019",
        "Azulay and Y. Weiss",
        "Islam, S. Jia and N. D. B. Bruce",
        "Kayhan and J. C. van Gemert",
    ],
)
def test_who_found_it_is_named(words):
    assert words in TEXT
