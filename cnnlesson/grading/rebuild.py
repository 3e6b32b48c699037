"""Rebuild a submission from the notebook in source/, so that only the student's answers are theirs.

Each cell that grades or is locked, and all metadata, come from source/. The student's are the text
of answer cells and of cells that nbgrader does not know, and the cells that they added:

- An answer cell keeps the student's text, in the cell type of source/.
- A cell of source/ that nbgrader does not know, such as `student_id = ...` or one to try things in,
  is the student's to change, move or delete: it keeps their text where they left it, with the
  metadata of source/, and does not come back. Where its type was changed, it is an added cell.
- An added cell stays behind the cell that it followed, without metadata. So all code runs in the
  order that the student saw it run in, as far as the cells of source/ are in theirs.
- Of what is attached to the student's texts, pictures stay.
- What nbgrader knows comes back where it was deleted, and returns to its place where it was moved.
- Of the copies of an answer cell, the first one that differs from the release counts. Other copies
  with a text of their own stay as added cells: JupyterLab makes them where a student splits a cell.
  All other copies go.

A student may have worked with another release of the assignment: by nbgrader's checksums, its cells
are told from those that a student changed.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any

from cnnlesson.grading.nodes import (
    NotebookNode,
    is_grade,
    is_locked,
    is_solution,
    is_task,
    new_cell,
    new_notebook,
    node,
)
from cnnlesson.grading.pictures import is_picture
from cnnlesson.grading.remarks import clean, cut_short, fenced
from cnnlesson.release import checksum, is_as_released

MOST_CHANGES = 20
"""How many changes are told one by one."""

_MOST_NAMED = 5  # cells in one sentence

# What nbgrader adds to its metadata, or works out anew, as it goes along.
_WORKED_OUT = ("checksum", "cell_type", "schema_version")

# The student's cells that follow a cell which nbgrader knows, with their places in source/, if any.
_Block = list[tuple[NotebookNode, int | None]]


@dataclass(frozen=True, eq=False)
class Reference:
    """The trusted side of an assignment's notebook.

    Attributes:
        notebook: what `nbgrader generate_assignment` stores: no solutions, but all hidden tests.
        released: what it gives to students: the texts of the cells that nbgrader knows, by id.
    """

    notebook: NotebookNode
    released: Mapping[str, str]

    @cached_property
    def places(self) -> dict[str, int]:
        """Where the cells are that nbgrader knows, by nbgrader's id."""
        return {
            grade_id_of(cell): place
            for place, cell in enumerate(self.notebook.cells)
            if is_grade(cell) or is_solution(cell) or is_locked(cell) or is_task(cell)
        }

    @cached_property
    def names(self) -> list[str]:
        """How to call each cell when one speaks of it: by its id and the heading above it."""
        names, heading = [], ""
        for cell in self.notebook.cells:
            if cell.cell_type == "markdown":
                heading = (re.findall(r"^#+\s+(.+?)\s*#*$", cell.source, re.M) or [heading])[-1]
            name = f"“{grade_id_of(cell) or cell.get('id', 'without a name')}”"
            names.append(f"{name} (under “{heading}”)" if heading else name)
        return names

    def knows(self, place: int) -> bool:
        """Whether nbgrader knows the cell at a place, rather than leave it to the student."""
        return self.places.get(grade_id_of(self.notebook.cells[place])) == place

    @cached_property
    def checksums(self) -> dict[str, str]:
        """The checksums of the cells that nbgrader knows as students got them, by id."""
        cells = ((grade_id, self.notebook.cells[place]) for grade_id, place in self.places.items())
        return {
            grade_id: checksum(cell, self.released.get(grade_id, cell.source))
            for grade_id, cell in cells
        }

    def texts(self, place: int) -> set[str]:
        """The texts of a cell that are none of the student's."""
        cell = self.notebook.cells[place]
        return {cell.source, self.released.get(grade_id_of(cell), cell.source)}


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A notebook to run, and what was changed to make it.

    Attributes:
        notebook: all of source/ but the student's answers and own cells; without outputs.
        changes: for the student, a sentence each; nothing for an honest submission.
    """

    notebook: NotebookNode
    changes: tuple[str, ...]


def rebuild(submitted: Any, reference: Reference) -> Rebuilt:
    """Put a student's answers and own cells into the notebook of source/.

    Args:
        submitted: the notebook as handed in, of any content; it is left as it is.
        reference: the trusted notebook.
    """
    cells = submitted.get("cells") if isinstance(submitted, dict) else None
    work = _Rebuilding(reference, [each for each in cells or [] if isinstance(each, dict)])
    given = reference.notebook
    notebook = new_notebook(
        cells=_with_ids(work.cells(), given.cells),
        metadata=deepcopy(given.metadata),
        nbformat_minor=max(5, given.nbformat_minor),
    )
    told = cut_short(work.changes, MOST_CHANGES, "{} other changes were made.")
    return Rebuilt(notebook, tuple(told))


class _Rebuilding:
    """One submission on its way: what its cells are, where they go, and what that changes."""

    def __init__(self, reference: Reference, cells: list[dict[str, Any]]) -> None:
        self.reference = reference
        self.given = reference.notebook.cells
        self.handed_in = cells
        self.changes: list[str] = []
        self.reset: list[str] = []  # the cells whose settings had been changed
        self.restored: list[NotebookNode] = []  # those that were missing
        self.of_another_release: list[str] = []

    def cells(self) -> list[NotebookNode]:
        """The cells of the notebook to run, in order; added ones are without an id."""
        claims = self._claims()
        copies: dict[int, list[int]] = defaultdict(list)
        for at, claimed in claims.items():
            copies[claimed].append(at)
        chosen = {place: self._choose(place, found) for place, found in copies.items()}
        self._tell_of_copies({place: len(found) for place, found in copies.items()})
        block: _Block = []
        start, blocks = block, dict[int, _Block]()
        for at, cell in enumerate(self.handed_in):
            place = claims.get(at)
            if place is None:
                block.append((self._added(cell), None))
            elif chosen[place] != at:
                if self._has_own_text(cell, place):
                    block.append((self._added(cell), None))
            elif self.reference.knows(place):
                block = blocks[place] = []
            else:
                block.append((self._answered(place, cell), place))
        self._tell_of_moves([*blocks])
        made = self._in_order(start, blocks, chosen)
        self._tell_of_release()
        self._tell_of_settings()
        return made

    def _in_order(
        self,
        block: _Block,
        blocks: Mapping[int, _Block],
        chosen: Mapping[int, int],
    ) -> list[NotebookNode]:
        """Put the blocks into the order of source/, and what was deleted back."""
        made: list[NotebookNode] = []
        for place in self.reference.places.values():
            if place in blocks:
                made += [cell for cell, _ in block]
                made.append(self._answered(place, self.handed_in[chosen[place]]))
                block = blocks[place]
            else:
                split = self._split(block, place)
                made += [cell for cell, _ in block[:split]]
                made.append(self._restored(place))
                block = block[split:]
        return made + [cell for cell, _ in block]

    def _split(self, block: _Block, place: int) -> int:
        """Where among the student's cells a deleted cell comes back.

        That is behind the cells of source/ that stood before it; and before the added cells, lest
        an empty answer undo what they do, unless it is a check of what they do.
        """
        before = [at for at, (_, known) in enumerate(block) if known is not None and known < place]
        split = before[-1] + 1 if before else 0
        if is_grade(self.given[place]) and not is_solution(self.given[place]):
            while split < len(block) and block[split][1] is None:
                split += 1
        return split

    def _claims(self) -> dict[int, int]:
        """Find which cell of source/ each cell is: by nbgrader's id, by its own, or by its text."""
        places = self.reference.places
        ids = {cell.id: place for place, cell in enumerate(self.given) if "id" in cell}
        grade_ids = set(map(grade_id_of, self.given))
        claims: dict[int, int] = {}
        taken: set[int] = set()
        for at, cell in enumerate(self.handed_in):
            grade_id, own_id = grade_id_of(cell), cell.get("id")
            place: int | None = places.get(grade_id)
            if place is None and isinstance(own_id, str) and own_id in ids:
                place = ids[own_id]
                if not self.reference.knows(place) and (
                    place in taken or self._is_other(cell, place)
                ):
                    place = None
            if place is not None:
                claims[at] = place
                taken.add(place)
            if grade_id and grade_id not in grade_ids:
                if is_as_released(cell, _text(cell)):
                    self.of_another_release.append(f"“{clean(grade_id)[:40]}”")
                self.changes.append(
                    f"This assignment has no cell “{clean(grade_id)[:40]}”, so yours is an "
                    "ordinary one."
                )
        unclaimed: dict[tuple[str, str], list[int]] = defaultdict(list)
        for place in sorted({*range(len(self.given))} - taken, reverse=True):
            for text in self.reference.texts(place):
                unclaimed[self.given[place].cell_type, text].append(place)
        for at, cell in enumerate(self.handed_in):
            if at not in claims and (alike := unclaimed.get((_type(cell), _text(cell)))):
                claims[at] = alike.pop()
        return claims

    def _is_other(self, cell: Mapping[str, Any], place: int) -> bool:
        """Whether a cell is another one by now; a raw cell's text is markup, not the student's."""
        if _type(cell) != self.given[place].cell_type:
            return True
        return _type(cell) == "raw" and self._has_own_text(cell, place)

    def _choose(self, place: int, copies: Sequence[int]) -> int:
        """Choose which copy is the cell: of an answer, the first that is one; else the original."""
        cells = [(at, self.handed_in[at]) for at in copies]
        given = self.given[place]
        if is_solution(given):
            for at, cell in cells:
                if self._has_own_text(cell, place):
                    return at
        originals = (at for at, cell in cells if "id" in given and cell.get("id") == given.id)
        return next(originals, copies[0])

    def _has_own_text(self, cell: Mapping[str, Any], place: int) -> bool:
        return _text(cell) not in self.reference.texts(place)

    def _answered(self, place: int, cell: dict[str, Any]) -> NotebookNode:
        """A cell of source/, with the student's text if it may have one."""
        made = _fresh(self.given[place])
        name = self.reference.names[place]
        if self.reference.knows(place) and self._is_of_another_release(cell, place):
            self.of_another_release.append(name)
            return self._blank(place)
        if self.reference.knows(place) and not _settings(cell).items() <= _settings(made).items():
            self.reset.append(name)
        if _type(cell) != made.cell_type:
            self.changes.append(
                f"The cell {name} had become a {_type(cell)} cell; it is a {made.cell_type} cell "
                "again."
            )
        if self.reference.knows(place) and not is_solution(made):
            attached = cell.get("attachments") or {}
            if self._has_own_text(cell, place) or attached != (made.get("attachments") or {}):
                self.changes.append(f"The cell {name} had been changed; it is as released again.")
            return made
        self._tell_of_tags(cell, made)
        made.source = _text(cell)
        self._attach(made, cell)
        return made

    def _is_of_another_release(self, cell: Mapping[str, Any], place: int) -> bool:
        """Whether a cell is as a release had it, but not the one that is graded."""
        if not grade_id_of(cell) or not is_as_released(cell, _text(cell)):
            return False
        known = self.reference.checksums[grade_id_of(self.given[place])]
        return bool(checksum(cell, _text(cell)) != known)

    def _restored(self, place: int) -> NotebookNode:
        """A cell of source/ that the student deleted, or never had."""
        made = self._blank(place)
        name = self.reference.names[place]
        self.restored.append(made)
        if is_solution(made):
            self.changes.append(
                f"The answer cell {name} was missing; it is back as released, without an answer."
            )
        else:
            self.changes.append(f"The cell {name} was missing; it is back.")
        return made

    def _blank(self, place: int) -> NotebookNode:
        """A cell of source/, without an answer if it is one."""
        made = _fresh(self.given[place])
        if is_solution(made):
            made.source = self.reference.released.get(grade_id_of(made), made.source)
        return made

    def _added(self, cell: dict[str, Any]) -> NotebookNode:
        """A cell of the student's own."""
        kind, text = _type(cell), _text(cell)
        if kind == "raw":  # which nbconvert would put into a page as it is
            self.changes.append("A raw cell of yours is shown as text.")
            kind, text = "markdown", fenced(text)
        made = new_cell(kind, text)
        self._tell_of_tags(cell, made)
        self._attach(made, cell)
        return made

    def _attach(self, made: NotebookNode, cell: Mapping[str, Any]) -> None:
        """Attach to a text the pictures that are attached to the student's cell."""
        attached, given = cell.get("attachments") or {}, made.pop("attachments", {})
        kept = {} if made.cell_type == "code" else _pictures(attached, given)
        if kept:
            made.attachments = node(kept)
        if kept != attached:
            self.changes.append(
                "What is attached to one of your cells was left out, but for pictures "
                "(PNG, JPEG, GIF, WebP) in a text."
            )

    def _tell_of_tags(self, cell: Mapping[str, Any], made: NotebookNode) -> None:
        """Tell of the tags of a cell that is the student's own, which do not count."""
        own = sorted({*_tags(cell)} - {*_tags(made)})
        if own and not grade_id_of(cell) and not grade_id_of(made):
            self.changes.append(
                f"The tag “{clean(own[0])[:40]}” of one of your cells was left out: tags do not "
                "count where a notebook is graded."
            )

    def _tell_of_copies(self, copies: Mapping[int, int]) -> None:
        for place in sorted(copies):
            if copies[place] > 1:
                told = f"The cell {self.reference.names[place]} was there {copies[place]} times; "
                if is_solution(self.given[place]):
                    told += "the first that differs from the release is your answer, and other "
                    told += "changed ones are ordinary cells."
                else:
                    told += "it counts once."
                self.changes.append(told)

    def _tell_of_moves(self, places: Sequence[int]) -> None:
        matcher = SequenceMatcher(None, places, sorted(places), autojunk=False)
        for operation, begin, end, _, _ in matcher.get_opcodes():
            if operation in ("delete", "replace"):
                self.changes += [
                    f"The cell {self.reference.names[place]} had been moved; it is back in its "
                    "place."
                    for place in places[begin:end]
                ]

    def _tell_of_release(self) -> None:
        """Tell, before all else, that the student worked with another release."""
        if others := self.of_another_release:
            more = len(others) - _MOST_NAMED
            named = [*others[:_MOST_NAMED], *([f"{more} more"] if more > 0 else [])]
            self.changes.insert(
                0,
                "This notebook was made from another release of the assignment than the one that "
                f"is graded. These cells of yours are not as in that one: {', '.join(named)}. Your "
                "answers stay, and are graded by it.",
            )
            self.reset.clear()
        elif any(is_solution(cell) or is_grade(cell) for cell in self.restored) and any(
            is_locked(cell) and not is_grade(cell) for cell in self.restored
        ):  # a whole question, with what introduces it
            self.changes.append(
                "If you did not delete the cells that were missing, you worked with an earlier "
                "release of the assignment, which did not have them."
            )

    def _tell_of_settings(self) -> None:
        if self.reset:
            more = len(self.reset) - 1
            also = f" and of {more} other cell{'s' * (more > 1)}" if more else ""
            self.changes.append(
                f"The settings (tags, points and the like) of the cell {self.reset[0]}{also} had "
                "been changed; they are as released again."
            )


def _fresh(cell: NotebookNode) -> NotebookNode:
    made = deepcopy(cell)
    if made.cell_type == "code":
        made.outputs, made.execution_count = [], None
    return made


def grade_id_of(cell: Mapping[str, Any]) -> str:
    """The id that nbgrader has for a cell, or nothing."""
    metadata = cell.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = known.get("grade_id") if isinstance(known, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def _settings(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how nbgrader treats a cell, but for what it works out at release."""
    if not grade_id_of(cell):
        return {}
    metadata = cell["metadata"]
    known = {key: value for key, value in metadata["nbgrader"].items() if key not in _WORKED_OUT}
    return {**known, "tags": metadata["tags"]} if "tags" in metadata else known


def _tags(cell: Mapping[str, Any]) -> list[str]:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []


def _type(cell: Mapping[str, Any]) -> str:
    kind = cell.get("cell_type")
    return kind if kind in ("code", "markdown") else "raw"


def _text(cell: Mapping[str, Any]) -> str:
    """A cell's text, with nothing in it that no file can hold."""
    source = cell.get("source")
    if isinstance(source, list):
        source = "".join(line for line in source if isinstance(line, str))
    text = source if isinstance(source, str) else ""
    return text.encode("utf-8", "replace").decode("utf-8")


def _pictures(attached: Any, given: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Of what is attached to a cell, the pictures and what source/ attaches to it, by name."""
    if not isinstance(attached, dict):
        return {}
    pictures = {
        name: forms
        if forms == given.get(name)
        else {kind: data for kind, data in forms.items() if is_picture(kind, data)}
        for name, forms in attached.items()
        if isinstance(name, str) and isinstance(forms, dict)
    }
    return {name: forms for name, forms in pictures.items() if forms}


def _with_ids(cells: Sequence[NotebookNode], given: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Give an id of our own to each cell that source/ gives none."""
    taken = {cell.get("id") for cell in given}
    ids = (f"added-{number}" for number in range(1, len(cells) + len(taken) + 1))
    free = (each for each in ids if each not in taken)
    for cell in cells:
        if "id" not in cell:
            cell["id"] = next(free)
    return [*cells]
