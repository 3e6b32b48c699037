"""Write into the gradebook what became of a submission: in one transaction, so all or nothing."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TypeVar

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import select
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


class GradebookAwayError(CannotGradeError):
    """A gradebook does not answer any more; the message says what it said last."""


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
            self._notebooks = {each.name: each.id for each in found.notebooks}
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
        with Session(self._engine) as session:
            return set(session.scalars(select(SubmittedAssignment.student_id).where(which)))

    def scores(self) -> dict[str, float]:
        """Return the score of each student whose submission the gradebook has."""
        which = SubmittedAssignment.assignment_id == self._assignment
        wanted = select(SubmittedAssignment.student_id, SubmittedAssignment.score).where(which)
        with Session(self._engine) as session:
            return {student: float(score or 0) for student, score in session.execute(wanted)}

    def save(self, record: Record) -> None:
        """Write a record, all of it or nothing; what people wrote stays.

        A gradebook that is away or locked is waited for, a minute long.

        Raises:
            LookupError: if the student is not in the gradebook, and is not to be added.
            GradebookAwayError: if the gradebook stays away.
        """
        self._patiently(lambda: self._save(record))

    def has(self, record: Record) -> bool:
        """Whether the gradebook says what a record says."""
        return self._patiently(lambda: self._has(record))

    def _patiently(self, do: Callable[[], _Made]) -> _Made:
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
                self._say(f"the gradebook does not answer ({error.orig}); trying again")
            time.sleep(pause)
            pause = min(2 * pause, 5.0)

    def _save(self, record: Record) -> None:
        with Session(self._engine) as session, session.begin():
            submission = self._submission(session, record.student)
            if record.timestamp is not None:
                submission.timestamp = datetime.fromisoformat(record.timestamp)
            for name in record.missing:
                for grade in self._of(submission, name).grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
            for name, marks in record.notebooks.items():
                self._mark(session, submission, name, marks)

    def _submission(self, session: Session, student: str) -> SubmittedAssignment:
        found = session.scalars(
            select(SubmittedAssignment)
            .where(
                SubmittedAssignment.assignment_id == self._assignment,
                SubmittedAssignment.student_id == student,
            )
            .options(
                selectinload(SubmittedAssignment.notebooks).options(
                    selectinload(SubmittedNotebook.grades), selectinload(SubmittedNotebook.comments)
                )
            )
        ).one_or_none()
        if found is not None:
            return found
        if session.get(Student, student) is None:
            if not self._create_student:
                raise LookupError(
                    f"there is no student {student!r} in the gradebook, and "
                    "Autograde.create_student is off"
                )
            session.add(Student(id=student))
            session.flush()
        made = SubmittedAssignment(assignment_id=self._assignment, student_id=student)
        for name, notebook in self._notebooks.items():
            kept = SubmittedNotebook(notebook_id=notebook)
            made.notebooks.append(kept)
            kept.grades = [Grade(cell_id=cell) for cell in self._graded[name].values()]
            kept.comments = [Comment(cell_id=cell) for cell in self._commented[name].values()]
        session.add(made)
        return made

    def _of(self, submission: SubmittedAssignment, notebook: str) -> SubmittedNotebook:
        wanted = self._notebooks[notebook]
        return next(each for each in submission.notebooks if each.notebook_id == wanted)

    def _mark(
        self, session: Session, submission: SubmittedAssignment, name: str, marks: Marks
    ) -> None:
        kept = self._of(submission, name)
        grades = {grade.cell_id: grade for grade in kept.grades}
        comments = {comment.cell_id: comment for comment in kept.comments}
        for cell, score in marks.scores.items():
            grade = grades[self._graded[name][cell]]
            grade.auto_score = score
            grade.needs_manual_grade = (
                score is None or grade.manual_score is not None or cell in marks.for_person
            )
        for cell, said in marks.comments.items():
            comments[self._commented[name][cell]].auto_comment = said
        if marks.for_person:
            kept.flagged = True
        kept.late_submission_penalty = None
        session.flush()
        if submission.total_seconds_late > 0:
            session.refresh(kept, ["score"])
            taken = self._penalty(submission.student_id, kept.score, submission.total_seconds_late)
            if taken is not None:
                kept.late_submission_penalty = min(max(taken, 0), kept.score)

    def _has(self, record: Record) -> bool:
        with Session(self._engine) as session:
            found = session.scalars(
                select(SubmittedAssignment).where(
                    SubmittedAssignment.assignment_id == self._assignment,
                    SubmittedAssignment.student_id == record.student,
                )
            ).one_or_none()
            if found is None:
                return False
            if record.timestamp is not None and (
                found.timestamp != datetime.fromisoformat(record.timestamp)
            ):
                return False
            for name, marks in record.notebooks.items():
                grades = {each.cell_id: each for each in self._of(found, name).grades}
                for cell, score in marks.scores.items():
                    if grades[self._graded[name][cell]].auto_score != score:
                        return False
            return True
