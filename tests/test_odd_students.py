"""Whoever nbgrader says it is gets that student's questions, whatever the notebook does to it."""

import json
import shutil

import nbformat
import pytest
from course import ROOT, copy_course
from nbgrader.api import Gradebook

ASSIGNMENT = "parameter-sharing"
AUTOMATIC = 15
"""The points that need no person."""

IDENTITY = {  # student: what stands in the notebook's identity cell; None for no such cell
    "Ada@x.org": "student_id = ...",
    "a+b": "student_id = ...",
    "Ünï": "student_id = ...",
    "with space": "student_id = ...",
    "x" * 120: "student_id = ...",
    "names-another": 'student_id = "somebody-else"',
    "names-nobody": 'student_id = "a/b:c"',
    "names-a-number": "student_id = 7",
    "raises": "student_id = 1 / 0",
    "stops": "import sys; sys.exit()",
    "deleted": None,
    "without-begin": "student_id = 1 / 0",
}

pytestmark = pytest.mark.nbgrader


def test_everyone_gets_their_own_questions(tmp_path, run):
    course = copy_course(tmp_path)
    shutil.copytree(ROOT / "source" / ASSIGNMENT, course / "source" / ASSIGNMENT)
    run("nbgrader", "generate_assignment", ASSIGNMENT, cwd=course)
    source = json.loads((course / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb").read_text("utf-8"))
    solutions = {cell["id"]: "".join(cell["source"]) for cell in source["cells"]}
    for student, identity in IDENTITY.items():
        notebook = nbformat.read(course / f"release/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = solutions[cell.id]
            if cell.id == "student":
                cell.source = identity or ""
        gone = {"student"} if identity is None else set()
        gone |= {"begin"} if student == "without-begin" else set()
        notebook.cells = [cell for cell in notebook.cells if cell.id not in gone]
        folder = course / "submitted" / student / ASSIGNMENT
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{ASSIGNMENT}.ipynb")
    run("nbgrader", "autograde", ASSIGNMENT, cwd=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        graded = {s.student.id: s.score for s in gradebook.assignment_submissions(ASSIGNMENT)}
    assert graded == dict.fromkeys(IDENTITY, AUTOMATIC)
