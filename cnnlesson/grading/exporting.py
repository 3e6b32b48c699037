"""Reading a notebook that nobody vouches for into nbconvert."""

from typing import Any

import nbformat
from nbconvert.exporters import Exporter, NotebookExporter
from nbformat import NotebookNode

from cnnlesson.grading.notebooks import ReadingLimits, UnreadableNotebook, read_open_file


def notebook_of(content: bytes, limits: ReadingLimits, name: str) -> NotebookNode:
    """Read a notebook of format 4, as it is.

    Args:
        content: of its file.
        limits: how much it may hold.
        name: how to call it.

    Raises:
        UnreadableNotebook: if it holds too much, or no notebook of format 4.
    """
    try:
        raw, _ = limits.parse(content)
        notebook: NotebookNode = nbformat.versions[4].to_notebook_json(raw)
        nbformat.validate(notebook)
    except (ValueError, AttributeError, nbformat.ValidationError) as error:
        raise UnreadableNotebook(f"{name} cannot be read: {str(error)[:200]}") from None
    return notebook


class CappedReading(Exporter):
    """Reads a notebook within `ReadingLimits`; nbformat would take four times a file's size."""

    def from_file(
        self, file_stream: Any, resources: dict[str, Any] | None = None, **settings: Any
    ) -> tuple[Any, dict[str, Any]]:
        """Convert a notebook from an open file; `from_filename` comes here too.

        Raises:
            UnreadableNotebook: if it is no plain file, too large, or no notebook of format 4.
        """
        limits = ReadingLimits(parent=self)
        try:
            content = read_open_file(file_stream.fileno(), limits.max_notebook_bytes)
        except UnreadableNotebook as error:
            raise UnreadableNotebook(f"{file_stream.name} cannot be read: {error}") from None
        notebook = notebook_of(content, limits, file_stream.name)
        converted: tuple[Any, dict[str, Any]] = self.from_notebook_node(
            notebook, resources=resources, **settings
        )
        return converted


class CappedNotebookExporter(CappedReading, NotebookExporter):
    """nbconvert's exporter to notebooks, for what may have come from a student."""
