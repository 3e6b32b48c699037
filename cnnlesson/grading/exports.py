"""Grades for Canvas and Moodle, as plugins of `nbgrader export`.

What is written is the file that the system exported, with its ids as they were, and the grades of
the gradebook in the columns of its assignments; what else the file holds and nobody asked for, such
as other assignments' grades, which may have changed since, is left out.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook
from nbgrader.plugins import ExportPlugin
from traitlets import Bool, Dict, Unicode

from cnnlesson.grading.intake import shown
from cnnlesson.grading.lms import (
    CANVAS,
    MOODLE,
    WORKSHEET,
    GradeFile,
    Matching,
    Person,
    match,
    read_grade_file,
)
from cnnlesson.grading.sheets import NotATableError, Row, Sheet, plain, write_sheet

_DIGITS = 4  # behind the point; Canvas shows two, and Moodle keeps five


class CannotExportError(ValueError):
    """An export that was not written; the message says why, and what to do."""


@dataclass(frozen=True)
class Column:
    """An assignment's grades.

    Attributes:
        assignment: its name.
        max_score: the points that can be had.
        scores: the points after the penalty for lateness, by student.
        penalties: what was taken off for lateness, by student, where something was.
        unread: the students of whom a person has still to read something.
    """

    assignment: str
    max_score: float
    scores: Mapping[str, float]
    penalties: Mapping[str, float]
    unread: list[str]


@dataclass
class Told:
    """What a lecturer should know of an export.

    Attributes:
        path: the file that was written.
        graded: how many grades stand in it.
        remarks: sentences.
    """

    path: Path
    graded: int = 0
    remarks: list[str] = field(default_factory=list)

    def list(self, sentence: str, names: Iterable[str]) -> None:
        """Add a sentence about students, if there are any."""
        if listed := sorted(names):
            self.remarks.append(f"{sentence}: {', '.join(map(shown, listed))}")


class _GradesForLms(ExportPlugin):  # type: ignore[misc]
    """What both systems' files have in common."""

    kinds: tuple[str, ...]
    default_to: str

    roster = Unicode(
        help="The file that the system exported, which says who is who; without it, the students "
        "are those of the gradebook, with what it knows of them.",
    ).tag(config=True)
    encoding = Unicode(help="Of that file, if it is neither UTF-8 nor says what it is.").tag(
        config=True
    )
    columns = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="The column of that file for an assignment, where their names differ.",
    ).tag(config=True)
    zero_for_missing = Bool(
        False,
        help="Whether students who handed nothing in get no points; else their cells stay as the "
        "system has them.",
    ).tag(config=True)

    def export(self, gradebook: Gradebook) -> None:
        """Write the file, for `nbgrader export`."""
        try:
            told = self.write(gradebook)
        except (CannotExportError, NotATableError, OSError) as error:
            self.log.error("Nothing was written: %s", error)
            raise SystemExit(1) from None
        for remark in told.remarks:
            self.log.warning("%s", remark)
        self.log.info("Wrote %d grades to %s", told.graded, told.path)

    def write(self, gradebook: Gradebook) -> Told:
        """Write the file, and return what to say of it.

        Raises:
            CannotExportError: if it cannot be written as asked for.
            NotATableError: if the roster cannot be read.
            OSError: likewise.
        """
        path = Path(self.to or self.default_to)
        if self.roster and path.resolve() == Path(self.roster).resolve():
            raise CannotExportError(f"{path} is the roster itself: write to another file")
        wanted = [str(name) for name in self.assignment]
        columns = [_column(gradebook, each) for each in _assignments(gradebook, wanted)]
        students = [
            student
            for student in sorted(gradebook.students, key=lambda student: student.id)
            if not self.student or student.id in {str(each) for each in self.student}
        ]
        if not students:
            raise CannotExportError("the gradebook has none of these students")
        file = self._file(students)
        if file.kind not in self.kinds:
            raise CannotExportError(f"{self.roster} is a {file.kind}, and this exports for another")
        told = Told(path)
        matching = match(file.people.values(), students)
        places = {column.assignment: self._place(file, column, told) for column in columns}
        if file.kind == WORKSHEET and len(columns) > 1:
            names = ", ".join(places)
            raise CannotExportError(
                f"a grading worksheet is one assignment's, and the gradebook has several ({names}):"
                " name one with --assignment"
            )
        write_sheet(path, self._rows(file, columns, places, matching, told), file.sheet)
        self._tell(columns, matching, told, by_file=bool(self.roster))
        return told

    def _file(self, students: list[Any]) -> GradeFile:
        if self.roster:
            return read_grade_file(Path(self.roster), self.encoding or None)
        header, people, rows = [*self._header], {}, []
        for line, student in enumerate(students, start=2):
            people[line] = Person(student.id, logins=(student.id,))
            rows.append(Row(line, self._identity(student)))
        return GradeFile(Sheet(Path(), header, rows, ",", "utf-8"), self.kinds[0], people, [])

    _header: tuple[str, ...]
    _identity: Callable[..., list[str]]

    def _place(self, file: GradeFile, column: Column, told: Told) -> int | None:
        """Find the column for an assignment; None where the file has none."""
        named = self.columns.get(column.assignment)
        if file.kind == WORKSHEET:
            return file.assignments[0]
        header = file.sheet.header
        wanted = {plain(named or column.assignment)}
        exactly = [at for at in file.assignments if named and header[at].strip() == named.strip()]
        places = exactly or [
            at for at in file.assignments if {plain(file.title(at)), plain(header[at])} & wanted
        ]
        if len(places) > 1:
            raise CannotExportError(
                f"{self.roster} has several columns that may be {column.assignment}: "
                f"{', '.join(header[at] for at in places)}; say which, as in "
                f'--column "{column.assignment}={header[places[0]]}"'
            )
        if named and not places:
            raise CannotExportError(
                f"{self.roster} has no column {named!r}, but "
                f"{', '.join(header[at] for at in file.assignments) or 'none for assignments'}"
            )
        if self.roster and not places:
            told.remarks.append(
                f"no column is {column.assignment}, so there is a new one; if the assignment has "
                f'another name there, say so, as in --column "{column.assignment}=ITS NAME"'
            )
        return places[0] if places else None

    def _rows(
        self,
        file: GradeFile,
        columns: list[Column],
        places: Mapping[str, int | None],
        matching: Matching,
        told: Told,
    ) -> list[list[str]]:
        kept = [at for at in file.kept if at not in places.values()]
        header = file.sheet.header
        # In the file's order, and new ones last; a worksheet keeps its grade where it is.
        order = sorted([*kept, *(at for at in places.values() if at is not None)])
        if file.kind == MOODLE:  # where the time of the export stands last
            order.sort(key=lambda at: header[at].startswith("Last downloaded"))
        by_place = {
            place: column for column in columns if (place := places[column.assignment]) is not None
        }
        new = [column for column in columns if places[column.assignment] is None]
        rows = [[*(header[at] for at in order), *(self._title(each) for each in new)]]
        if file.kind == CANVAS and file.points is None:
            rows.append(_points_row(order, by_place, new))
        for row in file.sheet.rows:
            cells = [row.cells[at] if at < len(row.cells) else "" for at in order]
            person = file.people.get(row.line)
            if person is None:
                is_points = row is file.points
                self._check_points(row, by_place, told)
                rows.append([*cells, *(_number(c.max_score) if is_points else "" for c in new)])
                continue
            student = matching.students.get(person.key)
            grades = [self._grade(column, student) for column in [*by_place.values(), *new]]
            told.graded += sum(grade is not None for grade in grades)
            for at, column in by_place.items():
                if (grade := self._grade(column, student)) is not None:
                    cells[order.index(at)] = grade
                    self._check_worksheet(file, row, column, told)
            rows.append([*cells, *(self._grade(each, student) or "" for each in new)])
        return rows

    def _grade(self, column: Column, student: str | None) -> str | None:
        if student is None or not (student in column.scores or self.zero_for_missing):
            return None
        return _number(column.scores.get(student, 0.0))

    def _title(self, column: Column) -> str:
        return column.assignment

    def _check_points(self, row: Row, by_place: Mapping[int, Column], told: Told) -> None:
        for at, column in by_place.items():
            _compare_points(row.cell(at), column, told)

    def _check_worksheet(self, file: GradeFile, row: Row, column: Column, told: Told) -> None:
        if file.kind != WORKSHEET:
            return
        _compare_points(row.cell(file.sheet.column("Maximum grade")), column, told)
        if row.cell(file.sheet.column("Grade can be changed")).casefold() == "no":
            told.remarks.append(f"Moodle lets no one change the grade of {shown(row.cells[0])}")

    def _tell(
        self, columns: list[Column], matching: Matching, told: Told, *, by_file: bool
    ) -> None:
        told.remarks[:] = dict.fromkeys(told.remarks)
        for column in columns:
            late = ", ".join(
                f"{shown(student)} {_number(penalty)}"
                for student, penalty in sorted(column.penalties.items())
            )
            if late:
                told.remarks.append(f"{column.assignment}, points taken off for lateness: {late}")
            told.list(
                f"{column.assignment}, a person has still to give points to what they wrote",
                column.unread,
            )
        if by_file:
            told.list(
                "known by the name alone, so look whether they are the same",
                (f"{key} as {matching.students[key]}" for key in matching.by_name),
            )
            told.list(
                f"in {self.roster} and not in the gradebook",
                (f"{person.name}, {person.key}" for person in matching.unknown),
            )
            told.list(f"in the gradebook and not in {self.roster}", matching.missing)


class CanvasExporter(_GradesForLms):
    """Writes grades as Canvas's gradebook imports them."""

    kinds = (CANVAS,)
    default_to = "grades-canvas.csv"
    _header = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")

    def _identity(self, student: Any) -> list[str]:
        names = filter(None, (student.last_name, student.first_name))
        return [", ".join(names), student.lms_user_id or "", "", student.id, ""]


class MoodleExporter(_GradesForLms):
    """Writes grades as Moodle's gradebook, or an assignment of it, imports them."""

    kinds = (MOODLE, WORKSHEET)
    default_to = "grades-moodle.csv"
    _header = ("First name", "Last name", "ID number", "Email address")

    def _identity(self, student: Any) -> list[str]:
        email = student.email or (student.id if "@" in student.id else "")
        told = (student.first_name, student.last_name, student.lms_user_id, email)
        return [each or "" for each in told]

    def _title(self, column: Column) -> str:
        return f"Assignment: {column.assignment} (Real)"


def _assignments(gradebook: Gradebook, wanted: list[str]) -> list[Assignment]:
    """The assignments to export: those asked for, else all that somebody handed in."""
    known = {each.name: each for each in gradebook.assignments}
    if unknown := [name for name in wanted if name not in known]:
        raise CannotExportError(
            f"the gradebook has no assignment {', '.join(map(repr, unknown))}; it has "
            f"{', '.join(sorted(known)) or 'none'}"
        )
    chosen = wanted or [name for name in sorted(known) if known[name].num_submissions]
    if not chosen:
        raise CannotExportError("the gradebook has no graded submissions yet: grade some first")
    return [known[name] for name in chosen]


def _column(gradebook: Gradebook, assignment: Assignment) -> Column:
    scores, penalties, unread = {}, {}, []
    for submission in gradebook.assignment_submissions(assignment.name):
        student, penalty = submission.student_id, submission.late_submission_penalty or 0.0
        scores[student] = max(0.0, submission.score - penalty)  # as nbgrader's own export has it
        if penalty:
            penalties[student] = penalty
        if submission.needs_manual_grade:
            unread.append(student)
    return Column(assignment.name, assignment.max_score, scores, penalties, unread)


def _points_row(order: list[int], by_place: Mapping[int, Column], new: list[Column]) -> list[str]:
    """Canvas's row of the points that can be had, for a file without one."""
    cells = [_number(by_place[at].max_score) if at in by_place else "" for at in order]
    cells[0] = "    Points Possible"
    return [*cells, *(_number(each.max_score) for each in new)]


def _compare_points(cell: str, column: Column, told: Told) -> None:
    """Warn of an assignment that has other points in the system."""
    if re.fullmatch(r"\d+([.,]\d+)?", cell):
        theirs = float(cell.replace(",", "."))
        if theirs != column.max_score:
            told.remarks.append(
                f"{column.assignment} has {_number(column.max_score)} points, and {theirs:g} in "
                "the system: the grades are written as they are, so set the points there first"
            )


def _number(points: float) -> str:
    return f"{points:.{_DIGITS}f}".rstrip("0").rstrip(".")
