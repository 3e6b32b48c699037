"""What each lesson promises is practised in it, and graded after it."""

import re

import nbformat
import pytest
from course import ROOT

from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS
from cnnlesson.quiz.bank.objectives import LESSONS

GRADED = {
    QUESTIONS[name].objective: assignment.after
    for assignment in ASSIGNMENTS.values()
    for name in assignment.questions
}
ALL = pytest.mark.parametrize("lesson", LESSONS)


def cells(lesson):
    return nbformat.read(ROOT / f"notebooks/{lesson}.ipynb", as_version=4).cells


def test_every_lesson_has_its_objectives():
    numbered = {path.stem for path in (ROOT / "notebooks").glob("0[1-9]*.ipynb")}
    assert numbered == LESSONS.keys()
    names = [name for objectives in LESSONS.values() for name in objectives]
    assert len(set(names)) == len(names)


@ALL
def test_a_lesson_promises_its_objectives_and_at_most_four(lesson):
    title = cells(lesson)[0].source
    promised = re.findall(r"^- (.+)[;.]$", title, flags=re.MULTILINE)
    assert promised == list(LESSONS[lesson].values())
    assert 1 <= len(promised) <= 4


@ALL
def test_each_objective_is_met_by_a_practice_card_of_its_lesson(lesson):
    code = "\n".join(cell.source for cell in cells(lesson) if cell.cell_type == "code")
    practised = {QUESTIONS[name].objective for name in re.findall(r'practice\("([\w-]+)"', code)}
    assert LESSONS[lesson].keys() <= practised


@ALL
def test_each_objective_is_met_by_a_graded_question_once_it_is_taught(lesson):
    taught = list(LESSONS)
    for objective in LESSONS[lesson]:
        assert objective in GRADED
        assert taught.index(GRADED[objective]) >= taught.index(lesson)
