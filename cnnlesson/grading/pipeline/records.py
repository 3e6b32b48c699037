"""Write into the gradebook what became of a submission: in one transaction, so all or nothing."""

import json
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.orm import Session, selectinload

from cnnlesson.grading.pipeline.problems import CannotGradeError

_Made = TypeVar("_Made")
_GRADED = ("GradeCell", "TaskCell")
_COMMENTED = ("SolutionCell", "TaskCell")
_PATIENCE = 60.0  # seconds that a gradebook may be away or locked


@dataclass(frozen=True)
class Marks:
    """What became of one notebook.

    Attributes:
        scores: nbgrader's `auto_score` of each grade cell, by the cell's id; None if a person is
            to judge it.
        comments: nbgrader's `auto_comment` of each cell that can have one.
        for_person: the cells that a person is to look at all the same.
    """

    scores: Mapping[str, float | None]
    comments: Mapping[str, str | None] = field(default_factory=dict)
    for_person: tuple[str, ...] = ()


@dataclass(frozen=True)
class Record:
    """What becomes of one submission in the gradebook.

    Attributes:
        student: nbgrader's id of the student.
        timestamp: when it came in, in ISO format; None if nobody knows.
        notebooks: what became of each notebook that was graded, by name.
        missing: the names of the notebooks that were not handed in.
    """

    student: str
    timestamp: str | None
    notebooks: Mapping[str, Marks]
    missing: tuple[str, ...] = ()

    @property
    def came_in(self) -> datetime | None:
        """The time stamp."""
        return None if self.timestamp is None else datetime.fromisoformat(self.timestamp)

    def calls_a_person(self, notebook: str) -> bool:
        """Whether somebody is to look at a notebook."""
        return notebook in self.notebooks and bool(self.notebooks[notebook].for_person)

    def to_text(self) -> str:
        """Write it as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> "Record":
        """Read what `to_text` wrote."""
        told = json.loads(text)
        notebooks = {
            name: Marks(each["scores"], each["comments"], tuple(each["for_person"]))
            for name, each in told["notebooks"].items()
        }
        return cls(told["student"], told["timestamp"], notebooks, tuple(told["missing"]))


Penalty = Callable[[str, float, float], float | None]
"""Of a student, a score and the seconds that a submission was late: the points to take off."""


_Values = Mapping[str, Mapping[str, Any]]
"""Of rows, by the ids of their cells: values by the names of their columns."""


class GradebookAwayError(CannotGradeError):
    """A gradebook does not answer any more; the message says what it said last."""


def patiently(do: Callable[[], _Made], say: Callable[[str], None]) -> _Made:
    """Do something with a gradebook, which is waited for where it is away or locked.

    Args:
        do: done again until it succeeds, a minute long.
        say: told that the gradebook is away.

    Raises:
        GradebookAwayError: if it stays away.
    """
    until = time.monotonic() + _PATIENCE
    pause = 0.1
    while True:
        try:
            return do()
        except IntegrityError:  # another process added the same student
            if time.monotonic() > until:
                raise
        except DBAPIError as error:
            away = error.connection_invalidated or isinstance(error, OperationalError)
            if not away:
                raise
            if time.monotonic() > until:
                raise GradebookAwayError(
                    f"the gradebook does not answer ({error.orig}): see to it, and call the "
                    "same command again, which goes on with what is left"
                ) from None
            say(f"the gradebook does not answer ({error.orig}); trying again")
        time.sleep(pause)
        pause = min(2 * pause, 5.0)


class Records:
    """The gradebook's rows of one assignment."""

    def __init__(
        self,
        gradebook: Gradebook,
        assignment: str,
        penalty: Penalty,
        *,
        create_student: bool = True,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Look up what the gradebook has of the assignment.

        Args:
            gradebook: an open one; only its engine is used later on.
            assignment: the assignment's name.
            penalty: how late submissions are punished.
            create_student: whether students are added who are not in the gradebook.
            say: told when the gradebook is away.
        """
        self._engine = gradebook.engine
        self._penalty, self._create_student, self._say = penalty, create_student, say
        # By notebook, the cells' ids by their names; a cell that a person grades has two.
        self._graded: dict[str, dict[str, str]] = {}
        self._commented: dict[str, dict[str, str]] = {}
        with Session(self._engine) as session:
            found = session.scalars(select(Assignment).where(Assignment.name == assignment)).one()
            self._assignment = found.id
            self._has_due_date = found.duedate is not None
            self._notebooks = {each.name: each.id for each in found.notebooks}
            self._names = {key: name for name, key in self._notebooks.items()}
            for name, notebook in self._notebooks.items():
                which = BaseCell.notebook_id == notebook
                cells = session.execute(
                    select(BaseCell.name, BaseCell.id, BaseCell.type).where(which)
                )
                known = [*cells]
                self._graded[name] = {cell: key for cell, key, kind in known if kind in _GRADED}
                self._commented[name] = {
                    cell: key for cell, key, kind in known if kind in _COMMENTED
                }

    @property
    def notebooks(self) -> list[str]:
        """The names of the assignment's notebooks."""
        return [*self._notebooks]

    def students(self) -> set[str]:
        """Return the students whose submission the gradebook has."""
        which = SubmittedAssignment.assignment_id == self._assignment

        def read() -> set[str]:
            with Session(self._engine) as session:
                return set(session.scalars(select(SubmittedAssignment.student_id).where(which)))

        return patiently(read, self._say)

    def scores(self) -> dict[str, float]:
        """Return the score of each student whose submission the gradebook has."""
        # nbgrader's SubmittedAssignment.score would look through all grades for each student.
        wanted = (
            select(SubmittedAssignment.student_id, func.sum(Grade.score))
            .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .join(Grade, Grade.notebook_id == SubmittedNotebook.id, isouter=True)
            .where(SubmittedAssignment.assignment_id == self._assignment)
            .group_by(SubmittedAssignment.student_id)
        )

        def read() -> dict[str, float]:
            with Session(self._engine) as session:
                return {student: float(score or 0) for student, score in session.execute(wanted)}

        return patiently(read, self._say)

    def save(self, record: Record) -> None:
        """Write a record, all of it or nothing; what people wrote stays.

        A gradebook that is away or locked is waited for, a minute long.

        Raises:
            LookupError: if the student is not in the gradebook, and is not to be added.
            GradebookAwayError: if the gradebook stays away.
        """
        patiently(lambda: self._save(record), self._say)

    def has(self, record: Record) -> bool:
        """Whether the gradebook says what a record says."""
        return patiently(lambda: self._has(record), self._say)

    def _save(self, record: Record) -> None:
        with Session(self._engine) as session, session.begin():
            submission = self._found(session, record.student)
            if submission is not None:
                self._change(session, submission, record)
            else:
                self._add(session, record)
                if self._has_due_date:
                    submission = self._found(session, record.student)
            if submission is not None:
                self._punish(session, submission, record)

    def _found(self, session: Session, student: str) -> SubmittedAssignment | None:
        return session.scalars(
            select(SubmittedAssignment)
            .where(
                SubmittedAssignment.assignment_id == self._assignment,
                SubmittedAssignment.student_id == student,
            )
            .options(selectinload(SubmittedAssignment.notebooks))
        ).one_or_none()

    def _add(self, session: Session, record: Record) -> None:
        """Add a submission, with all its rows."""
        # In bulk, since objects of each row cost several times as much.
        if session.scalar(select(Student.id).where(Student.id == record.student)) is None:
            if not self._create_student:
                raise LookupError(
                    f"there is no student {record.student!r} in the gradebook, and "
                    "Autograde.create_student is off"
                )
            session.execute(insert(Student), [{"id": record.student}])
        submission = {
            "id": new_uuid(),
            "assignment_id": self._assignment,
            "student_id": record.student,
            "timestamp": record.came_in,
        }
        notebooks = {
            name: {
                "id": new_uuid(),
                "assignment_id": submission["id"],
                "notebook_id": key,
                "flagged": record.calls_a_person(name),
            }
            for name, key in self._notebooks.items()
        }
        session.execute(insert(SubmittedAssignment), [submission])
        session.execute(insert(SubmittedNotebook), [*notebooks.values()])
        for name, row in notebooks.items():
            grades, comments = self._values(name, record, by_hand=())
            _insert(session, Grade, row["id"], self._graded[name], grades)
            _insert(session, Comment, row["id"], self._commented[name], comments)

    def _change(self, session: Session, submission: SubmittedAssignment, record: Record) -> None:
        """Change a submission's rows."""
        if record.came_in is not None:
            submission.timestamp = record.came_in
        for kept in submission.notebooks:
            name = self._names[kept.notebook_id]
            rows = _rows(session, Grade, kept.id, self._graded[name])
            grades, comments = self._values(name, record, _by_hand(rows))
            _update(session, Grade, rows, grades)
            rows = _rows(session, Comment, kept.id, self._commented[name])
            _update(session, Comment, rows, comments)
            kept.flagged = kept.flagged or record.calls_a_person(name)

    def _punish(self, session: Session, submission: SubmittedAssignment, record: Record) -> None:
        """Take points off what was late, of the notebooks that were graded."""
        for kept in submission.notebooks:
            if self._names[kept.notebook_id] in record.notebooks:
                kept.late_submission_penalty = self._taken_off(session, submission, kept)

    def _values(
        self, name: str, record: Record, by_hand: Collection[str]
    ) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
        """Return what a record gives the rows of a notebook's grades, and of its comments.

        Args:
            name: the notebook's.
            record: the record.
            by_hand: the ids of the cells that a person has given points.
        """
        if name in record.missing:
            nothing = {"auto_score": 0, "needs_manual_grade": False}
            return dict.fromkeys(self._graded[name].values(), nothing), {}
        if name not in record.notebooks:
            return {}, {}
        marks = record.notebooks[name]
        grades = {}
        for cell, score in marks.scores.items():
            key = self._graded[name][cell]
            for_person = score is None or key in by_hand or cell in marks.for_person
            grades[key] = {"auto_score": score, "needs_manual_grade": for_person}
        commented = self._commented[name]
        comments = {
            commented[cell]: {"auto_comment": said} for cell, said in marks.comments.items()
        }
        return grades, comments

    def _taken_off(
        self, session: Session, submission: SubmittedAssignment, kept: SubmittedNotebook
    ) -> float | None:
        """Return the points that a notebook loses for being late."""
        late = submission.total_seconds_late
        if not late:
            return None
        name = self._names[kept.notebook_id]
        rows = _rows(session, Grade, kept.id, self._graded[name])
        score = sum(row.score for row in rows.values())
        taken = self._penalty(submission.student_id, score, late)
        return None if taken is None else min(max(taken, 0), score)

    def _has(self, record: Record) -> bool:
        with Session(self._engine) as session:
            found = self._found(session, record.student)
            if found is None:
                return False
            if record.came_in is not None and found.timestamp != record.came_in:
                return False
            for kept in found.notebooks:
                name = self._names[kept.notebook_id]
                grades = _rows(session, Grade, kept.id, self._graded[name])
                comments = _rows(session, Comment, kept.id, self._commented[name])
                expected = self._values(name, record, _by_hand(grades))
                flag = kept.flagged or not record.calls_a_person(name)
                if not (flag and all(map(_are, (grades, comments), expected))):
                    return False
            return True


def _by_hand(grades: Mapping[str, Any]) -> list[str]:
    """The cells that a person has given points."""
    return [cell for cell, grade in grades.items() if grade.manual_score is not None]


def _are(rows: Mapping[str, Any], values: _Values) -> bool:
    """Whether rows have these values."""
    return all(
        getattr(rows[cell], column) == value
        for cell, each in values.items()
        for column, value in each.items()
    )


def _rows(
    session: Session, kind: type[Any], notebook: str, cells: Mapping[str, str]
) -> dict[str, Any]:
    """Read the rows of a notebook's cells, by the cells' ids.

    The gradebook's index is one by cells and notebooks; to ask by the notebook alone would be to
    look through the rows of the whole class.
    """
    columns = [each for each in kind.__mapper__.column_attrs if not each.deferred]
    wanted = select(*(getattr(kind, each.key) for each in columns)).where(
        kind.notebook_id == notebook, kind.cell_id.in_(cells.values())
    )
    return {row.cell_id: row for row in session.execute(wanted)}


def _insert(
    session: Session, kind: type[Any], notebook: str, cells: Mapping[str, str], values: _Values
) -> None:
    """Add a row for each cell; what is not given is as nbgrader has it at first."""
    known = {"notebook_id": notebook}
    rows = [{**known, "cell_id": cell, **values.get(cell, {})} for cell in cells.values()]
    if rows:
        session.execute(insert(kind), rows)


def _update(session: Session, kind: type[Any], rows: Mapping[str, Any], values: _Values) -> None:
    """Change the rows of cells."""
    if values:
        session.execute(update(kind), [{"id": rows[cell].id, **values[cell]} for cell in values])
