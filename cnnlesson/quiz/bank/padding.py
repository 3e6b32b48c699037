"""The questions of the assignment `padding`."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.bank.padding_setups import (
    EVEN_EIGHT,
    FIVE_BY_FIVE,
    STRIDE_TWO,
    Goal,
    Pixels,
    Unpadded,
    deep,
    even,
    goal,
    halving,
    odd,
    pixels,
    strided,
)
from cnnlesson.quiz.questions import Assignment, Kind, Misconception, Number, Question
from cnnlesson.quiz.setups import IDEA, Layer, Lines, Numbers
from cnnlesson.working import show_work

ODD = Numbers("odd-filter", FIVE_BY_FIVE, odd)
EVEN = Numbers("even-filter", EVEN_EIGHT, even)
PIXELS = Numbers("pixels", Pixels((5, 5, 1), 3, 1, padding=1), pixels)
DEEP = Numbers("deep", Unpadded((32, 32, 3), 8, 20), deep)
STRIDED = Numbers("same-and-stride", STRIDE_TWO, strided)
HALVING = Numbers("halving", Unpadded((224, 224, 3), 7, 64, stride=2, padding=3), halving)
GOAL = Numbers("goal", Goal((32, 32, 3), (14, 14), 3, (8, 2, 1)), goal)

_TWO_SIDES = ("before", "after")


def _each(
    identifier: str, say: str, formula: Callable[[int, Layer], Number], share: Fraction | int = 0
) -> Misconception:
    """A wrong size, by a formula of one axis."""
    return Misconception(
        identifier, say, lambda g: (formula(g.H, g), formula(g.W, g)), share=Fraction(share)
    )


def _swapped(right: Callable[[Any], tuple[int, int]]) -> Misconception:
    return Misconception(
        "height-width-swapped",
        "The numbers are right, but height comes first, then width.",
        lambda g: right(g)[::-1],
        share=m.HALF,
    )


def _output(padding: str) -> Callable[[Layer], tuple[int, int]]:
    """Height and width of the output under a padding by name."""
    return lambda g: arithmetic.output_shape(g.input_shape, g.F, g.K, padding=padding)[:2]  # type: ignore[arg-type]


def _padded(g: Layer) -> tuple[int, int]:
    return g.H + 2 * g.P, g.W + 2 * g.P


def _same_at_stride(g: Layer) -> tuple[int, int]:
    """Height and width under TensorFlow's 'same' padding at a stride."""
    paddings = tuple(arithmetic.same_padding(n, g.F, stride=g.S) for n in (g.H, g.W))
    return arithmetic.output_shape(g.input_shape, g.F, g.K, stride=g.S, padding=paddings)[:2]


def _layers_that_fit(g: Unpadded) -> int:
    size, layers = g.shorter, 0
    while size >= g.F:
        size, layers = arithmetic.output_size(size, g.F), layers + 1
    return layers


_GROWS = {"a": False, "b": True, "c": False, "d": True, "e": False}

QUESTIONS = (
    Question(
        id="padded-input",
        title="The Padded Input",
        kind=Kind.SIZE,
        numbers=ODD,
        objective="zeros-and-size",
        prompt="Before the filter starts, the input gets a border of zeros, {g.P} wide on every "
        "side. How large is each channel of the input now? Give `(height, width)`.",
        right_answer=_padded,
        work=lambda g: Lines(
            f"height: H + 2P = {g.H} + 2·{g.P} = {g.H + 2 * g.P}",
            f"width: W + 2P = {g.W} + 2·{g.P} = {g.W + 2 * g.P}",
        ),
        misconceptions=(
            _each(
                "padding-once",
                "The border is on both sides of each axis, so it counts twice.",
                lambda n, g: n + g.P,
            ),
            _each(
                "padding-ignored",
                "That is the input as it was, without its border.",
                lambda n, g: n,
            ),
            _each(
                "padding-subtracted",
                "The border lies around the image: it makes it larger, not smaller.",
                lambda n, g: n - 2 * g.P,
            ),
            _swapped(_padded),
            Misconception(
                "height-only",
                "There are zeros on the left and on the right too.",
                lambda g: (g.H + 2 * g.P, g.W),
            ),
            Misconception(
                "width-only",
                "There are zeros above and below too.",
                lambda g: (g.H, g.W + 2 * g.P),
            ),
            _each(
                "output-for-input",
                "That is the layer's output; the question asks for the input with its border.",
                lambda n, g: n - g.F + 2 * g.P + 1,
            ),
            _each(
                "pads-by-filter",
                "The border is as wide as the question says, whatever the filter's size.",
                lambda n, g: n + g.F - 1,
            ),
        ),
        next_step="How many zeros come before a row of the image, and how many after it?",
    ),
    Question(
        id="valid-output",
        title="No Padding",
        kind=Kind.SIZE,
        numbers=ODD,
        objective="zeros-and-size",
        prompt="Now leave the zeros out: the layer has **no padding** ('valid'). How large is each "
        "map of its output? Give `(height, width)`.",
        right_answer=_output("valid"),
        misconceptions=(
            _each(
                "no-plus-one",
                "That counts the steps, not the positions: the first position needs no step.",
                lambda n, g: n - g.F,
            ),
            _each(
                "same-rule",
                "That is the size of the input; without padding the filter stops at the edge.",
                lambda n, g: n,
            ),
            _each(
                "padding-kept",
                "That still has the zeros of the question before in it.",
                lambda n, g: n - g.F + 2 * g.P + 1,
            ),
            _swapped(_output("valid")),
            _each(
                "half-lost",
                "That takes off what is lost at one end; as much is lost at the other.",
                lambda n, g: n - (g.F - 1) // 2,
            ),
            _each(
                "side-by-side",
                "Patches may overlap: at stride 1 the filter moves by one pixel.",
                lambda n, g: Fraction(n, g.F),
            ),
            _each(
                "full",
                "That is larger than the input; without padding the filter stays inside it.",
                lambda n, g: n + g.F - 1,
            ),
        ),
        next_step="In how many places can a filter {g.F} wide lie on a row of {g.W} pixels?",
        work=lambda g: show_work(arithmetic.output_shape, g.input_shape, g.F, g.K),
    ),
    Question(
        id="padding-that-keeps",
        title="The Padding That Keeps the Size",
        kind=Kind.INTEGER,
        numbers=ODD,
        objective="valid-same-full",
        prompt="How wide must the border of zeros be, the same on **every** side, for the output "
        "to be as high and as wide as the input?",
        right_answer=lambda g: arithmetic.same_padding(g.W, g.F)[0],
        misconceptions=(
            Misconception(
                "not-an-integer",
                "That is half the filter size; work with what the filter takes away, F - 1.",
                lambda g: Fraction(g.F, 2),
            ),
            Misconception(
                "both-sides-together",
                "That is what both sides get together; the question asks for one side.",
                lambda g: g.F - 1,
            ),
            Misconception(
                "full",
                "That is 'full' padding: it makes the output larger than the input.",
                lambda g: g.F - 1,
            ),
            Misconception(
                "padding-is-filter",
                "That is the filter size; a border as wide as that makes the output grow.",
                lambda g: g.F,
            ),
            Misconception(
                "no-plus-one",
                "That is half the filter size, rounded up; work with what the filter takes away, "
                "F - 1.",
                lambda g: (g.F + 1) // 2,
            ),
            Misconception(
                "valid",
                "Without padding the output is smaller than the input.",
                lambda g: 0,
            ),
            Misconception(
                "always-one",
                "A border of 1 keeps the size under a smaller filter only.",
                lambda g: 1,
            ),
            Misconception(
                "padding-kept",
                "That is the border of the first question, which does not keep the size.",
                lambda g: g.P,
            ),
            Misconception(
                "output-for-padding",
                "That is how wide the output is without padding.",
                lambda g: g.W - g.F + 1,
            ),
        ),
        next_step="By how many pixels is the output narrower than the input without padding?",
        work=lambda g: show_work(arithmetic.same_padding, g.W, g.F),
    ),
    Question(
        id="how-often-a-pixel-is-used",
        title="How Often a Pixel Is Used",
        kind=Kind.SHAPE,
        fields=("corner", "edge", "middle"),
        numbers=PIXELS,
        objective="border-pixels",
        prompt="A position of a filter *uses* the pixels that it covers. In how many positions of "
        "the **first** filter is each of these pixels used: one in a corner of the image, one in "
        "the middle of its upper edge, and one in its middle? Mind the padding. Give "
        "`(corner, edge, middle)`.",
        right_answer=lambda g: g.uses,
        work=lambda g: Lines(
            "A pixel is used once for every position at which the filter covers it, down times "
            "across.",
            "corner {}, middle of an edge {}, middle of the image {}".format(*g.uses),
        ),
        pieces=lambda g: dict(zip(("corner", "edge", "middle"), g.uses, strict=True)),
        assemble=lambda corner, edge, middle: (corner, edge, middle),
        misconceptions=(
            Misconception(
                "padding-ignored",
                "That is so without padding; the border gives the filter more positions.",
                lambda g: (1, g.F, g.F**2),
            ),
            Misconception(
                "all-alike",
                "Near the edge of the image fewer positions reach a pixel than in its middle.",
                lambda g: (g.F**2,) * 3,
            ),
            Misconception(
                "padding-both-sides",
                "Only the zeros on the pixel's own side of the image give it more positions.",
                lambda g: ((2 * g.P + 1) ** 2, (2 * g.P + 1) * g.F, g.F**2),
            ),
            Misconception(
                "one-axis",
                "That is along one axis; positions down and across multiply.",
                lambda g: (g.P + 1, g.F, g.F),
            ),
            Misconception(
                "no-plus-one",
                "One position is missing at the edge: the one that begins at the pixel itself.",
                lambda g: (g.P**2, g.P * g.F, g.F**2),
            ),
            Misconception(
                "order-reversed",
                "The numbers are right, but the corner comes first and the middle last.",
                lambda g: g.uses[::-1],
                share=m.HALF,
            ),
            Misconception(
                "times-depth",
                "All channels of a pixel are used at once: count positions, not products.",
                lambda g: tuple(g.C * count for count in g.uses),
            ),
            Misconception(
                "all-filters",
                "Those are all filters together; the question asks for the first.",
                lambda g: tuple(g.K * count for count in g.uses),
            ),
            Misconception(
                "edge-like-corner",
                "A pixel in the middle of an edge has zeros on one side only, a corner on two.",
                lambda g: (g.P + 1) ** 2,
                piece="edge",
            ),
            Misconception(
                "edge-like-middle",
                "At the upper edge fewer positions reach a pixel than in the middle.",
                lambda g: g.F**2,
                piece="edge",
            ),
            Misconception(
                "middle-everywhere",
                "Not every position reaches the middle: only those less than F pixels away.",
                lambda g: g.positions,
                piece="middle",
            ),
            Misconception(
                "corner-unpadded",
                "Without padding a corner is used once; the border gives it more.",
                lambda g: 1,
                piece="corner",
            ),
        ),
        next_step="Along one row: in how many positions is the first pixel under the filter?",
    ),
    Question(
        id="same-for-an-even-filter",
        title="Two Unequal Sides",
        kind=Kind.SIZE,
        fields=_TWO_SIDES,
        numbers=EVEN,
        objective="valid-same-full",
        prompt="Here 'same' padding is to keep the width of the input. How many zeros come before "
        "each row and how many after it? Where the two differ, do as TensorFlow, Keras and "
        "PyTorch do with `'same'`. Give `(before, after)`.",
        right_answer=lambda g: arithmetic.same_padding(g.W, g.F),
        misconceptions=(
            Misconception(
                "not-an-integer",
                "The number of zeros is odd, so it has no half: one side gets one more.",
                lambda g: (Fraction(g.F - 1, 2),) * 2,
            ),
            Misconception(
                "one-zero-over",
                "With these zeros the output is one pixel wider than the input.",
                lambda g: (g.F // 2,) * 2,
            ),
            Misconception(
                "sides-swapped",
                "The numbers are right, but these frameworks put the extra zero after the row.",
                lambda g: arithmetic.same_padding(g.W, g.F)[::-1],
                share=m.HALF,
            ),
            Misconception(
                "full",
                "That is 'full' padding, which keeps nothing the same: the output grows.",
                lambda g: (g.F - 1,) * 2,
            ),
            Misconception(
                "one-sided",
                "The total is right, but the frameworks share it out as evenly as they can.",
                lambda g: (0, g.F - 1),
            ),
            Misconception(
                "one-sided",
                "The total is right, but the frameworks share it out as evenly as they can.",
                lambda g: (g.F - 1, 0),
            ),
            Misconception(
                "padding-is-filter",
                "That is the filter size on each side, and the output grows.",
                lambda g: (g.F, g.F),
            ),
            Misconception(
                "valid",
                "Without zeros the output is narrower than the input.",
                lambda g: (0, 0),
            ),
        ),
        next_step="By how many pixels is the output narrower without padding, and how can two "
        "sides share that many zeros?",
        work=lambda g: show_work(arithmetic.same_padding, g.W, g.F),
    ),
    Question(
        id="full-output",
        title="Full Padding",
        kind=Kind.SIZE,
        numbers=EVEN,
        objective="valid-same-full",
        prompt="Now the same layer pads in 'full': on every side as many zeros as it takes for the "
        "filter to begin with only its last weight on the image, and to end with only its first. "
        "How large is each map of its output? Give `(height, width)`.",
        right_answer=_output("full"),
        misconceptions=(
            _each(
                "same-rule",
                "That is the size of the input, as under 'same' padding; 'full' has more zeros.",
                lambda n, g: n,
            ),
            _each(
                "padding-once",
                "The zeros come on both sides, so they count twice.",
                lambda n, g: n - g.F + (g.F - 1) + 1,
            ),
            _each(
                "one-zero-over",
                "That is with half the filter size on each side; 'full' has more zeros.",
                lambda n, g: n - g.F + 2 * (g.F // 2) + 1,
            ),
            _each(
                "one-zero-short",
                "That is with half of F - 1, rounded down, on each side; 'full' has more zeros.",
                lambda n, g: n - g.F + 2 * ((g.F - 1) // 2) + 1,
            ),
            _each(
                "valid",
                "That is the output without padding.",
                lambda n, g: n - g.F + 1,
            ),
            _each(
                "pads-by-filter",
                "That pads by the whole filter size: some positions would see only zeros.",
                lambda n, g: n + g.F + 1,
            ),
            _each(
                "no-plus-one",
                "That counts the steps, not the positions: the first position needs no step.",
                lambda n, g: n + g.F - 2,
            ),
            _each(
                "input-for-output",
                "That is the input with its zeros; the question asks for the output.",
                lambda n, g: n + 2 * (g.F - 1),
            ),
            _swapped(_output("full")),
        ),
        next_step="If only the last weight of a row of the filter lies on the image, how many "
        "zeros does the rest of it cover?",
        work=lambda g: show_work(arithmetic.output_shape, g.input_shape, g.F, g.K, padding=g.F - 1),
    ),
    Question(
        id="through-the-depth",
        title="Through the Depth",
        kind=Kind.INTEGER,
        numbers=DEEP,
        objective="border-pixels",
        prompt="Many layers are stacked, all with {g.F} x {g.F} filters, stride 1 and **no** "
        "padding; the table shows the first. The input of each is the output of the one before. "
        "How many layers can be stacked before what is left is too small for the filter?",
        right_answer=_layers_that_fit,
        work=lambda g: Lines(
            f"Each layer takes F - 1 = {g.F - 1} from height and width: the shorter side goes "
            f"{' → '.join(str(g.shorter - n * (g.F - 1)) for n in range(_layers_that_fit(g) + 1))}."
        ),
        misconceptions=(
            Misconception(
                "longer-side",
                "Along the longer side there is still room, but the shorter one ends it.",
                lambda g: Fraction(max(g.H, g.W) - 1, g.F - 1),
            ),
            Misconception(
                "no-plus-one",
                "A layer takes away one pixel less than the filter is wide: W - F + 1 remain.",
                lambda g: Fraction(g.shorter, g.F),
            ),
            Misconception(
                "last-layer-forgotten",
                "What so many layers leave still has room for the filter.",
                lambda g: _layers_that_fit(g) - 1,
            ),
            Misconception(
                "one-layer-over",
                "So many do not fit: the filter is larger than what is left for it.",
                lambda g: _layers_that_fit(g) + 1,
            ),
            Misconception(
                "half-lost",
                "That takes off what is lost at one end; every layer loses that at both.",
                lambda g: Fraction(2 * (g.shorter - 1), g.F - 1),
            ),
            Misconception(
                "loses-one",
                "That takes off one pixel a layer; this filter takes away more.",
                lambda g: g.shorter - g.F + 1,
            ),
            Misconception(
                "one-layer",
                "One layer leaves an output that is still large enough for the next.",
                lambda g: 1,
            ),
        ),
        next_step="How many pixels shorter is each side after one of these layers?",
    ),
    Question(
        id="same-at-a-stride",
        title="'Same' at a Stride",
        kind=Kind.SIZE,
        numbers=STRIDED,
        objective="framework-conventions",
        prompt="In TensorFlow and Keras this layer has padding `'same'`. How large is each map of "
        "its output? Give `(height, width)`.",
        right_answer=_same_at_stride,
        work=lambda g: Lines(
            f"height: H / S = {g.H} / {g.S}, rounded up: {-(-g.H // g.S)}",
            f"width: W / S = {g.W} / {g.S}, rounded up: {-(-g.W // g.S)}",
        ),
        misconceptions=(
            _each(
                "same-at-stride",
                "'Same' keeps the size at stride 1 only; at stride {g.S} it is divided by {g.S}.",
                lambda n, g: n,
            ),
            _each(
                "rounded-down",
                "Round up: 'same' padding adds zeros rather than leaving pixels out.",
                lambda n, g: Fraction(n, g.S),
            ),
            _each(
                "padding-ignored",
                "That is without padding; 'same' adds zeros.",
                lambda n, g: Fraction(n - g.F, g.S) + 1,
            ),
            _each(
                "full",
                "That is with F - 1 zeros on every side, which is 'full' padding.",
                lambda n, g: Fraction(n + g.F - 2, g.S) + 1,
            ),
            _each(
                "one-more",
                "Round up, but add nothing where the stride divides evenly.",
                lambda n, g: n // g.S + 1,
            ),
            _each(
                "stride-subtracted",
                "The stride divides the number of positions; it is not taken away from it.",
                lambda n, g: n - g.S + 1,
            ),
            _each(
                "stride-multiplied",
                "A larger stride gives fewer positions, not more.",
                lambda n, g: n * g.S,
            ),
            _swapped(_same_at_stride),
        ),
        next_step="From the first pixel of a row on, in steps of {g.S}: on how many of its "
        "pixels can you stop?",
    ),
    Question(
        id="one-pixel-apart",
        title="Two Frameworks",
        kind=Kind.CHOICE,
        numbers=HALVING,
        objective="framework-conventions",
        prompt="Weights are carried over from TensorFlow, where this layer has padding `'same'`, "
        "to PyTorch, where it gets `padding={g.P}`. How do its maps in TensorFlow compare with "
        "those in PyTorch?",
        choices={
            "a": "They are the same: in both, the height and the width are halved.",
            "b": "They have one row and one column fewer, since TensorFlow adds fewer zeros.",
            "c": "The size is the same, but each window of TensorFlow lies 1 pixel further left "
            "and further up.",
            "d": "The size is the same, but each window of TensorFlow lies {g.S} pixels further "
            "right and further down.",
            "e": "The size is the same, but each window of TensorFlow lies 1 pixel further right "
            "and further down.",
        },
        right_answer=lambda g: "e",
        misconceptions=(
            Misconception(
                "same-size-same-map",
                "The sizes agree, but not where the first window starts: count the zeros before "
                "the first pixel in each.",
                lambda g: "a",
            ),
            Misconception(
                "sizes-differ",
                "The total of zeros differs by one, but at stride {g.S} that one zero makes no "
                "further position.",
                lambda g: "b",
            ),
            Misconception(
                "sides-swapped",
                "TensorFlow puts the odd zero after the last pixel, so it has fewer before the "
                "first.",
                lambda g: "c",
            ),
            Misconception(
                "shifted-by-stride",
                "That would be a whole position; compare the zeros before the first pixel.",
                lambda g: "d",
            ),
        ),
        next_step="How many zeros does each of them put before the first pixel?",
        work=lambda g: show_work(arithmetic.same_padding, g.W, g.F, stride=g.S),
    ),
    Question(
        id="what-padding-costs",
        title="What Padding Costs",
        kind=Kind.SEVERAL,
        numbers=IDEA,
        objective="zeros-and-size",
        prompt="A layer without padding, with 3 x 3 filters and stride 1, gets a border of zeros, "
        "1 wide; all else stays as it is. What grows? Give the letters of **all** that grow, such "
        'as `"ac"`.',
        choices={
            "a": "The number of its parameters.",
            "b": "The height and width of its output.",
            "c": "The depth of its output.",
            "d": "The number of its multiply-adds, those with a zero included.",
            "e": "The height and width of its filters.",
        },
        right_answer=lambda g: m.chosen(**_GROWS),
        pieces=lambda g: _GROWS,
        assemble=m.chosen,
        misconceptions=(
            m.mistaken(
                _GROWS,
                "padding-has-parameters",
                "a",
                "({at[a]}) does not grow: the zeros are given, not learnt, and the filters stay.",
            ),
            m.mistaken(
                _GROWS,
                "padding-ignored",
                "b",
                "({at[b]}) grows: the filter finds more positions on a larger input.",
            ),
            m.mistaken(
                _GROWS,
                "padding-deepens",
                "c",
                "({at[c]}) does not grow: the depth of the output is the number of filters.",
            ),
            m.mistaken(
                _GROWS,
                "zeros-are-free",
                "d",
                "({at[d]}) grows: each further position costs as many multiply-adds as the others.",
            ),
            m.mistaken(
                _GROWS,
                "padded-filter",
                "e",
                "({at[e]}) does not grow: padding belongs to the input, not to the filter.",
            ),
        ),
        next_step="What does the border change: the filters, or where they can go?",
    ),
    Question(
        id="design-the-padding",
        title="Your Own Layer",
        kind=Kind.DESIGN,
        fields=("filter size", "stride", "padding"),
        numbers=GOAL,
        objective="valid-same-full",
        prompt="Design a layer that makes maps of {g.wanted[0]} x {g.wanted[1]} from this input: "
        "choose its filter size F (at least {g.least}), its stride S and its padding P, each the "
        "same both ways. The stride is to fit, so that no row or column of the padded input is "
        "left over, and P is less than F. There are several right answers; give any as "
        "`(F, S, P)`.",
        right_answer=lambda g: g.solution,
        fails=lambda g, design: g.fails(design),
        next_step="How many steps does the filter take along a row of the output you want?",
    ),
)

ASSIGNMENT = Assignment(
    id="padding",
    title="Padding",
    after="02-padding",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(30, 60),
)
