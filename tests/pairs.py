"""One course twice: with stock nbgrader's configuration, and with ours."""

import re
import shutil
from concurrent.futures import ThreadPoolExecutor

from course import ROOT
from nbgrader.api import Gradebook

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
    return stock + LATE, ours + LATE


class Pair:
    """One course twice, in folders that differ in their configuration alone."""

    def __init__(self, folder, assignment, run, *, bank=True):
        self.assignment, self.run = assignment, run
        self.courses = [folder / "stock", folder / "ours"]
        self.configurations = configurations(bank=bank)

    def release(self):
        """Make the release once, so that both begin from the same gradebook."""
        first, second = self.courses
        first.mkdir(exist_ok=True)
        (first / "nbgrader_config.py").write_text(self.configurations[0], encoding="utf-8")
        self.run("nbgrader", "generate_assignment", self.assignment, cwd=first)
        with Gradebook(f"sqlite:///{first}/gradebook.db") as gradebook:
            gradebook.update_or_create_assignment(self.assignment, duedate=f"{simulate.DUE}")
        shutil.copytree(first, second)
        (second / "nbgrader_config.py").write_text(self.configurations[1], encoding="utf-8")

    def grade(self, *flags):
        """Grade both, at the same time."""

        def grade(course):
            self.run("nbgrader", "autograde", self.assignment, *flags, cwd=course)

        with ThreadPoolExecutor() as pool:
            list(pool.map(grade, self.courses))


def some_students(assignment, count, loops):
    """Of a simulated class, those that stock can grade, and the odd ones among them first."""
    exercise = read_exercise(assignment, ROOT)
    whole_class = simulate.simulated_class(exercise, max(24, 2 * count), seed=1, loops=loops)
    gradable = [each for each in whole_class if each.is_graded]
    gradable.sort(key=lambda each: not (each.handling or outcomes(each) & {"loops"}))
    return exercise, gradable[:count]


def outcomes(submission):
    return {answer.outcome for answer in submission.answers}


def submit(course, exercise, students):
    """Put what students hand in where nbgrader looks for it, beside the sources."""
    shutil.copytree(ROOT / "source", course / "source")
    for student in students:
        folder = course / "submitted" / student.student / exercise.name
        folder.mkdir(parents=True)
        for name, content in simulate.files(exercise, student).items():
            (folder / name).write_bytes(content)
