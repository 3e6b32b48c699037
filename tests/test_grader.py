"""The lesson's verdicts on answer records: those of `check`, and zero for whatever is no record."""

import json
import math
import re
from fractions import Fraction

import nbformat
import numpy as np
import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st

from cnnlesson import __version__
from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS, setup
from cnnlesson.quiz.diagnosis import Outcome, explanations, judge
from cnnlesson.quiz.functions import run
from cnnlesson.quiz.grader import bank
from cnnlesson.quiz.record import answer_record

NONCE = "a nonce"
HOME = {name: each.id for each in ASSIGNMENTS.values() for name in each.questions}
"""Each question that is graded, and its assignment."""

ASKED = {name: QUESTIONS[name] for name in HOME}
OF_FUNCTIONS = [name for name, question in ASKED.items() if question.function]
OF_VALUES = [name for name in ASKED if name not in OF_FUNCTIONS]
STUDENTS = [f"student-{number}" for number in range(4)]


def record(name, answer, student="ada", **changed):
    """What `check` leaves, after its way as JSON."""
    variant = bank.paper(HOME[name], student).variant(name)
    made = answer_record(name, variant, answer, __version__) | changed
    return json.loads(json.dumps(made))


def judged(name, answer, student="ada", earlier=(), **settings):
    paper = bank.paper(HOME[name], student)
    return paper.judge(name, record(name, answer, student), NONCE, dict(earlier), **settings)


def own(name, student="ada"):
    return setup(QUESTIONS[name], bank.paper(HOME[name], student).variant(name))


def right_answer(name, student="ada"):
    return shown(name, QUESTIONS[name].right_answer(own(name, student)), student)


def shown(name, answer, student="ada"):
    """An answer with the letters that the student sees."""
    question = QUESTIONS[name]
    if not question.choices:
        return answer
    at = question.letters(own(name, student))
    return "".join(at[letter] for letter in sorted(answer))


# --- The same verdicts as at home --------------------------------------------------------------

HUGE = 10**2000
"""Larger than what a record holds."""

ODD = [
    *(..., None, True, 0, -1, 1, 7, 14.0, 13.5, 10**30, "a", "x", "", " (B) ", [], {}),
    *((1, 1, 1), [2, 3], ((1, 2), 3), math.nan, math.inf, 1e308, Fraction(27, 2), 3 + 0j, object),
    *({"a", "b"}, ["a", "c"], "abc", np.array([3, 3, 3]), np.float32(2), b"1", [[[[[[[[1]]]]]]]]),
    ["x" * 1000] * 1000,
    HUGE,
]


@pytest.mark.parametrize("name", OF_VALUES)
def test_a_record_of_a_value_earns_what_check_says(name):
    question = QUESTIONS[name]
    for student in STUDENTS:
        numbers = own(name, student)
        known = [shown(name, each, student) for each in explanations(question, numbers)]
        for answer in [right_answer(name, student), *known, *ODD]:
            at_home = judge(question, numbers, answer)
            found = judged(name, answer, student)
            assert (found.share, found.for_instructor) == (at_home.share, ""), answer
            assert set(found.misconceptions) <= set(at_home.misconceptions)
            assert found.answer == at_home.answer or answer is HUGE
            if found.answer is not None:
                assert found.sentences[-len(at_home.sentences) or 1 :] == at_home.sentences
            assert found.sentences[0].startswith(f"{question.title}: ")
        assert judged(name, right_answer(name, student), student).share == 1
        assert judged(name, ..., student).share == 0


@pytest.mark.parametrize("name", [name for name in OF_VALUES if QUESTIONS[name].follows])
def test_what_follows_from_an_earlier_answer_counts_as_at_home(name):
    question = QUESTIONS[name]
    before = question.follows.question
    followed = 0
    for wrong in explanations(QUESTIONS[before], own(before)):
        earlier = {before: judged(before, wrong).answer}
        for answer in [right_answer(name), *explanations(question, own(name))]:
            at_home = judge(question, own(name), answer, earlier)
            found = judged(name, answer, earlier=earlier)
            assert found.share == at_home.share
            followed += at_home.outcome is Outcome.FOLLOWS
    assert followed or name in ("larger-image",)


def a_function(formula):
    """A function with a bug, whose results have the dtype of its first argument."""

    def function(*arguments):
        value = formula(*arguments)
        if isinstance(value, tuple):
            return tuple(each.astype(arguments[0].dtype) for each in value)
        return value.astype(arguments[0].dtype) if getattr(value, "shape", ()) else value

    return function


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_a_record_of_a_function_earns_what_check_says(name):
    question = QUESTIONS[name]
    ours = question.right_answer(own(name))
    bugs = [a_function(each.formula) for each in question.misconceptions]
    odd = [lambda *a: None, lambda *a: 1 / 0, lambda *a: a[0], lambda *a: [a], lambda: 0, "f", 14]
    for function in [ours, *bugs, *odd]:
        answer = run(question.function, function, NONCE) if callable(function) else function
        at_home = judge(question, own(name), answer)
        found = judged(name, answer)
        assert (found.share, found.misconceptions) == (at_home.share, at_home.misconceptions)
        assert found.for_instructor == ""
    assert judged(name, run(question.function, ours, NONCE)).share == 1


def test_values_drawn_by_another_nonce_are_wrong():
    name = "implement-one-step"
    ours = QUESTIONS[name].right_answer(own(name))
    found = judged(name, run(QUESTIONS[name].function, ours, "public"))
    assert found.share == 0


# --- What is told ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", OF_FUNCTIONS)
def test_a_function_cannot_make_the_feedback_tell_its_arguments(name):
    """Whatever it says in words, numbers or names of its own, but for shapes of results."""
    task = QUESTIONS[name].function

    def teller(kind):
        def function(*arguments):
            said = "told" + re.sub(r"\D", "", repr(arguments))[:20]
            if kind == "message":
                raise ValueError(said)
            made = type(said, (Exception,), {})
            if kind == "error":
                raise made
            return {"class": made(), "text": said, "int": 987654321}[kind]

        return function

    for kind in ("message", "error", "class", "text", "int"):
        text = " ".join(judged(name, run(task, teller(kind), NONCE)).sentences)
        assert "told" not in text
        assert "987654321" not in text


def test_a_case_is_named_by_its_shapes_alone():
    size = judged(
        "implement-output-size",
        run(functions_of("implement-output-size"), lambda n, f, s, p: (n - f + 2 * p) // s, NONCE),
    )
    assert size.sentences[1] == "It goes wrong in 33 of the 33 calls that were made."
    name = "implement-convolution"
    bug = next(each for each in QUESTIONS[name].misconceptions if each.id == "transposed")
    text = " ".join(judged(name, run(functions_of(name), a_function(bug.formula), NONCE)).sentences)
    assert re.search(r"It goes wrong with x of shape \([\d, ]+\), filters of shape", text)
    assert "stride 1" not in text


def functions_of(name):
    return QUESTIONS[name].function


@pytest.mark.parametrize("name", OF_VALUES)
def test_the_right_answer_is_told_only_where_it_may_be(name):
    right = right_answer(name)
    wrong = "x" if QUESTIONS[name].choices else -1
    told = " ".join(judged(name, wrong).sentences)
    revealed = " ".join(judged(name, wrong, reveal=True).sentences)
    assert "right answer is" not in told
    letters = ", ".join(sorted(right)) if QUESTIONS[name].choices else str(right)
    assert revealed.endswith(f"right answer is {letters}.")
    assert "right answer is" not in " ".join(judged(name, right, reveal=True).sentences)


def test_what_a_function_was_called_with_is_told_only_where_it_may_be():
    name = "implement-output-size"
    results = run(functions_of(name), lambda *a: 0, NONCE)
    assert "size 1, filter_size 1" in " ".join(judged(name, results, reveal=True).sentences)
    assert "size 1" not in " ".join(judged(name, results).sentences)


# --- Another id's numbers ----------------------------------------------------------------------

NAME = "number-of-parameters"


def test_an_answer_for_the_id_that_was_typed_is_told_and_calls_a_person():
    paper = bank.paper(HOME[NAME], "s1234")
    made = record(NAME, right_answer(NAME, "ada"), "s1234", typed="ada")
    found = paper.judge(NAME, made, NONCE, {})
    assert found.share == 0
    assert "has the id 'ada' in it, but the course knows you as 's1234'" in found.sentences[-1]
    assert "your answer is right: your instructor is told" in found.sentences[-1]
    assert found.for_instructor == (
        "the answer to 'number-of-parameters' is right for the id 'ada', which stands in the "
        "notebook, but not for 's1234'"
    )


@pytest.mark.parametrize(
    ("answer", "typed"),
    [
        (right_answer(NAME, "s1234"), "ada"),  # worked out from the numbers that were shown
        (7, "ada"),  # wrong for both
        (right_answer(NAME, "ada"), "grace"),
        (right_answer(NAME, "ada"), "s1234"),
        (right_answer(NAME, "ada"), "no/id"),
        (..., "ada"),
    ],
)
def test_otherwise_a_typed_id_changes_nothing(answer, typed):
    paper = bank.paper(HOME[NAME], "s1234")
    found = paper.judge(NAME, record(NAME, answer, "s1234", typed=typed), NONCE, {})
    same = paper.judge(NAME, record(NAME, answer, "s1234"), NONCE, {})
    assert found == same
    assert found.for_instructor == ""


@pytest.mark.parametrize("typed", [{}, {"typed": "ada"}])
def test_a_record_for_other_numbers_is_never_a_silent_zero(typed):
    paper = bank.paper(HOME[NAME], "s1234")
    found = paper.judge(NAME, record(NAME, right_answer(NAME, "ada"), "ada") | typed, NONCE, {})
    assert found.share == 0
    assert "your instructor is told" in found.sentences[0]
    assert found.for_instructor
    assert ("is right for the id 'ada'" in found.for_instructor) == bool(typed)


def test_the_id_of_the_grader_is_read_as_the_notebook_reads_it():
    first, *_ = ASSIGNMENTS["padding"].questions
    papers = [bank.paper(name, who) for name in ("padding", "week-3") for who in ("Ada@x", " ada")]
    assert len({paper.variant(first) for paper in papers}) == 1


# --- Hostile records ---------------------------------------------------------------------------

GOOD = record(NAME, right_answer(NAME))
DEEP = 1
for _ in range(5000):
    DEEP = [DEEP]


class Lying(int):
    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0


HOSTILE = {
    "none": None,
    "list": [GOOD],
    "text": json.dumps(GOOD),
    "empty": {},
    "keys": {1: 2},
    "more": GOOD | {"share": 1},
    "both": GOOD | {"unanswered": True},
    "neither": {key: value for key, value in GOOD.items() if key != "value"},
    "unanswered": {key: value for key, value in GOOD.items() if key != "value"}
    | {"unanswered": False},
    "schema true": GOOD | {"schema": True},
    "schema float": GOOD | {"schema": 1.0},
    "schema new": GOOD | {"schema": 2},
    "other release": GOOD | {"library": "0.0.1"},
    "other question": GOOD | {"question": "parameter-sharing"},
    "long": GOOD | {"variant": "x" * 10**6},
    "typed": GOOD | {"typed": ["ada"]},
    "nan": GOOD | {"value": math.nan},
    "infinite": GOOD | {"value": math.inf},
    "bool": GOOD | {"value": True},
    "huge": GOOD | {"value": 10**100_000},
    "deep": GOOD | {"value": DEEP},
    "wide": GOOD | {"value": [1] * 10**5},
    "object": GOOD | {"value": {"int": 1}},
    "lying": GOOD | {"value": type("Own", (), {"__eq__": lambda *_: True, "__hash__": None})()},
    "unreadable": {key: value for key, value in GOOD.items() if key != "value"}
    | {"unreadable": "\ud800\0<script>"},
}


@pytest.mark.parametrize("name", [NAME, "convolution-output-shape", "what-is-shared"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_record_earns_nothing_and_is_told_so(kind, name):
    hostile = HOSTILE[kind]
    if isinstance(hostile, dict) and hostile.get("question") == NAME:
        hostile = hostile | {"question": name}
    found = bank.paper(HOME[name], "ada").judge(name, hostile, NONCE, {})
    assert found.share == 0
    assert found.sentences
    assert all(sentence.isprintable() for sentence in found.sentences)
    assert max(map(len, found.sentences)) < 700


def test_a_number_that_lies_is_taken_for_what_it_is():
    found = bank.paper(HOME[NAME], "ada").judge(NAME, GOOD | {"value": Lying(5)}, NONCE, {})
    assert found.share == 0


def of_function(**changed):
    name = "implement-zero-padding"
    ours = QUESTIONS[name].right_answer(own(name))
    made = record(name, run(functions_of(name), ours, NONCE))
    array = made["value"][3]["array"]
    made["value"][3] = {"array": array | changed}
    return bank.paper(HOME[name], "ada").judge(name, made, NONCE, {})


@pytest.mark.parametrize(
    "changed",
    [
        {"dtype": "|O"},
        {"dtype": ">f8"},
        {"shape": [10**9, 10**9]},
        {"shape": [-1]},
        {"shape": [True, True, 4, 5]},
        {"base64": "!"},
        {"base64": ""},
        {"pickle": ""},
    ],
)
def test_an_array_that_is_none_earns_nothing(changed):
    assert of_function().share == 1
    found = of_function(**changed)
    assert found.share == 0
    assert "What your function did cannot be read" in found.sentences[0]


@pytest.mark.parametrize("calls", [[], [{}], [1], [{"int": 1}] * 101, [{"int": True}]])
def test_calls_that_are_none_earn_nothing(calls):
    name = "implement-output-size"
    hostile = record(name, 1) | {"value": calls}
    assert bank.paper(HOME[name], "ada").judge(name, hostile, NONCE, {}).share == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=20,
)


@given(value=JSON, whole=st.booleans(), name=st.sampled_from(sorted(ASKED)))
def test_no_json_breaks_it(value, whole, name):
    made = record(name, 1) | {"value": value} if whole else value
    found = bank.paper(HOME[name], "ada").judge(name, made, NONCE, {})
    assert 0 <= found.share <= 1
    assert found.sentences
    assert "could not be judged" not in found.sentences[0]


def test_a_question_that_there_is_not_is_told_and_calls_a_person():
    found = bank.paper("padding", "ada").judge("no-such", GOOD, NONCE, {})
    assert found.share == 0
    assert "there is no question 'no-such'" in found.for_instructor


# --- What a grade cell asks --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ('check("padded-input", padded_input)', "padded-input"),
        ("# a remark\ncheck('padded-input', x + 1)  # another", "padded-input"),
        ("assert x == 1", None),
        ("", None),
        ("%matplotlib inline\nassert True", None),
        ("checks('padded-input', x)", None),
    ],
)
def test_a_grade_cell_is_read(source, asked):
    assert bank.question("any", source) == asked


@pytest.mark.parametrize(
    "source",
    [
        'check("padded-input", x)\nassert x',
        'check("padded-input")',
        "check(name, x)",
        'y = check("padded-input", x)',
        'check("padded-input", answer=x)',
        'check("no-such-question", x)',
    ],
)
def test_a_grade_cell_that_could_not_be_judged_is_an_error_of_the_course(source):
    with pytest.raises(ValueError, match=r"'the-cell'|no-such-question"):
        bank.question("the-cell", source)


def test_all_grade_cells_of_the_course_are_read():
    from sandboxed import code_cells

    for assignment in ASSIGNMENTS.values():
        cells = [cell for cell in code_cells(assignment.id) if cell.metadata.get("nbgrader")]
        graded = [cell for cell in cells if cell.metadata.nbgrader.grade]
        read = [bank.question(cell.metadata.nbgrader.grade_id, cell.source) for cell in graded]
        assert tuple(filter(None, read)) == assignment.questions


# --- In the order of the notebook ---------------------------------------------------------------


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_bank_has_its_questions_in_the_order_in_which_the_notebook_asks_them(assignment):
    # After the last function of the bank's order, the rest of the library is handed out.
    notebook = nbformat.read(ROOT / "source" / assignment / f"{assignment}.ipynb", as_version=4)
    asked = [
        bank.question(cell.metadata.nbgrader.grade_id, cell.source)
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade") and cell.cell_type == "code"
    ]
    assert [*filter(None, asked)] == [*ASSIGNMENTS[assignment].questions]
