"""A class's scores as nbgrader's gradebook holds them."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    MissingEntry,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import func, make_url, select


@dataclass(frozen=True)
class StudentScore:
    """One student's outcome in an assignment.

    Attributes:
        student: the student's id.
        score: points earned, or None without a submission.
        max_score: points to be had.
        feedback: the pages that nbgrader generated, relative to the current folder.
        waiting: how many answers have no points yet, since a person gives them.
    """

    student: str
    score: float | None
    max_score: float
    feedback: tuple[Path, ...]
    waiting: int = 0


def class_scores(assignment: str, course_dir: Path) -> list[StudentScore]:
    """Read every student's score from a course's gradebook.

    Args:
        assignment: the assignment's name, such as "parameter-sharing".
        course_dir: the folder with the course's nbgrader_config.py.

    Returns:
        One row per student, in the order of their ids.

    Raises:
        LookupError: if there is no course, no gradebook yet, no such assignment in it, or nothing
            was graded.
    """
    course = open_course(course_dir)
    with gradebook_with(course, assignment) as gradebook:
        max_score = gradebook.find_assignment(assignment).max_score
        submitted = {
            entry.student.id: entry.score for entry in gradebook.assignment_submissions(assignment)
        }
        if not submitted:
            raise nothing_graded(assignment)
        waiting = _waiting(gradebook, assignment)
        return [
            StudentScore(
                student=student.id,
                score=submitted.get(student.id),
                max_score=max_score,
                feedback=_feedback_pages(course, student.id, assignment),
                waiting=waiting.get(student.id, 0),
            )
            for student in sorted(gradebook.students, key=lambda student: student.id)
        ]


def nothing_graded(assignment: str) -> LookupError:
    """Return what is raised where a gradebook has no submission of an assignment."""
    return LookupError(
        f"nothing was graded of {assignment!r} yet: run `cnnlesson autograde {assignment}`"
    )


def _waiting(gradebook: Gradebook, assignment: str) -> dict[str, int]:
    """How many answers of each student have no points yet, neither from a person nor by a check."""
    rows = gradebook.db.execute(
        select(SubmittedAssignment.student_id, func.count())
        .select_from(Grade)
        .join(SubmittedNotebook, Grade.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .where(Assignment.name == assignment, Grade.needs_manual_grade)
        .where(Grade.manual_score.is_(None), Grade.auto_score.is_(None))
        .group_by(SubmittedAssignment.student_id)
    )
    return {row[0]: row[1] for row in rows}


def scores_table(rows: Sequence[StudentScore], assignment: str) -> str:
    """Lay the scores out in three columns: student, score, feedback page.

    Below them stands how many answers wait for a person, if any do.
    """
    cells = [("student", "score", "feedback")]
    for row in rows:
        pages = ", ".join(map(str, row.feedback)) or f"none yet: cnnlesson feedback {assignment}"
        if row.score is None:
            cells.append((row.student, "-", "no submission"))
        else:
            cells.append((row.student, f"{row.score:g} / {row.max_score:g}", pages))
    students, scores, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    lines = [
        f"{student:<{students}}  {score:>{scores}}  {pages}" for student, score, pages in cells
    ]
    if waiting := [row.waiting for row in rows if row.waiting]:
        lines.append(
            "Answers that wait for a person's points, and count 0 until then: "
            f"{sum(waiting)} by {len(waiting)} of {len(rows)} students."
        )
    return "\n".join(lines)


def open_course(course_dir: Path) -> CourseDirectory:
    """Load nbgrader_config.py as nbgrader's own commands do, which look in the current folder.

    Args:
        course_dir: the folder with the course's nbgrader_config.py.

    Raises:
        LookupError: if there is none.
    """
    if not (course_dir / "nbgrader_config.py").exists():
        raise LookupError(f"{course_dir.resolve()} is no course: it has no nbgrader_config.py")
    app = NbGrader()
    with contextlib.chdir(course_dir):
        app.initialize([f"--course-dir={Path.cwd()}"])
    return app.coursedir


@contextlib.contextmanager
def gradebook_with(course: CourseDirectory, assignment: str) -> Iterator[Gradebook]:
    """Open a course's gradebook, which has an assignment.

    Raises:
        LookupError: if there is no gradebook yet, or no such assignment in it.
    """
    file = make_url(course.db_url).database or ""
    if course.db_url.startswith("sqlite") and not Path(file).exists():
        raise LookupError(
            f"there is no gradebook yet ({os.path.relpath(file)}); it comes with "
            f"`nbgrader generate_assignment {assignment}` and `cnnlesson autograde {assignment}`"
        )
    with Gradebook(course.db_url, course.course_id) as gradebook:
        try:
            gradebook.find_assignment(assignment)
        except MissingEntry:
            known = ", ".join(sorted(entry.name for entry in gradebook.assignments)) or "none"
            raise LookupError(
                f"the gradebook has no assignment {assignment!r} (it has: {known}); "
                f"run `nbgrader generate_assignment {assignment}` first"
            ) from None
        yield gradebook


def _feedback_pages(course: CourseDirectory, student: str, assignment: str) -> tuple[Path, ...]:
    folder = Path(course.format_path(course.feedback_directory, student, assignment))
    return tuple(Path(os.path.relpath(page)) for page in sorted(folder.glob("*.html")))
