"""Committed notebooks: executed, deterministic, and readable where no kernel runs."""

import json
from itertools import pairwise

import nbformat
import pytest
from course import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_outputs_are_committed_and_hold_for_everyone(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code), "run `make notebooks`"
    assert all(output.output_type != "error" for cell in code for output in cell.outputs)
    text = json.dumps(notebook)
    for passing in ("widget-view+json", "widget-state+json", " at 0x", str(ROOT)):
        assert passing not in text, "run `make notebooks`"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_headings_are_in_order(path):
    levels = [
        len(line) - len(line.lstrip("#"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("#")
    ]
    assert levels[0] == 1
    assert 1 not in levels[1:]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_visualiser_leaves_a_picture_in_the_gallery():
    cells = nbformat.read(ROOT / "notebooks/visualisers.ipynb", as_version=4).cells
    pictured = [cell for cell in cells if cell.cell_type == "code"]
    assert len(pictured) >= 6
    for cell in pictured:
        (output,) = cell.outputs
        assert {"image/svg+xml", "image/png", "text/plain"} <= set(output.data)
