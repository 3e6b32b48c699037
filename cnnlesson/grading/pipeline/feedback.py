"""The command `cnnlesson feedback`: make the feedback pages of an assignment, in parallel."""

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    Notebook,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from cnnlesson.grading.intake import HandedIn, RefusedSubmission
from cnnlesson.grading.pipeline.course import GradedSubmissions, Waiting
from cnnlesson.grading.pipeline.engine import Done, Task, Workers
from cnnlesson.grading.pipeline.locking import only_one
from cnnlesson.grading.pipeline.pagemaking import made, make_page
from cnnlesson.grading.pipeline.progress import Log, Outcome
from cnnlesson.grading.pipeline.records import patiently
from cnnlesson.grading.pipeline.run import Run


def feedback(
    course: GradedSubmissions, students: Sequence[str], workers: Workers, log: Log
) -> Outcome:
    """Make the feedback pages of what was graded of an assignment.

    Args:
        course: the course, with the assignment.
        students: their ids, or patterns of ids as nbgrader takes them.
        workers: opens what does the work.
        log: told what became of each page.

    Raises:
        CannotGradeError: if nothing can be made, with what to do.
    """
    gradebook = Gradebook(course.coursedir.db_url, course.coursedir.course_id)
    with only_one(course.root), gradebook:
        return _Pages(course, gradebook.engine, log).make(students, workers)


@dataclass
class _Folder:
    """A student's folder of pages, on its way.

    Attributes:
        waiting: which.
        files: what goes into it: what came with the notebooks, and the pages that are made.
        missing: how many pages are still to be made.
        seconds: how long each stage took.
        failed: why a page could not be made.
    """

    waiting: Waiting
    files: dict[str, bytes]
    missing: int
    seconds: dict[str, float]
    failed: str = ""


class _Pages(Run[GradedSubmissions, tuple[_Folder, str]]):
    """One run of the command."""

    does, failing = "made", "gets no feedback"

    def __init__(self, course: GradedSubmissions, engine: Engine, log: Log) -> None:
        super().__init__(course, log)
        self._engine = engine

    def make(self, students: Sequence[str], workers: Workers) -> Outcome:
        """Make what is wanted."""
        self._staging.recover()
        found = self._course.find(students)
        self._run(found, "students", workers, make_page, self._course.settings())
        return self._outcome

    def _tasks(self, waiting: Sequence[Waiting]) -> Iterator[Task[tuple[_Folder, str]]]:
        """Read what was graded, and what the gradebook has of it, notebook by notebook."""
        for each in waiting:
            self._course.announce(each, done=False)
            began = time.perf_counter()
            try:
                found = self._course.collect(each)
                notebooks = {
                    path.stem: content
                    for path, content in found.files.items()
                    if path.suffix == ".ipynb"
                }
                if not notebooks:
                    raise RefusedSubmission("there is no notebook in its folder")
                told = {
                    name: patiently(partial(self._told, each.student, name), self._progress.say)
                    for name in notebooks
                }
            except (RefusedSubmission, LookupError, OSError) as error:
                self._fail(each.student, str(error))
                continue
            seconds = {"read": time.perf_counter() - began, "page": 0.0}
            folder = _Folder(each, _beside(found, notebooks), len(notebooks), seconds)
            for name, content in notebooks.items():
                text = content.decode("utf-8", "replace")
                message = json.dumps({"text": text, **told[name]}).encode()
                yield Task((folder, name), message)

    def _told(self, student: str, notebook: str) -> dict[str, Any]:
        """Read what the gradebook has of a notebook, as nbgrader's `GetGrades` does."""
        with Session(self._engine) as session:
            kept = session.execute(
                select(
                    SubmittedNotebook.id,
                    SubmittedNotebook.score,
                    SubmittedNotebook.max_score,
                    SubmittedNotebook.late_submission_penalty,
                )
                .join(
                    SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id
                )
                .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
                .join(Notebook, SubmittedNotebook.notebook_id == Notebook.id)
                .where(
                    Assignment.name == self._course.name,
                    Notebook.name == notebook,
                    SubmittedAssignment.student_id == student,
                )
            ).one_or_none()
            if kept is None:
                raise LookupError(
                    f"the gradebook has no grades of {notebook} by {student}: run `cnnlesson "
                    f"autograde {self._course.name} --student {student} --force` first"
                )
            key, score, max_score, penalty = kept
            cells: dict[str, dict[str, Any]] = {}
            comments = select(BaseCell.name, Comment.comment).join(Comment.cell)
            for cell, comment in session.execute(comments.where(Comment.notebook_id == key)):
                cells[cell] = {"comment": comment}
            grades = select(BaseCell.name, Grade.score, Grade.max_score).join(Grade.cell)
            for cell, earned, points in session.execute(grades.where(Grade.notebook_id == key)):
                cells.setdefault(cell, {}).update(score=earned, points=points)
        names = {"student": student, "assignment": self._course.name, "notebook": notebook}
        totals = {
            "score": score - (penalty or 0),
            "max_score": max_score,
            "late_penalty": penalty or 0,
        }
        return {"cells": cells, "resources": self._resources(names, totals)}

    def _resources(self, names: dict[str, str], totals: dict[str, float]) -> dict[str, Any]:
        """What nbgrader's template is told of a notebook."""
        name = names["notebook"]
        return {
            "unique_key": name,
            "output_files_dir": f"{name}_files",
            "metadata": {"name": name},
            "nbgrader": {**names, **totals},
        }

    def _finish(self, done: Done[tuple[_Folder, str]]) -> None:
        folder, name = done.about
        student = folder.waiting.student
        folder.missing -= 1
        folder.failed = folder.failed or done.failed
        if not folder.failed:
            try:
                took, folder.files[f"{name}.html"] = made(done.content)
                folder.seconds["page"] += took
            except (ValueError, TypeError) as error:
                folder.failed = f"the worker sent no page: {error}"
        if folder.missing:
            return
        if folder.failed:
            self._fail(student, folder.failed)
            return
        target = folder.waiting.target
        permissions = self._course.permissions
        began = time.perf_counter()
        try:
            staged = self._staging.stage(target, folder.files, permissions=permissions)
            self._staging.place(staged, target)
            self._course.converter.set_permissions(self._course.name, student)
        except OSError as error:
            self._fail(student, str(error))
            return
        self._course.announce(folder.waiting, done=True)
        folder.seconds["write"] = time.perf_counter() - began
        self._succeed(student, folder.seconds)


def _beside(found: HandedIn, notebooks: Iterable[str]) -> dict[str, bytes]:
    """The files that go with the pages, as nbgrader copies them: all but notebooks.

    What a student put in the place of a page is left out.
    """
    pages = {f"{name}.html" for name in notebooks}
    return {
        str(path): each
        for path, each in found.files.items()
        if path.suffix != ".ipynb" and path.parts[0] not in pages
    }
