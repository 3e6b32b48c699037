"""Tell the notebook that nbgrader runs whose it is, since each student has numbers of their own."""

from typing import Any

from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv

from cnnlesson.identity import GIVEN


class ExecuteForStudent(Execute):  # type: ignore[misc]
    """nbgrader's `Execute`, in whose kernel `begin` knows the student by nbgrader's own id."""

    def preprocess(self, nb: Any, resources: Any, **settings: Any) -> tuple[Any, Any]:
        """Run the notebook, and before all a `begin` that nbgrader put back at the end."""
        names = [(cell.metadata.get("nbgrader") or {}).get("grade_id") for cell in nb.cells]
        if "begin" in names and any(
            cell.metadata.get("nbgrader", {}).get("grade")
            for cell in nb.cells[: names.index("begin")]
        ):
            nb.cells.insert(0, nb.cells.pop(names.index("begin")))
        with setenv(**{GIVEN: resources["nbgrader"]["student"]}):
            ran: tuple[Any, Any] = super().preprocess(nb, resources, **settings)
        return ran


def autograde_preprocessors() -> list[type]:
    """Return what `nbgrader autograde` does with a notebook, running it for its student."""
    usual = Autograde.autograde_preprocessors.default()
    return [ExecuteForStudent if each is Execute else each for each in usual]
