"""The steps of our own that nbgrader's `Autograde` takes a notebook through, but for its run."""

from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from traitlets import Bool

from cnnlesson.grading.bank import AsksBank
from cnnlesson.grading.judging import Ran, mark
from cnnlesson.grading.rebuild import Reference, rebuild
from cnnlesson.grading.remarks import clean, remarks, tell
from cnnlesson.grading.source import reference


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
        refuse_if_stale(trusted, names)
        rebuilt = rebuild(nb, trusted)
        for change in rebuilt.changes:
            self.log.warning("%s: %s", names["student"], change)
        tell(rebuilt.notebook, [*remarks(nb), *rebuilt.changes])
        return rebuilt.notebook, resources


def refuse_if_stale(reference: Reference, names: Mapping[str, str]) -> None:
    """Refuse to grade by a source/ that is not what students were given, and the gradebook has.

    Args:
        reference: what source/ has.
        names: of the assignment and the notebook, and the gradebook's `db_url`.

    Raises:
        LookupError: if the gradebook does not have the notebook.
        ValueError: if it has another one.
    """
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


class Judge(AsksBank, NbGraderPreprocessor):  # type: ignore[misc]
    """Gives each grade cell the outputs that earn the points its answer deserves."""

    reveal_answers = Bool(
        False,
        help="Whether the feedback tells the right answer, and what a function was called with. "
        "Turn it on for the last feedback only: others may still hand in.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Judge all grade cells of a notebook.

        In `resources["for_instructor"]` it leaves, by the cell's id, why a person should look at a
        cell.

        Raises:
            ValueError: if a grade cell of the course cannot be judged.
        """
        names = resources["nbgrader"]
        ran: Ran | None = resources.get("sandbox")
        notes = mark(nb, names, ran, self.questions, reveal=self.reveal_answers)
        for name, why in notes.items():
            self.log.warning("%s, cell %s: %s", names["student"], name, clean(why))
        resources["for_instructor"] = notes
        return nb, resources


class SaveJudgedGrades(SaveAutoGrades):  # type: ignore[misc]
    """nbgrader's `SaveAutoGrades`, which also calls a person where `Judge` says so."""

    def _add_score(self, cell: NotebookNode, resources: Any) -> None:
        super()._add_score(cell, resources)
        name = cell.metadata.nbgrader.grade_id
        if name not in resources.get("for_instructor", {}):
            return
        grade = self.gradebook.find_grade(
            name, self.notebook_id, self.assignment_id, self.student_id
        )
        grade.needs_manual_grade = True
        grade.notebook.flagged = True
        self.gradebook.db.commit()
