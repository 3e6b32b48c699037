"""The command `cnnlesson autograde`: grade what waits of an assignment, in parallel."""

import json
import time
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4.rwbase import split_lines, strip_transient
from nbgrader.api import Gradebook
from nbgrader.utils import (
    compute_checksum,
    determine_grade,
    is_grade,
    is_solution,
    is_task,
    parse_utc,
)

from cnnlesson.grading.intake import TIMESTAMP, RefusedSubmission
from cnnlesson.grading.pipeline.backup import back_up
from cnnlesson.grading.pipeline.course import NotToBeGradedError, Submissions, Waiting
from cnnlesson.grading.pipeline.engine import Done, Task, Workers
from cnnlesson.grading.pipeline.locking import only_one
from cnnlesson.grading.pipeline.progress import Log, Outcome
from cnnlesson.grading.pipeline.records import Marks, Record, Records
from cnnlesson.grading.pipeline.run import Run
from cnnlesson.grading.pipeline.tasks import Assignment, Graded, Submission, grade
from cnnlesson.grading.rebuild import grade_id_of
from cnnlesson.grading.remarks import clean, cut_short

_MOST_SAID = 5  # remarks on one submission


class ResultError(ValueError):
    """What a worker sent is not what grading makes; the message says in what."""


def autograde(
    course: Submissions,
    students: Sequence[str],
    workers: Workers,
    log: Log,
    *,
    backup: bool = True,
) -> Outcome:
    """Grade what waits of an assignment.

    Args:
        course: the course, with the assignment.
        students: their ids, or patterns of ids as nbgrader takes them.
        workers: opens what does the work.
        log: told what became of each submission.
        backup: whether a gradebook is backed up before submissions are graded again by force.

    Raises:
        NotToBeGradedError: if nothing can be graded, with what to do.
        CourseIsBusyError: if another process grades this course.
        NoBackupError: if there is to be a backup, and cannot be one.
    """
    with only_one(course.root):
        assignment = course.assignment()
        with Gradebook(course.coursedir.db_url, course.coursedir.course_id) as gradebook:
            grading = _Grading(course, assignment, gradebook, log)
            return grading.grade(students, workers, backup=backup)


class _Grading(Run[Submissions, tuple[Waiting, Submission]]):
    """One run of the command."""

    does, failing = "graded", "could not be graded"

    def __init__(
        self, course: Submissions, assignment: Assignment, gradebook: Gradebook, log: Log
    ) -> None:
        super().__init__(course, log)
        self._assignment = assignment
        self._records = Records(
            gradebook,
            course.name,
            course.late_penalty,
            create_student=course.converter.create_student,
            say=lambda sentence: self._progress.say(sentence),
        )

    def grade(self, students: Sequence[str], workers: Workers, *, backup: bool) -> Outcome:
        """Grade what waits."""
        course, outcome = self._course, self._outcome
        for record in self._staging.recover(lambda text: self._records.has(Record.from_text(text))):
            course.converter.set_permissions(course.name, Record.from_text(record).student)
        found = course.find(students, self._records.students())
        before = {}
        if course.converter.force and found.waiting:
            before = self._records.scores()
            if backup and before:
                outcome.backup = back_up(course.coursedir.db_url, course.backups)
        self._run(found, "submissions", workers, grade, self._assignment.to_bytes())
        if before:
            after = self._records.scores()
            outcome.changed = {
                student: (score, after[student])
                for student, score in before.items()
                if after[student] != score
            }
        return outcome

    def _tasks(self, waiting: Sequence[Waiting]) -> Iterator[Task[tuple[Waiting, Submission]]]:
        """Read the submissions, one by one."""
        for each in waiting:
            self._course.announce(each, done=False)
            try:
                submission = self._course.submission(each, self._assignment.references)
            except (RefusedSubmission, OSError) as error:
                self._fail(each.student, str(error))
                continue
            yield Task((each, submission), submission.to_bytes())

    def _finish(self, done: Done[tuple[Waiting, Submission]]) -> None:
        """Write down what became of a submission."""
        waiting, submission = done.about
        student = waiting.student
        if done.failed:
            self._fail(student, done.failed)
            return
        try:
            graded = Graded.from_bytes(done.content)
        except (ValueError, TypeError) as error:
            self._fail(student, f"the worker sent no result: {error}")
            return
        if graded.unavailable:
            raise NotToBeGradedError(graded.unavailable)
        if graded.failed:
            self._fail(student, graded.failed)
            return
        began = time.perf_counter()
        try:
            self._write(waiting, submission, graded)
        except (ValueError, ArithmeticError, LookupError, OSError) as error:
            self._fail(student, str(error))
            return
        graded.seconds["write"] = time.perf_counter() - began
        for remark in cut_short(graded.remarks, _MOST_SAID, "{} more is told in the feedback"):
            self._progress.say(f"{student}: {clean(remark)}")
        for name, cells in graded.for_instructor.items():
            for cell, why in cells.items():
                self._progress.say(f"{student}, {name}, cell {cell}: {why}")
        self._succeed(student, graded.seconds, remarks=len(graded.remarks))

    def _write(self, waiting: Waiting, submission: Submission, graded: Graded) -> None:
        wanted = {name for name in graded.handed_in if fnmatch(name, self._assignment.notebook)}
        if not graded.handed_in or not wanted <= graded.notebooks.keys():
            raise ResultError("the worker did not send each notebook that was handed in")
        files, marks = {}, {}
        for name, plain in graded.notebooks.items():
            notebook = self._course.finished(self._checked(name, plain), name, waiting.student)
            marks[name] = _marks(notebook, graded.for_instructor.get(name, {}))
            files[f"{name}.ipynb"] = _written(notebook)
        came = {str(path): content for path, content in submission.handed_in.files.items()}
        files |= {path: came[path] for path in graded.others if path in came}
        files |= {str(path): content for path, content in self._assignment.files.items()}
        timestamp = files.get(TIMESTAMP)
        when = parse_utc(timestamp.decode().strip()).isoformat() if timestamp else None
        missing = set(self._records.notebooks) - set(graded.handed_in)
        record = Record(waiting.student, when, marks, tuple(sorted(missing)))
        kept = {}
        if self._course.coursedir.notebook_id != "*":
            kept = {path: waiting.target / path for path in self._others_of(waiting.target)}
        staged = self._staging.stage(
            waiting.target,
            files,
            permissions=self._course.permissions,
            kept=kept,
            record=record.to_text(),
        )
        self._records.save(record)
        self._staging.place(staged, waiting.target)
        self._course.converter.set_permissions(self._course.name, waiting.student)
        self._course.announce(waiting, done=True)

    def _others_of(self, target: Path) -> list[str]:
        """The notebooks of an earlier grading that are not graded now."""
        return [
            path.name
            for path in target.glob("*.ipynb")
            if not fnmatch(path.stem, self._course.coursedir.notebook_id)
        ]

    def _checked(self, name: str, plain: Any) -> Any:
        """Make a notebook of what a worker sent, if it is one of this assignment.

        Raises:
            ResultError: if it is not.
        """
        reference = self._assignment.references.get(name)
        if reference is None:
            raise ResultError(f"the worker sent a notebook {name!r}, which nobody asked for")
        notebook = nbformat.from_dict(plain)  # type: ignore[no-untyped-call]
        try:
            nbformat.validate(notebook)
        except Exception as error:  # of what is far from a notebook, nbformat raises anything
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ResultError(f"the worker sent no valid notebook: {why}") from None
        cells = {grade_id_of(cell): cell for cell in notebook.cells if grade_id_of(cell)}
        for grade_id, place in reference.places.items():
            ours, sent = reference.notebook.cells[place], cells.get(grade_id)
            if sent is None or sent.metadata != ours.metadata or sent.cell_type != ours.cell_type:
                raise ResultError(f"the worker sent the cell {grade_id!r} changed, or none")
            if not is_solution(ours) and sent.source != ours.source:
                raise ResultError(f"the worker sent the cell {grade_id!r} with another text")
        return notebook


def _written(notebook: Any) -> bytes:
    """Write a notebook as `nbformat.write` does, but neither copied nor validated once more."""
    split_lines(notebook)  # type: ignore[no-untyped-call]
    strip_transient(notebook)  # type: ignore[no-untyped-call]
    style: dict[str, Any] = {"indent": 1, "sort_keys": True, "separators": (",", ": ")}
    return f"{json.dumps(notebook, ensure_ascii=False, **style)}\n".encode()


def _marks(notebook: Any, for_instructor: Any) -> Marks:
    """Read what nbgrader would of a graded notebook, as its `SaveAutoGrades` does."""
    scores, comments = {}, {}
    for cell in notebook.cells:
        name = grade_id_of(cell)
        if is_grade(cell):
            scores[name], _ = determine_grade(cell)
        if is_solution(cell) or is_task(cell):
            unchanged = cell.metadata.nbgrader.get("checksum") == compute_checksum(cell)
            comments[name] = "No response." if unchanged and not is_task(cell) else None
    return Marks(scores, comments, tuple(for_instructor))
