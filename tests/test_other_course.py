"""Another course with questions of its own, in tests/other_course, graded by the real commands."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from course import ROOT
from nbgrader.api import Gradebook

HERE = ROOT / "tests/other_course"

IS_PRIME = "def is_prime(number):\n    return all(number % each for each in range(2, number))"
KNOWS_BOTH = {"largest-answer": "largest = 97", "is-prime-answer": IS_PRIME}
FORGES = """
import quiz
def is_prime(number):
    return True
from IPython.display import publish_display_data
for _ in range(2):
    publish_display_data({"application/vnd.numbers.answer+json": 97})
check = lambda *_: publish_display_data({"application/vnd.numbers.answer+json": [True] * 20})
"""

CLASS = {  # student to answers, by cell, and points for each grade cell
    "ada": (KNOWS_BOTH, {"largest": 1, "is-prime": 2, "plain": 1}),
    "bob": (
        {"largest-answer": "largest = 99", "is-prime-answer": "is_prime = lambda n: n % 2 == 1"},
        {"largest": 0, "is-prime": 0, "plain": 0},
    ),
    "eve": (
        {"largest-answer": FORGES, "is-prime-answer": FORGES},
        {"largest": 0, "is-prime": 0, "plain": 0},
    ),
    "zoe": (KNOWS_BOTH, {"largest": 1, "is-prime": 2, "plain": 1}),
}


@pytest.fixture(scope="module")
def course(clean_environment, tmp_path_factory):
    scripts = Path(sys.executable).parent
    activated = {**clean_environment, "PATH": f"{scripts}{os.pathsep}{clean_environment['PATH']}"}

    def run(*command):
        done = subprocess.run(
            command, cwd=course, env=activated, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    course = tmp_path_factory.mktemp("courses") / "numbers"
    shutil.copytree(HERE, course)
    run("nbgrader", "generate_assignment", "primes")
    for student, (answers, _) in CLASS.items():
        folder = course / "submitted" / student / "primes"
        shutil.copytree(course / "release/primes", folder)
        notebook = nbformat.read(folder / "primes.ipynb", as_version=4)
        for cell in notebook.cells:
            cell.source = answers.get(cell.id, cell.source)
        nbformat.write(notebook, folder / "primes.ipynb")
    run("nbgrader", "autograde", "primes")
    run("nbgrader", "generate_feedback", "primes")
    return course


@pytest.mark.sandbox
@pytest.mark.nbgrader
@pytest.mark.parametrize("student", CLASS)
def test_each_cell_earns_what_its_answer_deserves(student, course):
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        submission = gradebook.find_submission_notebook("primes", "primes", student)
        earned = {grade.name: grade.score for grade in submission.grades}
    assert earned == CLASS[student][1]


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_the_feedback_is_the_banks(course):
    page = (course / "feedback/bob/primes/primes.html").read_text(encoding="utf-8")
    assert "Not right: divide by the smaller numbers." in page
    assert re.search(r"Right for \d+ of 20 numbers\.", page)
    assert "is_prime(9)" not in page  # a hidden test


@pytest.mark.sandbox
@pytest.mark.nbgrader
def test_files_that_do_not_fit_into_the_sandbox_are_told_with_the_setting(course):
    (course / "submitted/zoe/primes/data.bin").write_bytes(bytes(1000))
    done = subprocess.run(
        [
            *(Path(sys.executable).parent / "nbgrader", "autograde", "primes", "--student=zoe"),
            *("--force", "--Sandbox.disk=1000"),
        ],
        cwd=course,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert re.search(r"have [\d,]+ bytes, and may take half of Sandbox\.disk", done.stderr)


def test_the_documentation_shows_the_very_files():
    page = (ROOT / "docs/grading-elsewhere.md").read_text(encoding="utf-8")
    for name in ("questions.py", "source/primes/quiz.py", "nbgrader_config.py"):
        code = (HERE / name).read_text(encoding="utf-8")
        assert f"```python\n{code}```\n" in page, f"tests/other_course/{name} is not in the page"
