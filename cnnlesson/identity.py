"""Who the student is: one spelling of an id, and where a notebook finds it."""

import os
import reprlib
import unicodedata
from hashlib import sha256
from pathlib import Path

GIVEN = "CNNLESSON_STUDENT"
"""The environment variable by which a grader says whose notebook it runs."""

REMEMBERED = "student.txt"
"""The file that holds the id, in the student's own folder."""

WORK = "work"
"""The name of that folder."""

_LONGEST = 128  # bytes: a file's name takes 255, and nbgrader's gradebook 128 characters of an id
_PORTS = {f"{port}{n}" for port in ("com", "lpt") for n in "123456789¹²³"}
_RESERVED = {"con", "prn", "aux", "nul", *_PORTS}


def normalised(student: str) -> str:
    """Return the one spelling of a student's id: " Ada.L@uni.edu " is "ada.l".

    Case, spaces and an e-mail's domain do not count. What is left names files and folders on any
    system, and a student in nbgrader, so it is made of letters, digits, `.`, `-` and `_`.

    Args:
        student: the id as somebody typed it, or as a hub gives it.

    Raises:
        ValueError: if nothing is left, or something that cannot name a file or a student.
    """
    name = _folded(student)
    wrong = _what_is_wrong(name)
    if wrong:
        raise ValueError(
            f"the student id {reprlib.repr(student)} {wrong}: use letters, digits, '.', '-' and '_'"
        )
    return name


def stand_in(student: str) -> str:
    """Return the one spelling of an id that a hub or a grader gives, whatever it looks like.

    That student cannot choose another, so what `normalised` refuses gets a name that stands for
    it: its letters and digits, and a hash, as in "a-b-1a2b3c4d" for "a+b". It is an id itself.

    Args:
        student: the id as the hub or the grader gives it.
    """
    try:
        return normalised(student)
    except ValueError:
        name = _folded(student) or _folded(student.replace("@", "-"))
    readable = "".join(c if unicodedata.category(c)[0] in "LN" else "-" for c in name[:20])
    digest = sha256(name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{readable}-{digest}".lstrip("-")


def known_student(folder: Path | None = None, *, typed: str | None = None) -> str | None:
    """Return the normalised id of the student whose folder or server this is, if anything says it.

    A grader says it by the variable CNNLESSON_STUDENT, a JupyterHub by JUPYTERHUB_USER (which is
    the instructor while nbgrader's autograde runs, and then does not count), the student by what
    was typed, and `remember` by a file in the folder, or in one above it that lies in a folder
    `work`, or is it. The first of these counts.

    Args:
        folder: where to look for the file; the current folder unless given.
        typed: what the student typed, if anything.

    Raises:
        ValueError: if what was typed or remembered is no student id; the message says where it
            was found. For what a grader or a hub says there is a `stand_in`.
    """
    found = student_and_source(folder, typed=typed)
    return found[0] if found else None


def student_and_source(
    folder: Path | None = None, *, typed: str | None = None
) -> tuple[str, str] | None:
    """Return what `known_student` returns, and where it was found, as words for a message.

    Args:
        folder: where to look for the file; the current folder unless given.
        typed: what the student typed, if anything.

    Raises:
        ValueError: if what was found is no student id; the message says where it was found.
    """
    sources = [GIVEN]
    if os.environ.get("NBGRADER_EXECUTION") != "autograde":
        sources.append("JUPYTERHUB_USER")
    for source in sources:
        if student := os.environ.get(source):
            return stand_in(student), f"the environment variable {source}"
    if typed is not None:
        return normalised(typed), "what you typed"
    for file in _places(folder or Path()):
        if file.is_file():
            try:
                student = file.read_text(encoding="utf-8-sig")  # Windows may have put a mark first
            except UnicodeDecodeError:
                raise ValueError(
                    f"{file} is no text in UTF-8: write your student id in it"
                ) from None
            try:
                return normalised(student), str(file)
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from None
    return None


def remember(student: str, folder: Path) -> None:
    """Write a student's id, normalised, to where `known_student` finds it.

    Args:
        student: the id, as `normalised` takes it.
        folder: the student's own folder, which is made if it is not there.

    Raises:
        ValueError: if `student` is no student id.
    """
    name = normalised(student)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REMEMBERED).write_text(f"{name}\n", encoding="utf-8")


def _folded(student: str) -> str:
    """An id without what does not count."""
    name, _, _ = student.strip().partition("@")
    # Unicode's caseless match: composed and decomposed letters fold alike only when decomposed.
    name = unicodedata.normalize("NFD", name).casefold()
    name = unicodedata.normalize("NFC", name)
    return "".join(letter for letter in name if unicodedata.category(letter) != "Zs")


def _what_is_wrong(name: str) -> str | None:
    """What keeps a name, already folded, from being an id, as the end of a sentence."""
    if not name:
        return "is empty"
    for letter in name:
        if letter not in ".-_" and unicodedata.category(letter)[0] not in "LNM":
            return f"has {letter!r} in it, which cannot be in one"
    if name[0] in ".-":
        return f"begins with {name[0]!r}"
    if name[-1] == ".":
        return "ends with '.'"
    if ".." in name:
        return "has '..' in it"
    if name.partition(".")[0] in _RESERVED:
        return "is a name that Windows keeps for itself"
    if len(name.encode()) > _LONGEST:
        return f"is longer than {_LONGEST} letters"
    return None


def _places(folder: Path) -> list[Path]:
    """Where a remembered id may lie, nearest first."""
    folder = folder.absolute()
    above = [folder, *folder.parents]
    names = [each.name for each in above]
    last = names.index(WORK) if WORK in names else 0
    return [each / REMEMBERED for each in above[: last + 1]]
