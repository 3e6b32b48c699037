"""Run a submission's notebook in a sandbox, with what its questions need beside it.

Nothing here knows nbgrader: what its `Execute` is configured with comes as `Rules`.
"""

import compileall
import py_compile
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from cnnlesson.grading.bank import Bank, Paper
from cnnlesson.grading.nodes import NotebookNode, is_grade, is_solution, new_output, node
from cnnlesson.grading.nonces import nonce, submission_digest
from cnnlesson.grading.outputs import outputs_and_records, shown
from cnnlesson.grading.sandbox import DESK, WORK, CellRun, Sandbox, SubmissionEndedError
from cnnlesson.grading.scratch import scratch_folder


@dataclass
class Execution:
    """What the run of a notebook leaves for the judge.

    Attributes:
        records: the answer records that each judged cell left, by the cell's id.
        nonces: what the values of each question's cases were drawn by.
        ended: why the run ended before the last cell, if it did.
    """

    records: dict[str, list[Any]] = field(default_factory=dict)
    nonces: dict[str, str] = field(default_factory=dict)
    ended: str = ""


@dataclass(frozen=True)
class Rules:
    """What nbgrader's `Execute` is configured with, as far as it means something in a sandbox.

    Attributes:
        timeout: seconds that a cell may take; None, zero or less for no limit of its own.
        timeout_func: says so of each cell, if it is there.
        skip_cells_with_tag: the tag of cells that are not run.
        error_on_timeout: what is put into the outputs of a cell that took too long.
        allow_errors: whether the notebook goes on behind a cell that failed.
        allow_error_names: the errors behind which it goes on all the same.
        force_raise_errors: whether it goes on behind no error at all.
    """

    timeout: float | None = 30
    timeout_func: Callable[[NotebookNode], float | None] | None = None
    skip_cells_with_tag: str = "skip-execution"
    error_on_timeout: Mapping[str, Any] = field(default_factory=dict)
    allow_errors: bool = True
    allow_error_names: Sequence[str] = ()
    force_raise_errors: bool = False

    def timeout_of(self, cell: NotebookNode) -> float | None:
        """Seconds that a cell may take; None for no limit of its own."""
        seconds = self.timeout_func(cell) if self.timeout_func else self.timeout
        return seconds if seconds and seconds > 0 else None

    def forbid(self, cell: NotebookNode, output: NotebookNode) -> bool:
        """Whether a notebook must not go on behind an error in the outputs of a cell."""
        return self.force_raise_errors or not (
            self.allow_errors
            or output.ename in self.allow_error_names
            or "raises-exception" in cell.metadata.get("tags", [])
        )


class CellFailedError(Exception):
    """A cell failed where the rules let no notebook go on behind it."""

    def __init__(self, cell: NotebookNode, output: NotebookNode) -> None:
        super().__init__(f"a cell ended in {output.ename}: {output.evalue}")
        self.cell, self.output = cell, output


@dataclass
class Desk:
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


def desk_of(
    nb: NotebookNode,
    beside: Mapping[str, bytes],
    names: Mapping[str, str],
    bank: Bank,
    key: bytes,
) -> Desk:
    """Return what a notebook finds beside it.

    Args:
        nb: the notebook, rebuilt.
        beside: the files that come with it.
        names: of the student and the assignment, as nbgrader has them.
        bank: the course's questions.
        key: what the nonces are drawn with, from `nonces.key_of`.
    """
    asked = {
        cell.metadata.nbgrader.grade_id: question
        for cell in nb.cells
        if cell.cell_type == "code" and is_grade(cell) and not is_solution(cell)
        if (question := bank.question(cell.metadata.nbgrader.grade_id, cell.source))
    }
    if not asked:
        return Desk()
    digest = submission_digest(nb, beside)
    nonces = {each: nonce(key, each, digest) for each in asked.values()}
    paper = bank.paper(names["assignment"], names["student"])
    return Desk(paper, asked, nonces, bank.record_type)


def run_cells(
    nb: NotebookNode,
    beside: Mapping[str, bytes],
    desk: Desk,
    sandbox: Sandbox,
    rules: Rules,
    library: Path | None = None,
    hidden: Sequence[Path] = (),
) -> Execution:
    """Run all cells of a notebook, which get their outputs, in a sandbox of its own.

    Args:
        nb: the notebook, rebuilt.
        beside: the files that come with it.
        desk: what its questions need.
        sandbox: where it runs.
        rules: what nbgrader's `Execute` is configured with.
        library: a folder with the students' library.
        hidden: the folders that it must not see.

    Raises:
        SandboxUnavailableError: if there can be no sandbox here.
        ValueError: if the notebook's language is not Python, or its files have no room.
        CellFailedError: if a cell fails where the rules allow none to.
    """
    _refuse_other_languages(nb)
    _refuse_what_has_no_room(beside, sandbox.disk)
    done = Execution(nonces=desk.nonces)
    files = _placed(WORK, beside) | _placed(DESK, desk.at_first())
    ran: list[NotebookNode] = []
    with sandbox.run(library, hidden) as submission:
        for cell in nb.cells:
            if cell.cell_type != "code" or not cell.source.strip():
                continue
            if rules.skip_cells_with_tag in cell.metadata.get("tags", []):
                continue
            if done.ended:
                cell.outputs = [_error("NotRun", done.ended)]
                continue
            files |= _placed(DESK, desk.before(cell))
            try:
                found = submission.cell(cell.source, timeout=rules.timeout_of(cell), files=files)
            except SubmissionEndedError as end:
                cell.outputs = [_error("SubmissionEnded", str(end))]
                done.ended = "an earlier cell ended the notebook, so this one was not run"
                continue
            files = _placed(DESK, desk.after(cell))
            desk.keep(cell, _give_outputs(cell, found, desk.record_type, rules), done)
            ran.append(cell)
            _update(ran, found.updates)
            for output in cell.outputs:
                if output.output_type == "error" and rules.forbid(cell, output):
                    raise CellFailedError(cell, output)
    return done


# --- What a sandbox is given, and not ----------------------------------------------------------

_MACHINE_WIDE = tuple(
    Path(folder)
    for folder in ("/usr/local/share/nbgrader", "/usr/local/etc", f"{sys.base_prefix}/etc")
)
"""Where a machine keeps nbgrader's exchange, and configurations, which may hold passwords."""


def hidden_folders(course: Path, exchange: str | None) -> tuple[Path, ...]:
    """Return the folders that no submission must see.

    Args:
        course: the course's.
        exchange: that of nbgrader's exchange, if one is configured.
    """
    return (course, *_MACHINE_WIDE, *([Path(exchange)] if exchange else []))


def other_files(folder: Path) -> dict[str, bytes]:
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


def library_folder(files: Mapping[str, bytes]) -> Path:
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
        folder = scratch_folder()
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


# --- Outputs -----------------------------------------------------------------------------------


def _give_outputs(cell: NotebookNode, found: CellRun, record_type: str, rules: Rules) -> list[Any]:
    """Give a cell its outputs, and return the records among them."""
    cell.outputs, records = outputs_and_records(found.outputs, record_type, found.count)
    cell.execution_count = found.count
    if found.timed_out:
        error = rules.error_on_timeout or {"ename": "CellTimeoutError", "evalue": ""}
        cell.outputs.append(_error(error["ename"], error["evalue"], error.get("traceback", ())))
    elif not found.fine and not any(each.output_type == "error" for each in cell.outputs):
        cell.outputs.append(_error("Error", "the cell failed, and did not say why"))
    return records


def _error(name: str, said: str, traceback: Sequence[str] = ()) -> NotebookNode:
    lines = list(traceback) or [f"{name}: {said}"]
    return new_output("error", ename=name, evalue=said, traceback=lines)


def _update(cells: Sequence[NotebookNode], updates: Sequence[Any]) -> None:
    """Change what earlier cells displayed, where `updates` says so in the form it should have."""
    for update in updates:
        match update:
            case [int(number), int(place), dict(data)] if 0 <= number < len(cells):
                outputs = cells[number].outputs
                if 0 <= place < len(outputs) and outputs[place].output_type == "display_data":
                    outputs[place].data = node(shown(data))


def _refuse_other_languages(nb: NotebookNode) -> None:
    kernel = nb.metadata.get("kernelspec", {})
    language = kernel.get("language") or nb.metadata.get("language_info", {}).get("name", "python")
    if language.lower() not in ("python", "python3", "ipython"):
        raise ValueError(
            f"the sandbox runs Python, and the kernel {kernel.get('name', '')!r} of this notebook "
            f"runs {language}: grade the assignment with stock nbgrader, or set "
            "c.SandboxedExecute.allow_unsandboxed"
        )
