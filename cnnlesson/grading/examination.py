"""What `cnnlesson doctor` finds out of a course, for which nbgrader has to be imported."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbgrader.api import Gradebook
from nbgrader.apps.autogradeapp import AutogradeApp
from nbgrader.converters import Autograde, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.nbgraderformat import ValidationError
from nbgrader.utils import find_all_notebooks
from sqlalchemy import make_url
from sqlalchemy.exc import SQLAlchemyError
from traitlets import TraitError

from cnnlesson.grading import guard
from cnnlesson.grading.bank import AsksBank, Bank
from cnnlesson.grading.preprocessors import refuse_if_stale
from cnnlesson.grading.proofreading import slips
from cnnlesson.grading.rebuild import grade_id_of
from cnnlesson.grading.source import references


class Found(NamedTuple):
    """What was found: of what, whether it keeps grading from working, the facts, and the remedy.

    Something is amiss that is there, but wrong.
    """

    name: str
    trouble: bool
    found: str
    get: str = ""
    amiss: bool = False


def of_course() -> Iterator[Found]:
    """Look at the course in the current folder."""
    app = AutogradeApp(log_level=logging.CRITICAL)
    app.initialize([])
    course = app.coursedir
    yield _guarded(Autograde(coursedir=course, parent=app))
    gradebook = _gradebook(course)
    yield gradebook
    source = Path(course.format_path(course.source_directory, ".", "")).resolve()
    folders = [path for path in source.iterdir() if path.is_dir()] if source.is_dir() else []
    try:
        bank = AsksBank(config=app.config).questions
    except TraitError as error:
        bank = None
        yield Found("the course's questions", True, str(error), "make the bank importable")
    for folder in sorted(folders):
        if find_all_notebooks(str(folder)):
            yield _release(app, folder.name, has_gradebook=not gradebook.get)
            yield from _slips(app, folder.name, bank)


def _guarded(converter: Any) -> Found:
    try:
        guard.refuse_weakness(converter)
    except NbGraderException as error:
        return Found("the course's guard", True, str(error).split(": ")[0], str(error))
    return Found("the course's guard", False, "secure(c) is called, and nothing weakens it")


def _gradebook(course: CourseDirectory) -> Found:
    url = make_url(course.db_url)
    where = url.render_as_string(hide_password=True)
    make = "nbgrader generate_assignment ASSIGNMENT makes it"
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        return Found("the gradebook", False, "there is none yet", make)
    try:
        with Gradebook(course.db_url, course.course_id) as gradebook:
            counts = f"{len(gradebook.students)} students, {len(gradebook.assignments)} assignments"
    except (SQLAlchemyError, ImportError) as error:
        said = str(error).splitlines()[0]
        get = "see that the address in c.CourseDirectory.db_url is right, and nbgrader db upgrade"
        return Found("the gradebook", True, f"{where} cannot be read: {said}", get)
    return Found("the gradebook", False, f"{counts}, at {where}")


def _release(app: AutogradeApp, assignment: str, *, has_gradebook: bool) -> Found:
    """Whether students have what source/ and the gradebook have."""
    course = app.coursedir
    name = f"the release of {assignment}"
    again = f"nbgrader generate_assignment {assignment}"
    folder = Path(course.format_path(course.release_directory, ".", assignment))
    try:
        made = references(course, assignment, app.config)
    except _NOT_MADE as error:
        return Found(name, True, str(error))
    if lacking := [each for each in made if not (folder / f"{each}.ipynb").is_file()]:
        return Found(name, False, f"not made yet: {', '.join(lacking)}", again)
    for notebook, reference in made.items():
        if _cells(folder / f"{notebook}.ipynb") != dict(reference.released):
            return Found(name, False, f"{notebook} is not what source/ makes now", again)
        names = {"assignment": assignment, "notebook": notebook, "db_url": course.db_url}
        if has_gradebook:
            try:
                refuse_if_stale(reference, names)
            except LookupError:
                return Found(name, False, "the gradebook does not have it yet", again)
            except ValueError:
                return Found(name, True, "the gradebook has another version of it", again)
    return Found(name, False, "fresh")


_NOT_MADE = (LookupError, ValueError, RuntimeError, ValidationError)
"""What nbgrader raises of a notebook that it makes no release of."""


def _slips(app: AutogradeApp, assignment: str, bank: Bank | None) -> Iterator[Found]:
    """What is wrong with an assignment, though a release can be made of it."""
    course = app.coursedir
    try:
        made = references(course, assignment, app.config)
    except _NOT_MADE:
        return  # which was told
    folder = Path(course.format_path(course.source_directory, ".", assignment))
    notebooks = {
        name: (nbformat.read(folder / f"{name}.ipynb", as_version=4), each.notebook)  # type: ignore[no-untyped-call]
        for name, each in made.items()
    }
    for slip in slips(assignment, notebooks, bank):
        yield Found(slip.where, slip.stops, slip.wrong, slip.mend, amiss=True)


def _cells(path: Path) -> dict[str, str] | None:
    """The texts of a release's cells that nbgrader knows, by id; None for what is no notebook."""
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, nbformat.ValidationError):
        return None
    return {grade_id_of(cell): cell.source for cell in notebook.cells if grade_id_of(cell)}
