"""The questions on whether sharing works: practised in the lesson, and in no assignment."""

from dataclasses import dataclass
from fractions import Fraction

from cnnlesson import arithmetic
from cnnlesson.quiz.questions import Kind, Misconception, Question
from cnnlesson.quiz.setups import Draw, Lines, Numbers, Row
from cnnlesson.working import show_work

# --- An image that moves -----------------------------------------------------------------------


@dataclass(frozen=True)
class Moving:
    """A layer with circular borders, over an image that moves to the right.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width.
        K: how many filters.
        S: the stride, which divides W.
        steps: by how many positions the maps move.
    """

    W: int
    F: int
    K: int
    S: int
    steps: int

    @property
    def shift(self) -> int:
        """By how many pixels the image moves."""
        return self.steps * self.S

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}"),
            ("filters", f"{self.K} of {self.F} x {self.F}"),
            ("stride", str(self.S)),
            ("borders", "circular: what leaves on one side comes in on the other"),
        ]

    def figure(self) -> None:
        """Nothing to draw."""


def _moving(draw: Draw) -> Moving:
    stride, positions = draw.pick((2, 3, 4)), draw.pick(range(8, 17))
    return Moving(
        W=stride * positions,
        F=draw.pick(range(3, 8)),
        K=draw.pick((8, 12, 16, 20, 24)),
        S=stride,
        steps=draw.pick(range(2, 7)),
    )


MOVING = Numbers("moving", Moving(W=32, F=8, K=20, S=2, steps=3), _moving)


# --- An object whose response is cut -----------------------------------------------------------


@dataclass(frozen=True)
class Cut:
    """A layer of stride 1 with zero padding, over an object on zeros.

    Attributes:
        W: the image's height and width.
        F: the filters' height and width.
        P: zeros on every side, fewer than F - 1.
        object_size: the object's height and width.
    """

    W: int
    F: int
    P: int
    object_size: int

    @property
    def map_size(self) -> int:
        """Height and width of a map."""
        return arithmetic.output_size(self.W, self.F, padding=self.P)

    @property
    def inside(self) -> int:
        """In how many columns the object lies wholly inside the image."""
        return arithmetic.output_size(self.W, self.object_size)

    @property
    def response_size(self) -> int:
        """Height and width of what the object changes in a map that is large enough.

        With P = F - 1 on a side of the object alone, every window that touches it is there.
        """
        return arithmetic.output_size(self.object_size, self.F, padding=self.F - 1)

    @property
    def whole(self) -> int:
        """In how many columns the whole response lies inside the map."""
        return arithmetic.output_size(self.map_size, self.response_size)

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("image, height x width", f"{self.W} x {self.W}, zeros but for the object"),
            ("object", f"{self.object_size} x {self.object_size}"),
            ("filters", f"{self.F} x {self.F}"),
            ("stride", "1"),
            ("zero padding, on every side", str(self.P)),
        ]

    def figure(self) -> None:
        """Nothing to draw."""


def _cut(draw: Draw) -> Cut:
    filter_size = draw.pick(range(4, 10))
    return Cut(
        W=draw.pick(range(28, 57)),
        F=filter_size,
        P=draw.pick(range(1, filter_size - 1)),
        object_size=draw.pick(range(4, 9)),
    )


CUT = Numbers("cut", Cut(W=32, F=8, P=1, object_size=12), _cut)


# --- A network that saw one corner -------------------------------------------------------------

_NETWORKS = {
    "shared filters, then the global maximum of each map": "a",
    "shared filters, then all positions of all maps side by side (flattened)": "b",
    "filters of its own for every position, then the global maximum of each map": "c",
}
"""What comes before the last, dense layer, to what the network does elsewhere."""


@dataclass(frozen=True)
class Corner:
    """A network that was trained on shapes in one corner.

    Attributes:
        network: one of `_NETWORKS`.
        classes: how many shapes it tells apart.
        W: the images' height and width.
        K: how many filters.
    """

    network: str
    classes: int
    W: int
    K: int

    def rows(self) -> list[Row]:
        """The set-up as the card's table shows it."""
        return [
            ("images", f"{self.W} x {self.W}, zeros but for one of {self.classes} shapes"),
            ("layer", f"{self.K} filters at every position, then ReLU"),
            ("in detail", self.network),
            ("last layer", f"dense, {self.classes} classes"),
            ("trained on", "shapes in the top left quarter, until it knows them all"),
        ]

    def figure(self) -> None:
        """Nothing to draw."""


def _corner(draw: Draw) -> Corner:
    return Corner(
        network=draw.pick(tuple(_NETWORKS)),
        classes=draw.pick(range(3, 11)),
        W=draw.pick(range(16, 41, 2)),
        K=draw.pick((16, 20, 24, 32)),
    )


CORNER = Numbers("corner", Corner(next(iter(_NETWORKS)), classes=4, W=16, K=24), _corner)


# --- The questions -----------------------------------------------------------------------------

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
        id="shifts-that-keep-the-maximum",
        title="Shifts That Keep the Maximum",
        kind=Kind.INTEGER,
        numbers=MOVING,
        objective="what-a-maximum-forgets",
        prompt="Each map is followed by its global maximum. The image may move to the right by 0, "
        "1, 2 ... pixels, up to {g.W} - 1. For how many of these {g.W} shifts are the maxima "
        "certain to stay the same, whatever the image and the weights?",
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
        right_answer=lambda g: _NETWORKS[g.network],
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
)
