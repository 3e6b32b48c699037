"""The assignment `equivariance`: its right answers, seen on layers, and its wrong ones.

Where an answer is about every image and all weights, numbers at random stand for them, or all
images of one bright pixel under all filters of one weight.
"""

from fractions import Fraction

import numpy as np
import pytest

from cnnlesson.network import Activation, Conv, Dense, Flatten, GlobalPool, Network
from cnnlesson.ops import conv2d, global_max_pool, max_pool2d, pad
from cnnlesson.quiz import bank, diagnosis
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.bank.equivariance import ASSIGNMENT
from cnnlesson.quiz.bank.equivariance_setups import CONVOLUTION, Cut, Moving, Places, Turning, Wall
from cnnlesson.quiz.checking import _LINE_WIDTH, _message
from cnnlesson.quiz.diagnosis import judge
from cnnlesson.quiz.questions import Kind
from cnnlesson.quiz.session import variant
from cnnlesson.training import Model, Training, glyphs_at, translated_glyphs

STUDENTS = [variant("equivariance", f"student-{number}") for number in range(300)]
FEW = [bank.LESSON, "practice/0", "practice/1", *STUDENTS[:20]]
ALL = pytest.mark.parametrize("name", ASSIGNMENT.questions)


def setups(name, variants=FEW):
    return list(dict.fromkeys(bank.setup(QUESTIONS[name], each) for each in variants))


# --- The right answers, seen -------------------------------------------------------------------


def some_numbers(*shape):
    return np.random.default_rng(1).integers(-9, 10, shape).astype(float)


def around(row, size):
    """Continue a row of pixels from its beginning, so that a window fits at every pixel."""
    return pad(row, ((0, 0), (0, size - 1)), "circular")


def moves_that_fit(before, after):
    """By how many positions some maps may have moved on their circle."""
    positions = range(before.shape[-1])
    return [n for n in positions if np.array_equal(after, np.roll(before, n, -1))]


def moved_maps(g, pixels, width=None):
    """Maps of one row of pixels, shifted to the right on a circle."""
    image = np.roll(some_numbers(1, 1, 1, width or g.W), pixels, -1)
    return conv2d(around(image, g.F), some_numbers(3, 1, 1, g.F), stride=(1, g.S))


def how_far_the_map_moves(g):
    (only,) = moves_that_fit(moved_maps(g, 0), moved_maps(g, g.shift))
    return only


def is_the_move_exact(g):
    """Where the move fits on no map, look whether it would on a circle that the stride divides."""
    assert moved_maps(g, 0).shape[-1] == g.positions
    even = g.positions * g.S
    if moves_that_fit(moved_maps(g, 0), moved_maps(g, g.shift)):
        return "a"
    if moves_that_fit(moved_maps(g, 0, even), moved_maps(g, g.shift, even)):
        return "c"
    return "b"


def smallest_exact_move(g):
    image = some_numbers(1, 1, 1, g.W)

    def last_maps(pixels):
        maps = np.roll(image, pixels, -1)
        for what, size, stride in g.layers:
            if what == CONVOLUTION:
                weights = some_numbers(3, maps.shape[1], 1, size)
                maps = conv2d(around(maps, size), weights, stride=(1, stride))
            else:
                maps = max_pool2d(maps, (1, size), stride=(1, stride))
        return maps

    before = last_maps(0)
    return next(d for d in range(1, g.W) if any(moves_that_fit(before, last_maps(d))))


def columns_with_the_whole_response(g, padding):
    """Count them with weights and pixels above 0, so that each touch shows in the sum."""
    amounts = []
    for column in range(g.W - g.object_size + 1):
        image = np.zeros((1, 1, 1, g.W))
        image[..., column : column + g.object_size] = 1
        amounts.append(conv2d(image, np.ones((1, 1, 1, g.F)), padding=(0, padding)).sum())
    return amounts.count(g.object_size * g.F), len(amounts)


def places_with_the_whole_response(g):
    whole, _ = columns_with_the_whole_response(g, g.P)
    return whole


def padding_that_cuts_nothing(g):
    def cuts_nothing(padding):
        whole, of = columns_with_the_whole_response(g, padding)
        return whole == of

    return next(filter(cuts_nothing, range(g.W)))


def what_a_wall_gives_away(g):
    wall = np.full((1, 1, g.W, g.W), float(g.brightness))
    layer_map = conv2d(wall, np.ones((1, 1, g.F, g.F)), np.array([float(g.bias)]), padding=g.P)
    middle = layer_map.shape[-1] // 2
    three = (0, 0), (0, middle), (middle, middle)
    return tuple(int(layer_map[0, 0, row, column]) for row, column in three)


def shifts_that_keep_the_maximum(g):
    kept = global_max_pool(moved_maps(g, 0))
    return sum(np.array_equal(global_max_pool(moved_maps(g, d)), kept) for d in range(g.W))


def moves_that_keep_the_maximum(g):
    filters = np.eye(g.F).reshape(g.F, 1, 1, g.F)

    def maxima(column):
        images = np.zeros((g.object_size, 1, 1, g.W))
        for pixel in range(g.object_size):
            images[pixel, ..., column + pixel] = 1
        return global_max_pool(conv2d(images, filters, stride=(1, g.S), padding=(0, g.P)))

    columns = {"a": g.right, "b": g.between, "c": g.left, "d": g.cut, "e": g.last}
    before = maxima(g.column)
    return frozenset(at for at, each in columns.items() if np.array_equal(maxima(each), before))


def certain_to_answer_as_before(_):
    """Try networks with weights at random on glyphs at two places far from the borders."""
    classes = Dense(4)
    heads = {
        "a": (Conv(5, 8, padding=2), Activation(), GlobalPool("max"), classes),
        "b": (Conv(5, 8, padding=2), Activation(), Flatten(), classes),
        "c": (Conv(5, 8, padding=2, shared=False), Activation(), GlobalPool("max"), classes),
        "d": (Conv(5, 8, padding=2), Activation(), GlobalPool("average"), classes),
        "e": (Flatten(), Dense(64), Activation(), classes),
    }
    near, _ = glyphs_at([2], [2])
    far, _ = glyphs_at([9], [9])
    return frozenset(
        letter
        for letter, layers in heads.items()
        if all(
            np.allclose(model.forward(near), model.forward(far), rtol=1e-4, atol=1e-5)
            for model in (Model(Network(layers, (16, 16, 1)), seed=seed) for seed in range(3))
        )
    )


ORACLES = {
    name: globals()[name.replace("-", "_")]
    for name in ASSIGNMENT.questions
    if name != "seen-in-one-corner"
}


@pytest.mark.parametrize("name", ORACLES)
def test_the_right_answer_is_what_layers_do(name):
    for setup in setups(name):
        assert QUESTIONS[name].right_answer(setup) == ORACLES[name](setup), setup


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
    asked = [g for g in setups(question.id) if filters in g.network and read in g.network]
    assert asked
    assert {question.right_answer(g) for g in asked} == {wanted}

    layers = [Conv(5, 24, shared=filters == "shared"), Activation(), head, Dense(4)]
    network = Network(layers, (16, 16, 1))
    (outcome,) = translated_glyphs([network], [Training.CORNER], seeds=2).outcomes
    if question.choices[wanted].startswith("It knows"):
        assert outcome.unseen.min() > 0.85
    else:
        assert outcome.unseen.max() < 0.35


def test_every_question_has_an_oracle_and_the_assignment_its_size():
    assert len(ORACLES) == len(ASSIGNMENT.questions) - 1
    assert 8 <= len(ASSIGNMENT.questions) <= 11
    assert ASSIGNMENT.minutes == (30, 60)
    assert {QUESTIONS[name].kind for name in ASSIGNMENT.questions} == {
        Kind.INTEGER,
        Kind.SHAPE,
        Kind.CHOICE,
        Kind.SEVERAL,
    }


@pytest.mark.parametrize("name", ["is-the-move-exact", "seen-in-one-corner"])
def test_each_choice_that_can_be_right_is_so_for_some(name):
    question = QUESTIONS[name]
    right = [question.right_answer(bank.setup(question, each)) for each in STUDENTS]
    assert set(right) == set("abc")
    assert min(map(right.count, "abc")) > 60


# --- The wrong answers -------------------------------------------------------------------------


@ALL
def test_every_misconception_fires_and_none_is_right(name):
    question = QUESTIONS[name]
    seen = set()
    for setup in setups(name, STUDENTS):
        explained = diagnosis.explanations(question, setup)
        assert question.right_answer(setup) not in explained
        seen |= {id(one[0]) for ones in explained.values() for one in ones if len(one) == 1}
    never = [each.id for each in question.misconceptions if id(each) not in seen]
    assert never == []


@ALL
def test_what_is_said_is_short(name):
    question = QUESTIONS[name]
    for setup in setups(name):
        for misconception in question.misconceptions:
            said = misconception.say.format(g=setup, at=question.letters(setup))
            message = _message(question, "", (said,))
            assert max(map(len, message.splitlines())) <= _LINE_WIDTH
            assert said.count(". ") <= 1


def told(name, setup, answer):
    return judge(QUESTIONS[name], setup, answer)


MOVE = Moving(W=64, F=5, K=8, S=4, steps=3)
CUT = Cut(W=32, F=8, P=1, object_size=12)
TURN = Turning(W=32, F=8, K=20, S=2, shift=5)
WALL = Wall(W=20, F=5, P=2, brightness=3, bias=4)
PLACES = QUESTIONS["moves-that-keep-the-maximum"].numbers.lesson


@pytest.mark.parametrize(
    ("name", "setup", "answer", "misconceptions"),
    [
        ("how-far-the-map-moves", MOVE, 12, {"stride-ignored"}),
        ("how-far-the-map-moves", MOVE, 0, {"invariance"}),
        ("places-with-the-whole-response", CUT, 21, {"object-inside"}),
        ("padding-that-cuts-nothing", CUT, 8, {"padding-is-filter"}),
        ("padding-that-cuts-nothing", CUT, 3.5, {"same-rule"}),
        ("what-a-wall-gives-away", WALL, (79, 79, 79), {"all-alike"}),
        ("what-a-wall-gives-away", WALL, (27, 45, 75), {"bias-forgotten"}),
        ("what-a-wall-gives-away", WALL, (49, 79, 79), {"corner-like-edge", "edge-like-middle"}),
        ("shifts-that-keep-the-maximum", MOVE, 64, {"invariance"}),
        ("shifts-that-keep-the-maximum", MOVE, 15, {"zero-forgotten"}),
    ],
)
def test_the_catalogues_wrong_answers_are_recognised(name, setup, answer, misconceptions):
    assert set(told(name, setup, answer).misconceptions) == misconceptions


def test_the_lessons_own_numbers():
    """What lesson 5 finds for its layer: 9 columns, 16 positions, none at a width of 33."""
    assert QUESTIONS["places-with-the-whole-response"].right_answer(CUT) == 9
    assert QUESTIONS["padding-that-cuts-nothing"].right_answer(CUT) == 7
    exact = QUESTIONS["is-the-move-exact"]
    assert exact.right_answer(TURN) == "b"
    assert exact.right_answer(exact.numbers.lesson) == "c"
    assert QUESTIONS["what-a-wall-gives-away"].right_answer(
        QUESTIONS["what-a-wall-gives-away"].numbers.lesson
    ) == (4, 6, 9)


def test_the_right_numbers_in_the_wrong_order_earn_half():
    assert told("what-a-wall-gives-away", WALL, (79, 49, 31)).share == Fraction(1, 2)


def test_each_column_that_is_wrongly_taken_or_left_is_told_about():
    assert isinstance(PLACES, Places)
    verdict = told("moves-that-keep-the-maximum", PLACES, "abc")
    assert verdict.misconceptions == ("stride-ignored",)
    verdict = told("moves-that-keep-the-maximum", PLACES, "acd")
    assert verdict.misconceptions == ("cut-ignored",)
    verdict = told("moves-that-keep-the-maximum", PLACES, "ab")
    assert set(verdict.misconceptions) == {"stride-ignored", "one-way-only"}
