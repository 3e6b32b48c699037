"""What a worker does for feedback: make one page by nbgrader's templates, bytes to bytes."""

import json
import re
import time
from functools import lru_cache
from typing import Any

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from cnnlesson.grading.exporting import notebook_of
from cnnlesson.grading.nodes import is_grade, is_solution, is_task
from cnnlesson.grading.notebooks import ReadingLimits
from cnnlesson.grading.pages import FeedbackExporter, HideTests


def make_page(common: bytes, graded: bytes) -> bytes:
    """Make a feedback page.

    Args:
        common: the course's configuration, as JSON.
        graded: as JSON, the graded notebook's text, what the gradebook has of each cell, and what
            the template is told of the notebook.

    Returns:
        The seconds that it took, in a line, and the page.

    Raises:
        UnreadableNotebook: if the notebook is none.
        KeyError: if the gradebook has not all of its cells.
    """
    began = time.perf_counter()
    told = json.loads(graded)
    page = _maker(common).page(told["text"], told["cells"], told["resources"])
    return f"{time.perf_counter() - began:.4f}\n{page}".encode()


def made(content: bytes) -> tuple[float, bytes]:
    """Return the seconds and the page that `make_page` returned.

    Raises:
        ValueError: if it is something else.
    """
    found = re.fullmatch(rb"(\d+\.\d+)\n(.+)", content, re.DOTALL)
    if found is None:
        raise ValueError("it has other parts; is cnnlesson of another version there?")
    return float(found[1]), found[2]


@lru_cache(maxsize=2)
def _maker(common: bytes) -> "_Maker":
    return _Maker(json.loads(common))


class _Maker:
    """nbconvert, as nbgrader's `generate_feedback` configures it, but for the gradebook."""

    def __init__(self, config: dict[str, Any]) -> None:
        converter = GenerateFeedback(coursedir=CourseDirectory(), config=Config(config))
        self._limits = ReadingLimits(parent=converter)
        self._exporter: Any = FeedbackExporter(  # type: ignore[no-untyped-call]
            parent=converter, config=converter.config
        )
        for step in (_tell, HideTests, CSSHTMLHeaderPreprocessor):
            self._exporter.register_preprocessor(step)  # type: ignore[no-untyped-call]

    def page(self, text: str, cells: dict[str, Any], resources: dict[str, Any]) -> str:
        """Make a page of a notebook, whose cells are told what the gradebook has of them."""
        notebook = notebook_of(text.encode(), self._limits, resources["metadata"]["name"])
        page: str
        page, _ = self._exporter.from_notebook_node(notebook, {**resources, "cells": cells})
        return page


def _tell(notebook: Any, resources: Any) -> tuple[Any, Any]:
    """Tell the cells what the gradebook has of them, as nbgrader's `GetGrades` does."""
    for cell in notebook.cells:
        if is_grade(cell) or is_solution(cell) or is_task(cell):
            known = cell.metadata.nbgrader
            known.update(resources["cells"][known.grade_id])
    return notebook, resources
