"""What a learning management system's files say of students: Canvas's and Moodle's layouts.

Canvas's gradebook file has the columns Student (or LastName and FirstName), ID, SIS User ID, SIS
Login ID, Integration ID, Root Account and Section, of which an institution shows some, then those
of the assignments, each named TITLE (NUMBER), then totals that nobody can import. Between header
and students stand a row that may say Manual Posting, and one with the Points Possible. Moodle has
two: the grade export with First name, Last name (Surname before 4.0), ID number, Institution,
Department and Email address, then ACTIVITY: TITLE (Real); and an assignment's own grading
worksheet with Identifier, Full name, Email address, Status, Grade, Maximum grade and more.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlesson.grading.sheets import NotATableError, Row, Sheet, plain, read_sheet
from cnnlesson.identity import normalised

CANVAS, MOODLE, WORKSHEET = "Canvas gradebook", "Moodle grade export", "Moodle grading worksheet"
"""What a file may be."""

_CANVAS_COLUMNS = (
    *("Student", "LastName", "FirstName", "ID", "SIS User ID", "SIS Login ID"),
    *("Integration ID", "Root Account", "Section"),
)
_CANVAS_TOTAL = re.compile(r"(Current|Final|Override) (Score|Points|Grade|Status)\b")
_CANVAS_NUMBER = re.compile(r"\s*\(\d+\)\s*$")
_MOODLE_COLUMNS = (
    *("First name", "Last name", "Surname", "Username", "ID number", "Institution"),
    *("Department", "Email address", "Last downloaded from this course"),
)
_MOODLE_KIND = re.compile(r"^[^:]+:\s*")
_MOODLE_DISPLAY = re.compile(r"\s*\((Real|Percentage|Letter)\)\s*$")
_POINTS_POSSIBLE = "Points Possible"
_TEST_STUDENT = "Student, Test"


@dataclass(frozen=True)
class Person:
    """Somebody whom a learning management system lists.

    Attributes:
        key: what tells this person from others in the file; shown to the lecturer.
        lms_id: the system's own number for the person.
        numbers: ids that the institution gave.
        logins: what the person logs in by, an e-mail address among them.
        email: the e-mail address.
        first_name: the first name, if it is told apart.
        last_name: the last name, likewise.
        full_name: the name, if it is not.
    """

    key: str
    lms_id: str = ""
    numbers: tuple[str, ...] = ()
    logins: tuple[str, ...] = ()
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    full_name: str = ""

    @property
    def name(self) -> str:
        """The name, for a reader."""
        return self.full_name or f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class GradeFile:
    """A file that a learning management system exports, and imports again.

    Attributes:
        sheet: the table.
        kind: `CANVAS`, `MOODLE` or `WORKSHEET`.
        people: who stands in which row, by the row's line.
        assignments: the places of the columns that hold the grades of one assignment each.
    """

    sheet: Sheet
    kind: str
    people: Mapping[int, Person]
    assignments: Sequence[int]

    @property
    def kept(self) -> list[int]:
        """The columns that say who is who, and whatever else must stay as it is."""
        if self.kind == WORKSHEET:
            return [*range(len(self.sheet.header))]
        ours = _CANVAS_COLUMNS if self.kind == CANVAS else _MOODLE_COLUMNS
        names = {plain(each) for each in ours}
        return [at for at, name in enumerate(self.sheet.header) if plain(name) in names]

    def title(self, column: int) -> str:
        """Return the title of an assignment's column, without what the system puts around it."""
        name = self.sheet.header[column].strip()
        if self.kind == CANVAS:
            return _CANVAS_NUMBER.sub("", name)
        return _MOODLE_KIND.sub("", _MOODLE_DISPLAY.sub("", name))

    @property
    def points(self) -> Row | None:
        """The row with the points that can be had, if there is one."""
        rows = (row for row in self.sheet.rows if _POINTS_POSSIBLE in row.cell(0))
        return next(rows, None) if self.kind == CANVAS else None


def read_grade_file(path: Path, encoding: str | None = None) -> GradeFile:
    """Read a file that Canvas or Moodle exported.

    Raises:
        NotATableError: if it is none that is known; the message names the columns that are.
        OSError: if it cannot be read.
    """
    sheet = read_sheet(path, encoding)
    kind = kind_of(sheet)
    if kind is None:
        found = ", ".join(f"{name.strip()!r}" for name in sheet.header[:8])
        raise NotATableError(
            f"{path} is neither a gradebook file of Canvas, nor a grade export or a grading "
            f"worksheet of Moodle: its columns are {found}. Export it with the language set to "
            "English, and leave the first line as it is"
        )
    read = {CANVAS: _canvas_person, MOODLE: _moodle_person, WORKSHEET: _worksheet_person}[kind]
    people = {row.line: read(sheet, row) for row in _student_rows(sheet, kind)}
    return GradeFile(sheet, kind, people, [*_assignment_columns(sheet, kind)])


def kind_of(sheet: Sheet) -> str | None:
    """Say what a table is, if it is one of those that are known here."""
    has = {plain(name) for name in sheet.header}
    # Else it is a table of somebody's own, who writes first_name and may have sections as well.
    separately = {"LastName", "FirstName"} <= {name.strip() for name in sheet.header}
    if {"id", "section"} <= has and ("student" in has or separately):
        return CANVAS
    if {"identifier", "grade"} <= has:
        return WORKSHEET
    if {"firstname", "emailaddress"} <= has and has & {"lastname", "surname"}:
        return MOODLE
    return None


def _student_rows(sheet: Sheet, kind: str) -> Iterator[Row]:
    for row in sheet.rows:
        if kind == CANVAS:
            manual = all(
                re.fullmatch(r"\s*((Muted|Manual Posting).*)?", cell) for cell in row.cells
            )
            if _POINTS_POSSIBLE in row.cell(0) or manual:
                continue
            if row.cell(0) == _TEST_STUDENT and not row.cell(sheet.column("SIS User ID")):
                continue  # whom Canvas adds for a lecturer to look at the course as a student
        yield row


def _assignment_columns(sheet: Sheet, kind: str) -> Iterator[int]:
    if kind == WORKSHEET:
        column = sheet.column("Grade")
        assert column is not None, "or it would be no worksheet"
        yield column
        return
    known = {plain(name) for name in (_CANVAS_COLUMNS if kind == CANVAS else _MOODLE_COLUMNS)}
    for at, name in enumerate(sheet.header):
        if plain(name) in known or not name.strip():
            continue
        if kind == CANVAS and not _CANVAS_TOTAL.search(name):
            yield at
        if kind == MOODLE and ":" in name and _shows(name) in ("", "Real"):
            yield at


def _shows(name: str) -> str:
    found = _MOODLE_DISPLAY.search(name)
    return found[1] if found else ""


def _canvas_person(sheet: Sheet, row: Row) -> Person:
    def cell(name: str) -> str:
        return row.cell(sheet.column(name))

    last, _, first = cell("Student").partition(",")
    login = cell("SIS Login ID")
    return Person(
        key=cell("ID") or login or f"line {row.line}",
        lms_id=cell("ID"),
        numbers=(cell("SIS User ID"), cell("Integration ID")),
        logins=(login,),
        email=login if "@" in login else "",
        first_name=cell("FirstName") or first.strip(),
        last_name=cell("LastName") or last.strip(),
    )


def _moodle_person(sheet: Sheet, row: Row) -> Person:
    def cell(*names: str) -> str:
        return row.cell(sheet.column(*names))

    email = cell("Email address")
    return Person(
        key=email or cell("ID number") or f"line {row.line}",
        numbers=(cell("ID number"),),
        logins=(cell("Username"), email),
        email=email,
        first_name=cell("First name"),
        last_name=cell("Last name", "Surname"),
    )


def _worksheet_person(sheet: Sheet, row: Row) -> Person:
    def cell(name: str) -> str:
        return row.cell(sheet.column(name))

    email = cell("Email address")
    return Person(
        key=cell("Identifier") or f"line {row.line}",
        numbers=(cell("ID number"),),
        logins=(cell("Username"), email),
        email=email,
        full_name=cell("Full name"),
    )


# --- Who is who ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Matching:
    """Which student of the gradebook is which person.

    Attributes:
        students: the gradebook's ids, by the persons' keys.
        by_name: the keys of those who have nothing in common with the student but the name.
        unknown: the persons who are no student of the gradebook.
        missing: the ids of the gradebook's students whom the system does not list.
    """

    students: dict[str, str]
    by_name: list[str]
    unknown: list[Person]
    missing: list[str]


def match(people: Iterable[Person], students: Iterable[Any]) -> Matching:
    """Find out which student is which person, by the surest that they have in common.

    First by the id that the system gave, `lms_user_id`; then by the gradebook's id, which may be a
    login or a part of an e-mail address; by the e-mail address; and at last by the name. What two
    have in common with one says nothing, and is passed over.

    Args:
        people: as the system lists them, with a key each.
        students: rows of nbgrader's gradebook.
    """
    waiting = {person.key: person for person in people}
    left = {student.id: student for student in students}
    found: dict[str, str] = {}
    by_name: list[str] = []
    for of_person, of_student in _WAYS:
        theirs = _by(of_person, waiting)
        ours = _by(of_student, left)
        shared = theirs.keys() & ours.keys()
        alone = [word for word in shared if len(theirs[word]) == len(ours[word]) == 1]
        for word in sorted(alone):
            (key,), (student,) = theirs[word], ours[word]
            if key in waiting and student in left:
                if of_person is _names and _are_two(waiting[key], left[student]):
                    continue
                found[key] = student
                del waiting[key], left[student]
                if of_person is _names:
                    by_name.append(key)
    return Matching(found, by_name, [*waiting.values()], sorted(left))


def _by(words: Callable[[Any], Iterable[str]], each: Mapping[str, Any]) -> dict[str, set[str]]:
    found = defaultdict(set)
    for key, value in each.items():
        for word in words(value):
            if folded := unicodedata.normalize("NFKC", word).casefold().strip():
                found[folded].add(key)
    return found


def _names(person: Person) -> list[str]:
    return [plain(person.full_name), *_both(person.first_name, person.last_name)]


def _are_two(person: Person, student: Any) -> bool:
    """Whether the system's numbers tell that these are two, whatever they call themselves."""
    numbers = [person.lms_id] if person.lms_id else [*filter(None, person.numbers)]
    return bool(numbers and student.lms_user_id and student.lms_user_id not in numbers)


def _both(first: str | None, last: str | None) -> list[str]:
    """A name in both orders."""
    return [plain(f"{first}{last}"), plain(f"{last}{first}")] if first and last else []


def short(login: str) -> str:
    """Return what `cnnlesson start` makes of a login, if it can be a student's id."""
    try:
        return normalised(login)
    except ValueError:
        return ""


_WAYS: tuple[tuple[Callable[[Any], Iterable[str]], Callable[[Any], Iterable[str]]], ...] = (
    (lambda person: [person.lms_id], lambda student: [student.lms_user_id or ""]),
    (lambda person: person.numbers, lambda student: [student.lms_user_id or ""]),
    (lambda person: [*person.logins, *person.numbers], lambda student: [student.id]),
    (lambda person: map(short, person.logins), lambda student: [student.id]),
    (lambda person: [person.email], lambda student: [student.email or ""]),
    (_names, lambda student: _both(student.first_name, student.last_name)),
)
"""What persons and students may have in common, the surest first."""
