"""Practice cards: a question to try in a lesson, judged in the browser and never graded."""

from typing import TYPE_CHECKING

from cnnlesson.quiz import bank
from cnnlesson.quiz.cards import card_of, publish
from cnnlesson.quiz.diagnosis import explanations, judge
from cnnlesson.quiz.questions import Answer, Kind, Question

if TYPE_CHECKING:
    from cnnlesson.widgets.answer_box import AnswerBox

_FORMS = {
    Kind.INTEGER: "number",
    Kind.SIZE: "size",
    Kind.SHAPE: "shape",
    Kind.CHOICE: "choice",
    Kind.SEVERAL: "several",
}


def practice(question_id: str, number: int = 0) -> "AnswerBox":
    """Show a question with an answer box, which says at once whether an answer is right.

    It knows the same wrong answers as `check`, and works where no kernel runs. Its numbers are
    kept for practice: no graded question has them.

    Args:
        question_id: which question, such as "number-of-parameters".
        number: which of its practice cards; each has numbers of its own.

    Returns:
        The answer box; the question is displayed above it.

    Raises:
        ValueError: if there is no such question, or it is none to practise on: a function or a
            design, or a question about an idea, which has no numbers to change.
    """
    from cnnlesson.widgets.answer_box import AnswerBox, sealed

    question = bank.find(question_id)
    setup = bank.setup(question, f"{bank.PRACTICE}/{number}")
    if question.kind not in _FORMS or question.numbers.draw is None or not setup.rows():
        raise ValueError(
            f"there is no practice card for {question_id!r}: only a question with numbers that can "
            "be drawn anew, and an answer that can be compared, has one"
        )
    card = card_of(question, setup)
    right = question.right_answer(setup)
    replies = [(_shown(question, setup, right), True, "")]
    for wrong in explanations(question, setup):
        if wrong == frozenset():
            continue  # the box asks for at least one letter
        answer = _shown(question, setup, wrong)
        says = judge(question, setup, answer).sentences
        replies.append((answer, False, "\n".join(says)))
    publish({"text/markdown": card.markdown(), "text/plain": repr(card)})
    return AnswerBox(
        question.title,
        _FORMS[question.kind],
        fields=question.names or None,
        options=card.choices,
        **sealed(
            f"{question.id}/{number}",
            replies,
            question.next_step.format(g=setup),
            repr(question.work(setup)) if question.work else "",
        ),
    )


def _shown(question: Question, setup: object, answer: Answer) -> Answer:
    """Turn the letters that formulas use into those that stand before the choices."""
    if not question.choices:
        return answer
    at = question.letters(setup)
    return {at[letter] for letter in answer} if isinstance(answer, frozenset) else at[answer]
