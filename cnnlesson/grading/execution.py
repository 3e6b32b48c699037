"""Tell the notebook that nbgrader runs whose it is, since each student has numbers of their own."""

from typing import Any

from nbformat.v4 import new_code_cell
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv

from cnnlesson.identity import GIVEN


class ExecuteForStudent(Execute):  # type: ignore[misc]
    """nbgrader's `Execute`, in whose kernel `begin` knows the student by nbgrader's own id."""

    def preprocess(self, nb: Any, resources: Any, **settings: Any) -> tuple[Any, Any]:
        """Run the notebook; `check` works even where a student has deleted what imports it."""
        marks = [(cell, cell.metadata.get("nbgrader") or {}) for cell in nb.cells]
        asks = any(mark.get("grade") and cell.source.startswith("check(") for cell, mark in marks)
        if asks and all(mark.get("grade_id") != "begin" for _, mark in marks):
            nb.cells.insert(0, new_code_cell("from cnnlesson import ask, begin, check"))  # type: ignore[no-untyped-call]
        with setenv(**{GIVEN: resources["nbgrader"]["student"]}):
            ran: tuple[Any, Any] = super().preprocess(nb, resources, **settings)
        return ran
