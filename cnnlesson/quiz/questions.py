"""What a question is: data, from which its card, its verdicts and its diagnoses are made."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Any

from cnnlesson.quiz.functions import Task
from cnnlesson.quiz.setups import Numbers

Number = int | Fraction
"""A number as formulas give it; a fraction is wrong, and says how it came about."""

Answer = Any
"""An int or Fraction, a tuple of them, the letter or letters of choices; see `Kind`."""


class Kind(enum.Enum):
    """The form that an answer takes."""

    INTEGER = "a whole number"
    SIZE = "a size"
    SHAPE = "a shape"
    CHOICE = "one of the letters"
    SEVERAL = "one or more of the letters"
    DESIGN = "a design"
    FUNCTION = "a function"


FIELDS = {
    Kind.INTEGER: ("number",),
    Kind.SIZE: ("height", "width"),
    Kind.SHAPE: ("height", "width", "depth"),
}
"""What the numbers of an answer are called, where its question does not name them."""


@dataclass(frozen=True)
class Misconception:
    """A way to a wrong answer.

    Attributes:
        id: what the catalogue calls it.
        say: what to tell the student, in whole sentences, without the right number; may refer to
            the set-up, as in "{g.S}", and to a choice by the letter before it, as in "{at[b]}".
        formula: the set-up to the wrong answer, or to the wrong value of one piece of it; for a
            function, the arguments to what a function with this bug returns.
        piece: which piece of the answer is changed; empty if the formula gives it all.
        share: of the points, for an answer that is wrong in this way alone.
    """

    id: str
    say: str
    formula: Callable[..., Any]
    piece: str = ""
    share: Fraction = Fraction(0)


@dataclass(frozen=True)
class Follows:
    """An earlier question whose answer this one builds on.

    Attributes:
        question: the earlier question's id.
        pieces: an earlier answer to the pieces of this one that it settles.
    """

    question: str
    pieces: Callable[[Any], Mapping[str, Any]]


@dataclass(frozen=True, eq=False)
class Question:
    """One question, as data.

    Attributes:
        id: what an assignment calls it by.
        title: what people call it.
        kind: the form of the answer.
        prompt: the question in Markdown; "{g.W}" and the like are filled in from the set-up.
        numbers: where the set-up comes from.
        right_answer: the set-up to the right answer, by a call into the library; for a design, to
            one of the right ones.
        objective: the id of what a lesson teaches and this question asks for.
        next_step: the smaller question that leads on from a wrong answer nobody listed.
        misconceptions: the ways to wrong answers, likeliest first.
        pieces: the set-up to the pieces of the right answer, by name.
        assemble: the pieces to the answer.
        follows: the earlier question that this one builds on, if any.
        choices: letter to text, for questions of choice; this letter is what formulas return.
        shuffled: whether each student sees the choices in an order of their own.
        fails: for a design, the set-up and an answer to a sentence on what the answer does not
            fulfil, or None if it is right.
        fields: what the numbers of an answer are called.
        work: the set-up to the library's own steps, shown after a right answer.
        function: what a question that asks for a function runs and compares.
        tells_apart: how many wrong answers must differ from the right one, and from each other,
            in a set-up that is drawn for this question.
    """

    id: str
    title: str
    kind: Kind
    prompt: str
    numbers: Numbers
    right_answer: Callable[[Any], Answer]
    objective: str
    next_step: str
    misconceptions: tuple[Misconception, ...] = ()
    pieces: Callable[[Any], Mapping[str, Any]] | None = None
    assemble: Callable[..., Answer] | None = None
    follows: Follows | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    shuffled: bool = True
    fails: Callable[[Any, Any], str | None] | None = None
    fields: tuple[str, ...] = ()
    work: Callable[[Any], Any] | None = None
    function: Task | None = None
    tells_apart: int = 4

    @property
    def form(self) -> str:
        """What an answer looks like, in words."""
        form: str = self.kind.value
        if self.kind in (Kind.CHOICE, Kind.SEVERAL):
            example = ", as in 'ab'" if self.kind is Kind.SEVERAL else ""
            return f"{form} {', '.join(map(repr, self.choices))}{example}"
        if len(self.names) < 2:
            return form
        counted = {2: "two", 3: "three", 4: "four"}.get(len(self.names), str(len(self.names)))
        numbers = f"{counted} whole numbers ({', '.join(self.names)})"
        return numbers if self.fields else f"{form}: {numbers}"

    def letters(self, setup: Any) -> dict[str, str]:
        """Map each choice to the letter that stands before it: in the lesson's set-up its own."""
        own = list(self.choices)
        order = own
        if self.shuffled and setup != self.numbers.lesson:
            order = sorted(own, key=lambda letter: sha256(f"{setup}/{letter}".encode()).digest())
        return dict(zip(order, own, strict=True))

    @property
    def names(self) -> tuple[str, ...]:
        """What the numbers of an answer are called."""
        return self.fields or FIELDS.get(self.kind, ())


@dataclass(frozen=True)
class Assignment:
    """A notebook of questions that is handed in.

    Attributes:
        id: the name of its folder in `source/`.
        title: what people call it.
        after: the lesson that it follows; it may use this one and those before it.
        questions: the ids of its questions, in order.
        minutes: how long it takes, from and to.
    """

    id: str
    title: str
    after: str
    questions: tuple[str, ...]
    minutes: tuple[int, int]
