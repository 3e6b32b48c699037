"""What `check` tells a student, and what a grader sees of it."""

import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from cnnlesson import check
from cnnlesson.quiz import NotAnswered, WrongAnswer
from cnnlesson.quiz.questions import QUESTIONS, Kind
from cnnlesson.settings import shown

RIGHT = {
    "convolution-output-shape": (14, 14, 20),
    "number-of-parameters": 756_560,
    "parameter-sharing": 3_860,
}


def test_the_lessons_answers_are_known():
    assert {name: question.right_answer() for name, question in QUESTIONS.items()} == RIGHT


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        *RIGHT.items(),
        ("convolution-output-shape", [14, 14, 20]),
        ("convolution-output-shape", np.array([14, 14, 20])),
        ("convolution-output-shape", ((32 - 8 + 2) / 2 + 1, np.int64(14), 20.0)),
        ("number-of-parameters", 756_560.0),
        ("number-of-parameters", np.int32(756_560)),
        ("parameter-sharing", np.array(3_860)),
        ("parameter-sharing", np.float32(3_860)),
        ("parameter-sharing", Fraction(7720, 2)),
    ],
)
def test_right_answers_are_accepted_in_every_fair_form(question, answer, capsys):
    assert check(question, answer) is None
    said = capsys.readouterr()
    assert QUESTIONS[question].title in said.out
    assert "right" in said.out
    assert said.err == ""  # nbgrader scores any stderr as zero


HUGE = 10**5000  # more digits than Python is willing to write out


class Unprintable:
    def __repr__(self):
        raise RuntimeError("not for you")

    def __getattr__(self, name):
        raise RuntimeError(name)


WRONG = [
    ("convolution-output-shape", (14, 14, 3)),
    ("convolution-output-shape", (14, 20)),
    ("convolution-output-shape", 14),
    ("convolution-output-shape", "14x14x20"),
    ("convolution-output-shape", (14, 14, None)),
    ("convolution-output-shape", {14, 20}),
    ("convolution-output-shape", np.zeros((14, 14, 20))),
    ("number-of-parameters", None),
    ("number-of-parameters", "756560"),
    ("number-of-parameters", 3_860),
    ("number-of-parameters", 756_560.5),
    ("number-of-parameters", float("nan")),
    ("number-of-parameters", float("inf")),
    ("number-of-parameters", 756_560 + 0j),
    ("number-of-parameters", True),
    pytest.param("number-of-parameters", HUGE, id="huge"),
    ("number-of-parameters", list(range(1000))),
    ("number-of-parameters", -756_560),
    pytest.param("number-of-parameters", Unprintable(), id="unprintable"),
    ("number-of-parameters", np.ndarray),
    ("number-of-parameters", np.add),
    ("convolution-output-shape", (14, 14, True)),
    ("convolution-output-shape", (14, 14, 20, 1)),
]


@pytest.mark.parametrize(("question", "answer"), WRONG)
def test_wrong_answers_raise_a_short_message_without_the_right_number(question, answer):
    with pytest.raises(WrongAnswer) as refused:
        check(question, answer)
    message = str(refused.value)
    assert message.startswith(QUESTIONS[question].title + "\n")
    assert max(map(len, message.splitlines())) < 80
    told = message.replace(shown(answer), "").replace(",", "")
    assert str(RIGHT[question]).replace(",", "") not in told


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_wrong_number_leads_to_a_smaller_question_and_a_wrong_form_to_the_right_one(question):
    number, shape = 7, (7, 7, 7)
    fitting, misfit = (shape, number) if question.kind is Kind.SHAPE else (number, shape)
    with pytest.raises(WrongAnswer) as refused:
        check(question.id, fitting)
    assert " ".join(str(refused.value).split()).endswith(question.next_step)
    assert question.next_step.endswith("?")
    with pytest.raises(WrongAnswer) as refused:
        check(question.id, misfit)
    assert f"The answer is {question.kind.value}, not {misfit}." in " ".join(
        str(refused.value).split()
    )


def test_an_untouched_answer_is_told_apart_from_a_wrong_one():
    with pytest.raises(NotAnswered, match="Not answered yet") as refused:
        check("number-of-parameters", ...)
    assert not isinstance(refused.value, WrongAnswer)


def test_an_unknown_question_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'number-of-parameters'"):
        check("number-of-parametrs", 1)
    for unknown in ("xyz", [], None):
        with pytest.raises(ValueError, match="parameter-sharing"):
            check(unknown, 1)


def test_a_notebook_shows_the_message_alone():
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        shell.run_cell("from cnnlesson import check; check('parameter-sharing', 1300)")
    lines = captured.stdout.splitlines()
    assert lines[0] == "Parameter Sharing"
    assert "1300 is not right." in captured.stdout
    assert ".py" not in captured.stdout


def test_the_students_side_loads_neither_a_server_nor_nbgrader_nor_numpy():
    heavy = ("nbgrader", "jupyter_server", "jupyterlab", "IPython", "numpy", "cnnlesson.grading")
    script = f"import sys, cnnlesson; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"
