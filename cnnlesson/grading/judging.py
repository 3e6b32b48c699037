"""Judge answers outside of the student's process, and write down what nbgrader is to read.

A judged grade cell ends up with two outputs: what became of the answer, for the reader, and the
points as a plain float, which is all that nbgrader's `determine_grade` looks at. What the cell
itself said of its points does not count. The first also keeps, in its metadata, which no page
shows, what a report on the class asks: `FINDING` says what.
"""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol

from cnnlesson.grading.asserted import score
from cnnlesson.grading.bank import Bank, Judgement, Paper
from cnnlesson.grading.nodes import NotebookNode, is_grade, is_solution, new_output
from cnnlesson.grading.remarks import clean, inert

FINDING = "grading"
"""What the metadata of a judged cell's first output has the judge's finding under.

It is a dictionary: "question" is its id; "answered" says whether there was an answer;
"misconceptions" are the ids of those that would lead to it; "error" is the name of what the cell
ended in, if it failed. No right answer is in it, and nothing that a function was called with.
"""

_LINE_WIDTH = 79
_MOST_SENTENCES, _LONGEST_SENTENCE, _LONGEST_NAME = 20, 600, 80


class Ran(Protocol):
    """What the run of a notebook left in `resources["sandbox"]`; nothing, if it was not run."""

    @property
    def records(self) -> Mapping[str, Sequence[Any]]:
        """The answer records that each grade cell left, by the cell's id."""

    @property
    def nonces(self) -> Mapping[str, str]:
        """What the values of each question's cases were drawn by."""


@dataclass(frozen=True)
class Told:
    """What there is to say of a grade cell.

    Attributes:
        share: of the points.
        sentences: for the student.
        for_instructor: why a person should look at it; empty if nobody need.
        answer: what later questions may build on.
        explanations: the ids of the misconceptions that would lead to the answer, by those that
            do so together: mostly one alone.
        answered: whether there was one.
    """

    share: Fraction
    sentences: tuple[str, ...]
    for_instructor: str = ""
    answer: object = None
    explanations: tuple[tuple[str, ...], ...] = ()
    answered: bool = False


def mark(
    nb: NotebookNode,
    names: Mapping[str, str],
    ran: Ran | None,
    bank: Bank | None,
    *,
    reveal: bool = False,
) -> dict[str, str]:
    """Give each grade cell of a notebook the outputs that earn the points its answer deserves.

    Args:
        nb: the notebook, rebuilt and run.
        names: of the student and the assignment, as nbgrader has them.
        ran: what its run left; None if it was not run.
        bank: the course's questions, if it has any.
        reveal: whether the sentences may tell the right answers.

    Returns:
        Why a person should look at a cell, by the cell's id, for those of which there is something
        to say.

    Raises:
        ValueError: if a grade cell of the course cannot be judged.
    """
    marking: _Marking | None = None
    notes: dict[str, str] = {}
    for cell in nb.cells:
        if not is_grade(cell) or is_solution(cell) or cell.cell_type != "code":
            continue
        name = cell.metadata.nbgrader.grade_id
        points = float(cell.metadata.nbgrader.points)
        question = bank.question(name, cell.source) if bank else None
        if ran is None:
            cell.outputs, why = list(_outputs(_NOT_RUN, points)), _NOT_RUN.for_instructor
        elif bank and question:
            if marking is None:
                marking = _Marking(bank.paper(names["assignment"], names["student"]), ran, reveal)
            told = marking.told(cell, question)
            finding = _finding(question, told, cell.outputs)
            cell.outputs = list(_outputs(told, points, finding))
            why = told.for_instructor
        else:
            scored = score(cell.outputs, points)
            cell.outputs, why = scored.outputs, scored.for_instructor
        if why:
            notes[name] = why
    return notes


_NOT_RUN = Told(
    Fraction(0),
    ("This notebook was not run, so a person is to judge this answer.",),
    "the notebook was not run: judge the answer by hand",
)
"""Of any grade cell, judged or plain: nbgrader gives all points where there is no output."""


@dataclass
class _Marking:
    """One notebook on its way through the judge.

    Attributes:
        paper: the student's questions.
        ran: what its run left.
        reveal: whether right answers are told.
        earlier: the answers so far, by question.
    """

    paper: Paper
    ran: Ran
    reveal: bool
    earlier: dict[str, object] = field(default_factory=dict)

    def told(self, cell: NotebookNode, question: str) -> Told:
        """Judge what a grade cell left."""
        told = self._told(cell, question)
        self.earlier[question] = told.answer
        return told

    def _told(self, cell: NotebookNode, question: str) -> Told:
        nothing = Fraction(0)
        records = self.ran.records.get(cell.metadata.nbgrader.grade_id, ())
        if not records:
            return Told(nothing, (_why_none(cell.outputs),))
        if len(records) > 1:
            many = f"This cell left {len(records)} answers, and is to leave one: none counts."
            return Told(nothing, (many,), answered=True)
        if not is_plain(records[0]):
            unread = "What this cell left as an answer cannot be read."
            return Told(nothing, (unread,), answered=True)
        nonce = self.ran.nonces.get(question, "")
        try:
            found = self.paper.judge(question, records[0], nonce, self.earlier, reveal=self.reveal)
            return _checked(found)
        except Exception as error:  # a course's bank must not end the grading of a class
            return Told(
                nothing,
                ("This answer could not be judged; your instructor is told.",),
                f"the bank raised {type(error).__name__}: {error}",
                answered=True,
            )


def _checked(found: Judgement) -> Told:
    share = Fraction(found.share)
    if not 0 <= share <= 1:
        raise ValueError(f"a share of {share}, which is not from 0 to 1")
    alone = [(each,) for each in found.misconceptions]
    return Told(
        share,
        tuple(found.sentences),
        found.for_instructor,
        found.answer,
        tuple(tuple(map(str, each)) for each in getattr(found, "explanations", alone)),
        answered=bool(getattr(found, "answered", True)),
    )


def _finding(
    question: str, told: Told, outputs: Sequence[NotebookNode]
) -> dict[str, str | bool | list[str | list[str]]]:
    """What a report on the class asks of an answer."""
    error = _last_error(outputs)
    return {
        "question": question,
        "answered": told.answered,
        "misconceptions": [each[0] if len(each) == 1 else [*each] for each in told.explanations],
        "error": clean(error.ename)[:_LONGEST_NAME] if error else "",
    }


def _last_error(outputs: Sequence[NotebookNode]) -> NotebookNode | None:
    errors = [output for output in outputs if output.output_type == "error"]
    return errors[-1] if errors else None


def _why_none(outputs: Sequence[NotebookNode]) -> str:
    """Say why a cell left no answer, as far as its outputs tell."""
    last = _last_error(outputs)
    if last is None:
        return "There is no answer: nothing was left by this cell."
    said = ": ".join(filter(None, (last.ename, last.evalue)))
    return f"There is no answer: the cell ended in {' '.join(said.split())[:200]}"


# --- Records -----------------------------------------------------------------------------------

_DEEPEST = 8
_MOST_PARTS = 20_000
_MOST_CHARACTERS = 256 * 1024
_MOST_BITS = 4096


def is_plain(record: object) -> bool:
    """Whether an answer record is small, plain JSON: nothing in it can surprise who reads it.

    Its types are Python's own and no subclasses, its numbers are finite and have at most 1233
    digits, its depth is at most 8, and all its texts together have at most 256 Ki characters.

    Args:
        record: anything.
    """
    parts: list[tuple[object, int]] = [(record, 1)]
    characters = count = 0
    while parts:
        part, depth = parts.pop()
        count += 1
        kind = type(part)
        inner: list[object] = []
        if isinstance(part, dict) and kind is dict:
            inner = [*part.keys(), *part.values()]
            if not all(type(key) is str for key in part):
                return False
        elif isinstance(part, list) and kind is list:
            inner = part
        elif isinstance(part, str) and kind is str:
            characters += len(part)
        elif isinstance(part, int) and kind is int:
            if part.bit_length() > _MOST_BITS:
                return False
        elif isinstance(part, float) and kind is float:
            if not math.isfinite(part):
                return False
        elif part is not None and kind is not bool:
            return False
        if depth > _DEEPEST or count + len(inner) > _MOST_PARTS or characters > _MOST_CHARACTERS:
            return False
        parts += [(each, depth + 1) for each in inner]
    return True


# --- Outputs -----------------------------------------------------------------------------------


def _outputs(
    told: Told, points: float, finding: Mapping[str, object] | None = None
) -> Iterator[NotebookNode]:
    """Write what a reader sees, and keeps, and what nbgrader reads."""
    earned = min(float(told.share * Fraction(points)), points)
    sentences = [each[:_LONGEST_SENTENCE] for each in told.sentences[:_MOST_SENTENCES]]
    lines = [*map(clean, sentences), f"{earned:g} of {points:g} points."]
    shown = {
        "text/plain": "\n".join(map(_wrapped, lines)),
        "text/markdown": "\n\n".join(map(_markdown, lines)),
    }
    kept = {FINDING: dict(finding)} if finding else {}
    yield new_output("display_data", data=shown, metadata=kept)
    yield new_output("execute_result", data={"text/plain": repr(earned)})


def _wrapped(line: str) -> str:
    indent = "  " if line.startswith("- ") else ""
    return "\n".join(textwrap.wrap(line, _LINE_WIDTH, subsequent_indent=indent))


def _markdown(line: str) -> str:
    """Make a sentence that may quote a student inert, and an item of a list stay one."""
    item = "- " if line.startswith("- ") else ""
    return item + inert(line.removeprefix("- "))
