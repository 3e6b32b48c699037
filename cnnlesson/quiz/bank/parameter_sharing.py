"""The questions of the assignment `parameter-sharing`."""

from fractions import Fraction
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.questions import Assignment, Follows, Kind, Misconception, Question
from cnnlesson.quiz.setups import IDEA, RUNNING_EXAMPLE, Layer, Numbers, layer
from cnnlesson.working import show_work

WARM_UP = Numbers("warm-up", RUNNING_EXAMPLE)
LAYER = Numbers("layer", RUNNING_EXAMPLE, layer)


def _work_of_shape(g: Layer) -> Any:
    return show_work(arithmetic.output_shape, g.input_shape, **g.settings)


def _work_of_shared(g: Layer) -> Any:
    return show_work(arithmetic.parameters_shared, g.filter_size, g.C, g.K)


_FROM_SHAPE = Follows(
    "convolution-output-shape", lambda shape: {"size": shape[:2], "depth": shape[2]}
)


def _shared_pieces(g: Layer) -> dict[str, Any]:
    return {"weights": g.weights, "biases": g.K, "filters": g.K}


def _shared(weights: int, biases: int, filters: int, count: int | None = None) -> int:
    return weights * filters + biases if count is None else count


def _unshared(size: Any, depth: int, weights: int, biases: int | None) -> Any:
    neurons = size[0] * size[1] * depth
    return weights * neurons + (neurons if biases is None else biases)


_TRUE_OF_SHARING = {"a": True, "b": False, "c": True, "d": False, "e": False}

QUESTIONS = (
    Question(
        id="one-filter",
        title="One Filter",
        kind=Kind.INTEGER,
        numbers=WARM_UP,
        objective="filter-neuron-map",
        prompt="A warm-up with the lesson's own layer. How many parameters, weights and bias "
        "together, does **one** of its filters have?",
        right_answer=lambda g: arithmetic.parameters_shared(g.filter_size, g.C, 1),
        pieces=lambda g: {"weights": g.weights, "biases": 1, "filters": 1},
        assemble=_shared,
        misconceptions=(
            Misconception(
                "no-bias", "A filter has a bias too.", lambda g: 0, piece="biases", share=m.HALF
            ),
            Misconception(
                "bias-per-channel",
                "A filter has one bias, not one for each channel of the input.",
                lambda g: g.C,
                piece="biases",
                share=m.HALF,
            ),
            *m.FILTER_WEIGHTS,
            Misconception(
                "all-filters",
                "Those are the parameters of all filters together; the question asks for one.",
                lambda g: (g.weights + 1) * g.K,
            ),
        ),
        next_step="How many numbers of the input does a filter see at once, in all channels?",
        work=lambda g: show_work(arithmetic.parameters_shared, g.filter_size, g.C, 1),
    ),
    Question(
        id="convolution-output-shape",
        title="Convolution Output Shape",
        kind=Kind.SHAPE,
        numbers=LAYER,
        objective="output-shape",
        prompt="What is the shape of the layer's output? Give height, width and depth, in this "
        "order: `(height, width, depth)`.",
        right_answer=lambda g: arithmetic.output_shape(g.input_shape, **g.settings),
        pieces=lambda g: g.shape_pieces,
        assemble=lambda size, depth: (*size, depth),
        misconceptions=(*m.SHAPE_ORDER, *m.SIZE, *m.DEPTH),
        next_step="How wide is the input once the padding is there on both sides, and how many "
        "steps of {g.S} pixels can the filter take before it hits the edge?",
        work=_work_of_shape,
    ),
    Question(
        id="number-of-neurons",
        title="Number of Neurons",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="filter-neuron-map",
        prompt="Each number of the output is one *neuron*. How many neurons does the layer have?",
        right_answer=lambda g: arithmetic.neurons(g.input_shape, **g.settings),
        pieces=lambda g: g.shape_pieces,
        assemble=lambda size, depth: size[0] * size[1] * depth,
        follows=_FROM_SHAPE,
        misconceptions=(*m.NEURONS, *m.SIZE),
        next_step="How many neurons are in one map of the output, and how many maps are there?",
        work=lambda g: show_work(arithmetic.neurons, g.input_shape, **g.settings),
    ),
    Question(
        id="neurons-of-one-filter",
        title="Neurons of One Filter",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="filter-neuron-map",
        prompt="All neurons that look for the same feature use the same filter. How many neurons "
        "of the layer use its first filter?",
        right_answer=lambda g: g.output_shape[0] * g.output_shape[1],
        pieces=lambda g: {"size": g.output_shape[:2]},
        assemble=lambda size: size[0] * size[1],
        follows=Follows("convolution-output-shape", lambda shape: {"size": shape[:2]}),
        misconceptions=(
            Misconception(
                "all-maps",
                "Those are the neurons of all maps; one filter makes one map.",
                lambda g: g.positions * g.K,
            ),
            Misconception(
                "one-neuron",
                "A filter is used at every position, and each use is a neuron of its own.",
                lambda g: 1,
            ),
            Misconception(
                "weights-counted",
                "Those are the filter's weights; the question asks how many neurons use them.",
                lambda g: g.weights,
            ),
            Misconception(
                "input-pixels",
                "The filter does not stop at every pixel of the input: count its positions.",
                lambda g: g.H * g.W,
            ),
            Misconception(
                "one-side",
                "That is one row of positions; there are several rows.",
                lambda g: g.output_shape[1],
            ),
            *m.SIZE,
        ),
        next_step="At how many positions does a filter stop, down and across?",
        work=_work_of_shape,
    ),
    Question(
        id="number-of-parameters",
        title="Number of Parameters",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="count-parameters",
        prompt="Suppose that the layer did **not** share its parameters: every neuron of the "
        "output has weights of its own for its patch of the input, and a bias of its own. How "
        "many parameters does the layer have?",
        right_answer=lambda g: arithmetic.parameters_unshared(g.input_shape, **g.settings),
        pieces=lambda g: g.shape_pieces | {"weights": g.weights, "biases": None},
        assemble=_unshared,
        follows=_FROM_SHAPE,
        misconceptions=(
            *m.PARAMETERS_UNSHARED,
            *m.BIAS_UNSHARED,
            *m.FILTER_WEIGHTS,
            *m.SIZE,
            *m.DEPTH,
        ),
        next_step="How many weights and biases does one neuron of the output have, and how many "
        "neurons are there?",
        work=lambda g: show_work(arithmetic.parameters_unshared, g.input_shape, **g.settings),
    ),
    Question(
        id="parameter-sharing",
        title="Parameter Sharing",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="count-parameters",
        prompt="Now the layer is convolutional: all neurons of one map of the output (one depth "
        "slice) share the same weights and the same bias. How many parameters does it have?",
        right_answer=lambda g: arithmetic.parameters_shared(g.filter_size, g.C, g.K),
        pieces=_shared_pieces,
        assemble=_shared,
        misconceptions=(*m.PARAMETERS_SHARED, *m.BIAS_SHARED, *m.FILTER_WEIGHTS),
        next_step="How many weights and biases does one filter have, and how many different "
        "filters are there?",
        work=_work_of_shared,
    ),
    Question(
        id="sharing-ratio",
        title="What Sharing Saves",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="count-parameters",
        prompt="How many times as many parameters does the layer have without sharing as with it?",
        right_answer=lambda g: (
            arithmetic.parameters_unshared(g.input_shape, **g.settings)
            // arithmetic.parameters_shared(g.filter_size, g.C, g.K)
        ),
        pieces=lambda g: {"size": g.output_shape[:2]},
        assemble=lambda size: size[0] * size[1],
        follows=Follows("convolution-output-shape", lambda shape: {"size": shape[:2]}),
        misconceptions=(
            Misconception(
                "over-all-neurons",
                "Sharing is over positions only: each of the {g.K} filters keeps its own weights.",
                lambda g: g.positions * g.K,
            ),
            Misconception(
                "filters-counted",
                "The filters are not shared with each other: both counts have {g.K} of them.",
                lambda g: g.K,
            ),
            Misconception(
                "one-filter",
                "That is how many parameters one filter has, which both counts have in common.",
                lambda g: g.weights + 1,
            ),
            Misconception(
                "difference",
                "That is how many parameters more; the question asks how many times as many.",
                lambda g: (g.weights + 1) * g.K * (g.positions - 1),
            ),
            Misconception(
                "upside-down",
                "That is the other way round: divide the larger count by the smaller.",
                lambda g: Fraction(1, g.positions),
            ),
            *m.SIZE,
        ),
        next_step="In how many places does the layer use one and the same filter?",
        work=_work_of_shape,
    ),
    Question(
        id="larger-image",
        title="A Larger Image",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="what-sharing-saves",
        prompt="The same convolutional layer, with sharing, now looks at images twice as high and "
        "twice as wide as in the table: {g.grown.H} x {g.grown.W} x {g.C}. How many parameters "
        "does it have now?",
        right_answer=lambda g: arithmetic.parameters_shared(g.filter_size, g.C, g.K),
        pieces=_shared_pieces,
        assemble=_shared,
        follows=Follows("parameter-sharing", lambda count: {"count": count}),
        misconceptions=(
            Misconception(
                "grows-with-area",
                "Four times the pixels, but no position of the image has parameters of its own.",
                lambda g: 4 * (g.weights + 1) * g.K,
            ),
            Misconception(
                "grows-with-side",
                "Twice the side, but no position of the image has parameters of its own.",
                lambda g: 2 * (g.weights + 1) * g.K,
            ),
            Misconception(
                "filters-grow",
                "The filters stay as they are when the image grows.",
                lambda g: (4 * g.weights + 1) * g.K,
            ),
            Misconception(
                "times-positions",
                "That is the count without sharing: all positions use the same filters.",
                lambda g: (g.weights + 1) * g.grown.positions * g.K,
            ),
            Misconception(
                "neurons-counted",
                "Those are the neurons, which do grow; the question asks for the parameters.",
                lambda g: g.grown.positions * g.K,
            ),
            *m.BIAS_SHARED,
            *m.FILTER_WEIGHTS,
        ),
        next_step="Which numbers in your count for the small image depend on its height or width?",
        work=_work_of_shared,
    ),
    Question(
        id="larger-image-unshared",
        title="A Larger Image without Sharing",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="what-sharing-saves",
        prompt="And how many parameters would it have for these {g.grown.H} x {g.grown.W} x {g.C} "
        "images **without** sharing? Where the stride does not fit, the last step is not taken: "
        "round down.",
        right_answer=lambda g: arithmetic.parameters_unshared(g.grown.input_shape, **g.settings),
        pieces=lambda g: g.grown.shape_pieces | {"weights": g.weights, "biases": None},
        assemble=_unshared,
        misconceptions=(
            Misconception(
                "not-grown",
                "That is the count for the small image; there are more positions now.",
                lambda g: (g.weights + 1) * g.positions * g.K,
            ),
            Misconception(
                "positions-times-four",
                "The positions are not just four times as many: work out the new output.",
                lambda g: (g.weights + 1) * 4 * g.positions * g.K,
            ),
            Misconception(
                "positions-times-two",
                "The image grew both ways: work out the new output's height and width.",
                lambda g: (g.weights + 1) * 2 * g.positions * g.K,
            ),
            *m.of_the_grown(m.PARAMETERS_UNSHARED),
            *m.of_the_grown(m.BIAS_UNSHARED),
            *m.of_the_grown(m.FILTER_WEIGHTS),
            *m.of_the_grown(m.SIZE),
        ),
        next_step="What is the shape of the output now, and how many parameters does each neuron "
        "have?",
        work=lambda g: show_work(arithmetic.parameters_unshared, g.grown.input_shape, **g.settings),
    ),
    Question(
        id="what-is-shared",
        title="What Is Shared",
        kind=Kind.SEVERAL,
        numbers=IDEA,
        objective="filter-neuron-map",
        prompt="Which of these hold in a convolutional layer? Give the letters of **all** that do, "
        'such as `"ab"`.',
        choices={
            "a": "All neurons of one map use the same weights.",
            "b": "All maps use the same weights.",
            "c": "All neurons of one map use the same bias.",
            "d": "A filter uses the same weights for every channel of the input.",
            "e": "Sharing means that weights learnt on one task are used for another.",
        },
        right_answer=lambda g: m.chosen(**_TRUE_OF_SHARING),
        pieces=lambda g: _TRUE_OF_SHARING,
        assemble=m.chosen,
        misconceptions=(
            m.mistaken(
                _TRUE_OF_SHARING,
                "weights-not-shared",
                "a",
                "({at[a]}) holds: one filter makes a map, so all neurons of the map use its "
                "weights.",
            ),
            m.mistaken(
                _TRUE_OF_SHARING,
                "filter-shared-across-outputs",
                "b",
                "({at[b]}) does not hold: each map has a filter of its own, for a feature of its "
                "own.",
            ),
            m.mistaken(
                _TRUE_OF_SHARING,
                "bias-per-neuron",
                "c",
                "({at[c]}) holds: the bias belongs to the filter, so all positions share it too.",
            ),
            m.mistaken(
                _TRUE_OF_SHARING,
                "shared-over-channels",
                "d",
                "({at[d]}) does not hold: a filter has its own weights for each channel of the "
                "input.",
            ),
            m.mistaken(
                _TRUE_OF_SHARING,
                "transfer-learning",
                "e",
                "({at[e]}) does not hold: that is transfer learning, not the sharing in a layer.",
            ),
        ),
        next_step="What does a filter carry along as it moves over the image?",
    ),
    Question(
        id="what-sharing-saves",
        title="Weights or Work",
        kind=Kind.CHOICE,
        numbers=IDEA,
        objective="what-sharing-saves",
        prompt="What does a layer save by sharing its parameters over all positions, compared with "
        "the same layer without sharing?",
        choices={
            "a": "Multiplications, but no parameters.",
            "b": "Parameters and multiplications.",
            "c": "Neither: sharing only changes what the layer learns.",
            "d": "Parameters, but no multiplications.",
        },
        right_answer=lambda g: "d",
        misconceptions=(
            Misconception(
                "saves-work-only",
                "Every neuron still weighs its whole patch, so no multiplication is saved; but "
                "how many different weights are there?",
                lambda g: "a",
            ),
            Misconception(
                "saves-multiplications",
                "The parameters become fewer, yes; but every neuron still weighs its whole patch, "
                "whoever else uses the same weights.",
                lambda g: "b",
            ),
            Misconception(
                "saves-nothing",
                "Compare your counts with and without sharing.",
                lambda g: "c",
            ),
        ),
        next_step="How many weights are there, and how often is each of them used?",
    ),
    Question(
        id="a-cat-moves",
        title="A Cat Moves",
        kind=Kind.CHOICE,
        numbers=LAYER,
        objective="equivariance",
        prompt="In the image a cat, well inside the border, moves {g.S} pixels to the right; the "
        "background is plain. What happens to the response to the cat in a map of the layer?",
        choices={
            "a": "It stays where it is: convolution does not mind where the cat sits.",
            "b": "It moves 1 position to the right and keeps its pattern.",
            "c": "It moves {g.S} positions to the right and keeps its pattern.",
            "d": "It becomes another pattern: other neurons have other weights.",
        },
        right_answer=lambda g: "b",
        misconceptions=(
            Misconception(
                "invariance",
                "That would be invariance, which takes one step more, such as a maximum over all "
                "positions. A convolution is equivariant: what moves in the image moves in the "
                "map.",
                lambda g: "a",
            ),
            Misconception(
                "stride-ignored",
                "Neighbouring positions of the map look at patches that are {g.S} pixels apart.",
                lambda g: "c",
            ),
            Misconception(
                "weights-not-shared",
                "All neurons of a map use the same weights, so the same patch gives the same "
                "response, wherever it lies.",
                lambda g: "d",
            ),
        ),
        next_step="How far apart are the patches of two neighbouring neurons?",
    ),
)

ASSIGNMENT = Assignment(
    id="parameter-sharing",
    title="Parameter sharing",
    after="03-dimensionality",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(30, 60),
)
