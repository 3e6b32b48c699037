"""Run a submission's notebook in the sandbox, in place of nbgrader's `Execute`."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv
from traitlets import Bool

from cnnlesson.grading.bank import AsksBank
from cnnlesson.grading.nonces import KeepsSecret, key_of
from cnnlesson.grading.outputs import outputs_and_records
from cnnlesson.grading.pipeline.locking import only_one
from cnnlesson.grading.running import (
    CellFailedError,
    Desk,
    Execution,
    Rules,
    desk_of,
    hidden_folders,
    library_folder,
    other_files,
    run_cells,
)
from cnnlesson.grading.sandbox import Sandbox

_UNSANDBOXED = (
    "allow_unsandboxed is set: submissions run with your own rights, and can read and write all "
    "that you can, this gradebook included"
)


class SandboxedExecute(AsksBank, KeepsSecret, Execute):  # type: ignore[misc]
    """nbgrader's `Execute`, in the sandbox; its time-outs and other settings mean the same."""

    allow_unsandboxed = Bool(
        False,
        help="Whether to run submissions with your own rights, in an ordinary kernel, where they "
        "can do all that you can. Only for submissions that you know.",
    ).tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: Any, *_: Any, **settings: Any
    ) -> tuple[NotebookNode, Any]:
        """Run all cells of a notebook, and leave an `Execution` in `resources["sandbox"]`.

        Raises:
            SandboxUnavailableError: if there can be no sandbox here.
            ValueError: if the notebook's language is not Python, or the files that come with it
                have no room in the sandbox.
            CellExecutionError: if a cell fails, where `allow_errors` is off.
        """
        exporter: Any = self.parent
        course = Path(exporter.parent.coursedir.root)
        names = resources["nbgrader"]
        beside = other_files(Path(resources["metadata"]["path"]))
        desk = self._desk(nb, beside, names, course)
        if self.allow_unsandboxed:
            self.log.warning(_UNSANDBOXED)
            resources["sandbox"] = self._run_in_kernel(nb, resources, desk, settings)
            return nb, resources
        try:
            resources["sandbox"] = run_cells(
                nb,
                beside,
                desk,
                shared_sandbox(self),
                self.rules(),
                *self.surroundings(course, names["assignment"]),
            )
        except CellFailedError as failed:
            raise CellExecutionError.from_cell_and_msg(failed.cell, failed.output) from None
        return nb, resources

    def rehearse(self, assignment: str) -> None:
        """Let the bank write a paper that nobody gets, so that it imports now what it will need."""
        if self.questions:
            with contextlib.suppress(Exception):  # which every real paper meets again, and tells
                self.questions.paper(assignment, "nobody").material()

    def _desk(
        self, nb: NotebookNode, beside: Mapping[str, bytes], names: Mapping[str, str], course: Path
    ) -> Desk:
        bank = self.questions
        if bank is None:  # no secret is made for a course that needs none
            return Desk()
        key = key_of(self.secret(course), names["student"], names["assignment"])
        return desk_of(nb, beside, names, bank, key)

    def rules(self) -> Rules:
        """Return what is configured of the run."""
        return Rules(**{each.name: getattr(self, each.name) for each in fields(Rules)})

    def surroundings(self, course: Path, assignment: str) -> tuple[Path | None, tuple[Path, ...]]:
        """Return what all submissions of an assignment find, and what they must not see.

        Args:
            course: the course's folder.
            assignment: the assignment's name.

        Returns:
            The folder with the students' library, if there is one, and the folders to hide.
        """
        bank = self.questions
        exchange = self.config.get("Exchange", {}).get("root")
        library = library_folder(bank.library(assignment)) if bank else None
        return library, hidden_folders(course, exchange)

    def _run_in_kernel(
        self, nb: NotebookNode, resources: Any, desk: Desk, settings: Any
    ) -> Execution:
        """Run it with the grader's own rights, as nbgrader does, but with the same library."""
        done = Execution(nonces=desk.nonces)
        with tempfile.TemporaryDirectory() as folder:

            def put(files: Mapping[str, bytes]) -> None:
                for name, content in files.items():
                    path = Path(folder, name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)

            put(desk.at_first())
            self.on_cell_execute = lambda cell, **_: put(desk.before(cell))
            self.on_cell_complete = lambda cell, **_: put(desk.after(cell))
            names = resources["nbgrader"]
            own, _ = self.surroundings(Path(folder), names["assignment"])
            path = [f"{folder}/library", *([str(own)] if own else [])]
            with setenv(PYTHONPATH=os.pathsep.join(path), CNNLESSON_DESK=folder):
                super().preprocess(nb, resources, **settings)
        for cell in nb.cells:
            if cell.cell_type == "code":
                plain = json.loads(json.dumps(cell.outputs))  # and no more NotebookNodes
                cell.outputs, records = outputs_and_records(
                    plain, desk.record_type, cell.execution_count
                )
                desk.keep(cell, records, done)
        return done


# --- The sandbox of a batch --------------------------------------------------------------------

_sandboxes: dict[str, Sandbox] = {}


def shared_sandbox(configured: Any) -> Sandbox:
    """Return the one sandbox of this process for a configuration.

    Args:
        configured: any object whose `config` says how the sandbox is to be.
    """
    key = repr(sorted(configured.config.get("Sandbox", {}).items()))
    if key not in _sandboxes:
        _sandboxes[key] = Sandbox(config=configured.config, log=configured.log)
    return _sandboxes[key]


@contextlib.contextmanager
def batch(converter: Any, meanwhile: Callable[[], Any] = lambda: None) -> Iterator[Any]:
    """Be alone in a course with many submissions, and with a sandbox, which ends with them.

    Args:
        converter: nbgrader's, whose preprocessors say whether anything is to be run.
        meanwhile: called while the sandbox starts; this is a context of what it returns.

    Raises:
        CourseIsBusyError: if another process grades in the course.
        SandboxUnavailableError: if there can be none, with what is in the way and the remedy.
    """
    runs = SandboxedExecute(parent=converter)
    course, sandboxed = converter.coursedir, runs.enabled and not runs.allow_unsandboxed
    with only_one(Path(course.root)):
        try:
            if sandboxed:
                around = runs.surroundings(Path(course.root), course.assignment_id)
                shared_sandbox(runs).begin(*around)
                runs.rehearse(course.assignment_id)
            found = meanwhile()
            if sandboxed:
                shared_sandbox(runs).probe(*around)
            yield found
        finally:
            for sandbox in _sandboxes.values():
                sandbox.close()
