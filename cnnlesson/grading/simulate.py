"""A class to practise on: simulated students, what they hand in, and what each deserves.

What a student deserves is known from what is put in, and never found out by asking the judge: a
right answer is the instructor's own solution, a wrong one the value of a misconception. So a whole
class can be graded, and the gradebook be held against the list.
"""

import csv
import io
import json
import re
import shutil
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path
from random import Random
from typing import Any

from cnnlesson.grading.exercise import Exercise, read_exercise, text
from cnnlesson.grading.students import Answer, Mind, pick, shuffled
from cnnlesson.quiz import session

DUE = datetime(2026, 1, 30, 12, tzinfo=UTC)
"""When a simulated class is to hand in; no clock is read, so that a class stays the same."""

MOST = 100_000
"""How many students a class has at most."""

SUBMITTED, LISTS = "submitted", "simulated"
"""The folders with what the students hand in, and with the lists of what they deserve."""

BROKEN = ("truncated", "not-a-notebook")
"""Files that cannot be read, so that nothing in them can earn a point."""

UNGRADED = (*BROKEN, "renamed", "grade-cell-duplicated", "answer-cell-duplicated")
"""What nbgrader by itself, as `stock` columns have it, cannot grade and leaves without a score."""

HANDLINGS = (*UNGRADED, "grade-cell-deleted", "answer-cell-deleted")
"""What happens to notebooks on their way; each to about one student in a hundred."""

_STUDENT = re.compile(r"simulated-\d{4,6}")
_TIME = "%Y-%m-%d %H:%M:%S"
_PART = ".part"  # the end of a file's name while it is being written
_LATE = 0.15
_HELD = (0, 0, 0, 1, 1, 1, 2, 2, 3)  # how many misconceptions a student may hold
_TRIES = 30  # to pick them, since not all lead to a wrong answer with a student's numbers


@dataclass(frozen=True)
class Submission:
    """What one student hands in.

    Attributes:
        student: the student's id.
        skill: how likely the student is to know an answer.
        held: the ids of the student's misconceptions.
        handling: what happens to the notebook, one of `HANDLINGS`, or "" for nothing.
        at: which question that happens to, by its place in the assignment.
        submitted: when it is handed in.
        answers: to all questions and explanations, in order.
    """

    student: str
    skill: float
    held: tuple[str, ...]
    handling: str
    at: int
    submitted: datetime
    answers: tuple[Answer, ...]

    @property
    def late(self) -> bool:
        """Whether it is handed in after `DUE`."""
        return self.submitted > DUE

    @property
    def is_graded(self) -> bool:
        """Whether stock nbgrader can grade it."""
        return self.handling not in UNGRADED

    def total(self, *, stock: bool, manual: bool) -> float:
        """Return the points of all answers.

        Args:
            stock: as stock nbgrader gives them, rather than as the student deserves.
            manual: together with those that a person gives.
        """
        if stock and not self.is_graded:
            return 0.0
        return sum(
            answer.stock_points if stock else answer.points
            for answer in self.answers
            if manual or not answer.by_hand
        )


def simulated_class(
    exercise: Exercise, students: int, seed: int, loops: int = 2
) -> Iterator[Submission]:
    """Simulate a class: the same for the same arguments, on every machine.

    Args:
        exercise: the assignment.
        students: how many.
        seed: any number; another one gives another class.
        loops: how many of the students compute for ever in one answer.

    Raises:
        ValueError: if the class is empty or larger than `MOST`, `loops` is negative, or no question
            of the assignment is graded.
    """
    if not 1 <= students <= MOST:
        raise ValueError(f"--students must be from 1 to {MOST}, not {students}")
    if loops < 0:
        raise ValueError(f"--loops must not be negative, not {loops}")
    if not exercise.questions:
        raise ValueError(
            f"no `check` in {exercise.name} is graded, so there is nothing to answer: choose the "
            "type Autograded tests for it in source/, and run `nbgrader generate_assignment "
            f"{exercise.name}`"
        )
    places = shuffled(range(1, students + 1), Random(f"{seed}/{exercise.name}/{students}"))
    # At most a third of a class is odd, so that a small one is still a class.
    odd = [each for each in HANDLINGS for _ in range(-(-students // 100))][: students // 3]
    handlings = dict(zip(places, odd, strict=False))
    looping = set(places[len(odd) : len(odd) + loops])
    common = shuffled(exercise.misconceptions, Random(f"{seed}/{exercise.name}/misconceptions"))
    return (
        _submission(exercise, number, seed, common, handlings.get(number, ""), number in looping)
        for number in range(1, students + 1)
    )


def simulate(
    assignment: str,
    course_dir: Path,
    *,
    students: int,
    seed: int,
    loops: int = 2,
    force: bool = False,
) -> str:
    """Write a simulated class into submitted/, and what it deserves into simulated/.

    A run that was interrupted may be repeated: what is there already, and is the same, stays.

    Args:
        assignment: the assignment's name, such as "parameter-sharing".
        course_dir: the folder with the course's nbgrader_config.py.
        students: how many.
        seed: any number; the same one gives the same class, byte for byte.
        loops: how many of the students compute for ever in one answer.
        force: remove another simulated class first; nothing else is ever removed.

    Returns:
        What was written, in words.

    Raises:
        LookupError: if there is no such assignment, or no release of it.
        ValueError: if a number is out of range, or the assignment cannot be simulated.
        FileExistsError: if work of real students, or another simulated class, is in the way.
    """
    exercise = read_exercise(assignment, course_dir)

    def whole_class() -> Iterator[Submission]:
        return simulated_class(exercise, students, seed, loops)

    summary = _Lists(whole_class())
    submitted, lists = course_dir / SUBMITTED, course_dir / LISTS / assignment
    _refuse_real_students(submitted)
    there = {path.parent.name: path for path in sorted(submitted.glob(f"*/{assignment}"))}
    strange = [] if force else _strange(there, lists, whole_class(), exercise, summary)
    if strange:
        raise FileExistsError(
            f"{strange[0]} is not of this class{_and_others(strange)}: add --force to remove the "
            f"simulated class that is there, or simulate in a copy of the course"
        )
    if force:
        for path in [*there.values(), lists]:
            _remove(path)
    for submission in whole_class():
        folder = submitted / submission.student / assignment
        for name, content in files(exercise, submission).items():
            _put(folder / name, content)
    for name, content in summary.files.items():
        _put(lists / name, content)
    return (
        f"{SUBMITTED}/ holds {students} simulated {_plural(students, 'student', 'students')}; what "
        f"each deserves, and holds, stands in {LISTS}/{assignment}/.\n"
        f"{summary.late} of them {_plural(summary.late, 'is', 'are')} late, once nbgrader knows "
        f"the due date: nbgrader db assignment add {assignment} "
        f'--duedate="{DUE:{_TIME}} UTC"'
    )


def files(exercise: Exercise, submission: Submission) -> dict[str, bytes]:
    """Return what a submission's folder holds, by name."""
    name = f"{exercise.name}-Copy1" if submission.handling == "renamed" else exercise.name
    content = json.dumps(_notebook(exercise, submission), indent=1, ensure_ascii=False) + "\n"
    if submission.handling == "truncated":
        content = content[: len(content) * 3 // 5]
    if submission.handling == "not-a-notebook":
        content = "<!DOCTYPE html>\n<title>Sign in</title>\n<p>Your session has ended.</p>\n"
    return {
        f"{name}.ipynb": content.encode(),
        "timestamp.txt": f"{submission.submitted:{_TIME}.%f} UTC\n".encode(),
    }


def _submission(
    exercise: Exercise, number: int, seed: int, common: Sequence[str], handling: str, loops: bool
) -> Submission:
    """Make up one student, who holds the misconceptions that stand first in `common` likelier."""
    student = f"simulated-{number:04}"
    random = Random(f"{seed}/{exercise.name}/{student}")
    skill = round(0.4 + 0.6 * random.random(), 2)
    at = pick(range(len(exercise.questions)), random)
    late = random.random() < _LATE
    seconds = 1 + int(random.random() * 3600 * (48 if late else 120))
    submitted = DUE + timedelta(seconds=seconds if late else -seconds)

    mind = Mind(exercise, session.variant(exercise.name, student), skill, (), random)
    mind.held = held = _held(mind, common, random)
    answers = []
    for place, cell in enumerate(exercise.questions):
        answer = mind.answer(cell)
        if place == at and loops:
            answer = replace(mind.nothing(cell, "loops"), code="while True:\n    pass")
        if place == at and handling == "answer-cell-deleted":
            answer = mind.nothing(cell, "deleted")
        mind.answers[cell.id] = answer
        answers.append(answer)
    answers += [mind.explanation(cell) for cell in exercise.cells if not cell.name]
    if handling in BROKEN:
        answers = [
            replace(each, outcome="unreadable", share=Fraction(0), misconceptions=())
            for each in answers
        ]
    return Submission(student, skill, held, handling, at, submitted, tuple(answers))


def _held(mind: Mind, common: Sequence[str], random: Random) -> tuple[str, ...]:
    """Pick what a student holds, of what leads to a wrong answer with the student's numbers."""
    picked = (_pick_common(common, random) for _ in range(_TRIES if common else 0))
    return tuple(dict.fromkeys(islice(filter(mind.shows, picked), pick(_HELD, random))))


def _pick_common(items: Sequence[str], random: Random) -> str:
    """Pick the first of the items twice as often as the second, thrice as often as the third.

    As in real classes, a few misconceptions are common and most are rare (Zipf's law).
    """
    shares = list(accumulate(1 / rank for rank in range(1, len(items) + 1)))
    return items[bisect(shares, random.random() * shares[-1])]


def _notebook(exercise: Exercise, submission: Submission) -> dict[str, Any]:
    """Put a student's answers into the release."""
    cells = [dict(cell) for cell in exercise.notebook["cells"]]
    for cell in cells:
        if text(cell) == "student_id = ...":
            cell["source"] = [f'student_id = "{submission.student}"']
    for earns, answer in zip(exercise.cells, submission.answers, strict=True):
        if answer.code is not None:
            cells[earns.answer]["source"] = answer.code.splitlines(keepends=True)
    which, _, what = submission.handling.rpartition("-cell-")
    if which:
        at = exercise.questions[submission.at]
        place = at.answer if which == "answer" else at.grade
        if what == "deleted":
            del cells[place]
        else:
            cells.insert(place, {**cells[place], "id": f"{cells[place]['id']}-copy"})
    return {**exercise.notebook, "cells": cells}


_ANSWER_COLUMNS = (
    "student",
    "question",
    "by",
    "outcome",
    "misconceptions",
    "share",
    "max",
    "points",
    "stock_points",
)
_TOTAL_COLUMNS = (
    "student",
    "late",
    "seconds_late",
    "handling",
    "skill",
    "misconceptions",
    "max",
    "before_manual",
    "after_manual",
    "stock_graded",
    "stock_before_manual",
    "stock_after_manual",
)
_MISCONCEPTION_COLUMNS = ("misconception", "students_who_hold_it", "students_who_show_it")


class _Lists:
    """What each student deserves, as files."""

    def __init__(self, submissions: Iterable[Submission]) -> None:
        answers, totals, misconceptions = (io.StringIO(newline="") for _ in range(3))
        by_answer = csv.writer(answers, lineterminator="\n")
        by_student = csv.writer(totals, lineterminator="\n")
        by_answer.writerow(_ANSWER_COLUMNS)
        by_student.writerow(_TOTAL_COLUMNS)
        self.late = 0
        held: Counter[str] = Counter()
        shown: Counter[str] = Counter()
        for each in submissions:
            self.late += each.late
            held.update(each.held)
            shown.update({which for answer in each.answers for which in answer.misconceptions})
            for answer in each.answers:
                by_answer.writerow(
                    [
                        each.student,
                        answer.question,
                        "person" if answer.by_hand else "check",
                        answer.outcome,
                        " ".join(answer.misconceptions),
                        answer.share,
                        f"{answer.max_points:g}",
                        f"{answer.points:g}",
                        f"{answer.stock_points * each.is_graded:g}",
                    ]
                )
            totals_of = [
                each.total(stock=stock, manual=manual)
                for stock in (False, True)
                for manual in (False, True)
            ]
            by_student.writerow(
                [
                    each.student,
                    "yes" if each.late else "no",
                    max(0, int((each.submitted - DUE).total_seconds())),
                    each.handling,
                    each.skill,
                    " ".join(each.held),
                    f"{sum(answer.max_points for answer in each.answers):g}",
                    *(f"{total:g}" for total in totals_of[:2]),
                    "yes" if each.is_graded else "no",
                    *(f"{total:g}" for total in totals_of[2:]),
                ]
            )
        by_misconception = csv.writer(misconceptions, lineterminator="\n")
        by_misconception.writerow(_MISCONCEPTION_COLUMNS)
        for which in sorted(held | shown, key=lambda which: (-shown[which], -held[which], which)):
            by_misconception.writerow([which, held[which], shown[which]])
        self.files = {
            "answers.csv": answers.getvalue().encode(),
            "totals.csv": totals.getvalue().encode(),
            "misconceptions.csv": misconceptions.getvalue().encode(),
        }


def _refuse_real_students(submitted: Path) -> None:
    """Make sure that all work in submitted/ is simulated."""
    found = submitted.iterdir() if submitted.is_dir() else ()
    real = sorted(
        path.name
        for path in found
        if not path.name.startswith(".")
        and (not _STUDENT.fullmatch(path.name) or not _is_plain(path))
    )
    if real:
        raise FileExistsError(
            f"{submitted} holds work of {real[0]}{_and_others(real)}, which was not simulated: "
            "simulate in a copy of the course, named by --course-dir"
        )


def _is_plain(folder: Path) -> bool:
    """Whether nothing in a folder leads out of it."""
    return folder.is_dir() and not any(map(Path.is_symlink, (folder, *folder.iterdir())))


def _strange(
    there: Mapping[str, Path],
    lists: Path,
    submissions: Iterable[Submission],
    exercise: Exercise,
    summary: _Lists,
) -> list[Path]:
    """The folders that differ from those of this class."""
    strange = set(there.values())
    for submission in submissions:
        folder = there.get(submission.student)
        if folder is not None and _holds_only(folder, files(exercise, submission)):
            strange.discard(folder)
    if lists.exists() and not _holds_only(lists, summary.files):
        strange.add(lists)
    return sorted(strange)


def _holds_only(folder: Path, content: Mapping[str, bytes]) -> bool:
    """Whether a folder holds some of these files, just so, and nothing else."""
    if not folder.is_dir():
        return False
    return all(
        path.is_file() and content.get(path.name) == path.read_bytes()
        for path in folder.iterdir()
        if path.suffix != _PART
    )


def _plural(number: int, one: str, more: str) -> str:
    return one if number == 1 else more


def _and_others(items: Sequence[object]) -> str:
    others = len(items) - 1
    return f" (and {others} more)" if others else ""


def _remove(path: Path) -> None:
    """Remove a folder, and the one that it lies in if nothing else does."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    if path.parent.is_dir() and not any(path.parent.iterdir()):
        path.parent.rmdir()


def _put(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, unless it is there already."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + _PART)
    part.write_bytes(content)
    part.replace(path)
