"""The questions: what is asked, and how the library itself answers.

The set-up is the lesson's running example: an input of 32x32x3, 20 filters of 8x8x3, stride 2,
padding 1, and a bias in every filter.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass

from cnnlesson import arithmetic


class Kind(enum.Enum):
    """The form that an answer takes."""

    INTEGER = "a whole number"
    SHAPE = "a shape: three whole numbers (height, width, depth)"


@dataclass(frozen=True)
class Question:
    """One question, as data.

    Attributes:
        id: what an assignment calls it by.
        title: what people call it.
        kind: the form of the answer.
        right_answer: computes the answer with the library.
        next_step: the smaller question that leads on from a wrong answer; never the number.
    """

    id: str
    title: str
    kind: Kind
    right_answer: Callable[[], int | arithmetic.Shape]
    next_step: str


_INPUT_SHAPE = (32, 32, 3)
_FILTER_SIZE = 8
_OUT_CHANNELS = 20
_STRIDE = 2
_PADDING = 1

QUESTIONS: dict[str, Question] = {
    question.id: question
    for question in (
        Question(
            id="convolution-output-shape",
            title="Convolution Output Shape",
            kind=Kind.SHAPE,
            right_answer=lambda: arithmetic.output_shape(
                _INPUT_SHAPE, _FILTER_SIZE, _OUT_CHANNELS, stride=_STRIDE, padding=_PADDING
            ),
            next_step="How wide is the input once the padding is there on both sides, "
            "and how many steps of 2 pixels can the filter take before it hits the edge?",
        ),
        Question(
            id="number-of-parameters",
            title="Number of Parameters",
            kind=Kind.INTEGER,
            right_answer=lambda: arithmetic.parameters_unshared(
                _INPUT_SHAPE, _FILTER_SIZE, _OUT_CHANNELS, stride=_STRIDE, padding=_PADDING
            ),
            next_step="How many weights and biases does one neuron of the output have, "
            "and how many neurons are there?",
        ),
        Question(
            id="parameter-sharing",
            title="Parameter Sharing",
            kind=Kind.INTEGER,
            right_answer=lambda: arithmetic.parameters_shared(
                _FILTER_SIZE, _INPUT_SHAPE[2], _OUT_CHANNELS
            ),
            next_step="How many weights and biases does one filter have, "
            "and how many different filters are there?",
        ),
    )
}
