"""Lessons 4a and 4b: text, cards and lecturer's pages say what the library computes."""

import ast
import re

import nbformat
import numpy as np
import pytest
from course import ROOT

from cnnlesson import arithmetic as a
from cnnlesson import ops
from cnnlesson.quiz import bank
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.functions import compare, run
from cnnlesson.quiz.questions import Kind

FORWARD, BACKWARD = "04a-build-a-conv-layer", "04b-backward"
CELLS = {
    name: {
        cell.id: cell
        for cell in nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
    }
    for name in (FORWARD, BACKWARD)
}
PAGES = {name: (ROOT / f"docs/lecturer/{name}.md").read_text(encoding="utf-8") for name in CELLS}
CARD = re.compile(r'practice\("([\w-]+)", (\d+)\)')

IMAGE = (32, 32, 3)
OURS = {"filter_size": 8, "out_channels": 20, "stride": 2, "padding": 1}
SLOW = {"filter_size": 8, "out_channels": 20}


def text(name):
    return " ".join(
        " ".join(cell.source.split())
        for cell in CELLS[name].values()
        if cell.cell_type == "markdown"
    )


def code(name):
    return [cell for cell in CELLS[name].values() if cell.cell_type == "code"]


def shown(name, cell):
    return "".join(
        output.text if output.output_type == "stream" else output.data["text/plain"]
        for output in CELLS[name][cell].outputs
    )


@pytest.mark.parametrize("name", CELLS)
def test_the_lecturers_key_has_the_right_answers(name):
    cards = CARD.findall("".join(cell.source for cell in code(name)))
    assert cards
    for identifier, number in cards:
        question = QUESTIONS[identifier]
        right = question.right_answer(bank.setup(question, f"{bank.PRACTICE}/{number}"))
        right = f"{right:,}" if isinstance(right, int) else right
        assert f"| `{identifier}`, number {number} | {right} |" in PAGES[name]


@pytest.mark.parametrize("name", CELLS)
def test_no_function_of_the_lesson_solves_the_assignment(name):
    """All that the notebooks define is tried as an answer to every question of `conv-layer`."""
    lesson = {}
    for cell in code(name):
        if "practice(" not in cell.source and "repeat(" not in cell.source:
            exec(cell.source, lesson)
    defined = [
        node.name
        for cell in code(name)
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.FunctionDef) and node.name in lesson
    ]
    assert defined
    asked = [q for q in QUESTIONS.values() if q.kind is Kind.FUNCTION]
    assert asked
    for question in asked:
        for function in defined:
            found = compare(question, run(question.function, lesson[function]))
            assert not found.right, f"{function} solves {question.id}"


def test_the_seven_loops_run_as_often_as_the_table_says():
    high, wide, filters = a.output_shape(IMAGE, **OURS)
    rounds = {"n": 1, "k": filters, "i": high, "j": wide, "c": IMAGE[2], "u": 8, "v": 8}
    for letter, times in rounds.items():
        assert f"| {letter} | {times} |" in text(FORWARD)
    work = a.multiply_adds(IMAGE, **OURS)
    assert np.prod(list(rounds.values())) == work
    assert f"takes {work:,} multiply-adds for one image" in text(FORWARD)
    assert shown(FORWARD, "seven-count") == f"({work}, {work})"


def test_how_much_is_copied_into_columns():
    pixels = np.prod(IMAGE)
    copied = [
        8 * 8 * 3 * np.prod(a.output_shape(IMAGE, **layer)[:2]) / pixels for layer in (OURS, SLOW)
    ]
    ours, slow = (f"{ratio:.0f} times" for ratio in copied)
    assert f"{ours} for our layer, and {slow} where the filter moves one pixel" in text(FORWARD)
    assert f"it looks {slow.replace('times', 'times as large')}" in text(FORWARD)
    assert f"For our layer it is {ours}" in " ".join(PAGES[FORWARD].split())


def test_all_versions_do_the_same_work():
    work = a.multiply_adds(IMAGE, **SLOW)
    assert f"the same {work:,} multiply-adds" in text(FORWARD)
    assert "25x25x20" in text(FORWARD)
    assert a.output_shape(IMAGE, **SLOW) == (25, 25, 20)
    assert shown(FORWARD, "example-code") == f"((3, 32, 32), (20, 3, 8, 8), {work})"
    for version in ("four-check-code", "einsum", "columns-code"):
        assert shown(FORWARD, version) == "True"
    assert shown(FORWARD, "library-code") == "(True, (1, 20, 14, 14))"


def test_the_committed_times_bear_the_words_out():
    times = dict(re.findall(r"(\w+) +([\d.]+) ms", shown(FORWARD, "time-code")))
    loops, windows, matrices = (float(times[name]) for name in ("loops", "windows", "matrices"))
    assert loops > 200 * matrices  # the best of 20 runs
    assert loops > windows > matrices
    assert "**hundreds of times** faster" in text(FORWARD)


def test_an_image_of_ones_does_not_find_the_mistake():
    assert re.findall("True|False", shown(FORWARD, "mistake-code")) == ["True", "False"]


def test_the_small_grid_has_the_pixel_in_four_columns():
    matrix = shown(FORWARD, "columns-small").split("\n\n")[1].splitlines()
    columns = np.array([re.findall(r"\d+", line) for line in matrix], int)
    assert columns.shape == (4, 6)
    assert columns[:, 0].tolist() == [0, 1, 4, 5]
    assert ((columns == 5).sum(axis=0) <= 1).all()
    assert (columns == 5).sum() == 4


def test_how_many_outputs_change():
    pixels, weights = np.ones((1, 1, 1, 7)), np.ones((1, 1, 1, 3))
    counts, _, positions = ops.conv2d_gradients(pixels, weights, np.ones((1, 1, 1, 5)))
    counts = counts.ravel().astype(int)
    said = f"in all {positions[0]:.0f} outputs, the first pixel in one, the one in the middle in"
    assert f"{said} {counts[3]}" in text(BACKWARD)
    assert counts[0] == 1
    written = " ".join(f"{count}." for count in counts)
    assert shown(BACKWARD, "ones-code").startswith(f"[{written}]")


def test_what_is_checked_in_the_lesson_on_gradients_holds():
    assert shown(BACKWARD, "ops") == "[True, True, True]"
    assert shown(BACKWARD, "convolutions-code") == "(True, True)"
    written, measured = shown(BACKWARD, "check-code").splitlines()
    assert written == measured
    assert shown(BACKWARD, "check-network") == "{'1 filters': True, '1 bias': True}"
    wrong, right = shown(BACKWARD, "mistake-code").splitlines()
    assert wrong != right
    losses = [float(loss) for loss in re.findall(r"loss ([\d.]+)", shown(BACKWARD, "descent-code"))]
    assert losses == sorted(losses, reverse=True)
