"""The lesson's side of grading: its library for the sandbox, its questions, and its verdicts.

`cnnlesson.grading` meets the lesson through `bank` alone. It knows of no class there: `LessonBank`
and `LessonPaper` have the form of its protocols `Bank` and `Paper`.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from importlib.resources.abc import Traversable

from cnnlesson import identity
from cnnlesson.quiz import bank as questions
from cnnlesson.quiz import running, session
from cnnlesson.quiz.cards import card_of, pack
from cnnlesson.quiz.questions import Question
from cnnlesson.quiz.record import MIME

# --- The student's library in the sandbox ------------------------------------------------------

_FREE_OF_FORMULAS = ("expressions.py", "identity.py", "pictures.py", "settings.py", "tables.py")
"""What of the library computes nothing of a layer."""

_FORMULAS = (
    "arithmetic.py",
    "heatmaps.py",
    "network.py",
    "ops",
    "training.py",
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


def _asked(assignment: str) -> tuple[Question, ...]:
    known = questions.ASSIGNMENTS.get(assignment)
    return tuple(map(questions.find, known.questions)) if known else ()


def _functions(assignment: str) -> list[Question]:
    """The questions of an assignment that ask for a function."""
    return [question for question in _asked(assignment) if question.function]


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
    def variant(self) -> str:
        """Which numbers the questions have."""
        return session.variant(self.assignment, self.student)

    def material(self) -> Mapping[str, bytes]:
        """Return what lies on the desk from the beginning: the student's cards, as JSON."""
        withheld = _FORMULAS if _functions(self.assignment) else ()
        known = questions.ASSIGNMENTS.get(self.assignment)
        content = {
            "version": _version(),
            "assignment": self.assignment,
            "title": known.title if known else self.assignment,
            "student": self.student,
            "variant": self.variant,
            "withheld": [f"cnnlesson.{name.removesuffix('.py')}" for name in withheld],
            "questions": {
                question.id: {
                    "function": question.function.name if question.function else "",
                    "card": pack(card_of(question, questions.setup(question, self.variant))),
                }
                for question in _asked(self.assignment)
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


def _version() -> str:
    from cnnlesson import __version__

    return __version__
