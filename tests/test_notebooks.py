"""Committed notebooks: executed, deterministic, and readable where no kernel runs."""

import json
import re
import shutil
import subprocess
import sys

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


def test_they_are_what_make_notebooks_makes(tmp_path, make_in_checkout):
    """But for the target's own list of them, since a checkout is not written to by a test."""
    committed = ROOT / "notebooks/01-parameter-sharing.ipynb"
    copy = tmp_path / committed.name
    shutil.copy(committed, copy)
    recipe = make_in_checkout("--dry-run", "notebooks")
    (line,) = [line for line in recipe.splitlines() if "execute_notebooks.py" in line]
    script = line.split()[1]
    subprocess.run([sys.executable, script, copy], cwd=ROOT, check=True)
    assert copy.read_bytes() == committed.read_bytes()


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_picture_among_the_outputs_says_what_it_shows(path):
    for cell in nbformat.read(path, as_version=4).cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "image/png" in data:
                assert output.metadata["image/png"]["alt"], cell.source
            if "image/svg+xml" in data:
                assert re.search(r"<desc[^>]*>[^<]+</desc>", data["image/svg+xml"]), cell.source


def test_every_visualiser_leaves_a_picture_in_the_gallery():
    cells = nbformat.read(ROOT / "notebooks/visualisers.ipynb", as_version=4).cells
    pictured = [cell for cell in cells if cell.cell_type == "code"]
    assert len(pictured) >= 6
    for cell in pictured:
        (output,) = cell.outputs
        assert {"image/svg+xml", "image/png", "text/plain"} <= set(output.data)
