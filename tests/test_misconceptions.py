"""The values that the catalogue of wrong answers states for the lesson's own layer."""

import itertools
from fractions import Fraction

import pytest

from cnnlesson.quiz import bank, diagnosis
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.diagnosis import judge
from cnnlesson.quiz.setups import Layer

SHAPE, NEURONS = "convolution-output-shape", "number-of-neurons"
SHARED, UNSHARED = "parameter-sharing", "number-of-parameters"

CATALOGUE = [
    (SHAPE, "padding-once", (Fraction(27, 2), Fraction(27, 2), 20)),
    (SHAPE, "padding-once", (13, 13, 20)),
    (SHAPE, "padding-ignored", (13, 13, 20)),
    (SHAPE, "no-plus-one", (13, 13, 20)),
    (SHAPE, "plus-one-inside", (Fraction(27, 2), Fraction(27, 2), 20)),
    (SHAPE, "stride-ignored", (27, 27, 20)),
    (SHAPE, "precedence", (26, 26, 20)),
    (SHAPE, "padding-subtracted", (12, 12, 20)),
    (SHAPE, "same-rule", (16, 16, 20)),
    (SHAPE, "input-depth-kept", (14, 14, 3)),
    (SHAPE, "depth-k-times-c", (14, 14, 60)),
    (SHAPE, "depth-f", (14, 14, 8)),
    (SHAPE, "channels-first", (20, 14, 14)),
    (SHAPE, "batch-kept", (1, 14, 14, 20)),
    (SHAPE, "batch-kept", (1, 20, 14, 14)),
    (SHAPE, "volumes", (1442, 1442, 20)),
    (NEURONS, "depth-forgotten", 196),
    (NEURONS, "input-depth", 588),
    (NEURONS, "input-counted", 3072),
    (NEURONS, "filters-counted", 20),
    (NEURONS, "padding-ignored", 3380),
    (NEURONS, "same-rule", 5120),
    (SHARED, "no-bias", 3840),
    (SHARED, "one-bias", 3841),
    (SHARED, "bias-twice", 3880),
    (SHARED, "bias-per-channel", 3900),
    (SHARED, "bias-per-weight", 7680),
    (SHARED, "bias-per-neuron", 7760),
    (SHARED, "input-depth-forgotten", 1300),
    (SHARED, "input-depth-forgotten", 1280),
    (SHARED, "no-bias", 1280),
    (SHARED, "one-filter", 193),
    (SHARED, "filter-shared-across-outputs", 212),
    (SHARED, "f-not-squared", 500),
    (SHARED, "output-depth-as-filter-depth", 25620),
    (SHARED, "c-and-k-swapped", 3843),
    (SHARED, "bias-per-input-channel", 3843),
    (SHARED, "times-stride", 7720),
    (SHARED, "over-stride", 1930),
    (SHARED, "padded-filter", 6020),
    (SHARED, "filter-image-sized", 61460),
    (SHARED, "times-positions", 756560),
    (SHARED, "neurons-counted", 3920),
    (UNSHARED, "no-bias", 752640),
    (UNSHARED, "bias-per-filter", 752660),
    (UNSHARED, "bias-per-position", 752836),
    (UNSHARED, "one-bias", 752641),
    (UNSHARED, "neurons-counted", 3920),
    (UNSHARED, "one-map", 37828),
    (UNSHARED, "input-depth-forgotten", 254800),
    (UNSHARED, "fully-connected", 12046160),
    (UNSHARED, "input-positions", 3952640),
    (UNSHARED, "k-twice", 15056720),
    (UNSHARED, "answered-shared", 3860),
    (UNSHARED, "padding-ignored", 652340),
    (UNSHARED, "same-rule", 988160),
    (UNSHARED, "stride-ignored", 2813940),
    (UNSHARED, "no-bias", 648960),
    (UNSHARED, "no-plus-one", 648960),
]


@pytest.mark.parametrize(("question", "misconception", "value"), CATALOGUE)
def test_the_catalogues_value_leads_to_its_entry(question, misconception, value):
    question = QUESTIONS[question]
    explained = diagnosis.explanations(question, bank.setup(question, bank.LESSON))[value]
    assert misconception in {each.id for explanation in explained for each in explanation}


def dilated(question, value):
    layer = Layer((32, 32, 3), 8, 20, stride=2, padding=1, dilation=2)
    return judge(QUESTIONS[question], layer, value).misconceptions


def test_the_gaps_of_a_dilated_filter():
    assert dilated(SHARED, 13_520) == ("dilation-counted",)
    assert dilated(SHAPE, (14, 14, 20)) == ("dilation-ignored",)
    assert dilated(SHAPE, (10, 10, 20)) == ()


def test_height_and_width_swapped():
    layer = Layer((20, 41, 3), 5, 8, stride=3, padding=2)
    height, width, depth = layer.output_shape
    verdict = judge(QUESTIONS[SHAPE], layer, (width, height, depth))
    assert verdict.misconceptions == ("height-width-swapped",)
    assert verdict.share == Fraction(1, 2)


def test_any_other_order_of_the_right_numbers_earns_half():
    layer = Layer((20, 41, 3), 5, 8, stride=3, padding=2)
    for shape in set(itertools.permutations(layer.output_shape)) - {layer.output_shape}:
        assert judge(QUESTIONS[SHAPE], layer, shape).share == Fraction(1, 2)


def test_rectangular_filters_have_formulas_too():
    layer = Layer((30, 40, 4), (3, 5), 6, stride=1, padding=1)
    assert judge(QUESTIONS[SHARED], layer, 3 * 5 * 6 + 6).misconceptions == (
        "input-depth-forgotten",
    )
    assert judge(QUESTIONS[SHAPE], layer, (30 - 3 + 1, 40 - 5 + 1, 6)).misconceptions == (
        "padding-ignored",
    )


def test_where_two_share_a_value_both_are_named_what_gives_it_exactly_first():
    verdict = judge(QUESTIONS[SHAPE], Layer((32, 32, 3), 8, 20, 2, 1), (13, 13, 20))
    assert verdict.misconceptions == (
        "padding-ignored",
        "no-plus-one",
        "padding-once",
        "plus-one-inside",
    )
    assert verdict.sentences[0] == "One of these may have happened:"
    assert len(verdict.sentences) == 5


def test_two_errors_together_are_both_named():
    verdict = judge(QUESTIONS[SHARED], Layer((32, 32, 3), 8, 20, 2, 1), 8 * 8 * 20)
    assert verdict.sentences == (
        "Two things together:",
        "The biases are missing: every filter has one too.",
        "A filter reaches through all 3 channels of the input.",
    )
    assert verdict.share == 0


def test_pairs_that_give_the_same_answer_are_announced_as_pairs():
    layer = Layer((32, 32, 8), 8, 20, 2, 1)
    verdict = judge(QUESTIONS[SHAPE], layer, (13, 13, 8))
    assert verdict.sentences[0] == "One of these pairs may have happened:"
    assert all(said.startswith("- ") and " And: " in said for said in verdict.sentences[1:])


def test_one_possibility_is_no_list():
    """Two orders of (9, 10, 10) give the same shape, and are told in the same words."""
    layer = Layer((13, 14, 3), 5, 10)
    verdict = judge(QUESTIONS[SHAPE], layer, (10, 10, 9))
    assert verdict.sentences == (
        "The numbers are right, but not their order: it is height, width, depth.",
    )


def test_a_diagnosis_that_gives_the_right_answer_does_not_apply():
    flat = Layer((32, 32, 1), 8, 20, stride=1, padding=0)
    values = diagnosis.explanations(QUESTIONS[SHARED], flat)
    named = {each.id for explained in values.values() for one in explained for each in one}
    assert not named & {
        "input-depth-forgotten",
        "times-stride",
        "over-stride",
        "padded-filter",
        "dilation-counted",
    }


def test_what_follows_from_ones_own_wrong_answer_counts_in_full():
    layer = Layer((32, 32, 3), 8, 20, 2, 1)
    earlier = {SHAPE: (13, 13, 20)}
    verdict = judge(QUESTIONS[UNSHARED], layer, 193 * 13 * 13 * 20, earlier)
    assert (verdict.outcome.name, verdict.share) == ("FOLLOWS", 1)
    assert judge(QUESTIONS[UNSHARED], layer, 756_560, earlier).outcome.name == "RIGHT"
    assert judge(QUESTIONS[UNSHARED], layer, 192 * 13 * 13 * 20, earlier).share == 0
    for nonsense in ((0, 13, 20), (-1, 13, 20), None):
        assert judge(QUESTIONS[UNSHARED], layer, 0, {SHAPE: nonsense}).share == 0
