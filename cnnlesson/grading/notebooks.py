"""Reading a notebook that nobody vouches for: its size first, then its text, then its cells."""

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from traitlets import Integer
from traitlets.config import Configurable

from cnnlesson.grading.nodes import NotebookNode, new_cell, new_notebook, node
from cnnlesson.grading.weighing import excess

_NO_TEXT = re.compile("[\x00\ud800-\udfff]")  # what neither UTF-8 nor a gradebook can hold
_CELL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LONGEST_NUMBER = 400  # digits; a float has at most 309 before its point


class UnreadableNotebook(ValueError):
    """A file that is no notebook, or none that can be read safely; the message says why."""


class Read(NamedTuple):
    """A student's notebook, and what there is to say of it.

    Attributes:
        notebook: all of it that counts; see `tidied`.
        odd: what was wrong with it, in sentences.
        records: what its outputs hold of the type that was asked for: the student's word.
    """

    notebook: NotebookNode
    odd: list[str]
    records: list[Any]


class ReadingLimits(Configurable):
    """How large a notebook may be, so that a small machine survives reading it."""

    max_notebook_bytes = Integer(
        15_000_000, help="Bytes of one notebook's file; a larger one is never opened."
    ).tag(config=True)
    max_values = Integer(
        1_000_000, help="Texts, commas and brackets in one notebook; counted before parsing."
    ).tag(config=True)
    max_nesting = Integer(
        100, help="Lists and objects inside each other in one notebook; counted before parsing."
    ).tag(config=True)

    max_cells = Integer(2_000, help="Cells of one notebook.").tag(config=True)
    max_kept_bytes = Integer(
        5_000_000, help="Bytes of one notebook without its outputs, which are not graded."
    ).tag(config=True)

    def read(self, content: bytes, record_type: str = "") -> Read:
        """Read a student's notebook.

        Args:
            content: of its file, of at most `max_notebook_bytes`.
            record_type: the MIME type of the outputs to return.

        Raises:
            UnreadableNotebook: if it holds too much, or nothing like a notebook.
        """
        raw, odd = self.parse(content)
        cells = [*_all_cells(raw)]
        if len(cells) > self.max_cells:
            raise UnreadableNotebook(
                f"it has {len(cells):,} cells, and at most {self.max_cells:,} are read"
            )
        self._refuse_large(_characters(cells))
        records = [*_displayed(cells, record_type)] if record_type else []
        notebook, wrong = tidied(raw)
        texts = (json.dumps(cell, ensure_ascii=False) for cell in notebook.cells)
        self._refuse_large(sum(len(text.encode()) for text in texts))
        return Read(notebook, [*odd, *wrong], records)

    def _refuse_large(self, kept: int) -> None:
        if kept > self.max_kept_bytes:
            raise UnreadableNotebook(
                f"without its outputs it has {kept:,} bytes, and at most "
                f"{self.max_kept_bytes:,} are read"
            )

    def parse(self, content: bytes) -> tuple[Any, list[str]]:
        """Parse JSON, and say what was odd about it.

        NaN, infinities and overlong integers, which are no JSON but which Jupyter may write into
        an output, become None; of a key that occurs twice the last value counts, as in Jupyter.

        Raises:
            UnreadableNotebook: if it is no JSON, or holds too much.
        """
        if much := excess(content, values=self.max_values, nesting=self.max_nesting):
            raise UnreadableNotebook(f"it holds {much}")
        odd: dict[str, None] = {}  # in order, each once

        def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
            made = dict(found)
            if len(made) < len(found):
                odd["a key occurs twice in it, and the last value was taken"] = None
            return made

        def no_number(text: str) -> None:
            odd[f"it holds {text}, which is no number, and was left out"] = None

        def integer(text: str) -> int | None:
            if len(text) <= _LONGEST_NUMBER:
                return int(text)
            odd[f"it holds a number of {len(text):,} digits, which was left out"] = None
            return None

        try:
            parsed = json.loads(
                content.decode("utf-8-sig"),
                object_pairs_hook=pairs,
                parse_int=integer,
                parse_constant=no_number,
            )
        except UnicodeDecodeError as error:
            raise UnreadableNotebook(
                f"it is no text in UTF-8 from byte {error.start:,} on"
            ) from None
        except json.JSONDecodeError as error:
            raise UnreadableNotebook(
                f"it is not written as a notebook is, or breaks off, at line {error.lineno:,}, "
                f"column {error.colno:,}"
            ) from None
        return parsed, [*odd]


def read_plain_file(path: Path | str, most: int, folder: int | None = None) -> bytes:
    """Return what a file holds, and follow no link to it.

    Args:
        path: of the file; in a folder that is open, its name.
        most: bytes that it may hold.
        folder: the descriptor of that folder.

    Raises:
        UnreadableNotebook: if it is no regular file, or larger than `most` bytes.
    """
    # Opened, a FIFO would block, and not every system can be told not to follow a link.
    if not stat.S_ISREG(os.stat(path, dir_fd=folder, follow_symlinks=False).st_mode):
        raise UnreadableNotebook("it is no plain file")
    flags = (getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
    descriptor = os.open(path, os.O_RDONLY | sum(flags), dir_fd=folder)
    try:
        return read_open_file(descriptor, most)
    finally:
        os.close(descriptor)


def read_open_file(descriptor: int, most: int) -> bytes:
    """Return what an open file holds; raises as `read_plain_file` does."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableNotebook("it is no plain file")
    if found.st_size > most:
        raise UnreadableNotebook(f"it has {found.st_size:,} bytes, and at most {most:,} are read")
    with open(descriptor, "rb", closefd=False) as file:
        return file.read(most)


def tidied(raw: Any) -> tuple[NotebookNode, list[str]]:
    """Make a valid notebook of what a student's file holds, and say what was wrong with it.

    It has the student's cells, in order, without outputs; what is attached to their texts; of their
    metadata only the tags and what nbgrader knows a cell by, and of the notebook's the kernel and
    the language. Whatever else is there is the student's word for something that the course
    decides, or what a program noted.

    Args:
        raw: a file's content, as `ReadingLimits.parse` gives it.

    Raises:
        UnreadableNotebook: if it is nothing like a notebook of any format.
    """
    if not isinstance(raw, dict):
        raise UnreadableNotebook("it holds no notebook")
    raw, remarks = _of_format_4(raw)
    if not isinstance(raw.get("cells"), list):
        raise UnreadableNotebook("it has no list of cells")
    odd: dict[str, None] = dict.fromkeys(remarks)
    taken: set[str] = set()
    cells = [
        cell
        for number, raw_cell in enumerate(raw["cells"], 1)
        if (cell := _tidied_cell(raw_cell, number, odd, taken))
    ]
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    named = {"kernelspec": ("name", "display_name"), "language_info": ("name",)}
    kept = {
        key: _plain(metadata[key])
        for key, names in named.items()
        if isinstance(metadata.get(key), dict)
        if all(isinstance(metadata[key].get(name), str) for name in names)
    }
    return new_notebook(cells=cells, metadata=kept), [*odd]


def _all_cells(raw: Any) -> Iterator[Any]:
    """The cells of a notebook of any format, or of what is nothing like one."""
    if isinstance(raw, dict):
        sheets = raw.get("worksheets")
        for place in (raw, *(sheets if isinstance(sheets, list) else ())):
            cells = place.get("cells") if isinstance(place, dict) else None
            yield from cells if isinstance(cells, list) else ()


def _displayed(cells: Iterable[Any], kind: str) -> Iterator[Any]:
    """What the outputs of cells hold of a MIME type."""
    for cell in cells:
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        for output in outputs if isinstance(outputs, list) else ():
            data = output.get("data") if isinstance(output, dict) else None
            if isinstance(data, dict) and kind in data:
                yield data[kind]


def _characters(part: Any) -> int:
    """How many characters a part of a notebook has in its texts, but for outputs."""
    if isinstance(part, dict):
        return sum(_characters(each) for name, each in part.items() if name != "outputs")
    if isinstance(part, list):
        return sum(map(_characters, part))
    return len(part) if isinstance(part, str) else 0


def grade_ids(notebook: NotebookNode) -> set[str]:
    """Return the names by which nbgrader knows a notebook's cells."""
    marks = (cell.metadata.get("nbgrader") or {} for cell in notebook.cells)
    return {mark["grade_id"] for mark in marks if "grade_id" in mark}


def _of_format_4(raw: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    major = raw.get("nbformat", 3 if "worksheets" in raw else 4)
    if type(major) is not int or not 1 <= major <= 4:
        raise UnreadableNotebook("its format is none of 1 to 4, which are read")
    if major == 4:
        return raw, []
    import nbformat  # takes longer than most notebooks take to grade

    try:
        for cell in _old_cells(raw):
            cell.pop("outputs", None)
            if cell.get("cell_type") == "code":
                cell["outputs"] = []
        old = nbformat.versions[major].to_notebook_json(raw, minor=raw.get("nbformat_minor", 0))
        new = nbformat.convert(old, 4)  # type: ignore[no-untyped-call]
    except Exception as error:  # nbformat trusts an old notebook to be well-formed
        raise UnreadableNotebook(
            f"it is of the old format {major}, and cannot be converted ({type(error).__name__})"
        ) from None
    return new, [f"it was of the old format {major}, and was converted to 4"]


def _old_cells(raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if raw.get("nbformat") == 1:
        yield from raw.get("cells", ())
    for sheet in raw.get("worksheets", ()):
        yield from sheet.get("cells", ())


def _tidied_cell(
    raw: Any, number: int, odd: dict[str, None], taken: set[str]
) -> NotebookNode | None:
    if not isinstance(raw, dict):
        odd[f"cell {number} was no cell, and was left out"] = None
        return None
    kind = raw.get("cell_type")
    if kind not in ("code", "markdown", "raw"):
        odd[f"cell {number} was neither code nor text, and was left out"] = None
        return None
    source = _joined(raw.get("source", ""))
    if not isinstance(source, str):
        odd[f"cell {number} held something else than text, and was emptied"] = None
        source = ""
    if _NO_TEXT.search(source):
        odd[f"cell {number} held characters that no file can hold; they were replaced"] = None
    metadata = raw.get("metadata", {})
    noted = metadata if isinstance(metadata, dict) else {}
    mark, tags = noted.get("nbgrader"), noted.get("tags")
    has_mark = isinstance(mark, dict) and isinstance(mark.get("grade_id"), str)
    has_tags = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    unread = (mark not in (None, {}) and not has_mark, tags is not None and not has_tags)
    if any(unread) or not isinstance(metadata, dict):
        odd[f"what was noted about cell {number} could not be read"] = None
    cell_id = raw.get("id")
    if not isinstance(cell_id, str) or not _CELL_ID.fullmatch(cell_id) or cell_id in taken:
        # nbformat's own would be random, and a regrade differ from the grade.
        cell_id = next(
            name for extra in range(len(taken) + 1) if (name := f"c{number}-{extra}") not in taken
        )
    taken.add(cell_id)
    cell = new_cell(kind, _text(source), cell_id)
    if isinstance(tags, list) and has_tags:
        cell.metadata["tags"] = [_text(tag) for tag in tags]
    if isinstance(mark, dict) and has_mark:
        cell.metadata["nbgrader"] = node(_plain(mark))
    attached = raw.get("attachments") or {}
    kept = _attachments(attached) if kind != "code" else {}
    if kept:
        cell["attachments"] = node(kept)
    if not isinstance(attached, dict) or len(kept) < len(attached):
        odd[f"what was attached to cell {number} could not be kept, or not all of it"] = None
    return cell


def _attachments(raw: Any) -> dict[str, dict[str, str]]:
    """Keep the files that are attached to a text, as Jupyter writes them."""
    files = raw.items() if isinstance(raw, dict) else ()
    return {
        _text(name): {_text(kind): _text(_joined(content)) for kind, content in forms.items()}
        for name, forms in files
        if isinstance(forms, dict)
        and all(isinstance(_joined(each), str) for each in forms.values())
    }


def _joined(text: Any) -> Any:
    """A text that a file may hold by lines; anything else as it is."""
    by_lines = isinstance(text, list) and all(isinstance(line, str) for line in text)
    return "".join(text) if by_lines else text


def _plain(mapping: dict[str, Any]) -> dict[str, Any]:
    """Keep what is a text, a number or a truth value."""
    return {
        _text(key): _text(value) if isinstance(value, str) else value
        for key, value in mapping.items()
        if value is None or isinstance(value, str | int | float)
    }


def _text(text: str) -> str:
    return _NO_TEXT.sub("\ufffd", text)
