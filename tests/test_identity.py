"""One spelling of a student's id, which names a file anywhere and a student in nbgrader."""

import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st

from cnnlesson.identity import known_student, normalised, remember, stand_in

# As nbgrader_config.py has it; test_student_path.py sends files through the real zip_collect.
(PATTERN,) = re.findall(
    r'named_regexp = r"(.+)"', (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
)


@pytest.mark.parametrize(
    ("typed", "student"),
    [
        (" Ada.L@uni.edu ", "ada.l"),
        ("ada lovelace\n", "adalovelace"),
        ("S1234567", "s1234567"),
        ("ada@one@two", "ada"),
        ("lin_wei-2", "lin_wei-2"),
        ("Jörg", "jörg"),
        (unicodedata.normalize("NFD", "Jörg"), "jörg"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Ολυμπία\u00a0Σ", "ολυμπίασ"),
        ("李明", "李明"),
        ("console", "console"),
        ("com10", "com10"),
    ],
)
def test_an_id_has_one_spelling(typed, student):
    assert normalised(typed) == student


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "is empty"),
        ("  ", "is empty"),
        ("@uni.edu", "is empty"),
        ("../ada", "has '/' in it"),
        ("UNI\\ada", r"has '\\\\' in it"),
        ("a:b", "has ':' in it"),
        ("a\nb", r"has '\\n' in it"),
        ("a\0b", r"has '\\x00' in it"),
        ("a\u200bb", r"has '\\u200b' in it"),
        ("a\ud800b", r"has '\\ud800' in it"),
        ("a+b", r"has '\+' in it"),  # nbgrader's exchange splits names there
        ("a*", r"has '\*' in it"),
        ("[a]", r"has '\[' in it"),  # nbgrader globs for submissions
        ("a,b", "has ',' in it"),  # nbgrader's lists of students
        ("{a}", "has '{' in it"),
        (".ada", "begins with '.'"),
        ("--force", "begins with '-'"),
        ("ada.", "ends with '.'"),
        ("a..b", r"has '\.\.' in it"),
        ("NUL", "Windows"),
        ("com1.de", "Windows"),
        ("a" * 129, "longer than 128"),
    ],
)
def test_what_is_no_id_is_refused_in_one_sentence(typed, why):
    with pytest.raises(ValueError, match=why) as refused:
        normalised(typed)
    said = str(refused.value)
    assert said.startswith("the student id ")
    assert said.endswith("use letters, digits, '.', '-' and '_'")
    assert "\n" not in said
    assert len(said) < 160


@given(st.text(max_size=30) | st.from_regex(r"[ \w.@-]{1,30}"))
def test_an_id_is_its_own_spelling_and_names_a_submission(typed):
    try:
        student = normalised(typed)
    except ValueError:
        return
    assert normalised(student) == student
    assert normalised(f"  {student}@uni.edu") == student
    assert unicodedata.is_normalized("NFC", student)
    file = f"downloaded/extracted/{student}_parameter-sharing.ipynb"
    assert Path(file).parent == Path("downloaded/extracted")
    found = re.match(PATTERN, file)
    assert found["student_id"] == student
    assert found["file_id"] == "parameter-sharing.ipynb"


@given(st.text(alphabet="AbÇßΣς İ.ﬁ", min_size=1, max_size=8).filter(str.strip))
def test_case_does_not_count(typed):
    try:
        student = normalised(typed)
    except ValueError:
        return
    assert normalised(unicodedata.normalize("NFD", typed)) == student
    assert normalised(typed.casefold()) == student


@pytest.fixture(autouse=True)
def nobody(monkeypatch):
    for name in ("CNNLESSON_STUDENT", "JUPYTERHUB_USER", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_a_remembered_id_is_found_from_the_students_folders(nobody, tmp_path):
    work = tmp_path / "work"
    deep = work / "parameter-sharing" / "pictures"
    deep.mkdir(parents=True)
    assert known_student(deep) is None
    remember(" Ada@uni.edu", work)
    assert known_student(deep) == known_student(work) == "ada"
    assert (work / "student.txt").read_bytes() == b"ada" + os.linesep.encode()
    nobody.chdir(deep)
    assert known_student() == "ada"
    remember("lin", work)
    assert known_student() == "lin"


def test_no_file_outside_the_students_own_folder_counts(tmp_path):
    remember("stranger", tmp_path)
    for folder in (tmp_path / "work" / "padding", tmp_path / "notebooks"):
        folder.mkdir(parents=True)
        assert known_student(folder) is None
    assert known_student(tmp_path) == "stranger"


def test_a_grader_comes_before_a_hub_and_a_hub_before_the_file(nobody, tmp_path):
    remember("from-file", tmp_path)
    nobody.setenv("JUPYTERHUB_USER", "From-Hub")
    assert known_student(tmp_path) == "from-hub"
    nobody.setenv("NBGRADER_EXECUTION", "validate")
    assert known_student(tmp_path) == "from-hub"
    nobody.setenv("NBGRADER_EXECUTION", "autograde")  # the hub's user is now the instructor
    assert known_student(tmp_path) == "from-file"
    nobody.setenv("CNNLESSON_STUDENT", "From-Grader")
    assert known_student(tmp_path) == "from-grader"
    nobody.setenv("CNNLESSON_STUDENT", "")
    assert known_student(tmp_path) == "from-file"


def test_an_unusable_id_is_refused_with_its_place(tmp_path):
    file = tmp_path / "student.txt"
    file.write_bytes("\ufeffÄda\r\n".encode())  # as Windows' Notepad saves it
    assert known_student(tmp_path) == "äda"
    file.write_text("a/b", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{file}: the student id 'a/b' has '/'")):
        known_student(tmp_path)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=re.escape(f"{file} is no text in UTF-8")):
        known_student(tmp_path)
    with pytest.raises(ValueError, match="the student id 'c:'"):
        remember("c:", tmp_path)
    assert file.read_bytes() == b"\xff\xfe\x00"


@pytest.mark.parametrize("source", ["JUPYTERHUB_USER", "CNNLESSON_STUDENT"])
def test_whom_a_hub_or_a_grader_names_oddly_is_not_locked_out(source, nobody, tmp_path):
    found = set()
    for name in ("a+b", " A+B@uni.edu", "a b+", "nul", "x" * 300, "../..", "@uni.edu", "+"):
        nobody.setenv(source, name)
        found.add(known_student(tmp_path))
    assert "a-b-300273da" in found
    assert len(found) == 7


@given(st.text(max_size=200) | st.from_regex(r"[+@. -]*[\w.@+-]{1,30}"))
def test_what_stands_for_an_odd_id_is_an_id(name):
    student = stand_in(name)
    assert normalised(student) == stand_in(student) == student


def test_it_needs_the_standard_library_alone():
    # -S: no site-packages, so nothing that was installed could be found.
    code = "import importlib.util as u; s = u.spec_from_file_location('identity', 'identity.py'); "
    code += "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.normalised('A@b'))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=ROOT / "cnnlesson",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a\n"
