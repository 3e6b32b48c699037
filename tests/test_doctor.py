"""`cnnlesson doctor`: what is missing, and how to get it on the system at hand."""

import json
import shutil
import tomllib

import lms_class
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
