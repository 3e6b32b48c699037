"""Rebuild a submission from the notebook in source/, so that only the student's answers are theirs.

Each cell that grades or is locked, and all metadata, come from source/. The student's are the text
of answer cells and of cells that nbgrader does not know, and the cells that they added:

- An answer cell keeps the student's text, in the cell type of source/.
- A cell of source/ that nbgrader does not know, such as `student_id = ...` or one to try things in,
  is the student's to change, move or delete: it keeps their text where they left it, with the
  metadata of source/, and does not come back. Where its type was changed, it is an added cell.
- An added cell stays behind the cell that it followed, without metadata. So all code runs in the
  order that the student saw it run in, as far as the cells of source/ are in theirs.
- What nbgrader knows comes back where it was deleted, and returns to its place where it was moved.
- Of the copies of an answer cell, the first one that differs from the release counts. Other copies
  with a text of their own stay as added cells: JupyterLab makes them where a student splits a cell.
  All other copies go.
"""

import base64
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor, SaveCells
from nbgrader.utils import chdir, is_grade, is_locked, is_solution, is_task
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from cnnlesson.grading.remarks import clean, fenced, remarks, tell

MOST_CHANGES = 20
"""How many changes are told one by one."""

# Pictures of pixels, which run no script.
_PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")

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
            _grade_id(cell): place
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
            name = f"“{_grade_id(cell) or cell.get('id', 'without a name')}”"
            names.append(f"{name} (under “{heading}”)" if heading else name)
        return names

    def knows(self, place: int) -> bool:
        """Whether nbgrader knows the cell at a place, rather than leave it to the student."""
        return self.places.get(_grade_id(self.notebook.cells[place])) == place

    def texts(self, place: int) -> set[str]:
        """The texts of a cell that are none of the student's."""
        cell = self.notebook.cells[place]
        return {cell.source, self.released.get(_grade_id(cell), cell.source)}


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """A notebook to run, and what was changed to make it.

    Attributes:
        notebook: all of source/ but the student's answers and own cells; without outputs.
        changes: for the student, a sentence each; nothing for an honest submission.
    """

    notebook: NotebookNode
    changes: tuple[str, ...]


_references: dict[Path, tuple[object, Config, Reference]] = {}


def reference(course: CourseDirectory, assignment: str, notebook: str, config: Config) -> Reference:
    """Make the reference of an assignment's notebook, as `nbgrader generate_assignment` would.

    It is made by the preprocessors that the configuration has for that command, and kept until
    the notebook, its header or footer, or the configuration changes.

    Args:
        course: the course, for the place of source/.
        assignment: the assignment's name.
        notebook: the notebook's name, without .ipynb.
        config: the course's configuration.

    Raises:
        LookupError: if source/ has no such notebook.
        ValueError: if it is no notebook.
    """
    folder = Path(course.format_path(course.source_directory, ".", assignment))
    path = Path(os.path.normpath(folder / f"{notebook}.ipynb"))
    if not path.is_file():
        raise LookupError(
            f"{path} is missing, and a submission is graded by what stands there: put it back, "
            f"or run `nbgrader generate_assignment {assignment}` once it has its new name"
        )
    around = (config.IncludeHeaderFooter.get(part) for part in ("header", "footer"))
    files = [path, *(Path(course.root, name) for name in around if isinstance(name, str) and name)]
    stamp = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    kept = _references.get(path)
    if kept and kept[:2] == (stamp, config):
        return kept[2]
    with chdir(course.root):  # to which header and footer are relative
        made = _generate(path, {"assignment": assignment, "notebook": notebook}, config)
    _references[path] = (stamp, deepcopy(config), made)
    return made


def _generate(path: Path, names: Mapping[str, str], config: Config) -> Reference:
    """Take a notebook through the preprocessors of `generate_assignment`."""
    steps = [
        import_item(step) if isinstance(step, str) else step
        for step in GenerateAssignment(config=config).preprocessors
    ]
    stored = [*takewhile(lambda step: step is not SaveCells, steps)]
    try:
        source = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from None
    resources = {
        "metadata": {"path": str(path.parent), "name": path.stem},
        "nbgrader": {**names, "student": "."},
    }
    notebook = _preprocessed(source, stored, resources, config)
    release = _preprocessed(notebook, steps[len(stored) + 1 :], resources, config)
    released = {_grade_id(cell): cell.source for cell in release.cells if _grade_id(cell)}
    return Reference(notebook, released)


def _preprocessed(
    notebook: NotebookNode, steps: Sequence[Any], resources: Mapping[str, Any], config: Config
) -> NotebookNode:
    config = deepcopy(config)
    config.Exporter.default_preprocessors = []
    exporter: Any = NotebookExporter(config=config)  # type: ignore[no-untyped-call]
    for step in steps:
        exporter.register_preprocessor(step)
    text, _ = exporter.from_notebook_node(deepcopy(notebook), resources=deepcopy(dict(resources)))
    made: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return made


def rebuild(submitted: Any, reference: Reference) -> Rebuilt:
    """Put a student's answers and own cells into the notebook of source/.

    Args:
        submitted: the notebook as handed in, of any content; it is left as it is.
        reference: the trusted notebook.
    """
    cells = submitted.get("cells") if isinstance(submitted, dict) else None
    work = _Rebuilding(reference, [each for each in cells or [] if isinstance(each, dict)])
    given = reference.notebook
    notebook = new_notebook(  # type: ignore[no-untyped-call]
        cells=_with_ids(work.cells(), given.cells),
        metadata=deepcopy(given.metadata),
        nbformat_minor=max(5, given.nbformat_minor),
    )
    return Rebuilt(notebook, _capped(work.changes))


class Rebuild(NbGraderPreprocessor):  # type: ignore[misc]
    """Rebuilds a submission from source/, in place of all else that sanitizes one.

    What was changed, and what intake left to be said, stands in a cell on top of the notebook.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Rebuild the notebook.

        Raises:
            LookupError: if source/ or the gradebook does not have the notebook.
            ValueError: if source/ has changed since `nbgrader generate_assignment`.
        """
        names = resources["nbgrader"]
        course = self.parent.parent.coursedir  # the exporter's converter's
        trusted = reference(course, names["assignment"], names["notebook"], self.config)
        _refuse_if_stale(trusted, names)
        rebuilt = rebuild(nb, trusted)
        for change in rebuilt.changes:
            self.log.warning("%s: %s", names["student"], change)
        tell(rebuilt.notebook, [*remarks(nb), *rebuilt.changes])
        return rebuilt.notebook, resources


def _refuse_if_stale(reference: Reference, names: Mapping[str, str]) -> None:
    """Refuse to grade by a source/ that is not what students were given, and the gradebook has."""
    assignment, notebook = names["assignment"], names["notebook"]
    with Gradebook(names["db_url"]) as gradebook:
        try:
            cells = gradebook.find_notebook(notebook, assignment).source_cells
        except MissingEntry:
            raise LookupError(
                f"the gradebook has no notebook {notebook!r} of {assignment!r}: run "
                f"`nbgrader generate_assignment {assignment}` first"
            ) from None
        stored = {cell.name: cell.checksum for cell in cells}
    given = reference.notebook.cells
    ours = {
        grade_id: given[place].metadata.nbgrader.get("checksum")
        for grade_id, place in reference.places.items()
    }
    if ours != stored:
        changed = sorted(dict(ours.items() ^ stored.items()))
        raise ValueError(
            f"source/{assignment}/{notebook}.ipynb is not what the gradebook has of it; these "
            f"cells differ: {', '.join(changed)}. Run `nbgrader generate_assignment {assignment}` "
            "again, and give out the new release if it changed, or put source/ back"
        )


class _Rebuilding:
    """One submission on its way: what its cells are, where they go, and what that changes."""

    def __init__(self, reference: Reference, cells: list[dict[str, Any]]) -> None:
        self.reference = reference
        self.given = reference.notebook.cells
        self.handed_in = cells
        self.changes: list[str] = []
        self.reset: list[str] = []  # the cells whose settings had been changed

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
        grade_ids = set(map(_grade_id, self.given))
        claims: dict[int, int] = {}
        taken: set[int] = set()
        for at, cell in enumerate(self.handed_in):
            grade_id, own_id = _grade_id(cell), cell.get("id")
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
        if self.reference.knows(place) and not _settings(cell).items() <= _settings(made).items():
            self.reset.append(name)
        if _type(cell) != made.cell_type:
            self.changes.append(
                f"The cell {name} had become a {_type(cell)} cell; it is a {made.cell_type} cell "
                "again."
            )
        if self.reference.knows(place) and not is_solution(made):
            if self._has_own_text(cell, place):
                self.changes.append(f"The cell {name} had been changed; it is as released again.")
            return made
        made.source = _text(cell)
        if made.cell_type != "code":
            made.pop("attachments", None)
            self._attach(made, cell)
        return made

    def _restored(self, place: int) -> NotebookNode:
        """A cell of source/ that the student deleted."""
        made = _fresh(self.given[place])
        name = self.reference.names[place]
        if is_solution(made):
            made.source = self.reference.released.get(_grade_id(made), made.source)
            self.changes.append(
                f"The answer cell {name} was missing; it is back as released, without an answer."
            )
        else:
            self.changes.append(f"The cell {name} was missing; it is back.")
        return made

    def _added(self, cell: dict[str, Any]) -> NotebookNode:
        """A cell of the student's own."""
        kind, text = _type(cell), _text(cell)
        if kind == "raw":  # which nbconvert would put into a page as it is
            self.changes.append("A raw cell of yours is shown as text.")
            kind, text = "markdown", fenced(text)
        # Not by nbformat's new_code_cell, which validates: thousands of cells would take seconds.
        plain = {"cell_type": kind, "metadata": {}, "source": text}
        made: NotebookNode = nbformat.from_dict(plain)  # type: ignore[no-untyped-call]
        if kind == "code":
            made.outputs, made.execution_count = [], None
        else:
            self._attach(made, cell)
        return made

    def _attach(self, made: NotebookNode, cell: Mapping[str, Any]) -> None:
        """Attach the pictures that are attached to the student's cell."""
        attached = cell.get("attachments") or {}
        pictures = _pictures(attached)
        if pictures:
            made.attachments = nbformat.from_dict(pictures)  # type: ignore[no-untyped-call]
        if pictures != attached:
            self.changes.append(
                "What is attached to one of your cells was left out, but for pictures "
                "(PNG, JPEG, GIF, WebP)."
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


def _grade_id(cell: Mapping[str, Any]) -> str:
    """The id that nbgrader has for a cell, or nothing."""
    metadata = cell.get("metadata")
    known = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = known.get("grade_id") if isinstance(known, dict) else None
    return grade_id if isinstance(grade_id, str) else ""


def _settings(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What decides how nbgrader treats a cell, but for what it works out at release."""
    if not _grade_id(cell):
        return {}
    metadata = cell["metadata"]
    known = {key: value for key, value in metadata["nbgrader"].items() if key not in _WORKED_OUT}
    return {**known, "tags": metadata["tags"]} if "tags" in metadata else known


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


def _pictures(attached: Any) -> dict[str, dict[str, str]]:
    """Of what is attached to a cell, the pictures, by name and MIME type."""
    if not isinstance(attached, dict):
        return {}
    pictures = {
        name: {kind: data for kind, data in forms.items() if kind in _PICTURES and _is_base64(data)}
        for name, forms in attached.items()
        if isinstance(name, str) and isinstance(forms, dict)
    }
    return {name: forms for name, forms in pictures.items() if forms}


def _is_base64(data: object) -> bool:
    if not isinstance(data, str):
        return False
    try:
        base64.b64decode("".join(data.split()), validate=True)
    except ValueError:
        return False
    return True


def _with_ids(cells: Sequence[NotebookNode], given: Iterable[NotebookNode]) -> list[NotebookNode]:
    """Give an id of our own to each cell that source/ gives none."""
    taken = {cell.get("id") for cell in given}
    ids = (f"added-{number}" for number in range(1, len(cells) + len(taken) + 1))
    free = (each for each in ids if each not in taken)
    for cell in cells:
        if "id" not in cell:
            cell["id"] = next(free)
    return [*cells]


def _capped(changes: Iterable[str]) -> tuple[str, ...]:
    told = [*dict.fromkeys(changes)]
    if len(told) > MOST_CHANGES:
        rest = len(told) - MOST_CHANGES
        told[MOST_CHANGES:] = [f"{rest} other changes were made."]
    return tuple(told)
