"""The student's way: start, answer, hand in; and what the instructor's tools make of that file."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from course import ROOT, copy_course
from hypothesis import given
from hypothesis import strategies as st
from labs import open_notebook, quiet_home, served
from nbgrader.api import Gradebook
from nbgrader.utils import compute_checksum

from cnnlesson import __version__
from cnnlesson import student as way
from cnnlesson.quiz import bank
from cnnlesson.quiz.record import MIME, answer_record
from cnnlesson.quiz.session import variant

ASSIGNMENT = "parameter-sharing"
POINTS = 15  # by `check`; the explanation waits for a person
EXPLANATION = "explain-when-sharing-hurts"


def instructors_answers():
    """What the source answers, for whoever's numbers: the source of each answer cell, by name."""
    source = nbformat.read(ROOT / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
    answers = {
        cell.id: re.sub(r"### (BEGIN|END) SOLUTION\n?", "", cell.source)
        for cell in source.cells
        if cell.id.endswith("-answer")
    }
    return answers | {EXPLANATION: "Since a cat can sit anywhere."}


ANSWERS = instructors_answers()
QUESTIONS = (
    *(bank.find(name).title for name in bank.ASSIGNMENTS[ASSIGNMENT].questions),
    "In Your Own Words: When Sharing Hurts",
)


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    for name in ("CNNLESSON_STUDENT", "JUPYTERHUB_USER", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def course(tmp_path):
    return copy_course(tmp_path, "release", "source")


@pytest.fixture
def cnnlesson(course):
    """Run the command as a student does, in the course's folder unless told otherwise."""

    def cnnlesson(*arguments, cwd=course, **environment):
        return subprocess.run(
            [Path(sys.executable).parent / "cnnlesson", *arguments],
            cwd=cwd,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )

    return cnnlesson


@pytest.fixture
def own(course, cnnlesson):
    """Ada's own notebook, just started."""
    cnnlesson("start", ASSIGNMENT, "--student", "Ada@uni.edu")
    return course / "work" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"


def change(notebook, edit):
    """Change a notebook's cells, named as nbgrader names them, and save it."""
    document = json.loads(notebook.read_text(encoding="utf-8"))
    by_id = {c["metadata"].get("nbgrader", {}).get("grade_id"): c for c in document["cells"]}
    edit(document["cells"], by_id)
    notebook.write_text(json.dumps(document), encoding="utf-8")


def answer(notebook, answers=ANSWERS):
    def edit(_, by_id):
        for name, source in answers.items():
            by_id[name]["source"] = source

    change(notebook, edit)


def release_anew(course, edit):
    """Change the release, as the instructor does who edits source/ and makes it again."""

    def with_checksums(cells, by_id):
        edit(cells, by_id)
        for cell in filter(lambda cell: "nbgrader" in cell["metadata"], cells):
            cell["source"] = "".join(cell["source"])
            cell["metadata"]["nbgrader"]["checksum"] = compute_checksum(nbformat.from_dict(cell))

    change(course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb", with_checksums)


def snapshot(folder):
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def refused(done):
    """The one sentence of a refusal."""
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("Error: ")
    return sentence


# --- start -----------------------------------------------------------------------------------


def test_start_copies_the_release_and_says_what_to_open(course, cnnlesson):
    before = snapshot(course)
    done = cnnlesson("start", ASSIGNMENT, "--student", " Ada@uni.edu ")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "Your student id is ada, kept in work/student.txt.",
        "Open work/parameter-sharing/parameter-sharing.ipynb.",
    ]
    after = snapshot(course)
    name = f"{ASSIGNMENT}/{ASSIGNMENT}.ipynb"
    assert {k: v for k, v in after.items() if k not in before}.keys() == {
        str(Path("work/student.txt")),
        str(Path("work") / name),
    }
    assert before.items() <= after.items()
    assert after[str(Path("work") / name)] == before[str(Path("release") / name)]


def test_start_never_overwrites_and_fills_in_what_is_missing(course, cnnlesson, own):
    (course / "release" / ASSIGNMENT / "data").mkdir()
    (course / "release" / ASSIGNMENT / "data" / "cat.csv").write_text("1,2\n")
    (course / "release" / ASSIGNMENT / ".ipynb_checkpoints").mkdir()
    (course / "release" / ASSIGNMENT / ".ipynb_checkpoints" / "x.ipynb").write_text("{}")
    own.write_text("mine", encoding="utf-8")
    done = cnnlesson("start", ASSIGNMENT)  # and it asks for no id again
    assert own.read_text(encoding="utf-8") == "mine"
    assert "work/parameter-sharing was there" in done.stdout
    assert "  work/parameter-sharing/data/cat.csv\n" in done.stdout
    assert not (own.parent / ".ipynb_checkpoints").exists()
    before = snapshot(course)
    done = cnnlesson("start", ASSIGNMENT)
    assert done.returncode == 0
    assert "is there already, and stays as it is." in done.stdout
    assert "Open work/parameter-sharing/parameter-sharing.ipynb." in done.stdout
    assert snapshot(course) == before


def test_start_makes_a_read_only_release_writable(course, cnnlesson):
    file = course / "release" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    file.chmod(0o444)
    cnnlesson("start", ASSIGNMENT, "--student", "ada")
    assert (course / "work" / ASSIGNMENT / file.name).stat().st_mode & 0o200


@pytest.mark.skipif(os.name == "nt", reason="Windows makes a symlink for administrators alone")
def test_start_does_not_write_through_a_link(course, cnnlesson, tmp_path):
    elsewhere = tmp_path / "elsewhere.ipynb"
    link = course / "work" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb"
    link.parent.mkdir(parents=True)
    link.symlink_to(elsewhere)
    cnnlesson("start", ASSIGNMENT, "--student", "ada")
    assert not elsewhere.exists()
    assert link.is_symlink()


def test_start_finds_the_course_from_a_folder_in_it_or_by_name(course, cnnlesson, tmp_path):
    (course / "notebooks").mkdir()
    done = cnnlesson("start", ASSIGNMENT, "--student", "ada", cwd=course / "notebooks")
    assert "Open work/parameter-sharing/parameter-sharing.ipynb." in done.stdout
    (tmp_path / "outside").mkdir()
    done = cnnlesson("start", ASSIGNMENT, "--course-dir", "..", cwd=course / "notebooks")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Open work/parameter-sharing/parameter-sharing.ipynb.\n")


def test_start_needs_a_course(cnnlesson, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nothing")
    sentence = refused(cnnlesson("start", ASSIGNMENT, cwd=folder))
    assert f"{folder} is in no course" in sentence
    assert "--course-dir" in sentence
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("wrong", ["paramter-sharing", "../source", "", ".", "Parameter-Sharing"])
def test_an_unknown_assignment_is_answered_with_those_there_are(course, cnnlesson, wrong):
    for name in ("padding", "dimensionality"):
        shutil.copytree(
            course / "release" / ASSIGNMENT, course / f"release/{name}", dirs_exist_ok=True
        )
    before = snapshot(course)
    sentence = refused(cnnlesson("start", wrong, "--student", "ada"))
    assert repr(wrong) in sentence
    if "-" in wrong:  # nearest first
        assert "there is parameter-sharing, padding" in sentence
    assert set(re.findall("padding|dimensionality|parameter-sharing", sentence)) == {
        "padding",
        "dimensionality",
        ASSIGNMENT,
    }
    assert snapshot(course) == before


def test_start_asks_nobody_who_cannot_answer(course, cnnlesson):
    before = snapshot(course)
    sentence = refused(cnnlesson("start", ASSIGNMENT))
    assert "cnnlesson start parameter-sharing --student YOUR-ID" in sentence
    assert "'a/b' has '/'" in refused(cnnlesson("start", ASSIGNMENT, "--student", "a/b"))
    assert snapshot(course) == before


@pytest.mark.usefixtures("own")
def test_another_id_than_the_known_one_is_refused(course, cnnlesson):
    before = snapshot(course)
    sentence = refused(cnnlesson("start", ASSIGNMENT, "--student", "lin"))
    assert "'ada' here, not 'lin'" in sentence
    assert "student.txt" in sentence
    assert snapshot(course) == before
    assert cnnlesson("start", ASSIGNMENT, "--student", "ADA").returncode == 0


def test_a_hub_knows_its_users(course, cnnlesson):
    done = cnnlesson("start", ASSIGNMENT, JUPYTERHUB_USER="Lin")
    assert done.stdout.startswith("Your student id is lin.\n")
    assert not (course / "work" / "student.txt").exists()
    sentence = refused(cnnlesson("start", ASSIGNMENT, "--student", "ada", JUPYTERHUB_USER="Lin"))
    assert "JUPYTERHUB_USER" in sentence
    assert (
        "lin_parameter-sharing.ipynb"
        in cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete", JUPYTERHUB_USER="Lin").stdout
    )


def in_terminal(course, typed, *arguments, environment=None):
    """Run the command in a real terminal, type into it, and give what it showed and its end."""
    pexpect = pytest.importorskip("pexpect")  # comes with JupyterLab, but not on Windows
    program = str(Path(sys.executable).parent / "cnnlesson")
    child = pexpect.spawn(
        program,
        list(arguments),
        cwd=course,
        env={**os.environ, **(environment or {})},
        encoding="utf-8",
        timeout=30,
    )
    for prompt, text in typed:
        child.expect(prompt)
        child.sendline(text)
    shown = child.before or ""
    child.expect(pexpect.EOF)
    child.close()
    return shown + child.before, child.exitstatus


def test_start_asks_in_a_terminal_until_it_has_an_id_and_then_never_again(course):
    ask = "Your student id, as your course knows you: "
    shown, status = in_terminal(course, [(ask, "a/b"), (ask, "Ada")], "start", ASSIGNMENT)
    assert status == 0, shown
    assert "Error: the student id 'a/b' has '/'" in shown
    assert (course / "work/student.txt").read_text() == "ada\n"
    shown, status = in_terminal(course, [], "start", ASSIGNMENT)
    assert status == 0
    assert ask not in shown


@pytest.mark.usefixtures("own")
def test_hand_in_asks_in_a_terminal_before_it_leaves_questions_out(course):
    ask = r"Hand in all the same\? \[y/N\]: "
    _, status = in_terminal(course, [(ask, "n")], "hand-in", ASSIGNMENT)
    assert status == 1
    assert not (course / "work/hand-in").exists()
    shown, status = in_terminal(course, [(ask, "y")], "hand-in", ASSIGNMENT)
    assert status == 0, shown
    assert (course / "work/hand-in/ada_parameter-sharing.ipynb").exists()


def test_a_notebooks_cell_is_not_asked_though_it_looks_like_a_terminal(course):
    shown, status = in_terminal(
        course, [], "start", ASSIGNMENT, environment={"JPY_PARENT_PID": "1"}
    )
    assert status == 1
    assert "--student YOUR-ID" in shown


# --- hand-in ---------------------------------------------------------------------------------


def test_a_complete_notebook_is_handed_in_as_it_was_saved(course, cnnlesson, own):
    answer(own)
    done = cnnlesson("hand-in", ASSIGNMENT)
    assert done.returncode == 0, done.stderr
    assert "All 13 questions are answered." in done.stdout
    assert "No check was run before you saved" in done.stdout
    assert done.stdout.endswith("Upload this file: work/hand-in/ada_parameter-sharing.ipynb\n")
    handed = course / "work/hand-in/ada_parameter-sharing.ipynb"
    assert handed.read_bytes() == own.read_bytes()
    assert [file.name for file in handed.parent.iterdir()] == [handed.name]


def test_verdicts_that_were_seen_are_not_asked_for(cnnlesson, own):
    def edit(_, by_id):
        output = {"output_type": "stream", "name": "stdout", "text": "is right."}
        by_id["parameter-sharing"]["outputs"] = [output]

    answer(own)
    change(own, edit)
    assert "No check was run" not in cnnlesson("hand-in", ASSIGNMENT).stdout


def test_handing_in_again_replaces_ones_own_file_alone(course, cnnlesson, own):
    cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete")
    folder = course / "work/hand-in"
    for name in ("lin_parameter-sharing.ipynb", "ada_padding.ipynb", "notes.txt"):
        (folder / name).write_text("not Ada's parameter-sharing")
    before = snapshot(folder)
    answer(own)
    assert cnnlesson("hand-in", ASSIGNMENT).returncode == 0
    after = snapshot(folder)
    assert {name for name in after if after[name] != before.get(name)} == {
        "ada_parameter-sharing.ipynb"
    }
    assert before.keys() == after.keys()


def test_unanswered_questions_are_named(course, cnnlesson, own):
    done = cnnlesson("hand-in", ASSIGNMENT)
    assert ", ".join(QUESTIONS) in refused(done)
    assert "--allow-incomplete" in done.stderr
    assert not (course / "work/hand-in").exists()
    answer(own, {"number-of-parameters-answer": ANSWERS["number-of-parameters-answer"]})
    done = cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete")
    assert done.returncode == 0
    others = [title for title in QUESTIONS if title != "Number of Parameters"]
    assert f"Not answered yet: {', '.join(others)}.\n" in done.stdout


def test_a_comment_is_no_answer(course, own):
    answer(
        own,
        {
            name: f"# later\n\n{s.split(' = ')[0]} = ...  "
            for name, s in ANSWERS.items()
            if name != EXPLANATION
        },
    )
    assert way.review(course, ASSIGNMENT).unanswered == QUESTIONS


def drop(name):
    return lambda cells, by_id: cells.remove(by_id[name])


def repeat(name):
    return lambda cells, by_id: cells.append(by_id[name])


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (drop("number-of-parameters-answer"), "answer cell of 'Number of Parameters' is missing"),
        (drop("parameter-sharing"), "the check cell of 'Parameter Sharing' is missing"),
        (repeat("parameter-sharing"), "check cell of 'Parameter Sharing' is there 2 times"),
        (repeat("number-of-parameters-answer"), "'Number of Parameters' is there 2 times"),
        (lambda cells, _: cells.clear(), "'Convolution Output Shape' is missing, and the check"),
    ],
)
def test_a_missing_or_repeated_cell_is_refused_with_how_to_mend_it(
    edit, complaint, course, cnnlesson, own
):
    answer(own)
    change(own, edit)
    sentence = refused(cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete"))
    assert complaint in sentence
    assert "keep one" in sentence
    assert "cnnlesson start parameter-sharing" in sentence
    assert not (course / "work/hand-in").exists()


def test_the_mending_that_is_advised_works(cnnlesson, own):
    change(own, drop("parameter-sharing"))
    own.rename(own.with_name("parameter-sharing-old.ipynb"))
    cnnlesson("start", ASSIGNMENT)
    answer(own)
    done = cnnlesson("hand-in", ASSIGNMENT)
    assert done.returncode == 0
    assert "Not part of what you hand in: work/parameter-sharing/parameter-sharing-old.ipynb." in (
        done.stdout
    )


def test_a_changed_check_is_told_and_a_moved_cell_is_fine(cnnlesson, own):
    def edit(cells, by_id):
        by_id["parameter-sharing"]["source"] = ["check('parameter-sharing', 3860)\n", "# mine"]
        cells.reverse()

    answer(own)
    change(own, edit)
    done = cnnlesson("hand-in", ASSIGNMENT)
    assert done.returncode == 0
    assert "The check was changed: Parameter Sharing." in done.stdout


def test_a_release_that_is_made_anew_the_same_is_no_other(cnnlesson, course, own):
    release_anew(course, lambda cells, by_id: None)
    answer(own)
    done = cnnlesson("hand-in", ASSIGNMENT)
    assert done.returncode == 0
    assert "release" not in done.stdout


def test_a_notebook_from_another_release_is_told(cnnlesson, course, own):
    def ask_otherwise(_, by_id):
        by_id["one-filter-prompt"]["source"] = ["## 1. One Filter (1 point)\n", "\n", "Look well."]
        by_id["parameter-sharing"]["source"] = 'check("parameter-sharing", in_all)'
        by_id["sharing-ratio-answer"]["source"] = "how_many_times = ...\n# YOUR CODE HERE"

    answer(own, {name: text for name, text in ANSWERS.items() if name != "sharing-ratio-answer"})
    release_anew(course, ask_otherwise)
    done = cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete")
    assert done.returncode == 0
    assert "made from another release of the assignment" in done.stdout
    ratio = bank.find("sharing-ratio").title
    assert f"are otherwise: One Filter, Parameter Sharing, {ratio}. To have" in done.stdout
    assert f"Not answered yet: {ratio}.\n" in done.stdout  # as it was released then
    assert "The check was changed" not in done.stdout
    own.rename(own.with_name("parameter-sharing-old.ipynb"))
    cnnlesson("start", ASSIGNMENT)
    assert "another release" not in cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete").stdout


def test_what_another_release_lacks_is_told_with_why(cnnlesson, course, own):
    def ask_more(cells, by_id):
        more = json.loads(json.dumps(by_id["one-filter"]))
        more["metadata"]["nbgrader"]["grade_id"] = more["id"] = "one-more"
        cells.append(more)
        by_id["intro"]["source"] = "Fourteen questions."

    answer(own)
    release_anew(course, ask_more)
    sentence = refused(cnnlesson("hand-in", ASSIGNMENT))
    assert "is not complete, and made from another release of the assignment: the check" in sentence
    assert "cnnlesson start parameter-sharing" in sentence


def test_checks_of_another_release_of_the_library_are_told(cnnlesson, own):
    def checked_with(*versions):
        def edit(_, by_id):
            by_id["parameter-sharing"]["outputs"] = [
                {
                    "output_type": "display_data",
                    "metadata": {},
                    "data": {MIME: answer_record("parameter-sharing", "x", 3860, version)},
                }
                for version in versions
            ]

        change(own, edit)
        return cnnlesson("hand-in", ASSIGNMENT).stdout

    answer(own)
    assert "of the library" not in checked_with(__version__)
    told = f"Checked with release 0.0.9 of the library, and {__version__} is installed here"
    assert told in checked_with(__version__, "0.0.9")
    assert "of the library" not in checked_with("<b>", 7, None)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"cells": [1]}',
        b'{"cells": [{"cell_type": "code", "metadata": {}}]}',
        b'{"cells": [{"cell_type": "code", "source": 3, "metadata": {}}]}',
        b'{"cells": [{"cell_type": "code", "source": "", "metadata": {"nbgrader": 1}}]}',
        b'{"cells": [{"cell_type": "a", "source": "", "metadata": {"nbgrader": {"grade_id": 1}}}]}',
        b"[" * 100_000,
        b"<<<<<<< HEAD\n",
        "\ufeff{}".encode(),
    ],
)
def test_what_is_no_notebook_is_refused(content, course, own):
    own.write_bytes(content)
    with pytest.raises(ValueError, match=r"parameter-sharing\.ipynb cannot be read as a notebook"):
        way.review(course, ASSIGNMENT)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["cell_type", "source", "metadata", "nbgrader", "grade_id", "outputs"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.lists(json_values, max_size=4))
def test_no_json_ends_in_a_traceback(cells):
    try:
        found = way._cells(Path("x.ipynb"), json.dumps({"cells": cells}).encode())
    except ValueError:
        return
    way._by_id(found)
    for _, cell in way._questions(found):
        way._substance(cell)


def test_a_renamed_or_missing_notebook_is_named(cnnlesson, own):
    solved = own.rename(own.with_name("solved.ipynb"))
    sentence = refused(cnnlesson("hand-in", ASSIGNMENT))
    assert "parameter-sharing.ipynb is not there; there is solved.ipynb" in sentence
    solved.unlink()
    assert "run `cnnlesson start parameter-sharing`" in refused(cnnlesson("hand-in", ASSIGNMENT))
    shutil.rmtree(own.parent)
    assert "no work/parameter-sharing to hand in" in refused(cnnlesson("hand-in", ASSIGNMENT))


@pytest.mark.parametrize("odd", ["folder", "link to nothing", "link to itself"])
def test_what_is_no_file_can_be_mended_as_advised(odd, cnnlesson, own):
    own.unlink()
    if odd == "folder":
        own.mkdir()
    else:
        try:
            own.symlink_to("nowhere" if odd == "link to nothing" else own.name)
        except OSError:
            pytest.skip("needs a file system, and a user, for links")
    said = refused(cnnlesson("hand-in", ASSIGNMENT))
    assert "is no file, or a link to none: rename it, and run `cnnlesson start" in said
    own.rename(own.with_name("renamed"))
    cnnlesson("start", ASSIGNMENT)
    assert own.is_file()


@pytest.mark.usefixtures("own")
def test_hand_in_needs_to_know_who_it_is(course, cnnlesson):
    (course / "work/student.txt").unlink()
    sentence = refused(cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete"))
    assert "--student YOUR-ID" in sentence
    assert not (course / "work/hand-in").exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs permissions that bind")
def test_a_folder_that_cannot_be_written_is_named(cnnlesson, own):
    own.parent.parent.chmod(0o555)
    assert "hand-in: Permission denied" in refused(
        cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete")
    )


@pytest.mark.usefixtures("own")
def test_a_hand_in_that_cannot_be_replaced_is_left_whole(course, cnnlesson):
    blocked = course / "work/hand-in/ada_parameter-sharing.ipynb"
    (blocked / "inside").mkdir(parents=True)
    assert "ada_parameter-sharing.ipynb" in refused(
        cnnlesson("hand-in", ASSIGNMENT, "--allow-incomplete")
    )
    assert (blocked / "inside").is_dir()
    assert list(blocked.parent.iterdir()) == [blocked]


def test_nothing_that_a_student_does_here_loads_jupyter():
    code = (
        "import sys, cnnlesson.cli; "
        "print({'nbformat', 'nbgrader', 'IPython', 'numpy', 'ipywidgets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_every_release_can_be_handed_in():
    for notebook in (ROOT / "release").glob("*/*.ipynb"):
        assert "_" not in notebook.stem, "zip_collect ends a student's id at the last underscore"
        assert notebook.parent.name != way.HAND_IN


# --- what becomes of the file ----------------------------------------------------------------


@pytest.mark.nbgrader
@pytest.mark.parametrize("student", ["ada", "lin_wei-2.b", "jörg"])
def test_the_file_is_collected_and_graded(student, course, cnnlesson, run):
    cnnlesson("start", ASSIGNMENT, "--student", student)
    answer(course / "work" / ASSIGNMENT / f"{ASSIGNMENT}.ipynb")
    cnnlesson("hand-in", ASSIGNMENT)
    assert scores(course, ASSIGNMENT, run) == {student: POINTS}


def scores(course, assignment, run):
    """What nbgrader gives for all that was handed in."""
    archive = course / "downloaded" / assignment / "archive"
    archive.mkdir(parents=True)
    for file in (course / "work/hand-in").iterdir():
        shutil.copy2(file, archive)
    run("nbgrader", "generate_assignment", assignment, cwd=course)
    run("nbgrader", "zip_collect", assignment, "--strict", cwd=course)
    run("nbgrader", "autograde", assignment, cwd=course)
    with Gradebook(f"sqlite:///{course}/gradebook.db") as gradebook:
        return {s.student.id: s.score for s in gradebook.assignment_submissions(assignment)}


@pytest.mark.nbgrader
def test_several_notebooks_and_data_come_as_one_zip_and_are_graded(course, cnnlesson, run):
    both = course / "source" / "two_parts"
    both.mkdir()
    for part in ("first", "second"):
        document = nbformat.read(course / f"source/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", as_version=4)
        if part == "second":  # where the released data must lie beside the notebook
            document.cells[
                2
            ].source += (
                "\nfrom pathlib import Path\nassert Path('data/cat.csv').read_text() == 'a cat'"
            )
        nbformat.write(document, both / f"{part}.ipynb")
    (both / "data").mkdir()
    (both / "data/cat.csv").write_text("a cat")
    run("nbgrader", "generate_assignment", "two_parts", cwd=course)
    cnnlesson("start", "two_parts", "--student", "ada")
    work = course / "work/two_parts"
    answer(work / "first.ipynb")
    answer(work / "second.ipynb", dict(list(ANSWERS.items())[:2]))
    (work / "data/cat.csv").write_text("my cat")
    done = cnnlesson("hand-in", "two_parts", "--allow-incomplete")
    assert "Not part of what you hand in: work/two_parts/data/cat.csv." in done.stdout
    assert done.stdout.endswith("work/hand-in/ada_two_parts.zip\n")
    with zipfile.ZipFile(course / "work/hand-in/ada_two_parts.zip") as archive:
        assert archive.namelist() == ["ada_first.ipynb", "ada_second.ipynb"]
    assert scores(course, "two_parts", run) == {"ada": POINTS + 2}


def test_a_notebook_that_zip_collect_would_misfile_is_refused(course, cnnlesson):
    folder = course / "release" / "odd"
    folder.mkdir()
    shutil.copy2(course / f"release/{ASSIGNMENT}/{ASSIGNMENT}.ipynb", folder / "my_part.ipynb")
    cnnlesson("start", "odd", "--student", "ada")
    assert "underscore" in refused(cnnlesson("hand-in", "odd", "--allow-incomplete"))


# --- the zip that a lecturer gives out -------------------------------------------------------


def bundle_into(folder, cwd=ROOT):
    done = subprocess.run(
        [sys.executable, cwd / "tools/student_bundle.py", folder],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    (bundle,) = folder.glob("*.zip")
    assert done.stdout.splitlines()[0] == str(bundle)
    return bundle, done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return bundle_into(tmp_path_factory.mktemp("bundle"))[0]


def test_the_bundle_holds_the_students_side_alone(bundle):
    tracked = subprocess.run(
        ["git", "ls-files", "notebooks", "release", "cnnlesson"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    with zipfile.ZipFile(bundle) as archive:
        tops = {Path(name).parts[0] for name in archive.namelist()}
        names = {name.partition("/")[2] for name in archive.namelist()}
        text = b"".join(archive.read(name) for name in archive.namelist())
    assert tops == {bundle.stem}
    files = ("README.md", "LICENSE", "pyproject.toml", "environment.yml", "constraints.txt")
    assert names == {*tracked, *files}
    assert b"### BEGIN SOLUTION" not in text
    assert str(ROOT).encode() not in text
    assert f"graded with release {__version__}." in text.decode(errors="ignore")


def test_the_same_files_make_the_same_bundle(bundle, tmp_path):
    again, _ = bundle_into(tmp_path)
    assert again.read_bytes() == bundle.read_bytes()


@pytest.fixture
def clone(tmp_path):
    course = tmp_path / "course"
    subprocess.run(["git", "clone", "--quiet", ROOT, course], check=True)
    shutil.copy2(ROOT / "tools/student_bundle.py", course / "tools")
    return course


def test_what_git_does_not_track_stays_out_and_is_named(clone, tmp_path):
    for name in ("cnnlesson/notes.txt", "notebooks/work/secret.txt", "gradebook.db"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("{}")
    (tmp_path / "out").mkdir()
    bundle, said = bundle_into(tmp_path / "out", clone)
    assert said.splitlines()[1:] == ["Left out, since git does not track them: cnnlesson/notes.txt"]
    with zipfile.ZipFile(bundle) as archive:
        assert not [n for n in archive.namelist() if re.search("notes|secret|gradebook", n)]


@pytest.mark.parametrize("name", ["release/new/new.ipynb", "cnnlesson/quiz/bank/new.py"])
def test_no_bundle_is_made_without_what_students_need(name, clone, tmp_path):
    (clone / name).parent.mkdir(exist_ok=True)
    (clone / name).touch()
    made = subprocess.run(
        [sys.executable, clone / "tools/student_bundle.py", tmp_path / "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 1
    assert f"would lack {name}, since git does not track it: commit first" in made.stderr
    assert not (tmp_path / "out").exists()


@pytest.fixture(scope="module")
def unpacked(bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("a student")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    return folder / bundle.stem


def test_the_package_can_be_built_from_the_bundle(unpacked, tmp_path):
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=unpacked,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "cnnlesson/widgets/js/ui.js" in archive.namelist()
        assert "cnnlesson/student.py" in archive.namelist()


# --- the whole way, in the browser -----------------------------------------------------------


def new_cell_below(page, heading, line):
    """Click on a text, press B, and run a line, as the start page says."""
    page.locator(".jp-MarkdownCell", has_text=heading).last.click()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    page.keyboard.type(line)
    page.keyboard.press("Shift+Enter")


@pytest.fixture(scope="module")
def bundle_lab(unpacked, clean_environment, tmp_path_factory):
    """JupyterLab in the unpacked bundle, which nothing but its own README has prepared."""
    scripts = Path(sys.executable).parent
    path = os.pathsep.join([str(scripts), clean_environment["PATH"]])  # as an activated one has it
    environment = {**clean_environment, "PATH": path, "PYTHONPATH": str(unpacked)}
    command = [
        scripts / "jupyter-lab",
        "--no-browser",
        "--ServerApp.ip=127.0.0.1",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        *(["--allow-root"] if os.geteuid() == 0 else []),
    ]
    home = quiet_home(tmp_path_factory.mktemp("home"))
    with served(command, unpacked, environment, home) as (host, _, token):
        yield lambda path: f"{host}/{path}?reset&token={token}"


@pytest.mark.browser
@pytest.mark.nbgrader
def test_a_student_walks_the_whole_way_and_is_graded(page, bundle_lab, unpacked, course, run):
    open_notebook(page, bundle_lab, "notebooks/00-start-here.ipynb")
    lines = page.locator(".jp-MarkdownCell pre").all_inner_texts()
    start, hand_in = (line.strip() for line in lines)
    new_cell_below(page, "The way through", start.replace("YOUR-ID", "Ada@uni.edu"))
    said = page.locator(".jp-OutputArea-output", has_text="Your student id is ada")
    said.wait_for()
    opened = re.search(r"Open (\S+)\.\s*$", said.inner_text())[1]

    open_notebook(page, bundle_lab, opened)
    question = bank.find("number-of-parameters")
    right = question.right_answer(bank.setup(question, variant(ASSIGNMENT, "ada")))
    cell = page.locator(".jp-CodeCell", has_text="number_of_parameters = ").first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(f"number_of_parameters = {right}")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(".jp-OutputArea-output", has_text="Not answered yet").first.wait_for()
    page.keyboard.press("Control+s")
    saved = unpacked / opened
    deadline = time.monotonic() + 30
    while f"number_of_parameters = {right}" not in saved.read_text(encoding="utf-8"):
        assert time.monotonic() < deadline, "JupyterLab did not save"
        time.sleep(0.2)

    open_notebook(page, bundle_lab, "notebooks/00-start-here.ipynb")
    new_cell_below(page, "The way through", hand_in)
    refusal = "not answered yet: One Filter, Convolution Output Shape, Number of Neurons"
    page.locator(
        ".jp-OutputArea-output", has_text=refusal
    ).wait_for()  # and nothing waits for a yes
    new_cell_below(page, "The way through", f"{hand_in} --allow-incomplete")
    said = page.locator(".jp-OutputArea-output", has_text="Upload this file")
    said.wait_for()
    handed = re.search(r"Upload this file: (\S+)", said.inner_text())[1]
    (course / "work/hand-in").mkdir(parents=True)
    shutil.copy2(unpacked / handed, course / "work/hand-in")
    assert scores(course, ASSIGNMENT, run) == {"ada": 2}
