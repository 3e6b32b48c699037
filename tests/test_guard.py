"""A class in which everything odd was handed in, graded by the real commands and by the API."""

import json
import os
import stat
import subprocess
import sys
import urllib.request
from pathlib import Path

import nbgrader
import pytest
from course import ROOT, copy_course
from labs import PATIENCE, quiet_home, served
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.converters import Autograde, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from cnnlesson.grading import guard, secure

NAME = "parameter-sharing"
FILE = f"{NAME}.ipynb"
RIGHT = (ROOT / "source" / NAME / FILE).read_bytes()  # right for every student's numbers
FULL = 15

GRADED = {  # student to points
    "honest": FULL,
    "renamed": FULL,
    "old-format": FULL,
    "linked": 0,
    "large": 0,
    "no-notebook": 0,
    "other-schema": FULL,  # since nbgrader's marks come from source/
    "zz-last": FULL,
}
REFUSED = ("<b>x", ".hidden", "link-out", "empty")

pytestmark = pytest.mark.nbgrader


def put(course, student, files):
    for name, content in files.items():
        path = course / "submitted" / student / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def old_format(content):
    cells = []
    for cell in json.loads(content)["cells"]:
        text = "input" if cell["cell_type"] == "code" else "source"
        old = {text: cell["source"], "cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        cells.append(old | ({"outputs": [], "language": "python"} if text == "input" else {}))
    return json.dumps(
        {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    ).encode()


def of_another_nbgrader(content):
    notebook = json.loads(content)
    marked = next(cell for cell in notebook["cells"] if "nbgrader" in cell["metadata"])
    marked["metadata"]["nbgrader"]["schema_version"] = 99
    return json.dumps(notebook).encode()


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """What nobody may read or change."""
    folder = tmp_path_factory.mktemp("outside")
    for name in ("secret.txt", "target.txt"):
        (folder / name).write_text("SECRET", encoding="utf-8")
        (folder / name).chmod(0o640)
    return folder


@pytest.fixture(scope="module")
def course(clean_environment, run, outside, tmp_path_factory):
    """A course with submissions of all kinds, graded; what was said is in autograde.txt."""
    course = copy_course(tmp_path_factory.mktemp("course"), "source", "release")
    run("nbgrader", "generate_assignment", NAME, cwd=course)
    for student in ("honest", "linked", "zz-last", "<b>x", ".hidden"):
        put(course, student, {FILE: RIGHT, "timestamp.txt": b"2026-01-30 10:00:00 UTC"})
    put(course, "renamed", {"deep/My answers.ipynb": RIGHT, "timestamp.txt": b"<no time>"})
    put(course, "old-format", {FILE: old_format(RIGHT)})
    put(course, "no-notebook", {FILE: b"<html>Sign in</html>"})
    put(course, "other-schema", {FILE: of_another_nbgrader(RIGHT)})
    put(course, "large", {FILE: b""})
    with (course / "submitted/large" / NAME / FILE).open("wb") as file:
        for _ in range(200):
            file.write(b'["a", {"b": 1}],' * 62_500)
    submitted = course / "submitted"
    (submitted / "empty" / NAME).mkdir(parents=True)
    (submitted / "link-out").mkdir()
    (submitted / "link-out" / NAME).symlink_to(submitted / "honest" / NAME)
    linked = submitted / "linked" / NAME
    (linked / FILE).unlink()
    (linked / FILE).symlink_to(submitted / "honest" / NAME / FILE)
    (linked / "notes.txt").symlink_to(outside / "secret.txt")
    os.mkfifo(linked / "pipe")
    script = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "print('PEAK', resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); "
        "sys.exit(done.returncode)"
    )
    command = [Path(sys.executable).parent / "nbgrader", "autograde", NAME]
    done = subprocess.run(
        [sys.executable, "-c", script, *command],
        cwd=course,
        env=clean_environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    (course / "autograde.txt").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 1, done.stdout
    return course


@pytest.fixture(scope="module")
def said(course):
    return (course / "autograde.txt").read_text(encoding="utf-8")


@pytest.fixture
def scores(course):
    """The gradebook's scores, by student."""
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {each.student.id: each.score for each in gradebook.assignment_submissions(NAME)}


def test_each_gets_what_is_deserved_whatever_the_others_handed_in(scores):
    assert {student: scores.get(student) for student in GRADED} == GRADED


def test_what_cannot_be_graded_is_listed_at_the_end(said, scores, course):
    assert not {*REFUSED} & {*scores}
    _, _, listed = said.rpartition("4 of 12 submissions could not be processed")
    assert "'?b?x' cannot be a student's id" in listed
    assert "'.hidden' cannot be a student's id" in listed
    assert f"link-out/{NAME} is a link, which is not followed: remove it" in listed
    assert f"empty/{NAME} is empty" in listed
    assert {path.name for path in (course / "autograded").iterdir()} >= {*GRADED}


def test_what_was_amiss_is_said_to_the_lecturer_and_kept_in_the_notebook(said, course):
    def remarks(student):
        path = course / "autograded" / student / NAME / FILE
        notebook = json.loads(path.read_text(encoding="utf-8"))
        return notebook["metadata"].get("cnnlesson", {}).get("remarks", [])

    taken = f"'deep/My answers.ipynb' was taken for '{FILE}', by the cells in it"
    assert f"renamed: {taken}" in said
    assert remarks("renamed") == [taken]  # the timestamp is no matter of the notebook's
    assert remarks("honest") == []
    assert "200,000,000 bytes, and at most 15,000,000 are read" in remarks("large")[0]
    assert f"'{FILE}' is a link, and was left out" in remarks("linked")


def test_a_200_mb_notebook_takes_less_than_400_mb(said):
    assert int(said.rpartition("PEAK ")[2]) < 400


def test_nothing_is_left_over_and_nothing_came_from_outside(course):
    assert not list(course.glob(".staged*"))
    assert not [path for path in (course / "autograded").rglob("*") if path.is_symlink()]
    assert not list((course / "autograded/linked").rglob("notes.txt"))
    for path in (course / "autograded").rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert b"SECRET" not in path.read_bytes()


def test_feedback_holds_plain_files_that_only_their_owner_reads(course, outside, run):
    """Though an earlier grading, by stock nbgrader, left links where nbgrader reads and writes."""
    graded = course / "autograded/honest" / NAME
    (graded / "data.txt").symlink_to(outside / "secret.txt")
    feedback = course / "feedback/honest" / NAME
    feedback.mkdir(parents=True)
    (feedback / "old.txt").symlink_to(outside / "target.txt")
    done = run("nbgrader", "generate_feedback", NAME, "--notebook", NAME, cwd=course)
    assert "honest: 'data.txt' is a link, and was left out" in done
    for student in GRADED:
        page = course / "feedback" / student / NAME / f"{NAME}.html"
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
    for path in (course / "feedback").rglob("*"):
        assert not path.is_symlink()
        assert path.is_dir() or b"SECRET" not in path.read_bytes()
    target = outside / "target.txt"
    assert target.read_text(encoding="utf-8") == "SECRET"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    text = (course / "feedback/no-notebook" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "was graded without answers, as none could be read" in text
    assert "not written as a notebook is" in text


def test_a_regrade_gives_the_same_and_a_second_run_skips_it(course, run, scores):
    again = run("nbgrader", "autograde", NAME, "--student=renamed", cwd=course)
    assert "Skipping existing assignment" in again
    run("nbgrader", "autograde", NAME, "--student=renamed", "--force", cwd=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        assert gradebook.find_submission(NAME, "renamed").score == scores["renamed"]


def test_names_that_match_nothing_get_stock_nbgraders_sentence(course, run):
    said = run("nbgrader", "autograde", NAME, "--student=nobody", cwd=course, check=False)
    assert "No notebooks were matched by" in said
    said = run("nbgrader", "autograde", NAME, "--notebook=other", cwd=course, check=False)
    assert "no notebook of a submission is called 'other'" in said


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        (
            "--Autograde.exporter_class=nbconvert.exporters.NotebookExporter",
            "Autograde.exporter_class is",
        ),
        ("--Autograde.autograde_preprocessors=[]", "Autograde.autograde_preprocessors is []"),
    ],
)
def test_no_flag_takes_a_part_away(course, run, flag, sentence):
    said = run(
        "nbgrader", "autograde", NAME, "--student=honest", "--force", flag, cwd=course, check=False
    )
    assert sentence in said
    assert "take that setting off the command line" in said
    assert (course / "autograded/honest" / NAME / FILE).exists()


# By the formgrader's buttons, in Jupyter Server's running event loop


@pytest.fixture(scope="module")
def button(course, clean_environment, tmp_path_factory):
    """Do what a button of the formgrader does, and return what it was answered."""
    home = quiet_home(tmp_path_factory.mktemp("home"))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    with served(command, course, clean_environment, home) as (host, _, token):

        def button(path):
            request = urllib.request.Request(
                f"{host}/formgrader/api/{path}",
                method="POST",
                headers={"Authorization": f"token {token}"},
            )
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.load(answer)

        yield button


def test_the_formgraders_buttons_are_guarded(button, course):
    put(course, "button", {"answers.ipynb": RIGHT})
    for _ in range(2):  # the configuration is read again each time
        graded = button(f"submission/{NAME}/button/autograde")
        assert graded["success"], graded
        assert "'answers.ipynb' was taken for" in graded["log"]
        assert graded["log"].count("Autograding ") == 1
    made = button(f"assignment/{NAME}/button/generate_feedback")
    assert made["success"], made
    page = course / "feedback/button" / NAME / f"{NAME}.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    refused = button(f"submission/{NAME}/link-out/autograde")
    assert not refused["success"]
    assert "is a link, which is not followed" in refused["log"]
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        assert gradebook.find_submission(NAME, "button").score == FULL


# In this process


@pytest.fixture
def api(course, monkeypatch):
    """nbgrader's API, with the configuration read again by each call."""
    monkeypatch.chdir(course)
    text = (course / "nbgrader_config.py").read_text(encoding="utf-8")

    def api():
        config = Config()
        exec(text, {"get_config": lambda: config})
        return NbGraderAPI(CourseDirectory(config=config, root=str(course)), config=config)

    yield api
    for kind in Autograde, GenerateFeedback:
        kind.start = kind.start.guards


def test_the_api_is_guarded_once_and_left_as_it_was(api):
    for _ in range(2):
        each = api()
        refused = each.autograde(NAME, "<b>x")
        assert not refused["success"]
        assert "cannot be a student's id" in refused["log"]
        assert (each.coursedir.student_id, each.coursedir.submitted_directory) == ("*", "submitted")
    assert not hasattr(Autograde.start.guards, "guards")


def test_a_configuration_with_an_error_in_it_leaves_nothing_unguarded(api, course):
    """Since nbgrader logs the error, and goes on without the configuration."""
    api()
    for kind in Autograde, GenerateFeedback:
        with pytest.raises(NbGraderException, match="or mend that file, if an error in it stands"):
            kind(coursedir=CourseDirectory(root=str(course), assignment_id=NAME)).start()


def test_an_untested_nbgrader_is_refused(api, monkeypatch):
    guarded = api()
    monkeypatch.setattr(nbgrader, "__version__", "0.10.0")
    refused = guarded.autograde(NAME, "honest")
    assert not refused["success"]
    assert "nbgrader 0.10.0 is installed here" in refused["log"]
    assert "pip install nbgrader==0.9.6" in refused["log"]


def test_a_source_that_is_missing_is_said(api, course):
    (course / "source" / NAME).rename(course / "source/away")
    try:
        refused = api().autograde(NAME, "honest")
        assert "has no notebooks, and submissions are compared with those" in refused["log"]
    finally:
        (course / "source/away").rename(course / "source" / NAME)


def test_whole_lists_are_set_however_often_the_configuration_is_read(api):
    configs = [api().config for _ in range(3)]
    for kind, traits in secure.SETTINGS.items():
        for name, value in traits.items():
            assert [config[kind.__name__][name] for config in configs] == [value] * 3


def test_the_installed_nbgrader_is_one_that_was_tested():
    assert nbgrader.__version__ in guard.TESTED
