"""A class's scores as nbgrader's gradebook holds them."""

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from sqlalchemy import make_url


@dataclass(frozen=True)
class StudentScore:
    """One student's outcome in an assignment.

    Attributes:
        student: the student's id.
        score: points earned, or None without a submission.
        max_score: points to be had.
        feedback: the pages that nbgrader generated, relative to the current folder.
    """

    student: str
    score: float | None
    max_score: float
    feedback: tuple[Path, ...]


def class_scores(assignment: str, course_dir: Path) -> list[StudentScore]:
    """Read every student's score from a course's gradebook.

    Args:
        assignment: the assignment's name, such as "parameter-sharing".
        course_dir: the folder with the course's nbgrader_config.py.

    Returns:
        One row per student, in the order of their ids.

    Raises:
        LookupError: if there is no course, no gradebook yet, or no such assignment in it.
    """
    course = open_course(course_dir)
    with gradebook_with(course, assignment) as gradebook:
        max_score = gradebook.find_assignment(assignment).max_score
        submitted = {
            entry.student.id: entry.score for entry in gradebook.assignment_submissions(assignment)
        }
        return [
            StudentScore(
                student=student.id,
                score=submitted.get(student.id),
                max_score=max_score,
                feedback=_feedback_pages(course, student.id, assignment),
            )
            for student in sorted(gradebook.students, key=lambda student: student.id)
        ]


def scores_table(rows: Sequence[StudentScore]) -> str:
    """Lay the scores out in three columns: student, score, feedback page."""
    cells = [("student", "score", "feedback")]
    for row in rows:
        pages = ", ".join(map(str, row.feedback)) or "none yet: nbgrader generate_feedback"
        if row.score is None:
            cells.append((row.student, "-", "no submission"))
        else:
            cells.append((row.student, f"{row.score:g} / {row.max_score:g}", pages))
    students, scores, _ = (max(map(len, column)) for column in zip(*cells, strict=True))
    return "\n".join(
        f"{student:<{students}}  {score:>{scores}}  {pages}" for student, score, pages in cells
    )


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
            f"`nbgrader generate_assignment {assignment}` and `nbgrader autograde {assignment}`"
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
