"""The questions of the assignment `equivariance`."""

from fractions import Fraction
from math import lcm, prod

from cnnlesson import arithmetic
from cnnlesson.quiz import misconceptions as m
from cnnlesson.quiz.bank.equivariance_setups import (
    CONVOLUTION,
    NETWORKS,
    POOLING,
    Corner,
    Cut,
    Moving,
    Places,
    Strides,
    Turning,
    Wall,
    corner,
    cut,
    moving,
    places,
    strides,
    turning,
    wall,
)
from cnnlesson.quiz.questions import Assignment, Kind, Misconception, Question
from cnnlesson.quiz.setups import IDEA, Lines, Numbers
from cnnlesson.working import show_work

MOVING = Numbers("moving", Moving(W=32, F=8, K=20, S=2, steps=3), moving)
TURNING = Numbers("turning", Turning(W=33, F=8, K=20, S=2, shift=6), turning)
STRIDES = Numbers(
    "strides",
    Strides(32, ((CONVOLUTION, 8, 2), (POOLING, 2, 2), (CONVOLUTION, 3, 1), (POOLING, 2, 2))),
    strides,
)
CUT = Numbers("cut", Cut(W=32, F=8, P=1, object_size=12), cut)
NOT_YET_FULL = Numbers("not-yet-full", CUT.lesson, cut)
WALL = Numbers("wall", Wall(W=6, F=3, P=1, brightness=1, bias=0), wall)
PLACES = Numbers(
    "places",
    Places(W=32, F=8, S=2, P=1, object_size=12, column=10, steps=(2, 2), part=1),
    places,
)
CORNER = Numbers("corner", Corner(next(iter(NETWORKS)), classes=4, W=16, K=24), corner)

_KEEPS = {"a": True, "b": False, "c": True, "d": False, "e": False}

_ANSWERS_AS_BEFORE = {"a": True, "b": False, "c": False, "d": True, "e": False}


def _three_neurons(pixels: tuple[int, ...], brightness: int, bias: int) -> tuple[int, ...]:
    """What neurons say whose windows see so many pixels of a wall, with weights of 1."""
    return tuple(brightness * count + bias for count in pixels)


QUESTIONS = (
    Question(
        id="how-far-the-map-moves",
        title="How Far the Map Moves",
        kind=Kind.INTEGER,
        numbers=MOVING,
        objective="exact-shifts",
        prompt="The image moves **{g.shift} pixels** to the right. By how many positions does each "
        "map of the layer move?",
        right_answer=lambda g: g.steps,
        work=lambda g: Lines(f"shift / S = {g.shift} / {g.S} = {g.steps}"),
        misconceptions=(
            Misconception(
                "stride-ignored",
                "Neighbouring positions of a map look at patches that are {g.S} pixels apart.",
                lambda g: g.shift,
            ),
            Misconception(
                "invariance",
                "That would be invariance: the map of a layer moves along with its image.",
                lambda g: 0,
            ),
            Misconception(
                "times-stride",
                "The stride makes the map smaller than the image, and so its moves.",
                lambda g: g.shift * g.S,
            ),
            Misconception(
                "plus-one",
                "The +1 counts positions, of which the first needs no step; a move is steps only.",
                lambda g: g.steps + 1,
            ),
            Misconception(
                "size-of-the-map",
                "That is how many positions a row of the map has; how many of them are in the "
                "move?",
                lambda g: g.W // g.S,
            ),
        ),
        next_step="By how many positions does the map move if the image moves {g.S} pixels?",
    ),
    Question(
        id="is-the-move-exact",
        title="Is the Move Exact?",
        kind=Kind.CHOICE,
        numbers=TURNING,
        objective="exact-shifts",
        prompt="The image moves **{g.shift} pixels** to the right. Is the map of the moved image "
        "then the map of the image, moved by some positions, exactly and whatever the weights?",
        choices={
            "a": "Yes, every map moves by a whole number of positions, to the last digit.",
            "b": "No: the move is no whole number of strides, so the windows stand on other "
            "pixels of the picture.",
            "c": "No: the stride does not divide the width, so one step around the circle is "
            "shorter than the others.",
            "d": "No: what moves over the border is lost.",
            "e": "Yes, the maps stay just as they are, since their weights are shared.",
        },
        right_answer=lambda g: "b" if g.shift % g.S else "c" if g.W % g.S else "a",
        misconceptions=(
            Misconception(
                "always-exact",
                "That takes two things: a whole number of strides in the move, and in the width.",
                lambda g: "a",
            ),
            Misconception(
                "move-not-divided",
                "Divide the move by the stride: is anything left over?",
                lambda g: "b",
            ),
            Misconception(
                "width-not-divided",
                "Divide the width by the stride: is anything left over?",
                lambda g: "c",
            ),
            Misconception(
                "border-loses",
                "The borders are circular: what leaves on the right comes in on the left.",
                lambda g: "d",
            ),
            Misconception(
                "invariance",
                "That would be invariance: sharing makes the maps move along with their image.",
                lambda g: "e",
            ),
        ),
        next_step="Does the stride divide the move, and does it divide the width?",
    ),
    Question(
        id="smallest-exact-move",
        title="Strides One After the Other",
        kind=Kind.INTEGER,
        numbers=STRIDES,
        objective="exact-shifts",
        prompt="The image moves to the right. What is the **smallest** move, of at least 1 pixel, "
        "after which the last maps are certain to be the old ones, moved by one or more whole "
        "positions?",
        right_answer=lambda g: prod(g.strides),
        work=lambda g: Lines(
            f"One position of the last maps: {' · '.join(map(str, g.strides))} = "
            f"{prod(g.strides)} pixels of the image."
        ),
        misconceptions=(
            Misconception(
                "strides-added",
                "One position of a layer is as many positions of the layer before as its stride "
                "says: the strides multiply.",
                lambda g: sum(g.strides),
            ),
            Misconception(
                "pooling-forgotten",
                "Pooling has a stride too, and thins its map out like a convolution.",
                lambda g: prod(g.strides_of(CONVOLUTION)),
            ),
            Misconception(
                "convolutions-forgotten",
                "The convolutions have strides too.",
                lambda g: prod(g.strides_of(POOLING)),
            ),
            Misconception(
                "largest-stride",
                "Such a move suits one of the layers; do the maps of those after it fit as well?",
                lambda g: max(g.strides),
            ),
            Misconception(
                "common-multiple",
                "All strides divide that, but each layer counts in positions of the layer before, "
                "not in pixels.",
                lambda g: lcm(*g.strides),
            ),
            Misconception(
                "any-shift",
                "One pixel is enough where every stride is 1.",
                lambda g: 1,
            ),
            Misconception(
                "size-of-the-map",
                "That is how many positions a row of the last maps has.",
                lambda g: g.W // prod(g.strides),
            ),
            Misconception(
                "once-around",
                "That moves the image once around, to where it was; a smaller move will do.",
                lambda g: g.W,
            ),
        ),
        next_step="How many pixels of the image are there from one position of the first map to "
        "the next?",
    ),
    Question(
        id="places-with-the-whole-response",
        title="Where the Response Is Whole",
        kind=Kind.INTEGER,
        numbers=CUT,
        objective="cut-by-zeros",
        prompt="The object's *response* is all positions of a map whose windows touch the object. "
        "The object lies wholly inside the image, about halfway down. In how many columns may its "
        "left edge be so that its whole response is inside the map?",
        right_answer=lambda g: g.whole,
        misconceptions=(
            Misconception(
                "object-inside",
                "There the object itself is inside the image. Its response is wider than it is: a "
                "window touches it from F - 1 pixels before on.",
                lambda g: g.inside,
            ),
            Misconception(
                "object-in-the-map",
                "The response is wider than the object: how many windows touch it?",
                lambda g: g.map_size - g.object_size + 1,
            ),
            Misconception(
                "padding-ignored",
                "The map reaches further than that, since the zeros make room for more windows.",
                lambda g: g.inside - 2 * (g.F - 1),
            ),
            Misconception(
                "one-side",
                "The response may be cut on the left and on the right.",
                lambda g: g.inside - (g.F - 1 - g.P),
            ),
            Misconception(
                "padding-once",
                "The zeros make room on both sides.",
                lambda g: g.inside - 2 * (g.F - 1) + g.P,
            ),
            Misconception(
                "no-plus-one",
                "That counts the steps, not the places: the first place needs no step.",
                lambda g: g.whole - 1,
            ),
            Misconception(
                "map-counted",
                "That is how many columns the map has; the response takes up several of them.",
                lambda g: g.map_size,
            ),
        ),
        next_step="How many columns has the map, and how many of them does the response take up?",
        work=lambda g: show_work(arithmetic.output_size, g.map_size, filter_size=g.response_size),
    ),
    Question(
        id="padding-that-cuts-nothing",
        title="The Padding That Cuts Nothing",
        kind=Kind.INTEGER,
        numbers=NOT_YET_FULL,
        objective="cut-by-zeros",
        prompt="This layer cuts the response of an object near the border: some windows that would "
        "touch it are not in the map. How many zeros on **every** side does it take, at least, for "
        "no such window to be missing, wherever the object is inside the image?",
        right_answer=lambda g: g.F - 1,
        work=lambda g: Lines(
            f"The first window that touches the image begins F - 1 = {g.F} - 1 = {g.F - 1} pixels "
            "before it: 'full' padding."
        ),
        misconceptions=(
            Misconception(
                "same-rule",
                "That keeps the map as large as the image, but a response is wider than its "
                "object.",
                lambda g: Fraction(g.F - 1, 2),
            ),
            Misconception(
                "padding-is-filter",
                "With so many zeros the first window touches nothing but zeros: fewer will do.",
                lambda g: g.F,
            ),
            Misconception(
                "both-sides-together",
                "That is what both sides get together; the question asks for one side.",
                lambda g: 2 * (g.F - 1),
            ),
            Misconception(
                "padding-besides",
                "That is how many zeros are still missing; the question asks for all of them.",
                lambda g: g.F - 1 - g.P,
            ),
            Misconception(
                "object-for-filter",
                "How far a window reaches depends on the filter's size, not on the object's.",
                lambda g: g.object_size - 1,
            ),
            Misconception(
                "object-for-filter",
                "How far a window reaches depends on the filter's size, not on the object's.",
                lambda g: g.object_size,
            ),
            Misconception(
                "padding-kept",
                "With the padding that it has, some windows are missing.",
                lambda g: g.P,
            ),
            Misconception(
                "response-for-padding",
                "That is how wide the response is, of which most has room in the map anyway.",
                lambda g: g.response_size,
            ),
        ),
        next_step="The object lies at the left edge of the image: how many pixels before it does "
        "the first window begin that touches it?",
    ),
    Question(
        id="what-a-wall-gives-away",
        title="What a Wall Gives Away",
        kind=Kind.SHAPE,
        fields=("corner", "edge", "middle"),
        numbers=WALL,
        objective="cut-by-zeros",
        prompt="The image is a wall: all its pixels are alike. Which numbers stand in the map in "
        "a corner, in the middle of the upper edge, and in the middle of the map? Give "
        "`(corner, edge, middle)`.",
        right_answer=lambda g: _three_neurons(g.pixels, g.brightness, g.bias),
        work=lambda g: Lines(
            f"F - P = {g.F - g.P} rows or columns of the window are on the image at an edge, "
            f"F = {g.F} inside.",
            "corner, edge, middle: {} · {} + {}, {} · {} + {}, {} · {} + {}".format(
                *(n for count in g.pixels for n in (g.brightness, count, g.bias))
            ),
        ),
        pieces=lambda g: {
            **dict(zip(("corner", "edge", "middle"), g.pixels, strict=True)),
            "brightness": g.brightness,
            "bias": g.bias,
        },
        assemble=lambda corner, edge, middle, brightness, bias: _three_neurons(
            (corner, edge, middle), brightness, bias
        ),
        misconceptions=(
            Misconception(
                "all-alike",
                "The weights are the same everywhere, but what they meet is not: some windows see "
                "zeros.",
                lambda g: _three_neurons((g.F**2,) * 3, g.brightness, g.bias),
            ),
            Misconception(
                "corner-like-edge",
                "A window in the corner reaches over two edges of the image, not over one.",
                lambda g: g.pixels[1],
                piece="corner",
            ),
            Misconception(
                "zeros-twice",
                "The zeros where the two borders meet have been taken away twice.",
                lambda g: max(0, g.F**2 - 2 * g.P * g.F),
                piece="corner",
            ),
            Misconception(
                "edge-like-middle",
                "At the edge, some rows of the window lie on zeros.",
                lambda g: g.F**2,
                piece="edge",
            ),
            Misconception(
                "bias-forgotten",
                "The bias is missing: every neuron adds it, at the border and inside.",
                lambda g: 0,
                piece="bias",
            ),
            Misconception(
                "brightness-forgotten",
                "That counts pixels; the filter adds up how bright they are.",
                lambda g: 1,
                piece="brightness",
            ),
            Misconception(
                "zeros-at-both-ends",
                "A window at an edge reaches over one end of the image, not over both.",
                lambda g: _three_neurons(g.seen(g.F - 2 * g.P), g.brightness, g.bias),
            ),
            Misconception(
                "zeros-for-pixels",
                "That is for the part of the window that lies on zeros.",
                lambda g: _three_neurons(g.seen(g.P), g.brightness, g.bias),
            ),
            Misconception(
                "order-turned",
                "The numbers are right, but the corner comes first.",
                lambda g: _three_neurons(g.pixels, g.brightness, g.bias)[::-1],
                share=m.HALF,
            ),
        ),
        next_step="How many of a window's pixels are on the image, in the corner?",
    ),
    Question(
        id="shifts-that-keep-the-maximum",
        title="Shifts That Keep the Maximum",
        kind=Kind.INTEGER,
        numbers=MOVING,
        objective="what-a-maximum-forgets",
        prompt="Each map is followed by its global maximum. The image may move to the right by 0, "
        "1, 2 ... pixels, but by fewer than {g.W}. For how many of these {g.W} shifts are the "
        "maxima certain to stay the same, whatever the image and the weights?",
        right_answer=lambda g: g.W // g.S,
        work=lambda g: Lines(
            f"Only multiples of the stride move the maps as a whole: W / S = {g.W} / {g.S} = "
            f"{g.W // g.S} of the shifts."
        ),
        misconceptions=(
            Misconception(
                "invariance",
                "With a stride over 1, some shifts give the filters patches that they had never "
                "met, and with them other maxima.",
                lambda g: g.W,
            ),
            Misconception(
                "zero-forgotten",
                "Not moving at all is one of the shifts too.",
                lambda g: g.W // g.S - 1,
            ),
            Misconception(
                "none-but-zero",
                "A shift by the stride moves every map by one position, and its maximum does not "
                "mind.",
                lambda g: 1,
            ),
            Misconception(
                "the-other-shifts",
                "Those are the shifts that are not certain.",
                lambda g: g.W - g.W // g.S,
            ),
            Misconception(
                "stride-counted",
                "That is how far one such shift is from the next; how many are there?",
                lambda g: g.S,
            ),
            Misconception(
                "both-ways",
                "Those are the shifts down and across together; the question asks for one way.",
                lambda g: (g.W // g.S) ** 2,
            ),
            Misconception(
                "share",
                "That is their share of all shifts; the question asks for their number.",
                lambda g: Fraction(1, g.S),
            ),
        ),
        next_step="Which shifts move every map by a whole number of positions?",
    ),
    Question(
        id="moves-that-keep-the-maximum",
        title="Where the Maximum Stays",
        kind=Kind.SEVERAL,
        numbers=PLACES,
        objective="what-a-maximum-forgets",
        prompt="The map is followed by its global maximum. The object moves along its rows, about "
        "halfway down, until its left edge is in another column. In which of these columns is the "
        "maximum **certain** to be the same as before, whatever the object and the weights? Give "
        'the letters of **all** of them, such as `"ac"`.',
        choices={
            "a": "column {g.right}",
            "b": "column {g.between}",
            "c": "column {g.left}",
            "d": "column {g.cut}",
            "e": "column {g.last}",
        },
        right_answer=lambda g: m.chosen(**_KEEPS),
        pieces=lambda g: _KEEPS,
        assemble=m.chosen,
        misconceptions=(
            m.mistaken(
                _KEEPS,
                "stride-ignored",
                "b",
                "({at[b]}) is not certain: the move is no whole number of strides, so the windows "
                "stand on other pixels of the object.",
            ),
            m.mistaken(
                _KEEPS,
                "cut-ignored",
                "d",
                "({at[d]}) is not certain: the first windows that would touch the object are "
                "missing, and the maximum may have been theirs.",
            ),
            m.mistaken(
                _KEEPS,
                "cut-ignored",
                "e",
                "({at[e]}) is not certain: the last windows that would touch the object are "
                "missing, and the maximum may have been theirs.",
            ),
            m.mistaken(
                _KEEPS,
                "forgets-nothing",
                "a",
                "({at[a]}) is certain: the whole response is in the map, only further right, and "
                "the maximum forgets where.",
            ),
            m.mistaken(
                _KEEPS,
                "one-way-only",
                "c",
                "({at[c]}) is certain: the whole response is in the map, only further left, and "
                "the maximum forgets where.",
            ),
        ),
        next_step="Which moves are whole numbers of strides, and after which is the whole response "
        "inside the map?",
    ),
    Question(
        id="seen-in-one-corner",
        title="Seen in One Corner",
        kind=Kind.CHOICE,
        numbers=CORNER,
        objective="sharing-and-head",
        prompt="What does this network do with a shape at the bottom right, well away from the "
        "borders?",
        choices={
            "a": "It knows the shape: the same filters look there, and what comes after them does "
            "not ask where.",
            "b": "It guesses: the same filters look there, but the dense layer's weights for "
            "these positions never met a shape.",
            "c": "It guesses: the filters that look there never met a shape.",
            "d": "It knows the shape: its dense layer is connected to every position.",
        },
        right_answer=lambda g: NETWORKS[g.network],
        misconceptions=(
            Misconception(
                "either-is-enough",
                "That takes two things: filters that are shared, and a step that forgets the "
                "position. Does this network have both?",
                lambda g: "a",
            ),
            Misconception(
                "head-keeps-position",
                "Look at what the dense layer reads: does it have weights for each position here, "
                "and do the same filters look everywhere?",
                lambda g: "b",
            ),
            Misconception(
                "sharing-overlooked",
                "Are the filters at the bottom right others than those at the top left?",
                lambda g: "c",
            ),
            Misconception(
                "connected-so-learnt",
                "A weight learns from what it meets: one that met zeros alone, or is not there, "
                "knows nothing.",
                lambda g: "d",
            ),
        ),
        next_step="Which weights look at the bottom right, and what did they meet in training?",
        tells_apart=3,
    ),
    Question(
        id="certain-to-answer-as-before",
        title="Certain to Answer as Before",
        kind=Kind.SEVERAL,
        numbers=IDEA,
        objective="sharing-and-head",
        prompt="A shape on zeros moves from the top left quarter of an image to the bottom right "
        "one, well away from the borders. Each of these networks ends in a dense layer, and all "
        "strides are 1. Which are **certain** to answer just as before, but for rounding, whatever "
        'their weights? Give the letters of **all** of them, such as `"ac"`.',
        choices={
            "a": "Shared filters, then the global maximum of each map.",
            "b": "Shared filters, then all positions of all maps side by side.",
            "c": "Filters of its own for every position, then the global maximum of each map.",
            "d": "Shared filters, then the average of each map.",
            "e": "No filters: another dense layer, which reads every pixel.",
        },
        right_answer=lambda g: m.chosen(**_ANSWERS_AS_BEFORE),
        pieces=lambda g: _ANSWERS_AS_BEFORE,
        assemble=m.chosen,
        misconceptions=(
            m.mistaken(
                _ANSWERS_AS_BEFORE,
                "nothing-is-certain",
                "a",
                "({at[a]}) is certain: the maps move along, and a maximum does not depend on "
                "where it stands.",
            ),
            m.mistaken(
                _ANSWERS_AS_BEFORE,
                "sharing-is-enough",
                "b",
                "({at[b]}) is not certain: the maps move along, and then meet other weights of the "
                "dense layer.",
            ),
            m.mistaken(
                _ANSWERS_AS_BEFORE,
                "forgetting-is-enough",
                "c",
                "({at[c]}) is not certain: the filters that look there may say something else.",
            ),
            m.mistaken(
                _ANSWERS_AS_BEFORE,
                "only-a-maximum-forgets",
                "d",
                "({at[d]}) is certain: a sum does not depend on the order of what is added up.",
            ),
            m.mistaken(
                _ANSWERS_AS_BEFORE,
                "connected-so-known",
                "e",
                "({at[e]}) is not certain: each pixel has weights of its own in a dense layer.",
            ),
        ),
        next_step="In which of them do the same weights look everywhere, and does what comes "
        "after them not ask where?",
    ),
)

ASSIGNMENT = Assignment(
    id="equivariance",
    title="Equivariance",
    after="05-does-sharing-work",
    questions=tuple(question.id for question in QUESTIONS),
    minutes=(30, 60),
)
