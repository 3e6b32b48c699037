"""Every command of docs/lms.md, in its order, from the roster to the grades."""

import csv
import re
import shlex
import shutil

import lms_class
import pytest
from course import ROOT, copy_course
from lms_class import ASSIGNMENT, zipped
from nbgrader.api import Gradebook

PAGE = (ROOT / "docs/lms.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", PAGE, flags=re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def said(run, tmp_path_factory):
    """What each command said, in a course with the files that the page has one download."""
    course = copy_course(tmp_path_factory.mktemp("course"), "source", "release")
    right = ROOT / "tests/submissions/all-right" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    wrong = ROOT / "tests/submissions/all-wrong" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    canvas = {f"lovelaceada_101_5001_ada_{ASSIGNMENT}.ipynb": right.read_bytes()}
    folder = "Emmy Noether_9002_assignsubmission_file_"
    moodle = {f"{folder}/{ASSIGNMENT}.ipynb": wrong.read_bytes()}
    for name, content in {
        "canvas.csv": lms_class.CANVAS.encode(),
        "moodle.csv": lms_class.MOODLE.encode(),
        "worksheet.csv": lms_class.WORKSHEET.encode(),
        "submissions.zip": zipped(canvas),
        "moodle.zip": zipped(moodle),
    }.items():
        (course / name).write_bytes(content)
    told = {}
    for command in COMMANDS:
        if "--from moodle" in command:  # as if there had been no Canvas
            shutil.rmtree(course / "downloaded")
        told[command] = run(*shlex.split(command), cwd=course)
    return course, told


def column(course, file, key, grade):
    with (course / file).open(encoding="utf-8-sig", newline="") as opened:
        return {row[key]: row[grade] for row in csv.DictReader(opened)}


def test_each_command_does_what_the_page_says(said):
    _, by_command = said
    found = {" ".join(command.split()[:2]): text for command, text in by_command.items()}
    assert "Grading works here." in found["cnnlesson doctor"]
    assert "5 students added" in by_command["cnnlesson roster canvas.csv"]
    assert "0 students added" in found["cnnlesson roster"]
    assert "1 submissions placed, 1 of them with the time" in found["cnnlesson collect"]
    assert "2 graded" in found["cnnlesson autograde"]


def test_the_grades_arrive_in_every_file(said):
    course, _ = said
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        scores = {
            each.student_id: f"{each.score:g}"
            for each in gradebook.assignment_submissions(ASSIGNMENT)
        }
    ada, emmy = scores.pop("ada"), scores.pop("e.noether")
    assert scores == {}
    assert float(ada) > float(emmy) > 0
    canvas = column(course, "grades-canvas.csv", "ID", "Parameter Sharing (8)")
    assert (canvas["101"], canvas["102"], canvas["103"]) == (ada, emmy, "")
    assert column(course, "for-canvas.csv", "ID", "Parameter Sharing (8)") == canvas
    title = "Assignment: Parameter sharing (Real)"
    moodle = column(course, "grades-moodle.csv", "Email address", title)
    assert (moodle["ada@uni.edu"], moodle["e.noether@uni.edu"]) == (ada, emmy)
    assert column(course, "for-moodle.csv", "Email address", title) == moodle
    graded = column(course, "worksheet-graded.csv", "Identifier", "Grade")
    assert graded == {"Participant 9001": ada, "Participant 9002": emmy, "Participant 9003": ""}
