"""The pages of the documentation, as what they tell a reader to do.

| in a page | means |
|---|---|
| a block of `sh` | commands to type, one after another |
| a block of `text` below it | lines that they say, in this order; "…" stands for anything |
| "Write `FILE`:" before a block | a file to write |
| "Add to `FILE`:" before a block | what to add at its end |
| a block of `diff` | a change to files that are there |
| "**Cell 1**, code, type *Read-only*, ID `begin`:" before a block | a cell of a notebook to write |
"""

import re
from dataclasses import dataclass

from course import ROOT

PAGES = [
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md")))
    if "```sh\n" in path.read_text(encoding="utf-8")
]

_BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.M | re.S)
_FILE = re.compile(r"(?:.*\W)?(?P<verb>[Ww]rite|[Aa]dd to) `(?P<name>[^`]+)`:")
_CELL = re.compile(
    r"\*\*Cell \d\*\*, (?P<kind>Markdown|code), type \*(?P<type>[^*]+)\*"
    r"(?:, ID `(?P<id>[^`]+)`)?(?:, (?P<points>\d+) points?)?:"
)


@dataclass(frozen=True)
class Commands:
    """Commands to type, and what they say.

    Attributes:
        lines: the commands, each on one line.
        says: the lines that the page shows below them.
    """

    lines: tuple[str, ...]
    says: tuple[str, ...]


@dataclass(frozen=True)
class File:
    """Text to write into a file, or to add to it."""

    name: str
    text: str
    adds: bool


@dataclass(frozen=True)
class Change:
    """A change to files that are there, as a diff."""

    diff: str


@dataclass(frozen=True)
class Cell:
    """A cell of a notebook; its type is what nbgrader's *Create Assignment* calls it."""

    kind: str
    type: str
    id: str
    points: int
    source: str


def steps(page):
    """List what a page tells its reader to do, in order."""
    text = (ROOT / page).read_text(encoding="utf-8")
    blocks = list(_BLOCK.finditer(text))
    for place, block in enumerate(blocks):
        language, content = block["language"], block["text"]
        before = " ".join(text[: block.start()].rstrip().rpartition("\n\n")[2].split())
        if language == "sh":
            after = blocks[place + 1] if place + 1 < len(blocks) else None
            shown = after if after and after["language"] == "text" else None
            says = shown["text"].splitlines() if shown else ()
            yield Commands(_commands(content), tuple(says))
        elif language == "diff":
            yield Change(content)
        elif file := _FILE.fullmatch(before):
            yield File(file["name"], content, adds=file["verb"].lower() == "add to")
        elif cell := _CELL.fullmatch(before):
            points = int(cell["points"] or 0)
            yield Cell(
                cell["kind"], cell["type"], cell["id"] or "", points, content.removesuffix("\n")
            )


def commands(page):
    """List the commands of a page."""
    return [line for step in steps(page) if isinstance(step, Commands) for line in step.lines]


def _commands(block):
    joined = re.sub(r"\\\n\s*", "", block)
    lines = (re.sub(r"(^|\s+)# .*$", "", line).strip() for line in joined.splitlines())
    return tuple(filter(None, lines))
