"""The wrong ways to count a layer, as formulas, so that they hold for any set-up.

Each changes one piece of an answer (its size, its depth, a filter's weights, the biases), which
lets questions share them and lets errors compose, or gives a whole answer by itself.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from cnnlesson.arithmetic import Shape
from cnnlesson.quiz.questions import Misconception, Number
from cnnlesson.quiz.setups import Layer

HALF = Fraction(1, 2)


def _both(formula: Callable[[int, int, Layer], Number]) -> Callable[[Layer], tuple[Number, Number]]:
    """Apply a formula of one axis, f(length, filter size, layer), to height and width."""

    def sizes(g: Layer) -> tuple[Number, Number]:
        high, wide = g.filter_sizes
        return formula(g.H, high, g), formula(g.W, wide, g)

    return sizes


def _span(filter_size: int, g: Layer) -> int:
    """How many pixels a filter spans, which dilation stretches."""
    return g.D * (filter_size - 1) + 1


def chosen(**letters: bool) -> frozenset[str]:
    """Put the answer to a question of several choices together from its pieces, the letters."""
    return frozenset(letter for letter, holds in letters.items() if holds)


def mistaken(truth: Mapping[str, bool], identifier: str, letter: str, say: str) -> Misconception:
    """Return the mistake of taking one choice for true, or not, against the truth."""
    return Misconception(identifier, say, lambda g: not truth[letter], piece=letter)


def of_the_grown(misconceptions: Iterable[Misconception]) -> tuple[Misconception, ...]:
    """Return the same misconceptions, about the layer over an image twice as high and wide."""

    def about(formula: Callable[[Layer], object]) -> Callable[[Layer], object]:
        return lambda g: formula(g.grown)

    return tuple(replace(each, formula=about(each.formula)) for each in misconceptions)


def _axis(identifier: str, say: str, formula: Callable[[int, int, Layer], Number]) -> Misconception:
    return Misconception(identifier, say, _both(formula), piece="size")


SIZE = (
    _axis(
        "padding-once",
        "Padding is added on both sides, so it counts twice.",
        lambda n, f, g: Fraction(n - _span(f, g) + g.P, g.S) + 1,
    ),
    _axis(
        "padding-ignored",
        "The padding is not in it: the input grows by it before the filter starts.",
        lambda n, f, g: Fraction(n - _span(f, g), g.S) + 1,
    ),
    _axis(
        "no-plus-one",
        "That counts the steps, not the positions: the first position needs no step.",
        lambda n, f, g: Fraction(n - _span(f, g) + 2 * g.P, g.S),
    ),
    _axis(
        "plus-one-inside",
        "The + 1 comes after the division: it is the first position, not a pixel.",
        lambda n, f, g: Fraction(n - _span(f, g) + 2 * g.P + 1, g.S),
    ),
    _axis(
        "stride-ignored",
        "The stride is not in it: the filter moves {g.S} pixels at a time.",
        lambda n, f, g: n - _span(f, g) + 2 * g.P + 1,
    ),
    _axis(
        "precedence",
        "The stride divides the whole numerator, not only its last term: use brackets.",
        lambda n, f, g: n - _span(f, g) + Fraction(2 * g.P, g.S) + 1,
    ),
    _axis(
        "padding-subtracted",
        "Padding enlarges the input: it is added, not subtracted.",
        lambda n, f, g: Fraction(n - _span(f, g) - 2 * g.P, g.S) + 1,
    ),
    _axis(
        "same-rule",
        "That is the size under 'same' padding; this layer says how much it pads.",
        lambda n, f, g: -(-n // g.S),
    ),
    _axis(
        "dilation-ignored",
        "The dilation is not in it: it stretches the filter over more pixels.",
        lambda n, f, g: Fraction(n - f + 2 * g.P, g.S) + 1,
    ),
    Misconception(
        "volumes",
        "The formula works along one axis at a time, not on whole volumes.",
        lambda g: (Fraction(g.H * g.W * g.C - g.weights + 2 * g.P, g.S) + 1,) * 2,
        piece="size",
    ),
)

DEPTH = (
    Misconception(
        "input-depth-kept",
        "You kept the depth of the input. Each filter makes one map, so count the filters.",
        lambda g: g.C,
        piece="depth",
    ),
    Misconception(
        "depth-k-times-c",
        "A filter sums over the input's channels, so they do not multiply the depth.",
        lambda g: g.K * g.C,
        piece="depth",
    ),
    Misconception(
        "depth-f",
        "You gave the filter size as the depth: it says how wide a filter is, not how many there "
        "are.",
        lambda g: g.F,
        piece="depth",
    ),
)


def _in_order(shape: Shape, order: tuple[int, int, int]) -> Shape:
    """Put the axes into an order; back into the right one where that has a name of its own."""
    height, width, depth = shape
    first, second, third = (shape[axis] for axis in order)
    named = {(depth, height, width), (width, height, depth)}
    return shape if (first, second, third) in named else (first, second, third)


SHAPE_ORDER = (
    Misconception(
        "channels-first",
        "The numbers are right, but their order is channels first; here it is height, width, "
        "depth.",
        lambda g: (g.output_shape[2], *g.output_shape[:2]),
        share=HALF,
    ),
    Misconception(
        "height-width-swapped",
        "The numbers are right, but height comes first, then width.",
        lambda g: (g.output_shape[1], g.output_shape[0], g.output_shape[2]),
        share=HALF,
    ),
    *(
        Misconception(
            "another-order",
            "The numbers are right, but not their order: it is height, width, depth.",
            lambda g, order=order: _in_order(g.output_shape, order),
            share=HALF,
        )
        for order in ((0, 2, 1), (1, 2, 0), (2, 1, 0))
    ),
    Misconception(
        "batch-kept",
        "The first number is the batch, which is not part of the shape asked for.",
        lambda g: (1, *g.output_shape),
    ),
    Misconception(
        "batch-kept",
        "The first number is the batch, which is not part of the shape asked for; and "
        "the order is height, width, depth.",
        lambda g: (1, g.output_shape[2], *g.output_shape[:2]),
    ),
)

NEURONS = (
    Misconception(
        "depth-forgotten",
        "That is one map; there is one for each filter.",
        lambda g: 1,
        piece="depth",
    ),
    Misconception(
        "input-depth",
        "The depth of the output is the number of filters, not the depth of the input.",
        lambda g: g.C,
        piece="depth",
    ),
    Misconception(
        "input-counted",
        "Those are the numbers of the input; the layer's neurons are its outputs.",
        lambda g: g.H * g.W * g.C,
    ),
    Misconception(
        "filters-counted",
        "Those are the filters; each has a neuron at every position.",
        lambda g: g.K,
    ),
)

BIAS_SHARED = (
    Misconception(
        "no-bias",
        "The biases are missing: every filter has one too.",
        lambda g: 0,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "one-bias",
        "There is one bias per filter, not one for the whole layer.",
        lambda g: 1,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-twice",
        "The bias is there once per filter, not twice.",
        lambda g: 2 * g.K,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-channel",
        "There is one bias per filter, not one for each channel of the input as well.",
        lambda g: g.C * g.K,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-input-channel",
        "There is one bias per filter, not one per input channel.",
        lambda g: g.C,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-weight",
        "Weights have no biases of their own: there is one bias per filter.",
        lambda g: g.weights * g.K,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-neuron",
        "The bias is shared over positions too: one per filter, not one per neuron.",
        lambda g: g.positions * g.K,
        piece="biases",
        share=HALF,
    ),
)
"""The biases of a layer that shares: K."""

FILTER_WEIGHTS = (
    Misconception(
        "input-depth-forgotten",
        "A filter reaches through all {g.C} channels of the input.",
        lambda g: g.taps,
        piece="weights",
    ),
    Misconception(
        "f-not-squared",
        "A filter has a height and a width: both count.",
        lambda g: g.F * g.C,
        piece="weights",
    ),
    Misconception(
        "output-depth-as-filter-depth",
        "A filter is as deep as the input; the output's depth is how many filters there are.",
        lambda g: g.taps * g.K,
        piece="weights",
    ),
    Misconception(
        "padded-filter",
        "Padding belongs to the input, not to the filter.",
        lambda g: (g.filter_sizes[0] + 2 * g.P) * (g.filter_sizes[1] + 2 * g.P) * g.C,
        piece="weights",
    ),
    Misconception(
        "dilation-counted",
        "The gaps of a dilated filter hold no weights.",
        lambda g: _span(g.filter_sizes[0], g) * _span(g.filter_sizes[1], g) * g.C,
        piece="weights",
    ),
)
"""The weights of one filter: F · F · C."""

PARAMETERS_SHARED = (
    Misconception(
        "one-filter",
        "That is one filter; there are {g.K} of them.",
        lambda g: g.weights + 1,
    ),
    Misconception(
        "filter-shared-across-outputs",
        "Sharing is over positions, not over output channels: each filter has its own weights.",
        lambda g: g.weights + g.K,
    ),
    Misconception(
        "c-and-k-swapped",
        "C is the depth of the input, K the number of filters: they seem to be swapped.",
        lambda g: (g.taps * g.K + 1) * g.C,
    ),
    Misconception(
        "times-stride",
        "The stride says how far a filter moves: it holds no weights.",
        lambda g: (g.weights + 1) * g.K * g.S,
    ),
    Misconception(
        "over-stride",
        "The stride says how far a filter moves: it takes no weights away.",
        lambda g: Fraction((g.weights + 1) * g.K, g.S),
    ),
    Misconception(
        "filter-image-sized",
        "That connects every filter to the whole image, as a dense layer does.",
        lambda g: (g.H * g.W * g.C + 1) * g.K,
    ),
    Misconception(
        "times-positions",
        "That is the count without sharing: all positions use the same filters.",
        lambda g: (g.weights + 1) * g.positions * g.K,
    ),
    Misconception(
        "neurons-counted",
        "Those are the neurons, the layer's outputs; the question asks for its parameters.",
        lambda g: g.positions * g.K,
    ),
)

BIAS_UNSHARED = (
    Misconception(
        "no-bias",
        "The biases are missing: every neuron has one too.",
        lambda g: 0,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-filter",
        "Without sharing every neuron has a bias of its own, not every filter.",
        lambda g: g.K,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "bias-per-position",
        "Every neuron has a bias of its own; there are {g.K} neurons at each position.",
        lambda g: g.positions,
        piece="biases",
        share=HALF,
    ),
    Misconception(
        "one-bias",
        "Every neuron has a bias of its own; there is not one for the whole layer.",
        lambda g: 1,
        piece="biases",
        share=HALF,
    ),
)
"""The biases of a layer that does not share: one per neuron."""

PARAMETERS_UNSHARED = (
    Misconception(
        "neurons-counted",
        "Those are the neurons; each has weights and a bias.",
        lambda g: g.positions * g.K,
    ),
    Misconception(
        "one-map",
        "That is one map; there are {g.K} of them.",
        lambda g: (g.weights + 1) * g.positions,
    ),
    Misconception(
        "fully-connected",
        "That connects every neuron to the whole image; each looks at one patch only.",
        lambda g: (g.H * g.W * g.C + 1) * g.positions * g.K,
    ),
    Misconception(
        "input-positions",
        "The filter does not stop at every pixel of the input: count its positions.",
        lambda g: (g.weights + 1) * g.H * g.W * g.K,
    ),
    Misconception(
        "k-twice",
        "The number of filters is in it twice: the number of neurons holds it already.",
        lambda g: (g.weights * g.K + 1) * g.positions * g.K,
    ),
    Misconception(
        "answered-shared",
        "That is the count with sharing; here every neuron has parameters of its own.",
        lambda g: (g.weights + 1) * g.K,
    ),
)
