"""Run a submission's notebook in the sandbox, in place of nbgrader's `Execute`."""

import atexit
import compileall
import contextlib
import json
import os
import py_compile
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import Execute
from nbgrader.utils import is_grade, is_solution, setenv
from traitlets import Bool

from cnnlesson.grading.bank import AsksBank, Paper
from cnnlesson.grading.nonces import KeepsSecret, nonce, submission_digest
from cnnlesson.grading.outputs import outputs_and_records, shown
from cnnlesson.grading.sandbox import DESK, WORK, CellRun, Sandbox, SubmissionEndedError

_UNSANDBOXED = (
    "allow_unsandboxed is set: submissions run with your own rights, and can read and write all "
    "that you can, this gradebook included"
)


@dataclass
class Execution:
    """What the run of a notebook leaves for the judge, in `resources["sandbox"]`.

    Attributes:
        records: the answer records that each judged cell left, by the cell's id.
        nonces: what the values of each question's cases were drawn by.
        ended: why the run ended before the last cell, if it did.
    """

    records: dict[str, list[Any]] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    ended: str = ""


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
        """Run all cells of a notebook.

        Raises:
            SandboxUnavailableError: if there can be no sandbox here.
            ValueError: if the notebook's language is not Python, or the files that come with it
                have no room in the sandbox.
            CellExecutionError: if a cell fails, where `allow_errors` is off.
        """
        exporter: Any = self.parent
        course = Path(exporter.parent.coursedir.root)
        beside = _other_files(Path(resources["metadata"]["path"]))
        desk = self._desk(nb, beside, resources, course)
        done = resources["sandbox"] = Execution(nonces=desk.nonces)
        if self.allow_unsandboxed:
            self.log.warning(_UNSANDBOXED)
            self._run_in_kernel(nb, resources, desk, done, settings)
        else:
            _refuse_other_languages(nb)
            self._run_in_sandbox(
                nb, beside, desk, done, course, resources["nbgrader"]["assignment"]
            )
        return nb, resources

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
        hidden = (course, *_MACHINE_WIDE, *([Path(exchange)] if exchange else []))
        return library(bank.library(assignment)) if bank else None, hidden

    def _desk(
        self, nb: NotebookNode, beside: Mapping[str, bytes], resources: Any, course: Path
    ) -> "_Desk":
        bank = self.questions
        asked = {
            cell.metadata.nbgrader.grade_id: question
            for cell in nb.cells
            if bank and cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)
            if (question := bank.question(cell.metadata.nbgrader.grade_id, cell.source))
        }
        if bank is None or not asked:
            return _Desk()
        student, assignment = (resources["nbgrader"][each] for each in ("student", "assignment"))
        secret, digest = self.secret(course), submission_digest(nb, beside)
        nonces = {each: nonce(secret, student, assignment, each, digest) for each in asked.values()}
        paper = bank.paper(assignment, student)
        return _Desk(paper, asked, nonces, bank.record_type)

    def _run_in_sandbox(
        self,
        nb: NotebookNode,
        beside: Mapping[str, bytes],
        desk: "_Desk",
        done: Execution,
        course: Path,
        assignment: str,
    ) -> None:
        sandbox = shared_sandbox(self)
        _refuse_what_has_no_room(beside, sandbox.disk)
        files = _placed(WORK, beside) | _placed(DESK, desk.at_first())
        ran: list[NotebookNode] = []
        with sandbox.run(*self.surroundings(course, assignment)) as submission:
            for cell in nb.cells:
                if cell.cell_type != "code" or not cell.source.strip():
                    continue
                if self.skip_cells_with_tag in cell.metadata.get("tags", []):
                    continue
                if done.ended:
                    cell.outputs = [_error("NotRun", done.ended)]
                    continue
                files |= _placed(DESK, desk.before(cell))
                try:
                    found = submission.cell(
                        cell.source, timeout=self._get_timeout(cell), files=files
                    )
                except SubmissionEndedError as end:
                    cell.outputs = [_error("SubmissionEnded", str(end))]
                    done.ended = "an earlier cell ended the notebook, so this one was not run"
                    continue
                files = _placed(DESK, desk.after(cell))
                desk.keep(cell, self._outputs(cell, found, desk.record_type), done)
                ran.append(cell)
                _update(ran, found.updates)
                self._raise_if_not_allowed(cell)

    def _outputs(self, cell: NotebookNode, found: CellRun, record_type: str) -> list[Any]:
        """Give a cell its outputs, and return the records among them."""
        cell.outputs, records = outputs_and_records(found.outputs, record_type, found.count)
        cell.execution_count = found.count
        if found.timed_out:
            error = self.error_on_timeout or {"ename": "CellTimeoutError", "evalue": ""}
            cell.outputs.append(_error(error["ename"], error["evalue"], error.get("traceback", ())))
        elif not found.fine and not any(each.output_type == "error" for each in cell.outputs):
            cell.outputs.append(_error("Error", "the cell failed, and did not say why"))
        return records

    def _raise_if_not_allowed(self, cell: NotebookNode) -> None:
        for output in cell.outputs:
            if output.output_type == "error" and (
                self.force_raise_errors
                or not (
                    self.allow_errors
                    or output.ename in self.allow_error_names
                    or "raises-exception" in cell.metadata.get("tags", [])
                )
            ):
                raise CellExecutionError.from_cell_and_msg(cell, output)

    def _run_in_kernel(
        self, nb: NotebookNode, resources: Any, desk: "_Desk", done: Execution, settings: Any
    ) -> None:
        """Run it with the grader's own rights, as nbgrader does, but with the same library."""
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


@dataclass
class _Desk:
    """What a notebook finds beside it, as its judged cells come up; nothing where none is judged.

    Attributes:
        paper: the student's questions.
        asked: the question of each judged cell, by the cell's id.
        nonces: what the values of each question's cases are drawn by.
        record_type: the MIME type of an answer record.
    """

    paper: Paper | None = None
    asked: Mapping[str, str] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    record_type: str = ""

    def at_first(self) -> Mapping[str, bytes]:
        """What is there before the first cell."""
        return self.paper.material() if self.paper else {}

    def before(self, cell: NotebookNode) -> Mapping[str, bytes]:
        """What comes with a cell."""
        question = self._question(cell)
        if not self.paper or not question:
            return {}
        return self.paper.with_cell(question, self.nonces[question])

    def after(self, cell: NotebookNode) -> Mapping[str, bytes]:
        """What comes once a cell has run."""
        question = self._question(cell)
        return self.paper.after_cell(question) if self.paper and question else {}

    def keep(self, cell: NotebookNode, records: list[Any], done: Execution) -> None:
        """Keep the records of a judged cell; no other cell's count."""
        if self._question(cell):
            done.records[cell.metadata.nbgrader.grade_id] = records

    def _question(self, cell: NotebookNode) -> str:
        return self.asked.get(cell.metadata.get("nbgrader", {}).get("grade_id", ""), "")


# --- What the sandbox is given -----------------------------------------------------------------

_MACHINE_WIDE = tuple(
    Path(folder)
    for folder in ("/usr/local/share/nbgrader", "/usr/local/etc", f"{sys.base_prefix}/etc")
)
"""Where a machine keeps nbgrader's exchange, and configurations, which may hold passwords."""


def _other_files(folder: Path) -> dict[str, bytes]:
    """Read the files that came with a notebook, all plain ones, but for other notebooks."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".ipynb":
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _refuse_what_has_no_room(files: Mapping[str, bytes], room: int) -> None:
    size = sum(map(len, files.values()))
    if size > room // 2:
        raise ValueError(
            f"the files that come with the notebook have {size:,} bytes, and may take half of "
            f"Sandbox.disk, which is {room:,}: raise it in nbgrader_config.py, or leave files out"
        )


def _placed(folder: str, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {f"{folder}/{name}": content for name, content in files.items()}


_libraries: dict[str, Path] = {}


def library(files: Mapping[str, bytes]) -> Path:
    """Write a students' library into a folder that everybody can read, and compile it.

    The folder is kept as long as this process runs, and made once for the same files.

    Args:
        files: their contents by their paths.
    """
    digest = sha256()
    for name, content in sorted(files.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    key = digest.hexdigest()
    if key not in _libraries:
        folder = Path(tempfile.mkdtemp(prefix="students-library-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
        compileall.compile_dir(folder, quiet=2, invalidation_mode=unchecked)
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        _libraries[key] = folder
    return _libraries[key]


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
def batch(converter: Any) -> Iterator[None]:
    """Make sure that there is a sandbox, before the first of many submissions; end it at the end.

    Args:
        converter: nbgrader's, whose preprocessors say whether anything is to be run.

    Raises:
        SandboxUnavailableError: if there can be none, with what is in the way and the remedy.
    """
    runs = SandboxedExecute(parent=converter)
    if runs.enabled and not runs.allow_unsandboxed:
        course = converter.coursedir
        shared_sandbox(runs).probe(*runs.surroundings(Path(course.root), course.assignment_id))
    try:
        yield
    finally:
        for sandbox in _sandboxes.values():
            sandbox.close()


# --- Outputs -----------------------------------------------------------------------------------


def _error(name: str, said: str, traceback: Sequence[str] = ()) -> NotebookNode:
    lines = list(traceback) or [f"{name}: {said}"]
    made: NotebookNode = new_output("error", ename=name, evalue=said, traceback=lines)  # type: ignore[no-untyped-call]
    return made


def _update(cells: Sequence[NotebookNode], updates: Sequence[Any]) -> None:
    """Change what earlier cells displayed, where `updates` says so in the form it should have."""
    for update in updates:
        match update:
            case [int(number), int(place), dict(data)] if 0 <= number < len(cells):
                outputs = cells[number].outputs
                if 0 <= place < len(outputs) and "data" in outputs[place]:
                    outputs[place].data = NotebookNode(shown(data))  # type: ignore[no-untyped-call]


def _refuse_other_languages(nb: NotebookNode) -> None:
    kernel = nb.metadata.get("kernelspec", {})
    language = kernel.get("language") or nb.metadata.get("language_info", {}).get("name", "python")
    if language.lower() not in ("python", "python3", "ipython"):
        raise ValueError(
            f"the sandbox runs Python, and the kernel {kernel.get('name', '')!r} of this notebook "
            f"runs {language}: grade the assignment with stock nbgrader, or set "
            "c.SandboxedExecute.allow_unsandboxed"
        )
