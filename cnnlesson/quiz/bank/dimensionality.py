"""The questions of the assignment `dimensionality`."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from operator import attrgetter
from typing import Any

from cnnlesson import arithmetic, network
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.chains import (
    FOLLOWING,
    POOL,
    Budget,
    Chain,
    Stack,
    backwards,
    budget,
    chain,
    stack,
    wanted,
    within,
)
from cnnlesson.quiz.questions import Assignment, Follows, Kind, Misconception, Question
from cnnlesson.quiz.setups import IDEA, RUNNING_EXAMPLE, Draw, Layer, Lines, Numbers
from cnnlesson.working import show_work

Sizes = tuple[Any, Any]


# --- Set-ups ---------------------------------------------------------------------------------


def _uneven_layer(draw: Draw) -> Layer:
    """Draw a layer whose stride fits along neither axis and leaves some of the image unread."""
    stride = draw.pick((3, 4, 5, 6))
    filter_size = draw.pick(range(stride, 11))
    padding = draw.pick(range(1, min(3, stride - 1)))
    spare = filter_size - 2 * padding
    lengths = [size for size in range(24, 81) if (size - spare) % stride]
    unread = [size for size in lengths if (size - spare) % stride > padding]
    height, width = draw.pick(((lengths, unread), (unread, lengths), (unread, unread)))
    return Layer(
        (draw.pick(height), draw.pick(width), draw.pick((2, 3, 4, 5, 6))),
        filter_size,
        draw.pick((8, 10, 12, 16, 20, 24, 32)),
        stride=stride,
        padding=padding,
    )


def _dilated_layer(draw: Draw) -> Layer:
    return Layer(
        (draw.pick(range(24, 65)), draw.pick(range(24, 65)), draw.pick((2, 3, 4, 5, 6))),
        draw.pick((3, 4, 5)),
        draw.pick((8, 10, 12, 16, 20, 24, 32)),
        stride=draw.pick((1, 2, 3)),
        padding=draw.pick((1, 2, 3, 4)),
        dilation=draw.pick((2, 3, 4)),
    )


UNEVEN = Numbers("uneven-layer", replace(RUNNING_EXAMPLE, stride=3), _uneven_layer)
DILATED = Numbers("dilated-layer", replace(RUNNING_EXAMPLE, dilation=2), _dilated_layer)
CHAIN = Numbers("chain", Chain(RUNNING_EXAMPLE, filters=32, classes=10), chain)
WANTED = Numbers("wanted", backwards((14, 14), 8, 20, 3, stride=2, padding=1), wanted)
STACK = Numbers(
    "stack",
    Stack(
        (32, 32, 3),
        (
            network.Conv(8, 20, stride=2, padding=1),
            network.Pool("max", 2),
            network.Conv(3, 32),
            network.Pool("max", 2),
            network.Conv(3, 32),
            network.Conv(1, 10),
        ),
    ),
    stack,
)
BUDGET = Numbers("budget", within(RUNNING_EXAMPLE, 4), budget)


# --- Pieces of answers -----------------------------------------------------------------------


def _left_over(size: Sizes, layer: Layer) -> tuple[Any, ...]:
    """Count rows and columns of the image beyond the last of `size` positions."""
    sizes = zip(layer.input_shape, layer.filter_sizes, size, strict=False)
    return tuple(
        max(length - ((positions - 1) * layer.S + filter_size - layer.P), 0)
        for length, filter_size, positions in sizes
    )


def _spare(g: Layer) -> tuple[int, ...]:
    """Count, along both axes, the pixels that the first position leaves over."""
    return tuple(
        length + 2 * g.P - arithmetic.dilated_filter_size(filter_size, g.D)
        for length, filter_size in zip(g.input_shape, g.filter_sizes, strict=False)
    )


def _work_of_unread(g: Layer) -> Lines:
    rows, columns = (spare % g.S for spare in _spare(g))
    return Lines(
        f"Down, {rows} rows of the padded image lie beyond the last position; across, "
        f"{columns} columns.",
        f"Of each, the last {g.P} are padding: what is left over besides belongs to the image.",
    )


def _reached(reach: Sizes, size: Sizes | None, depth: int, layer: Layer) -> tuple[Any, ...]:
    """Give the shape of the output where filters reach over `reach` pixels."""
    if size is None:
        ends = zip(layer.input_shape, reach, strict=False)
        size = tuple((n + 2 * layer.P - span) // layer.S + 1 for n, span in ends)
    assert size is not None
    return (*size, depth)


def _pooled(sizes: Sizes) -> tuple[int, ...]:
    return tuple(math.floor(size) // POOL for size in sizes)


def _through(
    convolved: Sizes, pooled: Sizes | None, size: Sizes | None, depth: int
) -> tuple[Any, ...]:
    """Give the shape after the second convolution, from as far as it is known."""
    if size is None:
        pooled = pooled or _pooled(convolved)  # type: ignore[assignment]
        assert pooled is not None
        size = pooled[0] - FOLLOWING + 1, pooled[1] - FOLLOWING + 1
    return (*size, depth)


def _classifier(**piece: Any) -> Any:
    """Count the parameters of a convolution, a pooling and a dense layer."""
    convolution = piece["convolution"]
    if convolution is None:
        convolution = piece["weights"] * piece["filters"] + piece["biases"]
    inputs = piece["pooled"][0] * piece["pooled"][1] * piece["depth"]
    dense = inputs * piece["classes"] + piece["dense biases"]
    return convolution + piece["pooling"] + dense


def _classifier_pieces(g: Chain) -> dict[str, Any]:
    return {
        "convolution": None,
        "weights": g.first.weights,
        "filters": g.first.K,
        "biases": g.first.K,
        "pooling": 0,
        "pooled": g.pooled_shape[:2],
        "depth": g.pooled_shape[2],
        "classes": g.classes,
        "dense biases": g.classes,
    }


# --- Ways to wrong answers -------------------------------------------------------------------


def _without(misconceptions: Iterable[Misconception], *ids: str) -> tuple[Misconception, ...]:
    """Leave out those that the numbers of a question make impossible."""
    return tuple(each for each in misconceptions if each.id not in ids)


def _of(
    part: str,
    misconceptions: Iterable[Misconception],
    *,
    piece: str | None = None,
    then: Callable[[Any], Any] | None = None,
    where: str = "",
) -> tuple[Misconception, ...]:
    """Return the same misconceptions, about one part of a set-up.

    Args:
        part: the attribute of the set-up that they are about.
        misconceptions: which.
        piece: the piece of the answer that they change here, if another.
        then: what becomes of their value until it is that piece.
        where: what a message begins with, where the question is about more than that part.
    """
    get = attrgetter(part)

    def about(formula: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda g: then(formula(get(g))) if then else formula(get(g))

    return tuple(
        replace(
            each,
            say=where + each.say.replace("{g.", f"{{g.{part}."),
            formula=about(each.formula),
            piece=each.piece if piece is None else piece,
        )
        for each in misconceptions
    )


_ROUNDING = (
    Misconception(
        "rounded-up",
        "A last step that does not fit whole is not taken: round down.",
        lambda g: tuple(-(-spare // g.S) + 1 for spare in _spare(g)),
        piece="size",
    ),
    Misconception(
        "not-rounded",
        "A filter cannot stop halfway: a step that does not fit whole is not taken.",
        lambda g: tuple(Fraction(spare, g.S) + 1 for spare in _spare(g)),
        piece="size",
    ),
)

_SIZE = (*_without(m.SIZE, "dilation-ignored"), *_ROUNDING)
"""Of a layer that is not dilated."""

_SIZE_OF_A_PART = _without(_SIZE, "volumes", "not-rounded")
"""Where the size is only on the way to the answer."""

_IN_THE_OUTPUT = tuple(
    replace(each, say=f"Look at the output's size. {each.say}") for each in _SIZE_OF_A_PART
)
"""For a question that is not about the size itself."""

_FIRST, _CONVOLUTION = "Look at the first layer. ", "Look at the convolution. "
"""What a message begins with, where a question is about more than that."""


def _reaches(identifier: str, say: str, formula: Callable[[int, Layer], int]) -> Misconception:
    return Misconception(
        identifier, say, lambda g: tuple(formula(f, g) for f in g.filter_sizes), piece="reach"
    )


_REACH = (
    _reaches(
        "last-weight-dilated",
        "Dilation makes gaps between weights; there is none after the last.",
        lambda f, g: g.D * f,
    ),
    _reaches(
        "steps-without-a-start",
        "The first weight takes a pixel too: the steps between the weights are not all.",
        lambda f, g: g.D * (f - 1),
    ),
    _reaches(
        "gaps-too-wide",
        "Dilation {g.D} means that neighbouring weights are {g.D} pixels apart; the gap between "
        "them is one less.",
        lambda f, g: f + g.D * (f - 1),
    ),
    _reaches(
        "one-gap",
        "There is a gap between any two neighbouring weights, not only one.",
        lambda f, g: f + g.D - 1,
    ),
    _reaches(
        "dilation-added",
        "Dilation is no margin: it opens a gap between any two neighbouring weights.",
        lambda f, g: f + g.D,
    ),
)

_MULTIPLY_ADDS = (
    Misconception(
        "bias-counted",
        "A bias is only added, so it makes no multiply-add.",
        lambda g: (g.weights + 1) * g.positions * g.K,
        share=m.HALF,
    ),
    Misconception(
        "counted-twice",
        "A product and its addition count as one here.",
        lambda g: 2 * g.weights * g.positions * g.K,
    ),
    Misconception(
        "weights-counted",
        "Those are the weights; each of them is used at every position.",
        lambda g: g.weights * g.K,
    ),
    Misconception(
        "parameters-counted",
        "Those are the parameters; each weight among them is used at every position.",
        lambda g: (g.weights + 1) * g.K,
    ),
    Misconception(
        "one-map",
        "That is one map; there are {g.K} of them.",
        lambda g: g.weights * g.positions,
    ),
    Misconception(
        "neurons-counted",
        "Those are the neurons; each of them takes several multiply-adds.",
        lambda g: g.positions * g.K,
    ),
    Misconception(
        "input-positions",
        "The filter does not stop at every pixel of the input: count its positions.",
        lambda g: g.weights * g.H * g.W * g.K,
    ),
)

_UNREAD = (
    Misconception(
        "rows-columns-swapped",
        "The numbers are right, but rows come first, then columns.",
        lambda g: _left_over(g.output_shape[:2], g)[::-1],
        share=m.HALF,
    ),
    Misconception(
        "padding-counted",
        "Part of that is padding: the zeros at the end are no pixels of the image.",
        lambda g: tuple(spare % g.S for spare in _spare(g)),
    ),
    Misconception(
        "both-paddings-taken-off",
        "Only the padding at the end is left over; that at the beginning is read.",
        lambda g: tuple(max(spare % g.S - 2 * g.P, 0) for spare in _spare(g)),
    ),
    Misconception(
        "remainder-without-padding",
        "The padding is missing: the filter starts in the zeros, which moves all positions.",
        lambda g: tuple((spare - 2 * g.P) % g.S for spare in _spare(g)),
    ),
    Misconception(
        "missing-counted",
        "That is how much is missing for one more step; the question is how much is left over.",
        lambda g: tuple(-spare % g.S for spare in _spare(g)),
    ),
    Misconception(
        "nothing-left",
        "The filter stops at its last whole step, and something lies beyond it.",
        lambda g: (0, 0),
    ),
    Misconception(
        "positions-counted",
        "That is how often the filter stops; the question is what lies beyond its last stop.",
        lambda g: g.output_shape[:2],
    ),
)

_POOLING = (
    Misconception(
        "pooling-forgotten",
        "The pooling in between is not in it: it makes one number of each window.",
        lambda g: g.first.output_shape[:2],
        piece="pooled",
    ),
    Misconception(
        "pooling-stride-1",
        "The windows of the pooling do not overlap: its stride is as large as they are.",
        lambda g: tuple(size - POOL + 1 for size in g.first.output_shape[:2]),
        piece="pooled",
    ),
    Misconception(
        "pooling-rounded-up",
        "A pooling window that does not fit whole is left out: round down.",
        lambda g: tuple(-(-size // POOL) for size in g.first.output_shape[:2]),
        piece="pooled",
    ),
)

_LAST = (
    Misconception(
        "last-layer-padded",
        "The last layer has no padding, so its output is smaller than its input.",
        lambda g: g.pooled_shape[:2],
        piece="size",
    ),
    Misconception(
        "last-no-plus-one",
        "In the last layer, that counts the steps; the first position needs none.",
        lambda g: tuple(size - FOLLOWING for size in g.pooled_shape[:2]),
        piece="size",
    ),
    Misconception(
        "last-layer-forgotten",
        "That is the shape before the last layer.",
        lambda g: g.pooled_shape,
    ),
    Misconception(
        "image-depth",
        "The first layer has summed over the image's channels; count the last layer's filters.",
        lambda g: g.first.C,
        piece="depth",
    ),
)

_IMAGE_DEPTH = Misconception(
    "image-depth",
    "A filter is as deep as the layer's own input, which is no longer the image.",
    lambda g: FOLLOWING * FOLLOWING * g.first.C,
    piece="weights",
)

_NETWORK = (
    Misconception(
        "pool-has-weights",
        "Pooling takes the largest number of a window: it has no filters, so nothing to learn.",
        lambda g: (POOL * POOL * g.first.K + 1) * g.first.K,
        piece="pooling",
    ),
    Misconception(
        "pool-has-weights",
        "Pooling takes the largest number of a window: it has neither weights nor biases.",
        lambda g: (POOL * POOL + 1) * g.first.K,
        piece="pooling",
    ),
    Misconception(
        "flatten-before-pool",
        "The dense layer comes after the pooling, which leaves fewer numbers.",
        lambda g: g.first.output_shape[:2],
        piece="pooled",
    ),
    Misconception(
        "flatten-lost-depth",
        "The dense layer sees all maps, not only one.",
        lambda g: 1,
        piece="depth",
    ),
    Misconception(
        "flatten-lost-size",
        "The dense layer sees every number of each map, not one per map.",
        lambda g: (1, 1),
        piece="pooled",
    ),
    Misconception(
        "dense-bias-lost",
        "The biases of the dense layer are missing: every neuron has one.",
        lambda g: 0,
        piece="dense biases",
        share=m.HALF,
    ),
    Misconception(
        "dense-one-bias",
        "Every neuron of the dense layer has a bias of its own; there is not one for all.",
        lambda g: 1,
        piece="dense biases",
        share=m.HALF,
    ),
    Misconception(
        "convolution-alone",
        "That is the convolution; the dense layer has parameters too.",
        lambda g: (g.first.weights + 1) * g.first.K,
    ),
    Misconception(
        "convolution-forgotten",
        "That is the dense layer; the convolution has parameters too.",
        lambda g: 0,
        piece="convolution",
    ),
    *_without(_POOLING, "pooling-forgotten"),
)


def _field(identifier: str, say: str, formula: Callable[[int, int], int]) -> Misconception:
    """A wrong receptive field, from filter size and stride of the first layer."""
    return Misconception(identifier, say, lambda g: formula(g.first.F, g.first.S))


_FIELD = (
    _field(
        "strides-ignored",
        "After a stride, neighbouring neurons look at patches that lie further apart.",
        lambda f, s: f + (POOL - 1) + (FOLLOWING - 1),
    ),
    _field(
        "pooling-forgotten",
        "The pooling in between is not in it: it widens the view and has a stride too.",
        lambda f, s: f + (FOLLOWING - 1) * s,
    ),
    _field(
        "pooling-stride-forgotten",
        "The pooling has a stride too, so what follows it sees the image in larger steps.",
        lambda f, s: f + (POOL - 1) * s + (FOLLOWING - 1) * s,
    ),
    _field(
        "first-stride-forgotten",
        "The first layer's stride spreads all that comes after it.",
        lambda f, s: f + (POOL - 1) + (FOLLOWING - 1) * POOL,
    ),
    _field(
        "whole-filters-added",
        "A filter of 3 reaches two steps beyond its first pixel, not three.",
        lambda f, s: f + POOL * s + FOLLOWING * POOL * s,
    ),
    _field(
        "own-stride",
        "A layer's own stride does not widen its view; it spreads the layers after it.",
        lambda f, s: 1 + (f - 1) * s + (POOL - 1) * s * POOL + (FOLLOWING - 1) * s * POOL,
    ),
    _field(
        "filters-added",
        "Sizes do not simply add up: each layer counts in steps of those before it.",
        lambda f, s: f + POOL + FOLLOWING,
    ),
    _field(
        "filters-multiplied",
        "Neighbouring patches overlap, so sizes do not multiply.",
        lambda f, s: f * POOL * FOLLOWING,
    ),
    _field(
        "last-layer-alone",
        "That is what it sees of the pooling's output; go back to the image.",
        lambda f, s: FOLLOWING,
    ),
    _field(
        "first-layer-alone",
        "That is what a neuron of the first layer sees; go on from there.",
        lambda f, s: f,
    ),
    _field(
        "area",
        "The question asks for the width, not for the area.",
        lambda f, s: (f + (POOL - 1) * s + (FOLLOWING - 1) * POOL * s) ** 2,
    ),
)


def _largest(
    identifier: str, say: str, formula: Callable[[int, int, int, int], int]
) -> Misconception:
    """A wrong input size along an axis, from the output's, F, S and P."""
    return Misconception(
        identifier,
        say,
        lambda g: tuple(formula(n, g.layer.F, g.layer.S, g.layer.P) for n in g.output),
        piece="size",
    )


_INPUT = (
    _largest(
        "smallest-input",
        "That is the smallest; a few more pixels still leave no room for one more step.",
        lambda n, f, s, p: (n - 1) * s + f - 2 * p,
    ),
    _largest(
        "one-step-more",
        "That one has room for one more position.",
        lambda n, f, s, p: n * s + f - 2 * p,
    ),
    _largest(
        "padding-kept",
        "That is the padded input; the padding is not part of the image.",
        lambda n, f, s, p: n * s + f - 1,
    ),
    _largest(
        "padding-once",
        "The padding lies on both sides, so it is taken off twice.",
        lambda n, f, s, p: n * s + f - 1 - p,
    ),
    _largest(
        "padding-added",
        "The padding enlarges what the filter sees; the image itself is smaller by it.",
        lambda n, f, s, p: n * s + f - 1 + 2 * p,
    ),
    _largest(
        "steps-and-positions",
        "There is one step fewer than there are positions.",
        lambda n, f, s, p: (n + 1) * s + f - 1 - 2 * p,
    ),
    _largest(
        "output-times-stride",
        "The steps are not all: the filter itself has to fit too.",
        lambda n, f, s, p: n * s,
    ),
    _largest(
        "formula-forwards",
        "That puts the output into the formula; it has to be solved for W instead.",
        lambda n, f, s, p: (n - f + 2 * p) // s + 1,
    ),
)


Rule = Callable[[int, int, int, int], int]
"""From a size, filter size, stride and padding to the next size; below 1 where nothing fits."""


def _positions(n: int, f: int, s: int, p: int) -> int:
    return (n - f + 2 * p) // s + 1 if n + 2 * p >= f else 0


def _breaks(
    g: Stack,
    *,
    convolved: Rule = _positions,
    pooled: Rule = _positions,
    axes: tuple[int, ...] = (0, 1),
    late: int = 0,
) -> str:
    """Give the letter of the first layer that does not fit, by rules that may be wrong."""
    sizes = [g.input_shape[axis] for axis in axes]
    for number, layer in enumerate(g.layers):
        if isinstance(layer, network.Conv):
            window = layer.filter_size, layer.stride, layer.padding
            sizes = [convolved(size, *window) for size in sizes]  # type: ignore[arg-type]
        else:
            sizes = [pooled(size, POOL, POOL, 0) for size in sizes]
        if min(sizes) < 1:
            return "abcdef"[min(number + late, len(g.layers) - 1)]
    return "g"


def _broken(g: Stack) -> str:
    assert g.broken is not None
    return "abcdef"[g.broken - 1]


_BREAKS = (
    Misconception(
        "padding-ignored",
        "This one still fits: padding enlarges what a filter has to fit into.",
        lambda g: _breaks(g, convolved=lambda n, f, s, p: _positions(n, f, s, 0)),
    ),
    Misconception(
        "equal-does-not-fit",
        "This one still fits: a filter may be just as large as its padded input.",
        lambda g: _breaks(
            g, convolved=lambda n, f, s, p: _positions(n, f, s, p) if n + 2 * p > f else 0
        ),
    ),
    Misconception(
        "no-plus-one",
        "This one still fits: with + 1 for the first position, more is left for it.",
        lambda g: _breaks(g, convolved=lambda n, f, s, p: _positions(n, f, s, p) - 1),
    ),
    Misconception(
        "stride-ignored",
        "Not there: with the strides, sizes shrink faster than that.",
        lambda g: _breaks(g, convolved=lambda n, f, s, p: _positions(n, f, 1, p)),
    ),
    Misconception(
        "pooling-ignored",
        "Not there: pooling halves height and width.",
        lambda g: _breaks(g, pooled=lambda n, f, s, p: n),
    ),
    Misconception(
        "rounded-up",
        "Not there: where a step does not fit whole, sizes are rounded down.",
        lambda g: _breaks(
            g,
            convolved=lambda n, f, s, p: -(-(n - f + 2 * p) // s) + 1 if n + 2 * p >= f else 0,
            pooled=lambda n, f, s, p: -(-n // s),
        ),
    ),
    Misconception(
        "longer-side",
        "Not there: a filter has to fit both ways, along the shorter side too.",
        lambda g: max(_breaks(g, axes=(0,)), _breaks(g, axes=(1,))),
    ),
    Misconception(
        "one-later",
        "Not there: something has gone wrong before.",
        lambda g: _breaks(g, late=1),
    ),
    Misconception(
        "size-kept",
        "Not there: without padding, every filter above 1 x 1 makes the maps smaller.",
        lambda g: _breaks(g, convolved=lambda n, f, s, p: -(-n // s)),
    ),
)


# --- Ideas -----------------------------------------------------------------------------------

_TRUE = {"a": False, "b": True, "c": False, "d": False, "e": True}


# --- Questions -------------------------------------------------------------------------------

QUESTIONS = (
    Question(
        id="what-the-formula-says",
        title="What the Formula Says",
        kind=Kind.SEVERAL,
        numbers=IDEA,
        objective="output-shape",
        prompt="The output of a convolution or a pooling is floor((W - F + 2P) / S) + 1 wide. "
        'Which of these hold? Give the letters of **all** that do, such as `"ab"`.',
        choices={
            "a": "The + 1 is for the bias.",
            "b": "The + 1 is for the first position, which needs no step.",
            "c": "A 2 x 2 max pooling has weights to learn.",
            "d": "A max pooling has nothing to learn, so training skips it: nothing passes back "
            "through it to the layers before.",
            "e": "A larger stride leaves the number of weights as it is.",
        },
        right_answer=lambda g: m.chosen(**_TRUE),
        pieces=lambda g: _TRUE,
        assemble=m.chosen,
        misconceptions=(
            m.mistaken(
                _TRUE,
                "plus-one-is-bias",
                "a",
                "({at[a]}) does not hold: the formula counts positions, and a bias takes no place.",
            ),
            m.mistaken(
                _TRUE,
                "plus-one-not-first",
                "b",
                "({at[b]}) holds: the division counts steps, and before its first step the "
                "filter has a position already.",
            ),
            m.mistaken(
                _TRUE,
                "pool-has-weights",
                "c",
                "({at[c]}) does not hold: pooling takes the largest number of each window, and "
                "weighs none.",
            ),
            m.mistaken(
                _TRUE,
                "backpropagation-skips-pooling",
                "d",
                "({at[d]}) does not hold: the layers before the pooling learn too, and what they "
                "learn from reaches them through it.",
            ),
            m.mistaken(
                _TRUE,
                "stride-takes-weights",
                "e",
                "({at[e]}) holds: a stride says where the filters stop, and leaves their "
                "weights alone.",
            ),
        ),
        next_step="How many positions does a filter have that is as wide as the padded input?",
    ),
    Question(
        id="uneven-output-shape",
        title="A Stride That Does Not Fit",
        kind=Kind.SHAPE,
        numbers=UNEVEN,
        objective="output-shape",
        prompt="In this layer the stride does not fit: the last step would lead over the edge, and "
        "is not taken, as in most frameworks. What is the shape of the output, as `(height, width, "
        "depth)`?",
        right_answer=lambda g: arithmetic.output_shape(g.input_shape, **g.settings),
        pieces=lambda g: g.shape_pieces,
        assemble=lambda size, depth: (*size, depth),
        misconceptions=(*m.SHAPE_ORDER, *_SIZE, *m.DEPTH),
        next_step="How many whole steps of {g.S} pixels can the filter take before it hits the "
        "edge of the padded input?",
        work=lambda g: show_work(arithmetic.output_shape, g.input_shape, **g.settings),
    ),
    Question(
        id="unread-rows-and-columns",
        title="Rows and Columns That Nobody Reads",
        kind=Kind.SIZE,
        fields=("rows", "columns"),
        numbers=UNEVEN,
        objective="output-shape",
        prompt="In the same layer, how many rows at the bottom of the image and how many columns "
        "at its right does no filter ever read? Count pixels of the image alone, not the padding. "
        "Answer as `(rows, columns)`.",
        right_answer=lambda g: tuple(
            len(arithmetic.unread(length, f, stride=g.S, padding=g.P).pixels)
            for length, f in zip(g.input_shape, g.filter_sizes, strict=False)
        ),
        pieces=lambda g: {"size": g.output_shape[:2], "layer": g},
        assemble=_left_over,
        follows=Follows("uneven-output-shape", lambda shape: {"size": shape[:2]}),
        misconceptions=(*_UNREAD, *_IN_THE_OUTPUT),
        next_step="Which is the last row of the padded image that the filter reads at its last "
        "position, and what lies below it?",
        work=_work_of_unread,
        tells_apart=3,
    ),
    Question(
        id="dilated-output-shape",
        title="A Dilated Filter",
        kind=Kind.SHAPE,
        numbers=DILATED,
        objective="dilation-and-receptive-field",
        prompt="This layer is dilated: neighbouring weights of a filter lie {g.D} pixels apart. "
        "First work out how many pixels a filter reaches over, along one side. Then: what is the "
        "shape of the output, as `(height, width, depth)`? Where the stride does not fit, round "
        "down.",
        right_answer=lambda g: arithmetic.output_shape(g.input_shape, **g.settings),
        pieces=lambda g: {
            "reach": tuple(arithmetic.dilated_filter_size(f, g.D) for f in g.filter_sizes),
            "size": None,
            "depth": g.K,
            "layer": g,
        },
        assemble=_reached,
        misconceptions=(*m.SHAPE_ORDER, *_REACH, *m.SIZE, *_ROUNDING, *m.DEPTH),
        next_step="How many pixels does a filter reach over, from its first weight to its last?",
        work=lambda g: show_work(arithmetic.output_shape, g.input_shape, **g.settings),
    ),
    Question(
        id="multiply-adds",
        title="Multiply-Adds",
        kind=Kind.INTEGER,
        numbers=DILATED,
        objective="cost-of-a-layer",
        prompt="How many multiply-adds does this dilated layer take for one image? Each product of "
        "a weight with a number of the padded input, zeros too, and the addition of it, count as "
        "one; biases do not count.",
        right_answer=lambda g: arithmetic.multiply_adds(g.input_shape, **g.settings),
        pieces=lambda g: g.shape_pieces | {"weights": g.weights},
        assemble=lambda size, depth, weights: size[0] * size[1] * depth * weights,
        follows=Follows(
            "dilated-output-shape", lambda shape: {"size": shape[:2], "depth": shape[2]}
        ),
        misconceptions=(*_MULTIPLY_ADDS, *m.FILTER_WEIGHTS, *m.SIZE, *m.DEPTH),
        next_step="How many products does one neuron sum up, and how many neurons are there?",
        work=lambda g: show_work(arithmetic.multiply_adds, g.input_shape, **g.settings),
    ),
    Question(
        id="chain-output-shape",
        title="A Chain of Three",
        kind=Kind.SHAPE,
        numbers=CHAIN,
        objective="chains",
        prompt="After the convolution and the pooling follows a third layer: a convolution of "
        "{g.filters} filters of 3 x 3, stride 1, no padding. What is the shape of **its** output, "
        "as `(height, width, depth)`? Where something does not fit, round down.",
        right_answer=lambda g: g.convolved.output_shape,
        pieces=lambda g: {
            "convolved": g.first.output_shape[:2],
            "pooled": None,
            "size": None,
            "depth": g.filters,
        },
        assemble=_through,
        misconceptions=(
            *_of("following", m.SHAPE_ORDER),
            *_POOLING,
            *_LAST,
            *_of("first", _SIZE_OF_A_PART, piece="convolved", where=_FIRST),
            *_of("following", m.DEPTH),
        ),
        next_step="What is the shape after the first layer, and what after the pooling?",
        work=lambda g: Lines(
            *(f"{row.layer}: {' x '.join(map(str, row.shape))}" for row in g.convolved.rows)
        ),
    ),
    Question(
        id="following-layer-parameters",
        title="Parameters of the Third Layer",
        kind=Kind.INTEGER,
        numbers=CHAIN,
        objective="chains",
        prompt="How many parameters, weights and biases, does the third layer have, the "
        "convolution of {g.filters} filters of 3 x 3 after the pooling? Every filter has a bias.",
        right_answer=lambda g: arithmetic.parameters_shared(
            g.following.filter_size, g.following.C, g.following.K
        ),
        pieces=lambda g: {
            "weights": g.following.weights,
            "biases": g.following.K,
            "filters": g.following.K,
        },
        assemble=lambda weights, biases, filters: weights * filters + biases,
        misconceptions=(
            _IMAGE_DEPTH,
            *_of("following", _without(m.PARAMETERS_SHARED, "times-stride", "over-stride")),
            *_of("following", m.BIAS_SHARED),
            *_of("following", _without(m.FILTER_WEIGHTS, "padded-filter", "dilation-counted")),
        ),
        next_step="How deep is what the third layer gets, and so each of its filters?",
        work=lambda g: show_work(
            arithmetic.parameters_shared, g.following.filter_size, g.following.C, g.following.K
        ),
    ),
    Question(
        id="network-parameters",
        title="A Whole Network",
        kind=Kind.INTEGER,
        numbers=CHAIN,
        objective="chains",
        prompt="Now the pooling is followed by a dense layer instead: its {g.classes} neurons, one "
        "for each class, see all numbers that the pooling leaves, and each has a bias. How many "
        "parameters does the whole network of convolution, pooling and dense layer have?",
        right_answer=lambda g: g.classifier.parameters,
        pieces=_classifier_pieces,
        assemble=_classifier,
        follows=Follows(
            "chain-output-shape",
            lambda shape: {"pooled": tuple(size + FOLLOWING - 1 for size in shape[:2])},
        ),
        misconceptions=(
            *_NETWORK,
            *_of("first", m.BIAS_SHARED, where=_CONVOLUTION),
            *_of("first", _without(m.FILTER_WEIGHTS, "dilation-counted"), where=_CONVOLUTION),
            *_of("first", m.PARAMETERS_SHARED, piece="convolution", where=_CONVOLUTION),
            *_of(
                "first",
                _SIZE_OF_A_PART,
                piece="pooled",
                then=_pooled,
                where=_CONVOLUTION,
            ),
        ),
        next_step="How many numbers does the dense layer get, and how many parameters does each of "
        "the three layers have by itself?",
        work=lambda g: Lines(
            *(f"{row.layer}: {row.parameters}" for row in g.classifier.rows),
            f"Together: {g.classifier.parameters}",
        ),
    ),
    Question(
        id="receptive-field",
        title="What a Neuron Sees",
        kind=Kind.INTEGER,
        numbers=CHAIN,
        objective="dilation-and-receptive-field",
        prompt="Back to convolution, pooling, and a third layer of 3 x 3 filters with stride 1. "
        "How many pixels wide is the part of the padded image that one neuron of the third layer "
        "depends on?",
        right_answer=lambda g: g.convolved.receptive_field[1],
        misconceptions=_FIELD,
        next_step="How many pixels does one number after the pooling depend on, and how far apart "
        "are the patches of its neighbours?",
        work=lambda g: show_work(
            arithmetic.receptive_field,
            [(g.first.F, g.first.S, g.first.P), (POOL, POOL), (FOLLOWING,)],
        ),
    ),
    Question(
        id="largest-input",
        title="Back to the Image",
        kind=Kind.SIZE,
        numbers=WANTED,
        objective="output-shape",
        prompt="Of this layer the output is known, but not the image. Several sizes give this "
        "output, since sizes are rounded down. Which is the **largest**, as `(height, width)`, "
        "without the padding?",
        right_answer=lambda g: tuple(
            arithmetic.input_sizes_for(size, g.layer.F, stride=g.layer.S, padding=g.layer.P)[-1]
            for size in g.output
        ),
        pieces=lambda g: {
            "size": tuple(
                arithmetic.input_sizes_for(size, g.layer.F, stride=g.layer.S, padding=g.layer.P)[-1]
                for size in g.output
            )
        },
        assemble=lambda size: size,
        misconceptions=(
            *_INPUT,
            Misconception(
                "height-width-swapped",
                "The numbers are right, but height comes first, then width.",
                lambda g: tuple(
                    (size - 1) * g.layer.S + g.layer.F - 2 * g.layer.P + g.layer.S - 1
                    for size in reversed(g.output)
                ),
                share=m.HALF,
            ),
        ),
        next_step="How wide is the smallest image that gives this output, and how many more "
        "pixels would it take for one more step?",
        work=lambda g: show_work(  # along the width; the height goes the same way
            arithmetic.input_sizes_for,
            g.output[1],
            g.layer.F,
            stride=g.layer.S,
            padding=g.layer.P,
        ),
    ),
    Question(
        id="broken-layer",
        title="The Broken Layer",
        kind=Kind.CHOICE,
        numbers=STACK,
        objective="chains",
        prompt="Six layers are to follow each other, over the input of the table. Which is the "
        "first that breaks, if any: whose filter or window is larger than the padded input that "
        "it gets? "
        "Unless it says otherwise, a layer has stride 1 and no padding, and a pooling has a stride "
        "as large as its windows; where a step does not fit whole, sizes are rounded down.",
        choices={
            **{letter: f"{{g.names[{place}]}}" for place, letter in enumerate("abcdef")},
            "g": "No layer: all six fit.",
        },
        shuffled=False,
        right_answer=_broken,
        misconceptions=_BREAKS,
        next_step="What are the height and the width after each layer, one after the other?",
        work=lambda g: Lines(f"It breaks here: {g.reason}."),
        tells_apart=1,
    ),
    Question(
        id="design-under-a-budget",
        title="Design under a Budget",
        kind=Kind.DESIGN,
        fields=("filter size", "stride", "padding", "filters"),
        numbers=BUDGET,
        objective="cost-of-a-layer",
        prompt="Design a convolutional layer, with square filters, one bias each and no dilation, "
        "whose output has the height and width in the table. It has to have enough filters, keep "
        "to the parameters allowed, and the numbers of its output must not take more bytes than "
        "allowed, for one image and as float32, at 4 bytes each. It has to read every pixel of the "
        "image, and its padding has to be smaller than its filters. Several designs do it; answer "
        "with one, as `(filter size, stride, padding, filters)`.",
        right_answer=lambda g: (g.layer.F, g.layer.S, g.layer.P, g.layer.K),
        fails=Budget.lacks,
        next_step="Which stride takes the image to about the output's size?",
    ),
)

ASSIGNMENT = Assignment(
    id="dimensionality",
    title="Dimensionality",
    after="03-dimensionality",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(40, 60),
)
