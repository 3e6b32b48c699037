"""Show a question, with the numbers that it has for this student."""

from cnnlesson.quiz import bank, session
from cnnlesson.quiz.cards import Card, card_of


def ask(question_id: str) -> Card:
    """Show a question: its prompt, its numbers and a figure.

    Args:
        question_id: which question, such as "number-of-parameters".

    Returns:
        The card; its `setup` holds the numbers by name.

    Raises:
        ValueError: if there is no such question.
    """
    question = bank.find(question_id)
    now = session.current(question.id)
    if not now.begun:
        print("These are the lesson's own numbers: run the cell with `begin` for yours.")  # noqa: T201
    return card_of(question, bank.setup(question, now.variant))
