"""The lesson's side of grading: its library for the sandbox, its questions, and its verdicts.

`cnnlesson.grading` meets the lesson through `bank` alone. It knows of no class there: `LessonBank`
and `LessonPaper` have the form of its protocols `Bank` and `Paper`.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from cnnlesson import identity
from cnnlesson.quiz import bank as questions
from cnnlesson.quiz import functions, running, session
from cnnlesson.quiz.cards import card_of, pack
from cnnlesson.quiz.checking import opening
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.questions import Assignment, Kind, Question
from cnnlesson.quiz.record import MIME, SCHEMA, other_release
from cnnlesson.quiz.taming import Opaque
from cnnlesson.settings import shown

# --- The student's library in the sandbox ------------------------------------------------------

_FREE_OF_FORMULAS = ("expressions.py", "identity.py", "pictures.py", "settings.py", "tables.py")
"""What of the library computes nothing of a layer."""

_FORMULAS = (
    "arithmetic.py",
    "drawing.py",
    "heatmaps.py",
    "network.py",
    "ops",
    "training.py",
    "volumes.py",
    "widgets",
    "working.py",
)
"""What computes a layer's sizes, counts or outputs: what an assignment of functions asks for."""

_QUIZ = ("cards.py", "ours/__init__.py", "record.py", "running.py", "taming.py", "sandboxed")
"""What of the quizzes knows no answer."""

_STANDS_IN = {
    "quiz/sandboxed/package.py": "__init__.py",
    "quiz/sandboxed/quiz.py": "quiz/__init__.py",
    "quiz/sandboxed/checking.py": "quiz/checking.py",
}

_HANDED_OUT = "library/"
"""Where on the desk a file has to lie to be a part of the library."""


@lru_cache(maxsize=8)
def _files(*names: str) -> Mapping[str, bytes]:
    """Read files and folders of this package; each by its path from the folder that holds it."""
    package = resources.files("cnnlesson")
    found = {}
    for name in names:
        for path, file in _walk(package.joinpath(name), name):
            found[f"cnnlesson/{_STANDS_IN.get(path, path)}"] = file.read_bytes()
    return found


def _walk(entry: Traversable, path: str) -> Iterator[tuple[str, Traversable]]:
    if entry.is_file():
        yield path, entry
        return
    for inner in entry.iterdir():
        if inner.name != "__pycache__":
            yield from _walk(inner, f"{path}/{inner.name}")


# --- The bank ----------------------------------------------------------------------------------


class LessonBank:
    """The questions of the lesson, as a grader meets them."""

    record_type = MIME

    def question(self, grade_id: str, source: str) -> str | None:
        """Return the question that a grade cell asks, or None if it is no `check` of one.

        Args:
            grade_id: nbgrader's name for the cell.
            source: what stands in the cell in `source/`.

        Raises:
            ValueError: if the cell calls `check` in a form that cannot be judged, or for a question
                that there is not; it is the course that has to be mended.
        """
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return None  # as IPython's own notation is
        match tree.body:
            case [
                ast.Expr(ast.Call(ast.Name("check"), [ast.Constant(str(asked)), _], keywords=[]))
            ]:
                return questions.find(asked).id
        calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
        if any(isinstance(name, ast.Name) and name.id == "check" for name in calls):
            raise ValueError(
                f"the grade cell {grade_id!r} calls `check` among other things, and its answer "
                'could not be judged: in source/, let `check("question", answer)` be all of the '
                "cell, and move the rest into cells of its own"
            )
        return None

    def paper(self, assignment: str, student: str) -> "LessonPaper":
        """Return a student's questions of an assignment.

        Args:
            assignment: its name; of one that is not the lesson's, there are no questions.
            student: the id that nbgrader has.
        """
        return LessonPaper(assignment, identity.stand_in(student))

    def title(self, question: str) -> str:
        """Return what people call a question."""
        return questions.find(question).title

    def sentence(self, question: str, misconception: str) -> str:
        """Return what is told of a misconception at a question, with the lesson's own numbers.

        Raises:
            ValueError: if there is no such question.
            LookupError: if the question does not know the misconception.
        """
        asked = questions.find(question)
        setup = questions.setup(asked, questions.LESSON)
        for each in asked.misconceptions:
            if each.id == misconception:
                return each.say.format(g=setup, at=asked.letters(setup))
        raise LookupError(f"{question!r} knows no misconception {misconception!r}")

    def said_of_record(self, record: object) -> str:
        """Return, of a record that a notebook was handed in with, that another release made it.

        Args:
            record: anything.
        """
        theirs = other_release(record, _version())
        if not theirs:
            return ""
        return (
            f"you checked your answers with release {theirs} of the library, and they are graded "
            f"with release {_version()}, which may ask other questions, or with other numbers; if "
            "one is judged otherwise than you saw, that may be why"
        )

    def slip(self, assignment: str, source: str) -> str:
        """Return what is wrong with a cell that begins, asks or checks what there is not.

        Args:
            assignment: the name of its assignment.
            source: what stands in the cell in `source/`.

        Returns:
            A sentence for who wrote it; nothing, for most.
        """
        here = questions.ASSIGNMENTS.get(assignment)
        for function, given in _calls(source):
            begins = function == "begin"
            try:
                (questions.find_assignment if begins else questions.find)(given)
            except ValueError as error:
                return str(error)
            if here and begins and given != assignment:
                return f"it begins {given!r}, and is graded with the numbers of {assignment!r}"
            if here and not begins and given not in here.questions:
                return f"{given!r} is not among the questions of the assignment {assignment!r}"
        return ""

    def library(self, assignment: str) -> Mapping[str, bytes]:
        """Return the files of the student's library, by their paths from a folder on `sys.path`.

        Where the assignment asks for functions, what computes a layer is left out, and handed out
        after the last of them.

        Args:
            assignment: its name.
        """
        left_out = _functions(assignment)
        names = (*_FREE_OF_FORMULAS, *(() if left_out else _FORMULAS))
        return _files(*names, *(f"quiz/{name}" for name in _QUIZ))


bank = LessonBank()
"""What `nbgrader_config.py` names."""


def _calls(source: str) -> Iterator[tuple[str, str]]:
    """The calls of `begin`, `ask` and `check` in a cell, with the id that each is for."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return  # as IPython's own notation is
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                ast.Name("begin" | "ask" | "check" as function), [ast.Constant(str(given)), *_]
            ):
                yield function, given


def _asked(assignment: str) -> tuple[Question, ...]:
    known = questions.ASSIGNMENTS.get(assignment)
    return tuple(map(questions.find, known.questions)) if known else ()


def _functions(assignment: str) -> list[Question]:
    """The questions of an assignment that ask for a function."""
    return [question for question in _asked(assignment) if question.function]


# --- Verdicts ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judgement:
    """What became of an answer record.

    Attributes:
        share: of the points, from 0 to 1.
        sentences: for the student.
        answer: what later questions may build on.
        for_instructor: why a person should look at it; empty if nobody need.
        explanations: the ids of the misconceptions that would lead to this answer: of each one that
            does alone, or of two that do together.
        answered: whether there was an answer at all.
    """

    share: Fraction
    sentences: tuple[str, ...]
    answer: object = None
    for_instructor: str = ""
    explanations: tuple[tuple[str, ...], ...] = ()
    answered: bool = True

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of all of those, each once."""
        return tuple(dict.fromkeys(each for together in self.explanations for each in together))


class _BadRecordError(Exception):
    """A record that `check` does not make; the text says why, to the student."""


_ABOUT = {"schema", "library", "question", "variant"}
_LONGEST = 300


def _content(record: object, question: str) -> dict[str, Any]:
    """Return a record once it has the form of one, and is of this release and this question.

    Raises:
        _BadRecordError: if it is not.
    """
    if type(record) is not dict or not all(type(key) is str for key in record):
        raise _BadRecordError("What the cell left as an answer cannot be read.")
    kinds = record.keys() & {"value", "unanswered", "unreadable"}
    if record.keys() - {"typed"} != _ABOUT | kinds or len(kinds) != 1:
        raise _BadRecordError("What the cell left as an answer is not what `check` leaves.")
    if type(record["schema"]) is not int or record["schema"] != SCHEMA:
        raise _BadRecordError(f"The answer is not in the form number {SCHEMA}, which is read here.")
    texts = [record[key] for key in ("library", "question", "variant", "typed") if key in record]
    texts += [record["unreadable"]] if "unreadable" in record else []
    if not all(type(text) is str and len(text) <= _LONGEST for text in texts):
        raise _BadRecordError("What the cell left as an answer is not what `check` leaves.")
    if record["library"] != _version():
        raise _BadRecordError(
            f"The answer was noted by release {shown(record['library'])} of the library, and is "
            f"read by release {_version()}, which may ask other questions."
        )
    if record["question"] != question:
        raise _BadRecordError("The cell left an answer to another question.")
    if record.get("unanswered", True) is not True:
        raise _BadRecordError("What the cell left as an answer is not what `check` leaves.")
    return record


def _answer(question: Question, record: Mapping[str, Any], nonce: str) -> object:
    """Return the answer that a record holds, as `judge` takes it.

    Raises:
        _BadRecordError: if it is what a function did, and does not say so in the right form.
    """
    if "unanswered" in record:
        return ...
    if "unreadable" in record:
        return Opaque(None, shown(record["unreadable"]).strip("'"))
    value = record["value"]
    if question.kind is Kind.FUNCTION and type(value) is list:
        try:
            return functions.decode(value, nonce)
        except ValueError as error:
            raise _BadRecordError(f"What your function did cannot be read: {error}.") from None
    return value


# --- A student's paper -------------------------------------------------------------------------


@dataclass(frozen=True)
class LessonPaper:
    """One student's questions of one assignment.

    Attributes:
        assignment: its name.
        student: the student's id, normalised.
    """

    assignment: str
    student: str

    @cached_property
    def assignments(self) -> tuple[Assignment, ...]:
        """The lesson's assignments whose questions may be in this one: all, if its name is new."""
        known = questions.ASSIGNMENTS.get(self.assignment)
        return (known,) if known else tuple(questions.ASSIGNMENTS.values())

    def variant(self, question: str) -> str:
        """Return which numbers a question has: those of the lesson's assignment that it is in."""
        homes = (each.id for each in self.assignments if question in each.questions)
        return session.variant(next(homes, self.assignment), self.student)

    def material(self) -> Mapping[str, bytes]:
        """Return what lies on the desk from the beginning: the student's cards, as JSON."""
        withheld = _FORMULAS if _functions(self.assignment) else ()
        content = {
            "version": _version(),
            "titles": {each.id: each.title for each in self.assignments},
            "student": self.student,
            "withheld": [f"cnnlesson.{name.removesuffix('.py')}" for name in withheld],
            "questions": {
                question.id: {
                    "function": question.function.name if question.function else "",
                    "variant": (variant := self.variant(question.id)),
                    "card": pack(card_of(question, questions.setup(question, variant))),
                }
                for each in self.assignments
                for question in map(questions.find, each.questions)
            },
        }
        return {"material.json": json.dumps(content).encode()}

    def with_cell(self, question: str, nonce: str) -> Mapping[str, bytes]:
        """Return what a grade cell needs: the cases that a function is called with.

        Args:
            question: which question the cell asks.
            nonce: what the values of the cases are drawn by.
        """
        task = questions.find(question).function
        if task is None:
            return {}
        cases = running.pack(task.all_cases(nonce))
        return {f"cases/{question}.json": json.dumps(cases).encode()}

    def after_cell(self, question: str) -> Mapping[str, bytes]:
        """Return what is handed out after a grade cell: the library's version of a function.

        After the last function of the assignment, the rest of the library follows.

        Args:
            question: which question the cell asked.
        """
        task = questions.find(question).function
        if task is None:
            return {}
        last = question in [each.id for each in _functions(self.assignment)[-1:]]
        out = _files(f"quiz/ours/{task.name}.py", *(_FORMULAS if last else ()))
        return {f"{_HANDED_OUT}{path}": content for path, content in out.items()}

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
            nonce: what the values of a function's cases were drawn by.
            earlier: each earlier question's `Judgement.answer`.
            reveal: whether the sentences may tell the right answer, and what a function was
                called with.
        """
        try:
            return self._judged(question, record, nonce, earlier, reveal=reveal)
        except _BadRecordError as error:
            return Judgement(Fraction(0), (str(error),))
        except Exception as error:  # a hole in the above must not end the grading of a class
            return Judgement(
                Fraction(0),
                ("This answer could not be judged; your instructor is told.",),
                for_instructor=f"judging {question!r} raised {type(error).__name__}: "
                f"{str(error)[:_LONGEST]}",
            )

    def _judged(
        self,
        question_id: str,
        record: object,
        nonce: str,
        earlier: Mapping[str, object],
        *,
        reveal: bool,
    ) -> Judgement:
        question = questions.find(question_id)
        content = _content(record, question_id)
        answer = _answer(question, content, nonce)
        typed = self._other(content.get("typed", ""))
        if content["variant"] != self.variant(question.id):
            of_typed = typed if typed and typed.variant(question.id) == content["variant"] else None
            says, note = self._for_other(question, answer, earlier, of_typed, Fraction(0))
            says = says or "It is an answer to other numbers than yours: your instructor is told."
            note = note or f"the answer to {question.id!r} was made for other numbers"
            return Judgement(Fraction(0), (f"{question.title}: {says}",), None, note)
        setup = questions.setup(question, self.variant(question.id))
        verdict = judge(question, setup, answer, earlier, hidden=not reveal)
        says, note = self._for_other(question, answer, earlier, typed, verdict.share)
        solution = _solution(question, setup) if reveal and verdict.share < 1 else ""
        sentences = (opening(answer, verdict), *verdict.sentences, says, solution)
        first, *rest = filter(None, sentences)
        said = (f"{question.title}: {first}", *rest)
        answered = verdict.outcome is not Outcome.UNANSWERED
        return Judgement(verdict.share, said, verdict.answer, note, verdict.explanations, answered)

    def _for_other(
        self,
        question: Question,
        answer: object,
        earlier: Mapping[str, object],
        typed: "LessonPaper | None",
        share: Fraction,
    ) -> tuple[str, str]:
        """Tell the student and the instructor of an answer that does better for the typed id."""
        if typed is None or share == 1:
            return "", ""
        setup = questions.setup(question, typed.variant(question.id))
        verdict = judge(question, setup, answer, earlier, hidden=True)
        if verdict.share <= share:
            return "", ""
        says = (
            f"Your notebook has the id {typed.student!r} in it, but the course knows you as "
            f"{self.student!r}, who has other numbers. For those of {typed.student!r} your answer "
            f"is {verdict.outcome.value}: your instructor is told."
        )
        note = (
            f"the answer to {question.id!r} is {verdict.outcome.value} for the id "
            f"{typed.student!r}, which stands in the notebook, but not for {self.student!r}"
        )
        return says, note

    def _other(self, typed: str) -> "LessonPaper | None":
        """The paper of the id that stands in the notebook, if it is another than the course's."""
        try:
            student = identity.normalised(typed)
        except ValueError:
            return None
        return LessonPaper(self.assignment, student) if student != self.student else None


def _solution(question: Question, setup: Any) -> str:
    """Tell the right answer, or one of them, where it can be written."""
    if question.function is not None:
        return ""
    right = question.right_answer(setup)
    if question.choices:
        at = question.letters(setup)
        right = ", ".join(sorted(at[letter] for letter in right))
    return f"{'One' if question.fails else 'The'} right answer is {right}."


def _version() -> str:
    from cnnlesson import __version__

    return __version__
