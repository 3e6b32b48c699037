"""A question as a card to read: the prompt, the numbers, a figure.

A card is plain data, which another process can show as well: it knows no right answer.
"""

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cnnlesson.quiz.questions import Question


class Given(SimpleNamespace):
    """The numbers that a question is asked about, by name, for a student to compute with."""


@dataclass(frozen=True, repr=False)
class Card:
    """A question with its numbers, for a notebook to show.

    Attributes:
        title: what people call the question.
        prompt: the question in Markdown, with its numbers filled in.
        setup: the numbers that it is asked about.
        rows: what each of them is called, and its value, in words.
        choices: the letter that stands before each choice, and its text.
        figure: a picture of the set-up, in Markdown; empty if there is none.
    """

    title: str
    prompt: str
    setup: Given
    rows: list[tuple[str, str]]
    choices: list[tuple[str, str]]
    figure: str

    def letter_of(self, text: str) -> str:
        """Return the letter that stands before a choice.

        Raises:
            ValueError: if there is no such choice.
        """
        for letter, choice in self.choices:
            if choice == text:
                return letter
        raise ValueError(f"there is no choice {text!r} in {self.title!r}")

    def __repr__(self) -> str:
        rows = [f"- {name}: {value}" for name, value in self.rows]
        choices = [f"({letter}) {text}" for letter, text in self.choices]
        return "\n".join([self.title, "", self.prompt, *rows, *choices])

    def _repr_markdown_(self) -> str:
        choices = [f"**({letter})** {text}" for letter, text in self.choices]
        return "\n\n".join([self.markdown(), *choices])

    def markdown(self) -> str:
        """Write the prompt, the table of the set-up and the figure, without the choices."""
        parts = [self.prompt]
        if self.rows:
            rows = [f"| {name} | {value} |" for name, value in self.rows]
            parts.append("\n".join(["| given | value |", "|---|---|", *rows]))
        return "\n\n".join([*parts, self.figure] if self.figure else parts)


def card_of(question: "Question", setup: Any) -> Card:
    """Write the card of a question.

    Args:
        question: the question.
        setup: the set-up that it is asked about.

    Raises:
        ValueError: if its texts name what the set-up has not; it is the question that has to be
            mended.
    """
    at = question.letters(setup)
    try:
        prompt = question.prompt.format(g=setup)
        choices = [(at[own], text.format(g=setup)) for own, text in question.choices.items()]
    except (AttributeError, LookupError, ValueError) as error:
        raise ValueError(
            f"the prompt or a choice of the question {question.id!r} cannot be filled in: {error}"
        ) from error
    figure = setup.figure()
    return Card(
        question.title,
        prompt,
        Given(**setup.given()),
        setup.rows(),
        sorted(choices),
        "" if figure is None else figure.markdown(),
    )


def pack(card: Card) -> dict[str, Any]:
    """Return a card as plain JSON."""
    fields = {field.name: getattr(card, field.name) for field in dataclasses.fields(card)}
    return fields | {"setup": _packed(card.setup)}


def unpack(packed: Mapping[str, Any]) -> Card:
    """Return the card that `pack` was given, as a course wrote it: nothing is checked here."""
    pairs = {name: [(one, other) for one, other in packed[name]] for name in ("rows", "choices")}
    return Card(**{**packed, **pairs, "setup": _unpacked(packed["setup"])})


def _packed(value: Any) -> Any:
    if isinstance(value, Given):
        return {"given": {name: _packed(each) for name, each in vars(value).items()}}
    if isinstance(value, tuple):
        return [_packed(each) for each in value]
    if dataclasses.is_dataclass(value):
        settings = {each.name: _packed(getattr(value, each.name)) for each in _settings(value)}
        return {"layer": type(value).__name__, "settings": settings}
    return value


def _settings(layer: Any) -> list[Any]:
    """The settings of a layer of `network` that are not as they are unless given."""
    return [each for each in dataclasses.fields(layer) if getattr(layer, each.name) != each.default]


def _unpacked(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_unpacked, value))
    if not isinstance(value, dict):
        return value
    if "given" in value:
        return Given(**{name: _unpacked(each) for name, each in value["given"].items()})
    from cnnlesson import network

    settings = {name: _unpacked(each) for name, each in value["settings"].items()}
    return getattr(network, value["layer"])(**settings)


def publish(data: dict[str, Any]) -> None:
    """Display something, where there is a notebook to display it in."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import publish_display_data

        publish_display_data(data)  # type: ignore[no-untyped-call]
