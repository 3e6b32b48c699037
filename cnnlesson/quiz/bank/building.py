"""The questions that lessons 4a and 4b practise on; what is graded there are functions."""

from cnnlesson.arithmetic import output_size
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.questions import Kind, Misconception, Question
from cnnlesson.quiz.setups import RUNNING_EXAMPLE, Draw, Layer, Lines, Numbers, layer


def _plain(draw: Draw) -> Layer:
    """Draw a layer at stride 1 without padding, over an image with pixels far from the borders."""
    size = draw.pick(range(2, 8))
    lengths = range(2 * size + 1, 33)
    return Layer(
        (draw.pick(lengths), draw.pick(lengths), draw.pick((2, 3, 4, 6))),
        size,
        draw.pick((5, 8, 10, 12, 16, 20)),
    )


COLUMNS = Numbers("columns", RUNNING_EXAMPLE, layer)
TERMS = Numbers("terms", Layer((7, 7, 1), 3, 2), _plain)


def _positions(g: Layer, *, stride: int, padding: int) -> int:
    high, wide = (output_size(n, g.F, stride=stride, padding=padding) for n in (g.H, g.W))
    return high * wide


QUESTIONS = (
    Question(
        id="columns-of-a-layer",
        title="The Matrix of Patches",
        kind=Kind.SIZE,
        fields=("rows", "columns"),
        numbers=COLUMNS,
        objective="build-forward",
        prompt="For one image, every patch that a filter meets is written as a column of a matrix; "
        "the biases are added after the product. How many rows and columns has the matrix? Give "
        "`(rows, columns)`.",
        right_answer=lambda g: (g.weights, g.positions),
        work=lambda g: Lines(
            f"rows: F · F · C = {g.F} · {g.F} · {g.C} = {g.weights}",
            f"columns: {g.output_shape[0]} · {g.output_shape[1]} = {g.positions} positions",
        ),
        pieces=lambda g: {"rows": g.weights, "columns": g.positions},
        assemble=lambda rows, columns: (rows, columns),
        misconceptions=(
            Misconception(
                "rows-columns-swapped",
                "The numbers are right, but a patch is a column here, so its pixels are rows.",
                lambda g: (g.positions, g.weights),
                share=m.HALF,
            ),
            Misconception(
                "channels-forgotten",
                "A patch goes through all {g.C} channels.",
                lambda g: g.taps,
                piece="rows",
            ),
            Misconception(
                "bias-among-pixels",
                "The bias is no pixel: it is added after the product.",
                lambda g: g.weights + 1,
                piece="rows",
            ),
            Misconception(
                "filters-for-patches",
                "The filters are the other matrix; here there is a column for each position.",
                lambda g: g.K,
                piece="columns",
            ),
            Misconception(
                "once-for-each-filter",
                "All filters meet the same columns, so these are written once.",
                lambda g: g.positions * g.K,
                piece="columns",
            ),
            Misconception(
                "pixels-for-positions",
                "There is a patch for each position of the filter, not for each pixel.",
                lambda g: g.H * g.W,
                piece="columns",
            ),
            Misconception(
                "stride-ignored",
                "The filter moves {g.S} pixels at a time, so there are fewer patches.",
                lambda g: _positions(g, stride=1, padding=g.P),
                piece="columns",
            ),
            Misconception(
                "padding-ignored",
                "The zeros around the image make room for more patches.",
                lambda g: _positions(g, stride=g.S, padding=0),
                piece="columns",
            ),
        ),
        next_step="How many numbers are in one patch, and in how many places does the filter lie?",
    ),
    Question(
        id="terms-of-a-gradient",
        title="The Terms of a Gradient",
        kind=Kind.SHAPE,
        fields=("weight", "bias", "pixel"),
        numbers=TERMS,
        objective="build-backward",
        prompt="For one image, the gradient of a number is a sum, with one term for each output of "
        "the layer that this number has a part in. How many terms has it for one **weight**, for "
        "one **bias**, and for one **pixel** of one channel, {g.F} or more pixels away from every "
        "border? Give `(weight, bias, pixel)`.",
        right_answer=lambda g: (g.positions, g.positions, g.taps * g.K),
        work=lambda g: Lines(
            f"weight and bias: every position of their map, {g.output_shape[0]} · "
            f"{g.output_shape[1]} = {g.positions}",
            f"pixel: F · F patches, each met by K filters: {g.taps} · {g.K} = {g.taps * g.K}",
        ),
        pieces=lambda g: {"weight": g.positions, "bias": g.positions, "pixel": g.taps * g.K},
        assemble=lambda weight, bias, pixel: (weight, bias, pixel),
        misconceptions=(
            Misconception(
                "weight-used-once",
                "The weight is shared: it has a part in the output of every position.",
                lambda g: 1,
                piece="weight",
            ),
            Misconception(
                "bias-used-once",
                "The bias is shared over positions too, and added at each of them.",
                lambda g: 1,
                piece="bias",
            ),
            Misconception(
                "weight-of-all-maps",
                "A weight belongs to one filter, so to one map of the {g.K}.",
                lambda g: g.positions * g.K,
                piece="weight",
            ),
            Misconception(
                "bias-of-all-maps",
                "Each filter has a bias of its own, so it is added to one map of the {g.K}.",
                lambda g: g.positions * g.K,
                piece="bias",
            ),
            Misconception(
                "one-filter",
                "That is for one filter, and each of the {g.K} looks at the pixel.",
                lambda g: g.taps,
                piece="pixel",
            ),
            Misconception(
                "one-patch",
                "Patches overlap at stride 1, so the pixel is in more than one.",
                lambda g: g.K,
                piece="pixel",
            ),
            Misconception(
                "channels-counted",
                "The pixel is in one channel, so it meets only the weights for that one.",
                lambda g: g.weights * g.K,
                piece="pixel",
            ),
            Misconception(
                "pixel-in-every-output",
                "A patch covers a part of the image: most outputs never see this pixel.",
                lambda g: g.positions * g.K,
                piece="pixel",
            ),
            Misconception(
                "no-plus-one",
                "That counts the steps, not the positions: the first position needs no step.",
                lambda g: ((g.H - g.F) * (g.W - g.F),) * 2 + (g.taps * g.K,),
            ),
        ),
        next_step="Which outputs change if this one number grows a little?",
    ),
)
