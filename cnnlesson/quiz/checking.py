"""Compare an answer with the library's, and tell a person the outcome."""

import difflib
import textwrap

from cnnlesson.quiz.questions import QUESTIONS, Kind, Question

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
            _message(question, f"The answer is {question.kind.value}, not {_shown(answer)}.")
        )
    if given != question.right_answer():
        raise WrongAnswer(_message(question, f"{_shown(given)} is not right.", question.next_step))
    print(f"{question.title}: {_shown(given)} is right.")  # noqa: T201 - this is how it speaks


def _find(question_id: str) -> Question:
    if question_id in QUESTIONS:
        return QUESTIONS[question_id]
    close = difflib.get_close_matches(str(question_id), QUESTIONS, n=1)
    known = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(QUESTIONS)}"
    raise ValueError(f"there is no question {question_id!r}; {known}")


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
    number = _without_numpy(number)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _without_numpy(answer: object) -> object:
    """Turn NumPy's scalars and arrays into Python's numbers and lists, without importing NumPy."""
    return answer.tolist() if hasattr(answer, "tolist") else answer


def _shown(answer: object) -> str:
    """Write the answer at a length that a sentence can hold."""
    try:
        text = repr(_without_numpy(answer))
    except ValueError:  # Python refuses to write out an integer of thousands of digits
        return "so huge a number"
    return text if len(text) <= 50 else f"{text[:40]} ..."


def _message(question: Question, *sentences: str) -> str:
    lines = [question.title]
    for sentence in sentences:
        lines += textwrap.wrap(sentence, _LINE_WIDTH)
    return "\n".join(lines)
