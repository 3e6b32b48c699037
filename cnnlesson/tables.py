"""A table that is HTML in a notebook and aligned text in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Cell = str | int
"""Text, or a count, which is written with thousands separators and set to the right."""


@dataclass(frozen=True)
class Table:
    """A captioned table whose first column names its rows.

    Attributes:
        caption: what the table shows, in one line.
        columns: the head of each column.
        rows: the cells, each row as long as `columns`.
        total: a last row of the same length, set apart; empty for none.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] = ()

    def __post_init__(self) -> None:
        for row in (*self.rows, *([self.total] if self.total else [])):
            if len(row) != len(self.columns):
                raise ValueError(f"{len(row)} cells under {len(self.columns)} columns: {row}")

    def __str__(self) -> str:
        """Write the table as aligned text."""
        body = [*self.rows, *([self.total] if self.total else [])]
        widths = [
            max(len(head), *(len(_text(row[i])) for row in body), 0)
            for i, head in enumerate(self.columns)
        ]
        numeric = self._numeric()

        def line(cells: Sequence[Cell]) -> str:
            return "  ".join(
                _text(cell).rjust(width) if right else _text(cell).ljust(width)
                for cell, width, right in zip(cells, widths, numeric, strict=True)
            ).rstrip()

        rule = "  ".join("-" * width for width in widths)
        lines = [self.caption, "", line(self.columns), rule, *map(line, self.rows)]
        if self.total:
            lines += [rule, line(self.total)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Write the table as HTML, with a caption and scoped heads for screen readers."""
        numeric = self._numeric()

        def row(cells: Sequence[Cell]) -> str:
            name, *others = (
                (escape(_text(cell)), "right" if right else "left")
                for cell, right in zip(cells, numeric, strict=True)
            )
            return (
                f'<tr><th scope="row" style="text-align: {name[1]}">{name[0]}</th>'
                + "".join(f'<td style="text-align: {side}">{text}</td>' for text, side in others)
                + "</tr>"
            )

        heads = "".join(
            f'<th scope="col" style="text-align: {"right" if right else "left"}">'
            f"{escape(head)}</th>"
            for head, right in zip(self.columns, numeric, strict=True)
        )
        foot = f"<tfoot>\n{row(self.total)}\n</tfoot>\n" if self.total else ""
        return (
            f"<table>\n<caption>{escape(self.caption)}</caption>\n"
            f"<thead>\n<tr>{heads}</tr>\n</thead>\n"
            "<tbody>\n" + "".join(f"{row(cells)}\n" for cells in self.rows) + f"</tbody>\n{foot}"
            "</table>"
        )

    def _numeric(self) -> list[bool]:
        """Tell which columns hold counts."""
        return [any(isinstance(row[i], int) for row in self.rows) for i in range(len(self.columns))]


def _text(cell: Cell) -> str:
    return f"{cell:,}" if isinstance(cell, int) else cell
