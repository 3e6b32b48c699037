"""Students in the gradebook, from a table of them."""

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbgrader.api import Gradebook, Student

from cnnlesson.grading.intake import shown, unsafe_student
from cnnlesson.grading.lms import Person, kind_of, read_grade_file, short
from cnnlesson.grading.sheets import NotATableError, Row, read_sheet

FIELDS = ("first_name", "last_name", "email", "lms_user_id")
"""What the gradebook keeps of a student besides the id."""

_LONGEST = 128  # characters, as the gradebook has room for


class BadRosterError(ValueError):
    """A roster with rows that cannot be used; nothing was done.

    Attributes:
        problems: a sentence for each, with the number of its line.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Entry:
    """A student as a roster has it.

    Attributes:
        line: the number of the line in the file.
        id: the student's id.
        fields: of `FIELDS`, those that are told.
    """

    line: int
    id: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Roster:
    """What a roster says.

    Attributes:
        entries: the students.
        ignored: the columns that nothing is known of.
    """

    entries: list[Entry]
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Done:
    """What a roster did to the gradebook: the students' ids."""

    added: list[str]
    updated: list[str]
    unchanged: list[str]
    not_listed: list[str]


def read_roster(path: Path, encoding: str | None = None) -> Roster:
    """Read students from a table with a column `id`, or from what Canvas or Moodle export.

    Args:
        path: the file; besides `id` its columns may be those of `FIELDS`.
        encoding: of the file; UTF-8, or what its first bytes say, unless given.

    Raises:
        NotATableError: if the file cannot be read as a table, or has no column `id`.
        BadRosterError: if a row cannot be used.
        OSError: if the file cannot be read.
    """
    sheet = read_sheet(path, encoding)
    problems: list[str] = []
    ignored: list[str] = []
    if kind_of(sheet):
        people = read_grade_file(path, encoding).people
        entries = [_of_person(line, person) for line, person in people.items()]
    else:
        columns = {name: sheet.column(name) for name in ("id", *FIELDS)}
        if columns["id"] is None:
            found = ", ".join(f"{name.strip()!r}" for name in sheet.header[:8])
            raise NotATableError(
                f"{path} has no column 'id', but {found}: its first line should be "
                f"{','.join(columns)}, of which only id must be there"
            )
        entries = [
            Entry(
                row.line,
                row.cell(columns["id"]),
                {name: cell for name in FIELDS if (cell := row.cell(columns[name]))},
            )
            for row in sheet.rows
        ]
        known = {*columns.values()}
        ignored = [name for at, name in enumerate(sheet.header) if at not in known and name.strip()]
        problems += [each for row in sheet.rows for each in _too_long(row, len(sheet.header))]
    problems += [
        f"line {entry.line}: {problem}" for entry in entries for problem in _problems(entry)
    ]
    problems += _twice(entries)
    if problems:
        raise BadRosterError(sorted(problems, key=lambda each: int(each.split(":")[0][5:])))
    if not entries:
        raise NotATableError(f"{path} lists no students: there is nothing below its first line")
    return Roster(entries, ignored)


def put_into(gradebook: Gradebook, roster: Roster) -> Done:
    """Add and update students, all of them or none.

    What a roster does not tell of a student stays as it is, and nobody is removed.

    Raises:
        BadRosterError: if an id differs from one in the gradebook only in its case, or a student
            there has the same lms_user_id.
    """
    there: dict[str, Student] = {student.id: student for student in gradebook.students}
    folded = {_folded(student): student for student in there}
    problems = [
        f"line {entry.line}: the gradebook has {shown(folded[_folded(entry.id)])}, which differs "
        f"from {shown(entry.id)} in its case alone: write it as the gradebook does"
        for entry in roster.entries
        if entry.id not in there and _folded(entry.id) in folded
    ]
    problems += _taken(roster, there)
    if problems:
        raise BadRosterError(problems)
    done = Done([], [], [], sorted(there.keys() - {entry.id for entry in roster.entries}))
    try:
        for entry in roster.entries:
            student = there.get(entry.id)
            if student is None:
                gradebook.db.add(Student(id=entry.id, **entry.fields))
                done.added.append(entry.id)
                continue
            changed = {
                name: value
                for name, value in entry.fields.items()
                if getattr(student, name) != value
            }
            for name, value in changed.items():
                setattr(student, name, value)
            (done.updated if changed else done.unchanged).append(entry.id)
        gradebook.db.commit()
    except BaseException:
        gradebook.db.rollback()
        raise
    return done


def _taken(roster: Roster, there: Mapping[str, Student]) -> Iterator[str]:
    """The numbers that somebody has in the gradebook whom the roster does not list."""
    listed = {entry.id for entry in roster.entries}
    numbers = {_folded(s.lms_user_id): s.id for s in there.values() if s.lms_user_id}
    for entry in roster.entries:
        number = entry.fields.get("lms_user_id", "")
        owner = numbers.get(_folded(number))
        if number and owner not in (None, entry.id) and owner not in listed:
            yield (
                f"line {entry.line}: its lms_user_id {shown(number)} is that of {shown(owner)} in "
                "the gradebook: see whose it is, or whether they are the same person"
            )


def _of_person(line: int, person: Person) -> Entry:
    """A student as Canvas or Moodle has it; the id is what the student logs in by."""
    ids = (short(login) or login for login in person.logins if login)
    first, last = person.first_name, person.last_name
    if person.full_name:
        first, _, last = person.full_name.rpartition(" ")
    told = {
        "first_name": first,
        "last_name": last,
        "email": person.email,
        "lms_user_id": person.lms_id or next(filter(None, person.numbers), ""),
    }
    return Entry(line, next(ids, ""), {name: value for name, value in told.items() if value})


def _too_long(row: Row, width: int) -> Iterator[str]:
    if any(cell.strip() for cell in row.cells[width:]):
        yield (
            f"line {row.line}: it has {len(row.cells)} cells, and the first line {width}: put a "
            "cell with a comma in it into quotation marks"
        )


def _problems(entry: Entry) -> Iterator[str]:
    if not entry.id:
        yield "there is no id"
    elif why := unsafe_student(entry.id):
        yield why.removesuffix(": rename the folder")
    for name, value in entry.fields.items():
        if len(value) > _LONGEST:
            yield f"{name} has {len(value)} characters, and the gradebook has room for {_LONGEST}"
        if any(unicodedata.category(each) in ("Cc", "Cf", "Cs") for each in value):
            yield f"{name} is {shown(value)}, with characters in it that cannot be seen"


def _twice(entries: list[Entry]) -> Iterator[str]:
    for name in ("id", "lms_user_id"):
        seen: dict[str, int] = {}
        for entry in entries:
            word = entry.id if name == "id" else entry.fields.get(name, "")
            first = seen.setdefault(_folded(word), entry.line)
            if word and first != entry.line:
                yield f"line {entry.line}: its {name} {shown(word)} is in line {first}, too"


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", word).casefold())
