"""Whatever is handed in: what is taken in of it, what is said about it, and at which price."""

import json
import os
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path, PurePosixPath

import nbformat
import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st
from users import SOMEBODY

from cnnlesson.grading.exporting import CappedNotebookExporter
from cnnlesson.grading.intake import Course, Intake, RefusedSubmission, unsafe_student
from cnnlesson.grading.notebooks import (
    ReadingLimits,
    UnreadableNotebook,
    grade_ids,
    tidied,
)
from cnnlesson.grading.pages import FeedbackExporter
from cnnlesson.grading.remarks import remarks

NAME = "parameter-sharing"
FILE = f"{NAME}.ipynb"
RELEASE = (ROOT / "release" / NAME / FILE).read_bytes()
COURSE = Course(
    {NAME: nbformat.reads(RELEASE.decode(), as_version=4)},
    {PurePosixPath("data/cats.csv"): b"released"},
)


def with_changes(**changes):
    return json.dumps(json.loads(RELEASE) | changes).encode()


def with_first_cell(**changes):
    cells = json.loads(RELEASE)["cells"]
    return with_changes(cells=[cells[0] | changes, *cells[1:]])


ANSWERED = with_first_cell(source=["# answered"])
NUL = {"cell_type": "markdown", "metadata": {}, "source": "\x00"}
PICTURE = {"image/png": "iVBORw0KGgo=", "image/webp": "UklGRg=="}
ATTACHED = {
    "cell_type": "code",
    "metadata": {},
    "source": "",
    "outputs": [],
    "attachments": {"a.png": PICTURE},
}


@pytest.fixture
def hand_in(tmp_path):
    """Take in a folder with these files, and return what was staged, and what was said."""

    def hand_in(files, **settings):
        folder, staged = tmp_path / "came-in", tmp_path / "staged"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return staged, Intake(**settings).stage(folder, COURSE, staged)

    return hand_in


def staged_files(staged):
    return {path.relative_to(staged).as_posix() for path in staged.rglob("*") if not path.is_dir()}


def notebook_in(staged):
    return nbformat.read(staged / FILE, as_version=4)


def is_answered(staged):
    return any(cell.source == "# answered" for cell in notebook_in(staged).cells)


# Notebooks


def test_an_honest_submission_keeps_its_cells_and_gets_no_remark(hand_in):
    staged, said = hand_in({FILE: ANSWERED, "timestamp.txt": b"2026-01-30 11:59:00 UTC\n"})
    assert said == []
    assert staged_files(staged) == {FILE, "timestamp.txt"}
    given, kept = json.loads(ANSWERED)["cells"], notebook_in(staged).cells
    assert [cell.source for cell in kept] == ["".join(cell["source"]) for cell in given]
    assert [cell.id for cell in kept] == [cell["id"] for cell in given]
    marks = [cell.metadata.get("nbgrader") for cell in kept]
    assert marks == [cell["metadata"].get("nbgrader") for cell in given]


def test_what_the_course_decides_is_not_taken_from_the_student(hand_in):
    output = {"output_type": "stream", "name": "stdout", "text": "12"}
    content = json.loads(ANSWERED)
    for cell in content["cells"]:
        cell["metadata"] |= {"tags": ["skip-execution"], "editable": True}
        if cell["cell_type"] == "code":
            cell |= {"outputs": [output], "execution_count": 3}
    content["metadata"]["cnnlesson"] = {"remarks": ["all of this is right"]}
    staged, said = hand_in({FILE: json.dumps(content).encode()})
    assert said == remarks(notebook_in(staged)) == []
    for cell in notebook_in(staged).cells:
        assert set(cell.metadata) <= {"nbgrader", "tags"}  # of which Rebuild takes none
        assert not cell.get("outputs")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "breaks off, at line 1, column 1"),
        (ANSWERED[:2000], "breaks off"),
        (b"<!DOCTYPE html><title>Sign in</title>", "not written as a notebook is"),
        (b"\x89PNG\r\n\x1a\n", "no text in UTF-8 from byte 0 on"),
        (b"[1, 2]", "it holds no notebook"),
        (b"null", "it holds no notebook"),
        (b'{"cells": 3}', "it has no list of cells"),
        (b"{}", "it has no list of cells"),
        (with_changes(nbformat=9), "its format is none of 1 to 4"),
        (with_changes(nbformat=True), "its format is none of 1 to 4"),
        (with_changes(nbformat="<b>"), "its format is none of 1 to 4"),
        (b'{"nbformat": 3, "worksheets": [{"cells": [7]}]}', "of the old format 3, and cannot"),
        (b"[" * 5000 + b"]" * 5000, "that lie more than 100 deep in each other"),
        (b"[" * 5000, "that lie more than 100 deep in each other"),
        (b"[" + b"{}," * 1_000_000 + b"1]", "it holds more than 1,000,000 values"),
        (b'{"cells": [' + b"{}," * 2_000 + b"{}]}", "it has 2,001 cells, and at most 2,000"),
        (b'{"worksheets": [{"cells": [' + b"{}," * 2_000 + b"{}]}]}", "it has 2,001 cells"),
        (with_first_cell(source="x" * 5_000_000), "and at most 5,000,000 are read"),
        (b'{"cells": ["' + b"x" * 15_000_000 + b'"]}', "bytes, and at most 15,000,000 are read"),
    ],
    ids=lambda value: "a file" if isinstance(value, bytes) else value,
)
def test_what_cannot_be_read_becomes_a_blank_notebook_that_says_why(hand_in, content, sentence):
    staged, said = hand_in({FILE: content})
    assert any(sentence in each for each in said)
    blank = COURSE.notebooks[NAME].cells
    assert [cell.source for cell in notebook_in(staged).cells] == [cell.source for cell in blank]
    assert remarks(notebook_in(staged)) == said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (ANSWERED.replace(b'"cells":', b'"cells": [], "cells":', 1), "a key occurs twice"),
        (ANSWERED.replace(b'"cells":', b'"odd": NaN, "cells":', 1), "it holds NaN"),
        (ANSWERED.replace(b'"cells":', b'"odd": -Infinity, "cells":', 1), "it holds -Infinity"),
        (
            ANSWERED.replace(b'"cells":', b'"odd": ' + b"9" * 9999 + b', "cells":', 1),
            "9,999 digits",
        ),
        (with_first_cell(source=["# answered"], metadata=7), "noted about cell 1 could not"),
        (with_first_cell(source=["# answered"], metadata={"nbgrader": []}), "noted about cell 1"),
        (with_changes(cells=[7, *json.loads(ANSWERED)["cells"]]), "cell 1 was no cell"),
        (with_changes(cells=[{}, *json.loads(ANSWERED)["cells"]]), "cell 1 was neither"),
        (
            with_changes(
                cells=[
                    {"cell_type": "code", "source": {}, "outputs": 8},
                    *json.loads(ANSWERED)["cells"],
                ]
            ),
            "cell 1 held something else than text",
        ),
        (b"\xef\xbb\xbf" + ANSWERED, None),
        (with_changes(cells=json.loads(ANSWERED)["cells"], nbformat_minor=99), None),
        (with_changes(cells=json.loads(ANSWERED)["cells"], metadata=[]), None),
        (with_first_cell(source=["# answered"], id="<b>"), None),
        (with_first_cell(source=["# answered"], attachments={}), None),
        (
            with_first_cell(source=["# answered"], attachments="many"),
            "attached to cell 1 could not",
        ),
        (with_first_cell(source=["# answered"], metadata={"tags": 7}), "noted about cell 1 could"),
        (
            with_first_cell(source=["# answered"], metadata={"nbgrader": {"grade_id": 3}}),
            "noted about cell 1 could",
        ),
        (with_changes(cells=[NUL, *json.loads(ANSWERED)["cells"]]), "characters that no file can"),
        (with_changes(cells=[ATTACHED, *json.loads(ANSWERED)["cells"]]), "attached to cell 1"),
    ],
)
def test_what_is_odd_is_mended_and_told(hand_in, content, sentence):
    staged, said = hand_in({FILE: content})
    assert is_answered(staged)
    assert [sentence in each for each in said] == ([True] if sentence else [])
    nbformat.validate(notebook_in(staged))


@pytest.mark.parametrize("major", [2, 3])
def test_an_old_format_is_converted(hand_in, major):
    cells = []
    for cell in json.loads(ANSWERED)["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            old |= {"input": cell["source"], "language": "python", "outputs": [{"odd": 1}]}
        else:
            old["source"] = cell["source"]
        cells.append(old)
    content = {"nbformat": major, "nbformat_minor": 0, "metadata": {"name": ""}}
    content["worksheets"] = [{"cells": cells, "metadata": {}}]
    staged, said = hand_in({FILE: json.dumps(content).encode()})
    assert said == [f"about '{FILE}': it was of the old format {major}, and was converted to 4"]
    assert is_answered(staged)
    assert grade_ids(notebook_in(staged)) == grade_ids(COURSE.notebooks[NAME])


def test_text_that_no_file_can_hold_is_replaced(hand_in):
    staged, _ = hand_in({FILE: with_first_cell(source="a \ud800 lone \x00 half")})
    assert notebook_in(staged).cells[0].source == "a \ufffd lone \ufffd half"


def test_what_is_attached_to_a_text_stays_as_far_as_jupyter_can_have_written_it():
    cell = {"cell_type": "markdown", "source": "", "metadata": {}}
    files = {"a.png": PICTURE, "b.svg": {"image/svg+xml": ["<svg>\n", "</svg>"]}}
    cell["attachments"] = {**files, "c": 3, "d": {"text/plain": {}}}
    notebook, odd = tidied({"nbformat": 4, "cells": [cell, cell]})
    kept = {"a.png": PICTURE, "b.svg": {"image/svg+xml": "<svg>\n</svg>"}}  # of which Rebuild
    assert [each.attachments for each in notebook.cells] == [kept] * 2  # takes pictures alone
    assert odd[0] == "what was attached to cell 1 could not be kept, or not all of it"
    assert len({each.id for each in notebook.cells}) == 2


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
KEYS = ("cell_type", "source", "metadata", "outputs", "id", "attachments", "input", "level")
ODD_CELLS = st.lists(
    st.dictionaries(
        st.sampled_from(KEYS),
        st.sampled_from(["code", "markdown", "raw", "heading", {"nbgrader": {"grade_id": 3}}])
        | JSON,
    )
    | JSON,
    max_size=4,
)


@given(ODD_CELLS, JSON, st.sampled_from([1, 2, 3, 4]))
def test_a_notebook_of_anything_is_mended_or_refused_with_a_sentence(cells, metadata, major):
    content = {"nbformat": major, "nbformat_minor": 0, "metadata": metadata}
    content |= {"cells": cells, "worksheets": [{"cells": deepcopy(cells)}]}
    try:
        notebook, _ = tidied(content)
    except UnreadableNotebook:
        return
    nbformat.validate(notebook)
    nbformat.writes(notebook).encode()


# Names


def test_a_renamed_notebook_is_found_by_its_cells(hand_in):
    staged, said = hand_in({"deep/down/My answers.ipynb": ANSWERED})
    assert staged_files(staged) == {FILE}
    assert is_answered(staged)
    assert said == [f"'deep/down/My answers.ipynb' was taken for '{FILE}', by the cells in it"]


@pytest.mark.parametrize("broken", [False, True])
def test_of_several_notebooks_the_one_with_most_of_the_cells_counts(hand_in, broken):
    part = json.dumps({"nbformat": 4, "cells": json.loads(RELEASE)["cells"][:20]}).encode()
    others = {"a.ipynb": part, "b.ipynb": ANSWERED, "c.ipynb": ANSWERED, "d.ipynb": b"{}"}
    staged, said = hand_in({**others, **({FILE: b"<html>"} if broken else {})})
    assert is_answered(staged)
    assert f"'b.ipynb' was taken for '{FILE}', by the cells in it" in said
    for name in "'a.ipynb'", "'c.ipynb'":
        assert f"{name} was not graded" in said
    assert "'d.ipynb' was not graded: it has no list of cells" in said


def test_the_right_name_goes_before_a_copy(hand_in):
    staged, said = hand_in({FILE: RELEASE, f"{NAME}-Copy1.ipynb": ANSWERED})
    assert not is_answered(staged)
    assert said == [f"'{NAME}-Copy1.ipynb' was not graded"]


def test_nothing_that_counts_is_graded_without_answers(hand_in):
    staged, said = hand_in({"essay.docx": b"PK", "notes.ipynb": with_changes(cells=[])})
    assert said == [
        "'notes.ipynb' was not graded",
        f"'{FILE}' was graded without answers, as none could be read",
    ]
    assert remarks(notebook_in(staged)) == said


def test_a_notebook_that_was_not_handed_in_stays_missing(tmp_path):
    blank = COURSE.notebooks[NAME]
    other = nbformat.v4.new_notebook(cells=blank.cells[:1])
    course = Course({NAME: blank, "second": other})
    (tmp_path / "came-in").mkdir()
    (tmp_path / "came-in" / FILE).write_bytes(ANSWERED)
    assert Intake().stage(tmp_path / "came-in", course, tmp_path / "staged") == []
    assert staged_files(tmp_path / "staged") == {FILE}


# Files


def test_other_files_come_along_but_for_the_courses_own(hand_in):
    staged, said = hand_in(
        {
            FILE: ANSWERED,
            "helpers/mine.py": b"x = 1",
            "data/cats.csv": b"released",
            ".ipynb_checkpoints/x.ipynb": b"{}",
            "__MACOSX/._x": b"",
        }
    )
    assert said == []
    assert staged_files(staged) == {FILE, "helpers/mine.py"}


def test_what_the_course_does_not_take_is_told(tmp_path):
    folder = tmp_path / "came-in"
    for name, content in {
        FILE: ANSWERED,
        "data/cats.csv": b"forged",
        "notes.log": b"x",
        "logs/a.txt": b"x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "plots").mkdir()
    said = Intake().stage(folder, COURSE, tmp_path / "staged", ["*.log", "logs", "__pycache__"])
    assert staged_files(tmp_path / "staged") == {FILE}
    assert said == [
        "'logs' was left out, as the course takes no such file",
        "'notes.log' was left out, as the course takes no such file",
        "'plots' is an empty folder, and was left out",
        "'data/cats.csv' is another one than the course's, which was used",
    ]
    assert remarks(notebook_in(tmp_path / "staged")) == said


def test_a_long_list_of_what_was_amiss_says_that_there_is_more(hand_in):
    staged, said = hand_in(
        {FILE: ANSWERED, **{f"{n:03}.txt": b"xx" for n in range(40)}}, max_total_bytes=1
    )
    assert len(said) == 40
    assert remarks(notebook_in(staged)) == [*said[:25], "15 other things were amiss"]


@pytest.mark.parametrize(
    "name", ["data", "data/cats.csv/deeper", f"{FILE}/inside.txt", "timestamp.txt/inside.txt"]
)
def test_nothing_stands_in_the_place_of_what_grading_needs(hand_in, name):
    staged, said = hand_in({name: b"x", "answers.ipynb": ANSWERED})
    assert staged_files(staged) == {FILE}
    assert is_answered(staged)
    assert f"'{name}' is in the place of a file of the course: left out" in said


def test_links_and_devices_are_never_followed(hand_in, tmp_path):
    secret = tmp_path / "gradebook.db"
    secret.write_bytes(ANSWERED)
    folder = tmp_path / "came-in"
    folder.mkdir()
    (folder / FILE).symlink_to(secret)
    (folder / "all").symlink_to("/", target_is_directory=True)
    (folder / "gone").symlink_to(tmp_path / "nowhere")
    os.mkfifo(folder / "pipe.ipynb")
    staged, said = hand_in({})
    assert not is_answered(staged)
    assert staged_files(staged) == {FILE}
    for name in FILE, "all", "gone":
        assert f"'{name}' is a link, and was left out" in said
    assert "'pipe.ipynb' is no plain file, and was left out" in said


def test_what_its_owner_has_closed_stops_nothing(open_folder):
    """Not even where permissions bind whoever grades, as they do not bind root."""
    user = SOMEBODY if os.getuid() == 0 else os.getuid()
    folder = Path(tempfile.mkdtemp(dir=open_folder))
    for name in ("locked/a", "listed/b", "c"):
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_bytes(b"x")
    (folder / "in" / FILE).write_bytes(ANSWERED)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, user, -1)
    for name, mode in (("locked", 0), ("listed", 0o400), ("c", 0)):
        (folder / "in" / name).chmod(mode)
    me = os.geteuid()
    Intake().stage(folder / "in", COURSE, folder / "mine")  # with all modules that it needs
    os.seteuid(user)
    try:
        said = Intake().stage(folder / "in", COURSE, folder / "staged")
    finally:
        os.seteuid(me)
    assert is_answered(folder / "staged")
    assert set(said) == {
        "'locked' cannot be opened, and was left out",
        "'listed/b' cannot be read, and was left out",
        "'c' was left out: Permission denied",
    }
    for name in ("locked", "listed"):
        (folder / "in" / name).chmod(0o700)  # or they could not be removed


def test_a_hard_link_is_copied_as_bytes(hand_in, tmp_path):
    (tmp_path / "elsewhere").write_bytes(b"shared")
    (tmp_path / "came-in").mkdir()
    (tmp_path / "came-in/linked.txt").hardlink_to(tmp_path / "elsewhere")
    staged, _ = hand_in({FILE: ANSWERED})
    (staged / "linked.txt").write_bytes(b"changed")
    assert (tmp_path / "elsewhere").read_bytes() == b"shared"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"new\nline", "'new?line'"),
        (b"\x1b[31mred", "'??31mred'"),
        (b"ol\xe9", "'ol?'"),
        (b"back\\slash", "'back?slash'"),
        (b"n" * 250, "'" + "n" * 40 + "..." + "n" * 15 + "'"),
    ],
)
def test_odd_names_are_left_out_and_told_in_plain_letters(hand_in, tmp_path, name, shown):
    (tmp_path / "came-in").mkdir()
    try:
        (tmp_path / "came-in" / os.fsdecode(name)).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    staged, said = hand_in({FILE: ANSWERED})
    assert said == [f"{shown} has a name that cannot be kept, and was left out"]
    assert staged_files(staged) == {FILE}


def test_what_is_too_much_is_left_out_and_never_the_notebook(hand_in):
    files = {f"{number:03}.txt": b"x" * 100 for number in range(30)}
    deep = "/".join("abcdefgh")
    staged, said = hand_in(
        {**files, FILE: ANSWERED, f"{deep}/i.txt": b"x"},
        max_files=20,
        max_depth=4,
        max_total_bytes=1000,
    )
    assert is_answered(staged)
    assert len(staged_files(staged)) == 11
    assert "'a/b/c/d' lies too deep, and was left out" in said
    assert "of its files only 20 were taken in" in said
    assert "'010.txt' was left out: it has 100 bytes, and at most 0 are read" in said


def test_a_thicket_of_folders_is_looked_into_only_so_far(tmp_path, hand_in):
    for number in range(300):
        (tmp_path / "came-in" / f"{number % 3}/{number}/empty").mkdir(parents=True)
        (tmp_path / "came-in" / f"{number}-link").symlink_to("/etc")
    staged, said = hand_in({FILE: ANSWERED}, max_files=10)
    assert is_answered(staged)
    assert said[-1] == "it holds far too much, and not all of it was looked at"
    assert len(said) <= 201


def test_what_a_copy_leaves_out_is_told(tmp_path):
    (tmp_path / "graded").mkdir()
    (tmp_path / "graded" / "large.csv").write_bytes(b"x" * 100)
    for number in range(30):
        (tmp_path / "graded" / f"{number}.ipynb").write_bytes(ANSWERED)
    (said,) = Intake(max_total_bytes=10).copy(tmp_path / "graded", tmp_path / "copy")
    assert said == "'large.csv' was left out: it has 100 bytes, and at most 10 are read"
    assert len(staged_files(tmp_path / "copy")) == 30


def test_no_crowd_of_notebooks_hides_the_right_one(hand_in):
    staged, said = hand_in({**{f"{number}.ipynb": b"" for number in range(500)}, FILE: ANSWERED})
    assert is_answered(staged)
    assert "of its files only 200 were taken in" in said


@pytest.mark.parametrize(
    "content",
    [
        b"yesterday",
        b"",
        b"\xff",
        b"9" * 101,
        b"2026-13-77 99:00",
        b"1" * 90,
        b"<b>",
        b"0001-01-01T00:00:00+14:00",
        b"9999-12-31 23:59:59 -9999",
    ],
)
def test_a_timestamp_that_is_none_stops_nothing(hand_in, content):
    staged, said = hand_in({FILE: ANSWERED, "timestamp.txt": content})
    assert staged_files(staged) == {FILE}
    assert said == ["timestamp.txt does not tell a time, and was left out"]


def test_a_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty", target_is_directory=True)
    (tmp_path / "file").write_bytes(b"")
    for name in ("empty", "link", "file"):
        with pytest.raises(RefusedSubmission, match=name):
            Intake().stage(tmp_path / name, COURSE, tmp_path / "staged")


@pytest.mark.parametrize(
    "student",
    ["ada", "simulated-0001", "ada@x.edu", "Ada Lovelace", "Ñandú", "李_小龙", "12345", "a"],
)
def test_names_of_all_languages_are_student_ids(student):
    assert unsafe_student(student) == ""


@pytest.mark.parametrize(
    "student",
    [
        *("", ".ada", "..", "<b>", "a'b", 'a"b', "a/b", "a\\b", "a\nb", "a*", "[a]", "a ", "a."),
        *("-a", "a" * 129, "ol\udce9", "a\u202eb", "a;b", "$(a)", "a&b", "a\x00"),
    ],
)
def test_what_may_mean_something_else_is_no_student_id(student):
    said = unsafe_student(student)
    assert "cannot be a student's id" in said
    assert said.isprintable()
    assert not set(said.partition(" cannot")[0]) & set('<>"*;$&')


# Exporters


@pytest.mark.parametrize("exporter", [CappedNotebookExporter, FeedbackExporter])
def test_exporters_read_within_limits(exporter, tmp_path):
    path = tmp_path / FILE
    path.write_bytes(ANSWERED)
    text, resources = exporter().from_filename(str(path))
    assert "answered" in text
    assert resources["metadata"]["name"] == NAME
    path.write_bytes(b"[" * 5000)
    with pytest.raises(
        UnreadableNotebook, match=r"cannot be read: it holds lists .* than 100 deep"
    ):
        exporter().from_filename(str(path))
    with path.open("wb") as file:
        file.truncate(200_000_000)
    with pytest.raises(UnreadableNotebook, match="200,000,000 bytes, and at most 15,000,000"):
        exporter().from_filename(str(path))


def test_no_notebook_takes_more_than_300_mb_to_read(tmp_path):
    """Of which 100 are Python's with nbconvert; and none takes long, however it breaks off."""
    most = ReadingLimits().max_notebook_bytes - 100
    contents = (
        b'{"a": 1},' * 160_000,
        b'"' + "\N{GRINNING FACE}".encode() + b"a" * most + b'",',
        b'"' + b'\\"' * (most // 2),
        b'""' * (most // 2),
        b'1], "cells": [{"cell_type": "code", "source": "'
        + "\N{GRINNING FACE}".encode()
        + b"a" * (most - 100)
        + b'"}, ',
    )
    for number, inside in enumerate(contents):
        content = b'{"nbformat": 4, "cells": [], "odd": [%s 1]}' % inside
        (tmp_path / f"{number}.ipynb").write_bytes(content)
    script = (
        "import re, sys; from pathlib import Path\n"
        "from cnnlesson.grading.notebooks import *\n"
        "for path in sys.argv[1:]:\n"
        "    try: ReadingLimits().read(read_plain_file(Path(path), 15_000_000))\n"
        "    except UnreadableNotebook as error: pass\n"
        "print(*re.findall(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text()))"
    )
    command = [sys.executable, "-c", script, *map(str, tmp_path.glob("*.ipynb"))]
    kilobytes = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert int(kilobytes) < 300_000


def test_a_folder_exchanged_for_a_link_while_it_is_read_leads_nowhere(tmp_path):
    submission, secret = tmp_path / "submission", tmp_path / "secret"
    for folder in (submission / "data", secret):
        folder.mkdir(parents=True)
        (folder / "cats.csv").write_text(folder.name)

    class Exchanging(Intake):
        def _read(self, *about):
            (submission / "data" / "cats.csv").unlink()
            (submission / "data").rmdir()
            (submission / "data").symlink_to(secret)
            super()._read(*about)

    found = Exchanging().collect(submission)
    assert found.files == {}
    assert found.amiss == {PurePosixPath("data/cats.csv"): "Not a directory"}
