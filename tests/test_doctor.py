"""`cnnlesson doctor`: what is missing, and how to get it on the system at hand."""

import json
import shutil
import tomllib

import lms_class
import nbformat
import pytest
from click.testing import CliRunner
from course import ROOT

from cnnlesson import __version__
from cnnlesson.cli import main
from cnnlesson.grading import doctor, examination


@pytest.mark.parametrize(
    ("tool", "remedy"),
    [
        ("apt", "apt install bubblewrap"),
        ("dnf", "dnf install bubblewrap"),
        ("brew", "install the package bubblewrap"),
        ("", "install the package bubblewrap"),
    ],
)
def test_what_is_missing_can_be_got_by_what_installs_here(monkeypatch, tool, remedy):
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name == tool else None)
    monkeypatch.setattr(doctor.sys, "platform", "linux")
    found = doctor._program("bubblewrap", "bwrap", "walls", needed=True)
    assert found.state == "missing"
    assert found.get.removeprefix("sudo ") == remedy
    assert found.sentence().startswith(
        "Missing, and needed: bubblewrap, no bwrap on PATH. It gives"
    )


def test_an_extra_is_missing_with_a_part_of_it(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "latex2mathml" else "1.0")
    monkeypatch.setattr(doctor, "_nbgrader", lambda version: iter(()))
    found = {each.name: each for each in doctor._extras()}
    assert found["the extra grading"].found == "without latex2mathml"
    assert found["the extra grading"].needed
    assert found["the extra parallel"].state == "fine"


def test_all_extras_are_looked_at_and_what_they_give_is_told():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = {each.name: each for each in doctor._extras()}
    for extra in project["optional-dependencies"]:
        finding = found[f"the extra {extra}"]
        assert finding.gives
        assert finding.found != "nothing needed here"
        assert finding.get == f"pip install 'cnnlesson[{extra}]'"


@pytest.mark.parametrize(("theirs", "state"), [(__version__, "fine"), ("0.0.9", "missing")])
def test_another_library_than_the_courses_own_is_told(tmp_path, theirs, state):
    (tmp_path / "cnnlesson").mkdir()
    (tmp_path / "cnnlesson/__init__.py").write_text(f'__version__ = "{theirs}"\n')
    library, course = doctor._course(tmp_path)
    assert (library.state, course.state) == (state, "absent")
    assert f"brings {theirs}, and {__version__} is installed" in library.sentence()
    assert not library.needed


def test_an_untested_nbgrader_is_told():
    (found,) = doctor._nbgrader("0.9.7")
    assert (found.state, found.needed) == ("missing", True)
    assert "0.9.7 is installed" in found.found


def test_another_system_has_no_sandbox(monkeypatch):
    monkeypatch.setattr(doctor.sys, "platform", "darwin")
    (found,) = doctor._sandbox()
    assert (found.state, found.found, found.needed) == ("missing", "this is darwin", True)


@pytest.mark.parametrize("needed", [True, False])
def test_the_command_says_it_in_lines_or_json_and_by_its_status(monkeypatch, needed):
    found = [
        doctor.Finding("Python", "fine", "3.12.1"),
        doctor.Finding("walls", "missing", "no bwrap", "safety", "apt install walls", needed),
        doctor.Finding("a course", "absent", "there is no configuration"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda folder: found)
    lines = CliRunner().invoke(main, ["doctor"])
    begin = "Missing, and needed" if needed else "Missing"
    assert lines.output.splitlines() == [
        "Fine: Python, 3.12.1.",
        f"{begin}: walls, no bwrap. It gives safety. To get it: apt install walls.",
        "Not here: a course, there is no configuration.",
        f"Grading {'would not work' if needed else 'works'} here.",
    ]
    told = CliRunner().invoke(main, ["doctor", "--json"])
    assert told.exit_code == lines.exit_code == (1 if needed else 0)
    as_json = json.loads(told.output)
    assert as_json["grading works"] is not needed
    assert [each["state"] for each in as_json["findings"]] == ["fine", "missing", "absent"]


@pytest.mark.parametrize(("needed", "status"), [(False, 0), (True, 1)])
def test_what_is_amiss_is_to_be_mended_before_students_get_it(monkeypatch, needed, status):
    found = [doctor.Finding("x.ipynb", "amiss", "it is empty", get="write it", needed=needed)]
    monkeypatch.setattr(doctor, "examine", lambda folder: found)
    said = CliRunner().invoke(main, ["doctor"])
    assert said.exit_code == status
    *lines, last = said.output.splitlines()
    assert lines == ["Amiss: x.ipynb, it is empty. To mend it: write it."]
    assert last.endswith("here; mend what is amiss before students get it.")


@pytest.mark.nbgrader
def test_a_course_is_looked_at(tmp_path, monkeypatch):
    course = lms_class.course_with_class(tmp_path)
    for name in (lms_class.ASSIGNMENT, "padding", "dimensionality"):
        shutil.copytree(ROOT / "source" / name, course / "source" / name)
    monkeypatch.chdir(course)
    with (course / "source/padding/padding.ipynb").open("r+") as file:
        text = file.read().replace("# Padding", "# Wadding")
        file.seek(0)
        file.write(text)
    found = {each.name: each for each in examination.of_course()}
    assert found["the course's guard"].found.startswith("secure(c) is called")
    assert "5 students, 1 assignments" in found["the gradebook"].found
    # Its gradebook has a notebook of one question.
    assert found[f"the release of {lms_class.ASSIGNMENT}"].trouble
    assert found["the release of padding"].get == "nbgrader generate_assignment padding"
    assert found["the release of dimensionality"].found == "the gradebook does not have it yet"


LOCKED = {"locked": True, "grade": False, "solution": False}
ANSWER = {"locked": False, "grade": False, "solution": True}
GRADED = {"locked": True, "grade": True, "solution": False, "points": 1}
BEGIN = ('begin("padding", student_id)', LOCKED)
ASK = ('ask("padded-input")', LOCKED)
SOLUTION = ("p = ...\n### BEGIN SOLUTION\np = 2\n### END SOLUTION", ANSWER)
CHECK = ('check("padded-input", p)', GRADED)


def written(cells):
    """A notebook of code cells, each with its text and what *Create Assignment* makes of it."""
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    for place, (source, flags) in enumerate(cells, 1):
        cell = nbformat.v4.new_code_cell(source)
        if flags:
            known = {"grade_id": f"id-{place}", "schema_version": 3, "task": False}
            cell.metadata.nbgrader = known | flags
        made.cells.append(cell)
    return nbformat.writes(made)


@pytest.fixture
def examined(tmp_path, monkeypatch):
    """Write an assignment, and return what is found of its course, or only what is amiss."""
    shutil.copy2(ROOT / "nbgrader_config.py", tmp_path)
    (tmp_path / "source/padding").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)

    def examined(*cells, state="amiss"):
        (tmp_path / "source/padding/padding.ipynb").write_text(written(cells))
        return [each for each in doctor._course(tmp_path) if each.state == state]

    return examined


@pytest.mark.nbgrader
@pytest.mark.parametrize(
    ("cells", "place", "said", "stops"),
    [
        ([], "", "it has no cells", False),
        (
            [('begin("paddings", student_id)', LOCKED), ASK, SOLUTION, CHECK],
            ", cell 1 (id-1)",
            "there is no assignment 'paddings'; did you mean 'padding'?",
            False,
        ),
        (
            [('begin("dimensionality", student_id)', LOCKED), ASK, SOLUTION, CHECK],
            ", cell 1 (id-1)",
            "it begins 'dimensionality', and is graded with the numbers of 'padding'",
            False,
        ),
        (
            [BEGIN, ('ask("paded-input")', LOCKED), SOLUTION, CHECK],
            ", cell 2 (id-2)",
            "there is no question 'paded-input'; did you mean 'padded-input'?",
            False,
        ),
        (
            [BEGIN, ASK, SOLUTION, ('check("paded-input", p)', GRADED)],
            ", cell 4 (id-4)",
            "there is no question 'paded-input'; did you mean 'padded-input'?",
            True,
        ),
        (
            [BEGIN, ASK, SOLUTION, ('check("one-filter", p)', GRADED)],
            ", cell 4 (id-4)",
            "'one-filter' is not among the questions of the assignment 'padding'",
            False,
        ),
        (
            [BEGIN, ASK, SOLUTION, ('print(p)\ncheck("padded-input", p)', GRADED)],
            ", cell 4 (id-4)",
            "the grade cell 'id-4' calls `check` among other things",
            True,
        ),
        (
            [BEGIN, ASK, SOLUTION, CHECK, (CHECK[0], None)],
            ", cell 5",
            "it checks an answer, and is not graded",
            False,
        ),
        (
            [BEGIN, ASK, ("p = (5 - 1) // 2", None), CHECK],
            ", cell 4 (id-4)",
            "students get all of the cell that gives p its value, the answer too",
            False,
        ),
    ],
)
def test_what_slips_through_the_release_is_told_with_its_cell(examined, cells, place, said, stops):
    first, *_ = examined(*cells)
    assert first.sentence().startswith(f"Amiss: source/padding/padding.ipynb{place}, {said}")
    assert "To mend it: " in first.sentence()
    assert first.needed is stops


@pytest.mark.nbgrader
def test_an_assignment_without_a_graded_cell_is_told(examined):
    (found,) = examined(BEGIN, ASK, SOLUTION)
    assert found.sentence().startswith("Amiss: source/padding, no cell of it is graded")


@pytest.mark.nbgrader
def test_dots_that_are_not_nbgraders_to_know_give_nothing_away(examined):
    assert examined(BEGIN, ASK, ("p = ...", None), CHECK) == []


@pytest.mark.nbgrader
def test_what_nbgrader_refuses_is_told(examined):
    *_, found = examined((SOLUTION[0], None), state="missing")
    assert "Solution region detected in a non-solution cell" in found.sentence()


@pytest.mark.nbgrader
@pytest.mark.parametrize("course", [ROOT, ROOT / "tests/other_course"], ids=["ours", "another"])
def test_nothing_is_amiss_with_the_courses_that_are_here(course):
    found = list(doctor._course(course))
    assert any(each.name.startswith("the release of ") for each in found)
    assert [each.sentence() for each in found if each.state == "amiss"] == []
