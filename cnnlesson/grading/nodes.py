"""Parts of a notebook, made and looked at without nbformat or nbgrader.

These take longer to import than many a notebook takes to grade, and who only grades needs no more
of them than this. A `Node` is to all their code what a `NotebookNode` is: a dictionary whose keys
are attributes too.
"""

from typing import Any

NotebookNode = Any
"""nbformat's, or a `Node`."""


class Node(dict[str, Any]):
    """A dictionary whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None


def node(value: Any) -> Any:
    """Make all dictionaries of plain data, however deep, into nodes."""
    if isinstance(value, dict):
        return Node({key: node(each) for key, each in value.items()})
    if isinstance(value, list | tuple):
        return [node(each) for each in value]
    return value


def new_notebook(**fields: Any) -> NotebookNode:
    """Return a notebook of format 4.5, without cells unless they are given."""
    return node({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **fields})


def new_cell(kind: str, source: str, cell_id: str | None = None) -> NotebookNode:
    """Return a cell of type "code", "markdown" or "raw"; one of code has not run."""
    made = Node(cell_type=kind, metadata=Node(), source=source)
    if cell_id is not None:
        made.id = cell_id
    if kind == "code":
        made.outputs, made.execution_count = [], None
    return made


def new_output(kind: str, **fields: Any) -> NotebookNode:
    """Return an output of one of nbformat's four types; what it must have and was not given."""
    return node({"output_type": kind, **_MUST_HAVE[kind], **fields})


_MUST_HAVE: dict[str, dict[str, Any]] = {
    "stream": {"name": "stdout", "text": ""},
    "error": {"ename": "", "evalue": "", "traceback": []},
    "display_data": {"metadata": {}, "data": {}},
    "execute_result": {"metadata": {}, "data": {}, "execution_count": None},
}


# --- What nbgrader knows of a cell --------------------------------------------------------------
# As `nbgrader.utils` has it.


def is_grade(cell: Any) -> bool:
    """Whether a cell earns points."""
    return _known(cell, "grade")


def is_solution(cell: Any) -> bool:
    """Whether a cell is the student's to fill in."""
    return _known(cell, "solution")


def is_task(cell: Any) -> bool:
    """Whether a cell sets a task that is answered in cells of the student's own."""
    return _known(cell, "task")


def is_locked(cell: Any) -> bool:
    """Whether a cell is not the student's to change."""
    return not is_solution(cell) and (is_grade(cell) or _known(cell, "locked"))


def _known(cell: Any, what: str) -> bool:
    return bool(cell["metadata"].get("nbgrader", {}).get(what, False))
