"""Simulated students: how they answer, and what each answer deserves.

That is known from what is put in, and never found out by asking the judge: a right answer is the
instructor's own solution, a wrong one the value of a misconception.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from random import Random
from typing import Any, TypeVar

from cnnlesson.grading.exercise import Cell, Exercise
from cnnlesson.grading.writing_out import written_out
from cnnlesson.quiz import bank
from cnnlesson.quiz.questions import Kind, Misconception, Question

Item = TypeVar("Item")

_FOLLOWS = 0.75
_BLANK_EXPLANATION = 0.08
_SLIPS = (  # what becomes of an answer that a student does not know, by how often
    *("listed",) * 6,
    *("number",) * 3,
    *("blank",) * 2,
    *("raises",) * 2,
    "text",
    "none",
    "length",
)


@dataclass(frozen=True)
class Answer:
    """What a student does with one question or explanation, and what that deserves.

    Attributes:
        question: its nbgrader id.
        outcome: "right", "follows" (right for an earlier answer that is wrong), "partly", "wrong",
            "misfit" (not in the form asked for), "blank", "raises", "loops", "deleted" or
            "unreadable"; "explained" or "blank" for what a person reads.
        share: of the points.
        max_points: the points to be had.
        misconceptions: the ids of those that led to it.
        code: what stands in the answer's cell; None to leave it as released.
        by_hand: whether a person gives the points.
        value: the answer, where it has the form asked for and later answers may build on it.
    """

    question: str
    outcome: str
    share: Fraction
    max_points: float
    misconceptions: tuple[str, ...] = ()
    code: str | None = None
    by_hand: bool = False
    value: Any = None

    @property
    def points(self) -> float:
        """What it deserves, with partial credit."""
        return float(self.share) * self.max_points

    @property
    def stock_points(self) -> float:
        """What stock nbgrader gives, which knows no partial credit unless a person gives it."""
        return self.points if self.by_hand or self.share == 1 else 0.0


@dataclass
class Mind:
    """How one student answers.

    Attributes:
        exercise: the assignment.
        variant: the id of the student's own numbers.
        skill: how likely the student is to know an answer.
        held: the ids of the student's misconceptions, the strongest first.
        random: what is left to chance.
        answers: to the questions so far, by id.
    """

    exercise: Exercise
    variant: str
    skill: float
    held: tuple[str, ...]
    random: Random
    answers: dict[str, Answer] = field(default_factory=dict)
    _setups: dict[Any, Any] = field(default_factory=dict)

    def answer(self, cell: Cell) -> Answer:
        """Answer by a misconception that the student holds, or by knowing, or by a slip."""
        question = cell.question
        for held in self.held:
            for misconception in question.misconceptions:
                if misconception.id == held and (answer := self._by(cell, misconception)):
                    return answer
        if self.random.random() < self.skill:
            carries_on = self.random.random() < _FOLLOWS
            return (carries_on and self._following(cell)) or self._known(cell)
        return self._slip(cell)

    def shows(self, misconception: str) -> bool:
        """Whether a misconception leads to a wrong answer of its own somewhere."""
        return any(
            each.id == misconception and self._by(cell, each)
            for cell in self.exercise.questions
            for each in cell.question.misconceptions
        )

    def explanation(self, cell: Cell) -> Answer:
        """Write something that a person reads, who gives whole points."""
        if self.random.random() < _BLANK_EXPLANATION:
            return replace(self.nothing(cell, "blank"), by_hand=True)
        most = int(cell.points)
        luck = 0.6 + 0.8 * self.random.random()
        points = min(most, round(most * self.skill * luck))
        is_code = self.exercise.notebook["cells"][cell.answer]["cell_type"] == "code"
        text = f"{'# ' if is_code else ''}A simulated answer, worth {points} of {most} points."
        share = Fraction(points) / Fraction(cell.points)
        return Answer(cell.id, "explained", share, cell.points, code=text, by_hand=True)

    def nothing(self, cell: Cell, outcome: str) -> Answer:
        """Give no answer at all."""
        return Answer(cell.id, outcome, Fraction(0), cell.points)

    def _setup(self, question: Question) -> Any:
        # By the numbers, since all questions about one layer share it and drawing takes time.
        if question.numbers not in self._setups:
            self._setups[question.numbers] = bank.setup(question, self.variant)
        return self._setups[question.numbers]

    def _known(self, cell: Cell) -> Answer:
        """Answer as the instructor does."""
        question = cell.question
        value = None
        if question.kind is not Kind.FUNCTION:
            value = question.right_answer(self._setup(question))
        code = self._solved(cell)
        return Answer(cell.id, "right", Fraction(1), cell.points, code=code, value=value)

    def _solved(self, cell: Cell, given: Mapping[int, str] | None = None) -> str:
        """Write the solution, and what it needs of earlier ones, whatever stands in their cells.

        Args:
            cell: which question.
            given: what the student says after some of the earlier solutions, by place.
        """
        lines = []
        for place in cell.needs:
            lines += [self.exercise.questions[place].code, (given or {}).get(place, "")]
        return "\n".join(filter(None, [*lines, cell.code]))

    def _following(self, cell: Cell) -> Answer | None:
        """Carry a wrong earlier answer on, as far as the question is of one piece with it."""
        question = cell.question
        values = self._followed(question)
        if not values or question.right_answer(self._setup(question)) in values:
            return None
        assert question.follows is not None
        ids = [each.id for each in self.exercise.questions]
        place = ids.index(question.follows.question)
        earlier = self.exercise.questions[place]
        before = self.answers[earlier.id]
        if place not in cell.needs or not self._carried(question, before.value):
            return None
        code = self._solved(cell, {place: self._stated(earlier, before.value)})
        return Answer(
            cell.id,
            "follows",
            Fraction(1),
            cell.points,
            before.misconceptions,
            code,
            value=values[0],
        )

    def _followed(self, question: Question) -> list[Any]:
        """What an earlier answer leads to here, wrong or right; nothing if it leads nowhere."""
        link = question.follows
        if link is None or question.assemble is None or question.pieces is None:
            return []
        before = self.answers.get(link.question)
        if before is None or before.value is None:
            return []
        pieces = dict(question.pieces(self._setup(question)))
        return _forms(question.assemble(**{**pieces, **link.pieces(before.value)}))

    def _carried(self, question: Question, before: Any) -> bool:
        """Whether all that is wrong in an earlier answer is carried on to this one."""
        assert question.follows is not None
        earlier = bank.find(question.follows.question)
        carried = question.follows.pieces(before)
        if earlier.pieces is None or earlier.assemble is None:
            return True
        pieces = dict(earlier.pieces(self._setup(earlier)))
        if not set(carried) <= set(pieces):
            return True
        return bool(earlier.assemble(**{**pieces, **carried}) == before)

    def _by(self, cell: Cell, misconception: Misconception) -> Answer | None:
        """Answer by a misconception, or not where its value means something else as well."""
        question = cell.question
        share, ids = misconception.share, (misconception.id,)
        outcome = "partly" if share else "wrong"
        if question.kind is Kind.FUNCTION:
            code = written_out(misconception.formula, cell.name)
            return Answer(cell.id, outcome, share, cell.points, ids, code)
        setup = self._setup(question)
        for value in _values(question, setup, misconception):
            if not _can_be_written(value) or value == question.right_answer(setup):
                continue
            fits = _fits(question, value)
            if fits and value in self._followed(question):
                share, outcome = Fraction(1), "follows"
            elif _shares(question, setup, value) != {share}:
                continue
            return Answer(
                cell.id,
                outcome if fits else "misfit",
                share,
                cell.points,
                ids,
                self._stated(cell, value),
                value=value if fits else None,
            )
        return None

    def _stated(self, cell: Cell, value: Any) -> str:
        """Write an answer down, with the letters that this student sees before the choices."""
        if cell.question.choices:
            at = cell.question.letters(self._setup(cell.question))
            letters = [at[letter] for letter in value]
            value = frozenset(letters) if isinstance(value, frozenset) else letters[0]
        return f"{cell.name} = {_literal(value)}"

    def _slip(self, cell: Cell) -> Answer:
        """Get it wrong in any of many ways."""
        slip = pick(_SLIPS, self.random)
        if slip == "listed":
            for misconception in shuffled(cell.question.misconceptions, self.random):
                if answer := self._by(cell, misconception):
                    return answer
        if slip == "blank":
            return self.nothing(cell, "blank")
        if slip == "raises":
            codes = (
                "raise ValueError('I do not know')",
                f"{cell.name} = 1 / 0",
                f"{cell.name} = the_answer_of_question_one + 1",
                f"{cell.name} = (8 * 8",
            )
            return replace(self.nothing(cell, "raises"), code=pick(codes, self.random))
        if slip == "number" and (answer := self._unlisted(cell)):
            return answer
        misfits = {"none": "None", "length": "(1, 2, 3, 4, 5, 6, 7)"}
        if cell.question.kind is Kind.FUNCTION:
            misfits["length"] = "lambda *given, **settings: None"
        code = f"{cell.name} = {misfits.get(slip, repr('I do not know'))}"
        outcome = "wrong" if "lambda" in code else "misfit"
        return replace(self.nothing(cell, outcome), code=code)

    def _unlisted(self, cell: Cell) -> Answer | None:
        """Answer with something that no misconception leads to."""
        question = cell.question
        if question.kind in (Kind.FUNCTION, Kind.DESIGN):
            return None
        setup = self._setup(question)
        right = question.right_answer(setup)
        for _ in range(100):
            value = self._near(question, right)
            if (
                _can_be_written(value)
                and not _same_numbers(value, right)
                and not _shares(question, setup, value)
                and value not in self._followed(question)
            ):
                code = self._stated(cell, value)
                return replace(self.nothing(cell, "wrong"), code=code, value=value)
        return None

    def _near(self, question: Question, right: Any) -> Any:
        """Make up an answer of the form asked for."""
        if question.kind is Kind.CHOICE:
            return pick(sorted(question.choices), self.random)
        if question.kind is Kind.SEVERAL:
            return frozenset(each for each in question.choices if self.random.random() < 0.5)
        if isinstance(right, tuple):
            return tuple(number + pick(range(-3, 4), self.random) for number in right)
        return 1 + int(self.random.random() * 2 * (right + 10))


def _values(question: Question, setup: Any, misconception: Misconception) -> list[Any]:
    """What a misconception leads to: as it is, and rounded down where that is not whole."""
    value = misconception.formula(setup)
    if not misconception.piece:
        return _forms(value)
    assert question.pieces is not None
    assert question.assemble is not None
    pieces = dict(question.pieces(setup))
    found: list[Any] = []
    for form in _forms(value):
        found += _forms(question.assemble(**{**pieces, misconception.piece: form}))
    return list(dict.fromkeys(found))


def _shares(question: Question, setup: Any, value: Any) -> set[Fraction]:
    """The shares of all misconceptions that lead to a value."""
    return {
        each.share for each in question.misconceptions if value in _values(question, setup, each)
    }


def _forms(value: Any) -> list[Any]:
    """Return a value as it is, and rounded down if it has fractions."""
    if isinstance(value, tuple) and all(isinstance(number, int | Fraction) for number in value):
        return list(dict.fromkeys((value, tuple(map(math.floor, value)))))
    if isinstance(value, Fraction):
        return list(dict.fromkeys((value, math.floor(value))))
    return [value]


def _can_be_written(value: Any) -> bool:
    """Whether a student would hand it in: letters, or numbers that are whole and positive."""
    if isinstance(value, tuple):
        return all(map(_can_be_written, value))
    if isinstance(value, str | frozenset):
        return bool(value)
    if isinstance(value, int | Fraction):
        return value > 0 and value == int(value)
    return False


def _fits(question: Question, value: Any) -> bool:
    """Whether a value has as many numbers as the question asks for."""
    expected = len(question.names)
    return not expected or (len(value) if isinstance(value, tuple) else 1) == expected


def _same_numbers(value: Any, right: Any) -> bool:
    """Whether a value is right, or would be in another order."""
    if isinstance(value, tuple):
        return sorted(value) == sorted(right)
    return bool(value == right)


def _literal(value: Any) -> str:
    """Write a value as a student types it."""
    if isinstance(value, frozenset):
        return repr("".join(sorted(value)))
    if isinstance(value, tuple):
        return f"({', '.join(map(_literal, value))}{',' * (len(value) == 1)})"
    return repr(int(value)) if isinstance(value, int | Fraction) else repr(value)


def pick(items: Sequence[Item], random: Random) -> Item:
    """Pick one of the items, by random() alone, whose numbers Python promises to keep."""
    return items[int(random.random() * len(items))]


def shuffled(items: Iterable[Item], random: Random) -> list[Item]:
    """Return the items in another order, by random() alone."""
    keyed = [(random.random(), place, item) for place, item in enumerate(items)]
    return [item for _, _, item in sorted(keyed, key=lambda each: each[:2])]
