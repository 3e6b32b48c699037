"""The questions of the assignment `parameter-sharing`."""

from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.questions import Assignment, Follows, Kind, Question
from cnnlesson.quiz.setups import RUNNING_EXAMPLE, Layer, Numbers, layer
from cnnlesson.working import show_work

WARM_UP = Numbers("warm-up", RUNNING_EXAMPLE)
LAYER = Numbers("layer", RUNNING_EXAMPLE, layer)


def _settings(g: Layer) -> dict[str, Any]:
    return {
        "filter_size": g.filter_size,
        "out_channels": g.K,
        "stride": g.S,
        "padding": g.P,
        "dilation": g.D,
    }


def _shape_pieces(g: Layer) -> dict[str, Any]:
    high, wide, depth = g.output_shape
    return {"size": (high, wide), "depth": depth}


_FROM_SHAPE = Follows(
    "convolution-output-shape", lambda shape: {"size": shape[:2], "depth": shape[2]}
)


def _unshared(size: Any, depth: int, weights: int, biases: int | None) -> Any:
    neurons = size[0] * size[1] * depth
    return weights * neurons + (neurons if biases is None else biases)


QUESTIONS = (
    Question(
        id="convolution-output-shape",
        title="Convolution Output Shape",
        kind=Kind.SHAPE,
        numbers=LAYER,
        objective="output-shape",
        prompt="What is the shape of the layer's output? Give height, width and depth, in this "
        "order: `(height, width, depth)`.",
        right_answer=lambda g: arithmetic.output_shape(g.input_shape, **_settings(g)),
        pieces=_shape_pieces,
        assemble=lambda size, depth: (*size, depth),
        misconceptions=(*m.SHAPE_ORDER, *m.SIZE, *m.DEPTH),
        next_step="How wide is the input once the padding is there on both sides, and how many "
        "steps of {g.S} pixels can the filter take before it hits the edge?",
        work=lambda g: show_work(arithmetic.output_shape, g.input_shape, **_settings(g)),
    ),
    Question(
        id="number-of-parameters",
        title="Number of Parameters",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="count-unshared",
        prompt="Suppose that the layer did **not** share its parameters: every neuron of the "
        "output has weights of its own for its patch of the input, and a bias of its own. How "
        "many parameters does the layer have?",
        right_answer=lambda g: arithmetic.parameters_unshared(g.input_shape, **_settings(g)),
        pieces=lambda g: _shape_pieces(g) | {"weights": g.weights, "biases": None},
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
        work=lambda g: show_work(arithmetic.parameters_unshared, g.input_shape, **_settings(g)),
    ),
    Question(
        id="parameter-sharing",
        title="Parameter Sharing",
        kind=Kind.INTEGER,
        numbers=LAYER,
        objective="count-shared",
        prompt="Now the layer is convolutional: all neurons of one depth slice of the output "
        "share the same weights and the same bias. How many parameters does it have?",
        right_answer=lambda g: arithmetic.parameters_shared(g.filter_size, g.C, g.K),
        pieces=lambda g: {"weights": g.weights, "biases": g.K, "filters": g.K},
        assemble=lambda weights, biases, filters: weights * filters + biases,
        misconceptions=(*m.PARAMETERS_SHARED, *m.BIAS_SHARED, *m.FILTER_WEIGHTS),
        next_step="How many weights and biases does one filter have, and how many different "
        "filters are there?",
        work=lambda g: show_work(arithmetic.parameters_shared, g.filter_size, g.C, g.K),
    ),
)

ASSIGNMENT = Assignment(
    id="parameter-sharing",
    title="Parameter sharing",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(30, 60),
)
