"""What a student handed in, taken in: plain files, few enough, with the names they should have.

nbgrader copies a submission through the links in it, takes four times a notebook's size in memory,
and ends in an error where a notebook is broken or has another name. So it is never shown a
submission, but a copy in which none of this can be, and in which each notebook tells what was
amiss (`remarks.remarks`).
"""

import contextlib
import errno
import json
import os
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from dateutil import parser  # type: ignore[import-untyped]
from traitlets import Integer
from traitlets.config import LoggingConfigurable

from cnnlesson.grading.bank import Bank, said_of_record
from cnnlesson.grading.nodes import NotebookNode, node
from cnnlesson.grading.notebooks import (
    Read,
    ReadingLimits,
    UnreadableNotebook,
    grade_ids,
    read_plain_file,
)
from cnnlesson.grading.remarks import cut_short, note

TIMESTAMP = "timestamp.txt"
"""The file in which nbgrader keeps when a submission came in."""

JUNK = (".ipynb_checkpoints", "__pycache__", "*.pyc", "__MACOSX", ".DS_Store", "._*")
"""Patterns of the names of files and folders that nobody means to hand in."""

_STUDENT = re.compile(r"\w[\w.@+=, -]{0,127}")
_LONGEST_NAME, _LONGEST_PATH = 200, 1000  # bytes, as a file system counts
_LONGEST_TIMESTAMP = 100  # bytes
_DAYS = timedelta(days=2)  # more than any zone is away from another
_ZONE = re.compile(r"[A-Za-z][\w/+-]*|[+-]?\d{1,4}")
_MOST_NOTEBOOKS = 20  # to be read in search of one that was renamed
_SEEN_FOR_EACH_FILE = 20  # files and folders that are looked at, for each that is taken in
_NOTEBOOKS_TOGETHER = 3  # times what one notebook may have
_MOST_TOLD = 25  # things that were amiss; what was changed in a notebook is told besides


class RefusedSubmission(ValueError):
    """A submission whose folder cannot be graded at all; the message says why, for a lecturer."""


@dataclass(frozen=True)
class Course:
    """What the course has of an assignment.

    Attributes:
        notebooks: as students get them, by name, without ".ipynb".
        files: what the other files hold, by path; a student's in such a place is never used.
        bank: its questions, if they are judged by a bank.
    """

    notebooks: Mapping[str, NotebookNode]
    files: Mapping[PurePosixPath, bytes] = field(default_factory=dict)
    bank: Bank | None = None


@dataclass(frozen=True)
class HandedIn:
    """What came in, and nothing is sure of it.

    Attributes:
        files: what plain files hold, by path; notebooks first.
        amiss: why a file was not read, by path; without a word where a notebook was one too many.
        remarks: what else was left out, in sentences.
    """

    files: dict[PurePosixPath, bytes] = field(default_factory=dict)
    amiss: dict[PurePosixPath, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class TakenIn:
    """What counts of it.

    Attributes:
        notebooks: those of the assignment, by name; what was amiss is noted in them.
        others: the files that come with them, by path.
        remarks: what was amiss, in sentences.
    """

    notebooks: dict[str, NotebookNode]
    others: dict[PurePosixPath, bytes]
    remarks: list[str]


class Intake(LoggingConfigurable):
    """Takes a submission in, whatever it is."""

    max_total_bytes = Integer(
        20_000_000,
        help="Bytes of all files of a submission but its notebooks; with those of the course they "
        "must fit into `Sandbox.disk`.",
    ).tag(config=True)
    max_files = Integer(200, help="Files of a submission, notebooks included.").tag(config=True)
    max_depth = Integer(8, help="Folders inside each other in a submission.").tag(config=True)

    def stage(
        self, folder: Path, course: Course, into: Path, ignored: Sequence[str] = ()
    ) -> list[str]:
        """Copy a submission into a new folder, fit to be graded.

        Args:
            folder: the submission, as it came in.
            course: what the course has of the assignment.
            into: the folder to make.
            ignored: see `collect`.

        Returns:
            What was amiss, in sentences. They are also in the notebooks' metadata, unless there
            are very many.

        Raises:
            RefusedSubmission: if the folder is none, or has nothing in it.
        """
        handed_in = self.collect(folder, course.notebooks, ignored)
        taken = take_in(handed_in, course, ReadingLimits(parent=self))
        into.mkdir(mode=0o700, parents=True)
        for name, notebook in taken.notebooks.items():
            text = json.dumps(notebook, ensure_ascii=False)
            (into / f"{name}.ipynb").write_text(text, encoding="utf-8")
        _write(taken.others, into)
        return taken.remarks

    def copy(self, folder: Path, into: Path) -> list[str]:
        """Copy a folder's plain files, notebooks as they are, and say what was left out."""
        found = self.collect(folder, (path.stem for path in folder.glob("*.ipynb")))
        into.mkdir(mode=0o700, parents=True)
        _write(found.files, into)
        left_out = (f"{shown(path)} was left out: {why}" for path, why in found.amiss.items())
        return [*found.remarks, *left_out]

    def collect(
        self, folder: Path, expected: Iterable[str] = (), ignored: Sequence[str] = ()
    ) -> HandedIn:
        """Read a submission's files, as they are, as far as they are plain, few and small.

        Args:
            folder: the submission, as it came in.
            expected: the names of the assignment's notebooks, which nothing may crowd out.
            ignored: patterns of the names of files and folders that the course does not take, as
                in nbgrader's `CourseDirectory.ignore`; of all but `JUNK` it is told.

        Raises:
            RefusedSubmission: if the folder is none, or has nothing in it.
        """
        first = [PurePosixPath(f"{name}.ipynb") for name in expected]
        handed_in = HandedIn()
        with _opened(folder) as top:
            if top is None:
                raise RefusedSubmission(
                    f"{folder} is no folder, or a link to one, or cannot be opened"
                )
            with os.scandir(top) as entries:
                if not any(entries):
                    raise RefusedSubmission(f"{folder} is empty")
            files = self._files(top, first, ignored, handed_in.remarks)
            self._read(top, files, first, handed_in)
        return handed_in

    def _read(
        self,
        top: int,
        files: Sequence[PurePosixPath],
        first: Collection[PurePosixPath],
        into: HandedIn,
    ) -> None:
        """Read the files that were found, and no notebook or other file beyond its share."""
        limits = ReadingLimits(parent=self)
        left = {True: _NOTEBOOKS_TOGETHER * limits.max_notebook_bytes, False: self.max_total_bytes}
        others = 0
        for path in files:
            is_notebook = path.suffix == ".ipynb"
            others += is_notebook and path not in first
            if others > _MOST_NOTEBOOKS and is_notebook:
                into.amiss[path] = ""
                continue
            most = min(left[is_notebook], limits.max_notebook_bytes) if is_notebook else left[False]
            try:
                content = into.files[path] = _contents(top, path, most)
            except (UnreadableNotebook, OSError) as error:
                said = error.strerror if isinstance(error, OSError) else error
                into.amiss[path] = str(said)
            else:
                left[is_notebook] -= len(content)

    def _files(
        self,
        top: int,
        first: Collection[PurePosixPath],
        ignored: Sequence[str],
        remarks: list[str],
    ) -> list[PurePosixPath]:
        """Find the files to take in, `first` and notebooks first: nothing may crowd them out."""
        found = {path for path in first if _is_file(top, path)}
        # There may be millions; those that count are few.
        to_see = iter(range(_SEEN_FOR_EACH_FILE * self.max_files))
        found.update(self._walk(top, PurePosixPath(), to_see, ignored, remarks))
        if next(to_see, None) is None:
            remarks.append("it holds far too much, and not all of it was looked at")
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
            remarks.append(f"of its files only {self.max_files:,} were taken in")
        return ordered[: self.max_files]

    def _walk(
        self,
        folder: int,
        inside: PurePosixPath,
        to_see: Iterator[int],
        ignored: Sequence[str],
        remarks: list[str],
    ) -> Iterator[PurePosixPath]:
        with os.scandir(folder) as entries:
            some = [entry for _, entry in zip(to_see, entries, strict=False)]
            if not some and inside.parts and next(entries, None) is None:
                remarks.append(f"{shown(inside)} is an empty folder, and was left out")
        for entry in sorted(
            some, key=lambda entry: (not entry.name.endswith(".ipynb"), entry.name)
        ):
            path = inside / entry.name
            if any(fnmatch(entry.name, pattern) for pattern in JUNK):
                continue
            if any(fnmatch(entry.name, pattern) for pattern in ignored):
                remarks.append(f"{shown(path)} was left out, as the course takes no such file")
                continue
            try:
                mode = entry.stat(follow_symlinks=False).st_mode
            except OSError:  # it is gone by now, or the folder may not be entered
                remarks.append(f"{shown(path)} cannot be read, and was left out")
                continue
            if not is_decent(path):
                remarks.append(f"{shown(path)} has a name that cannot be kept, and was left out")
            elif stat.S_ISREG(mode):
                yield path
            elif not stat.S_ISDIR(mode):
                kind = "a link" if stat.S_ISLNK(mode) else "no plain file"
                remarks.append(f"{shown(path)} is {kind}, and was left out")
            elif len(path.parts) >= self.max_depth:
                remarks.append(f"{shown(path)} lies too deep, and was left out")
            else:
                with _opened(entry.name, folder) as inner:
                    if inner is None:
                        remarks.append(f"{shown(path)} cannot be opened, and was left out")
                    else:
                        yield from self._walk(inner, path, to_see, ignored, remarks)


# --- Files, by their folders' descriptors -------------------------------------------------------
# A student who can still write to the folder may exchange any part of a path for a link at any
# time; what has been opened stays what it is.


@contextlib.contextmanager
def _opened(folder: str | Path, inside: int | None = None) -> Iterator[int | None]:
    """Open a folder, unless it is none, or a link to one, or closed to whoever grades."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=inside)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _folder_of(top: int, path: PurePosixPath) -> Iterator[int]:
    """Open the folder that a path lies in.

    Raises:
        NotADirectoryError: if there is no such folder, or a link in its place.
    """
    with contextlib.ExitStack() as opened:
        for part in path.parent.parts:
            inner = opened.enter_context(_opened(part, top))
            if inner is None:
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(path))
            top = inner
        yield top


def _is_file(top: int, path: PurePosixPath) -> bool:
    try:
        return stat.S_ISREG(os.stat(path.name, dir_fd=top, follow_symlinks=False).st_mode)
    except OSError:
        return False


def _contents(top: int, path: PurePosixPath, most: int) -> bytes:
    with _folder_of(top, path) as folder:
        return read_plain_file(path.name, most, folder)


def _write(files: Mapping[PurePosixPath, bytes], into: Path) -> None:
    for path, content in files.items():
        (into / path).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (into / path).write_bytes(content)


# --- What counts ---------------------------------------------------------------------------------


def take_in(handed_in: HandedIn, course: Course, limits: ReadingLimits) -> TakenIn:
    """Sort out what counts of a submission: its notebooks, and the files that come with them.

    Args:
        handed_in: what came in.
        course: what the course has of the assignment.
        limits: how large a notebook may be.
    """
    remarks = [*handed_in.remarks]
    notebooks = _notebooks(handed_in, course, limits, remarks)
    others = _others(handed_in, course, remarks)
    for notebook in notebooks.values():
        if remarks:
            note(notebook, cut_short(remarks, _MOST_TOLD, "{} other things were amiss"))
    if (came := _time_of(handed_in, remarks)) is not None:
        others[PurePosixPath(TIMESTAMP)] = came
    return TakenIn(notebooks, others, remarks)


def _time_of(handed_in: HandedIn, remarks: list[str]) -> bytes | None:
    """Find the timestamp; what is amiss with it is no matter of the notebooks'."""
    path = PurePosixPath(TIMESTAMP)
    content = handed_in.files.get(path)
    if content is not None and _tells_a_time(content):
        return content
    if content is not None or path in handed_in.amiss:
        remarks.append(f"{TIMESTAMP} does not tell a time, and was left out")
    return None


def _notebooks(
    handed_in: HandedIn, course: Course, limits: ReadingLimits, remarks: list[str]
) -> dict[str, NotebookNode]:
    """Find the assignment's notebooks, by their names or else by their cells."""
    read: dict[PurePosixPath, Read] = {}
    amiss = {path: why for path, why in handed_in.amiss.items() if path.suffix == ".ipynb"}
    canonical = {name: PurePosixPath(f"{name}.ipynb") for name in course.notebooks}
    for path, content in handed_in.files.items():
        if path.suffix != ".ipynb":
            continue
        try:
            read[path] = limits.read(content, course.bank.record_type if course.bank else "")
        except UnreadableNotebook as error:
            amiss[path] = str(error)
    found: dict[str, NotebookNode] = {}

    def take(name: str, path: PurePosixPath) -> None:
        found[name], odd, records = read.pop(path)
        other_release = (said_of_record(course.bank, record) for record in records)
        for sentence in (*odd, next(filter(None, other_release), "")):
            remarks.extend([f"about {shown(path)}: {sentence}"] if sentence else [])

    for name, path in canonical.items():
        if path in read:
            take(name, path)
    for name, reference in course.notebooks.items():
        if name not in found and (like := _most_alike(reference, read)):
            remarks.append(
                f"{shown(like)} was taken for {shown(canonical[name])}, by the cells in it"
            )
            take(name, like)
    for path, why in [*amiss.items(), *dict.fromkeys(read, "").items()]:
        remarks.append(f"{shown(path)} was not graded" + (f": {why}" if why else ""))
    # Where one notebook is there, nbgrader knows what it means that another is not. Where none
    # is, there would be no page to tell the student why.
    lost = [name for name in course.notebooks if name not in found]
    if found:
        lost = [name for name in lost if canonical[name] in amiss]
    for name in lost:
        blank = shown(f"{name}.ipynb")
        remarks.append(f"{blank} was graded without answers, as none could be read")
    return found | {name: node(course.notebooks[name]) for name in lost}


def _others(handed_in: HandedIn, course: Course, remarks: list[str]) -> dict[PurePosixPath, bytes]:
    """Keep what is no notebook, and stands in no other file's place."""
    ours = {PurePosixPath(TIMESTAMP), *course.files}
    ours |= {PurePosixPath(f"{name}.ipynb") for name in course.notebooks}
    folders = {parent for path in ours for parent in path.parents}
    fitting = {}
    for path in [*handed_in.files, *handed_in.amiss]:
        if str(path) == TIMESTAMP:
            continue
        if path in folders or not ours.isdisjoint(path.parents):
            remarks.append(f"{shown(path)} is in the place of a file of the course: left out")
        elif path in course.files:
            if handed_in.files.get(path) != course.files[path]:
                remarks.append(f"{shown(path)} is another one than the course's, which was used")
        elif path.suffix == ".ipynb":
            continue
        elif path in handed_in.amiss:
            remarks.append(f"{shown(path)} was left out: {handed_in.amiss[path]}")
        else:
            fitting[path] = handed_in.files[path]
    return fitting


def _tells_a_time(content: bytes) -> bool:
    """Whether nbgrader's `parse_utc` can read it, to which a third part is a zone."""
    try:
        parts = content.decode().strip().split(" ")
        zone = [parts.pop()] if len(parts) == 3 else []
        told = parser.parse(" ".join(parts))
    except (ValueError, OverflowError):
        return False
    # A zone may move the first or last days that there are out of what a date can be.
    possible = datetime.min + _DAYS < told.replace(tzinfo=None) < datetime.max - _DAYS
    return possible and len(content) <= _LONGEST_TIMESTAMP and all(map(_ZONE.fullmatch, zone))


def timestamp_of(folder: Path) -> str | None:
    """Return the text of a submission's timestamp, if it tells a time.

    Args:
        folder: the submission, as it came in or as it was graded.
    """
    with _opened(folder) as top:
        if top is None:
            return None
        try:
            content = read_plain_file(TIMESTAMP, _LONGEST_TIMESTAMP, top)
        except (UnreadableNotebook, OSError):
            return None
    return content.decode().strip() if _tells_a_time(content) else None


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
    reference: NotebookNode, candidates: Mapping[PurePosixPath, Read]
) -> PurePosixPath | None:
    """Find the notebook that has most of the reference's cells; the first of several."""
    wanted = grade_ids(reference)
    alike = {path: len(wanted & grade_ids(each.notebook)) for path, each in candidates.items()}
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
