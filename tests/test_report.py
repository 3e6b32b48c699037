"""The report on a class: what it counts, what it shows, and that nothing in it acts."""

import csv
import io
import json
import math
import re
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pytest
from access import DESKTOP, PHONE, SCHEMES, scrolls_sideways, violations
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.api import Gradebook

from cnnlesson.grading.judging import FINDING
from cnnlesson.grading.nodes import new_cell, new_notebook, new_output
from cnnlesson.grading.report import counting, files, gathering, report
from cnnlesson.grading.report.counting import discrimination, figures, held
from cnnlesson.grading.report.gathering import ERROR, TIME_OUT, Answer, Asked, ClassWork, Work
from cnnlesson.grading.secure import let_alembic_be_found

MADE = datetime(2026, 2, 1, 8, 30, tzinfo=UTC)
HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "<img src=x onerror=\"document.title='taken'\">",
    "</script><script>document.title='taken'</script>",
    "\" autofocus onfocus=\"document.title='taken'",
    "{{ 7 * 7 }} {% raw %}",
    '=HYPERLINK("http://127.0.0.1:9/")',
    "\N{RIGHT-TO-LEFT OVERRIDE}gnp.exe",
]


def class_of(*works, questions=("one", "two", "three"), points=1.0, missing=()):
    """A class whose questions all have the same points."""
    asked = tuple(Asked(each, points, each) for each in questions)
    students = {each.student: "" for each in works} | dict.fromkeys(missing, "")
    return ClassWork("padding", asked, tuple(works), students)


def work(student, *answers, questions=("one", "two", "three"), **settings):
    """What a student handed in, by shares of the points, or by answers."""
    told = [each if isinstance(each, Answer) else Answer(each) for each in answers]
    points = sum(each.share or 0 for each in told)
    return Work(student, points, answers=dict(zip(questions, told, strict=True)), **settings)


def counted(some, *, bank=None, names=True):
    return figures(some, bank, lambda student: student, names=names)


def shows(*explanations):
    """An answer that each of these leads to: a misconception, or several together."""
    together = ((each,) if isinstance(each, str) else each for each in explanations)
    return Answer(0.0, explanations=tuple(together))


# What is counted


def test_a_question_is_right_for_whom_it_earns_all_points():
    found = counted(class_of(work("a", 1, 0.5, 0), work("b", 1, 1, 0), work("c", 1, 0, 0.5)))
    assert [each.right for each in found.questions] == [3, 1, 0]
    assert [each.share_right for each in found.questions] == [1, 1 / 3, 0]
    assert [each.mean_share for each in found.questions] == [1, 0.5, 0.5 / 3]


def test_what_is_still_to_be_graded_is_in_no_share_until_it_is_for_all():
    """Else a question of which blank answers alone have their points looks all wrong."""
    waits, blank = Answer(None), Answer(0.0, answered=False)
    found = counted(class_of(work("a", 1, 1, waits), work("b", 1, 0, blank)))
    last = found.questions[-1]
    assert (last.waiting, last.graded, last.share_right, last.mean_share) == (1, 1, None, None)
    assert found.waiting == 1
    assert {each.student: each.percent for each in found.per_student} == {"a": 100, "b": 50}


def test_blank_late_missing_errors_and_time_outs_are_told_apart():
    blank = Answer(0.0, answered=False)
    failed = Answer(0.0, answered=False, trouble=ERROR)
    stuck = Answer(0.0, answered=False, trouble=TIME_OUT)
    found = counted(
        class_of(
            work("ada", 1, 1, 1),
            work("bob", blank, blank, blank, seconds_late=7200),
            work("cem", failed, stuck, blank),
            missing=["dot"],
        )
    )
    assert (found.students, found.handed_in, found.blank, found.late) == (4, 3, 1, 1)
    assert [each.blank for each in found.questions] == [1, 1, 2]
    assert [each.errors for each in found.questions] == [1, 0, 0]
    assert [each.time_outs for each in found.questions] == [0, 1, 0]
    reasons = {each.student: each.reasons for each in found.per_student}
    assert reasons == {
        "ada": (),
        "bob": ("answered nothing",),
        "cem": ("has 0 % of the points", "wrote a cell that did not end"),
        "dot": ("handed nothing in",),
    }
    assert [each.student for each in found.per_student] == ["dot", "bob", "cem", "ada"]
    assert found.per_student[1].hours_late == 2


def test_a_penalty_takes_points_and_never_more_than_there_are():
    found = counted(class_of(work("a", 1, 1, 1, penalty=2.0), work("b", 1, 0, 0, penalty=5.0)))
    assert {each.student: each.points for each in found.per_student} == {"a": 1, "b": 0}
    assert found.mean == pytest.approx((100 + 100 / 3) / 2)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_every_student_is_in_the_distribution_once(shares):
    found = counted(class_of(*(work(str(at), each, each, each) for at, each in enumerate(shares))))
    assert sum(found.distribution) == len(shares)
    assert found.distribution[-1] == sum(
        100 * each.percent // 1 / 100 >= 90 for each in found.per_student
    )


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 40)), min_size=10, max_size=60))
def test_discrimination_is_pearsons_correlation_with_the_other_questions(pairs):
    pairs = [(one / 4, rest / 40) for one, rest in pairs]
    found = discrimination(pairs)
    if any(len(set(each)) == 1 for each in zip(*pairs, strict=True)):
        assert found is None
    else:
        assert math.isclose(found, np.corrcoef(np.transpose(pairs))[0, 1], abs_tol=1e-9)


def test_discrimination_leaves_the_question_itself_out_of_the_total():
    works = [work(f"s{at:02}", at % 2, at % 3 == 0, at % 5 == 0) for at in range(30)]
    matrix = np.array(
        [[each.answers[q].share for q in ("one", "two", "three")] for each in works], float
    )
    found = counted(class_of(*works)).questions
    for place, question in enumerate(found):
        rest = matrix.sum(axis=1) - matrix[:, place]
        assert question.discrimination == pytest.approx(np.corrcoef(matrix[:, place], rest)[0, 1])


def test_of_few_students_no_discrimination_is_told_and_blank_ones_do_not_count():
    works = [work(f"s{at}", at % 2, at % 3 == 0, 1) for at in range(counting.FEWEST - 1)]
    blank = Answer(0.0, answered=False)
    works += [work(f"t{at}", blank, blank, blank) for at in range(20)]
    assert {each.discrimination for each in counted(class_of(*works)).questions} == {None}


# Misconceptions


def test_a_misconception_counts_once_for_a_student_and_on_each_question_where_it_shows():
    found = counted(
        class_of(
            work("a", shows("no-bias"), shows("no-bias"), 1),
            work("b", 1, shows("no-bias"), shows("stride")),
        )
    ).misconceptions
    assert [(each.id, each.students) for each in found] == [("no-bias", 2), ("stride", 1)]
    assert found[0].questions == {"two": 2, "one": 1}


def test_an_answer_of_several_explanations_counts_in_parts_unless_one_shows_elsewhere():
    either = shows("once", "twice")
    assert held(work("a", either, 1, 1)) == {"once": 0.5, "twice": 0.5}
    assert held(work("a", either, shows("once"), 1)) == {"once": 1, "twice": 0}
    (once, twice) = counted(
        class_of(work("a", either, shows("once"), 1), work("b", either, 1, 1))
    ).misconceptions
    assert (once.id, once.clearly, once.students, once.at_most) == ("once", 1, 1.5, 2)
    assert (twice.id, twice.clearly, twice.students, twice.at_most) == ("twice", 0, 0.5, 2)


def test_what_an_answer_may_come_from_instead_is_told_of_those_who_leave_it_open():
    either, three = shows("once", "twice"), shows("once", "twice", "thrice")
    found = counted(
        class_of(
            work("a", either, three, 1),
            work("b", either, 1, 1),
            work("c", either, shows("once"), 1),
            work("d", shows(("once", "late")), 1, 1),
        )
    ).misconceptions
    assert {each.id: each.instead for each in found} == {
        "once": {"twice": 2, "thrice": 1},
        "twice": {"once": 3, "thrice": 1},
        "thrice": {"once": 1, "twice": 1},
        "late": {},
    }


def test_what_is_in_all_explanations_is_not_there_instead():
    either = shows(("width", "no-bias"), ("width", "one-bias"))
    found = counted(class_of(work("a", either, 1, 1))).misconceptions
    assert {each.id: each.instead for each in found} == {
        "width": {},
        "no-bias": {"one-bias": 1},
        "one-bias": {"no-bias": 1},
    }


def test_two_together_count_in_parts_unless_one_shows_elsewhere():
    both = shows(("no-bias", "stride-ignored"))
    assert held(work("ada", both, 1, 1)) == {"no-bias": 0.5, "stride-ignored": 0.5}
    # Where one is held, the other is what the answer takes besides.
    assert held(work("ada", both, shows("no-bias"), 1)) == {"no-bias": 1, "stride-ignored": 1}
    either = shows(("no-bias", "stride-ignored"), ("no-bias", "depth-kept"))
    assert held(work("ada", either, 1, 1)) == {
        "no-bias": 0.5,
        "stride-ignored": 0.25,
        "depth-kept": 0.25,
    }
    some = counted(class_of(work("ada", both, 1, 1), work("bob", 1, 1, 1))).misconceptions
    assert {(each.clearly, each.at_most, each.students) for each in some} == {(0, 1, 0.5)}


def test_what_the_judge_found_is_read_alone_and_together():
    told = ["a", ["b", "c"], "a", [], 7, ["d", 7], {}]
    assert gathering._explanations(told) == (("a",), ("b", "c"), ("d",))
    assert gathering._explanations("a") == ()


@given(
    st.lists(
        st.tuples(*[st.lists(st.sampled_from("abcd"), max_size=3, unique=True)] * 3), min_size=1
    )
)
def test_about_lies_between_clearly_and_at_most_and_they_are_ranked_by_it(answers):
    works = [work(str(at), *(shows(*each) for each in row)) for at, row in enumerate(answers)]
    found = counted(class_of(*works)).misconceptions
    for each in found:
        assert each.clearly <= each.students + 1e-6
        assert each.students <= each.at_most + 1e-6
        assert each.at_most <= len(works)
    assert [each.students for each in found] == sorted(
        (each.students for each in found), reverse=True
    )


def test_one_who_shows_a_misconception_often_may_need_help():
    found = counted(class_of(work("a", *[shows("stride")] * counting.OFTEN)))
    assert found.per_student[0].reasons[-1] == f"shows stride on {counting.OFTEN} questions"


class Bank:
    def title(self, question):
        return {"one": "One Filter"}[question]

    def sentence(self, question, misconception):
        return f"{misconception} at {question}"


def test_a_bank_lends_its_words_and_without_them_ids_stand():
    some = class_of(work("a", shows("stride"), shows("stride"), 1))
    for bank, titles, sentence in [
        (Bank(), ["One Filter", "two", "three"], "stride at one"),
        (object(), ["one", "two", "three"], ""),
        (None, ["one", "two", "three"], ""),
    ]:
        found = counted(some, bank=bank)
        assert [each.title for each in found.questions] == titles
        assert found.misconceptions[0].sentence == sentence


# The files


def test_json_and_csv_hold_the_same_numbers():
    found = counted(class_of(work("a", 1, 0.25, shows("x", "y")), work("b", 1, 1, Answer(None))))
    told = json.loads(files.as_json(found, MADE))
    tables = {
        name: list(csv.DictReader(content.splitlines()))
        for name, content in files.as_csv(found).items()
    }
    for key, name in [
        ("questions", "questions.csv"),
        ("misconceptions", "misconceptions.csv"),
        ("per_student", "students.csv"),
    ]:
        assert len(tables[name]) == len(told[key]) > 0
        for row, same in zip(tables[name], told[key], strict=True):
            assert row.keys() == same.keys()
            for column, value in same.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    assert float(row[column]) == pytest.approx(value, rel=1e-5)
                elif value is None:
                    assert row[column] == ""


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", " =", "\t", "\r", "＝"])
def test_no_cell_of_a_spreadsheet_begins_a_formula(begin):
    text = f"{begin}1+1"
    found = counted(class_of(work(text, 1, 1, 1)))
    table = files.as_csv(found)["students.csv"]
    (row,) = csv.DictReader(io.StringIO(table, newline=""))
    assert row["student"] == f"'{text}"


# A course, written as grading leaves it


def graded_cell(name, finding=None):
    cell = new_cell("code", f"check({name!r}, answer)", name)
    cell.metadata.nbgrader = {"grade_id": name, "grade": True, "solution": False}
    kept = {FINDING: finding} if finding else {}
    cell.outputs = [
        new_output("display_data", data={"text/plain": "said"}, metadata=kept),
        new_output("execute_result", data={"text/plain": "1.0"}),
    ]
    return cell


def answer_cell(name, source="answer = 1", error=""):
    cell = new_cell("code", source, f"{name}-answer")
    cell.metadata.nbgrader = {"grade_id": f"{name}-answer", "grade": False, "solution": True}
    if error:
        cell.outputs = [new_output("error", ename=error)]
    return cell


def notebook_of(answers):
    """A graded notebook: by question the source, the answer's error, and the finding."""
    cells = []
    for name, (source, error, finding) in answers.items():
        cells += [answer_cell(name, source, error), graded_cell(name, finding=finding)]
    return json.dumps(new_notebook(cells=cells))


def found_by_the_judge(name, *misconceptions, answered=True, error=""):
    return {
        "question": name,
        "answered": answered,
        "misconceptions": list(misconceptions),
        "error": error,
    }


def write_course(folder, students, questions, config=""):
    """Write a gradebook and graded notebooks.

    Args:
        folder: of the course.
        students: by id, the name, the points of each question, and the notebook.
        questions: their ids.
        config: the course's configuration.
    """
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{config}", encoding="utf-8")
    due = datetime(2026, 1, 30, 12)
    let_alembic_be_found()
    with Gradebook(f"sqlite:///{folder}/gradebook.db") as gradebook:
        gradebook.add_assignment("padding", duedate=due)
        gradebook.add_notebook("padding", "padding")
        for name in questions:
            settings = {"max_score": 1, "cell_type": "code"}
            gradebook.add_grade_cell(name, "padding", "padding", **settings)
            stub = {"source": "answer = ...", "cell_type": "code"}
            gradebook.add_source_cell(f"{name}-answer", "padding", "padding", **stub)
        notebook = gradebook.find_notebook("padding", "padding")
        cells = {each.name: each for each in notebook.grade_cells}
        assignment = gradebook.find_assignment("padding")
        fill(gradebook, assignment, notebook, cells, students, due)
    for student, (_, _, text) in students.items():
        if text is not None:
            path = folder / "autograded" / student / "padding" / "padding.ipynb"
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
    return folder


def fill(gradebook, assignment, notebook, cells, students, due):
    """Add students and their points, all at once: nbgrader commits each one."""
    from nbgrader.api import Grade, Student, SubmittedAssignment, SubmittedNotebook

    for place, (student, (name, points, _)) in enumerate(students.items()):
        known = Student(id=student, first_name=name, last_name="")
        gradebook.db.add(known)
        if points is None:
            continue
        came = due + timedelta(hours=1 if place % 10 == 1 else -1)
        handed_in = SubmittedAssignment(assignment=assignment, student=known, timestamp=came)
        paper = SubmittedNotebook(
            notebook=notebook, assignment=handed_in, late_submission_penalty=0.5 * (place % 10 == 1)
        )
        for cell, score in zip(cells.values(), points, strict=True):
            gradebook.db.add(
                Grade(cell=cell, notebook=paper, auto_score=score, needs_manual_grade=score is None)
            )
    gradebook.db.commit()


LESSON = 'c.AsksBank.bank = "cnnlesson.quiz.grader:bank"\n'


@pytest.fixture
def command(me):
    """The real command, and how it ended."""
    return partial(me.call, "cnnlesson", "report")


def told(course):
    return json.loads((course / "reports/padding/report.json").read_text(encoding="utf-8"))


def small_class():
    right = ("answer = 1", "", found_by_the_judge("one-filter"))
    wrong = ("answer = 2", "", found_by_the_judge("one-filter", "no-bias"))
    stuck = ("while True: pass", "CellTimeoutError", None)
    plain = ("answer = 3", "", None)
    blank = ("answer = ...", "", None)
    failed = ("answer = 1 / 0", "ZeroDivisionError", None)
    return {
        "ada": ("Ada", [1, 1], notebook_of({"one-filter": right, "plain": plain})),
        "bob": ("Bob", [0.5, 0], notebook_of({"one-filter": wrong, "plain": blank})),
        "cem": ("Cem", [0, 0], notebook_of({"one-filter": wrong, "plain": failed})),
        "dot": ("Dot", [0, 0], notebook_of({"one-filter": stuck, "plain": blank})),
        "eve": ("Eve", [1, 1], "{" * 1000),
        "fay": ("Fay", None, None),
    }


def test_a_course_is_reported_by_its_gradebook_and_its_graded_notebooks(tmp_path, command):
    course = write_course(tmp_path, small_class(), ["one-filter", "plain"], LESSON)
    code, said = command("padding", cwd=course)
    assert code == 0, said
    assert said.startswith("5 of 6 students handed in; 4 may need help.\n1. no-bias: about 2\n")
    found = told(course)
    one, plain = found["questions"]
    assert (one["title"], one["time_outs"], one["errors"], one["blank"]) == ("One Filter", 1, 0, 0)
    assert (plain["title"], plain["time_outs"], plain["errors"]) == ("plain", 0, 1)
    assert plain["blank"] == 2
    (misconception,) = found["misconceptions"]
    assert misconception["sentence"] == "A filter has a bias too."
    assert misconception["questions"] == {"one-filter": 2}
    assert (found["late"], found["unread"], found["students"]) == (1, 1, 6)


def test_points_and_penalties_are_those_of_all_notebooks():
    let_alembic_be_found()
    with Gradebook("sqlite://") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_assignment("two")
        for name in ("area", "border"):
            gradebook.add_notebook(name, "two")
            gradebook.add_grade_cell("one", name, "two", max_score=5, cell_type="code")
        gradebook.add_submission("two", "ada")
        for name in ("area", "border"):
            gradebook.find_grade("one", name, "two", "ada").manual_score = 3
            gradebook.find_submission_notebook(name, "two", "ada").late_submission_penalty = 1
        gradebook.db.commit()
        (work,) = gathering._works(gradebook, "two").values()
    assert (work["points"], work["penalty"]) == (6, 2)


def test_a_course_without_a_bank_is_reported_by_ids(tmp_path, command):
    course = write_course(tmp_path, small_class(), ["one-filter", "plain"])
    assert command("padding", cwd=course)[0] == 0
    found = told(course)
    assert [each["title"] for each in found["questions"]] == ["one-filter", "plain"]
    assert [each["sentence"] for each in found["misconceptions"]] == [""]


def test_ids_and_names_are_told_with_names_alone_and_pseudonyms_stay(tmp_path, command):
    course = write_course(tmp_path, small_class(), ["one-filter", "plain"], LESSON)
    written = course / "reports/padding"

    def everything():
        return "".join(path.read_text(encoding="utf-8") for path in sorted(written.iterdir()))

    command("padding", cwd=course)
    assert not re.search(r"\b(ada|bob|cem|dot|eve|fay)\b", everything(), re.IGNORECASE)
    first = [each["student"] for each in told(course)["per_student"]]
    assert all(re.fullmatch("[0-9a-f]{12}", each) for each in first)
    command("padding", cwd=course)
    assert [each["student"] for each in told(course)["per_student"]] == first
    command("padding", "--names", cwd=course)
    assert {each["name"] for each in told(course)["per_student"]} >= {"Ada", "Fay"}
    assert {path.stat().st_mode & 0o777 for path in written.iterdir()} == {0o600}


def test_a_notebook_that_was_not_handed_in_is_blank_and_not_unreadable(tmp_path, command):
    course = write_course(tmp_path, small_class(), ["one-filter", "plain"], LESSON)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        gradebook.add_notebook("more", "padding")
        gradebook.add_source_cell("more-answer", "more", "padding", cell_type="code")
        gradebook.add_grade_cell("more", "more", "padding", max_score=1, cell_type="code")
    code, said = command("padding", cwd=course)
    assert code == 0, said
    assert told(course)["unread"] == 1


def test_links_in_autograded_are_not_followed(tmp_path, command):
    course = write_course(tmp_path, small_class(), ["one-filter", "plain"], LESSON)
    outside = tmp_path / "outside.ipynb"
    path = course / "autograded/cem/padding/padding.ipynb"
    path.rename(outside)
    path.symlink_to(outside)
    assert command("padding", cwd=course)[0] == 0
    assert told(course)["unread"] == 2
    assert told(course)["misconceptions"][0]["at_most"] == 1


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("pooling", "the gradebook has no assignment 'pooling'"),
        ("padding", "nothing was graded of"),
    ],
)
def test_where_there_is_nothing_to_report_a_sentence_says_what_to_do(
    assignment, sentence, tmp_path, command
):
    course = write_course(tmp_path, {}, ["one-filter"])
    code, said = command(assignment, cwd=course)
    assert code == 1
    assert said.startswith(f"Error: {sentence}")
    assert len(said.splitlines()) == 1


# The page


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page, with names, of a class whose names, questions and misconceptions are hostile."""
    questions = ["one", HOSTILE[0], "three"]
    students = {}
    for at in range(40):
        hostile = HOSTILE[at % len(HOSTILE)]
        answers = {
            name: ("answer = 1", "", found_by_the_judge(name, hostile)) for name in questions
        }
        student = hostile if at < len(HOSTILE) and "/" not in hostile else f"student-{at}"
        students[student] = (hostile, [at % 2, 0, at % 3 == 0], notebook_of(answers))
    course = write_course(tmp_path_factory.mktemp("hostile"), students, questions)
    return report("padding", course, names=True)[1][0]


@pytest.fixture
def offline(browser, written):
    """Open the report from the disk; afterwards, nothing may have been asked for, or gone wrong."""
    context = browser.new_context(offline=True, viewport={"width": DESKTOP, "height": 900})
    asked, wrong = [], []
    context.on("request", lambda request: asked.append(request.url))
    context.on("console", lambda message: wrong.append(message.text))
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    page = context.new_page()
    page.goto(written.as_uri())
    yield page
    context.close()
    assert asked == [written.as_uri()]
    assert wrong == []


@pytest.mark.browser
def test_hostile_names_are_shown_and_do_nothing(offline):
    assert offline.title() == "padding: what the class understood"
    assert offline.locator("img, [onerror], [onfocus], iframe").count() == 0
    assert offline.locator("script").count() == 1
    table = offline.get_by_role("table", name="Students")
    assert set(HOSTILE[:-1]) <= set(table.locator("td:nth-child(2)").all_inner_texts())
    assert {each for each in HOSTILE[:-1] if "/" not in each} <= set(
        table.get_by_role("rowheader").all_inner_texts()
    )
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in offline.locator("body").inner_text()


@pytest.mark.browser
def test_axe_finds_nothing_in_either_theme_on_a_phone_or_a_desktop(offline):
    for width in (PHONE, DESKTOP):
        offline.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            offline.emulate_media(color_scheme=scheme)
            assert violations(offline) == "", (width, scheme)
        assert not scrolls_sideways(offline)


@pytest.mark.browser
def test_pictures_follow_the_theme_and_are_told_in_words(offline):
    pictures = offline.get_by_role("img")
    assert pictures.count() == 3
    for picture in pictures.all():
        assert len(picture.locator("desc").text_content()) > 40
        papers = []
        for scheme in SCHEMES:
            offline.emulate_media(color_scheme=scheme)
            papers.append(picture.locator("rect").first.evaluate("e => getComputedStyle(e).fill"))
        assert papers[0] == "rgb(255, 255, 255)" != papers[1]


@pytest.mark.browser
def test_what_comes_before_the_details_fits_two_screens(offline):
    top = "document.getElementById('details').getBoundingClientRect().top + scrollY"
    assert offline.evaluate(top) < 2 * 900


@pytest.mark.browser
def test_tables_are_sorted_by_keyboard_by_numbers_and_by_words(offline):
    table = offline.get_by_role("table", name="Students")
    head = table.get_by_role("columnheader", name="Percent")
    for way in ("ascending", "descending"):
        head.get_by_role("button").focus()
        offline.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == way
        column = head.evaluate("head => head.cellIndex")
        cells = table.locator(f"tbody tr > :nth-child({column + 1})")
        keys = cells.evaluate_all("all => all.map((cell) => Number(cell.dataset.key))")
        assert len(set(keys)) > 1
        assert keys == sorted(keys, reverse=way == "descending")
        assert offline.get_by_role("status").inner_text() == f"Sorted by Percent, {way}"
    offline.get_by_role("table", name="Questions").get_by_role("button", name="Question").focus()
    offline.keyboard.press("Space")
    rows = offline.get_by_role("table", name="Questions").get_by_role("rowheader")
    assert rows.all_inner_texts() == [HOSTILE[0], "one", "three"]
    assert head.get_attribute("aria-sort") == "descending"


@pytest.mark.browser
def test_it_prints_whole_and_on_white(offline):
    offline.set_viewport_size({"width": 720, "height": 1000})  # A4 within its margins
    offline.emulate_media(media="print", color_scheme="dark")
    background = offline.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == "rgb(255, 255, 255)"
    paper = offline.pdf(format="A4")
    assert paper.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 2
    assert not scrolls_sideways(offline)
