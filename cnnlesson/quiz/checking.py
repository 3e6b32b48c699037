"""Tell a person, and whoever grades, what became of an answer."""

import textwrap
from collections.abc import Callable
from typing import Any

from cnnlesson.quiz import bank, functions, session
from cnnlesson.quiz.cards import publish
from cnnlesson.quiz.diagnosis import Outcome, Verdict, judge
from cnnlesson.quiz.questions import Kind, Question
from cnnlesson.quiz.record import MIME, answer_record
from cnnlesson.quiz.running import Results
from cnnlesson.quiz.taming import tamed
from cnnlesson.settings import shown

_LINE_WIDTH = 79
"""nbgrader's Validate cuts longer lines."""


class _Unsolved(AssertionError):
    """An answer that does not earn all points; a notebook shows the message and no traceback."""

    def _render_traceback_(self) -> list[str]:
        # IPython's hook for exceptions that render themselves: library frames help no student.
        return str(self).splitlines()


class WrongAnswer(_Unsolved):
    """The answer is not the right one."""


class PartlyRight(WrongAnswer):
    """The answer earns a part of the points, where the grader gives parts."""


class NotAnswered(_Unsolved):
    """The answer cell is still as it was released."""


def check(question_id: str, answer: object) -> None:
    """Say whether `answer` is right, and raise if it is not, so that graders see it too.

    The message tells what may have gone wrong and never holds the right number. A whole number
    may come as a float (a division gives 14.0) or from NumPy; a shape as any sequence of three.
    Besides, the cell is left an answer record, for graders that do not trust the kernel.

    Args:
        question_id: which question, such as "number-of-parameters".
        answer: the student's answer, whatever it may be; a function is run on many cases.

    Raises:
        NotAnswered: if the answer is still `...`, or a function that is not written yet.
        PartlyRight: if it earns a part of the points.
        WrongAnswer: if it is anything else but right.
        ValueError: if there is no such question.
    """
    question = bank.find(question_id)
    now = session.current(question.id)
    setup = bank.setup(question, now.variant)
    given = _tried(question, answer)
    verdict = judge(question, setup, given, now.answers)
    # A right answer stays: else a silly one after it would make what follows from it trivial.
    if question.id not in now.right:
        right_function = callable(answer) and verdict.outcome is Outcome.RIGHT
        now.answers[question.id] = answer if right_function else verdict.answer
    if verdict.outcome is Outcome.RIGHT:
        now.right.add(question.id)
    publish({MIME: answer_record(question.id, now.variant, given, _version())})
    if not now.tells_now and verdict.outcome not in (Outcome.MISFIT, Outcome.UNANSWERED):
        print(  # noqa: T201 - this is how it speaks
            f"{question.title}: the answer has the right form; you will be told after grading\n"
            "whether it is right."
        )
        return
    # Before grading, not even why a form is wrong: a misconception would tell of the number.
    sentences = verdict.sentences if now.tells_now else verdict.sentences[:1]
    message = _message(question, opening(given, verdict), sentences)
    if verdict.outcome is Outcome.UNANSWERED:
        raise NotAnswered(message)
    if verdict.outcome is Outcome.PARTLY:
        raise PartlyRight(message)
    if verdict.share < 1:
        raise WrongAnswer(message)
    print(message)  # noqa: T201
    if question.work is not None and verdict.outcome is Outcome.RIGHT:
        _show_work(question.work(setup))


def yours_or_ours(question_id: str) -> Callable[..., Any]:
    """Return a student's function if `check` found it right, else the library's; say which it is.

    So what builds on an earlier question works, whatever became of that one. Which it is stays
    open where verdicts are told after grading.

    Args:
        question_id: which question asks for the function.

    Raises:
        ValueError: if there is no such question, or it does not ask for a function.
    """
    question = bank.find(question_id)
    if question.function is None:
        raise ValueError(f"{question_id!r} does not ask for a function")
    now = session.current()
    ours: Callable[..., Any] = question.right_answer(bank.setup(question, now.variant))
    kept = now.answers.get(question.id)
    if now.tells_now:
        whose = "yours" if callable(kept) else "the library's, until yours is right"
        print(f"{question.function.name}: {whose}")  # noqa: T201
    return kept if callable(kept) else ours


def _tried(question: Question, answer: object) -> object:
    """Run a function that a question asks for; leave any other answer as it is."""
    if question.kind is Kind.FUNCTION and question.function is not None and callable(answer):
        return functions.run(question.function, answer)
    return answer


def opening(answer: object, verdict: Verdict) -> str:
    """Say in one sentence how an answer did; nothing, if it has not the form asked for.

    Args:
        answer: the answer; for a function, what it did.
        verdict: what became of it.
    """
    given = "Your function" if type(answer) is Results else shown(tamed(answer))
    return {
        Outcome.RIGHT: f"{given} is right.",
        Outcome.FOLLOWS: f"{given} follows from your earlier answer, so it counts in full. "
        "But that one is not right: mend it, and this one changes too.",
        Outcome.PARTLY: f"{given} is not quite right.",
        Outcome.WRONG: f"{given} is not right.",
    }.get(verdict.outcome, "")


def _message(question: Question, opening: str, sentences: tuple[str, ...]) -> str:
    lines = [question.title]
    for sentence in filter(None, (opening, *sentences)):
        indent = "  " if sentence.startswith("- ") else ""
        lines += textwrap.wrap(sentence, _LINE_WIDTH, subsequent_indent=indent)
    return "\n".join(lines)


def _show_work(work: Any) -> None:
    steps = f"<details><summary>Show the work</summary>\n\n{work._repr_markdown_()}\n\n</details>"
    publish({"text/markdown": steps, "text/plain": repr(work)})


def _version() -> str:
    from cnnlesson import __version__

    return __version__
