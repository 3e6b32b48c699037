"""Compare an answer with the library's, and tell a person the outcome."""

import difflib
import textwrap
from numbers import Rational

from cnnlesson.quiz.questions import QUESTIONS, Kind, Question
from cnnlesson.settings import shown

_LINE_WIDTH = 79
"""nbgrader's Validate cuts longer lines."""


class _Unsolved(AssertionError):
    """An answer that earns no points; a notebook shows the message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        # IPython's hook for exceptions that render themselves: library frames help no student.
        return str(self).splitlines()


class WrongAnswer(_Unsolved):
    """The answer is not the right one."""


class NotAnswered(_Unsolved):
    """The answer cell is still as it was released."""


def check(question_id: str, answer: object) -> None:
    """Say whether `answer` is right, and raise if it is not, so that graders see it too.

    The message never holds the right number. A whole number may come as a float (a division
    gives 14.0) or from NumPy; a shape as any sequence of three.

    Args:
        question_id: which question, such as "number-of-parameters".
        answer: the student's answer, whatever it may be.

    Raises:
        NotAnswered: if the answer is still `...`.
        WrongAnswer: if it is anything but right.
        ValueError: if there is no such question.
    """
    question = _find(question_id)
    if answer is ...:
        raise NotAnswered(
            _message(question, "Not answered yet: replace the three dots in the cell above.")
        )
    given = _plain(question.kind, answer)
    if given is None:
        raise WrongAnswer(
            _message(
                question,
                f"The answer is {question.kind.value}, not {shown(_without_numpy(answer))}.",
            )
        )
    if given != question.right_answer():
        raise WrongAnswer(_message(question, f"{shown(given)} is not right.", question.next_step))
    print(f"{question.title}: {shown(given)} is right.")  # noqa: T201 - this is how it speaks


def _find(question_id: str) -> Question:
    if isinstance(question_id, str) and question_id in QUESTIONS:
        return QUESTIONS[question_id]
    close = difflib.get_close_matches(str(question_id), QUESTIONS, n=1)
    known = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(QUESTIONS)}"
    raise ValueError(f"there is no question {shown(question_id)}; {known}")


def _plain(kind: Kind, answer: object) -> int | tuple[int, ...] | None:
    """Return the answer as plain ints, or None if it does not have the question's form."""
    if kind is Kind.INTEGER:
        return _whole(answer)
    answer = _without_numpy(answer)
    if not isinstance(answer, tuple | list) or len(answer) != 3:
        return None
    sizes = tuple(size for size in map(_whole, answer) if size is not None)
    return sizes if len(sizes) == 3 else None


def _whole(number: object) -> int | None:
    """Accept what is a whole number in mathematics: 14, 14.0 and 28/2, though not True."""
    number = _without_numpy(number)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, Rational) and not isinstance(number, bool) and number.denominator == 1:
        return int(number.numerator)
    return None


def _without_numpy(answer: object) -> object:
    """Turn NumPy's scalars and arrays into Python's numbers and lists, without importing NumPy."""
    if type(answer).__module__ == "numpy" and hasattr(answer, "tolist"):
        return answer.tolist()
    return answer


def _message(question: Question, *sentences: str) -> str:
    lines = [question.title]
    for sentence in sentences:
        lines += textwrap.wrap(sentence, _LINE_WIDTH)
    return "\n".join(lines)
