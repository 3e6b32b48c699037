"""One course with stock nbgrader's configuration, and with ours for each user who grades."""

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from course import ROOT
from nbgrader.api import Gradebook
from users import User

from cnnlesson.grading import simulate
from cnnlesson.grading.exercise import read_exercise

STOCK = """
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv

class ExecuteForStudent(Execute):
    def preprocess(self, nb, resources, **settings):
        with setenv(CNNLESSON_STUDENT=resources["nbgrader"]["student"]):
            return super().preprocess(nb, resources, **settings)

c.Autograde.autograde_preprocessors = [
    ExecuteForStudent if each is Execute else each
    for each in Autograde().autograde_preprocessors
]
"""
LATE = """
from nbgrader.plugins import LateSubmissionPlugin

class AQuarter(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 4

c.AssignLatePenalties.plugin_class = AQuarter
"""


def configurations(*, bank):
    """The course's configuration without the one line that makes it safe, and with it."""
    course = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    switch = re.compile(r"(?m)^secure\(c.*\)$")
    stock, found = switch.subn(lambda _: STOCK if bank else "", course)
    alone = "from cnnlesson.grading.secure import let_alembic_be_found\nlet_alembic_be_found()"
    stock, imported = re.subn(r"(?m)^from .* import secure$", alone, stock)
    assert found == imported == 1
    ours = course if bank else switch.sub("secure(c)", course)
    return {"stock": stock + LATE, "ours": ours + LATE}


@dataclass(frozen=True)
class Course:
    """A course of one assignment, and whoever grades it.

    Attributes:
        folder: where it lies.
        assignment: the assignment's name.
        user: whose it is.
        bank: whether its questions are the lesson's; if not, it has plain asserts alone.
    """

    folder: Path
    assignment: str
    user: User
    bank: bool = True

    def release(self):
        self.configure("stock")
        self._run("generate_assignment")
        with self.gradebook() as gradebook:
            gradebook.update_or_create_assignment(self.assignment, duedate=f"{simulate.DUE}")

    def copy(self, user, kind):
        """The same course, to begin from the same gradebook, with stock's or our configuration."""
        course = replace(self, folder=user.folder(self.assignment), user=user)
        shutil.copytree(self.folder, course.folder, dirs_exist_ok=True)
        course.configure(kind)
        user.own(course.folder)
        return course

    def configure(self, kind):
        text = configurations(bank=self.bank)[kind]
        (self.folder / "nbgrader_config.py").write_text(text, encoding="utf-8")

    def grade(self, *flags):
        self._run("autograde", *flags)

    def make_feedback(self):
        self._run("generate_feedback")

    @property
    def db_url(self):
        return f"sqlite:///{self.folder}/gradebook.db"

    def gradebook(self):
        return Gradebook(self.db_url)

    def _run(self, step, *flags):
        self.user.run("nbgrader", step, self.assignment, *flags, cwd=self.folder)


def some_students(assignment, count, loops):
    """Of a simulated class, those that stock can grade: the odd ones first, then all sorts."""
    exercise = read_exercise(assignment, ROOT)
    whole_class = simulate.simulated_class(exercise, max(24, 2 * count), seed=1, loops=loops)
    gradable = [each for each in whole_class if each.is_graded]
    gradable.sort(key=lambda each: not (each.handling or outcomes(each) & {"loops"}))
    seen, telling = set(), []
    for each in gradable:
        if each.handling or outcomes(each) - seen:
            seen |= outcomes(each)
            telling.append(each)
    return exercise, [*telling, *(each for each in gradable if each not in telling)][:count]


def all_sorts_of_students(assignment, more):
    """Of a simulated class, one for everything that happens to notebooks, and some others."""
    exercise = read_exercise(assignment, ROOT)
    whole_class = [*simulate.simulated_class(exercise, 24, seed=1, loops=1)]
    odd = [each for each in whole_class if each.handling or outcomes(each) & {"loops"}]
    others = [each for each in whole_class if each not in odd]
    others.sort(key=lambda each: not each.late)
    return exercise, odd + others[:more]


def mark_by_hand(db_url, assignment, students):
    """Do as the formgrader does with what an instructor types, and return what that was."""
    typed = {}
    with Gradebook(db_url) as gradebook:
        for number, student in enumerate(students):
            for place, answer in enumerate(student.answers):
                asked = (answer.question, assignment, assignment, student.student)
                grade = gradebook.find_grade(*asked)
                if answer.by_hand:
                    grade.manual_score = answer.points
                    comment = gradebook.find_comment(*asked)
                    comment.manual_comment = f"{answer.points:g} points, {student.student}."
                elif (number + place) % 5 == 0:
                    grade.manual_score = grade.max_score / 2
                if (number + place) % 7 == 0:
                    grade.extra_credit = 0.25
                grade.needs_manual_grade = grade.manual_score is grade.auto_score is None
                key = (assignment, student.student, answer.question)
                typed[key] = (grade.manual_score, grade.extra_credit)
        gradebook.db.commit()
    return typed


def outcomes(submission):
    return {answer.outcome for answer in submission.answers}


def submit(course, exercise, students):
    """Put what students hand in where nbgrader looks for it, beside the source."""
    shutil.copytree(ROOT / "source" / exercise.name, course / "source" / exercise.name)
    for student in students:
        folder = course / "submitted" / student.student / exercise.name
        folder.mkdir(parents=True)
        for name, content in simulate.files(exercise, student).items():
            (folder / name).write_bytes(content)
