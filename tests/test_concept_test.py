"""The concept test: its answers are the library's, and its numbers are in no lesson."""

import re

import nbformat
import numpy as np
import pytest
from course import ROOT
from prose import numbers, outputs

from cnnlesson import arithmetic as a
from cnnlesson.network import Conv, Dense, Flatten, Network, Pool
from cnnlesson.ops import conv2d, conv2d_gradients, global_max_pool
from cnnlesson.quiz import bank
from cnnlesson.quiz.bank.objectives import LESSONS

FIRST_THREE = ("01-parameter-sharing", "02-padding", "03-dimensionality")
NOTEBOOKS = {
    name: nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
    for name in FIRST_THREE
}
TEST = (ROOT / "docs/lecturer/concept-test.md").read_text(encoding="utf-8")
KEY = (ROOT / "docs/lecturer/concept-test-answers.md").read_text(encoding="utf-8")

QUESTIONS = dict(re.findall(r"^\*\*(\d+)\.\*\* (.+?)(?=^\*\*|^## |\Z)", TEST, re.M | re.S))
NOTES = dict(re.findall(r"^\*\*(\d+)\.\*\* (.+?)(?=^\*\*|\Z)", KEY, re.M | re.S))
ANSWERS = {
    part: (answer, because)
    for part, answer, because in re.findall(r"^\| (\d+[abc]) \| (.*?) ?\| (.+) \|$", KEY, re.M)
}

SHARING = {"filter_size": 7, "out_channels": 12, "stride": 3}
UNEVEN = {"filter_size": 9, "out_channels": 24, "stride": 5, "padding": 2}
COST = {"filter_size": 5, "out_channels": 9, "stride": 1, "padding": 2}
CONVOLUTION, DENSE = Conv(5, 15, stride=3), Dense(6)


def one_line(text):
    return " ".join(text.split())


def times(shape):
    return "x".join(map(str, shape))


def network(*layers):
    return Network(layers, (59, 41, 3))


def uses(padding):
    """Count the positions that use a corner of the image, and a pixel in its middle."""
    image, filters = np.zeros((1, 1, 66, 75)), np.ones((1, 1, 11, 11))
    every_position = np.ones_like(conv2d(image, filters, padding=padding))
    counts = conv2d_gradients(image, filters, every_position, padding=padding)[0]
    return round(counts[0, 0, 0, 0]), round(counts[0, 0, 33, 37])


def right_answers():
    """Each part's answer, and the work in words, with the library's numbers."""
    image = (61, 46, 4)
    shape = a.output_shape(image, **SHARING)
    positions = shape[0] * shape[1]
    one, weights = a.parameters_shared(7, 4, 1), a.weights_of_a_filter(7, 4)
    yield "1a", f"{positions}", f"{shape[0]} · {shape[1]} positions"
    yield "1b", f"{a.parameters_shared(7, 4, 12):,}", f"= {one} · 12"
    unshared = f"{a.parameters_unshared(image, **SHARING):,}"
    yield "2a", unshared, f"{one} parameters for each of the 19 · 14 · 12 neurons"
    assert a.multiply_adds(image, **SHARING) == a.neurons(image, **SHARING) * weights
    yield "2b", "none", f"multiplies the {weights} numbers of its patch by {weights} weights"

    before, after = a.same_padding(44, 12)
    yield "4a", f"{before} before, {after} after", f"= {before + after} zeros in all"
    corner, middle = uses(padding=3)
    yield "5a", f"corner {corner}, middle {middle}", "(3 + 1) · (3 + 1), and 11 · 11"
    (equal,) = (P for P in range(11) if len(set(uses(P))) == 1)
    yield "5b", f"{equal}", "F - 1, *full* padding"
    before, after = zeros = a.same_padding(46, 5, stride=2)
    size = a.output_size(46, 5, stride=2, padding=zeros)
    assert size == a.output_size(46, 5, stride=2, padding=2)
    total = before + after
    yield (
        "6a",
        f"{size} wide; {before} before, {after} after",
        f"{size - 1} · 2 + 5 - 46 = {total} zeros",
    )
    yield "6b", "", f"2 zeros before the row, so its windows lie {2 - before} pixel further left"

    yield "7a", times(a.output_shape((71, 58, 6), **UNEVEN)), "66 / 5 and 53 / 5, rounded down"
    columns = len(a.unread(58, 9, stride=5, padding=2).pixels)
    left_over = a.remainder(58, 9, stride=5, padding=2)
    yield "7b", f"{columns}", f"leaves {left_over} columns over, and the last 2 of them are padding"
    width = a.output_size(58, 9, stride=5, padding=2)
    yield "7c", "", f"{width - 1} steps make {width} positions"

    convolved, pooled = network(CONVOLUTION), network(CONVOLUTION, Pool("max", 2))
    whole = network(CONVOLUTION, Pool("max", 2), Flatten(), DENSE)
    yield "8a", times(pooled.output_shape), f"{times(convolved.output_shape)} after the convolution"
    yield (
        "8b",
        f"{whole.parameters:,}",
        f"= {convolved.parameters:,}, then 0, "
        f"then (9 · 6 · 15 + 1) · 6 = {whole.parameters - convolved.parameters:,}",
    )
    yield "9a", f"{a.dilated_filter_size(6, 4)}", "4 · 5 + 1"
    fields = a.receptive_field([(9, 4), (2, 2), (5, 1)])
    work = f"{fields[0].size}, then 9 + 1 · {fields[0].jump} = {fields[1].size}, "
    yield "9b", f"{fields[2].size}", f"{work}then 13 + 4 · {fields[1].jump}"
    work = a.multiply_adds((60, 50, 10), **COST)
    yield "10a", f"{work:,}", "5 · 5 · 10 for each of the 60 · 50 · 9 neurons"
    factor = a.multiply_adds((180, 150, 10), **COST) / work
    yield "10b", f"parameters by 1 (they stay), multiply-adds by {factor:g}", "positions"


def wrong_answers():
    """The slips that the notes name, each with its number in the words around it."""
    positions, one, neurons = 19 * 14, a.parameters_shared(7, 4, 1), 19 * 14 * 12
    yield "1", f"12 for a) mixes up filters and neurons, {neurons:,} counts"
    yield "1", f"{(7 * 7 + 1) * 12} forgets the input's depth, {(one - 1) * 12:,} the biases"
    yield "1", f"{(one - 1) * 12 + 1:,} has one bias for the layer"
    yield "1", f"{(one - 1) * 12 + neurons:,} has one for each neuron"
    yield "2", f"{one * positions:,} is a single map"
    yield "2", f"{positions} times as many"
    yield "4", f"{(12 - 1) / 2:g} on each side does not exist"
    yield "5", f"{3 + 1} and 11 count along one axis. {(11 - 1) // 2} in b)"
    yield "7", f"{66 // 5}x{53 // 5}x24 lacks the + 1, 14x11x6 keeps"
    yield "8", f"{-(-19 // 2)}x{-(-13 // 2)}x15 rounds up"
    unpooled = network(CONVOLUTION, Flatten(), DENSE).parameters
    flat = network(CONVOLUTION).parameters + a.parameters_dense(9 * 6, 6)
    yield "8", f"{unpooled:,} leaves the pooling out, and {flat:,} lost the depth"
    yield "9", f"{4 * 6} in a) is 4 · 6"
    yield "9", f"{1 + 8 + 1 + 4} in b) adds up F - 1"
    yield "10", f"{a.multiply_adds((60, 50, 1), **COST):,} forgets the depth"


def test_each_of_the_ten_questions_has_an_answer_and_a_note():
    assert list(QUESTIONS) == list(NOTES) == [str(number) for number in range(1, 11)]
    parts = [number + part for number, text in QUESTIONS.items() for part in parts_of(text)]
    assert list(ANSWERS) == parts


def parts_of(question):
    return re.findall(r"(?:^|(?<= ))([abc])\) ", one_line(question))


@pytest.mark.parametrize(("part", "answer", "work"), list(right_answers()))
def test_the_answers_are_the_librarys(part, answer, work):
    assert ANSWERS[part][0] == answer
    assert work in ANSWERS[part][1]


def test_every_number_of_the_answers_is_held_by_a_test():
    held = " ".join(" ".join(row) for row in right_answers()) + TEST
    for part, row in ANSWERS.items():
        unheld = set(numbers(" ".join(row))) - set(numbers(held))
        assert not unheld, part


@pytest.mark.parametrize(("number", "words"), list(wrong_answers()))
def test_the_slips_give_the_numbers_that_the_notes_name(number, words):
    assert words in one_line(NOTES[number])


def test_the_response_moves_as_the_key_says_and_its_maximum_stays():
    random = np.random.default_rng(3)
    filters, bird = random.normal(size=(12, 4, 7, 7)), random.normal(size=(1, 4, 8, 9))

    def maps(row, column):
        image = np.zeros((1, 4, 61, 46))
        image[:, :, row : row + 8, column : column + 9] = bird
        return conv2d(image, filters, stride=3)

    before, after = maps(18, 21), maps(18 + 12, 21 - 6)
    np.testing.assert_array_equal(np.roll(before, (4, -2), axis=(2, 3)), after)
    np.testing.assert_array_equal(global_max_pool(before), global_max_pool(after))
    assert ANSWERS["3a"][0].startswith("it moves 4 positions down and 2 to the left")


def test_the_two_frameworks_maps_are_as_wide_and_hold_other_numbers():
    random = np.random.default_rng(3)
    row, weights = random.normal(size=(1, 1, 1, 46)), random.normal(size=(1, 1, 1, 5))
    zeros = (0, 0), a.same_padding(46, 5, stride=2)
    tensorflow = conv2d(row, weights, stride=2, padding=zeros)
    pytorch = conv2d(row, weights, stride=2, padding=(0, 2))
    assert tensorflow.shape == pytorch.shape
    assert not np.isclose(tensorflow, pytorch).any()


def test_the_questions_cover_every_objective_of_the_three_lessons():
    asked = {words for note in NOTES.values() for words in objectives_of(note)}
    assert asked == {words for name in FIRST_THREE for words in LESSONS[name].values()}


def objectives_of(note):
    return re.findall(r"\*(.+?)\*", one_line(note).partition("Taught in")[0])


def test_what_is_asked_is_taught_where_the_notes_say():
    headings = {
        heading
        for cells in NOTEBOOKS.values()
        for cell in cells
        if cell.cell_type == "markdown"
        for heading in re.findall(r"^##+ (.+)$", cell.source, re.M)
    }
    for number, note in NOTES.items():
        taught = re.findall(r'"(.+?)"', re.search(r"Taught in (.+?)\.\n", note, re.S)[1])
        assert taught, number
        assert set(taught) <= headings, number


def lessons_numbers():
    """All numbers that the lessons, their cards and the quizzes' own variants show."""
    for cells in NOTEBOOKS.values():
        for cell in cells:
            yield from numbers(cell.source)
            for output in cell.get("outputs", []):
                yield from numbers(output.get("data", {}).get("text/plain", ""))
        yield from numbers(" ".join(outputs(cells)))
    for question in bank.QUESTIONS.values():
        yield from numbers(repr(bank.setup(question, bank.LESSON)))


def test_the_set_ups_are_in_no_lesson_card_or_quiz_of_the_lesson():
    seen = set(lessons_numbers())
    inputs = re.findall(r"input (?:is|of) (\d+)(?:x(\d+)x\d+)?", one_line(TEST))
    assert len(inputs) == 7
    for input_size in inputs:
        assert not seen & set(input_size)


def test_no_count_to_be_found_stands_in_a_lesson():
    seen = set(lessons_numbers())
    counts = {number for answer, _ in ANSWERS.values() for number in numbers(answer)}
    assert not {count for count in counts if int(count) >= 100} & seen
