"""Note an answer for whoever grades; nothing here knows whether it is right."""

import importlib
from collections.abc import Callable
from typing import Any

from cnnlesson.quiz import ours
from cnnlesson.quiz.cards import publish
from cnnlesson.quiz.record import MIME, answer_record
from cnnlesson.quiz.running import run_on, unpack
from cnnlesson.quiz.sandboxed import desk, session

ours.__path__.append(str(desk.HANDED_OUT / "quiz" / "ours"))


class WrongAnswer(AssertionError):
    """The answer is not the right one; never raised here."""


class PartlyRight(WrongAnswer):
    """The answer earns a part of the points; never raised here."""


class NotAnswered(AssertionError):
    """The answer cell is still as it was released; never raised here."""


def check(question_id: str, answer: object) -> None:
    """Leave an answer record; what has become of the answer is told by the feedback.

    A function is run on the cases that the course lays out for its grade cell. In another cell
    there are none yet, and nothing to note.

    Args:
        question_id: which question, such as "number-of-parameters".
        answer: the student's answer, whatever it may be.

    Raises:
        ValueError: if the assignment has no such question.
    """
    asked = session.question(question_id)
    if asked["function"] and callable(answer):
        cases = desk.cases(question_id)
        if cases is None:
            print(f"{asked['card']['title']}: your function is run in its grade cell.")  # noqa: T201
            return
        answer = run_on(unpack(cases), answer)
    version = desk.material()["version"]
    record = answer_record(question_id, asked["variant"], answer, version)
    publish({MIME: record | ({"typed": session.typed} if session.typed else {})})
    print(f"{asked['card']['title']}: your answer is noted.")  # noqa: T201


def yours_or_ours(question_id: str) -> Callable[..., Any]:
    """Return the library's version of a function, which is handed out after its grade cell.

    Args:
        question_id: which question asks for the function.

    Raises:
        ValueError: if the assignment has no such question, or it does not ask for a function.
        ImportError: if its grade cell has not run yet.
    """
    name = session.question(question_id)["function"]
    if not name:
        raise ValueError(f"{question_id!r} does not ask for a function")
    importlib.invalidate_caches()  # its folder may not have been there when last looked for
    try:
        function = ours.find(name)
    except ImportError:
        raise ImportError(
            f"while the assignment is graded, the library's {name} is handed out after the grade "
            f"cell of {question_id!r}"
        ) from None
    print(f"{name}: the library's")  # noqa: T201
    return function
