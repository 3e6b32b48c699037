"""A class to practise on: the same at every run, graded as its list says, and never in the way."""

import ast
import contextlib
import csv
import itertools
import json
import subprocess
import sys
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from course import ROOT, copy_course
from nbgrader.api import Gradebook

from cnnlesson.grading import exercise, simulate, students
from cnnlesson.identity import GIVEN
from cnnlesson.quiz import PartlyRight

ASSIGNMENTS = sorted(folder.name for folder in (ROOT / "source").iterdir() if folder.is_dir())

GRADED = [("parameter-sharing", 60), ("dimensionality", 12), ("padding", 12), ("equivariance", 12)]
"""The classes that nbgrader grades here, some two seconds a student."""

FIRST = "parameter-sharing"


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path, "source", "release")


def write(course, assignment=FIRST, *, count=30, seed=1, **settings):
    return simulate.simulate(assignment, course, students=count, seed=seed, **settings)


def class_of(assignment, count=300, seed=1, loops=2):
    known = exercise.read_exercise(assignment, ROOT)
    return known, list(simulate.simulated_class(known, count, seed, loops))


def whole(folder):
    """What a folder holds, byte for byte."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def table(course, assignment, name):
    path = course / "simulated" / assignment / f"{name}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def command(me):
    """The real command, and how it ended."""

    def command(*arguments, program="cnnlesson", **settings):
        return me.call(program, *arguments, **settings)

    return command


# The same class at every run


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_same_seed_gives_the_same_bytes_in_any_process(
    assignment, course, command, tmp_path_factory
):
    write(course, assignment)
    other = copy_course(tmp_path_factory.mktemp("other"), "source", "release")
    arguments = ("simulate", "--students", 30, assignment, "--course-dir", other)
    elsewhere = {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    code, said = command(*arguments, cwd=ROOT, **elsewhere)
    assert code == 0
    assert said.startswith("submitted/ holds 30 simulated students")
    assert whole(course) == whole(other)


def test_another_seed_or_assignment_gives_another_class():
    known, first = class_of(FIRST, 40)
    _, second = class_of(FIRST, 40, seed=2)
    assert all(one.answers != other.answers for one, other in zip(first, second, strict=True))
    assert {each.handling for each in first} == {each.handling for each in second}
    places = [[each.handling for each in one] for one in (first, second)]
    assert places[0] != places[1]
    assert simulate.files(known, first[0]) != simulate.files(known, second[0])


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_three_hundred_students_are_written(assignment, course, command):
    code, said = command("simulate", assignment, "--course-dir", course, cwd=ROOT)
    assert code == 0, said
    assert len(table(course, assignment, "totals")) == 300


# What is in a class


def test_a_few_misconceptions_are_common_and_other_ones_with_another_seed():
    holders = []
    for seed in (1, 2):
        known, submissions = class_of(FIRST, seed=seed)
        holders.append(Counter(which for each in submissions for which in each.held))
        common = [count for _, count in holders[-1].most_common()]
        assert common[0] > 2 * common[5] > 4 * common[len(known.misconceptions) // 2]
    first, second = (each.most_common(1)[0][0] for each in holders)
    assert first != second


def test_who_holds_and_who_shows_a_misconception_is_listed(course):
    write(course)
    held = Counter(
        which for row in table(course, FIRST, "totals") for which in row["misconceptions"].split()
    )
    shown = {}
    for row in table(course, FIRST, "answers"):
        for which in row["misconceptions"].split():
            shown.setdefault(which, set()).add(row["student"])
    listed = table(course, FIRST, "misconceptions")
    assert {each["misconception"]: int(each["students_who_hold_it"]) for each in listed} == {
        which: held[which] for which in held.keys() | shown.keys()
    }
    showing = [int(each["students_who_show_it"]) for each in listed]
    assert showing == [len(shown.get(each["misconception"], ())) for each in listed]
    assert showing == sorted(showing, reverse=True)


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_every_kind_of_behaviour_occurs_in_a_class_of_300(assignment):
    known, submissions = class_of(assignment)
    outcomes = {answer.outcome for each in submissions for answer in each.answers}
    expected = {"right", "wrong", "misfit", "blank", "raises", "loops", "deleted", "unreadable"}
    questions = [cell.question for cell in known.questions]
    if any(cell.name == "" for cell in known.cells):
        expected |= {"explained"}
    if any(question.follows for question in questions):
        expected |= {"follows"}
    if any(each.share for question in questions for each in question.misconceptions):
        expected |= {"partly"}
    assert outcomes == expected
    assert {each.handling for each in submissions} == {"", *simulate.HANDLINGS}
    assert 0.05 < sum(each.late for each in submissions) / 300 < 0.3
    assert sum(answer.outcome == "loops" for each in submissions for answer in each.answers) == 2


def test_a_misconception_is_held_over_all_questions_where_it_applies():
    known, submissions = class_of(FIRST)
    applies = {
        cell.id: {each.id for each in cell.question.misconceptions} for cell in known.questions
    }
    alone = [each for each in submissions if len(each.held) == 1 and not each.handling]
    shown = [
        sum(each.held[0] in answer.misconceptions for answer in each.answers)
        / sum(each.held[0] in ids for ids in applies.values())
        for each in alone
    ]
    assert len(shown) > 50
    assert sum(shown) / len(shown) > 0.8  # a value that means something else too is not handed in


def test_skill_shows_in_the_points():
    _, submissions = class_of(FIRST)
    ordinary = sorted(
        (each for each in submissions if not each.handling), key=lambda each: each.skill
    )
    third = len(ordinary) // 3

    def mean(some):
        return sum(each.total(stock=False, manual=False) for each in some) / len(some)

    assert mean(ordinary[-third:]) > mean(ordinary[:third]) + 2


@pytest.mark.parametrize("count", [1, 2, 10])
def test_a_small_class_is_mostly_ordinary(count):
    _, submissions = class_of(FIRST, count)
    assert sum(bool(each.handling) for each in submissions) <= count / 3


def test_no_loops_where_none_are_wanted():
    _, submissions = class_of(FIRST, loops=0)
    assert "loops" not in {answer.outcome for each in submissions for answer in each.answers}


def test_notebooks_reach_for_nothing_that_a_sandbox_has_not():
    """Such as the bank, where the answers are."""
    for assignment in ASSIGNMENTS:
        _, submissions = class_of(assignment)
        codes = {answer.code or "" for each in submissions for answer in each.answers}
        assert not [code for code in codes if "cnnlesson" in code]


# The list


def test_the_list_does_not_ask_the_judge():
    for module in (exercise, students, simulate):
        tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        imported = {
            f"{node.module}.{alias.name}"
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert not names & {"check", "judge"}
        assert not [name for name in imported if "diagnosis" in name or "checking" in name]


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
@pytest.mark.parametrize("seed", [1, 2])
def test_check_says_of_every_answer_of_300_students_what_the_list_says(
    assignment, seed, monkeypatch, capsys
):
    """With partial credit, which stock nbgrader does not give; loops and broken files apart."""
    known, submissions = class_of(assignment, seed=seed)
    different = []
    compared = Counter()
    for submission in submissions:
        if submission.handling in simulate.BROKEN:
            continue
        monkeypatch.setenv(GIVEN, submission.student)
        (notebook,) = (
            json.loads(content)
            for name, content in simulate.files(known, submission).items()
            if name.endswith(".ipynb")
        )
        shares = run_cells(notebook)
        for answer in submission.answers:
            if answer.question in shares and not answer.by_hand:
                compared[shares[answer.question]] += 1
                if shares[answer.question] != answer.share:
                    different.append((submission.student, answer))
    capsys.readouterr()
    assert not different
    assert compared[0] > 500
    assert compared[1] > 1000


def run_cells(notebook):
    """Run a notebook's cells as a kernel does, and return the share that each grade cell gave."""
    shares = {}
    names = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code" or "while True" in source:
            continue
        meta = cell["metadata"].get("nbgrader", {})
        if meta.get("grade_id") in ("training", "filters"):
            continue  # a layer at work, which takes a second and earns nothing
        share = Fraction(0)
        with contextlib.suppress(Exception):
            try:
                exec(compile(source, "a cell", "exec"), names)
                share = Fraction(1)
            except PartlyRight:
                share = Fraction(1, 2)
        if meta.get("grade"):
            shares[meta["grade_id"]] = share
    return shares


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_the_lists_agree_with_each_other(assignment, course):
    write(course, assignment, count=100)
    answers = table(course, assignment, "answers")
    for row in table(course, assignment, "totals"):
        own = [each for each in answers if each["student"] == row["student"]]

        def total(column, by=("check", "person"), own=own):
            return sum(float(each[column]) for each in own if each["by"] in by)

        assert total("max") == float(row["max"])
        assert total("points", ("check",)) == float(row["before_manual"])
        assert total("points") == float(row["after_manual"])
        assert total("stock_points", ("check",)) == float(row["stock_before_manual"])
        assert total("stock_points") == float(row["stock_after_manual"])
        assert (row["late"] == "yes") == (int(row["seconds_late"]) > 0)


# Never in the way


def test_a_second_run_changes_nothing(course):
    said = write(course)
    before = whole(course)
    assert write(course) == said
    assert whole(course) == before


def test_an_interrupted_run_can_be_repeated(course):
    write(course)
    before = whole(course)
    (course / f"simulated/{FIRST}/totals.csv").unlink()
    for number in range(12, 31):
        folder = course / f"submitted/simulated-{number:04}/{FIRST}"
        for path in folder.iterdir():
            path.unlink()
        if number > 12:
            folder.rmdir()
            folder.parent.rmdir()
        else:
            (folder / "timestamp.txt.part").write_bytes(b"2026-0")
    write(course)
    assert whole(course) == before


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("real", ["ada", "simulated-ada", "simulated-1"])
def test_real_students_are_never_touched(course, real, force):
    theirs = course / "submitted" / real / FIRST / f"{FIRST}.ipynb"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}", encoding="utf-8")
    before = whole(course)
    with pytest.raises(FileExistsError, match=f"holds work of {real}, which was not simulated"):
        write(course, force=force)
    assert whole(course) == before


def test_several_real_students_are_counted(course):
    for real in ("ada", "ben", "cleo"):
        (course / "submitted" / real).mkdir(parents=True)
    with pytest.raises(FileExistsError, match=r"holds work of ada \(and 2 more\), which was not"):
        write(course)


def test_a_link_out_of_the_course_is_not_followed(course, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")
    (outside / FIRST).mkdir()
    (outside / FIRST / "kept.txt").write_text("kept", encoding="utf-8")
    (course / "submitted").mkdir()
    try:
        (course / "submitted/simulated-0001").symlink_to(outside, target_is_directory=True)
    except OSError:
        pytest.skip("this system lets one make no links")
    with pytest.raises(FileExistsError, match="simulated-0001, which was not simulated"):
        write(course, force=True)
    assert (outside / FIRST / "kept.txt").read_text(encoding="utf-8") == "kept"


def change_a_timestamp(course):
    path = course / f"submitted/simulated-0002/{FIRST}/timestamp.txt"
    path.write_text("2026-01-01 00:00:00 UTC\n", encoding="utf-8")


def add_a_file(course):
    (course / f"submitted/simulated-0002/{FIRST}/notes.txt").write_text("", encoding="utf-8")


def annotate_the_list(course):
    with (course / f"simulated/{FIRST}/totals.csv").open("a", encoding="utf-8") as file:
        file.write("graded by A. L.\n")


@pytest.mark.parametrize(
    ("change", "settings"),
    [
        (None, {"seed": 2}),
        (None, {"count": 29}),
        (change_a_timestamp, {}),
        (add_a_file, {}),
        (annotate_the_list, {}),
    ],
)
def test_another_class_is_replaced_by_force_alone(course, change, settings, tmp_path_factory):
    write(course)
    other = course / "submitted/simulated-0001/another-assignment/another-assignment.ipynb"
    other.parent.mkdir()
    other.write_text("{}", encoding="utf-8")
    if change:
        change(course)
    before = whole(course)
    with pytest.raises(FileExistsError, match=r"is not of this class.*: add --force"):
        write(course, **settings)
    assert whole(course) == before
    write(course, force=True, **settings)
    assert other.exists()
    afresh = copy_course(tmp_path_factory.mktemp("afresh"), "source", "release")
    write(afresh, **settings)
    other.unlink()
    other.parent.rmdir()
    assert whole(course) == whole(afresh)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([FIRST, "--students", "0"], "--students must be from 1 to 100000, not 0"),
        ([FIRST, "--students", "100001"], "--students must be from 1 to 100000, not 100001"),
        ([FIRST, "--loops", "-1"], "--loops must not be negative, not -1"),
        (["parameter-sharin"], "there is no assignment 'parameter-sharin' in source/; did you"),
        (["../source/parameter-sharing"], "there is no assignment '../source/parameter-sharing'"),
    ],
)
def test_bad_input_gets_a_sentence(course, command, arguments, sentence):
    before = whole(course)
    code, said = command("simulate", *arguments, cwd=course)
    assert code == 1
    assert said.startswith(f"Error: {sentence}")
    assert len(said.splitlines()) == 1
    assert whole(course) == before


def test_a_missing_release_or_course_gets_a_sentence(tmp_path):
    with pytest.raises(LookupError, match="is no course: it has no assignments in source/"):
        write(tmp_path)
    copy_course(tmp_path, "source")
    with pytest.raises(LookupError, match=f"run `nbgrader generate_assignment {FIRST}` first"):
        write(tmp_path)
    assert not (tmp_path / "submitted").exists()


def test_a_graded_cell_of_another_kind_gets_a_sentence(course):
    for stage in ("source", "release"):
        path = course / stage / FIRST / f"{FIRST}.ipynb"
        text = path.read_text(encoding="utf-8")
        text = text.replace('check(\\"one-filter\\", one_filter)', "assert one_filter == 193")
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="cell 'one-filter' is not `check\\(\"one-filter\", name"):
        write(course)


def test_a_release_that_is_no_notebook_gets_a_sentence(course):
    path = course / "release" / FIRST / f"{FIRST}.ipynb"
    for content, why in (("{}", "it has no cells"), ("{", "Expecting property name")):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=f"{FIRST}.ipynb is no notebook: {why}"):
            write(course)


def test_an_assignment_without_a_graded_check_gets_a_sentence(course):
    path = course / "release" / FIRST / f"{FIRST}.ipynb"
    made = json.loads(path.read_text(encoding="utf-8"))
    made["cells"] = [cell for cell in made["cells"] if "check(" not in "".join(cell["source"])]
    path.write_text(json.dumps(made), encoding="utf-8")
    with pytest.raises(ValueError, match=f"no `check` in {FIRST} is graded, so there is nothing"):
        write(course)
    assert not (course / "submitted").exists()


def test_a_solution_stands_alone_with_what_it_needs_of_earlier_ones():
    """However wrong the cells before it are; what it defines itself, it does not need."""
    known, _ = class_of(FIRST, 1)
    ids = [cell.id for cell in known.questions]
    needs = {cell.id: [ids[place] for place in cell.needs] for cell in known.questions}
    for place, cell in enumerate(known.questions):
        assert all(need < place for need in cell.needs)
    assert needs["one-filter"] == needs["what-is-shared"] == needs["a-cat-moves"] == []
    assert needs["number-of-parameters"] == ["convolution-output-shape", "number-of-neurons"]
    assert needs["larger-image"] == ["convolution-output-shape", "parameter-sharing"]


# The real grader


@pytest.fixture(scope="module", params=GRADED, ids=[assignment for assignment, _ in GRADED])
def graded(request, clean_environment, run, tmp_path_factory):
    """A class that nbgrader has graded as the course configures it, and what it said about it."""
    assignment, count = request.param
    course = copy_course(tmp_path_factory.mktemp("class"), "source", "release")
    written = run(
        *("cnnlesson", "simulate", "--students", str(count), "--loops", "1", assignment), cwd=course
    )
    run("nbgrader", "generate_assignment", assignment, cwd=course)
    due = written.rpartition('--duedate="')[2].split('"')[0]
    run("nbgrader", "db", "assignment", "add", assignment, f"--duedate={due}", cwd=course)
    done = subprocess.run(
        [Path(sys.executable).parent / "nbgrader", "autograde", assignment],
        cwd=course,
        env=clean_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return course, assignment, done


@pytest.fixture
def gradebook(graded):
    with Gradebook(f"sqlite:///{graded[0]}/gradebook.db") as gradebook:
        yield gradebook


@pytest.mark.nbgrader
def test_every_submission_is_graded_whatever_it_is_like(graded):
    course, assignment, done = graded
    totals = table(course, assignment, "totals")
    if len(totals) >= 60:
        assert {row["handling"] for row in totals} == {"", *simulate.HANDLINGS}
    assert done.returncode == 0, done.stdout
    for row in totals:
        assert len(list((course / "autograded" / row["student"]).glob("*/*.ipynb"))) == 1


@pytest.mark.nbgrader
def test_a_file_that_cannot_be_read_is_explained_and_a_renamed_one_graded(graded):
    course, assignment, done = graded
    for row in table(course, assignment, "totals"):
        said = f"{row['student']}: '{assignment}.ipynb' was graded without answers"
        assert (said in done.stdout) == (row["handling"] in simulate.BROKEN)
        said = f"{row['student']}: '{assignment}-Copy1.ipynb' was taken for '{assignment}.ipynb'"
        assert (said in done.stdout) == (row["handling"] == "renamed")


@pytest.mark.nbgrader
def test_every_score_in_the_gradebook_is_the_one_in_the_list(graded, gradebook):
    course, assignment, _ = graded
    totals = {row["student"]: row for row in table(course, assignment, "totals")}
    listed = {
        (row["student"], row["question"]): float(row["points"])
        for row in table(course, assignment, "answers")
        if row["by"] == "check"
    }
    explanations = {
        row["question"] for row in table(course, assignment, "answers") if row["by"] == "person"
    }
    scores = {
        (submission.student.id, grade.name): grade.score
        for submission in gradebook.assignment_submissions(assignment)
        for notebook in submission.notebooks
        for grade in notebook.grades
        if grade.name not in explanations
    }
    assert scores == listed
    late = {
        submission.student.id: int(submission.total_seconds_late)
        for submission in gradebook.assignment_submissions(assignment)
    }
    assert late == {student: int(row["seconds_late"]) for student, row in totals.items()}


@pytest.mark.nbgrader
def test_the_report_names_the_misconceptions_that_were_planted(graded, run):
    course, assignment, _ = graded
    planted, found = ranked(course, assignment, run)
    assert len(planted) > 5
    for each, row in found.items():
        assert row["clearly"] <= planted.get(each, 0) <= row["at_most"], each
        assert row["sentence"]
    assert planted.keys() <= found.keys()


def ranked(course, assignment, run):
    """By misconception: how many students show it, and what the report says, in its order."""
    run("cnnlesson", "report", assignment, cwd=course)
    report = json.loads((course / f"reports/{assignment}/report.json").read_text(encoding="utf-8"))
    listed = table(course, assignment, "misconceptions")
    planted = {row["misconception"]: int(row["students_who_show_it"]) for row in listed}
    return (
        {which: count for which, count in planted.items() if count},
        {each["id"]: each for each in report["misconceptions"]},
    )


@pytest.mark.nbgrader
def test_the_report_counts_who_is_late_stuck_and_blank_as_the_list_does(graded, run):
    course, assignment, _ = graded
    run("cnnlesson", "report", assignment, cwd=course)
    report = json.loads((course / f"reports/{assignment}/report.json").read_text(encoding="utf-8"))
    totals, answers = (table(course, assignment, name) for name in ("totals", "answers"))
    assert report["handed_in"] == report["students"] == len(totals)
    assert report["late"] == sum(row["late"] == "yes" for row in totals)
    outcomes = Counter((row["question"], row["outcome"]) for row in answers if row["by"] == "check")
    for question in report["questions"]:
        if (question["id"], "right") not in outcomes:
            continue
        assert question["time_outs"] == outcomes[question["id"], "loops"]
        assert question["errors"] == outcomes[question["id"], "raises"]
        blank = ("blank", "deleted", "unreadable")
        assert question["blank"] == sum(outcomes[question["id"], each] for each in blank)


@pytest.mark.nbgrader
def test_totals_are_those_of_the_list_before_and_after_manual_grading(graded, gradebook):
    course, assignment, _ = graded
    totals = {row["student"]: row for row in table(course, assignment, "totals")}
    answers = table(course, assignment, "answers")

    def scores():
        found = gradebook.assignment_submissions(assignment)
        return {submission.student.id: submission.score for submission in found}

    def listed(*by):
        earned = Counter(dict.fromkeys(totals, 0))
        for row in answers:
            if row["by"] in by:
                earned[row["student"]] += float(row["points"])
        return earned

    assert scores() == listed("check")
    for row in answers:
        if row["by"] == "check":
            continue
        grade = gradebook.find_grade(row["question"], assignment, assignment, row["student"])
        assert grade.needs_manual_grade == (row["outcome"] == "explained")
        if grade.needs_manual_grade:
            grade.manual_score = float(row["points"])
            grade.needs_manual_grade = False
    gradebook.db.commit()
    assert scores() == listed("check", "person")


# A class of three hundred, and what the instructor's desk makes of it


@pytest.fixture(scope="module", params=[FIRST, "conv-layer"])
def large(request, run, tmp_path_factory):
    """A class of three hundred that has been graded."""
    course = copy_course(tmp_path_factory.mktemp("large"), "source", "release")
    run("cnnlesson", "simulate", "--students", "300", request.param, cwd=course)
    run("nbgrader", "generate_assignment", request.param, cwd=course)
    run("cnnlesson", "autograde", request.param, cwd=course)
    return course, request.param


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_the_report_on_300_ranks_what_was_planted(large, run):
    """In the planted order, but for what answers leave open, as `docs/report.md` says."""
    course, assignment = large
    planted, found = ranked(course, assignment, run)
    assert found.keys() == planted.keys()
    spans = {each: row["at_most"] - row["clearly"] for each, row in found.items()}
    for each, row in found.items():
        assert row["clearly"] <= planted[each] <= row["at_most"], each
    pairs = [*itertools.combinations(found, 2)]  # the first is said to be held by more
    wrong = [planted[other] - planted[one] for one, other in pairs if planted[other] > planted[one]]
    for one, other in pairs:
        assert planted[other] - planted[one] <= max(spans[one], spans[other])
    assert (len(found), len(pairs), len(wrong), max(wrong, default=0)) == TOLD_OF[assignment]


TOLD_OF = {FIRST: (66, 2145, 16, 4), "conv-layer": (59, 1711, 0, 0)}
"""Of a class: misconceptions, pairs of them, and how many are not in order, and by how many."""


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_an_export_of_300_is_imported_again(large, run):
    """As the table of a system: nobody is new, and everybody has the points of the gradebook."""
    course, assignment = large
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        points = gradebook.find_assignment(assignment).max_score
        scores = {
            each.student_id: each.score for each in gradebook.assignment_submissions(assignment)
        }
    lines = [f"Student,ID,SIS User ID,SIS Login ID,Section,{assignment} (7)"]
    lines.append(f"    Points Possible,,,,,{points:g}")
    lines += [f'"{each}",{place},{each},{each},A,' for place, each in enumerate(scores, 1)]
    (course / "canvas.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    told = run("cnnlesson", "export", "canvas.csv", "--to", "canvas", cwd=course)
    assert told.endswith("300 grades are in grades-canvas.csv, for Canvas to import.\n")
    with (course / "grades-canvas.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ID"]]
    column = f"{assignment} (7)"
    assert {row["SIS User ID"]: float(row[column]) for row in rows} == scores
    again = run("cnnlesson", "roster", "grades-canvas.csv", cwd=course)
    assert again.startswith("0 students added, ")
