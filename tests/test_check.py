"""What `check` tells a student, and what a grader sees of it."""

import itertools
import json
import subprocess
import sys
import time
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from cnnlesson import __version__, ask, begin, check
from cnnlesson.quiz import NotAnswered, PartlyRight, WrongAnswer, session
from cnnlesson.quiz.answers import Misfit, read
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.record import LARGEST, MIME, answer_record
from cnnlesson.quiz.taming import tamed
from cnnlesson.settings import shown


@pytest.fixture(autouse=True)
def fresh_notebook(monkeypatch):
    """Each test is a notebook of its own, which nobody has begun: the lesson's own numbers."""
    monkeypatch.setattr(session, "_current", session.Session())
    for name in ("CNNLESSON_STUDENT", "JUPYTERHUB_USER", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)


RIGHT = {
    "convolution-output-shape": (14, 14, 20),
    "number-of-parameters": 756_560,
    "parameter-sharing": 3_860,
}


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
    title, verdict, *_ = said.out.splitlines()
    assert title == QUESTIONS[question].title
    assert verdict == f"{shown(tamed(answer))} is right."
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


def refused(question, answer, kind=WrongAnswer):
    with pytest.raises(kind) as refused:
        check(question, answer)
    title, *lines = str(refused.value).splitlines()
    assert title == QUESTIONS[question].title
    return " ".join(lines)


def test_a_wrong_answer_is_told_why():
    assert refused("parameter-sharing", 1300) == (
        "1300 is not right. A filter reaches through all 3 channels of the input."
    )


def test_a_number_nobody_listed_leads_to_a_smaller_question():
    assert refused("parameter-sharing", 7) == (
        "7 is not right. How many weights and biases does one filter have, and how many "
        "different filters are there?"
    )


def test_a_partly_right_answer_is_told_so_and_still_raises():
    said = refused("parameter-sharing", 3840, PartlyRight)
    assert said == "3840 is not quite right. The biases are missing: every filter has one too."


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("parameter-sharing", None, "a whole number, not None"),
        ("parameter-sharing", "3860", "a whole number, not '3860'"),
        ("parameter-sharing", 3860.5, "a whole number, not 3860.5"),
        ("parameter-sharing", (14, 14, 20), "a whole number, not (14, 14, 20)"),
        ("parameter-sharing", np.float64("nan"), "a whole number, not nan"),
        ("convolution-output-shape", 14, "three whole numbers (height, width, depth), not 14"),
        ("convolution-output-shape", (14, 14), "(height, width, depth), not (14, 14)"),
        ("what-is-shared", "xyz", "one or more of the letters 'a', 'b', 'c', 'd', 'e', as in"),
        ("what-is-shared", "", "one or more of the letters"),
        ("what-sharing-saves", "ab", "one of the letters 'a', 'b', 'c', 'd', not 'ab'"),
        ("what-sharing-saves", 4, "one of the letters 'a', 'b', 'c', 'd', not 4"),
        ("what-sharing-saves", {"d": 1}, "one of the letters"),
    ],
)
def test_a_wrong_form_is_told_the_right_one(question, answer, said):
    assert said in refused(question, answer)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("what-sharing-saves", "d"),
        ("what-sharing-saves", " (D) "),
        ("what-sharing-saves", ["d"]),
        ("what-is-shared", "ac"),
        ("what-is-shared", "c, a"),
        ("what-is-shared", {"a", "c"}),
        ("what-is-shared", ["A", "C"]),
        ("what-is-shared", np.array(["a", "c"])),
    ],
)
def test_letters_are_accepted_in_every_fair_form(question, answer, capsys):
    check(question, answer)
    assert "is right" in capsys.readouterr().out


def test_half_a_pixel_is_told_where_it_comes_from():
    said = refused("convolution-output-shape", (13.5, 13.5, 20))
    assert "three whole numbers" in said
    assert "Padding is added on both sides" in said


def test_what_follows_from_an_earlier_answer_counts_and_says_so(capsys):
    refused("convolution-output-shape", (13, 13, 20))
    check("number-of-parameters", 652_340)
    said = capsys.readouterr().out
    assert "follows from your earlier answer" in said
    assert "is right." not in said.splitlines()[1]
    check("number-of-parameters", 756_560)
    refused("number-of-parameters", 988_160)


def test_everyone_has_numbers_of_their_own(capsys):
    begin("parameter-sharing", "ada")
    assert capsys.readouterr().out == "Parameter sharing: the questions of ada.\n"
    refused("parameter-sharing", 3_860)
    begin("parameter-sharing", " ADA@example.org ")
    assert "of ada." in capsys.readouterr().out
    check("one-filter", 193)  # the warm-up is the lesson's own


def test_nobodys_questions_are_a_sample(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    begin("parameter-sharing", ...)
    assert "a sample, since no student id is known" in capsys.readouterr().out
    refused("parameter-sharing", 3_860)


def test_a_hub_or_a_grader_knows_the_student_better_than_a_cell(monkeypatch, capsys):
    monkeypatch.setenv("JUPYTERHUB_USER", "grace")
    begin("parameter-sharing", "ada")
    assert "of grace." in capsys.readouterr().out
    monkeypatch.setenv("CNNLESSON_STUDENT", "lin")
    begin("parameter-sharing", "ada")
    assert "of lin." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("parameter-shoring", "ada"), "did you mean 'parameter-sharing'"),
        (("parameter-sharing", "a/b"), "the student id 'a/b' has '/' in it"),
        (("parameter-sharing", 7), "student_id must be text, not 7"),
    ],
)
def test_what_cannot_begin_says_why(arguments, said):
    with pytest.raises(ValueError, match=said):
        begin(*arguments)


def test_verdicts_can_wait_for_the_feedback(capsys, monkeypatch):
    begin("parameter-sharing", "ada", tell="after-grading")
    capsys.readouterr()
    for answer in (3_860, 7):
        check("parameter-sharing", answer)
        said = capsys.readouterr().out
        assert "has the right form" in said
        assert "after grading" in said
    assert "a whole number, not (1, 2)" in refused("parameter-sharing", (1, 2))
    with pytest.raises(NotAnswered):
        check("parameter-sharing", ...)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert "7 is not right" in refused("parameter-sharing", 7)
    with pytest.raises(ValueError, match="'now' or 'after-grading', not 'never'"):
        begin("parameter-sharing", "ada", tell="never")


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


def records(code):
    """The answer records that a cell leaves."""
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        shell.run_cell(f"from cnnlesson import check; import numpy as np\n{code}")
    data = [output.data for output in captured.outputs]
    return [each[MIME] for each in data if MIME in each]


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("3860", {"value": 3860}),
        ("np.int64(3860)", {"value": 3860}),
        ("3860.5", {"value": 3860.5}),
        ("(14, np.array([14, 20]))", {"value": [14, [14, 20]]}),
        ("{'c', 'a'}", {"value": ["a", "c"]}),
        ("None", {"value": None}),
        ("...", {"unanswered": True}),
        ("float('nan')", {"unreadable": "nan"}),
        ("object", {"unreadable": "<class 'object'>"}),
        ("'\\0\\ud800'", {"value": "\ufffd?"}),
        ("[[[[[[[1]]]]]]]", {"unreadable": "[[[[[[a list of length 1]]]]]]"}),
        ("['x' * 1000] * 1000", {"unreadable": "an answer of more than 256 KB"}),
    ],
)
def test_a_cell_leaves_a_plain_record_of_its_answer(answer, left):
    (record,) = records(f"check('parameter-sharing', {answer})")
    about = {"schema": 1, "library": __version__, "question": "parameter-sharing", "variant": ""}
    assert record == about | left
    assert json.loads(json.dumps(record, allow_nan=False)) == record


def test_a_right_answer_unlocks_the_work():
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        shell.run_cell("from cnnlesson import check; check('parameter-sharing', 3860)")
    _, work = captured.outputs
    assert "<summary>Show the work</summary>" in work.data["text/markdown"]
    assert "3860" in work.data["text/plain"]


def test_the_students_side_loads_neither_a_server_nor_nbgrader_nor_numpy():
    heavy = ("nbgrader", "jupyter_server", "jupyterlab", "IPython", "numpy", "cnnlesson.grading")
    script = f"import sys, cnnlesson; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout.strip() == "[]"


def test_a_silly_answer_after_a_right_one_makes_nothing_that_follows_right():
    check("convolution-output-shape", (14, 14, 20))
    refused("convolution-output-shape", (1, 1, 1))
    refused("number-of-neurons", 1)
    check("number-of-neurons", 14 * 14 * 20)


def test_beginning_again_forgets_nothing_and_another_student_starts_afresh():
    begin("parameter-sharing", "ada")
    with pytest.raises(WrongAnswer):
        check("convolution-output-shape", (2, 2, 2))
    begin("parameter-sharing", " ADA@uni.edu")
    check("number-of-neurons", 8)
    begin("parameter-sharing", "grace")
    refused("number-of-neurons", 8)


def test_an_answer_that_leaves_nothing_to_count_earns_nothing_later():
    refused("convolution-output-shape", (1, 1, 20))
    for question, answer in (("number-of-neurons", 20), ("neurons-of-one-filter", 1)):
        refused(question, answer)


def test_a_grader_needs_no_begin(monkeypatch):
    monkeypatch.setattr(session, "_current", session.Session(begun=False))
    monkeypatch.setenv("CNNLESSON_STUDENT", "a+b")
    card = ask("number-of-neurons")
    graded = card.setup
    monkeypatch.delenv("CNNLESSON_STUDENT")
    monkeypatch.setenv("JUPYTERHUB_USER", "a+b")
    begin("parameter-sharing", ...)
    assert ask("number-of-neurons").setup == graded


@pytest.mark.parametrize("garbage", [7, None, [], object()])
def test_what_stands_in_the_identity_cell_does_not_matter_to_a_grader(garbage, monkeypatch, capsys):
    monkeypatch.setenv("CNNLESSON_STUDENT", "ada")
    begin("parameter-sharing", garbage)
    assert "of ada." in capsys.readouterr().out


def test_a_card_before_begin_says_whose_numbers_it_has(monkeypatch, capsys):
    monkeypatch.setattr(session, "_current", session.Session(begun=False))
    ask("number-of-neurons")
    assert "run the cell with `begin` for yours" in capsys.readouterr().out


def test_before_grading_a_wrong_form_tells_nothing_of_the_number():
    told = refused("convolution-output-shape", (13.5, 13.5, 20))
    assert "Padding" in told
    session._current = session.Session(tell="after-grading")
    untold = refused("convolution-output-shape", (13.5, 13.5, 20))
    assert told.startswith(untold)
    assert "Padding" not in untold


# --- hostile answers ---------------------------------------------------------------------------


def boom(*_):
    raise RuntimeError("boom")


def endless(_):
    return itertools.count()


def evil(base, value=(), **methods):
    return type("Evil", (base,), methods)(*([value] if value != () else []))


SELF = []
SELF.append(SELF)
DEEP = 1
for _ in range(10_000):
    DEEP = [DEEP]
BOX = np.empty((), dtype=object)
BOX[()] = BOX

HOSTILE = {
    "compares": evil(int, 5, __eq__=lambda *_: True, __hash__=lambda _: 0),
    "hashes": evil(int, 5, __hash__=boom),
    "converts": evil(int, 5, __int__=boom, __index__=boom, __abs__=boom, numerator=property(boom)),
    "ratio": evil(float, 5.0, __float__=boom, as_integer_ratio=lambda _: (1, 0)),
    "fraction": evil(Fraction, 5, denominator=property(lambda _: 0)),
    "text": evil(str, "a", strip=boom, lower=boom, __iter__=endless, __hash__=boom),
    "length": evil(list, [1], __len__=boom),
    "walk": evil(list, [1, 2, 3], __iter__=boom),
    "endless list": evil(list, [1, 2, 3], __iter__=endless),
    "endless tuple": evil(tuple, (1, 2, 3), __iter__=endless),
    "endless set": evil(set, {"a"}, __iter__=endless),
    "part": [evil(object, __str__=boom, __repr__=boom), "a"],
    "exits": evil(object, __repr__=lambda _: sys.exit(3)),
    "writes": evil(object, __repr__=lambda _: "\ud800\x1b[2J\0\nTraceback"),
    "class": evil(object, __class__=property(boom)),
    "claims": evil(object, __class__=property(lambda _: list)),
    "attributes": evil(object, __getattribute__=boom),
    "poses": evil(object, __module__="numpy", tolist=lambda _: [1] * 10**7),
    "itself": SELF,
    "deep": DEEP,
    "box": BOX,
    "many": list(range(10**6)),
    "many sets": set(range(10**6)),
    "wide": [[1] * 1000] * 1000,
    "array": np.zeros(10**7, dtype=np.int8),
    "larger than memory": np.broadcast_to(np.int8(1), (10**6, 10**6)),
    "structured": np.zeros(3, dtype=[("a", int), ("b", "O")]),
    "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    "precise": np.longdouble(5),
    "moment": np.datetime64("2020"),
    "generator": itertools.count(),
    "range": range(10**30),
    "digits": 1 << 10**7,
    "three of digits": (10**5000,) * 3,
    "layers of digits": [(10**5000,) * 4] * 2,
    "fine": Fraction(1, 10**10_000),
    "decimal": Decimal("1e1000000"),
    "letters": "a" * 10**8,
    "surrogate": "\ud83d",
    "controls": "\x1b[2J\r\b\u202e",
}


def assert_kind(question, answer):
    """Whatever it is, it ends in a short message, soon, and leaves a small plain record."""
    began = time.process_time()
    with pytest.raises((WrongAnswer, NotAnswered)) as refused:
        check(question, answer)
    left = answer_record(question, "", answer, "1")
    assert time.process_time() - began < 2
    message = str(refused.value)
    assert max(map(len, message.splitlines())) < 80
    assert len(message) < 1000
    assert message.replace("\n", "").isprintable()
    text = json.dumps(left, allow_nan=False, ensure_ascii=False)
    assert len(text.encode()) <= LARGEST
    assert json.loads(text) == left


# One question of each; none to which "a", which several of these answers are, is right.
EVERY_KIND = list(
    {
        (q.kind, q.fails is None): q.id
        for q in QUESTIONS.values()
        if not q.choices or q.right_answer(q.numbers.lesson) not in ("a", frozenset("a"))
    }.values()
)


@pytest.mark.parametrize("question", EVERY_KIND)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_harms_nobody(question, name):
    assert_kind(question, HOSTILE[name])


ATOMS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.fractions()
    | st.text(max_size=9)
    | st.binary(max_size=9)
    | st.sampled_from([..., 10**4000, 1e308, np.int8(3), np.bool_(True), np.array(5), object, "ab"])
)
VALUES = st.recursive(
    ATOMS,
    lambda each: (
        st.lists(each, max_size=4)
        | st.lists(each, max_size=4).map(tuple)
        | st.tuples(each, each)
        | st.tuples(each, each, each)
        | st.dictionaries(st.text(max_size=3), each, max_size=3)
        | st.frozensets(st.integers() | st.text(max_size=2) | st.none(), max_size=3)
    ),
    max_leaves=30,
)


@pytest.mark.parametrize("question", EVERY_KIND)
@given(answer=VALUES)
def test_no_value_breaks_check(question, answer):
    session._current = session.Session()
    try:
        assert_kind(question, answer)
    except pytest.fail.Exception:
        found = judge(QUESTIONS[question], QUESTIONS[question].numbers.lesson, answer)
        assert found.outcome is Outcome.RIGHT


FOLLOWING = [q.id for q in QUESTIONS.values() if q.follows]


@pytest.mark.parametrize("question", FOLLOWING)
@given(
    earlier=st.integers() | st.tuples(*[st.integers(-2, 9)] * 3) | st.just((10**4000,) * 3),
    answer=st.integers() | st.tuples(st.integers(), st.integers()),
)
def test_nothing_breaks_by_following_a_silly_answer(question, earlier, answer):
    follows = QUESTIONS[question].follows
    before = read(QUESTIONS[follows.question], earlier)
    if not isinstance(before, Misfit):
        setup = QUESTIONS[question].numbers.lesson
        judge(QUESTIONS[question], setup, answer, {follows.question: before})
