"""Hostile submissions: how each is made of an honest one, and what it deserves.

Each theme has a module with a list `ATTACKS`. A submission starts out with every question answered
rightly, so all that its attack does not touch are canaries, which must earn their full marks.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from course import ROOT

THEMES = ("forging", "reaching", "exhausting")

PARAMETER_SHARING, CONV_LAYER, PLAIN = "parameter-sharing", "conv-layer", "plain"
SOURCES = {
    PARAMETER_SHARING: ROOT / "source",
    CONV_LAYER: ROOT / "source",
    PLAIN: Path(__file__).parent,
}
"""The folder that holds each assignment's folder; `plain` is one of asserts alone."""

PAGE = ROOT / "docs/security.md"
"""Holds the table of all attacks between two comments."""

MARK = "left-by-a-hostile-student"
"""What attacks call what they try to leave on the machine, so that it can be looked for."""


class Submission:
    """A submission on its way from an honest one to a hostile one.

    Attributes:
        student: the id that the course knows.
        assignment: its name.
        folder: where it lies, as it was handed in; for files beside the notebook.
        notebook: as JSON; an attack changes it as it likes.
    """

    def __init__(self, student: str, assignment: str, folder: Path) -> None:
        self.student, self.assignment, self.folder = student, assignment, folder
        self.notebook = json.loads(_solved(assignment))
        for cell in self.notebook["cells"]:
            if cell.get("id") == "student":
                cell["source"] = f'student_id = "{student}"'

    def place(self, name: str) -> int:
        """Where the cell is that has this id."""
        ids = [cell.get("id") for cell in self.notebook["cells"]]
        return ids.index(name)

    def cell(self, name: str) -> dict[str, Any]:
        """The cell that has this id."""
        cell: dict[str, Any] = self.notebook["cells"][self.place(name)]
        return cell

    def answer(self, question: str, code: str) -> None:
        """Give another answer to a question; `code` takes the place of all that is in its cell."""
        self.cell(f"{question}-answer")["source"] = code

    def add(self, code: str, before: str = "begin", kind: str = "code") -> dict[str, Any]:
        """Add a cell before another; without a name, before all that nbgrader knows of code."""
        cell: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": code}
        if kind == "code":
            cell |= {"execution_count": None, "outputs": []}
        place = self.place(before)
        self.notebook["cells"].insert(place, cell | {"id": f"added-{place}"})
        return self.notebook["cells"][place]  # type: ignore[no-any-return]

    def hand_in(self) -> None:
        """Write the notebook into its folder, unless an attack has put something there itself."""
        path = self.folder / f"{self.assignment}.ipynb"
        if not path.is_symlink() and not path.exists():
            # With lone surrogates and infinities as they are, which no editor would write.
            path.write_text(json.dumps(self.notebook), encoding="utf-8")


Change = Callable[[Submission], None]


@dataclass(frozen=True)
class Attack:
    """A class of attack, in one submission.

    Attributes:
        name: of the student who makes it, and of the attack in the table.
        kind: what it attacks, in a few words; several attacks may be of one kind.
        assignment: which one it is handed in for.
        says: what it does, in a sentence without a full stop.
        change: turns an honest submission into the hostile one.
        deserved: the points of each grade cell that are not its maximum, by hand.
        stock: what nbgrader does without this course's configuration, as it was measured.
        ours: what happens instead, if there is more to say of it than the points.
        graded: whether there is something to grade; if not, the submission is refused by name.
    """

    name: str
    kind: str
    assignment: str
    says: str
    change: Change
    deserved: Mapping[str, float] = field(default_factory=dict)
    stock: str = "n/a"
    ours: str = ""
    graded: bool = True


@dataclass(frozen=True)
class Elsewhere:
    """A class of attack that needs more than a submission, and so stands among other tests.

    Attributes:
        kind, says, stock, ours: as of `Attack`.
        tested: the test that makes it, as "file::test", without "tests/" and ".py".
    """

    kind: str
    says: str
    tested: str
    stock: str
    ours: str


def attacks() -> list[Attack]:
    """All attacks of the themes that there are."""
    found: list[Attack] = []
    for theme in THEMES:
        if find_spec(f"{__name__}.{theme}"):
            found += import_module(f"{__name__}.{theme}").ATTACKS
    return found


@cache
def points(assignment: str) -> Mapping[str, float]:
    """The points of each grade cell that is no text for a person to read, by its name."""
    return {
        cell["metadata"]["nbgrader"]["grade_id"]: cell["metadata"]["nbgrader"]["points"]
        for cell in _source(assignment)["cells"]
        if cell["metadata"].get("nbgrader", {}).get("grade") and cell["cell_type"] == "code"
    }


@cache
def _solved(assignment: str) -> str:
    """The notebook of source/ with its solutions in place, as a student would have written it."""
    notebook = _source(assignment)
    hidden = False
    for cell in notebook["cells"]:
        lines = []
        for line in "".join(cell["source"]).splitlines():
            hidden = (hidden or "BEGIN HIDDEN" in line) and "END HIDDEN" not in line
            if not hidden and not line.strip().startswith("###"):
                lines.append(line)
        cell["source"] = "\n".join(lines)
    return json.dumps(notebook)


def _source(assignment: str) -> dict[str, Any]:
    path = SOURCES[assignment] / assignment / f"{assignment}.ipynb"
    notebook: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return notebook


def table(chosen: Iterable[Attack] | None = None) -> str:
    """The table of all attacks, in Markdown: what stock nbgrader does, and what ours does."""
    rows = ["| kind | attack | stock nbgrader | this course |", "|---|---|---|---|"]
    others: Iterable[Elsewhere] = ()
    if chosen is None:
        chosen, others = attacks(), import_module(f"{__name__}.elsewhere").ATTACKS
    for attack in chosen:
        known = points(attack.assignment)
        worth = ", ".join(
            f"{earned:g} of {known[name]:g} for `{name}`"
            for name, earned in attack.deserved.items()
        )
        ours = "; ".join(filter(None, (attack.ours, worth))) or "all marks it deserves"
        rows.append(
            f"| {attack.kind} | {attack.says} (`{attack.name}`) | {attack.stock} | {ours} |"
        )
    rows += [f"| {e.kind} | {e.says} (`{e.tested}`) | {e.stock} | {e.ours} |" for e in others]
    return "\n".join(rows)


def with_table(page: str) -> str:
    """The page with the table in its place."""
    before, begin, rest = page.partition("<!-- attacks: made by `make attacks` -->\n")
    _, end, after = rest.partition("\n<!-- end of attacks -->")
    assert begin
    assert end
    return f"{before}{begin}\n{table()}\n{end}{after}"
