"""What a worker does: grade one submission, from bytes to bytes.

It knows a course by what an `Assignment` says of it, and no gradebook. nbgrader and nbformat are
not imported, which takes longer than to grade a notebook.
"""

import json
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

from traitlets.config import Config

from cnnlesson.grading.bank import Bank, load_bank
from cnnlesson.grading.intake import Course, HandedIn, take_in
from cnnlesson.grading.judging import mark
from cnnlesson.grading.nodes import node
from cnnlesson.grading.notebooks import ReadingLimits
from cnnlesson.grading.rebuild import Reference, rebuild
from cnnlesson.grading.remarks import remarks, tell
from cnnlesson.grading.running import Desk, Rules, desk_of, library_folder, run_cells
from cnnlesson.grading.sandbox import Sandbox, SandboxUnavailableError


@dataclass(frozen=True)
class Assignment:
    """What grading needs of an assignment and a course: the same for all submissions.

    Attributes:
        name: the assignment's.
        references: the trusted side of each notebook, by name.
        kernelspecs: as the gradebook has them, by notebook.
        notebook: the pattern of the names of the notebooks to grade.
        files: what else is in source/, and takes the place of a student's file.
        rules: how notebooks run, or None if they do not.
        reveal: whether the feedback may tell the right answers.
        bank: where the questions come from, as "module:attribute"; empty if there are none.
        hidden: the folders that no submission must see.
        config: what is configured of the sandbox and of what is read.
    """

    name: str
    references: Mapping[str, Reference]
    kernelspecs: Mapping[str, dict[str, Any]]
    notebook: str
    files: Mapping[PurePosixPath, bytes]
    rules: Rules | None
    reveal: bool
    bank: str
    hidden: tuple[Path, ...]
    config: Mapping[str, Any]

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(
            {
                "name": self.name,
                "references": {
                    name: {"notebook": each.notebook, "released": dict(each.released)}
                    for name, each in self.references.items()
                },
                "kernelspecs": dict(self.kernelspecs),
                "notebook": self.notebook,
                "files": _in_base64(self.files),
                "rules": self.rules and asdict(self.rules),
                "reveal": self.reveal,
                "bank": self.bank,
                "hidden": [str(folder) for folder in self.hidden],
                "config": dict(self.config),
            }
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Assignment":
        """Read what `to_bytes` wrote."""
        told = json.loads(content)
        references = {
            name: Reference(node(each["notebook"]), each["released"])
            for name, each in told.pop("references").items()
        }
        files, rules, hidden = told.pop("files"), told.pop("rules"), told.pop("hidden")
        return cls(
            references=references,
            files=_from_base64(files),
            rules=Rules(**rules) if rules else None,
            hidden=tuple(map(Path, hidden)),
            **told,
        )


@dataclass(frozen=True)
class Submission:
    """What came in from a student.

    Attributes:
        student: nbgrader's id of the student.
        key: what this student's nonces are drawn with, in hexadecimal digits.
        handed_in: the files.
    """

    student: str
    key: str
    handed_in: HandedIn

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        came = self.handed_in
        return json.dumps(
            {
                "student": self.student,
                "key": self.key,
                "files": _in_base64(came.files),
                "amiss": {str(path): why for path, why in came.amiss.items()},
                "remarks": came.remarks,
            }
        ).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Submission":
        """Read what `to_bytes` wrote."""
        told = json.loads(content)
        amiss = {PurePosixPath(path): why for path, why in told["amiss"].items()}
        came = HandedIn(_from_base64(told["files"]), amiss, told["remarks"])
        return cls(told["student"], told["key"], came)


@dataclass(frozen=True)
class Graded:
    """What became of a submission.

    Attributes:
        handed_in: the names of the notebooks that were handed in.
        notebooks: rebuilt, run and judged, by name, as plain data.
        for_instructor: of each, why a person should look at a cell, by the cell's id.
        others: the paths of the files that came with them and are kept.
        remarks: what was amiss with what was handed in, and what was changed.
        failed: why it could not be graded; empty if it was.
        unavailable: why nothing can be graded where this was tried; empty if it can.
        seconds: how long each stage took.
    """

    handed_in: list[str] = field(default_factory=list)
    notebooks: dict[str, Any] = field(default_factory=dict)
    for_instructor: dict[str, dict[str, str]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    failed: str = ""
    unavailable: str = ""
    seconds: dict[str, float] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Write it as JSON."""
        return json.dumps(self.__dict__).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> "Graded":
        """Read what `to_bytes` wrote.

        Raises:
            ValueError: if it is something else.
        """
        told, blank = json.loads(content), cls().__dict__
        if not isinstance(told, dict) or told.keys() != blank.keys():
            raise ValueError("it has other parts; is cnnlesson of another version there?")
        for name, value in told.items():
            parts = value.values() if isinstance(value, dict) else value
            if type(value) is not type(blank[name]) or not all(
                isinstance(part, _PARTS.get(name, str)) for part in parts
            ):
                raise ValueError(f"its {name} cannot be read")
        return cls(**told)


_PARTS = {"notebooks": dict, "for_instructor": dict, "seconds": int | float}


def grade(assignment: bytes, submission: bytes) -> bytes:
    """Grade a submission; whatever it is, nothing is raised.

    Args:
        assignment: an `Assignment`.
        submission: a `Submission`.

    Returns:
        A `Graded`.
    """
    graded = Graded()
    try:
        _grade(_assignment(assignment), Submission.from_bytes(submission), graded)
    except SandboxUnavailableError as error:
        graded = Graded(unavailable=str(error))
    except Exception as error:  # of a course's bank, or ours: other submissions are graded
        graded = Graded(failed=f"{type(error).__name__}: {error}", seconds=graded.seconds)
    return graded.to_bytes()


def _grade(assignment: Assignment, submission: Submission, into: Graded) -> None:
    watch = _StopWatch(into.seconds)
    bank = _bank(assignment.bank)
    course = Course(
        {name: each.notebook for name, each in assignment.references.items()},
        assignment.files,
        bank,
    )
    limits = ReadingLimits(config=Config(assignment.config))
    taken = take_in(submission.handed_in, course, limits)
    beside = {**taken.others, **assignment.files}
    names = {"student": submission.student, "assignment": assignment.name}
    into.handed_in.extend(taken.notebooks)
    into.others.extend(map(str, taken.others))
    into.remarks.extend(taken.remarks)
    for name, notebook in sorted(taken.notebooks.items()):
        if not fnmatch(name, assignment.notebook):
            continue
        rebuilt = rebuild(notebook, assignment.references[name])
        nb = rebuilt.notebook
        tell(nb, [*remarks(notebook), *rebuilt.changes])
        into.remarks.extend(rebuilt.changes)
        if assignment.kernelspecs.get(name):
            nb.metadata.kernelspec = node(assignment.kernelspecs[name])
        watch.lap("rebuild")
        ran = None
        if assignment.rules is not None:
            files = {str(path): content for path, content in beside.items()}
            key = bytes.fromhex(submission.key)
            desk = desk_of(nb, files, names, bank, key) if bank else Desk()
            sandbox, library = _sandbox(assignment, bank)
            watch.lap("sandbox")
            ran = run_cells(nb, files, desk, sandbox, assignment.rules, library, assignment.hidden)
            watch.lap("run")
        into.for_instructor[name] = mark(nb, names, ran, bank, reveal=assignment.reveal)
        into.notebooks[name] = nb
        watch.lap("judge")


class _StopWatch:
    """Adds up the seconds of stages."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._last = seconds, time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._last
        self._last = now


@lru_cache(maxsize=4)
def _assignment(content: bytes) -> Assignment:
    return Assignment.from_bytes(content)


@lru_cache(maxsize=4)
def _bank(name: str) -> Bank | None:
    return load_bank(name) if name else None


@lru_cache(maxsize=4)
def _library(bank: str, assignment: str) -> Path:
    return library_folder(load_bank(bank).library(assignment))


_here = threading.local()


def _sandbox(assignment: Assignment, bank: Bank | None) -> tuple[Sandbox, Path | None]:
    """Return this thread's sandbox, and the students' library; a new sandbox is probed first."""
    library = _library(assignment.bank, assignment.name) if bank else None
    config = assignment.config.get("Sandbox", {})
    if getattr(_here, "config", None) != config:
        close_sandbox()
        sandbox = Sandbox(config=Config({"Sandbox": config}))
        sandbox.probe(library, assignment.hidden)
        _here.sandbox, _here.config = sandbox, config
    return _here.sandbox, library


def close_sandbox() -> None:
    """End this thread's sandbox, if it has one."""
    if getattr(_here, "config", None) is not None:
        _here.sandbox.close()
        _here.config = None


def _in_base64(files: Mapping[PurePosixPath, bytes]) -> dict[str, str]:
    return {str(path): b64encode(content).decode() for path, content in files.items()}


def _from_base64(files: Mapping[str, str]) -> dict[PurePosixPath, bytes]:
    return {PurePosixPath(path): b64decode(content) for path, content in files.items()}
