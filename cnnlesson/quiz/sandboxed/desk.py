"""What a course has laid on the desk for this student: questions, cases, and what it hands out.

The desk is a folder that the student's code can write to as well, so nothing here is a secret, and
nothing that is read here earns a point: answers are judged elsewhere.
"""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["CNNLESSON_DESK"])

HANDED_OUT = FOLDER / "library" / "cnnlesson"
"""Where what is handed out after a question lies, as parts of this package."""


@cache
def material() -> dict[str, Any]:
    """Return the assignment, the student, the questions' cards and the library's version."""
    read: dict[str, Any] = json.loads((FOLDER / "material.json").read_text("utf-8"))
    return read


def cases(question: str) -> list[Any] | None:
    """Return the arguments that a function is called with; None before its grade cell."""
    file = FOLDER / "cases" / f"{question}.json"
    if not file.is_file():
        return None
    read: list[Any] = json.loads(file.read_text("utf-8"))
    return read
