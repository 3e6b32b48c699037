"""A question as a card to read: the prompt, the numbers, a figure."""

import sys
from dataclasses import dataclass
from typing import Any

from cnnlesson.quiz import bank, session
from cnnlesson.quiz.questions import Question


@dataclass(frozen=True, repr=False)
class Card:
    """A question with its numbers, for a notebook to show.

    Attributes:
        question: the question.
        setup: the numbers that it is asked about.
    """

    question: Question
    setup: Any

    @property
    def prompt(self) -> str:
        """The question in Markdown, with its numbers filled in."""
        return self.question.prompt.format(g=self.setup)

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The letter that stands before each choice, and its text."""
        at = self.question.letters(self.setup)
        texts = self.question.choices.items()
        return sorted((at[own], text.format(g=self.setup)) for own, text in texts)

    def letter_of(self, text: str) -> str:
        """Return the letter that stands before a choice.

        Raises:
            ValueError: if there is no such choice.
        """
        for letter, choice in self.choices:
            if choice == text:
                return letter
        raise ValueError(f"there is no choice {text!r} in {self.question.title!r}")

    def __repr__(self) -> str:
        rows = [f"- {name}: {value}" for name, value in self.setup.rows()]
        choices = [f"({letter}) {text}" for letter, text in self.choices]
        return "\n".join([self.question.title, "", self.prompt, *rows, *choices])

    def _repr_markdown_(self) -> str:
        choices = [f"**({letter})** {text}" for letter, text in self.choices]
        return "\n\n".join([self.markdown(), *choices])

    def markdown(self) -> str:
        """Write the prompt, the table of the set-up and the figure, without the choices."""
        parts = [self.prompt]
        rows = self.setup.rows()
        if rows:
            parts.append(
                "\n".join(["| given | value |", "|---|---|", *(f"| {n} | {v} |" for n, v in rows)])
            )
        figure = self.setup.figure()
        if figure is not None:
            parts.append(figure.markdown())
        return "\n\n".join(parts)


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
    return Card(question, bank.setup(question, now.variant))


def publish(data: dict[str, Any]) -> None:
    """Display something, where there is a notebook to display it in."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import publish_display_data

        publish_display_data(data)  # type: ignore[no-untyped-call]
