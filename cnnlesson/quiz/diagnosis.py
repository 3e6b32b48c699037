"""Judge an answer: is it right, and if not, which misconception would give it?

Nothing here prints, remembers or raises, so that a student's kernel and a grader outside of it
come to the same verdict.
"""

import enum
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from cnnlesson.quiz.answers import Misfit, read
from cnnlesson.quiz.functions import compare
from cnnlesson.quiz.questions import Answer, Kind, Misconception, Question
from cnnlesson.quiz.running import Results

_NAMED = 4
"""How many possibilities a verdict names at most."""


_NOTHING, _ALL = Fraction(0), Fraction(1)


class Outcome(enum.Enum):
    """How an answer did."""

    RIGHT = "right"
    FOLLOWS = "right for an earlier answer that is wrong"
    PARTLY = "partly right"
    WRONG = "wrong"
    MISFIT = "not in the form asked for"
    UNANSWERED = "not answered"


@dataclass(frozen=True)
class Verdict:
    """What became of an answer.

    Attributes:
        outcome: how it did.
        share: of the points, from 0 to 1.
        sentences: what to tell the student; never the right number.
        explanations: the ids of the misconceptions that would lead to this answer: of each one that
            does alone, or else of two that do together.
        answer: the answer as it was read; None if it had not the form asked for.
    """

    outcome: Outcome
    share: Fraction
    sentences: tuple[str, ...]
    explanations: tuple[tuple[str, ...], ...] = ()
    answer: Answer = None

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of all of those, each once."""
        return tuple(dict.fromkeys(each for together in self.explanations for each in together))


Explanation = tuple[Misconception, ...]
"""The misconceptions that together lead to an answer: one, or two on different pieces."""


def judge(
    question: Question,
    setup: Any,
    answer: object,
    earlier: Mapping[str, Answer] | None = None,
    *,
    hidden: bool = False,
) -> Verdict:
    """Compare an answer with the library's.

    Args:
        question: which question.
        setup: the numbers that it was asked about.
        answer: the student's answer, whatever it may be; for a function, what `functions.run`
            made of it.
        earlier: the student's answers to other questions, by id and as `answers.read` returns
            them, for what follows from them.
        hidden: whether the values that a function was called with stay untold.
    """
    if answer is ...:
        dots = "Not answered yet: replace the three dots in the cell above."
        return Verdict(Outcome.UNANSWERED, _NOTHING, (dots,))
    given = read(question, answer)
    if question.choices and not isinstance(given, Misfit):
        given = _own_letters(question, setup, given)
    if isinstance(given, Misfit):
        known = {} if question.kind is Kind.FUNCTION else explanations(question, setup)
        explained = known.get(given.value, [])
        says = [_said(explained[0], question, setup)] if explained else []
        return Verdict(Outcome.MISFIT, _NOTHING, (given.sentence, *says), _ids(explained))
    if type(given) is Results:
        return _of_function(question, setup, given, hidden=hidden)
    outcome, share, sentences, ids = _compared(question, setup, given, earlier or {})
    return Verdict(outcome, share, tuple(sentences), ids, given)


def _compared(
    question: Question, setup: Any, given: Answer, earlier: Mapping[str, Answer]
) -> tuple[Outcome, Fraction, list[str], tuple[tuple[str, ...], ...]]:
    """Judge an answer that has the form asked for."""
    if question.fails is not None:
        problem = question.fails(setup, given)
        right = problem is None
    else:
        problem = question.next_step.format(g=setup)
        right = given == question.right_answer(setup)
    if right:
        return Outcome.RIGHT, _ALL, [], ()
    if follows(question, setup, given, earlier):
        return Outcome.FOLLOWS, _ALL, [], ()
    explained = explanations(question, setup).get(given, [])
    if not explained:
        return Outcome.WRONG, _NOTHING, [problem or ""], ()
    share = max(map(_share, explained))
    outcome = Outcome.PARTLY if share else Outcome.WRONG
    return outcome, share, _possibilities(explained, question, setup), _ids(explained)


def _of_function(question: Question, setup: Any, results: Results, *, hidden: bool) -> Verdict:
    """Judge what a function did."""
    finding = compare(question, results, hidden=hidden)
    if not finding.answered:
        stub = "Not answered yet: write the function in the cell above."
        return Verdict(Outcome.UNANSWERED, _NOTHING, (stub,))
    if finding.right:
        return Verdict(Outcome.RIGHT, _ALL, ())
    explained: list[Explanation] = [(each,) for each in finding.explained]
    share = max(finding.share, min(finding.at_most, max(map(_share, explained), default=_NOTHING)))
    says = _possibilities(explained, question, setup) if explained else []
    outcome = Outcome.PARTLY if share else Outcome.WRONG
    return Verdict(outcome, share, (*finding.sentences, *says), _ids(explained))


@lru_cache(maxsize=256)
def explanations(question: Question, setup: Any) -> dict[Answer, list[Explanation]]:
    """Map each wrong answer that the question's misconceptions lead to, to those that do.

    Errors compose: where no single misconception gives a number, two on different pieces may.
    A fraction is there both as it is and rounded down, since either may be handed in.
    """
    alone = _by_one(question, setup)
    slips = [(each, each.formula(setup)) for each in question.misconceptions if each.piece]
    double = [
        ((one, other), _assembled(question, setup, {one.piece: its, other.piece: others}))
        for (one, its), (other, others) in itertools.combinations(slips, 2)
        if one.piece != other.piece
    ]
    return _by_answer(double, besides={question.right_answer(setup), *alone}) | alone


def apart(question: Question, setup: Any) -> int:
    """Count the wrong answers that a single misconception, and no other, leads to."""
    return sum(
        len(explained) == 1 and _is_whole(value)
        for value, explained in _by_one(question, setup).items()
    )


def coincidences(question: Question, setup: Any) -> list[str]:
    """Say which misconceptions lead to the right answer, to the same one, or to none at all."""
    right = question.right_answer(setup)
    leading: dict[Answer, list[str]] = {}
    for (misconception,), values in _single(question, setup):
        for value in [*filter(_is_whole, values)] or [None]:
            leading.setdefault(value, []).append(repr(misconception.id))
    said = []
    for value, names in leading.items():
        who = f"{' and '.join(names)} {'leads' if len(names) == 1 else 'lead'} to"
        if value is None:
            said.append(f"{who} nothing that can be an answer")
        elif value == right:
            said.append(f"{who} the right answer")
        elif len(names) > 1:
            said.append(f"{who} the same answer")
    return said


def _by_one(question: Question, setup: Any) -> dict[Answer, list[Explanation]]:
    """Map the wrong answers that single misconceptions lead to, to those that do."""
    return _by_answer(_single(question, setup), besides={question.right_answer(setup)})


def _single(question: Question, setup: Any) -> list[tuple[Explanation, list[Answer]]]:
    """The answers that each misconception leads to, exact and rounded down."""
    single: list[tuple[Explanation, list[Answer]]] = []
    for misconception in question.misconceptions:
        value = misconception.formula(setup)
        values = (
            _assembled(question, setup, {misconception.piece: value})
            if misconception.piece
            else _exact_and_rounded(value)
        )
        single.append(((misconception,), values))
    return single


def _by_answer(
    found: Sequence[tuple[Explanation, list[Answer]]], besides: set[Answer]
) -> dict[Answer, list[Explanation]]:
    """Turn explanations with their answers around; what gives an answer exactly comes first."""
    known: dict[Answer, list[Explanation]] = {}
    for place in range(max((len(values) for _, values in found), default=0)):
        for explanation, values in found:
            if place < len(values) and values[place] not in besides:
                explained = known.setdefault(values[place], [])
                if explanation not in explained:
                    explained.append(explanation)
    return known


def follows(question: Question, setup: Any, answer: Answer, earlier: Mapping[str, Answer]) -> bool:
    """Whether an answer is what the student's own earlier, wrong answer leads to."""
    link = question.follows
    if link is None or question.assemble is None or link.question not in earlier:
        return False
    before = earlier[link.question]
    if isinstance(before, tuple) and set(before[:2]) == {1}:
        return False  # a single position leaves nothing to count: points for nothing
    return before is not None and answer in _assembled(question, setup, link.pieces(before))


def _assembled(question: Question, setup: Any, changed: Mapping[str, Any]) -> list[Answer]:
    """Put an answer together from its right pieces and the changed ones."""
    assert question.pieces is not None
    assert question.assemble is not None
    values: list[Answer] = []
    for forms in itertools.product(*map(_exact_and_rounded, changed.values())):
        if all(map(_sensible, forms)):
            pieces = {**question.pieces(setup), **dict(zip(changed, forms, strict=True))}
            values += _exact_and_rounded(question.assemble(**pieces))
    return list(dict.fromkeys(values))


def _exact_and_rounded(value: Any) -> list[Any]:
    """Return a value as it is, and with its fractions rounded down if it has any."""
    if type(value) is int:  # most are, and to ask whether one is a Fraction takes long
        return [value]
    exact = _plain(value)
    if isinstance(exact, tuple):
        return list(dict.fromkeys((exact, tuple(map(_floor, exact)))))
    return list(dict.fromkeys((exact, _floor(exact))))


def _floor(value: Any) -> Any:
    return math.floor(value) if isinstance(value, Fraction) else value


def _plain(value: Any) -> Any:
    """Write whole fractions as ints, so that equal numbers look the same."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def _sensible(value: Any) -> bool:
    """Whether a piece of an answer can be: no size is negative."""
    if isinstance(value, tuple):
        return all(number > 0 for number in value)
    return value is None or value >= 0


def _is_whole(value: Any) -> bool:
    numbers = value if isinstance(value, tuple) else (value,)
    return not any(isinstance(number, Fraction) for number in numbers)


def _share(explanation: Explanation) -> Fraction:
    """Only one slip, of a kind that is worth something, earns a part of the points."""
    return explanation[0].share if len(explanation) == 1 else Fraction(0)


def _ids(explained: list[Explanation]) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(each.id for each in explanation) for explanation in explained)


def _own_letters(question: Question, setup: Any, given: Answer) -> Answer:
    """Turn the letters that a student sees into those that formulas use."""
    own = {shown: letter for letter, shown in question.letters(setup).items()}
    return frozenset(map(own.get, given)) if isinstance(given, frozenset) else own[given]


def _possibilities(explained: list[Explanation], question: Question, setup: Any) -> list[str]:
    """Say what may have gone wrong, all of it where several things may have."""
    shared = [each for each in explained[0] if all(each in others for others in explained)]
    rest = [tuple(each for each in one if each not in shared) for one in explained[:_NAMED]]
    sentences = [_said((each,), question, setup) for each in shared]
    items = list(dict.fromkeys(_said(each, question, setup) for each in rest if each))
    pairs = len(explained[0]) > 1
    if pairs and (shared or len(items) == 1):
        sentences.insert(0, "Two things together:")
    if len(items) == 1:
        return [*sentences, *items]
    if items and shared:
        sentences.append("And one of these:")
    elif items:
        sentences.append(f"One of these {'pairs ' if pairs else ''}may have happened:")
    return [*sentences, *(f"- {item}" for item in items)]


def _said(explanation: Explanation, question: Question, setup: Any) -> str:
    """Put the sentences of an explanation together."""
    at = question.letters(setup)
    return " And: ".join(each.say.format(g=setup, at=at) for each in explanation)
