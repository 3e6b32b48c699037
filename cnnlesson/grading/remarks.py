"""What grading has to tell about a notebook: kept in its metadata, shown in a cell on its top."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from cnnlesson.grading.nodes import new_cell

CELL = "grading-remarks"
"""The id of the cell that shows them."""

_KEY = "cnnlesson"
_MOST, _LONGEST = 50, 600
_INTRODUCTION = (
    "**Remarks on this notebook.** It could not be graded just as it was handed in. What was done:"
)
_PLAIN = re.compile(r"[\w.,;:?'\"“”‘’()/%–—…-]+")
_HEEDED = re.compile(r"_|//|www\.|^[^\w–—…]+$", re.IGNORECASE)
_NUMBER_OF_A_LIST = re.compile(r"\d+[.)]")


def remarks(notebook: Any) -> list[str]:
    """Return the sentences that a notebook's metadata holds, at most 50 of 600 characters."""
    ours = notebook.metadata.get(_KEY)
    kept = ours.get("remarks") if isinstance(ours, dict) else None
    sentences = kept if isinstance(kept, list) else []
    return [each[:_LONGEST] for each in sentences[:_MOST] if isinstance(each, str)]


def note(notebook: Any, sentences: Iterable[str]) -> None:
    """Add sentences to a notebook's remarks, which are shown once it is rebuilt."""
    noted = [*remarks(notebook), *(shorten(each, _LONGEST) for each in sentences)]
    kept = cut_short(noted, _MOST - 1, "More was amiss than is listed here.")
    notebook.metadata[_KEY] = {"remarks": kept}


def tell(notebook: Any, sentences: Iterable[str]) -> None:
    """Add sentences to a notebook's remarks, and show all of them in its first cell.

    The cell is there only if there is something to tell. Sentences may quote what a student wrote.
    """
    note(notebook, sentences)
    told = remarks(notebook)
    if not told:
        del notebook.metadata[_KEY]
        return
    if not notebook.cells or notebook.cells[0].get("id") != CELL:
        notebook.cells.insert(0, new_cell("markdown", "", CELL))
    lines = [f"- {inert(each)}" for each in told]
    notebook.cells[0].source = "\n".join([_INTRODUCTION, "", *lines])


def cut_short(sentences: Iterable[str], most: int, rest: str) -> list[str]:
    """Return each sentence once, and if there are too many, a last one in place of the rest.

    Args:
        sentences: what there is to tell.
        most: how many to tell.
        rest: that last one; `{}` in it stands for how many sentences it is in place of.
    """
    told = [*dict.fromkeys(sentences)]
    return told if len(told) <= most else [*told[:most], rest.format(len(told) - most)]


def shorten(text: str, most: int) -> str:
    """Return a text, of at most so many characters, with a sign where its end is left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def inert(text: str) -> str:
    """Write text as Markdown of one line that shows it and does nothing else.

    A word with a character that Markdown, HTML or MathJax might heed becomes code, since that is
    what all three leave alone: a backslash would not do, as MathJax reads the finished page.
    """
    return " ".join(
        word if _is_plain(word, first=place == 0) else _code(word)
        for place, word in enumerate(clean(text).split())
    )


def fenced(text: str) -> str:
    """Write text as a block of Markdown that shows it as it is."""
    fence = "`" * max(3, 1 + _backticks(text))
    return f"{fence}\n{text}\n{fence}"


def clean(text: str) -> str:
    """Replace what has no place in a file or on a page: surrogates, controls, changes of direction.

    Line breaks and tabs stay.
    """
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(each) in ("Cc", "Cf", "Cs") and each not in "\n\r\t"
        else each
        for each in text
    )


def _is_plain(word: str, first: bool) -> bool:
    """Whether neither Markdown nor HTML nor MathJax makes anything of a word but text."""
    if first and _NUMBER_OF_A_LIST.fullmatch(word):
        return False
    return bool(_PLAIN.fullmatch(word)) and not _HEEDED.search(word)


def _code(word: str) -> str:
    fence = "`" * (1 + _backticks(word))
    edge = " " if "`" in (word[0], word[-1]) else ""
    return f"{fence}{edge}{word}{edge}{fence}"


def _backticks(text: str) -> int:
    """The length of the longest run of backticks."""
    return max(map(len, re.findall("`+", text)), default=0)
