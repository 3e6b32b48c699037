"""Honest work earns the same marks in the sandbox as with stock nbgrader, cell for cell.

Stock is nbgrader with its own preprocessors; all that the course adds there is what its notebooks
cannot do without, so that a kernel knows whose notebook it runs. Two things may differ, and are
computed here: partial credit, which stock does not give, and stock's traps. Whole submissions that
stock cannot grade at all (`simulate.UNGRADED`) are left out. Stock grades once, and whoever grades
with ours is compared with it.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pairs import Course, mark_by_hand, outcomes, some_students, submit

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]

FIRST = "parameter-sharing"
CLASSES = {FIRST: 12, "conv-layer": 4, "dimensionality": 4, "equivariance": 4, "padding": 4}
"""How many students of each assignment are graded twice; `make same-marks` takes more."""


@dataclass(frozen=True)
class Marks:
    """What a gradebook holds of one cell."""

    auto_score: float | None
    manual_score: float | None
    extra_credit: float | None
    max_score: float
    needs_manual_grade: bool
    auto_comment: str | None
    manual_comment: str | None

    @property
    def score(self):
        given = (self.auto_score or 0) if self.manual_score is None else self.manual_score
        return given + (self.extra_credit or 0)


@dataclass(frozen=True)
class Total:
    """What a gradebook holds of one notebook."""

    score: float
    penalty: float | None
    needs_manual_grade: bool
    flagged: bool
    seconds_late: float


@dataclass
class Book:
    """What a gradebook holds of an assignment: by notebook, student and cell."""

    marks: dict[tuple[str, str, str], Marks]
    totals: dict[tuple[str, str], Total]


def read(course):
    marks, totals = {}, {}
    with course.gradebook() as gradebook:
        for submission in gradebook.assignment_submissions(course.assignment):
            for notebook in submission.notebooks:
                key = (notebook.name, submission.student.id)
                totals[key] = Total(
                    notebook.score,
                    notebook.late_submission_penalty,
                    notebook.needs_manual_grade,
                    notebook.flagged,
                    submission.total_seconds_late,
                )
                comments = {each.name: each for each in notebook.comments}
                for grade in notebook.grades:
                    comment = comments.get(grade.name)
                    marks[*key, grade.name] = Marks(
                        grade.auto_score,
                        grade.manual_score,
                        grade.extra_credit,
                        grade.max_score,
                        grade.needs_manual_grade,
                        comment and comment.auto_comment,
                        comment and comment.manual_comment,
                    )
    return Book(marks, totals)


# The lesson's own assignments, of simulated students


@pytest.fixture(scope="session", params=CLASSES)
def a_class(request, me):
    """Students of an assignment, and a course that they have handed it in to."""
    assignment = request.param
    count = request.config.getoption("students") or CLASSES[assignment]
    exercise, students = some_students(assignment, count, loops=int(assignment == FIRST))
    course = Course(me.folder(assignment), assignment, me)
    submit(course.folder, exercise, students)
    course.release()
    return course, students


class Graded:
    """A course that is being graded, in the background."""

    def __init__(self, course):
        self.course = course
        self._grading = BACKGROUND.submit(course.grade)

    @cached_property
    def book(self):
        """What the gradebook held afterwards, whatever has become of it since."""
        self._grading.result()
        return read(self.course)


BACKGROUND = ThreadPoolExecutor()


@pytest.fixture(scope="module")
def stock(a_class, me):
    course, _ = a_class
    return Graded(course.copy(me, "stock"))


@pytest.fixture(scope="module")
def ours(a_class, stock, user):  # noqa: ARG001 - stock's grading is to begin first
    course, _ = a_class
    return Graded(course.copy(user, "ours"))


def as_ours(stock, assignment, students):
    """What a gradebook of ours must hold, given stock's: partial credit and one trap on top."""
    expected = Book(dict(stock.marks), dict(stock.totals))
    for student in students:
        for place, answer in enumerate(student.answers):
            key = (assignment, student.student, answer.question)
            mark = stock.marks[key]
            if student.handling == "grade-cell-deleted" and place == student.at:
                # The trap: stock never puts it back, and leaves its points open.
                assert mark.auto_score is None
                by_hand = mark.manual_score is not None
                mark = replace(mark, auto_score=answer.points, needs_manual_grade=by_hand)
            elif 0 < answer.share < 1 and not answer.by_hand:
                assert mark.auto_score == 0
                mark = replace(mark, auto_score=answer.points)
            expected.marks[key] = mark
        key = (assignment, student.student)
        own = [mark for cell, mark in expected.marks.items() if cell[:2] == key]
        score = sum(mark.score for mark in own)
        expected.totals[key] = replace(
            stock.totals[key],
            score=score,
            penalty=score / 4 if student.late else None,
            needs_manual_grade=any(mark.needs_manual_grade for mark in own),
        )
    return expected


def test_the_class_shows_what_it_is_to_show(a_class, stock, ours):
    course, students = a_class
    shown = set().union(*map(outcomes, students))
    assert {"right", "wrong", "explained"} <= shown
    if course.assignment == FIRST:
        assert {"blank", "follows", "partly", "raises", "loops"} <= shown
        assert {each.handling for each in students} >= {"grade-cell-deleted", "answer-cell-deleted"}
        assert {each.late for each in students} == {True, False}
    assert len(ours.book.totals) == len(stock.book.totals) == len(students)


def test_marks_are_the_same_but_for_partial_credit(a_class, stock, ours):
    course, students = a_class
    expected = as_ours(stock.book, course.assignment, students)
    assert ours.book.marks == expected.marks
    assert ours.book.totals == expected.totals


def test_stock_gives_what_the_list_says(a_class, stock):
    """Or the comparison would be with a stock that cannot run these notebooks."""
    course, students = a_class
    for student in students:
        for place, answer in enumerate(student.answers):
            if answer.by_hand or (student.handling and place == student.at):
                continue
            mark = stock.book.marks[course.assignment, student.student, answer.question]
            assert mark.auto_score == answer.stock_points, (student.student, answer.question)


# Graded again, once a person has given points, written comments and come to late submissions


def graded_again(graded, students):
    """What a person typed after the first grading, and what the gradebook holds after another."""
    first, course = graded.book, graded.course
    typed = mark_by_hand(course.db_url, course.assignment, students)
    course.grade("--force")
    return first, typed, read(course)


@pytest.fixture(scope="module")
def stock_again(a_class, stock):
    _, students = a_class
    return graded_again(stock, students)


@pytest.mark.parametrize("a_class", [FIRST], indirect=True)
def test_a_regrade_keeps_what_a_person_gave(a_class, stock_again, ours):
    course, students = a_class
    _, also_typed, stock = stock_again
    before, typed, after = graded_again(ours, students)
    assert typed == also_typed
    expected = as_ours(stock, course.assignment, students)
    assert after.marks == expected.marks
    assert after.totals == expected.totals
    for key, mark in after.marks.items():
        assert (mark.manual_score, mark.extra_credit) == typed[key]
        assert mark.auto_score == before.marks[key].auto_score
        assert mark.needs_manual_grade == (mark.manual_score is not None)  # to be looked at again
    comments = [mark.manual_comment for mark in after.marks.values() if mark.manual_comment]
    assert len(comments) == len(students)
    assert any(total.penalty for total in after.totals.values())


# A course of plain asserts, without a bank

PLAIN = "plain"
ANSWERS = {
    "right": "def triangular(n):\n    return n * (n + 1) // 2",
    "wrong": "def triangular(n):\n    return n * n",
    "blank": "def triangular(n):\n    raise NotImplementedError",
    "prints-much": "def triangular(n):\n    print('adding' * 99)\n    return sum(range(n + 1))",
    "shows-much": "from IPython.display import HTML\n"
    "display(HTML('<b>sums</b><script>1</script><img src=\"https://example.org/a.png\">'))\n"
    "def triangular(n):\n    return n * (n + 1) // 2",
}
TESTS = {
    "passes": ("assert triangular(4) == 10", 2),
    "fails": ("assert triangular(4) == 16", 0),
    "says-nothing": ("answer = triangular(4)", 2),
    "prints": ("print(triangular(4))", 2),
    "shows": ("display(triangular(4))", 2),
    "is-worth-half": ("1 if triangular(4) == 10 else 0", 1),
    "is-worth-all": ("2.0 if triangular(4) == 10 else 0.5", 2),
    "is-a-text": ("f'it is {triangular(4)}'", 2),
    "is-hidden": ("### BEGIN HIDDEN TESTS\nassert triangular(4) == 10\n### END HIDDEN TESTS", 2),
    "reads-a-file": ("assert triangular(4) == int(open('data/ten.txt').read())", 2),
    "imports-a-file": ("import helper\nhelper.expect(triangular(4), 10)", 2),
    "waits": ("import asyncio\nawait asyncio.sleep(0)\nassert triangular(4) == 10", 2),
    "has-magic": ("%time answer = triangular(4)\nassert answer == 10", 2),
    "runs-a-command": ("said = !echo {triangular(4)}\nassert said == ['10']", 2),
}
"""Grade cells of two points each, and what the right answer earns."""

TRAPS = {
    "warns": ("import warnings\nwarnings.warn('old')\nassert triangular(4) == 10", 0, 2),
    "is-of-numpy": ("import numpy\nnumpy.float64(1.0) * (triangular(4) == 10)", 2, 1),
    "is-no-number": ("float('nan') * triangular(4)", 2, 0),
    "is-negative": ("-1.0 * triangular(4)", 2, 0),
    "shows-then-fails": ("display(1)\n1.0\nget_ipython().displayhook(2.0)\nassert False", 2, 0),
}
"""What the right answer earns with stock nbgrader, and with ours."""


def plain_notebook():
    """A notebook of an answer, its tests, and two answers that a person reads."""

    def mark(cell, name, *, grade, solution):
        kind = {"grade": grade, "solution": solution, "locked": not solution, "task": False}
        points = {"points": 2} if grade else {}
        cell.metadata.nbgrader = {"grade_id": name, "schema_version": 3, **kind, **points}
        return cell

    answer = f"### BEGIN SOLUTION\n{ANSWERS['right']}\n### END SOLUTION"
    tests = {name: source for name, (source, *_) in (TESTS | TRAPS).items()}
    return new_notebook(
        cells=[
            mark(new_code_cell(answer), "triangular", grade=False, solution=True),
            *(
                mark(new_code_cell(source), name, grade=True, solution=False)
                for name, source in tests.items()
            ),
            mark(new_markdown_cell("Why?"), "why", grade=True, solution=True),
            mark(new_code_cell("# Draw it."), "draw", grade=True, solution=True),
        ],
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}},
    )


@pytest.fixture(scope="module")
def plain(me):
    """A course of plain asserts, which knows no bank, with what its students handed in."""
    course = Course(me.folder(PLAIN), PLAIN, me, bank=False)
    source = course.folder / "source" / PLAIN
    (source / "data").mkdir(parents=True)
    (source / "data/ten.txt").write_text("10\n", encoding="utf-8")
    (source / "helper.py").write_text("def expect(a, b):\n    assert a == b\n", encoding="utf-8")
    nbformat.write(plain_notebook(), source / "plain.ipynb")
    for student, answer in ANSWERS.items():
        folder = course.folder / "submitted" / student / PLAIN
        (folder / "data").mkdir(parents=True)
        (folder / "data/ten.txt").write_text("16\n", encoding="utf-8")  # which must not count
        handed_in = plain_notebook()
        handed_in.cells[0].source = answer
        if student == "right":
            handed_in.cells[-2].source = "Each *step* adds one more: $\\frac{n (n + 1)}{2}$."
        nbformat.write(handed_in, folder / "plain.ipynb")
    course.release()
    return course


@pytest.fixture(scope="module")
def plain_stock(plain, me):
    return Graded(plain.copy(me, "stock"))


@pytest.fixture(scope="module")
def plain_ours(plain, plain_stock, user):  # noqa: ARG001 - stock's grading is to begin first
    return Graded(plain.copy(user, "ours"))


def test_plain_asserts_earn_the_same(plain_stock, plain_ours):
    stock, ours = plain_stock.book, plain_ours.book

    def without_traps(book):
        return {key: mark for key, mark in book.marks.items() if key[-1] not in TRAPS}

    assert without_traps(ours) == without_traps(stock)
    assert len(ours.marks) == len(ANSWERS) * (len(TESTS) + len(TRAPS) + 2)
    right = {name: points for name, (_, points) in TESTS.items()}
    assert right == {name: stock.marks[PLAIN, "right", name].auto_score for name in TESTS}
    assert {stock.marks[PLAIN, "blank", name].auto_score for name in TESTS} == {0}


@pytest.mark.parametrize("name", TRAPS)
def test_the_traps_are_gone(name, plain_stock, plain_ours):
    _, *points = TRAPS[name]
    books = (plain_stock.book, plain_ours.book)
    assert points == [book.marks[PLAIN, "right", name].auto_score for book in books]


# Feedback

LEFT_OUT = re.compile(r"\[[^\[\]]*notshown(?:here)?\.\]|\0")
FOR_A_TRACEBACK = re.compile(r"[A-Z]\w*Error(?=\[Whatahiddentest)")
HIDDEN = re.compile(r"###BEGINHIDDENTESTS.*?###ENDHIDDENTESTS")


def pages_of(course):
    r"""What each student's feedback page says, part by part, without spaces and links to headings.

    A formula is typeset in our pages, and left as it was typed in stock's: ours is told as `\0`.
    """
    course.make_feedback()
    pages = {}
    for path in sorted((course.folder / "feedback").rglob("*.html")):
        soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
        for element in soup(["head", "script", "style", "math"]) + soup.select(".anchor-link"):
            element.replace_with("\0" if element.name == "math" else "")
        parts = soup.select(".panel-default > .panel-heading, .cell")
        pages[path.parts[-3]] = ["".join(part.get_text().split()) for part in parts]
    return pages


def both_pages(graded, me, prepare=lambda course: None):
    """The pages that stock and we make of the same grades, part beside part."""
    assert graded.book
    made = []
    for kind in ("stock", "ours"):
        course = graded.course.copy(me, kind)
        prepare(course)
        made.append(pages_of(course))
    theirs, ours = made
    assert theirs.keys() == ours.keys() == {student for _, student in graded.book.totals}
    return [
        (student, *parts)
        for student in ours
        for parts in zip(theirs[student], ours[student], strict=True)
    ]


@pytest.mark.parametrize("user", ["me"], indirect=True)
@pytest.mark.parametrize("a_class", [FIRST], indirect=True)
def test_feedback_says_what_stocks_does(a_class, ours, me):
    course, students = a_class

    def comment(copied):
        mark_by_hand(copied.db_url, course.assignment, students)

    parts = both_pages(ours, me, comment)
    assert any("points,simulated-" in ours for _, _, ours in parts)  # the comments
    for student, theirs, ours in parts:
        assert ours == theirs, student


@pytest.mark.parametrize("user", ["me"], indirect=True)
def test_feedback_leaves_out_of_stocks_what_it_says(plain_ours, me):
    left_out = set()
    for student, theirs, ours in both_pages(plain_ours, me):
        shown = LEFT_OUT.split(FOR_A_TRACEBACK.sub("", ours))
        left_out |= set(LEFT_OUT.findall(ours))
        pattern = ".*".join(map(re.escape, shown))
        assert re.fullmatch(pattern, HIDDEN.sub("", theirs)), (student, theirs, ours)
    assert left_out == {
        "\0",
        "[Apicturefromelsewhereisnotshownhere.]",
        "[Whatahiddentestofthisassignmentdidorsaidisnotshown.]",
    }
