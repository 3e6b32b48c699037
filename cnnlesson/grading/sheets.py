"""Tables as people's programs write them: CSV files, read with their lines, and written safely."""

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DELIMITERS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?( ?%)?")
# What a spreadsheet takes for the beginning of a formula, in the wide forms of East Asia, too.
_FORMULA = re.compile(r"[\t\r\n]|\s*[=+\-@＝＋－＠]")
_PARTED = re.compile(r"([;\t])(?= *[=+\-@＝＋－＠])")


class NotATableError(ValueError):
    """A file that cannot be read as a table; the message says where, and what to do."""


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        line: the number of the line in the file that it begins in.
        cells: what stands in it.
    """

    line: int
    cells: list[str]

    def cell(self, column: int | None) -> str:
        """Return a cell without the blanks around it; nothing where there is no such column."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True)
class Sheet:
    """A table with a header.

    Attributes:
        path: the file.
        header: the columns' names, as they are.
        rows: those below, but for empty ones.
        delimiter: what parts the cells.
        encoding: of the file.
    """

    path: Path
    header: list[str]
    rows: list[Row]
    delimiter: str
    encoding: str

    def column(self, *names: str) -> int | None:
        """Return the place of the first column that has one of these names, whatever its case."""
        wanted = {plain(name) for name in names}
        return next((at for at, name in enumerate(self.header) if plain(name) in wanted), None)


def plain(name: str) -> str:
    """Return a name without what people write now one way, now another: "Last_Name" is "lastname".

    Letters and digits of all languages stay.
    """
    return re.sub(r"[\W_]+", "", name).casefold()


def read_sheet(path: Path, encoding: str | None = None) -> Sheet:
    """Read a table.

    Args:
        path: the file, with commas, semicolons or tabs.
        encoding: of the file; UTF-8, or what its first bytes say, unless given.

    Raises:
        NotATableError: if it is empty, is not in that encoding, or is broken.
        OSError: if it cannot be read at all.
    """
    text, encoding = _decoded(path, encoding)
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise NotATableError(f"{path} is empty: its first line should name the columns")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append(Row(line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        raise NotATableError(f"{path}, line {line}: {error}") from None
    if not rows:
        raise NotATableError(f"{path} is empty: all its cells are")
    header, *below = rows
    return Sheet(path, header.cells, below, delimiter, encoding)


def write_sheet(path: Path, rows: Iterable[Sequence[str]], like: Sheet | None = None) -> None:
    """Write a table whose cells no spreadsheet takes for formulas, for its owner alone to read.

    An earlier file stays until it is written.

    Args:
        path: the file to write.
        rows: its rows, the header first.
        like: the table whose delimiter and encoding it is to have; commas and UTF-8 unless given.
    """
    part = path.with_name(f".{path.name}.part")
    encoding = like.encoding if like else "utf-8"
    try:
        with open(part, "w", encoding=encoding, newline="", opener=_for_owner) as file:
            writer = csv.writer(file, delimiter=like.delimiter if like else ",")
            writer.writerows([defused(cell) for cell in row] for row in rows)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _for_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def defused(cell: str) -> str:
    """Return a cell that a spreadsheet shows and does not compute, as ' before it has it do.

    So it does behind a ; or a tab, where a spreadsheet of another country begins a new cell.
    Numbers stay as they are, and so does the lone - that stands for no grade.
    """
    number = _NUMBER.fullmatch(cell.strip()) and not cell.startswith(("\t", "\r", "\n"))
    if number or cell == "-":
        return cell
    parted = _PARTED.sub(r"\1'", cell)
    return f"'{parted}" if _FORMULA.match(parted) else parted


def _decoded(path: Path, encoding: str | None) -> tuple[str, str]:
    """Return what a file says, and how it is encoded."""
    content = path.read_bytes()
    marked = next((name for mark, name in _BOMS.items() if content.startswith(mark)), "utf-8")
    encoding = encoding or marked
    try:
        text = content.decode(encoding)
    except LookupError:
        raise NotATableError(f"there is no encoding {encoding!r}") from None
    except UnicodeError as error:
        start = error.start if isinstance(error, UnicodeDecodeError) else 0
        line = content[:start].count(b"\n") + 1
        raise NotATableError(
            f"{path}, line {line}: this is no text in {encoding.upper()}. Save the file as "
            '"CSV UTF-8", or say how it is encoded, as in --encoding cp1252'
        ) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise NotATableError(
            f"{path}, line {line}: there is a NUL in it, so it is no table, or one in UTF-16 that "
            "does not say so: try --encoding utf-16-le"
        )
    return text, encoding
