"""The questions of the assignment `conv-layer`: functions to write, from a size to a layer.

NumPy is imported only when a function is run; what needs it is in `by_hand`.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz import ours
from cnnlesson.quiz.functions import Task, Trait, Values, signature
from cnnlesson.quiz.questions import Assignment, Kind, Misconception, Question
from cnnlesson.quiz.setups import Numbers


def _by_hand(name: str) -> Callable[..., Any]:
    """Return a function of `by_hand`, which is imported when it is called."""
    module = "cnnlesson.quiz.bank.by_hand"

    def function(*arguments: Any, **settings: Any) -> Any:
        return getattr(import_module(module), name)(*arguments, **settings)

    function.__module__, function.__name__ = module, name
    return function


_padded = _by_hand("zero_padding")
_step = _by_hand("one_step")
_convolved = _by_hand("convolution")
_slid = _by_hand("slid")
_backward = _by_hand("backward")
_descended = _by_hand("descent_step")


def _numbers(task: Task) -> Numbers:
    return Numbers(task.name, signature(task))


def _bug(
    identifier: str, say: str, formula: Callable[..., Any], share: Fraction = Fraction(0)
) -> Misconception:
    return Misconception(identifier, say, formula, share=share)


# --- One axis, and a count ---------------------------------------------------------------------


def _sizes(values: Values) -> list[tuple[int, int, int, int]]:
    """(size, filter_size, stride, padding): small ones by hand, then any."""
    cases = [
        (1, 1, 1, 0),
        (3, 3, 1, 0),
        (5, 3, 1, 0),
        (5, 3, 1, 1),
        (5, 3, 2, 0),
        (6, 3, 2, 0),
        (5, 3, 2, 1),
        (4, 2, 3, 0),
        (7, 2, 4, 0),
        (3, 5, 1, 1),
        (6, 4, 3, 2),
    ]
    for _ in range(20):
        filter_size = values.whole(1, 11)
        size = values.whole(filter_size, 64)
        cases.append((size, filter_size, values.whole(1, 5), values.whole(0, 5)))
    return cases


_STRIDE_FITS = Trait("where the stride fits the input", lambda n, f, s, p: (n - f + 2 * p) % s != 0)
_SIZE = Task(
    name="output_size",
    arguments=(
        ("size", "the input's size along one axis, such as its height"),
        ("filter_size", "the filter's size along the same axis"),
        ("stride", "how many pixels the filter moves at a time"),
        ("padding", "how many zeros are added at each of the two ends"),
    ),
    returns="how many positions the filter has, an `int`",
    cases=_sizes,
    expected=lambda n, f, s, p: arithmetic.output_size(n, f, stride=s, padding=p),
    traits=(
        _STRIDE_FITS,
        Trait("where the padding is 0", lambda n, f, s, p: p > 0),
        Trait("where the stride is 1", lambda n, f, s, p: s > 1),
    ),
)

_COUNT = Task(
    name="parameter_count",
    arguments=(
        ("filter_height", "the height of each filter"),
        ("filter_width", "its width"),
        ("in_channels", "the depth of the input"),
        ("out_channels", "the number of filters, and so the depth of the output"),
    ),
    returns="the number of weights and biases of the layer, an `int`",
    cases=lambda values: [
        (1, 1, 1, 1),
        (2, 2, 1, 1),
        (2, 3, 1, 1),
        (2, 2, 3, 1),
        (2, 2, 1, 3),
        (3, 2, 2, 4),
        *(
            (values.whole(1, 11), values.whole(1, 11), values.whole(1, 64), values.whole(1, 64))
            for _ in range(14)
        ),
    ],
    expected=lambda high, wide, c, k: arithmetic.parameters_shared((high, wide), c, k),
    traits=(
        Trait("where the filter is square", lambda h, w, c, k: h != w),
        Trait("where the input has one channel", lambda h, w, c, k: c > 1),
        Trait("where there is one filter", lambda h, w, c, k: k > 1),
    ),
)


# --- Arrays ------------------------------------------------------------------------------------


def _images(values: Values) -> list[tuple[Any, int]]:
    shapes = [
        ((1, 1, 1), 1, "float64"),
        ((1, 2, 2), 0, "float64"),
        ((1, 2, 2), 1, "float64"),
        ((1, 2, 3), 1, "float64"),
        ((1, 3, 2), 2, "float64"),
        ((2, 2, 2), 1, "float64"),
        ((2, 3, 3), 0, "float64"),
        ((3, 2, 4), 3, "float64"),
        ((3, 5, 4), 1, "float32"),
        ((2, 4, 3), 2, "int64"),
        ((4, 6, 5), 2, "float64"),
    ]
    return [(values.array(shape, dtype), padding) for shape, padding, dtype in shapes]


_PADDING = Task(
    name="zero_padding",
    arguments=(
        ("x", "an image, an array of shape (C, H, W)"),
        ("padding", "P, how many zeros go around each of its C maps, on every side"),
    ),
    returns="the padded image, a new array of shape (C, H + 2P, W + 2P) and of the dtype of `x`",
    cases=_images,
    expected=lambda x, p: _padded(x, (p, p)),
    traits=(
        Trait("where there is something to pad", lambda x, p: p == 0),
        Trait("where the padding is 0", lambda x, p: p > 0),
        Trait(
            "where height and width are the same",
            lambda x, p: x.shape[1] != x.shape[2],
            "Are they swapped somewhere?",
        ),
        Trait("where there is one channel", lambda x, p: len(x) > 1),
    ),
)


def _patches(values: Values) -> list[tuple[Any, Any, Any]]:
    shapes = [
        ((1, 1, 1), "float64"),
        ((1, 2, 2), "float64"),
        ((1, 2, 3), "float64"),
        ((1, 3, 2), "float64"),
        ((2, 2, 2), "float64"),
        ((3, 2, 2), "float64"),
        ((3, 3, 3), "float64"),
        ((2, 4, 3), "float32"),
        ((3, 2, 4), "int64"),
        ((5, 3, 5), "float64"),
    ]
    return [
        (values.array(shape, dtype), values.array(shape, dtype), values.array((1,), dtype)[0])
        for shape, dtype in shapes
    ]


_STEP = Task(
    name="one_step",
    arguments=(
        ("patch", "the part of the image under the filter, an array of shape (C, F_h, F_w)"),
        ("weights", "one filter, of the same shape"),
        ("bias", "the filter's bias, a number"),
    ),
    returns="the output at this position, one number",
    cases=_patches,
    expected=_step,
    traits=(
        Trait(
            "where the patch is as high as wide",
            lambda patch, w, b: patch.shape[1] != patch.shape[2],
        ),
        Trait("where there is one channel", lambda patch, w, b: len(patch) > 1),
    ),
)

_LAYERS: Sequence[tuple[tuple[int, ...], str]] = (
    # C, H, W, K, F_h, F_w, stride, padding
    ((1, 1, 1, 1, 1, 1, 1, 0), "float64"),
    ((1, 3, 3, 1, 2, 2, 1, 0), "float64"),
    ((1, 3, 4, 1, 2, 2, 1, 0), "float64"),
    ((1, 4, 3, 1, 2, 2, 1, 0), "float64"),
    ((1, 4, 4, 1, 2, 3, 1, 0), "float64"),
    ((2, 3, 3, 1, 2, 2, 1, 0), "float64"),
    ((1, 3, 3, 2, 2, 2, 1, 0), "float64"),
    ((2, 4, 4, 3, 2, 2, 1, 0), "float64"),
    ((1, 3, 3, 1, 3, 3, 1, 1), "float64"),
    ((1, 3, 3, 1, 2, 2, 1, 2), "float64"),
    ((1, 5, 5, 1, 3, 3, 2, 0), "float64"),
    ((1, 6, 6, 1, 3, 3, 2, 0), "float64"),
    ((1, 5, 5, 1, 3, 3, 2, 1), "float64"),
    ((1, 7, 6, 1, 3, 2, 3, 1), "float64"),
    ((3, 6, 5, 4, 3, 2, 2, 1), "float64"),
    ((2, 5, 7, 3, 2, 3, 3, 2), "float64"),
    ((3, 7, 6, 2, 3, 3, 1, 1), "float64"),
    ((4, 4, 5, 2, 1, 1, 1, 0), "float64"),
    ((4, 5, 4, 2, 1, 1, 2, 0), "float64"),
    ((2, 4, 6, 3, 4, 6, 1, 0), "float64"),
    ((2, 5, 5, 3, 3, 3, 1, 1), "float32"),
    ((3, 7, 6, 4, 3, 2, 2, 1), "float32"),
)


def _layers(values: Values) -> list[tuple[Any, ...]]:
    return [
        (
            values.array((c, h, w), dtype),
            values.array((k, c, high, wide), dtype),
            values.array((k,), dtype),
            stride,
            padding,
        )
        for (c, h, w, k, high, wide, stride, padding), dtype in _LAYERS
    ]


def _gradients(values: Values) -> list[tuple[Any, ...]]:
    cases = []
    for (c, h, w, k, high, wide, stride, padding), dtype in _LAYERS:
        out = [
            arithmetic.output_size(size, filter_size, stride=stride, padding=padding)
            for size, filter_size in ((h, high), (w, wide))
        ]
        arrays = [
            values.array(shape, dtype) for shape in ((c, h, w), (k, c, high, wide), (k, *out))
        ]
        cases.append((*arrays, stride, padding))
    return cases


def _fits(x: Any, filters: Any, stride: int, padding: int) -> bool:
    return all(
        (n - f + 2 * padding) % stride == 0
        for n, f in zip(x.shape[1:], filters.shape[2:], strict=True)
    )


def _square(x: Any, filters: Any) -> bool:
    return len({*x.shape[1:]}) == len({*filters.shape[2:]}) == 1


_LAYER_TRAITS = (
    Trait("where the stride fits the input", lambda x, w, _, s, p: not _fits(x, w, s, p)),
    Trait(
        "where input and filters are square",
        lambda x, w, _, s, p: not _square(x, w),
        "Are height and width swapped somewhere?",
    ),
    Trait("where the padding is 0", lambda x, w, _, s, p: p > 0),
    Trait("where there is padding", lambda x, w, _, s, p: p == 0),
    Trait("where the stride is 1", lambda x, w, _, s, p: s > 1),
    Trait("where the input has one channel", lambda x, w, _, s, p: len(x) > 1),
    Trait("where there is one filter", lambda x, w, _, s, p: len(w) > 1),
    Trait("where there are as many filters as channels", lambda x, w, *_: len(w) != len(x)),
)

_LAYER_ARGUMENTS = (
    ("x", "an image, an array of shape (C, H, W)"),
    ("filters", "K filters, an array of shape (K, C, F_h, F_w)"),
)
_SETTINGS = (
    ("stride", "S, an `int`, the same in both directions"),
    ("padding", "P, an `int`, zeros on every side"),
)

_CONVOLUTION = Task(
    name="convolution",
    arguments=(*_LAYER_ARGUMENTS, ("bias", "one bias for each filter, shape (K,)"), *_SETTINGS),
    returns="the K maps, a new array of shape (K, H_out, W_out) and of the dtype of `x`",
    cases=_layers,
    expected=_convolved,
    traits=_LAYER_TRAITS,
)

_BACKWARD = Task(
    name="convolution_backward",
    arguments=(
        *_LAYER_ARGUMENTS,
        ("dy", "the gradient of the loss by the layer's output, shape (K, H_out, W_out)"),
        *_SETTINGS,
    ),
    returns="`dx, dfilters, dbias`, new arrays of the shapes of `x`, `filters` and the biases, and "
    "of the dtype of `x`",
    cases=_gradients,
    expected=_backward,
    parts=("dx", "dfilters", "dbias"),
    traits=_LAYER_TRAITS,
)


def _parameters(values: Values) -> list[tuple[Any, ...]]:
    shapes = [
        ((1, 1, 1, 1), 1.0, "float64"),
        ((1, 1, 2, 2), 0.5, "float64"),
        ((2, 1, 2, 3), 0.25, "float64"),
        ((3, 2, 2, 2), 2.0, "float64"),
        ((2, 3, 3, 2), 0.125, "float64"),
        ((4, 2, 3, 3), 0.5, "float32"),
    ]
    return [
        (
            values.array(shape, dtype),
            values.array(shape[:1], dtype),
            values.array(shape, dtype),
            values.array(shape[:1], dtype),
            rate,
        )
        for shape, rate, dtype in shapes
    ]


_DESCENT = Task(
    name="descent_step",
    arguments=(
        ("filters", "an array of shape (K, C, F_h, F_w)"),
        ("bias", "an array of shape (K,)"),
        ("dfilters", "the gradient of the loss by the filters, of their shape"),
        ("dbias", "its gradient by the biases, of their shape"),
        ("learning_rate", "a `float`: how far to go"),
    ),
    returns="the new filters and biases, two new arrays of the same dtypes",
    cases=_parameters,
    expected=_descended,
    parts=("filters", "bias"),
    traits=(Trait("where the learning rate is 1", lambda *arguments: arguments[-1] != 1),),
)


# --- The questions -----------------------------------------------------------------------------


def _rotated(array: Any) -> Any:
    return array[..., ::-1, ::-1]


def _turned(array: Any) -> Any:
    return array.swapaxes(-1, -2)


def _outer_slice(x: Any, padding: int) -> Any:
    if padding == 0:
        raise ValueError("could not broadcast input array")
    return _padded(x, (padding, padding))


def _shrunk(x: Any, w: Any, b: Any, s: int, p: int) -> Any:
    return _convolved(x, w, b, s, p)[:, :-1, :-1]


QUESTIONS = (
    Question(
        id="implement-output-size",
        title="Output Size",
        kind=Kind.FUNCTION,
        numbers=_numbers(_SIZE),
        function=_SIZE,
        objective="output-shape",
        prompt="Write `output_size(size, filter_size, stride, padding)`: how many positions does "
        "a filter have along one axis? Where the stride does not fit, the last few pixels are "
        "left out. The filter is never larger than the padded input.",
        right_answer=lambda g: ours.find("output_size"),
        misconceptions=(
            _bug(
                "padding-once",
                "The padding seems to be counted once: it is added at both ends.",
                lambda n, f, s, p: (n - f + p) // s + 1,
            ),
            _bug(
                "padding-ignored",
                "The padding seems to be left out.",
                lambda n, f, s, p: (n - f) // s + 1,
            ),
            _bug(
                "no-plus-one",
                "That counts the steps, not the positions: the first position needs no step.",
                lambda n, f, s, p: (n - f + 2 * p) // s,
            ),
            _bug(
                "plus-one-inside",
                "The + 1 seems to be added before the division; it comes after it.",
                lambda n, f, s, p: (n - f + 2 * p + 1) // s,
            ),
            _bug(
                "stride-ignored",
                "The stride seems to be left out.",
                lambda n, f, s, p: n - f + 2 * p + 1,
            ),
            _bug(
                "precedence",
                "The stride seems to divide the padding alone: use brackets, so that it divides "
                "the whole sum.",
                lambda n, f, s, p: n - f + 2 * p // s + 1,
            ),
            _bug(
                "padding-subtracted",
                "The padding seems to be subtracted: it makes the input larger.",
                lambda n, f, s, p: (n - f - 2 * p) // s + 1,
            ),
            _bug(
                "same-rule",
                "That is the size under 'same' padding; here the padding is given.",
                lambda n, f, s, p: -(-n // s),
            ),
            _bug(
                "rounded-up",
                "It seems to round up, but a filter that hangs over the edge has no position.",
                lambda n, f, s, p: -((f - n - 2 * p) // s) + 1,
            ),
            _bug(
                "rounded",
                "It seems to round to the nearest whole number, but a filter that hangs over the "
                "edge has no position.",
                lambda n, f, s, p: round((n - f + 2 * p) / s) + 1,
            ),
        ),
        next_step="How many steps of `stride` pixels fit between the first position and the end "
        "of the padded input?",
    ),
    Question(
        id="implement-zero-padding",
        title="Zero Padding",
        kind=Kind.FUNCTION,
        numbers=_numbers(_PADDING),
        function=_PADDING,
        objective="build-forward",
        prompt="Write `zero_padding(x, padding)`: put a border of zeros around each map of an "
        "image. The number of channels stays, and so does the dtype.",
        right_answer=lambda g: ours.find("zero_padding"),
        misconceptions=(
            _bug(
                "before-only",
                "The zeros seem to be above and on the left only: they go on every side.",
                lambda x, p: _padded(x, (p, 0)),
            ),
            _bug(
                "after-only",
                "The zeros seem to be below and on the right only: they go on every side.",
                lambda x, p: _padded(x, (0, p)),
            ),
            _bug(
                "in-the-corner",
                "The size is right, but the image seems to sit in the top left corner: it goes "
                "into the middle.",
                _by_hand("in_the_corner"),
            ),
            _bug(
                "channels-padded",
                "The channels seem to be padded too: only height and width grow.",
                lambda x, p: _np().pad(x, p),
            ),
            _bug(
                "rows-only",
                "The zeros seem to be above and below only.",
                lambda x, p: _padded(x, (p, p), (0, 0)),
            ),
            _bug(
                "columns-only",
                "The zeros seem to be left and right only.",
                lambda x, p: _padded(x, (0, 0), (p, p)),
            ),
            _bug(
                "edge-repeated",
                "The border seems to repeat the image's edge: it is to be zeros.",
                lambda x, p: _np().pad(x, ((0, 0), (p, p), (p, p)), mode="edge"),
            ),
            _bug(
                "transposed",
                "Height and width seem to be swapped.",
                lambda x, p: _turned(_padded(x, (p, p))),
                share=m.HALF,
            ),
            _bug(
                "padding-twice",
                "There seem to be twice as many zeros on every side.",
                lambda x, p: _padded(x, (2 * p, 2 * p)),
            ),
            _bug(
                "empty-slice",
                "With padding 0 a slice such as `0:-0` is empty: count from the start, as in "
                "`padding : padding + height`.",
                _outer_slice,
            ),
            _bug(
                "not-padded",
                "The image comes back without a border.",
                lambda x, p: _padded(x, (0, 0)),
            ),
        ),
        next_step="In the padded image, in which row and column does the first pixel of `x` lie?",
    ),
    Question(
        id="implement-one-step",
        title="One Step",
        kind=Kind.FUNCTION,
        numbers=_numbers(_STEP),
        function=_STEP,
        objective="build-forward",
        prompt="Write `one_step(patch, weights, bias)`: the output of one filter at one position. "
        "Each number of the patch meets the weight in the same place; nothing is flipped.",
        right_answer=lambda g: ours.find("one_step"),
        misconceptions=(
            _bug(
                "no-bias",
                "The bias seems to be left out.",
                lambda x, w, b: _step(x, w, 0 * b),
                share=m.HALF,
            ),
            _bug(
                "flipped",
                "The filter seems to be flipped: here each weight meets the number in its own "
                "place, as in all deep learning libraries.",
                lambda x, w, b: _step(x, _rotated(w), b),
            ),
            _bug(
                "bias-per-weight",
                "The bias seems to be added once for each weight: it is added once.",
                lambda x, w, b: _step(x, w, b * w.size),
            ),
            _bug(
                "bias-per-channel",
                "The bias seems to be added once for each channel: it is added once.",
                lambda x, w, b: _step(x, w, b * len(w)),
            ),
            _bug(
                "bias-subtracted",
                "The bias seems to be subtracted.",
                lambda x, w, b: _step(x, w, -b),
            ),
            _bug(
                "mean",
                "That is the mean of the products: a filter adds them up.",
                lambda x, w, b: _step(x, w, 0 * b) / w.size + b,
            ),
            _bug(
                "first-channel",
                "Only the first channel seems to be used: a filter reaches through all of them.",
                lambda x, w, b: _step(x[:1], w[:1], b),
            ),
            _bug(
                "sums-multiplied",
                "Patch and weights seem to be added up first: multiply place by place, then add.",
                lambda x, w, b: _np().float64(x.sum()) * w.sum() + b,
            ),
            _bug(
                "channels-apart",
                "It returns a number for each channel: a filter adds them all up.",
                lambda x, w, b: (_np().float64(1) * x * w).sum((1, 2)) + b,
            ),
            _bug(
                "not-summed",
                "It returns a number for each weight: a filter adds them all up.",
                lambda x, w, b: _np().float64(1) * x * w + b,
            ),
            _bug(
                "matrix-product",
                "`@` is the matrix product; here numbers in the same place are multiplied: `*`.",
                lambda x, w, b: (_np().float64(1) * x @ w).sum() + b,
            ),
        ),
        next_step="If patch and weights held one number each, how would you get the output?",
    ),
    Question(
        id="implement-parameter-count",
        title="Counting Parameters",
        kind=Kind.FUNCTION,
        numbers=_numbers(_COUNT),
        function=_COUNT,
        objective="count-parameters",
        prompt="Write `parameter_count(filter_height, filter_width, in_channels, out_channels)`: "
        "how many numbers does a convolutional layer learn? Each filter has one bias.",
        right_answer=lambda g: ours.find("parameter_count"),
        misconceptions=(
            _bug(
                "no-bias",
                "The biases seem to be left out.",
                lambda h, w, c, k: h * w * c * k,
                share=m.HALF,
            ),
            _bug(
                "one-bias",
                "There seems to be one bias for the whole layer: each filter has its own.",
                lambda h, w, c, k: h * w * c * k + 1,
                share=m.HALF,
            ),
            _bug(
                "bias-per-channel",
                "A filter seems to have a bias for each input channel: it has one.",
                lambda h, w, c, k: (h * w * c + c) * k,
                share=m.HALF,
            ),
            _bug(
                "bias-per-weight",
                "Every weight seems to have a bias: a filter has one for all of them.",
                lambda h, w, c, k: 2 * h * w * c * k,
                share=m.HALF,
            ),
            _bug(
                "input-depth-forgotten",
                "The input's depth seems to be left out: a filter reaches through all channels.",
                lambda h, w, c, k: (h * w + 1) * k,
            ),
            _bug(
                "one-filter",
                "That is one filter: the layer has `out_channels` of them.",
                lambda h, w, c, k: h * w * c + 1,
            ),
            _bug(
                "filter-shared-across-outputs",
                "All filters seem to share their weights: weights are shared over positions, not "
                "over filters.",
                lambda h, w, c, k: h * w * c + k,
            ),
            _bug(
                "c-and-k-swapped",
                "The two numbers of channels seem to be swapped, in the filters or in the biases: "
                "each filter is as deep as the input, and has one bias.",
                lambda h, w, c, k: (h * w * k + 1) * c,
            ),
            _bug(
                "height-squared",
                "The filter's height seems to be used for its width as well.",
                lambda h, w, c, k: (h * h * c + 1) * k,
            ),
            _bug(
                "width-squared",
                "The filter's width seems to be used for its height as well.",
                lambda h, w, c, k: (w * w * c + 1) * k,
            ),
            _bug(
                "size-added",
                "Height and width seem to be added: how many weights are in a grid?",
                lambda h, w, c, k: ((h + w) * c + 1) * k,
            ),
        ),
        next_step="How many weights has one filter, through all channels of the input?",
    ),
    Question(
        id="implement-convolution",
        title="The Whole Convolution",
        kind=Kind.FUNCTION,
        numbers=_numbers(_CONVOLUTION),
        function=_CONVOLUTION,
        objective="build-forward",
        prompt="Write `convolution(x, filters, bias, stride, padding)`: slide every filter over "
        "the padded image and take one step at each position. Sizes are rounded down, nothing is "
        "flipped, and map `k` comes from filter `k` and its bias.",
        right_answer=lambda g: ours.find("convolution"),
        misconceptions=(
            _bug(
                "no-bias",
                "The bias seems to be left out.",
                lambda x, w, b, s, p: _convolved(x, w, 0 * b, s, p),
                share=m.HALF,
            ),
            _bug(
                "one-bias",
                "All maps seem to get the first bias: each filter has its own.",
                lambda x, w, b, s, p: _convolved(x, w, b[0] + 0 * b, s, p),
                share=m.HALF,
            ),
            _bug(
                "bias-per-channel",
                "The bias seems to be added once for each input channel: it is added once.",
                lambda x, w, b, s, p: _convolved(x, w, len(x) * b, s, p),
                share=m.HALF,
            ),
            _bug(
                "bias-per-weight",
                "The bias seems to be added once for each weight: it is added once.",
                lambda x, w, b, s, p: _convolved(x, w, w[0].size * b, s, p),
                share=m.HALF,
            ),
            _bug(
                "flipped",
                "The filters seem to be flipped, as in mathematics: here nothing is.",
                lambda x, w, b, s, p: _convolved(x, _rotated(w), b, s, p),
            ),
            _bug(
                "filter-turned",
                "Height and width of the filters seem to be swapped.",
                lambda x, w, b, s, p: _convolved(x, _turned(w), b, s, p),
            ),
            _bug(
                "transposed",
                "Height and width of the output seem to be swapped.",
                lambda x, w, b, s, p: _turned(_convolved(x, w, b, s, p)),
                share=m.HALF,
            ),
            _bug(
                "channels-last",
                "The numbers are right, but the maps come last: here they come first.",
                lambda x, w, b, s, p: _np().moveaxis(_convolved(x, w, b, s, p), 0, -1),
                share=m.HALF,
            ),
            _bug(
                "stride-ignored",
                "The stride seems to be left out.",
                lambda x, w, b, s, p: _convolved(x, w, b, 1, p),
            ),
            _bug(
                "stride-in-the-size-only",
                "The number of positions is right, but the filter seems to move by one pixel: "
                "position i begins at pixel i times the stride.",
                _by_hand("stride_in_the_size_only"),
            ),
            _bug(
                "stride-down-only",
                "The stride seems to be applied along the height only.",
                lambda x, w, b, s, p: _convolved(x, w, b, 1, p)[:, ::s],
            ),
            _bug(
                "stride-across-only",
                "The stride seems to be applied along the width only.",
                lambda x, w, b, s, p: _convolved(x, w, b, 1, p)[:, :, ::s],
            ),
            _bug(
                "stride-before-padding",
                "The stride seems to be applied to the image, before the padding: it is the "
                "filter that moves by it, over the padded image.",
                lambda x, w, b, s, p: _convolved(x[:, ::s, ::s], w, b, 1, p),
            ),
            _bug(
                "padding-ignored",
                "The padding seems to be left out.",
                lambda x, w, b, s, p: _convolved(x, w, b, s, 0),
            ),
            _bug(
                "before-only",
                "The padding seems to be above and on the left only: it goes on every side.",
                lambda x, w, b, s, p: _slid(_padded(x, (p, 0)), w, b, s),
            ),
            _bug(
                "after-only",
                "The padding seems to be below and on the right only: it goes on every side.",
                lambda x, w, b, s, p: _slid(_padded(x, (0, p)), w, b, s),
            ),
            _bug(
                "edge-repeated",
                "The border seems to repeat the image's edge: it is to be zeros.",
                lambda x, w, b, s, p: _slid(
                    _np().pad(x, ((0, 0), (p, p), (p, p)), mode="edge"), w, b, s
                ),
            ),
            _bug(
                "no-plus-one",
                "The last row and column of positions seem to be missing.",
                _shrunk,
            ),
            _bug(
                "first-channel",
                "Only the first channel seems to be used: a filter reaches through all of them.",
                lambda x, w, b, s, p: _convolved(x[:1], w[:, :1], b, s, p),
            ),
            _bug(
                "channels-not-summed",
                "There seems to be a map for each filter and channel: a filter adds its channels "
                "up, and makes one map.",
                _by_hand("without_summing"),
            ),
            _bug(
                "first-filter",
                "All maps seem to come from the first filter.",
                lambda x, w, b, s, p: _convolved(x, w[[0] * len(w)], b, s, p),
            ),
            _bug(
                "mean",
                "That is the mean of the products: a filter adds them up.",
                lambda x, w, b, s, p: _convolved(x, w / w[0].size, b, s, p),
            ),
        ),
        next_step="Which pixels of the padded image lie under the filter at position (i, j)?",
    ),
    Question(
        id="implement-descent-step",
        title="A Step Downhill",
        kind=Kind.FUNCTION,
        numbers=_numbers(_DESCENT),
        function=_DESCENT,
        objective="build-backward",
        prompt="Write `descent_step(filters, bias, dfilters, dbias, learning_rate)`: one step of "
        "gradient descent. The gradient points uphill, and the step is the learning rate times "
        "the gradient. Leave the old arrays as they are.",
        right_answer=lambda g: ours.find("descent_step"),
        misconceptions=(
            _bug(
                "uphill",
                "The step seems to go uphill: the loss would grow.",
                lambda w, b, dw, db, rate: _descended(w, b, dw, db, -rate),
            ),
            _bug(
                "rate-ignored",
                "The learning rate seems to be left out.",
                lambda w, b, dw, db, rate: _descended(w, b, dw, db, 1.0),
            ),
            _bug(
                "bias-kept",
                "The biases seem to stay as they were: they learn too.",
                lambda w, b, dw, db, rate: _descended(w, b, dw, 0 * db, rate),
                share=m.HALF,
            ),
            _bug(
                "filters-kept",
                "The filters seem to stay as they were: they learn too.",
                lambda w, b, dw, db, rate: _descended(w, b, 0 * dw, db, rate),
            ),
            _bug(
                "steps-returned",
                "It seems to return the steps alone: take them from the old numbers.",
                lambda w, b, dw, db, rate: _descended(0 * w, 0 * b, dw, db, -rate),
            ),
            _bug(
                "order",
                "The numbers are right, but filters come first and biases second.",
                lambda *arguments: _descended(*arguments)[::-1],
                share=m.HALF,
            ),
        ),
        next_step="If a weight is 1, its gradient 2 and the learning rate a tenth, which way "
        "should the weight go, and how far?",
    ),
    Question(
        id="implement-backward",
        title="Bonus: The Way Back",
        kind=Kind.FUNCTION,
        numbers=_numbers(_BACKWARD),
        function=_BACKWARD,
        objective="build-backward",
        prompt="Write `convolution_backward(x, filters, dy, stride, padding)`: given how the loss "
        "changes with each output, how does it change with each pixel, weight and bias?",
        right_answer=lambda g: ours.find("convolution_backward"),
        misconceptions=(
            _bug(
                "not-cropped",
                "`dx` still seems to have the padding around it: only the pixels of `x` count.",
                lambda *arguments: _backward(*arguments, crop=False),
            ),
            _bug(
                "overwritten",
                "Where patches overlap, the later one seems to replace the earlier: add up what "
                "comes from all positions, with `+=`.",
                lambda *arguments: _backward(*arguments, gather=False),
            ),
            _bug(
                "dx-overwritten",
                "Where patches overlap, the later one seems to replace the earlier in `dx`: add "
                "them up, with `+=`.",
                lambda *arguments: (
                    _backward(*arguments, gather=False)[0],
                    *_backward(*arguments)[1:],
                ),
            ),
            _bug(
                "dfilters-overwritten",
                "Only the last position seems to count in `dfilters`: add them all up, with `+=`.",
                lambda *arguments: (
                    _backward(*arguments)[0],
                    _backward(*arguments, gather=False)[1],
                    _backward(*arguments)[2],
                ),
            ),
            _bug(
                "flipped",
                "In `dx` the filters seem to be flipped: each weight sends its share back to the "
                "pixel that it met.",
                lambda *arguments: _backward(*arguments, flip=True),
            ),
            _bug(
                "order",
                "The numbers are right, but the order is dx, dfilters, dbias.",
                lambda *arguments: tuple(_backward(*arguments)[at] for at in (1, 0, 2)),
                share=m.HALF,
            ),
            _bug(
                "bias-mean",
                "`dbias` seems to be a mean: a bias acts at every position, so add `dy` up.",
                lambda *arguments: (
                    *_backward(*arguments)[:2],
                    _np().float64(1) * arguments[2].mean((1, 2)),
                ),
                share=m.HALF,
            ),
            _bug(
                "bias-over-all",
                "`dbias` seems to mix the filters: each has a bias and a sum of its own.",
                lambda *arguments: (
                    *_backward(*arguments)[:2],
                    _backward(*arguments)[2].sum() + 0 * arguments[2][:, 0, 0],
                ),
                share=m.HALF,
            ),
            _bug(
                "padding-ignored",
                "`dfilters` seems to be of the image without its padding.",
                lambda x, w, dy, s, p: (
                    _backward(x, w, dy, s, p)[0],
                    _backward(x, w, _cut(x, w, dy, s), s, 0)[1],
                    _backward(x, w, dy, s, p)[2],
                ),
            ),
        ),
        next_step="If there were one pixel, one weight and one position: what would `dx`, "
        "`dfilters` and `dbias` be?",
    ),
)


def _np() -> Any:
    return import_module("numpy")


def _cut(x: Any, filters: Any, dy: Any, stride: int) -> Any:
    """Return what of dy belongs to positions of the image without padding, counted from 0."""
    high, wide = (
        (n - f) // stride + 1 for n, f in zip(x.shape[1:], filters.shape[2:], strict=True)
    )
    return dy[:, :high, :wide]


ASSIGNMENT = Assignment(
    id="conv-layer",
    title="A convolutional layer of your own",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(90, 120),
    after="04b-backward",
)
