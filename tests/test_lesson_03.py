"""Lesson 3: its prose, its cards and its lecturer's page say what the library computes."""

import re
from fractions import Fraction
from itertools import product

import nbformat
from course import ROOT
from prose import numbers, outputs

from cnnlesson import arithmetic as a
from cnnlesson.network import Conv, Dense, Flatten, Network, Pool, alexnet, lenet5, vgg16
from cnnlesson.quiz import bank

CELLS = nbformat.read(ROOT / "notebooks/03-dimensionality.ipynb", as_version=4).cells
PROSE = "\n\n".join(cell.source for cell in CELLS if cell.cell_type == "markdown")
CODE = "\n".join(cell.source for cell in CELLS if cell.cell_type == "code")
PAGE = (ROOT / "docs/lecturer/03-dimensionality.md").read_text(encoding="utf-8")

IMAGE = (32, 32, 3)
LAYER = {"filter_size": 8, "out_channels": 20, "stride": 2, "padding": 1}
BUDGET = 400
CONVOLUTION, POOL = Conv(8, 20, stride=2, padding=1), Pool("max", 2)


def spaced(text):
    return re.sub(r"\s+", " ", text)


def times(shape):
    return "x".join(map(str, shape))


def mixed(number):
    """Write a fraction as people do: 26/3 as 8 2/3."""
    return f"{number // 1} {number % 1}"


def width(input_size=32, filter_size=8, **changes):
    return a.output_size(input_size, filter_size, **{"stride": 2, "padding": 1} | changes)


def counts(*layers, image=IMAGE):
    return Network(layers, image).parameters


def dense_share(network, count, *also):
    """Write the share of the dense layers, and of those at the positions named, in percent."""
    rows = [r for r in network.rows if r.layer.startswith("Dense") or r.position in also]
    return f"{sum(getattr(row, count) for row in rows) / getattr(network, count):.0%}"


def stated_in_the_lesson():
    """The lesson's numbers, each in the words around it."""
    neurons, weights = a.neurons(IMAGE, **LAYER), a.weights_of_a_filter(8, 3)
    shared = a.parameters_shared(8, 3, 20)
    yield f"Its output is {times(a.output_shape(IMAGE, **LAYER))}, and it has {shared:,} parameters"

    padded = 32 + 2 * 1
    spare = padded - 8
    yield f"W + 2P = {padded} pixels long"
    yield f"leaves $W - F + 2P$ = {spare} over"
    yield f"{spare} / 2 = {spare // 2} steps"
    yield f"**{spare // 2} steps make {width()} positions**"
    yield f"{width() - 1} gaps between the posts, {width()} posts"
    yield f"here {times(a.output_shape((48, 32, 3), **LAYER))}"

    uneven = a.output_shape(IMAGE, **LAYER | {"stride": 3})
    yield f"{spare} / 3 = {mixed(Fraction(spare, 3))} steps"
    yield f"{spare // 3} whole steps, so {uneven[1]} positions, and the output is {times(uneven)}"
    yield f"this output is {mixed(Fraction(spare, 3) + 1)} wide"
    unread = a.unread(32, 8, stride=3, padding=1)
    assert len(unread.pixels + unread.padding) == a.remainder(32, 8, stride=3, padding=1) == 2
    yield f"so {unread.pixels[0]} is the last of the row, and {unread.padding[0]} the zero after it"
    assert a.unread(224, 7, stride=2, padding=3) == ((), (226,))

    images = a.input_sizes_for(14, 8, stride=2, padding=1)
    yield f"14 positions are {14 - 1} steps"
    yield f"which leaves {images[0]}"
    yield f"the widths that give 14 are {' and '.join(map(str, images))}"

    pooled = Network((CONVOLUTION, POOL), IMAGE).output_shape
    inputs = pooled[0] * pooled[1] * pooled[2]
    dense = a.parameters_dense(inputs, 10)
    chain = counts(CONVOLUTION, POOL, Flatten(), Dense(10))
    yield f"The pooling halves {width()} to {pooled[0]}"
    yield f"{pooled[0]} · {pooled[1]} · {pooled[2]} = {inputs} numbers"
    yield f"({inputs} + 1) · 10 = {dense:,} parameters"
    yield f"{shared:,} + 0 + {dense:,} = {chain:,}"
    yield f"the chain would have {counts(CONVOLUTION, Flatten(), Dense(10)):,}"
    yield f"(3 · 3 · 20 + 1) · 32 = {counts(Conv(3, 32), image=pooled):,} parameters"
    yield f"a 2x2 pooling makes {times([a.pooled_size(9, 2)] * 2)}"

    yield f"2 · 7 + 1 = {a.dilated_filter_size(8, 2)} pixels"
    yield f"have {width(dilation=2)} positions each way"
    yield f"8 · 8 · 3 in a filter as before, and {shared:,} parameters"
    first, second, third = a.receptive_field([(8, 2, 1), (2, 2), (3,)])
    yield f"one patch, {first.size} pixels wide"
    yield f"{first.size} + {first.jump} = {second.size} pixels wide"
    yield f"lie {first.jump} · 2 = {second.jump} pixels apart"
    yield f"{second.size} + 2 · {second.jump} = {third.size} pixels"
    seen = Network((CONVOLUTION, POOL, Flatten(), Dense(10)), IMAGE).receptive_field[1]
    yield f"the dense layer of the chain above sees {seen} pixels of an image that has 32"

    memory = a.activation_memory(a.output_shape(IMAGE, **LAYER), batch=128)
    assert a.multiply_adds(IMAGE, **LAYER) == weights * neurons
    assert a.activation_memory(a.output_shape(IMAGE, **LAYER)) == 4 * neurons
    yield f"8 · 8 · 3 = {weights} numbers"
    yield f"{weights} · {neurons:,}"
    yield f"4 · {neurons:,} for one image"
    yield f"with 128 of them, {memory:,} bytes"
    yield f"with at most {BUDGET} parameters"
    yield f"with only {a.parameters_shared(1, 3, 12)} parameters"

    yield f"{lenet5().parameters:,} is the count of LeNet-5 as it is taught today"
    yield f"The network of 1998 had {lenet5(historical=True).parameters:,}"
    sizes = [32, *(row.shape[1] for row in lenet5().rows if row.layer != "Tanh")]
    yield "{} to {}, halved to {}, to {}, halved to {}".format(*sizes)
    sizes = [row.shape[1] for row in vgg16().rows if row.layer.startswith("Max")]
    yield f"{', '.join(map(str, [224, *sizes]))}. Look"
    assert a.receptive_field([(3,)] * 3)[-1].size == a.receptive_field([(7,)])[-1].size
    yield f"3 + 2 + 2 = {a.receptive_field([(3,)] * 3)[-1].size} pixels"
    yield f"with {3 * 3 * 3} weights in place of {7 * 7}"
    largest = max(row.parameters for row in vgg16().rows)
    yield f"flattening has {largest:,} of its {vgg16().parameters:,} parameters"
    yield f"the share is {dense_share(lenet5(), 'parameters', '7')} there too"
    assert dense_share(alexnet(), "parameters") == dense_share(lenet5(), "parameters", "7")

    yield f"padded input first ({padded})"
    yield f"leaves over ({spare}), then the whole steps ({spare // 2})"
    yield f"the positions ({width()})"


def stated_on_the_page():
    """The lecturer's numbers, each in the words around it."""
    uneven = LAYER | {"stride": 3}
    yield f"{times(a.output_shape(IMAGE, **uneven))} is right"
    yield f"falls from {a.neurons(IMAGE, **LAYER):,} to {a.neurons(IMAGE, **uneven):,}"
    left_out = len(a.unread(32, 8, stride=3, padding=1).pixels)
    assert left_out == 1
    yield f"{32**2 - (32 - left_out) ** 2} of its {32**2:,} pixels"
    grows = [w for w in range(33, 37) if width(input_size=w) > width(input_size=w - 1)]
    yield f"With {' and '.join(map(str, grows))}: at stride 2"
    without, chain = (counts(CONVOLUTION, *pool, Flatten(), Dense(10)) for pool in ((), (POOL,)))
    yield f"{without:,} parameters in place of {chain:,}"
    shares = [
        dense_share(network, count)
        for count in ("parameters", "multiply_adds")
        for network in (alexnet(), vgg16())
    ]
    yield "{} and {} of the parameters, and {} and {} of the multiply-adds".format(*shares)
    seen = a.receptive_field([(3,), (3,)])[-1].size
    assert seen == a.receptive_field([(5,)])[-1].size
    yield f"both see {seen} pixels; {2 * 3 * 3} weights against {5 * 5}"
    yield f"no padding ({a.parameters_shared(2, 3, 12)} parameters)"
    yield f"padding 1 ({a.parameters_shared(3, 3, 12)})"
    yield from because()
    for card, end in (("largest-input", ","), ("chain-output-shape", ","), ("broken-layer", ".")):
        yield f"`{card}` {answer(card)}{end}"


def because():
    """The reasons that the answer key gives."""
    uneven, chain, dilated = (
        setup(card) for card in ("uneven-output-shape", "network-parameters", "multiply-adds")
    )
    spare = [size - uneven.F + 2 * uneven.P for size in uneven.input_shape[:2]]
    steps = [size - 1 for size in uneven.output_shape[:2]]
    yield "{} / 4 and {} / 4 are {} and {} whole steps".format(*spare, *steps)
    rows, columns = (size % uneven.S for size in spare)
    assert uneven.P == 1
    yield f"{rows} rows and {columns} columns are left over, and one of each is padding"

    first = chain.first
    assert (chain.classes, first.K) == (5, 10)
    yield f"{a.parameters_shared(first.F, first.C, first.K):,} for the convolution"
    yield f"{times(first.output_shape[:2])} pooled to {times(chain.pooled_shape[:2])}"
    yield f"({' · '.join(map(str, chain.pooled_shape))} + 1) · {chain.classes} for the dense layer"
    one, two, _ = a.receptive_field([(first.F, first.S, first.P), (2, 2), (3,)])
    yield f"{one.size}, then {one.size} + {one.jump}, then {two.size} + 2 · {two.jump}"

    high, wide, filters = dilated.output_shape
    yield f"reach {a.dilated_filter_size(dilated.F, dilated.D)}, so {high} · {wide} positions"
    yield f"{filters} filters, {dilated.F} · {dilated.F} · {dilated.C} weights"


def setup(card):
    return bank.setup(bank.find(card), f"{bank.PRACTICE}/0")


def answer(card):
    return bank.find(card).right_answer(setup(card))


def test_the_prose_says_what_the_library_computes():
    assert [words for words in stated_in_the_lesson() if words not in spaced(PROSE)] == []


def test_no_number_of_the_prose_is_neither_shown_nor_tested():
    lesson = re.sub(r"\]\(.*?\)", "]", PROSE.split("## Read on")[0])  # not those of links
    held = " ".join([*stated_in_the_lesson(), *outputs(CELLS), CODE])
    known = set(numbers(held)) | {"1998", "2012", "2015"}
    assert [number for number in numbers(lesson) if number not in known] == []


def cards():
    return re.findall(r'practice\("([^"]+)"', CODE)


def test_the_answer_key_is_right():
    key = dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", PAGE, flags=re.MULTILINE))
    answers = {card: answer(card) for card in cards()}
    assert key == {
        card: f"{right:,}" if isinstance(right, int) else str(right)
        for card, right in answers.items()
    }


def test_the_page_says_what_the_library_computes():
    assert [words for words in stated_on_the_page() if words not in spaced(PAGE)] == []


def test_the_budget_admits_the_designs_of_the_key_and_no_others():
    designs = [
        (filter_size, stride, padding)
        for filter_size, stride in product(range(1, 12), range(1, 17))
        for padding in range(filter_size)
        if filter_size <= 32 + 2 * padding
        and a.output_size(32, filter_size, stride=stride, padding=padding) == 16
        and not a.unread(32, filter_size, stride=stride, padding=padding).pixels
        and a.parameters_shared(filter_size, 3, 12) <= BUDGET
    ]
    assert designs == [(2, 2, 0), (3, 2, 1)]


def test_the_cheapest_design_reads_a_quarter_of_the_pixels():
    assert a.output_size(32, 1, stride=2) == 16
    assert len(a.unread(32, 1, stride=2).pixels) == 16
