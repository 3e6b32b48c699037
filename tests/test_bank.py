"""Every question of every assignment, in the lesson's numbers and in many students' own."""

import math
import re
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from types import ModuleType, SimpleNamespace

import pytest

from cnnlesson.quiz import answers, bank, diagnosis
from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS, building
from cnnlesson.quiz.bank.objectives import LESSONS
from cnnlesson.quiz.cards import card_of
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.questions import Kind, Misconception
from cnnlesson.quiz.session import variant
from cnnlesson.quiz.setups import Numbers

STUDENTS = [f"student-{number}" for number in range(25)]
ALL = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
# Set-ups depend on a question's numbers alone, so one question stands for all that share them.
BY_NUMBERS = {question.numbers.id: question for question in QUESTIONS.values()}
OF_EACH_NUMBERS = pytest.mark.parametrize("question", BY_NUMBERS.values(), ids=BY_NUMBERS)
JUDGED = pytest.mark.parametrize(
    "question",
    [question for question in QUESTIONS.values() if question.kind is not Kind.FUNCTION],
    ids=[question.id for question in QUESTIONS.values() if question.kind is not Kind.FUNCTION],
)


def setups(question, students=STUDENTS):
    """The lesson's set-up, some students', and some practice cards'."""
    variants = [bank.LESSON, *(variant("any", student) for student in students), "practice/0"]
    return list(dict.fromkeys(bank.setup(question, each) for each in variants))


def shown(question, setup, answer):
    """An answer as a student gives it, whose choices are in an order of their own."""
    if not question.choices:
        return answer
    at = question.letters(setup)
    return "".join(at[letter] for letter in sorted(answer))


def numbers_in(text):
    return {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*", text)}


def test_every_question_belongs_to_one_assignment_or_is_for_practice():
    asked = [name for assignment in ASSIGNMENTS.values() for name in assignment.questions]
    practised = [question.id for question in building.QUESTIONS]
    assert sorted(asked + practised) == sorted(QUESTIONS)


def test_no_question_asks_for_what_its_lessons_have_not_taught():
    lessons = list(LESSONS)
    for assignment in ASSIGNMENTS.values():
        taught = lessons[: lessons.index(assignment.after) + 1]
        for name in assignment.questions:
            assert any(QUESTIONS[name].objective in LESSONS[lesson] for lesson in taught), name


@ALL
def test_a_card_is_complete(question):
    for setup in setups(question, STUDENTS[:5]):
        card = card_of(question, setup)
        for text in (repr(card), card._repr_markdown_()):
            assert card.prompt in text
            assert not re.search(r"\{g\.|None|<.*lambda", text)
            for _, value in setup.rows():
                assert value in text
        assert card.prompt[0].isupper()
        assert "?" in card.prompt or card.prompt.rstrip().endswith((".", "`."))


@JUDGED
def test_the_right_answer_has_the_form_and_is_right(question):
    for setup in setups(question):
        right = question.right_answer(setup)
        given = shown(question, setup, right)
        if not question.choices:
            assert answers.read(question, given) == right
        verdict = judge(question, setup, given)
        assert (verdict.outcome, verdict.share, verdict.sentences) == (Outcome.RIGHT, 1, ())
        if question.assemble is not None:
            assert question.assemble(**question.pieces(setup)) == right


@JUDGED
def test_no_explained_answer_is_right_and_every_one_is_explained(question):
    for setup in setups(question, STUDENTS[:10]):
        right = question.right_answer(setup)
        for value, explained in diagnosis.explanations(question, setup).items():
            assert value != right
            if isinstance(value, Fraction) or (
                isinstance(value, tuple) and any(isinstance(n, Fraction) for n in value)
            ):
                continue  # which is told first that it must be whole
            verdict = judge(question, setup, shown(question, setup, value))
            assert verdict.outcome in (Outcome.WRONG, Outcome.PARTLY, Outcome.MISFIT)
            assert verdict.sentences
            assert verdict.share == (Fraction(1, 2) if verdict.outcome is Outcome.PARTLY else 0)
            if verdict.outcome is not Outcome.MISFIT:
                assert set(verdict.misconceptions) == {
                    each.id for explanation in explained for each in explanation
                }


@JUDGED
def test_no_sentence_holds_the_right_number(question):
    for setup in setups(question, STUDENTS[:20]):
        right = question.right_answer(setup)
        if not isinstance(right, int):
            continue
        shown_anyway = numbers_in(card_of(question, setup).prompt) | {
            number for _, value in setup.rows() for number in numbers_in(value)
        }
        for misconception in question.misconceptions:
            told = numbers_in(misconception.say.format(g=setup, at={})) - shown_anyway
            assert right not in told - set(range(5)), misconception.id
        assert right not in numbers_in(question.next_step.format(g=setup)) - shown_anyway


@JUDGED
def test_a_number_nobody_listed_gets_the_next_smaller_question(question):
    if question.fails is not None or question.kind in (Kind.CHOICE, Kind.SEVERAL):
        pytest.skip("no plain number is asked for")
    for setup in setups(question, STUDENTS[:5]):
        strange = 1_000_003 if len(question.names) == 1 else (1_000_003,) * len(question.names)
        (sentence,) = judge(question, setup, strange).sentences
        assert sentence == question.next_step.format(g=setup)
        assert sentence.endswith("?")


@JUDGED
def test_every_misconception_shows_in_some_variant(question):
    if question.fails is not None:
        pytest.skip("a design is judged by its properties")
    seen = set()
    for setup in setups(question, [f"one-of-many-{number}" for number in range(60)]):
        for explained in diagnosis.explanations(question, setup).values():
            seen |= {each.id for explanation in explained for each in explanation}
    never = {each.id for each in question.misconceptions} - seen
    assert never <= NEVER_HERE.get(question.id, set())


NEVER_HERE = {  # for numbers that these questions' students never get
    name: {"dilation-counted", "dilation-ignored"}
    for name in (
        "one-filter",
        "convolution-output-shape",
        "number-of-neurons",
        "neurons-of-one-filter",
        "number-of-parameters",
        "parameter-sharing",
        "sharing-ratio",
        "larger-image",
        "larger-image-unshared",
    )
}


@JUDGED
def test_a_right_number_unlocks_the_work(question):
    if question.kind in (Kind.INTEGER, Kind.SIZE, Kind.SHAPE) and question.numbers.draw:
        for setup in setups(question, STUDENTS[:3]):
            assert repr(question.work(setup))
            assert question.work(setup)._repr_markdown_()


@OF_EACH_NUMBERS
def test_many_students_get_many_set_ups_or_it_is_the_same_for_all(question):
    """As few share theirs as chance has it: of 500 with n set-ups, 500 · 499 / 2n pairs."""
    if question.numbers.draw is None:
        assert len(set(setups(question))) == 1
        return
    drawn = [bank.setup(question, variant("any", f"{number}")) for number in range(700)]
    assert len(set(drawn)) >= 500
    assert question.numbers.lesson not in drawn
    shared = Counter(drawn[:500])
    assert sum(students == 1 for students in shared.values()) >= 250
    assert math.isclose(len(shared), 500, rel_tol=0.35)


@ALL
def test_a_set_up_that_is_drawn_tells_wrong_answers_apart(question):
    for setup in setups(question)[1:]:
        wanted = min(question.tells_apart, len(question.misconceptions))
        assert diagnosis.apart(question, setup) >= wanted


@OF_EACH_NUMBERS
def test_practice_never_has_a_graded_questions_numbers(question):
    if question.numbers.draw is None:
        return
    graded = {bank.setup(question, variant("any", student)) for student in map(str, range(300))}
    practised = {bank.setup(question, f"practice/{number}") for number in range(60)}
    assert not graded & practised
    assert question.numbers.lesson not in practised


def test_numbers_depend_on_the_student_and_the_assignment_alone():
    question = QUESTIONS["number-of-parameters"]
    ada = bank.setup(question, variant("parameter-sharing", "ada"))
    bank.setup.cache_clear()
    assert bank.setup(question, variant("parameter-sharing", "ada")) == ada
    assert bank.setup(question, variant("parameter-sharing", "adb")) != ada
    assert bank.setup(question, variant("padding", "ada")) != ada
    # Pinned: a change here gives every student of every course other numbers.
    assert variant("parameter-sharing", "ada") == "d53107fcaae3"


def test_questions_with_the_same_numbers_have_the_same_set_up():
    mine = variant("parameter-sharing", "ada")
    for question in QUESTIONS.values():
        representative = BY_NUMBERS[question.numbers.id]
        assert question.numbers is representative.numbers
        assert bank.setup(question, mine) == bank.setup(representative, mine)


@pytest.mark.parametrize("name", [q.id for q in QUESTIONS.values() if q.choices])
def test_choices_come_in_an_order_of_ones_own(name):
    question = QUESTIONS[name]
    own = sorted(question.choices)
    assert question.letters(question.numbers.lesson) == {letter: letter for letter in own}
    orders = set()
    for setup in setups(question)[1:]:
        letters = question.letters(setup)
        assert sorted(letters) == sorted(letters.values()) == own
        orders.add(tuple(letters[letter] for letter in own))
        card = card_of(question, setup)
        assert [letter for letter, _ in card.choices] == own
        for letter, text in question.choices.items():
            assert card.letter_of(text.format(g=setup)) == letters[letter]
    assert len(orders) > 5 if question.shuffled else len(orders) == 1


# --- What an author may get wrong ------------------------------------------------------------


SAID = "At the last numbers, Layer(input_shape=("


@pytest.mark.parametrize(
    ("formulas", "said"),
    [
        ({"a": lambda g: g.K + 1, "same": lambda g: g.K}, "'same' leads to the right answer"),
        ({"a": lambda g: g.F, "b": lambda g: g.F}, "'a' and 'b' lead to the same answer"),
        ({"half": lambda g: Fraction(1, 2), "no": lambda g: 0}, "'half' and 'no' lead to the same"),
    ],
)
def test_wrong_answers_that_are_always_alike_are_told_by_name(monkeypatch, formulas, said):
    numbers = replace(QUESTIONS["number-of-parameters"].numbers)
    question = replace(
        QUESTIONS["number-of-parameters"],
        id="mine",
        numbers=numbers,
        right_answer=lambda g: g.K,
        misconceptions=tuple(
            Misconception(name, "That is not it.", formula) for name, formula in formulas.items()
        ),
        pieces=None,
    )
    monkeypatch.setitem(QUESTIONS, "mine", question)
    with pytest.raises(ValueError, match="the question 'mine' can be asked with") as raised:
        bank.setup(question, variant("any", "ada"))
    assert SAID in str(raised.value)
    assert f": of 'mine', {said}" in str(raised.value)


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ((7,), "they are the lesson's own, and nothing else was drawn"),
        ((7, 9), "they are the lesson's own, or are kept for practice cards"),
    ],
)
def test_too_few_numbers_to_draw_from_are_told(choices, said):
    numbers = Numbers("few", 7, lambda draw: draw.pick(choices))
    question = replace(QUESTIONS["number-of-parameters"], id="mine", numbers=numbers)
    with pytest.raises(ValueError, match="'mine' can be asked with: ") as raised:
        bank.setup(question, variant("any", "ada"))
    assert said in str(raised.value)
    assert "pick from more" in str(raised.value)


@pytest.mark.parametrize("kind", ["question", "assignment"])
def test_an_id_that_is_taken_is_refused_with_both_places(kind):
    mine, padding = ModuleType("bank.mine"), ModuleType("bank.padding")
    entries = [(padding, SimpleNamespace(id="padded")), (mine, SimpleNamespace(id="padded"))]
    with pytest.raises(ValueError, match=r"'padded', in bank\.padding and in bank\.mine"):
        bank._by_id(kind, entries)


def test_an_assignment_that_is_not_made_known_yet_is_told_from_one_that_is_not_there():
    with pytest.raises(ValueError, match=r"'building'; building\.py is there, so make it known in"):
        bank.find_assignment("building")
    for name in ("poolin", "../bank", ...):
        with pytest.raises(ValueError, match="; there are padding, "):
            bank.find_assignment(name)


def test_a_text_that_cannot_be_filled_in_is_told_with_its_question():
    question = replace(QUESTIONS["number-of-parameters"], id="mine", prompt="Of {g.Q} filters?")
    with pytest.raises(ValueError, match=r"of the question 'mine' .* no attribute 'Q'"):
        card_of(question, question.numbers.lesson)
