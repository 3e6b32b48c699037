"""The questions on dimensionality, against windows laid over real arrays and counted."""

import itertools
from dataclasses import replace
from fractions import Fraction

import nbformat
import numpy as np
import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from cnnlesson import network
from cnnlesson.quiz import bank, checking, diagnosis, session
from cnnlesson.quiz.bank import dimensionality as room
from cnnlesson.quiz.chains import Stack, within
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.setups import Layer

QUESTIONS = {question.id: question for question in room.QUESTIONS}
ALL = pytest.mark.parametrize("question", room.QUESTIONS, ids=QUESTIONS)
VARIANTS = [session.variant("dimensionality", f"student-{number}") for number in range(300)]
NOTEBOOK = "dimensionality/dimensionality.ipynb"


def setups(name, count=300):
    """The lesson's set-up, and those of many students."""
    question = QUESTIONS[name]
    return [bank.setup(question, each) for each in (bank.LESSON, *VARIANTS[:count])]


# --- Oracles: no formula, only windows over rows of pixels -----------------------------------


def windows(line, filter_size, stride=1, padding=0, dilation=1):
    """What each position of a filter sees of a line of pixels, where -1 is padding."""
    padded = np.pad(np.asarray(line), padding, constant_values=-1)
    whole = sliding_window_view(padded, len(range(0, filter_size * dilation - dilation + 1)))
    return whole[::stride, ::dilation]


def seen_by_a_layer(layer):
    """The windows along the height and along the width."""
    return [
        windows(range(length), filter_size, layer.stride, layer.padding, layer.dilation)
        for length, filter_size in zip(layer.input_shape, layer.filter_sizes, strict=False)
    ]


def shape_of(layer):
    down, across = seen_by_a_layer(layer)
    return len(down), len(across), layer.out_channels


def never_seen(layer):
    """How many rows and columns of the image are in no window."""
    return tuple(
        len(set(range(length)) - set(seen.ravel().tolist()))
        for length, seen in zip(layer.input_shape, seen_by_a_layer(layer), strict=False)
    )


def along_the_chain(chain):
    """The padded pixels that each neuron depends on, layer by layer, down and across."""
    first = chain.first
    both = []
    for length in first.input_shape[:2]:
        padded = range(length + 2 * first.padding)
        seen_first = windows(padded, first.filter_size, first.stride)
        convolved = [set(seen.tolist()) for seen in seen_first]
        pooled = [
            set().union(*(convolved[i] for i in seen))
            for seen in windows(range(len(convolved)), 2, 2)
        ]
        last = [set().union(*(pooled[i] for i in seen)) for seen in windows(range(len(pooled)), 3)]
        both.append((convolved, pooled, last))
    return both


def pooled_shape(chain):
    (_, down, _), (_, across, _) = along_the_chain(chain)
    return len(down), len(across), chain.first.out_channels


def chain_shape(chain):
    (_, _, down), (_, _, across) = along_the_chain(chain)
    return len(down), len(across), chain.filters


def filters(size, depth, count):
    """The parameters of a layer's filters, as arrays of them."""
    return np.zeros((count, size, size, depth)).size + np.zeros(count).size


def classifier(chain):
    inputs = np.zeros(pooled_shape(chain)).size
    dense = np.zeros((inputs, chain.classes)).size + np.zeros(chain.classes).size
    first = chain.first
    return filters(first.filter_size, first.input_shape[2], first.out_channels) + dense


def pixels_wide(chain):
    _, (_, _, across) = along_the_chain(chain)
    widths = {max(seen) - min(seen) + 1 for seen in across}
    (width,) = widths
    return width


def largest_input(wanted):
    """The largest of all images that give the output, by trying them."""
    layer = wanted.layer
    counts = {
        length: len(windows(range(length), layer.filter_size, layer.stride, layer.padding))
        for length in range(layer.filter_size, 200)
    }
    return tuple(max(n for n, count in counts.items() if count == size) for size in wanted.output)


def broken_layer(stack):
    """The first layer for which no window can be laid."""
    lines = [range(length) for length in stack.input_shape[:2]]
    for letter, layer in zip("abcdef", stack.layers, strict=True):
        stride = layer.filter_size if layer.stride is None else layer.stride
        try:
            lines = [
                range(len(windows(line, layer.filter_size, stride, layer.padding)))
                for line in lines
            ]
        except ValueError:
            return letter
    raise AssertionError("nothing breaks")


ORACLES = {
    "what-the-formula-says": lambda g: frozenset("be"),
    "uneven-output-shape": shape_of,
    "unread-rows-and-columns": never_seen,
    "dilated-output-shape": shape_of,
    "multiply-adds": lambda g: (
        seen_by_a_layer(g)[0].size * seen_by_a_layer(g)[1].size * g.input_shape[2] * g.out_channels
    ),
    "chain-output-shape": chain_shape,
    "following-layer-parameters": lambda g: filters(3, pooled_shape(g)[2], g.filters),
    "network-parameters": classifier,
    "receptive-field": pixels_wide,
    "largest-input": largest_input,
    "broken-layer": broken_layer,
}


@pytest.mark.parametrize("name", ORACLES)
def test_the_right_answer_is_what_can_be_counted(name):
    for setup in setups(name):
        assert QUESTIONS[name].right_answer(setup) == ORACLES[name](setup)


def test_every_question_has_an_oracle():
    assert [*ORACLES, "design-under-a-budget"] == list(room.ASSIGNMENT.questions)


# --- What is wrong, and why ------------------------------------------------------------------


@ALL
def test_every_misconception_leads_somewhere_and_never_to_the_right_answer(question):
    seen = set()
    for setup in setups(question.id):
        explained = diagnosis.explanations(question, setup)
        assert question.right_answer(setup) not in explained
        alone = (one for ways in explained.values() for one in ways if len(one) == 1)
        seen |= {each for (each,) in alone}
    assert seen == set(question.misconceptions)


CHAIN = QUESTIONS["network-parameters"].numbers.lesson
WHOLE, THIRD = "network-parameters", "following-layer-parameters"


@pytest.mark.parametrize(
    ("name", "value", "misconceptions"),
    [
        (WHOLE, 13_670, ()),
        (WHOLE, 15_290, ("pool-has-weights",)),
        (WHOLE, 13_770, ("pool-has-weights",)),
        (WHOLE, 43_070, ("flatten-before-pool",)),
        (WHOLE, 4_360, ("flatten-lost-depth",)),
        (WHOLE, 13_660, ("dense-bias-lost",)),
        (WHOLE, 13_650, ("no-bias",)),
        (THIRD, 5_792, ()),
        (THIRD, 896, ("image-depth",)),
        (THIRD, 320, ("input-depth-forgotten",)),
        ("chain-output-shape", (5, 5, 32), ()),
        ("chain-output-shape", (7, 7, 20), ("last-layer-forgotten",)),
        ("dilated-output-shape", (14, 14, 20), ("dilation-ignored",)),
        ("multiply-adds", 15 * 15 * 3 * 10 * 10 * 20, ("dilation-counted",)),
        ("receptive-field", 18, ()),
    ],
)
def test_the_catalogues_values_for_the_lessons_own_layer(name, value, misconceptions):
    question = QUESTIONS[name]
    assert judge(question, question.numbers.lesson, value).misconceptions == misconceptions
    right = judge(question, question.numbers.lesson, value).outcome is Outcome.RIGHT
    assert right == (not misconceptions)


def test_only_a_bias_that_slipped_is_worth_half():
    question = QUESTIONS[WHOLE]
    shares = {value: judge(question, CHAIN, value).share for value in (13_660, 13_650, 13_640)}
    assert shares == {13_660: Fraction(1, 2), 13_650: Fraction(1, 2), 13_640: 0}


def test_sizes_that_were_not_rounded_are_told_so():
    question = QUESTIONS["uneven-output-shape"]
    layer = Layer((32, 40, 3), 8, 20, stride=3, padding=1)
    assert question.right_answer(layer) == (9, 12, 20)
    assert judge(question, layer, (10, 13, 20)).misconceptions == ("rounded-up",)
    verdict = judge(question, layer, (26 / 3 + 1, 34 / 3 + 1, 20))
    assert verdict.outcome is Outcome.MISFIT
    assert verdict.misconceptions == ("not-rounded",)


def test_an_error_in_the_first_layer_is_found_through_the_chain():
    question = QUESTIONS["chain-output-shape"]
    chain = replace(CHAIN, first=Layer((50, 61, 3), 5, 20, stride=2, padding=2))
    assert question.right_answer(chain) == (10, 13, 32)
    without_stride = (50 // 2 - 2, 61 // 2 - 2, 32)
    assert judge(question, chain, without_stride).misconceptions == ("stride-ignored",)


# --- What follows from one's own earlier answer ----------------------------------------------


@pytest.mark.parametrize(
    ("earlier", "wrong", "later", "setup", "answer"),
    [
        (
            "uneven-output-shape",
            (8, 8, 20),  # 7 steps of 3 from -1, then 8 pixels: up to row 27
            "unread-rows-and-columns",
            room.UNEVEN.lesson,
            (4, 4),
        ),
        (
            "dilated-output-shape",
            (14, 14, 20),
            "multiply-adds",
            room.DILATED.lesson,
            8 * 8 * 3 * 14 * 14 * 20,
        ),
        ("chain-output-shape", (4, 5, 32), WHOLE, CHAIN, 3_860 + (6 * 7 * 20 + 1) * 10),
    ],
)
def test_what_follows_from_ones_own_wrong_answer_counts_in_full(
    earlier, wrong, later, setup, answer
):
    assert judge(QUESTIONS[earlier], setup, wrong).share < 1
    verdict = judge(QUESTIONS[later], setup, answer, {earlier: wrong})
    assert (verdict.outcome, verdict.share) == (Outcome.FOLLOWS, 1)
    assert judge(QUESTIONS[later], setup, answer).share < 1
    for nonsense in (None, (0, 0, 0), (-9, 3, 2)):
        assert judge(QUESTIONS[later], setup, answer, {earlier: nonsense}).share < 1


# --- The broken layer ------------------------------------------------------------------------


def test_the_layer_breaks_at_different_places_and_says_why():
    question = QUESTIONS["broken-layer"]
    places = [question.right_answer(setup) for setup in setups(question.id)[1:]]
    assert set(places) == set("cdef")
    assert all(places.count(letter) > 25 for letter in "cdef")
    for setup in setups(question.id, 40):
        said = repr(question.work(setup))
        assert f"layer {setup.broken} " in said
        assert "does not fit into the padded input" in said


def test_what_is_said_of_a_layer_holds():
    """What "still fits" comes before the broken layer, and "not there" is after it."""
    question = QUESTIONS["broken-layer"]
    for setup in setups(question.id):
        right = question.right_answer(setup)
        for letter, ways in diagnosis.explanations(question, setup).items():
            starts = {one[0].say.split(":")[0] for one in ways}
            assert starts == ({"This one still fits"} if letter < right else {"Not there"})


def test_a_stack_that_fits_has_nothing_to_say():
    stack = Stack((32, 32, 3), (network.Conv(8, 20, stride=2, padding=1),))
    assert stack.broken is None
    assert stack.reason == ""


# --- The design ------------------------------------------------------------------------------

DESIGN = QUESTIONS["design-under-a-budget"]


def does_it(g, filter_size, stride, padding, count):
    """Whether a layer does all that the card asks for, by looking at its windows."""
    if not 0 <= padding < filter_size or stride < 1 or count < g.fewest_filters:
        return False
    try:
        layer = Layer(g.input_shape, filter_size, count, stride=stride, padding=padding)
        shape, left_out = shape_of(layer), never_seen(layer)
    except ValueError:
        return False
    return (
        shape[:2] == g.output
        and left_out == (0, 0)
        and filters(filter_size, g.input_shape[2], count) <= g.most_parameters
        and np.zeros(shape, dtype=np.float32).nbytes <= g.most_bytes
    )


def test_a_design_is_right_exactly_if_it_does_all_that_is_asked():
    for setup in setups(DESIGN.id, 25):
        count = setup.fewest_filters
        tried = itertools.product(range(1, 8), range(1, 6), range(5), (count - 1, count, count + 4))
        for answer in tried:
            assert (judge(DESIGN, setup, answer).share == 1) == does_it(setup, *answer), answer


def test_every_budget_can_be_kept_and_binds():
    several = 0
    for setup in setups(DESIGN.id):
        right = DESIGN.right_answer(setup)
        assert does_it(setup, *right)
        larger = setup.layer.filter_size + 1, *right[1:]
        assert filters(larger[0], setup.input_shape[2], right[3]) > setup.most_parameters
        others = itertools.product(range(1, 8), range(1, 6), range(5), (right[3], right[3] + 1))
        several += sum(DESIGN.fails(setup, other) is None for other in others) > 1
    assert several == 301


LESSONS = within(Layer((32, 32, 3), 8, 20, stride=2, padding=1), 4)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((0, 2, 1, 20), "are at least 1"),
        ((8, 0, 1, 20), "are at least 1"),
        ((8, 2, -1, 20), "not negative"),
        ((8, 2, 8, 20), "smaller than the filter"),
        ((40, 2, 1, 20), "does not fit"),
        ((8, 3, 1, 20), "an output of 9 x 9"),
        ((8, 2, 1, 19), "More filters are needed than 19"),
        ((10, 2, 2, 20), "takes 6020 parameters"),
        ((2, 2, 0, 20), "an output of 16 x 16"),
        ((6, 2, 0, 200), "takes 21800 parameters"),
        ((6, 2, 0, 25), "take 19600 bytes"),
        ((6, 2, 0), "four whole numbers (filter size, stride, padding, filters)"),
        ((6, 2, 0, 20.5), "four whole numbers"),
        ("6, 2, 0, 20", "four whole numbers"),
        (((8, 8), 2, 1, 20), "one whole number, the same for height and width"),
        (None, "four whole numbers"),
    ],
)
def test_a_design_is_told_what_it_lacks(answer, said):
    verdict = judge(DESIGN, LESSONS, answer)
    assert verdict.share == 0
    assert said in verdict.sentences[0]


def test_a_design_may_leave_no_pixel_out():
    # Windows of 4 every 7 pixels leave 3 out between any two of them.
    setup = within(Layer((32, 32, 3), 4, 8, stride=7, padding=1), 1)
    assert "rows are never read" in judge(DESIGN, setup, (4, 7, 1, 8)).sentences[0]


@given(st.tuples(*[st.integers(-3, 70) | st.sampled_from([10**9, 10**30, 10**5000])] * 4))
def test_no_design_is_too_strange_to_judge(answer):
    verdict = judge(DESIGN, LESSONS, answer)
    assert verdict.outcome in (Outcome.RIGHT, Outcome.WRONG, Outcome.MISFIT)
    assert (verdict.share == 1) == (not verdict.sentences)
    assert all(len(sentence) < 300 for sentence in verdict.sentences)


def test_a_message_on_a_design_fits_the_page():
    for answer in ((40, 2, 1, 20), (10**5000, 1, 10**5000 - 1, 20), (8, 2, 8, 20)):
        with pytest.raises(checking.WrongAnswer) as refused:
            checking.check(DESIGN.id, answer)
        assert max(map(len, str(refused.value).splitlines())) < 80


# --- The notebook ----------------------------------------------------------------------------


def test_what_is_shown_after_one_question_does_not_answer_the_next():
    chain = CHAIN
    shown = repr(QUESTIONS["chain-output-shape"].work(chain))
    assert "5 x 5 x 32" in shown
    assert "5792" not in shown
    assert "18" not in shown


def test_the_solutions_do_not_ask_the_library():
    cells = {c.id: c for c in nbformat.read(ROOT / "source" / NOTEBOOK, as_version=4).cells}
    for name in QUESTIONS:
        answer = cells[f"{name}-answer"].source
        assert "import" not in answer
        assert "output_shape(" not in answer
