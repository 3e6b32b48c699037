"""Lesson 2: its prose, its cards and its lecturer's page say what the library computes."""

import re

import nbformat
import numpy as np
import pytest
from course import ROOT
from prose import numbers, outputs

from cnnlesson import arithmetic as a
from cnnlesson import ops
from cnnlesson.quiz import bank
from cnnlesson.widgets import padding

CELLS = nbformat.read(ROOT / "notebooks/02-padding.ipynb", as_version=4).cells
PROSE = "\n\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
CODE = "\n".join(cell.source for cell in CELLS if cell.cell_type == "code")
PAGE = (ROOT / "docs/lecturer/02-padding.md").read_text(encoding="utf-8")
START = (ROOT / "notebooks/00-start-here.ipynb").read_text(encoding="utf-8")

HALVINGS = (224, 112, 56, 28, 14, 7)


def spaced(text):
    return re.sub(r"\s+", " ", text)


def uses(size, filter_size, *, zeros=0, layers=1):
    """Count how often each pixel of a square image is used, as gradients count it: by the library.

    The gradient of a sum of outputs is, for each pixel, the sum over the ways that lead to them;
    with all weights 1 every way counts 1.
    """
    weights = np.ones((1, 1, filter_size, filter_size))
    images = [np.zeros((1, 1, size, size))]
    for _ in range(layers):
        images.append(ops.conv2d(images[-1], weights, padding=zeros))
    counts = np.ones_like(images[-1])
    for image in reversed(images[:-1]):
        counts, *_ = ops.conv2d_gradients(image, weights, counts, padding=zeros)
    return np.rint(counts[0, 0]).astype(int)


def corner_edge_middle(counts):
    middle = len(counts) // 2
    return int(counts[0, 0]), int(counts[0, middle]), int(counts[middle, middle])


def layers_that_fit(size, filter_size):
    layers = 0
    while size >= filter_size:
        size, layers = a.output_size(size, filter_size), layers + 1
    return layers


def apart(filter_sizes):
    """Tell how many pixels of the image the last maps' windows lie apart in the frameworks."""
    chains = [
        [
            (f, 2, a.same_padding(size, f, stride=2))
            for size, f in zip(HALVINGS, filter_sizes, strict=False)
        ],
        [(f, 2, (f - 1) // 2) for f in filter_sizes],
    ]
    tensorflow, pytorch = (a.receptive_field(chain)[-1].first_center for chain in chains)
    return tensorflow - pytorch


def stated_in_the_lesson():
    """The lesson's numbers, each in the words around it."""
    minutes = re.search(r"\(02-padding\.ipynb\) \| (\d+)", START)[1]
    yield f"This one takes about {minutes} minutes"
    assert (a.output_size(5, 3), a.output_size(5, 3, padding=1)) == (3, 5)
    yield "off the width: 2 here, 7 for our 8x8 filters"
    yield f"with 3x3 filters, which take only 2 pixels a layer, it is {layers_that_fit(32, 3)}"
    assert layers_that_fit(32, 8) == 4
    yield "Four, and then what is left is smaller than a filter"
    yield f"32 + 2 · 1 = {32 + 2} pixels, and at stride 1 an output of "
    yield f"an output of {a.output_size(32, 8, padding=1)}"

    across = uses(5, 3)[0].tolist(), (uses(5, 3, zeros=1)[0] // 2).tolist()
    yield "are {}, {}, {}, {}, {} without the ring, and {}, {}, {}, {}, {} with".format(
        *across[0], *across[1]
    )
    without, ringed = corner_edge_middle(uses(5, 3)), corner_edge_middle(uses(5, 3, zeros=1))
    for name, formula, counts in zip(
        ("corner", "middle of an edge", "middle"),
        (r"$(P + 1) \cdot (P + 1)$", r"$(P + 1) \cdot F$", r"$F \cdot F$"),
        zip(without, ringed, strict=True),
        strict=True,
    ):
        yield f"| {name} | {formula} | {counts[0]} | {counts[1]} |"
    corner, _, middle = corner_edge_middle(uses(32, 8, zeros=1))
    yield f"a corner is used 2 · 2 = {corner} times, and the middle 8 · 8 = {middle} times"
    ways = [corner_edge_middle(uses(9, 3, zeros=p, layers=2)) for p in (0, 1)]
    assert ways[0][0] == 1
    assert ways[0][2] == ways[1][2]
    yield f"With zeros it is {ways[1][0]} ways against {ways[1][2]}"

    for name, formula in (("valid", "$W - F + 1$"), ("same", "W"), ("full", "$W + F - 1$")):
        yield f"| {formula} | {a.output_size(32, 8, padding=name)} |"
    assert (uses(32, 8, zeros=7) == 8 * 8).all()
    assert [a.same_padding(32, f) for f in (3, 5, 7)] == [(1, 1), (2, 2), (3, 3)]
    before, after = a.same_padding(32, 8)
    yield f"(8 - 1) / 2 = {7 / 2}"
    yield f"{before + after} zeros are needed, so one end gets {before} and the other {after}"
    assert a.same_padding(5, 4) == (1, 2)
    counts = uses_along_a_row(5, 4, (1, 2))
    yield f"in {counts[0]} positions across, the last one in {counts[-1]}"

    halved = same(32, 8, stride=2)
    yield f"So 32 gives {halved}, and 33 gives {same(33, 8, stride=2)}"
    reach, zeros = (halved - 1) * 2 + 8, sum(a.same_padding(32, 8, stride=2))
    yield f"{halved - 1} steps of 2 pixels and is itself 8 wide: {halved - 1} · 2 + 8 = {reach}"
    yield f"The image has 32, so {zeros} are missing, {zeros // 2} at each end"
    assert zeros == sum(a.same_padding(32, 8)) - 1
    yield "That is one zero less than at stride 1, since the last position lies "
    yield f"lies {(halved - 1) * 2} pixels behind the first, and not {32 - 1}"
    yield f"Here 32 - F + 2P = {halved - 1} · 2 = {(halved - 1) * 2}, so F = 2P + 2"

    assert a.output_size(224, 7, stride=2, padding=3) == same(224, 7, stride=2) == 112
    before, after = a.same_padding(224, 7, stride=2)
    yield f"TensorFlow needs {before + after} zeros, {before} before and {after} after"
    assert apart([7]) == 1
    assert a.unread(224, 7, stride=2, padding=3) == ((), (226,))
    assert [a.same_padding(w, 7, stride=2) for w in (223, 225)] == [(3, 3)] * 2
    yield "At 223 and 225 TensorFlow pads (3, 3) too"
    assert a.output_size(224, 7, stride=4, padding=3) == same(224, 7, stride=4)
    assert a.same_padding(224, 7, stride=4)[0] == 3 - 2
    yield "may be a pixel or more apart, although the sizes agree"
    yield "{} to {}, {}, {}, {} and {}".format(*HALVINGS)
    assert a.same_padding(32, 8) == a.same_padding(32, 8, convention="pytorch") == (3, 4)

    missing = (32 - 1) * 2 + 8 - 32
    yield f"32 positions are {32 - 1} steps of 2 pixels; with the filter, {32 - 1} · 2 + 8 = 70"
    yield f"so {missing} zeros are needed, {missing // 2} at each end"
    assert a.output_size(32, 8, stride=2, padding=missing // 2) == 32
    blind = blind_windows(32, 8, 2, missing // 2)
    yield f"{blind} of the 32 windows across would see nothing but zeros"
    yield f"rounded up: {halved}"
    yield f"a zero at **both** ends, which makes {32 + 2}"


def stated_on_the_page():
    """The lecturer's numbers, each in the words around it."""
    yield f"*In how many positions can the filter lie?* {a.output_size(5, 3) ** 2} is right"
    corner, _, middle = corner_edge_middle(uses(5, 3))
    yield f"used, and the corner?* {middle} and {corner}."
    yield f"3 gives {a.output_size(32, 8, padding=3)}, 4 gives {a.output_size(32, 8, padding=4)}"
    yield f"filters on 32x32?* {layers_that_fit(32, 8)}."
    yield f"(ask for 3x3: {layers_that_fit(32, 3)}, and not {32 // 3})"
    wall = ops.conv2d(np.full((1, 1, 5, 5), 3.0), np.array([[[[-1.0, 0, 1]] * 3]]), padding=1)[0, 0]
    assert not wall[:, 1:-1].any()
    yield "it is {:g} or {:g} along two sides".format(*sorted(set(wall[:, 0])))
    ringed = corner_edge_middle(uses(5, 3, zeros=1))
    ways = corner_edge_middle(uses(9, 3, zeros=1, layers=2))
    yield f"{ringed[0]} uses against {ringed[2]}, {ways[0]} ways against {ways[2]} after two layers"
    yield "3 on one end and 4 on the other. At stride 2 it means 16 from 32"
    yield f"19 zeros at each end, and {blind_windows(32, 8, 2, 19)} of the 32 windows"
    yield f"the pixels add up to {apart([7, 3, 3, 3, 3]):g}"
    yield f"compared with the {ways[2]} of the middle"
    yield f'`practice("padding-that-keeps")` is one more question ({answer("padding-that-keeps")})'
    yield from because()


def because():
    """The reasons that the answer key gives."""
    deep, pixels, even = map(
        setup, ("through-the-depth", "how-often-a-pixel-is-used", "same-for-an-even-filter")
    )
    layers = answer("through-the-depth")
    left = deep.shorter - layers * (deep.F - 1)
    yield (
        f"each layer takes {deep.F - 1}, and the shorter side, {deep.shorter}, ends it: after "
        f"{layers} layers {left} are left"
    )
    assert setup("padded-input").P == 1
    yield f"the filter takes {setup('valid-output').F - 1} off each axis"
    yield f"{pixels.P + 1} positions at the border, {pixels.F} in the middle, for each axis"
    yield f"{even.F - 1} zeros, the extra one after the row"
    assert setup("full-output") == even
    yield f"{even.F - 1} more on each axis"
    strided = setup("same-at-a-stride")
    yield f"{strided.H} / {strided.S} and {strided.W} / {strided.S}, rounded up"
    halving = setup("one-pixel-apart")
    before, _ = a.same_padding(halving.W, halving.F, stride=halving.S)
    yield f"TensorFlow has {before} zeros before the first pixel, PyTorch {halving.P}"


def same(input_size, filter_size, *, stride):
    zeros = a.same_padding(input_size, filter_size, stride=stride)
    return a.output_size(input_size, filter_size, stride=stride, padding=zeros)


def uses_along_a_row(size, filter_size, sides):
    row, weights = np.zeros((1, 1, 1, size)), np.ones((1, 1, 1, filter_size))
    outputs = ops.conv2d(row, weights, padding=((0, 0), sides))
    counts, *_ = ops.conv2d_gradients(row, weights, np.ones_like(outputs), padding=((0, 0), sides))
    return np.rint(counts.ravel()).astype(int).tolist()


def blind_windows(input_size, filter_size, stride, zeros):
    """Count the windows that see nothing but zeros: those that a white image leaves at 0."""
    white, weights = np.ones((1, 1, 1, input_size)), np.ones((1, 1, 1, filter_size))
    sums = ops.conv2d(white, weights, stride=(1, stride), padding=((0, 0), (zeros, zeros)))
    return int((sums == 0).sum())


def setup(card):
    return bank.setup(bank.find(card), f"{bank.PRACTICE}/0")


def answer(card):
    question = bank.find(card)
    right = question.right_answer(setup(card))
    return question.choices[right] if question.choices else right


def cards():
    return re.findall(r'practice\("([^"]+)"', CODE)


def test_the_prose_says_what_the_library_computes():
    assert [words for words in stated_in_the_lesson() if words not in spaced(PROSE)] == []


def test_the_page_says_what_the_library_computes():
    assert [words for words in stated_on_the_page() if words not in spaced(PAGE)] == []


def test_no_number_of_the_prose_is_neither_shown_nor_tested():
    lesson = re.sub(r"\]\(.*?\)", "]", PROSE.split("## Read on")[0])  # not those of links
    held = " ".join([*stated_in_the_lesson(), *outputs(CELLS), CODE])
    known = set(numbers(held)) | {"2020"}
    assert [number for number in numbers(lesson) if number not in known] == []


@pytest.mark.parametrize("filters", [[3] * 5, [7, 3, 3, 3, 3], [7, 5, 3, 5, 7]])
def test_the_pixels_between_the_frameworks_add_up_whatever_the_odd_filters(filters):
    (shown,) = (cell for cell in CELLS if cell.get("id") == "frameworks-sum")
    assert shown.outputs[0].data["text/plain"] == f"{apart(filters):g}"
    for size, halved, filter_size in zip(HALVINGS, HALVINGS[1:], filters, strict=False):
        zeros = (filter_size - 1) // 2
        assert a.output_size(size, filter_size, stride=2, padding=zeros) == halved
        assert same(size, filter_size, stride=2) == halved


def test_the_uses_follow_the_formula_wherever_the_image_is_large_enough():
    for filter_size in range(1, 9):
        for zeros in range(filter_size):
            counts = uses(2 * filter_size + 1, filter_size, zeros=zeros)
            p = zeros + 1
            assert corner_edge_middle(counts) == (p * p, p * filter_size, filter_size**2)


def test_an_odd_filter_never_fits_an_even_size_at_stride_2():
    for size in range(10, 40, 2):
        for filter_size in range(1, 10):
            for zeros in range(filter_size):
                left = a.remainder(size, filter_size, stride=2, padding=zeros)
                assert left == filter_size % 2


def test_the_prediction_is_not_given_away_where_no_kernel_runs():
    for shown in ({}, {"predict": True}):
        widget = padding(**shown)
        assert ("3x3x1" in widget.description().split("output")[1]) == (not shown)
    # The 9 numbers of the output are in one picture and not in the other.
    texts = [padding(**shown).picture().svg().count("<text") for shown in ({}, {"predict": True})]
    assert texts[0] - texts[1] == 9


def test_the_answer_key_is_right():
    key = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, flags=re.MULTILINE))
    assert key == {card: str(answer(card)) for card in cards()}
