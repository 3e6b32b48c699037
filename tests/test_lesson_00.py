"""The start page: it leads to every lesson and every assignment, and its sums are right."""

import re

import nbformat
import pytest
from course import ROOT

from cnnlesson.quiz import bank
from cnnlesson.quiz.bank.objectives import LESSONS

CELLS = nbformat.read(ROOT / "notebooks/00-start-here.ipynb", as_version=4).cells
PROSE = " ".join(" ".join(cell.source.split()) for cell in CELLS if cell.cell_type == "markdown")
ROWS = {
    name: row
    for cell in CELLS
    for row, name in re.findall(r"^(\| .*\]\((0[1-9][^)]*)\.ipynb\).*)$", cell.source, re.MULTILINE)
}


def test_every_lesson_is_listed_in_order():
    assert list(ROWS) == sorted(ROWS)
    assert ROWS.keys() >= LESSONS.keys()
    lessons = {path.stem for path in (ROOT / "notebooks").glob("0[1-9]*.ipynb")}
    assert lessons <= ROWS.keys()
    assert [name for name, row in ROWS.items() if "optional" in row] == ["04b-backward"]


def test_every_assignment_stands_after_its_lesson():
    for name, assignment in bank.ASSIGNMENTS.items():
        assert [lesson for lesson, row in ROWS.items() if f"`{name}`" in row] == [assignment.after]


@pytest.mark.parametrize("name", LESSONS)
def test_the_minutes_are_those_of_the_lesson_and_of_its_lecturers_page(name):
    lesson = nbformat.read(ROOT / f"notebooks/{name}.ipynb", as_version=4).cells
    minutes = re.search(r"[Aa]bout (\d+) minutes", lesson[0].source)[1]
    assert f"| {minutes} |" in ROWS[name]
    page = (ROOT / f"docs/lecturer/{name}.md").read_text(encoding="utf-8")
    assert f"about {minutes} minutes" in page.partition("## Timing")[0]


def test_what_is_said_of_the_filter_holds():
    names = {}
    for cell in CELLS:
        if cell.cell_type == "code":
            exec(cell.source, names)
    response, weights = names["response"], names["weights"]
    assert f"Here by {response(weights, 0, 0)}." in PROSE
    assert response(weights, 1, 1) == 0
    assert f"left that is brighter, so it says {response(weights, 0, 2)}" in PROSE
    assert all(
        response(names["flipped"], row, column) == -response(weights, row, column)
        for row in range(3)
        for column in range(3)
    )
    widget = names["convolution"]()
    assert widget.input == [names["image"].tolist()]
    assert widget.filters == [[weights.tolist()]]
    assert widget.output[0].tolist() == [
        [response(weights, row, column) for column in range(3)] for row in range(3)
    ]
