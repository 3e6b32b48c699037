"""Which release of an assignment a cell is of, by the checksums that nbgrader writes into one."""

import hashlib
from collections.abc import Mapping
from typing import Any


def checksum(cell: Mapping[str, Any], source: str) -> str:
    """Return nbgrader's checksum of a cell with a text, as its `utils.compute_checksum` does.

    Args:
        cell: one that nbgrader knows; whoever wrote it.
        source: the text.

    Returns:
        Hexadecimal digits; nothing where nbgrader could make no checksum.
    """
    mark = cell["metadata"]["nbgrader"]
    solution, grade = bool(mark.get("solution")), bool(mark.get("grade"))
    locked = not solution and (grade or bool(mark.get("locked")))
    parts = [source, str(cell["cell_type"]), str(grade), str(solution), str(locked)]
    parts.append(str(mark["grade_id"]))
    if grade:
        try:
            parts.append(str(float(mark.get("points"))))
        except (TypeError, ValueError, OverflowError):
            return ""
    whole = "".join(parts).encode("utf-8", "replace")
    return hashlib.md5(whole, usedforsecurity=False).hexdigest()


def is_as_released(cell: Mapping[str, Any], source: str) -> bool:
    """Whether a cell with a text is as some release of an assignment has it.

    Args:
        cell: one that nbgrader knows; its metadata hold the checksum of its release.
        source: its text.
    """
    stored = cell["metadata"]["nbgrader"].get("checksum")
    return bool(stored) and stored == checksum(cell, source)
