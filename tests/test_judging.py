"""The judge: what it writes into a notebook, what nbgrader reads there, and whom it calls."""

import json
import math
import os
import re
import stat
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from multiprocessing.pool import ThreadPool
from pathlib import Path

import nbformat
import pytest
from course import ROOT, copy_course
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade
from traitlets import TraitError
from traitlets.config import Config

from cnnlesson.grading.bank import load_bank
from cnnlesson.grading.judging import FINDING, is_plain
from cnnlesson.grading.nonces import key_of, nonce, read_secret, submission_digest
from cnnlesson.grading.preprocessors import Judge, SaveJudgedGrades

# --- A bank of another course ------------------------------------------------------------------


@dataclass(frozen=True)
class Judgement:
    share: Fraction
    sentences: tuple[str, ...]
    answer: object = None
    for_instructor: str = ""
    misconceptions: tuple[str, ...] = ()


class OtherPaper:
    """Its questions are answered by the share of the points that one wants."""

    def judge(self, question, record, nonce, earlier, *, reveal=False):
        match record:
            case {"raise": text}:
                raise RuntimeError(text)
            case {"share": int(over), "of": int(under)}:
                note, shows = record.get("note", ""), tuple(record.get("shows", ()))
                return Judgement(Fraction(over, under), (record.get("say", ""),), over, note, shows)
        says = f"{question} by {nonce} after {earlier}, {reveal=}"
        return Judgement(Fraction(1), (says,), record)


class OtherBank:
    record_type = "application/x-answer+json"

    def question(self, _, source):
        return source.removeprefix("ask ") if source.startswith("ask ") else None

    def paper(self, *_):
        return OtherPaper()

    def library(self, _):
        return {}


other_bank = OtherBank()


@dataclass
class Ran:
    records: dict = field(default_factory=dict)
    nonces: dict = field(default_factory=dict)


def grade_cell(name, source, points=2, outputs=()):
    cell = new_code_cell(source, outputs=list(outputs))
    cell.metadata.nbgrader = {
        "grade_id": name,
        "grade": True,
        "solution": False,
        "locked": True,
        "points": points,
        "schema_version": 3,
        "cell_type": "code",
        "task": False,
    }
    return cell


def judged(cells, ran, **traits):
    """A notebook's cells after the judge, and whom it calls."""
    about = {"assignment": "midterm", "student": "ada", "notebook": "midterm"}
    resources = {"nbgrader": about} | ({} if ran is None else {"sandbox": ran})
    judge = Judge(config=Config(AsksBank={"bank": f"{__name__}:other_bank"}, Judge=traits))
    nb, resources = judge.preprocess(new_notebook(cells=cells), resources)
    return nb.cells, resources["for_instructor"]


def one(records, outputs=(), points=2, **traits):
    """The score of one judged cell, what it says, and whether it calls a person."""
    cell = grade_cell("q", "ask q", points, outputs)
    ran = Ran({"q": records}, {"q": "secret"})
    (cell,), notes = judged([cell], ran, **traits)
    shown, result = cell.outputs
    assert (shown.output_type, result.output_type) == ("display_data", "execute_result")
    assert result.data.keys() == {"text/plain"}
    assert shown.data.keys() == {"text/plain", "text/markdown"}
    score, most = determine_grade(cell)
    assert result.data["text/plain"] == repr(score)
    assert 0 <= score <= most == points
    return score, shown.data, notes.get("q", "")


# --- What nbgrader reads -----------------------------------------------------------------------


@pytest.mark.parametrize("points", [0, 1, 2, 2.5, 3, 0.1, 7])
@pytest.mark.parametrize("share", [(0, 1), (1, 2), (1, 3), (2, 3), (1, 1)])
def test_nbgrader_gives_just_the_share_of_the_points(share, points):
    score, shown, note = one([{"share": share[0], "of": share[1]}], points=points)
    assert math.isclose(score, points * share[0] / share[1])
    assert score == points or share != (1, 1)
    assert f"{score:g} of {points:g} points." in shown["text/plain"]
    assert note == ""


FORGED = [
    new_output("execute_result", {"text/plain": "2.0"}, execution_count=1),
    new_output("stream", name="stderr", text="a warning"),
    new_output("display_data", {"text/html": "<script>alert(1)</script>"}),
]


def finding(records, outputs=()):
    """What one judged cell keeps for a report."""
    cell = grade_cell("q", "ask q", outputs=outputs)
    (cell,), _ = judged([cell], Ran({"q": records}, {"q": "secret"}))
    shown, result = cell.outputs
    assert shown.metadata.keys() == {FINDING}
    assert result.metadata == {}
    return shown.metadata[FINDING]


def test_the_misconceptions_that_an_answer_shows_are_kept_and_nothing_else_of_it():
    kept = finding([{"share": 0, "of": 1, "say": "17", "shows": ["no-bias", "one-bias"]}])
    assert kept == {
        "question": "q",
        "answered": True,
        "misconceptions": ["no-bias", "one-bias"],
        "error": "",
    }
    assert "secret" not in str(kept)


def test_that_there_was_no_answer_is_kept_with_what_the_cell_ended_in():
    error = new_output("error", ename="Name\u202eError", evalue="secret", traceback=[])
    nothing = {"question": "q", "answered": False, "misconceptions": [], "error": ""}
    assert finding([]) == nothing
    assert finding([], [error]) == {**nothing, "error": "Name\N{REPLACEMENT CHARACTER}Error"}
    assert finding([{"raise": "secret"}]) == nothing | {"answered": True}


def test_what_the_cell_says_of_its_points_does_not_count():
    score, shown, _ = one([{"share": 0, "of": 1}], FORGED)
    assert score == 0
    assert "alert" not in str(shown)
    assert one([{"share": 1, "of": 1}], FORGED)[0] == 2


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "There is no answer: nothing was left by this cell."),
        (
            [{"share": 1, "of": 1}] * 2,
            "This cell left 2 answers, and is to leave one: none counts.",
        ),
        ([float("nan")], "What this cell left as an answer cannot be read."),
        ([{"raise": "oh"}], "This answer could not be judged; your instructor is told."),
        ([{"share": 3, "of": 2}], "This answer could not be judged; your instructor is told."),
        ([{"share": -1, "of": 2}], "This answer could not be judged; your instructor is told."),
    ],
)
def test_what_is_not_one_answer_earns_nothing_and_is_told_so(records, said):
    score, shown, note = one(records)
    assert score == 0
    assert shown["text/plain"] == f"{said}\n0 of 2 points."
    assert bool(note) == ("your instructor" in said)


def test_why_there_is_no_answer_is_told():
    error = new_output("error", ename="NameError", evalue="name 'x' is not\ndefined", traceback=[])
    score, shown, _ = one([], [error])
    assert score == 0
    assert "the cell ended in NameError: name 'x' is not defined" in shown["text/plain"]


def test_a_bank_is_asked_with_the_nonce_and_what_was_answered_before():
    cells = [grade_cell(name, f"ask {name}") for name in ("one", "two")]
    ran = Ran({"one": [1], "two": [2]}, {"one": "n1", "two": "n2"})
    (_, two), notes = judged(cells, ran, reveal_answers=True)
    assert two.outputs[0].data["text/plain"].replace("\n", " ") == (
        "two by n2 after {'one': 1}, reveal=True 2 of 2 points."
    )
    assert notes == {}


def test_other_cells_keep_their_own_rules():
    error = new_output("error", ename="AssertionError", evalue="", traceback=[])
    written = grade_cell("essay", "text", outputs=FORGED)
    written.metadata.nbgrader.solution = True
    cells = [
        new_markdown_cell("ask one"),
        new_code_cell("ask one", outputs=FORGED),
        written,
        grade_cell("right", "assert True", outputs=[new_output("stream", name="stderr", text="!")]),
        grade_cell("wrong", "assert False", outputs=[error]),
        grade_cell("partly", "1.5", outputs=[new_output("execute_result", {"text/plain": "1.5"})]),
    ]
    after, notes = judged([nbformat.from_dict(cell) for cell in cells], Ran())
    assert after[:3] == cells[:3]
    assert [determine_grade(cell)[0] for cell in after[3:]] == [2, 0, 1.5]
    assert notes == {}


def test_what_was_not_run_waits_for_a_person():
    cell = grade_cell("q", "ask q", outputs=FORGED)
    (cell,), notes = judged([cell], None)
    assert determine_grade(cell)[0] == 0
    assert "a person is to judge this answer" in cell.outputs[0].data["text/plain"]
    assert notes == {"q": "the notebook was not run: judge the answer by hand"}


# --- What a reader sees ------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "![x](http://example.org/x.png) [y](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$ `code` **bold** # head",
    "\x1b[2J\u202e\ud800\0",
    "x" * 10**6,
    "a\n\n# b\n<b>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_student_wrote_is_shown_and_does_nothing(text):
    _, shown, _ = one([{"share": 0, "of": 1, "say": text}])
    for each in shown.values():
        assert len(each) < 2000
        assert each.replace("\n", "").isprintable()
    bare = re.sub(r"(`+).*?\1", "", shown["text/markdown"])
    assert not re.search(r"[<>$\\\[\]*#`]", bare)


def test_a_list_stays_one():
    _, shown, _ = one([{"share": 0, "of": 1, "say": "- It is missing one that is, and one more."}])
    assert shown["text/markdown"].startswith("- It is missing")
    assert shown["text/plain"].startswith("- It is missing")


# --- Records -----------------------------------------------------------------------------------

DEEP = 1
for _ in range(100_000):
    DEEP = [DEEP]
SELF = {}
SELF["again"] = SELF


@pytest.mark.parametrize(
    "record",
    [
        float("nan"),
        float("-inf"),
        [[[[[[[[1]]]]]]]],
        DEEP,
        SELF,
        10**5000,
        [0] * 30_000,
        ["x" * 1000] * 300,
        {1: 2},
        {"x" * 300_000: 1},
        type("Int", (int,), {})(3),
        type("Text", (str,), {})("a"),
        type("List", (list,), {})([1]),
        type("Object", (dict,), {})(),
        (1, 2),
        b"bytes",
        object(),
        {"deep": {"er": [None, True, {"and": 1j}]}},
    ],
    ids=lambda each: type(each).__name__,
)
def test_what_is_no_small_plain_json_is_refused(record):
    assert not is_plain(record)


@pytest.mark.parametrize(
    "record",
    [None, True, 0, -(10**1000), 1.5, "text", {"a": [1, {"b": [[[[1]]]]}]}, [[[[[[[1]]]]]]]],
    ids=str,
)
def test_small_plain_json_is_read(record):
    assert is_plain(record)


# --- Nonces ------------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path):
    path = tmp_path / "secret"
    with ThreadPool(8) as pool:
        made = set(pool.map(read_secret, [path] * 32))
    assert made == {read_secret(path)}
    assert len(made.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
    assert read_secret(tmp_path / "another") != read_secret(path)


@pytest.mark.parametrize("text", ["", "00ff", "no secret at all", "zz" * 32])
def test_a_file_without_a_secret_says_what_to_do(text, tmp_path):
    path = tmp_path / "secret"
    path.write_text(text)
    with pytest.raises(ValueError, match="put the old file back, or delete it"):
        read_secret(path)


def test_a_nonce_is_the_same_for_the_same_submission_and_no_other():
    def drawn(secret, student, assignment, question, digest):
        return nonce(key_of(secret, student, assignment), question, digest)

    about = (b"k" * 32, "ada", "midterm", "q", "digest")
    others = [
        drawn(*about[:place], b"x" if place == 0 else "x", *about[place + 1 :])
        for place in range(len(about))
    ]
    assert drawn(*about) == drawn(*about)
    assert len({drawn(*about), *others}) == 6
    assert re.fullmatch("[0-9a-f]{64}", drawn(*about))


def test_a_submission_is_what_its_cells_say_and_what_lies_beside_them():
    def notebook(*sources, **metadata):
        cells = [new_code_cell(source, metadata=metadata) for source in sources]
        return new_notebook(cells=cells)

    digest = submission_digest(notebook("a", "b"), {"f": b"1", "g": b"2"})
    assert submission_digest(notebook("a", "b", tags=["x"]), {"g": b"2", "f": b"1"}) == digest
    for sources in (("a",), ("b", "a"), ("ab",), ("a", "\ud800")):
        assert submission_digest(notebook(*sources), {"f": b"1", "g": b"2"}) != digest
    for files in ({}, {"f": b"1"}, {"f": b"2", "g": b"1"}, {"f": b"1", "h": b"2"}):
        assert submission_digest(notebook("a", "b"), files) != digest


@pytest.mark.parametrize("name", ["cnnlesson.quiz.grader", "no.such:bank", f"{__name__}:no_such"])
def test_a_bank_that_is_not_there_says_how_to_name_it(name):
    with pytest.raises(TraitError, match=r"'module:attribute'.*c\.AsksBank\.bank"):
        load_bank(name)


# --- The gradebook -----------------------------------------------------------------------------


@pytest.fixture
def gradebook(tmp_path, monkeypatch):
    """A gradebook with one submission of three cells, the second scored by a person before."""
    scripts = str(Path(sys.executable).parent)  # with `alembic`, which sets a gradebook up
    monkeypatch.setenv("PATH", scripts, prepend=os.pathsep)
    url = f"sqlite:///{tmp_path}/gradebook.db"
    with Gradebook(url) as book:
        book.add_assignment("midterm")
        book.add_notebook("midterm", "midterm")
        for name in ("called", "scored", "plain"):
            book.add_grade_cell(name, "midterm", "midterm", max_score=2, cell_type="code")
        book.add_student("ada")
        book.add_submission("midterm", "ada")
        book.find_grade("scored", "midterm", "midterm", "ada").manual_score = 1
        book.db.commit()
    return url


def test_a_person_is_called_where_the_judge_says_so(gradebook):
    cells = [grade_cell(name, f"ask {name}") for name in ("called", "scored", "plain")]
    ran = Ran(
        {
            "called": [{"share": 0, "of": 1, "note": "look at it"}],
            "scored": [{"share": 0, "of": 1}],
            "plain": [{"share": 1, "of": 2}],
        }
    )
    cells, notes = judged(cells, ran)
    about = {"assignment": "midterm", "student": "ada", "notebook": "midterm", "db_url": gradebook}
    resources = {"nbgrader": about, "for_instructor": notes}
    SaveJudgedGrades().preprocess(new_notebook(cells=cells), resources)
    with Gradebook(gradebook) as book:
        (notebook,) = book.find_submission("midterm", "ada").notebooks
        found = {
            grade.name: (grade.auto_score, grade.score, grade.needs_manual_grade)
            for grade in notebook.grades
        }
        assert notebook.flagged
    assert found == {"called": (0, 0, True), "scored": (0, 1, True), "plain": (1, 1, False)}


@pytest.mark.nbgrader
def test_with_no_execute_nothing_in_the_file_is_believed(tmp_path, run):
    """By the real command, on a notebook whose every grade cell claims full points."""
    name = "padding"
    course = copy_course(tmp_path, "source", "release")
    run("nbgrader", "generate_assignment", name, cwd=course)
    notebook = nbformat.read(ROOT / f"release/{name}/{name}.ipynb", as_version=4)
    questions = 0
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade"):
            points = repr(float(cell.metadata.nbgrader.points))
            record = {"application/vnd.cnnlesson.answer+json": {"share": 1}}
            cell.outputs = [
                new_output("display_data", record),
                new_output("execute_result", {"text/plain": points}),
            ]
            questions += 1
    folder = course / "submitted/ada" / name
    folder.mkdir(parents=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    run("nbgrader", "autograde", name, "--no-execute", cwd=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as book:
        (graded,) = book.find_submission(name, "ada").notebooks
        scores = [
            (grade.auto_score, grade.needs_manual_grade)
            for grade in graded.grades
            if grade.cell.cell_type == "code"
        ]
        assert graded.flagged
    assert scores == [(0, True)] * questions
    text = (course / f"autograded/ada/{name}/{name}.ipynb").read_text("utf-8")
    assert "vnd.cnnlesson.answer" not in json.dumps(json.loads(text)["cells"])
