"""The student's library inside the sandbox: the same face, and nothing that tells an answer."""

import inspect
import json
import re

import pytest
from course import ROOT
from sandboxed import code_cells, records, run, steps_of, written

import cnnlesson
from cnnlesson import quiz
from cnnlesson.identity import stand_in
from cnnlesson.quiz import checking, functions, ours, running, session
from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS, setup
from cnnlesson.quiz.cards import Given, card_of, pack, unpack
from cnnlesson.quiz.grader import _FORMULAS, _FREE_OF_FORMULAS, bank

NONCE = "a nonce"
EVERY = pytest.mark.parametrize("assignment", ASSIGNMENTS)
OF_FUNCTIONS = [
    name for name, each in ASSIGNMENTS.items() if any(QUESTIONS[q].function for q in each.questions)
]
STUDENTS = [f"student-{number}" for number in range(25)]


# --- What is in it -----------------------------------------------------------------------------


@EVERY
def test_no_file_of_it_tells_an_answer_or_a_diagnosis(assignment):
    paths = bank.library(assignment)
    kept_out = "bank|grading|diagnosis|misconceptions|functions|questions|setups|chains|grader"
    assert not [path for path in paths if re.search(rf"/({kept_out})(/|\.py)", path)]
    text = b"\n".join(content for path, content in paths.items() if path.endswith(".py")).decode()
    for word in ("right_answer=", "Misconception", "expected(", "cnnlesson.grading", "nbgrader."):
        assert word not in text, word
    for question in QUESTIONS.values():
        for misconception in question.misconceptions:
            assert misconception.say not in text
        for value in question.choices.values():
            assert value not in text


def test_every_module_is_either_in_it_or_meant_to_stay_out():
    there = {path.name for path in (ROOT / "cnnlesson").iterdir() if path.name != "__pycache__"}
    stays_out = {"class_commands.py", "cli.py", "command_line.py", "desk_commands.py", "grading"}
    stays_out |= {"release.py", "student.py"}
    assert there == {*_FORMULAS, *_FREE_OF_FORMULAS, *stays_out, "__init__.py", "quiz"}


@EVERY
def test_no_card_gives_an_answer_away(assignment):
    """A number may be right by chance, but not for everyone."""
    told = dict.fromkeys(ASSIGNMENTS[assignment].questions, None)
    for student in STUDENTS:
        paper = bank.paper(assignment, student)
        (content,) = paper.material().values()
        for name, known in json.loads(content)["questions"].items():
            assert known.keys() == {"function", "variant", "card"}
            card = unpack(known["card"])
            question = QUESTIONS[name]
            right = question.right_answer(setup(question, paper.variant(question.id)))
            names = {path for path, value in numbers(card.setup) if value == right}
            told[name] = names if told[name] is None else told[name] & names
    assert set().union(*told.values()) == set()


def numbers(given, path=""):
    for name, value in vars(given).items():
        if isinstance(value, Given):
            yield from numbers(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


@EVERY
def test_what_comes_with_a_grade_cell_is_what_a_function_is_called_with_and_no_more(assignment):
    paper = bank.paper(assignment, "ada")
    for name in ASSIGNMENTS[assignment].questions:
        task = QUESTIONS[name].function
        files = paper.with_cell(name, NONCE)
        if task is None:
            assert not files
            assert not paper.after_cell(name)
            continue
        (content,) = files.values()
        cases = running.unpack(json.loads(content))
        assert running.pack(cases) == running.pack(task.all_cases(NONCE))
        assert [list(map(type, case)) for case in cases] == [
            list(map(type, case)) for case in task.all_cases(NONCE)
        ]
        assert NONCE.encode() not in content


SEARCH = """
import contextlib, importlib, io, json, os, pkgutil
import cnnlesson
from cnnlesson.quiz.running import encode, run_on, unpack
cases = unpack(json.load(open(os.environ["CNNLESSON_DESK"] + "/cases/QUESTION.json")))
importlib.invalidate_caches()
tried = {}
for found in pkgutil.walk_packages(cnnlesson.__path__, "cnnlesson."):
    if ".sandboxed" in found.name or found.name.endswith(".desk"):
        continue
    module = importlib.import_module(found.name)
    for name, each in list(vars(module).items()):
        if callable(each) and getattr(each, "__module__", "").startswith("cnnlesson"):
            results = run_on(cases, each)
            tried[f"{each.__module__}.{name}"] = encode(results)
print(json.dumps(tried))
"""


@pytest.mark.parametrize("assignment", OF_FUNCTIONS)
def test_nothing_in_it_does_what_is_asked_for_before_it_is_handed_out(assignment, tmp_path):
    """Every function that can be imported at a grade cell is called on the challenge's cases."""
    paper = bank.paper(assignment, "ada")
    asked = [name for name in ASSIGNMENTS[assignment].questions if QUESTIONS[name].function]
    steps = []
    for name in asked:
        before = paper.with_cell(name, NONCE)
        source = SEARCH.replace("QUESTION", name)
        steps.append({"source": source, "before": before, "after": paper.after_cell(name)})
        steps.append({"source": source})
    told = run(steps, assignment, "ada", tmp_path)
    for place, name in enumerate(asked):
        before, after = (json.loads(each["printed"]) for each in told["cells"][2 * place :][:2])
        right = [
            {path for path, value in tried.items() if is_right(name, value)}
            for tried in (before, after)
        ]
        assert right[0] == set(), name
        ours = QUESTIONS[name].function.name
        assert f"cnnlesson.quiz.ours.{ours}.{ours}" in right[1]


def is_right(name, value):
    return functions.compare(QUESTIONS[name], functions.decode(value, NONCE)).right


@pytest.mark.parametrize("assignment", OF_FUNCTIONS)
def test_what_is_kept_back_says_so_and_comes_at_the_end(assignment, tmp_path):
    paper = bank.paper(assignment, "ada")
    last = ASSIGNMENTS[assignment].questions[-1]
    modules = [f"cnnlesson.{name.removesuffix('.py')}" for name in _FORMULAS]
    tries = [
        "from cnnlesson import ops",
        "from cnnlesson import output_size",
        *(f"import {name}" for name in modules),
    ]
    steps = [{"source": source} for source in tries]
    told = run(
        [*steps, {"source": "", "after": paper.after_cell(last)}, *steps],
        assignment,
        "ada",
        tmp_path,
    )
    early, late = told["cells"][: len(tries)], told["cells"][len(tries) + 1 :]
    for each in early:
        assert re.match(
            r"ImportError: cnnlesson\.\w+ holds what this assignment asks you to write",
            each["error"],
        )
    assert [each["error"] for each in late] == [""] * len(tries)


# --- That it runs ------------------------------------------------------------------------------


@EVERY
def test_the_solutions_earn_all_points(assignment, tmp_path):
    steps = steps_of(assignment, "Ada@x.org", NONCE)
    told = run(steps, assignment, "Ada@x.org", tmp_path)
    assert [cell["error"] for cell in told["cells"]] == [""] * len(steps)
    paper, earlier = bank.paper(assignment, "Ada@x.org"), {}
    for question, (record,) in records(steps, told).items():
        judged = paper.judge(question, record, NONCE, earlier)
        assert (judged.share, judged.for_instructor) == (1, ""), judged.sentences
        earlier[question] = judged.answer
    assert list(earlier) == list(ASSIGNMENTS[assignment].questions)
    answers = ("bank", "diagnosis", "functions", "grader", "misconceptions", "questions", "setups")
    assert not {f"cnnlesson.quiz.{name}" for name in answers} & set(told["loaded"])


def test_a_release_leaves_only_unanswered_records(tmp_path):
    assignment = "padding"
    blank = {
        cell.metadata.nbgrader.grade_id: re.sub(
            "### BEGIN SOLUTION.*### END SOLUTION", "", cell.source, flags=re.DOTALL
        )
        for cell in code_cells(assignment)
        if cell.metadata.get("nbgrader", {}).get("solution")
    }
    steps = steps_of(assignment, "ada", NONCE, blank)
    told = run(steps, assignment, "ada", tmp_path)
    assert [cell["error"] for cell in told["cells"]] == [""] * len(steps)
    for (record,) in records(steps, told).values():
        assert record["unanswered"] is True


# --- That it has the same face -----------------------------------------------------------------


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_a_card_is_the_same_after_its_way_over_the_desk(question):
    for student in (*STUDENTS[:5], None):
        variant = "" if student is None else session.variant("any", student)
        card = card_of(question, setup(question, variant))
        again = unpack(json.loads(json.dumps(pack(card))))
        assert again == card
        assert repr(again) == repr(card)
        assert again._repr_markdown_() == card._repr_markdown_()


FACE = """
import inspect, json, sys
import cnnlesson
heavy = [name for name in ("numpy", "ipywidgets", "anywidget") if name in sys.modules]
from cnnlesson import quiz
from cnnlesson.quiz import checking
print(json.dumps({
    "heavy": heavy,
    "version": cnnlesson.__version__,
    "names": sorted(cnnlesson.__all__),
    "quiz": sorted(quiz.__all__),
    "bases": {n: [b.__name__ for b in getattr(quiz, n).__mro__] for n in quiz.__all__
              if isinstance(getattr(quiz, n), type)},
    "parameters": {n: list(inspect.signature(getattr(quiz, n)).parameters) for n in quiz.__all__
                   if inspect.isfunction(getattr(quiz, n))},
    "yours": list(inspect.signature(checking.yours_or_ours).parameters),
}))
"""


def test_it_has_the_same_names_and_arguments_and_is_as_cheap_to_import(tmp_path):
    told = run([{"source": FACE}], "padding", "ada", tmp_path)
    face = json.loads(told["cells"][0]["printed"])
    assert face["heavy"] == []
    assert face["version"] == cnnlesson.__version__
    assert face["names"] == sorted(cnnlesson.__all__)
    assert face["quiz"] == sorted(quiz.__all__)
    for name, bases in face["bases"].items():
        home = [each.__name__ for each in getattr(quiz, name).__mro__]
        assert bases == [each for each in home if each != "_Unsolved"]
    for name, parameters in face["parameters"].items():
        assert parameters == list(inspect.signature(getattr(quiz, name)).parameters)
    assert face["yours"] == list(inspect.signature(checking.yours_or_ours).parameters)


@pytest.mark.parametrize("student", ["Ada@x.org", "a+b", "Ünï"])
def test_begin_says_what_it_says_at_home(student, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(session, "_current", session.Session(begun=False))
    monkeypatch.setenv("CNNLESSON_STUDENT", student)
    session.begin("padding", "somebody")
    (cell,) = run(
        [{"source": "from cnnlesson import begin\nbegin('padding', 'somebody')"}],
        "padding",
        student,
        tmp_path,
    )["cells"]
    assert cell["printed"] == capsys.readouterr().out
    assert stand_in(student) in cell["printed"]


TALK = [
    ("begin('padding', 'Bob@uni.edu')", ""),
    ("begin('paddling')", "ValueError: 'paddling' is not the assignment here"),
    ("begin('padding', tell='never')", "ValueError: tell must be 'now' or 'after-grading'"),
    (
        "ask('valid-outpt')",
        "ValueError: there is no question 'valid-outpt' in this assignment; did",
    ),
    ("ask('one-filter')", "ValueError: there is no question 'one-filter' in this assignment"),
    ("check('valid-outpt', 1)", "ValueError: there is no question 'valid-outpt'"),
    ("yours_or_ours('valid-output')", "ValueError: 'valid-output' does not ask for a function"),
    ("practice('valid-output', 3)", ""),
]


def test_what_is_wrong_says_why(tmp_path):
    begin = "from cnnlesson import *\nfrom cnnlesson.quiz.checking import yours_or_ours"
    told = run([{"source": each} for each in (begin, *dict(TALK))], "padding", "ada", tmp_path)
    for cell, (_, error) in zip(told["cells"][1:], TALK, strict=True):
        assert cell["error"].startswith(error)
        assert bool(cell["error"]) == bool(error)


def test_a_check_tells_nothing_of_right_and_wrong_and_notes_the_typed_id(tmp_path):
    shape = "g = ask('padded-input').setup\n(g.H + 2 * g.P, g.W + 2 * g.P)"
    answers = ["...", "0", "'x'", f"eval({shape!r}.splitlines()[1])"]
    steps = [{"source": "from cnnlesson import *\nbegin('padding', ' Bob@uni.edu')\n" + shape}]
    steps += [{"source": f"check('padded-input', {each})"} for each in answers]
    told = run(steps, "padding", "ada", tmp_path)
    _, *cells = told["cells"]
    assert {(cell["printed"], cell["error"]) for cell in cells} == {
        ("The Padded Input: your answer is noted.\n", "")
    }
    for cell in cells:
        ((record,),) = [list(data.values()) for data in cell["outputs"]]
        assert record["typed"] == "bob"
        assert record["variant"] == bank.paper("padding", "ada").variant(record["question"])


def test_a_function_is_run_in_its_grade_cell_and_ours_comes_after_it(tmp_path):
    paper = bank.paper("conv-layer", "ada")
    name = "implement-output-size"
    check = f"check({name!r}, lambda *a: 1 / 0)"
    take = f"from cnnlesson.quiz.checking import yours_or_ours\nyours_or_ours({name!r})(7, 3, 2, 1)"
    steps = [
        {"source": "from cnnlesson import check"},
        {"source": check},
        {"source": take},
        {
            "source": check,
            "before": paper.with_cell(name, NONCE),
            "after": paper.after_cell(name),
        },
        {"source": take},
    ]
    _, early, untaken, noted, taken = run(steps, "conv-layer", "ada", tmp_path)["cells"]
    assert early["printed"] == "Output Size: your function is run in its grade cell.\n"
    assert early["outputs"] == []
    assert "the library's output_size is handed out after the grade cell" in untaken["error"]
    assert len(noted["outputs"]) == 1
    assert taken["printed"] == "output_size: the library's\nOut[0]: 4\n"


def test_ours_need_numpy_alone():
    for file in (ROOT / "cnnlesson/quiz/ours").glob("*.py"):
        if file.name != "__init__.py":
            assert "cnnlesson" not in file.read_text("utf-8")
            assert callable(ours.find(file.stem))


def test_an_assignment_by_another_name_has_the_library_and_all_questions(tmp_path):
    """As where a lecturer calls it after the week, or makes one of parts of several."""
    library = bank.library("midterm")
    assert library.keys() > bank.library("conv-layer").keys()
    material = json.loads(bank.paper("midterm", "ada").material()["material.json"])
    assert material["questions"].keys() == {q for a in ASSIGNMENTS.values() for q in a.questions}
    assert written(library, tmp_path / "made").joinpath("cnnlesson/arithmetic.py").is_file()
