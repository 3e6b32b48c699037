"""Submissions out of the zip files that Canvas and Moodle hand out, by nbgrader's `zip_collect`.

Canvas puts all files side by side, as NAME_LATE_STUDENT_FILE_filename: the name without blanks and
commas, LATE only where it is, the system's numbers of the student and of the upload. Moodle makes a
folder for each, `Full Name_PARTICIPANT_assignsubmission_file_`, or puts that before each file's
name. Participants' numbers are the assignment's own: only its grading worksheet tells whose they
are, and when they handed in; without it, the name has to do.
"""

import contextlib
import dataclasses
import filecmp
import logging
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from dateutil import parser  # type: ignore[import-untyped]
from nbgrader.api import Gradebook
from nbgrader.apps.zipcollectapp import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import find_all_notebooks

from cnnlesson.grading.archives import SafeExtractor
from cnnlesson.grading.intake import JUNK, TIMESTAMP, shown, timestamp_of, unsafe_student
from cnnlesson.grading.lms import CANVAS, WORKSHEET, Person, match, read_grade_file
from cnnlesson.grading.sheets import NotATableError, plain

CANVAS_NAME = re.compile(
    r"_(?:(?P<late>late)_)?(?P<student>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.IGNORECASE
)
"""How Canvas names a file, behind the name of who handed it in."""

MOODLE_NAME = re.compile(
    r"(?P<name>[^_]+)_(?P<student>\d+)_assignsubmission_file(?:_(?P<file>.*))?"
)
"""How Moodle names a folder, or a file if it makes no folders."""

_NUMBERED = re.compile(r"(late_)?\d+_\d+_", re.IGNORECASE)
_ENDS = ("", *(f"-{number}" for number in range(2, 1000)))
_AGAIN = re.compile(r"-\d+$")  # what Canvas adds to a file that is handed in again


class CannotCollectError(ValueError):
    """Nothing was collected; the message says why, and what to do."""


@dataclass(frozen=True)
class Piece:
    """A notebook that somebody handed in.

    Attributes:
        path: where it was extracted.
        inside: where it lay, for the lecturer.
        name: of who handed it in, as the system writes it.
        number: the system's, of who handed it in.
        file: its name, as the student gave it.
        newness: what is greater for the newer of two, where something tells.
        late: whether the system says that it is late.
    """

    path: Path
    inside: str
    name: str
    number: str
    file: str
    newness: tuple[float, ...]
    late: bool = False


@dataclass
class Collected:
    """What became of what was handed in.

    Attributes:
        placed: the students whose submissions lie in submitted/ now.
        unchanged: those whose submissions lay there already.
        waiting: those who have another submission there, which only --force replaces.
        older: files that a newer one of the same student stands for.
        unplaced: files that belong to nobody, and why.
        others: files that are no notebooks.
        by_name: who was known by the name alone.
        late: those of whom the system says that they were late, without saying when.
        timed: how many have the time of handing in.
        refused: what was left aside in extracting, as it was logged.
        without: the gradebook's students of whom there is nothing.
    """

    placed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    older: list[str] = field(default_factory=list)
    unplaced: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    by_name: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    timed: int = 0
    refused: list[str] = field(default_factory=list)
    without: list[str] = field(default_factory=list)


class CollectFromLms(ZipCollectApp):  # type: ignore[misc]
    """nbgrader's `zip_collect`, which knows whose file is whose by the gradebook."""

    name = "cnnlesson-collect"

    def collect(
        self,
        system: str,
        archives: Iterable[Path] = (),
        roster: Path | None = None,
        zone: tzinfo | None = None,
        replace: bool = False,
    ) -> Collected:
        """Sort submissions into submitted/.

        Args:
            system: "canvas" or "moodle".
            archives: zip files to take besides those in the assignment's archive folder.
            roster: a file that tells whose the system's numbers are: Canvas's gradebook file, or
                Moodle's grading worksheet of the assignment.
            zone: the time zone of the worksheet's times; this machine's unless given.
            replace: whether a submission that is there already gives way to another.

        Raises:
            CannotCollectError: if nothing can be collected.
            NotATableError: if the roster cannot be read.
        """
        students = _students(self.coursedir)
        notebooks = self._released()
        listed, times = _read_roster(system, roster, zone) if roster else ({}, {})
        self._take(archives, Path(self._format_collect_path(self.archive_directory)))
        self.extractor_plugin = SafeExtractor
        self.init_plugins()
        done = Collected()
        with _listening(self.log, done.refused):
            self.extract_archive_files()
        numbers = {each.lms_user_id: each for each in students if each.lms_user_id}
        pieces = [*self._pieces(system, {**listed, **numbers}, notebooks, done)]
        persons = {each.number: listed.get(each.number) or _person(system, each) for each in pieces}
        matching = match(persons.values(), students)
        done.by_name = [
            f"{shown(persons[number].name)} as {shown(matching.students[number])}"
            for number in matching.by_name
        ]
        handed_in: dict[str, list[Piece]] = defaultdict(list)
        for piece in pieces:
            student = matching.students.get(piece.number)
            if student is None:
                done.unplaced.append(f"{piece.inside}: the gradebook has no such student")
            elif why := unsafe_student(student):
                done.unplaced.append(f"{piece.inside}: {why}")
            else:
                handed_in[student].append(piece)
        data = {}
        for student, theirs in sorted(handed_in.items()):
            chosen = _newest(theirs, notebooks, done)
            if any(piece.late for piece in chosen.values()):
                done.late.append(student)
            entry = self._entry(student, chosen, times.get(theirs[0].number))
            if self._is_to_be_placed(student, entry, replace, done):
                data[student] = entry
        self._transfer_files(data)
        done.placed = sorted(data)
        done.timed = sum(entry["timestamp"] is not None for entry in data.values())
        done.without = sorted({student.id for student in students} - handed_in.keys())
        return done

    def _clear_existing_files(self, path: str) -> None:
        """Clear what is about to be made anew; what may not be was sorted out before."""
        shutil.rmtree(path)
        Path(path).mkdir()

    def _take(self, archives: Iterable[Path], folder: Path) -> None:
        """Copy archives to where nbgrader looks for them, beside those of the same name."""
        folder.mkdir(parents=True, exist_ok=True)
        for archive in archives:
            names = (f"{archive.stem}{end}{archive.suffix}" for end in _ENDS)
            for target in (folder / name for name in names):
                if not target.exists():
                    shutil.copy2(archive, target)
                if filecmp.cmp(archive, target, shallow=False):
                    break
        if not any(folder.iterdir()):
            raise CannotCollectError(
                f"there is nothing in {folder}: put the zip file there that the system gave you, "
                "or name it behind the assignment"
            )

    def _released(self) -> list[str]:
        name = self.coursedir.assignment_id
        folder = self.coursedir.format_path(self.coursedir.release_directory, ".", name)
        notebooks = [Path(each).stem for each in find_all_notebooks(folder)]
        if not notebooks:
            raise CannotCollectError(
                f"{folder} has no notebooks: run `nbgrader generate_assignment {name}` first"
            )
        return sorted(notebooks, key=len, reverse=True)

    def _pieces(
        self, system: str, known: Mapping[str, Any], notebooks: Sequence[str], done: Collected
    ) -> Iterator[Piece]:
        """Find the notebooks in what was extracted, and who handed them in."""
        top = Path(self._format_collect_path(self.extracted_directory))
        archives = Path(self._format_collect_path(self.archive_directory))
        for path in sorted(top.rglob("*")):
            if not path.is_file():
                continue
            parts = path.relative_to(top).parts
            inside = shown("/".join(parts))
            if path.suffix.lower() not in self.collector_plugin_inst.valid_ext:
                if not any(fnmatch(part, junk) for part in parts for junk in JUNK):
                    done.others.append(inside)
                continue
            try:
                at, named = _named_by(system, parts, known, notebooks)
            except _NobodysError as error:
                done.unplaced.append(f"{inside}: {error}")
                continue
            archive = archives / f"{parts[0]}.zip"
            newness = (
                float(named.get("upload") or 0),
                archive.stat().st_mtime if archive.is_file() else 0.0,
                -float(len(parts)),
            )
            file = named["file"] if at == len(parts) - 1 else None
            late = bool(named.get("late"))
            name, number = named["name"] or "", named["student"] or ""
            yield Piece(path, inside, name, number, file or parts[-1], newness, late)

    def _entry(
        self, student: str, chosen: Mapping[str, Piece], time: datetime | None
    ) -> dict[str, Any]:
        """What nbgrader's `zip_collect` knows of a submission before it copies it."""
        submitted = self._submitted(student)
        return {
            "src_files": [str(piece.path) for piece in chosen.values()],
            "dest_files": [str(submitted / name) for name in chosen],
            "file_ids": [*chosen],
            "timestamp": time,
        }

    def _submitted(self, student: str) -> Path:
        course = self.coursedir
        return Path(course.format_path(course.submitted_directory, student, course.assignment_id))

    def _is_to_be_placed(
        self, student: str, entry: Mapping[str, Any], replace: bool, done: Collected
    ) -> bool:
        """Whether a submission is not there yet, or may take the place of another one.

        One that came without the time of handing in is another once the time is known.
        """
        folder = self._submitted(student)
        there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        if not there:
            return True
        pairs = zip(entry["src_files"], entry["dest_files"], strict=True)
        same = there - {TIMESTAMP} == {*entry["file_ids"]} and all(
            filecmp.cmp(source, target, shallow=False) for source, target in pairs
        )
        time = entry["timestamp"]
        same = same and (time is None or _written(time) == timestamp_of(folder))
        if same or not replace:
            (done.unchanged if same else done.waiting).append(student)
        return replace and not same


class _NobodysError(Exception):
    pass


def _students(course: CourseDirectory) -> list[Any]:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        students = list(gradebook.students)
        gradebook.db.expunge_all()
    if not students:
        raise CannotCollectError(
            "the gradebook has no students, so nothing says whose a file is: add them with "
            "`cnnlesson roster FILE`"
        )
    return students


def _read_roster(
    system: str, path: Path, zone: tzinfo | None
) -> tuple[dict[str, Person], dict[str, datetime]]:
    """Read whose the system's numbers are, and when they handed in."""
    wanted = CANVAS if system == "canvas" else WORKSHEET
    file = read_grade_file(path)
    if file.kind != wanted:
        raise NotATableError(f"{path} is a {file.kind}, and what is needed is a {wanted}")
    people, times = {}, {}
    modified = file.sheet.column("Last modified (submission)", "Last modified (Submission)")
    for row in file.sheet.rows:
        if (person := file.people.get(row.line)) is None:
            continue
        digits = re.search(r"\d+$", person.key)
        if not digits:
            continue
        people[digits[0]] = dataclasses.replace(person, key=digits[0])
        if wanted == WORKSHEET and (time := _time(row.cell(modified), zone)):
            times[digits[0]] = time
    return people, times


def _written(time: datetime) -> str:
    """Write a time as nbgrader's `zip_collect` does."""
    return time.isoformat(" ")


def _time(cell: str, zone: tzinfo | None) -> datetime | None:
    """Read a time as Moodle writes it, and return it as nbgrader keeps it: of UTC, and naive."""
    try:
        local = parser.parse(cell)
    except (ValueError, OverflowError):
        return None  # "-" for none
    placed = local.replace(tzinfo=zone) if zone and not local.tzinfo else local
    moment: datetime = placed.astimezone(UTC).replace(tzinfo=None)
    return moment


def _person(system: str, piece: Piece) -> Person:
    number = piece.number if system == "canvas" else ""
    return Person(piece.number, lms_id=number, full_name=piece.name)


def _named_by(
    system: str, parts: Sequence[str], known: Mapping[str, Any], notebooks: Sequence[str]
) -> tuple[int, Mapping[str, str | None]]:
    """Find the outermost name that the system gave; what lies deeper is of the student's naming."""
    for at, part in enumerate(parts):
        if system == "canvas" and (ways := [*_ways(part)]):
            return at, _surest(ways, known, notebooks)
        if system == "moodle" and (found := MOODLE_NAME.fullmatch(part)):
            return at, found.groupdict()
    raise _NobodysError(f"it is not named as {system.capitalize()} names files")


_Named = Mapping[str, str | None]


def _ways(part: str) -> Iterator[_Named]:
    """Yield the ways to read a name of Canvas's, the one with the shortest name first."""
    before: Mapping[str, str | None] = {}
    for place in (found.start() for found in re.finditer("_", part)):
        found = CANVAS_NAME.fullmatch(part, place)
        if found and re.fullmatch(r"\w*", part[:place]):
            named = {"name": part[:place], **found.groupdict()}
            if named["file"] != before.get("file"):  # or else LATE is all that differs
                yield named
            before = named


def _surest(ways: Sequence[_Named], known: Mapping[str, Any], notebooks: Sequence[str]) -> _Named:
    """Choose the one way to read a name of Canvas's that is sure, if there are several.

    Students choose their names, and those of their files. One who is called eve_17 might be taken
    for the one with the number 17; and one who is called as Ada is, with Ada's number and a great
    one behind, would hand in for her, and be newer than she is. So the name must fit; the longest
    of those with a number that is known, since what comes behind is the student's, too; and no
    other numbers may follow, which may be the true ones of somebody who is not known.
    """
    likely = [way for way in ways if way["student"] in known]
    if len(ways) == 1 or not likely:
        return ways[0]
    way = likely[-1]
    file = way["file"] or ""
    follows = _NUMBERED.match(file) and Path(file).stem not in notebooks
    if follows or not _fits(way["name"] or "", known[way["student"] or ""]):
        raise _NobodysError("its name can be read in several ways, so look whose it is")
    return way


def _fits(name: str, person: Any) -> bool:
    first, last = person.first_name or "", person.last_name or ""
    return plain(name) in (plain(f"{last}{first}"), plain(f"{first}{last}"))


def _newest(pieces: Sequence[Piece], notebooks: Sequence[str], done: Collected) -> dict[str, Piece]:
    """Choose a student's notebooks, the newest of each name, by the names they should have."""
    by_name: dict[str, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_name[_target(piece.file, notebooks)].append(piece)
    if len(notebooks) == 1 and f"{notebooks[0]}.ipynb" not in by_name:
        # Renamed, which grading finds out; of several attempts only the newest counts.
        newest = max(pieces, key=lambda piece: piece.newness)
        by_name = {newest.file: [*pieces]}
    chosen = {}
    for name, same in by_name.items():
        first, *older = sorted(same, key=lambda piece: piece.newness, reverse=True)
        chosen[name] = first
        done.older += [f"{piece.inside}, for which {first.inside} stands" for piece in older]
    return chosen


def _target(file: str, notebooks: Sequence[str]) -> str:
    """Return the name that a notebook should have: what was added to the assignment's goes."""
    stem = Path(file).stem
    for each in (stem, _AGAIN.sub("", stem)):
        for notebook in notebooks:
            if each == notebook or each.endswith(f"_{notebook}"):
                return f"{notebook}.ipynb"
    return f"{stem}.ipynb"


@contextlib.contextmanager
def _listening(log: logging.Logger, said: list[str]) -> Iterator[None]:
    """Note what the extractor says that it left aside."""

    class Notes(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.msg.startswith("Left aside"):
                said.append(record.getMessage())

    handler = Notes(logging.ERROR)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
