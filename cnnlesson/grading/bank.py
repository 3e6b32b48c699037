"""How grading meets a course's questions, of which it knows nothing else.

A course brings an object with the methods of `Bank` and names it in nbgrader_config.py, as in
`c.AsksBank.bank = "cnnlesson.quiz.grader:bank"`. Without one, every grade cell is a plain one.
"""

import pkgutil
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any, Protocol

from traitlets import TraitError, Unicode
from traitlets.config import Configurable


class Judgement(Protocol):
    """What became of an answer record."""

    @property
    def share(self) -> Fraction:
        """Of the points, from 0 to 1."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """For the student: what was asked and answered, and what went wrong; "- " begins an item.

        Neither the right answer nor what a function was called with, unless that is to be
        revealed.
        """

    @property
    def answer(self) -> object:
        """What the judging of later questions may build on."""

    @property
    def for_instructor(self) -> str:
        """Why a person should look at it; empty if nobody need."""

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of those that would lead to this answer.

        A bank that can tell may add `explanations`, tuples of those that would lead to it
        together, and `answered`, which is False where nothing was answered.
        """


class Paper(Protocol):
    """One student's questions of one assignment."""

    def material(self) -> Mapping[str, bytes]:
        """Return the files that lie on the desk before the first cell, by path.

        The desk is a folder in the sandbox, which the environment's `CNNLESSON_DESK` names;
        students' code can read and write there.
        """

    def with_cell(self, question: str, nonce: str) -> Mapping[str, bytes]:
        """Return the files that come onto the desk just before a grade cell, by path.

        Args:
            question: which question the cell asks.
            nonce: text to draw test values by: nobody knows it before, and it is the same when
                the submission is graded again.
        """

    def after_cell(self, question: str) -> Mapping[str, bytes]:
        """Return the files that are handed out once a grade cell has run, by path.

        Those under `library/` can be imported.

        Args:
            question: which question the cell asked.
        """

    def judge(
        self,
        question: str,
        record: object,
        nonce: str,
        earlier: Mapping[str, object],
        *,
        reveal: bool = False,
    ) -> Judgement:
        """Judge what a grade cell left, which may be anything; nothing is raised.

        Args:
            question: which question the cell asks.
            record: the answer record, as JSON gives it.
            nonce: what `with_cell` got.
            earlier: each earlier question's `Judgement.answer`.
            reveal: whether the sentences may tell what they else must not.
        """


class Bank(Protocol):
    """A course's questions."""

    record_type: str
    """The MIME type of an answer record."""

    def question(self, grade_id: str, source: str) -> str | None:
        """Return the question that a grade cell asks; None for a plain one.

        Args:
            grade_id: nbgrader's name for the cell.
            source: all of the cell's text, as it stands in `source/`.

        Raises:
            ValueError: if the cell seems to ask one, but in a form that cannot be judged.
        """

    def paper(self, assignment: str, student: str) -> Paper:
        """Return a student's questions of an assignment.

        Args:
            assignment: its name, as nbgrader has it.
            student: the student's id, as nbgrader has it.
        """

    def library(self, assignment: str) -> Mapping[str, bytes]:
        """Return the files of the student's library inside the sandbox.

        Args:
            assignment: its name, as nbgrader has it.

        Returns:
            Contents by path, relative to a folder on `sys.path`; none if students need none.
        """


class Telling(Protocol):
    """What a bank may have besides, so that people read words where else they would read ids."""

    def title(self, question: str) -> str:
        """Return what people call a question."""

    def sentence(self, question: str, misconception: str) -> str:
        """Return what is wrong about a misconception that showed at a question, in a sentence."""

    def said_of_record(self, record: object) -> str:
        """Return what a student should know of a record that a notebook was handed in with.

        Such as that another release of the questions made it. Nothing, for most; it is judged by
        none of them, since the notebook runs anew.
        """

    def slip(self, assignment: str, source: str) -> str:
        """Return, for who writes an assignment, what is wrong with a cell in `source/`.

        Such as that it asks a question that there is not. Nothing, for most.
        """


def title_of(bank: Bank | None, question: str) -> str:
    """Return what people call a question: its id, if the bank has no name for it.

    Args:
        bank: the course's bank, if it has one; `Telling` is optional.
        question: the question's id.
    """
    return _told(lambda: bank.title(question)) or question  # type: ignore[union-attr]


def sentence_of(bank: Bank | None, question: str, misconception: str) -> str:
    """Return what is wrong about a misconception; nothing, if the bank does not say.

    Args:
        bank: the course's bank, if it has one; `Telling` is optional.
        question: the id of a question at which it showed.
        misconception: its id.
    """
    return _told(lambda: bank.sentence(question, misconception))  # type: ignore[union-attr]


def said_of_record(bank: Bank | None, record: object) -> str:
    """Return what a student should know of a record that was handed in; for most, nothing."""
    return _told(lambda: bank.said_of_record(record))  # type: ignore[union-attr]


def slip_of(bank: Bank | None, assignment: str, source: str) -> str:
    """Return what is wrong with a cell of an assignment in source/; for most, nothing."""
    return _told(lambda: bank.slip(assignment, source))  # type: ignore[union-attr]


def _told(tell: Callable[[], object]) -> str:
    """What a bank tells, if it has a method for it, and knows."""
    try:
        told = tell()
    except Exception:  # of a course's bank, which may not know a question of last year
        return ""
    return told if isinstance(told, str) else ""


class AsksBank(Configurable):
    """What asks a bank: it has the trait that names it."""

    bank = Unicode(
        help="Where the questions come from, as 'module:attribute'; empty if there are none, and "
        "all grade cells are plain asserts."
    ).tag(config=True)

    @cached_property
    def questions(self) -> Bank | None:
        """The bank, if one is named.

        Raises:
            TraitError: if it cannot be imported.
        """
        return load_bank(self.bank) if self.bank else None


def load_bank(name: str) -> Bank:
    """Import a bank.

    Args:
        name: "module:attribute".

    Raises:
        TraitError: if there is no such module or attribute.
    """
    try:
        if ":" not in name:
            raise ImportError("there is no ':' in it")
        bank: Any = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise TraitError(
            f"the bank {name!r} cannot be imported ({error}): name it as 'module:attribute', such "
            "as 'cnnlesson.quiz.grader:bank', by c.AsksBank.bank in nbgrader_config.py"
        ) from None
    return bank  # type: ignore[no-any-return]
