"""Practice cards: the same questions, judged in the browser, with numbers kept for them."""

import json

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from labs import open_notebook, run_all

from cnnlesson.quiz import bank, practice
from cnnlesson.quiz.bank import QUESTIONS

PRACTISED = [
    question.id
    for question in QUESTIONS.values()
    if question.kind.name in ("INTEGER", "SIZE", "SHAPE", "CHOICE", "SEVERAL")
    and question.numbers.draw is not None
    and question.numbers.lesson.rows()
]


@pytest.mark.parametrize("name", PRACTISED)
def test_a_card_gives_nothing_away_at_a_glance(name):
    box = practice(name)
    question = QUESTIONS[name]
    setup = bank.setup(question, "practice/0")
    sent = json.dumps(box.get_state(), default=str)
    for misconception in question.misconceptions:
        if "{" not in misconception.say and misconception.say != box.otherwise:
            assert misconception.say not in sent
    assert [reply["right"] for reply in box.replies].count(True) == 1
    if not question.choices:
        assert str(question.right_answer(setup)) not in box.otherwise
    assert repr(practice(name)) == repr(box)
    assert practice(name).replies == box.replies
    assert practice(name, 1).replies != box.replies


@pytest.mark.parametrize("name", sorted(QUESTIONS.keys() - set(PRACTISED)))
def test_what_cannot_be_practised_says_why(name):
    with pytest.raises(ValueError, match="there is no practice card for"):
        practice(name)


def test_the_question_stands_above_its_box():
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        shell.run_cell("from cnnlesson import practice; display(practice('parameter-sharing'))")
    card, box = captured.outputs
    assert "How many parameters does it have?" in card.data["text/markdown"]
    assert "image/png" in box.data


@pytest.fixture(scope="module")
def notebook(served_course):
    cells = [
        "from cnnlesson import practice",
        "practice('number-of-parameters')",
        "practice('convolution-output-shape')",
        "practice('a-cat-moves')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    nbformat.write(notebook, served_course / "notebooks" / "practising.ipynb")
    return "notebooks/practising.ipynb"


@pytest.mark.browser
def test_a_reader_practises(page, lab, notebook):
    open_notebook(page, lab, notebook)
    run_all(page)

    question = QUESTIONS["number-of-parameters"]
    g = bank.setup(question, "practice/0")
    box = page.get_by_role("group", name="Practice: Number of Parameters")
    box.wait_for()

    def told(answer, sentence):
        box.get_by_role("textbox").fill(answer)
        box.get_by_role("textbox").press("Enter")
        box.get_by_text(sentence).first.wait_for()

    told(str((g.weights + 1) * g.K), "That is the count with sharing")
    told(f"({g.F} * {g.F} + 1) * {g.positions} * {g.K}", "A filter reaches through all")
    told("7", "How many weights and biases does one neuron of the output have")
    told(f"{g.weights} * {g.positions} * {g.K}", "The biases are missing")
    right = question.right_answer(g)
    assert str(right) not in box.inner_text()
    told(str(right), "Right")
    box.get_by_text("Show the work").click()
    box.get_by_text("number of parameters").first.wait_for()

    shape = page.get_by_role("group", name="Practice: Convolution Output Shape")
    question = QUESTIONS["convolution-output-shape"]
    height, width, depth = question.right_answer(bank.setup(question, "practice/0"))
    for field, value in zip(("height", "width", "depth"), (depth, height, width), strict=True):
        shape.get_by_role("textbox", name=field).fill(str(value))
    shape.get_by_role("button", name="Check").click()
    shape.get_by_text("their order is channels first").first.wait_for()

    cat = page.get_by_role("group", name="Practice: A Cat Moves")
    cat.get_by_role("radio", name="It stays where it is").check()
    cat.get_by_role("button", name="Check").click()
    cat.get_by_text("A convolution is equivariant").first.wait_for()
