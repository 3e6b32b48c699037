"""What the course has of an assignment's notebook, as `nbgrader generate_assignment` makes it."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.converters import GenerateAssignment
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import SaveCells
from nbgrader.utils import chdir, find_all_files
from traitlets.config import Config
from traitlets.utils.importstring import import_item

from cnnlesson.grading.rebuild import Reference, grade_id_of

_references: dict[Path, tuple[object, Config, Reference]] = {}


def reference(course: CourseDirectory, assignment: str, notebook: str, config: Config) -> Reference:
    """Make the reference of an assignment's notebook, as `nbgrader generate_assignment` would.

    It is made by the preprocessors that the configuration has for that command, and kept until
    the notebook, its header or footer, or the configuration changes.

    Args:
        course: the course, for the place of source/.
        assignment: the assignment's name.
        notebook: the notebook's name, without .ipynb.
        config: the course's configuration.

    Raises:
        LookupError: if source/ has no such notebook.
        ValueError: if it is no notebook.
    """
    path = _folder(course, assignment) / f"{notebook}.ipynb"
    if not path.is_file():
        raise LookupError(
            f"{path} is missing, and a submission is graded by what stands there: put it back, "
            f"or run `nbgrader generate_assignment {assignment}` once it has its new name"
        )
    around = (config.IncludeHeaderFooter.get(part) for part in ("header", "footer"))
    files = [path, *(Path(course.root, name) for name in around if isinstance(name, str) and name)]
    stamp = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    kept = _references.get(path)
    if kept and kept[:2] == (stamp, config):
        return kept[2]
    with chdir(course.root):  # to which header and footer are relative
        made = _generate(path, {"assignment": assignment, "notebook": notebook}, config)
    _references[path] = (stamp, deepcopy(config), made)
    return made


def references(course: CourseDirectory, assignment: str, config: Config) -> dict[str, Reference]:
    """Make the references of all notebooks of an assignment, by name.

    Raises:
        LookupError: if source/ has none.
        ValueError: if one is no notebook.
    """
    folder = _folder(course, assignment)
    names = sorted(path.stem for path in folder.glob("*.ipynb"))
    if not names:
        raise LookupError(f"{folder} has no notebooks, and submissions are compared with those")
    return {name: reference(course, assignment, name, config) for name in names}


def other_source_files(
    course: CourseDirectory, assignment: str, theirs: Iterable[str] = ()
) -> dict[PurePosixPath, Path]:
    """Find the files of source/ that take the place of a student's, by where they go.

    Args:
        course: the course, for the place of source/.
        assignment: the assignment's name.
        theirs: files that are the student's to change all the same.
    """
    folder = _folder(course, assignment)
    found = find_all_files(str(folder), [*course.ignore, "*.ipynb"])
    files = {PurePosixPath(Path(file).relative_to(folder)): Path(file) for file in found}
    return {path: file for path, file in files.items() if str(path) not in set(theirs)}


def _folder(course: CourseDirectory, assignment: str) -> Path:
    return Path(course.format_path(course.source_directory, ".", assignment)).resolve()


def _generate(path: Path, names: Mapping[str, str], config: Config) -> Reference:
    """Take a notebook through the preprocessors of `generate_assignment`."""
    steps = [
        import_item(step) if isinstance(step, str) else step
        for step in GenerateAssignment(config=config).preprocessors
    ]
    stored = [*takewhile(lambda step: step is not SaveCells, steps)]
    try:
        source = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is no notebook: {error}") from None
    resources = {
        "metadata": {"path": str(path.parent), "name": path.stem},
        "nbgrader": {**names, "student": "."},
    }
    notebook = _preprocessed(source, stored, resources, config)
    release = _preprocessed(notebook, steps[len(stored) + 1 :], resources, config)
    released = {grade_id_of(cell): cell.source for cell in release.cells if grade_id_of(cell)}
    return Reference(notebook, released)


def _preprocessed(
    notebook: NotebookNode, steps: Sequence[Any], resources: Mapping[str, Any], config: Config
) -> NotebookNode:
    config = deepcopy(config)
    config.Exporter.default_preprocessors = []
    exporter: Any = NotebookExporter(config=config)  # type: ignore[no-untyped-call]
    for step in steps:
        exporter.register_preprocessor(step)
    text, _ = exporter.from_notebook_node(deepcopy(notebook), resources=deepcopy(dict(resources)))
    made: NotebookNode = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return made
