"""The student's way through an assignment: a copy of one's own, and one file to hand in.

Notebooks are read as the JSON that they are, and nothing is executed.
"""

import difflib
import io
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnnlesson import __version__
from cnnlesson.identity import WORK, normalised, remember, student_and_source
from cnnlesson.quiz.record import MIME, other_release
from cnnlesson.release import is_as_released

HAND_IN = "hand-in"
"""The folder, in the student's own, for what is to be uploaded."""

Cell = dict[str, Any]
"""A notebook's cell, as JSON has it."""


@dataclass(frozen=True)
class Started:
    """What `start` did.

    Attributes:
        notebooks: the student's own notebooks, to be opened.
        copied: the files that were not there before.
    """

    notebooks: tuple[Path, ...]
    copied: tuple[Path, ...]


@dataclass(frozen=True)
class Review:
    """What there is to say of a student's notebooks, and their contents as they were then.

    Attributes:
        notebooks: each notebook and what was in it.
        questions: the names of all questions, in their order.
        unanswered: those of them whose answer is still as it was released.
        altered: those whose check differs from the released one.
        verdicts: whether any check was run before the notebooks were saved, if there are checks.
        outdated: those that were asked otherwise in the release that the notebook was made from.
        libraries: the other releases of the library that checks were run with.
        left_out: files beside the notebooks, of the student's making, that are not handed in.
    """

    notebooks: dict[Path, bytes]
    questions: tuple[str, ...]
    unanswered: tuple[str, ...]
    altered: tuple[str, ...]
    verdicts: bool
    outdated: tuple[str, ...]
    libraries: tuple[str, ...]
    left_out: tuple[Path, ...]


def find_course(folder: Path) -> Path:
    """Return the course that a folder lies in: the nearest one, upwards, that releases assignments.

    Args:
        folder: where to begin.

    Raises:
        LookupError: if there is none.
    """
    for course in (folder.absolute(), *folder.absolute().parents):
        if assignments(course):
            return course
    raise LookupError(
        f"{folder.absolute()} is in no course, since neither it nor a folder above it has a folder "
        "'release' with assignments: go to the course's folder, or name it with --course-dir"
    )


def assignments(course: Path) -> list[str]:
    """Return the names of the assignments that a course has released.

    Args:
        course: the course's folder.
    """
    return sorted({notebook.parent.name for notebook in (course / "release").glob("*/*.ipynb")})


def released(course: Path, assignment: str) -> Path:
    """Return the folder with an assignment's released files.

    Args:
        course: the course's folder.
        assignment: the assignment's name.

    Raises:
        LookupError: if there is no such assignment; the message names those there are.
    """
    names = assignments(course)
    if assignment not in names:

        def likeness(name: str) -> float:
            return difflib.SequenceMatcher(None, assignment.lower(), name).ratio()

        there = ", ".join(sorted(names, key=likeness, reverse=True)) or "none"
        raise LookupError(f"there is no assignment {assignment!r} in release: there is {there}")
    return course / "release" / assignment


def settle_student(course: Path, given: str | None) -> str | None:
    """Return the id of the student who works in a course, and keep a given one there.

    Args:
        course: the course's folder.
        given: the id that the student gave, if any.

    Returns:
        The id, normalised, or None if neither the student nor anything else says it.

    Raises:
        ValueError: if it is no student id, or another than is known already.
    """
    known = student_and_source(course / WORK)
    if given is None:
        return known[0] if known else None
    student = normalised(given)
    if not known:
        remember(student, course / WORK)
    elif known[0] != student:
        raise ValueError(
            f"you are {known[0]!r} here, not {student!r}, says {known[1]}: change it there, or "
            "leave out --student"
        )
    return student


def start(course: Path, assignment: str) -> Started:
    """Copy an assignment's released files to where the student works; what is there stays.

    Args:
        course: the course's folder.
        assignment: the assignment's name.

    Raises:
        LookupError: if there is no such assignment.
        OSError: if a file cannot be written.
    """
    source, own = released(course, assignment), course / WORK / assignment
    copied = []
    for file in _files(source):
        target = own / file.relative_to(source)
        if target.exists() or target.is_symlink():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, file.read_bytes())
        copied.append(target)
    notebooks = tuple(own / notebook.name for notebook in _notebooks(source))
    return Started(notebooks, tuple(copied))


def review(course: Path, assignment: str) -> Review:
    """Hold a student's notebooks against the released ones.

    Args:
        course: the course's folder.
        assignment: the assignment's name.

    Raises:
        LookupError: if there is no such assignment, or a notebook is not there.
        ValueError: if a notebook cannot be read, or a cell is missing or there twice.
    """
    source, own = released(course, assignment), course / WORK / assignment
    again = f"run `cnnlesson start {assignment}`"
    if not own.is_dir():
        raise LookupError(f"there is no work/{assignment} to hand in: {again} first")
    contents: dict[Path, bytes] = {}
    questions: list[str] = []
    unanswered: list[str] = []
    altered: list[str] = []
    verdicts: list[bool] = []
    outdated: list[str] = []
    libraries: list[str] = []
    for notebook in _notebooks(source):
        file = own / notebook.name
        if not file.is_file():
            raise LookupError(_not_there(file, source, again))
        contents[file] = file.read_bytes()
        reference = _cells(notebook, notebook.read_bytes())
        own_cells = _cells(file, contents[file])
        found = _by_id(own_cells)
        outdated += _outdated(reference, found)
        libraries += [release for cell in own_cells for release in _other_libraries(cell)]
        complaints = []
        for question, cell in _questions(reference):
            kind = "answer" if cell["metadata"]["nbgrader"].get("solution") else "check"
            copies = found.get(cell["metadata"]["nbgrader"]["grade_id"], [])
            if len(copies) != 1:
                times = f"there {len(copies)} times" if copies else "missing"
                complaints.append(f"the {kind} cell of {question!r} is {times}")
                continue
            questions.append(question)
            if kind == "answer":
                if _substance(copies[0]) == _substance(cell) or _is_untouched(copies[0]):
                    unanswered.append(question)
            else:
                verdicts.append(bool(copies[0].get("outputs")))
                is_other = _source(copies[0]).rstrip() != _source(cell).rstrip()
                if is_other and not _is_untouched(copies[0]):
                    altered.append(question)
        if complaints:
            old = f"{file.stem}-old.ipynb"
            also = ", and made from another release of the assignment" if outdated else ""
            raise ValueError(
                f"{file.name} is not complete{also}: {', and '.join(complaints)}. Of a cell that "
                "was copied or split, keep one with the whole answer, delete the others, and save. "
                f"For a missing one, rename the notebook to {old}, {again}, which makes a new "
                "copy, and copy your answers into that"
            )
    return Review(
        notebooks=contents,
        questions=_distinct(questions),
        unanswered=_distinct(unanswered),
        altered=_distinct(altered),
        verdicts=any(verdicts) or not verdicts,
        outdated=_distinct(outdated),
        libraries=_distinct(libraries),
        left_out=_left_out(source, own),
    )


def hand_in(course: Path, assignment: str, student: str, reviewed: Review) -> Path:
    """Write the one file to upload, which nbgrader's zip_collect files by its name; return it.

    It is the notebook itself, as the student saved it, or a zip file where there are several, or
    the one has another name than the assignment. An earlier one of the same student is replaced.

    Args:
        course: the course's folder.
        assignment: the assignment's name.
        student: the student's id, normalised.
        reviewed: what `review` found.

    Raises:
        ValueError: if zip_collect could not tell a notebook's name from the student's.
        OSError: if the file cannot be written.
    """
    named = {}
    for notebook, content in reviewed.notebooks.items():
        if "_" in notebook.stem:
            raise ValueError(
                f"{notebook.name} has an underscore in its name, and could not be told from the "
                "student's when it is collected: ask whoever runs the course to rename it"
            )
        named[f"{student}_{notebook.name}"] = content
    folder = course / WORK / HAND_IN
    folder.mkdir(parents=True, exist_ok=True)
    alone = folder / f"{student}_{assignment}.ipynb"
    if list(named) == [alone.name]:
        return _write(alone, named[alone.name])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in named.items():
            archive.writestr(name, content)
    return _write(folder / f"{student}_{assignment}.zip", buffer.getvalue())


def _distinct(names: list[str]) -> tuple[str, ...]:
    """The names, each once, in their order."""
    return tuple(dict.fromkeys(names))


def _files(folder: Path) -> list[Path]:
    """All files of a folder but hidden ones, such as JupyterLab's checkpoints."""
    return sorted(
        file
        for file in folder.rglob("*")
        if file.is_file()
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )


def _notebooks(folder: Path) -> list[Path]:
    """The notebooks that nbgrader knows: those directly in an assignment's folder."""
    return sorted(folder.glob("*.ipynb"))


def _write(target: Path, content: bytes) -> Path:
    """Write a file so that it is there whole or, should anything stop this, not at all."""
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(content)
        return part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _not_there(file: Path, source: Path, again: str) -> str:
    if file.exists() or file.is_symlink():
        return (
            f"work/{file.parent.name}/{file.name} is no file, or a link to none: rename it, and "
            f"{again}, which makes a new copy"
        )
    others = [f.name for f in _notebooks(file.parent) if not (source / f.name).exists()]
    there = f"; there is {', '.join(others)}" if others else ""
    mend = "give your notebook its name back" if others else again
    return f"work/{file.parent.name}/{file.name} is not there{there}: {mend}"


def _left_out(source: Path, own: Path) -> tuple[Path, ...]:
    """What a student added or changed beside the notebooks; grading takes the course's files."""
    kept = {own / notebook.name for notebook in _notebooks(source)}
    return tuple(
        file
        for file in _files(own)
        if file not in kept
        and not (
            (twin := source / file.relative_to(own)).is_file()
            and twin.read_bytes() == file.read_bytes()
        )
    )


def _cells(notebook: Path, content: bytes) -> list[Cell]:
    """The cells of a notebook, in which everything read here has the type that it should have."""
    try:
        parsed = json.loads(content.decode("utf-8"))
        cells: list[Cell] = parsed["cells"]
        for cell in cells:
            if not isinstance(_source(cell) + cell["cell_type"], str):
                raise TypeError
            if (grading := cell["metadata"].get("nbgrader")) is not None:
                grading.get("grade_id", "").strip()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            f"{notebook.name} cannot be read as a notebook: open it in JupyterLab, which says "
            "more, and save it there once it opens"
        ) from None
    return cells


def _source(cell: Cell) -> str:
    """A cell's text, which a file holds whole or by lines."""
    return "".join(cell["source"])


def _substance(cell: Cell) -> list[str]:
    """The lines of a cell that could be an answer: in code, neither empty ones nor comments."""
    lines = [line.rstrip() for line in _source(cell).strip().splitlines()]
    if cell["cell_type"] != "code":
        return lines
    return [line for line in lines if line and not line.lstrip().startswith("#")]


def _by_id(cells: list[Cell]) -> dict[str, list[Cell]]:
    """The cells that nbgrader knows, by the name that it has for them."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        if name := (cell["metadata"].get("nbgrader") or {}).get("grade_id"):
            found.setdefault(name, []).append(cell)
    return found


def _questions(cells: list[Cell]) -> list[tuple[str, Cell]]:
    """Each cell that is answered or earns points, with its question."""
    return [
        (heading, cell)
        for heading, cell in _headed(cells)
        if cell["metadata"]["nbgrader"].get("solution") or cell["metadata"]["nbgrader"].get("grade")
    ]


def _headed(cells: list[Cell]) -> list[tuple[str, Cell]]:
    """Each cell that nbgrader knows, with its question: the heading above it, or in it."""
    found = []
    heading = None
    for cell in cells:
        if cell["cell_type"] == "markdown":
            for title in re.findall(r"^#+ +(.+?) *#*$", _source(cell), re.MULTILINE):
                # "2. Number of Parameters (2 points)" without the number and the points.
                heading = re.sub(r"^\d+[.)] +| *\([^()]*\bpoints?\b[^()]*\)$", "", title)
        if grade_id := (cell["metadata"].get("nbgrader") or {}).get("grade_id"):
            found.append((heading or grade_id, cell))
    return found


# --- Another release ---------------------------------------------------------------------------


def _outdated(reference: list[Cell], found: dict[str, list[Cell]]) -> list[str]:
    """What is asked otherwise in the release that a student's cells are of."""
    asked = []
    for question, cell in _headed(reference):
        mark = cell["metadata"]["nbgrader"]
        copies = found.get(mark["grade_id"], [])
        theirs = [copy["metadata"]["nbgrader"].get("checksum") for copy in copies]
        if any(each not in (None, mark.get("checksum")) for each in theirs):
            asked.append(question)
    return asked


def _is_untouched(cell: Cell) -> bool:
    return is_as_released(cell, _source(cell))


def _other_libraries(cell: Cell) -> Iterator[str]:
    """The other releases of the library that left a record in a cell's outputs."""
    outputs = cell.get("outputs")
    for output in outputs if isinstance(outputs, list) else ():
        data = output.get("data") if isinstance(output, dict) else None
        if isinstance(data, dict) and (release := other_release(data.get(MIME), __version__)):
            yield release
