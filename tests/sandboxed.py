"""A notebook run with the student's library alone: as in a sandbox, but without walls."""

import json
import subprocess
import sys
import sysconfig
from base64 import b64encode

import nbformat
from course import ROOT

from cnnlesson.quiz.grader import bank
from cnnlesson.quiz.record import MIME

RUNNER = """
import base64, io, json, os, sys, contextlib
from pathlib import Path

asked = json.load(sys.stdin)
library, desk = Path(asked["library"]), Path(asked["desk"])
sys.path[:0] = [str(library), str(desk / "library")]
sys.path += asked["site"]
os.environ["CNNLESSON_DESK"] = str(desk)
os.environ["IPYTHONDIR"] = str(desk / "ipython")

def lay(files):
    for path, content in files.items():
        (desk / path).parent.mkdir(parents=True, exist_ok=True)
        (desk / path).write_bytes(base64.b64decode(content))

lay(asked["material"])
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

shell, told = InteractiveShell.instance(), []
for step in asked["steps"]:
    lay(step["before"])
    with capture_output() as captured:
        ran = shell.run_cell(step["source"])
    lay(step["after"])
    error = ran.error_before_exec or ran.error_in_exec
    told.append({
        "printed": captured.stdout,
        "outputs": [output.data for output in captured.outputs],
        "error": f"{type(error).__name__}: {error}" if error else "",
    })
loaded = sorted(name for name in sys.modules if name.startswith("cnnlesson"))
print(json.dumps({"cells": told, "loaded": loaded}))
"""


def written(files, folder):
    """A folder with the files of a library."""
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def run(steps, assignment, student, folder):
    """Run cells, each given as source, and files for the desk before and after it."""
    coded = [
        {**step, **{when: _coded(step.get(when, {})) for when in ("before", "after")}}
        for step in steps
    ]
    desk = folder / "desk"
    desk.mkdir()
    asked = {
        "library": str(written(bank.library(assignment), folder / "student")),
        "desk": str(desk),
        "site": [sysconfig.get_path("purelib")],
        "material": _coded(bank.paper(assignment, student).material()),
        "steps": coded,
    }
    # -S: an editable install would put the whole package on the path.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", RUNNER],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _coded(files):
    return {path: b64encode(content).decode() for path, content in files.items()}


def code_cells(assignment):
    """The code cells of an assignment, with its solutions in place."""
    path = ROOT / f"source/{assignment}/{assignment}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def steps_of(assignment, student, nonce, changed=None):
    """The cells of a notebook as `run` takes them; `changed` gives cells another source, by id."""
    paper = bank.paper(assignment, student)
    steps = []
    for cell in code_cells(assignment):
        meta = cell.metadata.get("nbgrader", {})
        name = meta.get("grade_id", "")
        question = bank.question(name, cell.source) if meta.get("grade") else None
        step = {"source": (changed or {}).get(name, cell.source), "question": question}
        if question:
            step["before"] = paper.with_cell(question, nonce)
            step["after"] = paper.after_cell(question)
        steps.append(step)
    return steps


def records(steps, told):
    """The answer records of each question's grade cell."""
    return {
        step["question"]: [data[MIME] for data in cell["outputs"] if MIME in data]
        for step, cell in zip(steps, told["cells"], strict=True)
        if step["question"]
    }
