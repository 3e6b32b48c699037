"""Read what a class did: points and times from the gradebook, the rest from graded notebooks."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Grade,
    Gradebook,
    GradeCell,
    Notebook,
    SourceCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from traitlets.config import Config

from cnnlesson.grading.intake import unsafe_student
from cnnlesson.grading.judging import FINDING
from cnnlesson.grading.notebooks import ReadingLimits, UnreadableNotebook, read_plain_file
from cnnlesson.grading.remarks import clean
from cnnlesson.grading.scores import gradebook_with, nothing_graded

_TIMED_OUT, _NOT_RUN, _NOT_TRUE = "CellTimeoutError", "NotRun", "AssertionError"
_LONGEST, _MOST = 200, 50  # characters of an id, and ids of an answer

ERROR, TIME_OUT = "error", "time-out"
"""What may have happened to an answer."""


@dataclass(frozen=True)
class Answer:
    """What became of one student's answer to one question.

    Attributes:
        share: of the points, from 0 to 1, and above for extra credit; None as long as a person
            has not given them.
        answered: whether there was an answer.
        trouble: `ERROR` or `TIME_OUT`, if the answer's cells ended so.
        explanations: the ids of the misconceptions that would lead to it, by those that do so
            together: mostly one alone.
    """

    share: float | None
    answered: bool = True
    trouble: str = ""
    explanations: tuple[tuple[str, ...], ...] = ()

    @property
    def misconceptions(self) -> tuple[str, ...]:
        """The ids of all of them, each once."""
        return tuple(dict.fromkeys(each for together in self.explanations for each in together))


@dataclass(frozen=True)
class Work:
    """What one student handed in.

    Attributes:
        student: the student's id.
        points: given so far, without the penalty for being late.
        penalty: in points.
        seconds_late: 0 if it came in time.
        answers: by question.
        unread: why the graded notebooks could not be read; empty if they could.
    """

    student: str
    points: float
    penalty: float = 0.0
    seconds_late: float = 0.0
    answers: Mapping[str, Answer] = field(default_factory=dict)
    unread: str = ""


@dataclass(frozen=True)
class Asked:
    """A question of the assignment.

    Attributes:
        id: nbgrader's for the cell; with the notebook before it, if there are several.
        points: to be had, more than 0.
        question: what the bank calls it; the same as the id, if no bank knows it.
    """

    id: str
    points: float
    question: str


@dataclass(frozen=True)
class ClassWork:
    """What a class did in an assignment.

    Attributes:
        assignment: its name.
        asked: the questions, in order.
        works: what was handed in, by the students' ids.
        students: the names of all students of the gradebook, by id; empty if they have none.
    """

    assignment: str
    asked: tuple[Asked, ...]
    works: tuple[Work, ...]
    students: Mapping[str, str]


@dataclass(frozen=True)
class _Found:
    """What a graded notebook tells of one question."""

    answered: bool = False
    trouble: str = ""
    explanations: tuple[tuple[str, ...], ...] = ()
    question: str = ""


def gather(course: CourseDirectory, assignment: str, config: Config) -> ClassWork:
    """Read what a class did in an assignment.

    Args:
        course: the course.
        assignment: the assignment's name.
        config: how the course is configured.

    Raises:
        LookupError: if there is no gradebook, no such assignment in it, or nothing was graded.
    """
    with gradebook_with(course, assignment) as gradebook:
        points = _points(gradebook, assignment)
        released = _released(gradebook, assignment)
        works = _works(gradebook, assignment)
        grades = _grades(gradebook, assignment)
        students = {
            each.id: clean(" ".join(filter(None, (each.first_name, each.last_name))))
            for each in gradebook.db.execute(
                select(Student.id, Student.first_name, Student.last_name).order_by(Student.id)
            )
        }
    if not works:
        raise nothing_graded(assignment)
    reader = _Reader(course, assignment, config, released)
    order: dict[tuple[str, str], str] = {}
    gathered = []
    for student, work in works.items():
        found, unread = reader.read(student)
        for key, each in found.items():
            order[key] = each.question or order.get(key, "")
        answers = {
            key: _answer(grade, points[key], found.get(key, _Found(answered=bool(unread))))
            for key, grade in grades.get(student, {}).items()
            if key in points
        }
        gathered.append((work, answers, unread))
    # A gradebook keeps no order: that of the notebooks comes first.
    keys = [*(key for key in order if key in points), *sorted(points.keys() - order.keys())]
    several = len({notebook for notebook, _ in points}) > 1
    ids = {key: "/".join(key) if several else key[1] for key in keys}
    return ClassWork(
        assignment,
        tuple(Asked(ids[key], points[key], order.get(key, "") or ids[key]) for key in keys),
        tuple(
            Work(
                **work,
                answers={ids[key]: answers[key] for key in keys if key in answers},
                unread=unread,
            )
            for work, answers, unread in gathered
        ),
        students,
    )


# --- The gradebook -----------------------------------------------------------------------------


def _points(gradebook: Gradebook, assignment: str) -> dict[tuple[str, str], float]:
    """The points that each cell may earn, by its notebook's name and its own."""
    return {
        (notebook, name): float(points)
        for kind in (GradeCell, TaskCell)
        for notebook, name, points in gradebook.db.execute(
            select(Notebook.name, kind.name, kind.max_score)
            .join(Notebook, kind.notebook_id == Notebook.id)
            .join(Assignment, Notebook.assignment_id == Assignment.id)
            .where(Assignment.name == assignment)
        )
        if points > 0
    }


def _released(gradebook: Gradebook, assignment: str) -> dict[tuple[str, str], str]:
    """What stands in each cell of the release."""
    rows = gradebook.db.execute(
        select(Notebook.name, SourceCell.name, SourceCell.source)
        .join(Notebook, SourceCell.notebook_id == Notebook.id)
        .join(Assignment, Notebook.assignment_id == Assignment.id)
        .where(Assignment.name == assignment)
    )
    return {(notebook, name): source or "" for notebook, name, source in rows}


def _works(gradebook: Gradebook, assignment: str) -> dict[str, dict[str, Any]]:
    """What the gradebook has of each submission but its answers, by student."""
    # Of an alias, as the score is itself a sum over SubmittedNotebook, which would mean this one.
    notebook = aliased(SubmittedNotebook)
    penalty = (
        select(func.coalesce(func.sum(notebook.late_submission_penalty), 0.0))
        .where(notebook.assignment_id == SubmittedAssignment.id)
        .correlate(SubmittedAssignment)
        .scalar_subquery()
    )
    rows = gradebook.db.execute(
        select(
            SubmittedAssignment.student_id,
            SubmittedAssignment.timestamp,
            SubmittedAssignment.extension,
            Assignment.duedate,
            SubmittedAssignment.score,
            penalty.label("penalty"),
        )
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .where(Assignment.name == assignment)
        .order_by(SubmittedAssignment.student_id)
    )
    works = {}
    for row in rows:
        late = 0.0
        if row.timestamp and row.duedate:
            due = row.duedate + row.extension if row.extension else row.duedate
            late = max(0.0, (row.timestamp - due).total_seconds())
        works[row.student_id] = {
            "student": row.student_id,
            "points": float(row.score),
            "penalty": float(row.penalty),
            "seconds_late": late,
        }
    return works


def _grades(
    gradebook: Gradebook, assignment: str
) -> dict[str, dict[tuple[str, str], float | None]]:
    """The points of each answer, by student; None where a person has still to give them."""
    rows = gradebook.db.execute(
        select(
            SubmittedAssignment.student_id,
            Notebook.name,
            BaseCell.name,
            Grade.score,
            Grade.needs_manual_grade,
        )
        .select_from(Grade)
        .join(BaseCell, Grade.cell_id == BaseCell.id)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .where(Assignment.name == assignment)
    )
    grades: dict[str, dict[tuple[str, str], float | None]] = {}
    for student, notebook, cell, score, waits in rows:
        points = None if waits else float(score)
        grades.setdefault(student, {})[notebook, cell] = points
    return grades


def _answer(grade: float | None, points: float, found: _Found) -> Answer:
    share = None if grade is None else grade / points
    return Answer(share, found.answered, found.trouble, found.explanations)


# --- Graded notebooks --------------------------------------------------------------------------


class _Reader:
    """Reads the graded notebooks of one student after the other."""

    def __init__(
        self,
        course: CourseDirectory,
        assignment: str,
        config: Config,
        released: Mapping[tuple[str, str], str],
    ) -> None:
        self._course, self._assignment, self._released = course, assignment, released
        self._notebooks = sorted({notebook for notebook, _ in released})
        self._limits = ReadingLimits(config=config)
        told = config.get("Execute", {}).get("error_on_timeout") or {}
        self._timed_out = {_TIMED_OUT, told.get("ename", _TIMED_OUT)}

    def read(self, student: str) -> tuple[dict[tuple[str, str], _Found], str]:
        """Return what a student's notebooks tell of each question, and why some could not be read.

        Args:
            student: the student's id.
        """
        found: dict[tuple[str, str], _Found] = {}
        if why := unsafe_student(student):
            return found, why
        folder = Path(
            self._course.format_path(self._course.autograded_directory, student, self._assignment)
        )
        unread, missing = "", []
        for name in self._notebooks:
            try:
                content = read_plain_file(folder / f"{name}.ipynb", self._limits.max_notebook_bytes)
                notebook, _ = self._limits.parse(content)
                for cell, what in self._questions(name, _cells(notebook)):
                    found[name, cell] = what
            except FileNotFoundError as error:
                missing.append(f"{name}.ipynb: {error.strerror}")
            except (OSError, UnreadableNotebook) as error:
                said = error.strerror if isinstance(error, OSError) else str(error)
                unread = f"{name}.ipynb: {said}"
        # Who handed some notebooks in and others not left those blank.
        return found, missing[0] if len(missing) == len(self._notebooks) else unread

    def _questions(
        self, notebook: str, cells: list[dict[str, Any]]
    ) -> Iterator[tuple[str, _Found]]:
        """Yield what is told of each question: by its cell, and by the cells that lead to it."""
        troubles: list[str] = []
        changed: list[bool] = []
        for cell in cells:
            about = cell["metadata"].get("nbgrader")
            about = about if isinstance(about, dict) else {}
            name, graded = about.get("grade_id"), about.get("grade") or about.get("task")
            if about.get("solution") or about.get("task"):
                before = self._released.get((notebook, str(name)))
                changed.append(before is None or _text(cell).strip() != before.strip())
            ignored = {_NOT_RUN, *([_NOT_TRUE] if graded and not about.get("solution") else [])}
            finding = _finding(cell) if graded else None
            names = [finding["error"]] if finding else _errors(cell)
            troubles += [self._trouble(each) for each in names if each and each not in ignored]
            if not graded or not isinstance(name, str):
                continue
            trouble = TIME_OUT if TIME_OUT in troubles else ERROR if troubles else ""
            if finding:
                yield (
                    name,
                    _Found(
                        finding["answered"], trouble, finding["explanations"], finding["question"]
                    ),
                )
            else:
                yield name, _Found(any(changed) if changed else True, trouble)
            troubles, changed = [], []

    def _trouble(self, error: str) -> str:
        return TIME_OUT if error in self._timed_out else ERROR


def _cells(notebook: Any) -> list[dict[str, Any]]:
    """The cells of what may be a notebook."""
    cells = notebook.get("cells") if isinstance(notebook, dict) else None
    return [
        cell
        for cell in (cells if isinstance(cells, list) else [])
        if isinstance(cell, dict) and isinstance(cell.get("metadata"), dict)
    ]


def _text(cell: Mapping[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(map(str, source)) if isinstance(source, list) else str(source)


def _outputs(cell: Mapping[str, Any]) -> list[dict[str, Any]]:
    outputs = cell.get("outputs")
    return [each for each in outputs if isinstance(each, dict)] if isinstance(outputs, list) else []


def _errors(cell: Mapping[str, Any]) -> list[str]:
    """The names of the errors that a cell ended in."""
    return [
        str(output.get("ename"))
        for output in _outputs(cell)
        if output.get("output_type") == "error"
    ]


def _finding(cell: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the judge found, if the cell's question was judged."""
    for output in _outputs(cell):
        metadata = output.get("metadata")
        finding = metadata.get(FINDING) if isinstance(metadata, dict) else None
        if isinstance(finding, dict) and isinstance(finding.get("question"), str):
            return {
                "question": _id(finding["question"]),
                "answered": finding.get("answered") is True,
                "explanations": _explanations(finding.get("misconceptions")),
                "error": str(finding.get("error") or ""),
            }
    return None


def _explanations(value: object) -> tuple[tuple[str, ...], ...]:
    """What the judge found: an id where one explains the answer, a list where several do."""
    found: Collection[object] = value if isinstance(value, list) else ()
    read = (_ids([each] if isinstance(each, str) else each) for each in [*found][:_MOST])
    return tuple(dict.fromkeys(filter(None, read)))


def _ids(value: object) -> tuple[str, ...]:
    ids: Collection[object] = value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(_id(each) for each in [*ids][:_MOST] if isinstance(each, str)))


def _id(text: str) -> str:
    return clean(text)[:_LONGEST]
