"""What a student handed in, taken in: plain files, few enough, with the names they should have.

nbgrader copies a submission through the links in it, takes four times a notebook's size in memory,
and ends in an error where a notebook is broken or has another name. So it is never shown a
submission, but a copy in which none of this can be, and in which each notebook tells what was
amiss (`remarks.remarks`).
"""

import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

import nbformat
from nbgrader.utils import parse_utc
from traitlets import Integer
from traitlets.config import LoggingConfigurable

from cnnlesson.grading.nodes import NotebookNode, node
from cnnlesson.grading.notebooks import (
    ReadingLimits,
    UnreadableNotebook,
    grade_ids,
    read_plain_file,
)
from cnnlesson.grading.remarks import note

TIMESTAMP = "timestamp.txt"
"""The file in which nbgrader keeps when a submission came in."""

JUNK = (".ipynb_checkpoints", "__pycache__", "*.pyc", "__MACOSX", ".DS_Store", "._*")
"""Patterns of the names of files and folders that nobody means to hand in."""

_STUDENT = re.compile(r"\w[\w.@+=, -]{0,127}")
_LONGEST_NAME, _LONGEST_PATH = 200, 1000  # bytes, as a file system counts
_LONGEST_TIMESTAMP = 100  # bytes
_MOST_NOTEBOOKS = 20  # to be read in search of one that was renamed


class RefusedSubmission(ValueError):
    """A submission whose folder cannot be graded at all; the message says why, for a lecturer."""


@dataclass(frozen=True)
class Course:
    """What the course has of an assignment.

    Attributes:
        notebooks: as students get them, by name, without ".ipynb".
        files: the other files, by path; a student's file in such a place is never used.
    """

    notebooks: Mapping[str, NotebookNode]
    files: Collection[PurePosixPath] = ()


class Intake(LoggingConfigurable):
    """Takes a submission in, whatever it is."""

    max_total_bytes = Integer(
        20_000_000,
        help="Bytes of all files of a submission but its notebooks; with those of the course they "
        "must fit into `Sandbox.disk`.",
    ).tag(config=True)
    max_files = Integer(200, help="Files of a submission, notebooks included.").tag(config=True)
    max_depth = Integer(8, help="Folders inside each other in a submission.").tag(config=True)

    def stage(self, folder: Path, course: Course, into: Path) -> list[str]:
        """Copy a submission into a new folder, fit to be graded.

        Args:
            folder: the submission, as it came in.
            course: what the course has of the assignment.
            into: the folder to make.

        Returns:
            What was amiss, in sentences. They are also in the notebooks' metadata.

        Raises:
            RefusedSubmission: if the folder is none, or has nothing in it.
        """
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise RefusedSubmission(f"{folder} is no folder, or a link to one")
        if not any(folder.iterdir()):
            raise RefusedSubmission(f"{folder} is empty")
        self._remarks: list[str] = []
        files = self._files(folder, [PurePosixPath(f"{name}.ipynb") for name in course.notebooks])
        notebooks = self._notebooks(folder, files, course)
        into.mkdir(mode=0o700, parents=True)
        for name, notebook in notebooks.items():
            if self._remarks:
                note(notebook, self._remarks)
            nbformat.write(notebook, into / f"{name}.ipynb")  # type: ignore[no-untyped-call]
        self._others(folder, files, course, into)
        return self._remarks

    def copy(self, folder: Path, into: Path) -> list[str]:
        """Copy a folder's plain files, notebooks as they are, and say what was left out."""
        self._remarks = []
        into.mkdir(mode=0o700, parents=True)
        self._copy_files(folder, self._files(folder), into)
        return self._remarks

    def _files(self, folder: Path, first: Collection[PurePosixPath] = ()) -> list[PurePosixPath]:
        """Find the files to take in, `first` and notebooks first: nothing may crowd them out."""
        found = {path for path in first if _is_file(folder / path)}
        for path in self._walk(folder, PurePosixPath()):
            found.add(path)
            if len(found) > 10 * self.max_files:
                break
        ordered = sorted(
            found,
            key=lambda path: (
                path not in first,
                path.suffix != ".ipynb",
                len(path.parts),
                path,
            ),
        )
        if len(ordered) > self.max_files:
            self._remark(f"of its files only {self.max_files:,} were taken in")
        return ordered[: self.max_files]

    def _walk(self, folder: Path, inside: PurePosixPath) -> Iterator[PurePosixPath]:
        with os.scandir(folder / inside) as entries:
            # A folder may hold millions; those that count are few.
            some = [entry for entry, _ in zip(entries, range(20 * self.max_files), strict=False)]
        for entry in sorted(
            some, key=lambda entry: (not entry.name.endswith(".ipynb"), entry.name)
        ):
            path = inside / entry.name
            mode = entry.stat(follow_symlinks=False).st_mode
            if any(fnmatch(entry.name, pattern) for pattern in JUNK):
                continue
            if not is_decent(path):
                self._remark(f"{shown(path)} has a name that cannot be kept, and was left out")
            elif stat.S_ISREG(mode):
                yield path
            elif not stat.S_ISDIR(mode):
                kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
                self._remark(f"{shown(path)} is {kind}, and was left out")
            elif len(path.parts) >= self.max_depth:
                self._remark(f"{shown(path)} lies too deep, and was left out")
            else:
                yield from self._walk(folder, path)

    def _notebooks(
        self, folder: Path, files: Collection[PurePosixPath], course: Course
    ) -> dict[str, NotebookNode]:
        """Find the assignment's notebooks, by their names or else by their cells."""
        read: dict[PurePosixPath, NotebookNode] = {}
        amiss: dict[PurePosixPath, str] = {}
        limits = ReadingLimits(parent=self)
        handed_in = [path for path in files if path.suffix == ".ipynb"]
        canonical = {name: PurePosixPath(f"{name}.ipynb") for name in course.notebooks}
        expected = [path for path in canonical.values() if path in handed_in]
        others = [path for path in handed_in if path not in expected]
        for path in [*expected, *others[:_MOST_NOTEBOOKS]]:
            try:
                read[path], odd = limits.read(folder / path)
            except UnreadableNotebook as error:
                amiss[path] = str(error)
            else:
                for sentence in odd if path in expected else ():
                    self._remark(f"about {shown(path)}: {sentence}")
        found = {name: read.pop(path) for name, path in canonical.items() if path in read}
        for name, reference in course.notebooks.items():
            if name not in found and (like := _most_alike(reference, read)):
                found[name] = read.pop(like)
                self._remark(
                    f"{shown(like)} was taken for {shown(canonical[name])}, by the cells in it"
                )
        for path in [*amiss, *read, *others[_MOST_NOTEBOOKS:]]:
            why = amiss.get(path)
            self._remark(f"{shown(path)} was not graded" + (f": {why}" if why else ""))
        # Where one notebook is there, nbgrader knows what it means that another is not. Where none
        # is, there would be no page to tell the student why.
        lost = [name for name in course.notebooks if name not in found]
        if found:
            lost = [name for name in lost if canonical[name] in amiss]
        return found | {name: self._blank(course.notebooks[name], name) for name in lost}

    def _blank(self, reference: NotebookNode, name: str) -> NotebookNode:
        self._remark(f"{shown(f'{name}.ipynb')} was graded without answers, as none could be read")
        return node(reference)

    def _others(
        self, folder: Path, files: Collection[PurePosixPath], course: Course, into: Path
    ) -> None:
        """Copy what is no notebook, and stands in no other file's place."""
        ours = {PurePosixPath(TIMESTAMP), *course.files}
        ours |= {PurePosixPath(f"{name}.ipynb") for name in course.notebooks}
        folders = {parent for path in ours for parent in path.parents}
        fitting = []
        for path in files:
            if str(path) == TIMESTAMP:
                self._copy_timestamp(folder / path, into / path)
            elif path in folders or not ours.isdisjoint(path.parents):
                self._remark(f"{shown(path)} is in the place of a file of the course: left out")
            elif path.suffix != ".ipynb" and path not in course.files:
                fitting.append(path)
        self._copy_files(folder, fitting, into)

    def _copy_files(self, folder: Path, files: Iterable[PurePosixPath], into: Path) -> None:
        left = self.max_total_bytes
        for path in files:
            try:
                content = read_plain_file(folder / path, left)
            except (UnreadableNotebook, OSError) as error:
                why = error.strerror if isinstance(error, OSError) else error
                self._remark(f"{shown(path)} was left out: {why}")
                continue
            left -= len(content)
            (into / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (into / path).write_bytes(content)

    def _copy_timestamp(self, path: Path, into: Path) -> None:
        try:
            text = read_plain_file(path, _LONGEST_TIMESTAMP).decode()
            parse_utc(text.strip()).isoformat()
        except Exception:  # dateutil raises much, nbgrader's own errors among it
            self._remark(f"{TIMESTAMP} does not tell a time, and was left out")
        else:
            into.write_text(text, encoding="utf-8")

    def _remark(self, sentence: str) -> None:
        self._remarks.append(sentence)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def unsafe_student(student: str) -> str:
    """Say what makes a student's id unfit to be a folder, a page and a line in a gradebook, if any.

    Names are what they are, so letters of all languages, digits, spaces and `_.@+=,-` will do.
    """
    if _STUDENT.fullmatch(student) and student.strip(" .") == student:
        return ""
    return (
        f"{shown(student)} cannot be a student's id, which begins with a letter or a digit, has at "
        "most 128 letters, digits, spaces and _ . @ + = , - in it, and ends in no space or dot: "
        "rename the folder"
    )


def _most_alike(
    reference: NotebookNode, candidates: Mapping[PurePosixPath, NotebookNode]
) -> PurePosixPath | None:
    """Find the notebook that has most of the reference's cells; the first of several."""
    wanted = grade_ids(reference)
    alike = {path: len(wanted & grade_ids(each)) for path, each in candidates.items()}
    best = max(alike, key=alike.__getitem__, default=None)
    return best if best is not None and alike[best] else None


def is_decent(path: PurePosixPath) -> bool:
    """Whether every tool and every page can show a path, and no file system chokes on it."""
    try:
        whole, name = str(path).encode(), path.name.encode()
    except UnicodeEncodeError:  # from bytes that are no UTF-8
        return False
    return (
        path.name.isprintable()
        and "\\" not in path.name
        and len(name) <= _LONGEST_NAME
        and len(whole) <= _LONGEST_PATH
    )


def shown(name: object) -> str:
    """Show a name that a student chose, as text that means nothing to a page or a terminal."""
    text = re.sub(r"[^\w .@+=,/-]", "?", str(name))
    return f"'{text}'" if len(text) <= 60 else f"'{text[:40]}...{text[-15:]}'"
