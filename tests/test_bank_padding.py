"""The assignment `padding`: its right answers, counted on arrays, and its wrong ones."""

import itertools
import time
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.stride_tricks import sliding_window_view

from cnnlesson import arithmetic
from cnnlesson.quiz import bank, diagnosis
from cnnlesson.quiz.bank import QUESTIONS, padding_setups
from cnnlesson.quiz.bank.padding import ASSIGNMENT
from cnnlesson.quiz.bank.padding_setups import EVEN_EIGHT, STRIDE_TWO, Goal, Pixels
from cnnlesson.quiz.cards import card_of
from cnnlesson.quiz.checking import _LINE_WIDTH, _message
from cnnlesson.quiz.diagnosis import judge
from cnnlesson.quiz.questions import Kind
from cnnlesson.quiz.session import variant

VARIANTS = [bank.LESSON, *(variant("padding", f"student-{number}") for number in range(300))]
KEEPS, EVEN, FULL, STRIDED = (
    "padding-that-keeps",
    "same-for-an-even-filter",
    "full-output",
    "same-at-a-stride",
)
ALL = pytest.mark.parametrize("name", ASSIGNMENT.questions)


def setups(name):
    return list(dict.fromkeys(bank.setup(QUESTIONS[name], each) for each in VARIANTS))


# --- The right answers, counted ----------------------------------------------------------------


def windows(image, size, stride=1):
    """All patches that lie inside an image, at every stride-th pixel."""
    return sliding_window_view(image, (size, size))[::stride, ::stride]


def image(g):
    return np.arange(1, g.H * g.W + 1).reshape(g.H, g.W)


def padded(g, before, after=None):
    return np.pad(image(g), (before, before if after is None else after))


def padded_input(g):
    return padded(g, g.P).shape


def valid_output(g):
    return windows(image(g), g.F).shape[:2]


def padding_that_keeps(g):
    (only,) = [p for p in range(g.F + 1) if windows(padded(g, p), g.F).shape[:2] == (g.H, g.W)]
    return only


def how_often_a_pixel_is_used(g):
    seen = windows(padded(g, g.P), g.F)
    return tuple(
        int((seen == image(g)[at]).sum()) for at in ((0, 0), (0, g.W // 2), (g.H // 2, g.W // 2))
    )


def least_zeros(size, g):
    """The fewest zeros after a row that let windows start at every S-th of its pixels."""
    starts = len(range(0, size, g.S))
    longer = (np.zeros(size + zeros) for zeros in itertools.count())
    enough = (row for row in longer if len(row) >= g.F)
    rows = (row for row in enough if len(sliding_window_view(row, g.F)[:: g.S]) >= starts)
    return len(next(rows)) - size


def same_for_an_even_filter(g):
    zeros = least_zeros(g.W, g)
    return zeros // 2, zeros - zeros // 2


def full_output(g):
    """Pad far too much, and count the windows that see a pixel of the image."""
    seen = windows(padded(g, 2 * g.F), g.F).any(axis=(2, 3))
    return int(seen.any(axis=1).sum()), int(seen.any(axis=0).sum())


def through_the_depth(g):
    left, layers = np.zeros((g.H, g.W)), 0
    while min(left.shape) >= g.F:
        left, layers = windows(left, g.F)[:, :, 0, 0], layers + 1
    return layers


def same_at_a_stride(g):
    return image(g)[:: g.S, :: g.S].shape


def one_pixel_apart(g):
    """Compare the pixels under the first weight of each window."""
    zeros = [least_zeros(size, g) for size in (g.H, g.W)]
    sides = [(total // 2, total - total // 2) for total in zeros]
    tensorflow = windows(np.pad(image(g), sides), g.F, g.S)
    pytorch = windows(padded(g, g.P), g.F, g.S)
    further = [g.P - before for before, _ in sides]
    down, across = further
    moved = windows(padded(g, g.P)[down:, across:], g.F, g.S)
    rows, columns = (min(a, b) for a, b in zip(moved.shape, tensorflow.shape[:2], strict=False))
    assert (moved[:rows, :columns] == tensorflow[:rows, :columns]).all()
    if tensorflow.shape != pytorch.shape:
        return "b"
    return {(0, 0): "a", (-1, -1): "c", (g.S, g.S): "d", (1, 1): "e"}[down, across]


def what_padding_costs(_):
    """Count for the lesson's grid what each statement is about."""

    def layer(border):
        patches = windows(np.pad(np.ones((5, 5)), border), 3)
        return {
            "a": 3 * 3 + 1,
            "b": patches.shape[0],
            "c": 1,
            "d": patches.size,
            "e": patches.shape[2],
        }

    before, after = layer(0), layer(1)
    return frozenset(letter for letter in before if after[letter] > before[letter])


ORACLES = {
    name: globals()[name.replace("-", "_")]
    for name in ASSIGNMENT.questions
    if name != "design-the-padding"
}


@pytest.mark.parametrize("name", ORACLES)
def test_the_right_answer_is_what_is_counted_on_arrays(name):
    question = QUESTIONS[name]
    for setup in setups(name):
        assert question.right_answer(setup) == ORACLES[name](setup), setup


def test_every_question_has_an_oracle_and_the_assignment_its_size():
    assert 8 <= len(ASSIGNMENT.questions) <= 11
    assert ASSIGNMENT.minutes == (30, 60)
    assert {QUESTIONS[name].kind for name in ASSIGNMENT.questions} >= {
        Kind.INTEGER,
        Kind.SIZE,
        Kind.CHOICE,
        Kind.SEVERAL,
        Kind.DESIGN,
    }


# --- The wrong answers -------------------------------------------------------------------------


@ALL
def test_every_misconception_fires_and_none_is_right(name):
    question = QUESTIONS[name]
    seen = set()
    for setup in setups(name):
        right = question.right_answer(setup)
        explained = diagnosis.explanations(question, setup)
        assert right not in explained
        alone = {id(one[0]) for ones in explained.values() for one in ones if len(one) == 1}
        seen |= alone
        if setup != question.numbers.lesson:
            assert diagnosis.apart(question, setup) >= min(4, len(question.misconceptions))
    never = [each.id for each in question.misconceptions if id(each) not in seen]
    assert never == []


@ALL
def test_what_is_said_is_short_and_leaves_nothing_to_fill_in(name):
    question = QUESTIONS[name]
    for setup in setups(name)[:40]:
        card = card_of(question, setup)
        for text in (repr(card), card._repr_markdown_()):
            assert "{" not in text
            assert "None" not in text
        for misconception in question.misconceptions:
            said = misconception.say.format(g=setup, at=question.letters(setup))
            message = _message(question, "", (said,))
            assert max(map(len, message.splitlines())) <= _LINE_WIDTH
            assert said.count(". ") <= 1


@ALL
def test_there_are_five_hundred_set_ups_drawn_quickly(name):
    question = QUESTIONS[name]
    started = time.process_time()
    drawn = {bank.setup(question, variant("padding", f"one-{number}")) for number in range(700)}
    assert len(drawn) >= 500
    assert (time.process_time() - started) / 700 < 0.005


def told(name, setup, answer):
    return judge(QUESTIONS[name], setup, answer)


@pytest.mark.parametrize(
    ("name", "setup", "answer", "misconception"),
    [
        (KEEPS, EVEN_EIGHT, 4, "not-an-integer"),
        (EVEN, EVEN_EIGHT, (3.5, 3.5), "not-an-integer"),
        (EVEN, EVEN_EIGHT, (3, 3), "not-an-integer"),
        (EVEN, EVEN_EIGHT, (4, 4), "one-zero-over"),
        (EVEN, EVEN_EIGHT, (4, 3), "sides-swapped"),
        (EVEN, EVEN_EIGHT, (7, 7), "full"),
        (EVEN, EVEN_EIGHT, (0, 7), "one-sided"),
        (EVEN, EVEN_EIGHT, (7, 0), "one-sided"),
        (FULL, EVEN_EIGHT, (31, 31), "one-zero-short"),
        (FULL, EVEN_EIGHT, (33, 33), "one-zero-over"),
        (FULL, EVEN_EIGHT, (32, 32), "same-rule"),
        (FULL, EVEN_EIGHT, (25, 25), "valid"),
        (STRIDED, STRIDE_TWO, (32, 32), "same-at-stride"),
        (STRIDED, STRIDE_TWO, (13, 13), "padding-ignored"),
        ("valid-output", padding_setups.FIVE_BY_FIVE, (5, 5), "same-rule"),
        ("valid-output", padding_setups.FIVE_BY_FIVE, (2, 2), "no-plus-one"),
        ("padded-input", padding_setups.FIVE_BY_FIVE, (6, 6), "padding-once"),
    ],
)
def test_the_catalogues_wrong_answers_are_recognised(name, setup, answer, misconception):
    assert misconception in told(name, setup, answer).misconceptions


def test_the_catalogues_numbers_for_width_32_and_filter_8():
    assert QUESTIONS[EVEN].right_answer(EVEN_EIGHT) == (3, 4)
    assert QUESTIONS[FULL].right_answer(EVEN_EIGHT) == (39, 39)
    assert QUESTIONS[STRIDED].right_answer(STRIDE_TWO) == (16, 16)
    for sides, size in (((3, 3), 31), ((4, 4), 33), ((7, 7), 39), ((3, 4), 32)):
        assert windows(padded(EVEN_EIGHT, *sides), 8).shape[0] == size
        assert arithmetic.output_size(32, 8, padding=sides) == size


def test_the_lessons_grid():
    grid = padding_setups.FIVE_BY_FIVE
    answers = {name: QUESTIONS[name].right_answer(grid) for name in ASSIGNMENT.questions[:3]}
    assert list(answers.values()) == [(7, 7), (3, 3), 1]


def test_the_right_sides_in_the_wrong_order_earn_half():
    assert told(EVEN, EVEN_EIGHT, (4, 3)).share == Fraction(1, 2)
    pixels = Pixels((12, 14, 3), 5, 8, padding=1)
    assert told("how-often-a-pixel-is-used", pixels, (25, 10, 4)).share == Fraction(1, 2)
    wide = padding_setups.Unpadded((20, 31, 3), 5, 8, padding=1)
    assert told("padded-input", wide, (33, 22)).share == Fraction(1, 2)


def test_two_slips_in_how_often_a_pixel_is_used_are_both_named():
    pixels = Pixels((12, 14, 3), 5, 8, padding=1)
    verdict = told("how-often-a-pixel-is-used", pixels, (1, 25, 25))
    assert set(verdict.misconceptions) == {"corner-unpadded", "edge-like-middle"}


# --- The design --------------------------------------------------------------------------------


GOALS = setups("design-the-padding")


def reaches(goal, size, stride, border):
    """Whether a layer makes the wanted maps and leaves nothing over, seen on arrays."""
    if not (size >= goal.least and stride >= 1 and 0 <= border < size):
        return False
    places = np.pad(np.arange(goal.H * goal.W).reshape(goal.H, goal.W), border)
    if min(places.shape) < size:
        return False
    seen = sliding_window_view(places, (size, size))
    made = seen[::stride, ::stride]
    fits = (made[-1, -1] == seen[-1, -1]).all() and not any(
        (length - 1) % stride for length in seen.shape[:2]
    )
    return made.shape[:2] == goal.wanted and bool(fits)


@given(
    goal=st.sampled_from(GOALS),
    size=st.integers(-1, 14),
    stride=st.integers(-1, 5),
    border=st.integers(-2, 10),
)
def test_a_design_is_judged_by_what_it_makes(goal, size, stride, border):
    verdict = told("design-the-padding", goal, (size, stride, border))
    assert (verdict.share == 1) == reaches(goal, size, stride, border)
    assert verdict.share == 1 or len(verdict.sentences) == 1


def test_every_goal_has_several_solutions():
    for goal in GOALS[:100]:
        found = [
            (size, stride, border)
            for size in range(1, 40)
            for stride in range(1, 5)
            for border in range(size)
            if goal.fails((size, stride, border)) is None
        ]
        assert goal.solution in found
        assert len(found) >= 2, goal


HUGE = 10**5000  # more digits than Python is willing to write out


@pytest.mark.parametrize(
    ("design", "says"),
    [
        ((2, 2, 1), "at least 3"),
        ((8, 0, 1), "at least 1 pixel"),
        ((8, 2, -1), "at least 0"),
        ((8, 2, 8), "nothing but zeros"),
        ((41, 1, 3), "larger than the padded input"),
        ((5, 2, 1), "15 x 15, not 14 x 14"),
        ((7, 2, 1), "not fit"),
        ((HUGE, 1, HUGE - 1), "not 14 x 14"),
        ((-HUGE, 1, 1), "at least 3"),
        ((8, 2, -HUGE), "at least 0"),
        ((8, -HUGE, 1), "at least 1 pixel"),
        (((8, 8), 2, 1), "three whole numbers"),
        ((8, 2), "three whole numbers"),
        ((8, 2, 0.5), "three whole numbers"),
        ("8, 2, 1", "three whole numbers"),
        (None, "three whole numbers"),
    ],
    ids=range(16),
)
def test_a_design_that_fails_is_told_what_it_does_not_fulfil(design, says):
    goal = Goal((32, 32, 3), (14, 14), 3, (8, 2, 1))
    verdict = told("design-the-padding", goal, design)
    assert verdict.share == 0
    assert says in " ".join(verdict.sentences)
