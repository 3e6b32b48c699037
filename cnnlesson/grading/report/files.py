"""Write a report down: a page, and the same numbers as JSON and CSV."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from cnnlesson.grading.report.counting import (
    Figures,
    MisconceptionFigures,
    QuestionFigures,
    StudentFigures,
)
from cnnlesson.grading.report.page import page
from cnnlesson.grading.sheets import defused


def write(figures: Figures, folder: Path, made: datetime) -> list[Path]:
    """Write a report's files, each whole or not at all, readable for their owner alone.

    Args:
        figures: the numbers.
        folder: where to; made if it is not there, and files of an earlier report are replaced.
        made: when.

    Returns:
        The files, the page first.
    """
    contents = {
        "report.html": page(figures, made),
        "report.json": as_json(figures, made),
        **as_csv(figures),
    }
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in contents.items():
        _put(folder / name, content.encode())
    return [folder / name for name in contents]


def as_json(figures: Figures, made: datetime) -> str:
    """Return all numbers as JSON, by the names that `figures` has for them."""
    told = {"made": made.isoformat(timespec="seconds"), **asdict(figures)}
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def as_csv(figures: Figures) -> dict[str, str]:
    """Return the tables of the report as CSV, by the files' names."""
    return {
        "questions.csv": _table(QuestionFigures, figures.questions),
        "misconceptions.csv": _table(MisconceptionFigures, figures.misconceptions),
        "students.csv": _table(StudentFigures, figures.per_student),
    }


def _table(kind: Any, rows: Sequence[Any]) -> str:
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(each.name for each in fields(kind))
    writer.writerows([_cell(value) for value in asdict(row).values()] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> str:
    """Write a value for a spreadsheet, where a text that begins like a formula would be one."""
    if isinstance(value, Mapping):
        value = _joined(f"{key}: {count}" for key, count in value.items())
    elif isinstance(value, tuple):
        value = _joined(value)
    elif isinstance(value, bool):
        value = "yes" if value else "no"
    elif isinstance(value, float):
        return f"{value:.6g}"
    elif value is None:
        return ""
    return defused(str(value))


def _joined(parts: Iterable[str]) -> str:
    return "; ".join(parts)


def _put(path: Path, content: bytes) -> None:
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
        part = Path(file.name)  # mode 600
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            part.replace(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
