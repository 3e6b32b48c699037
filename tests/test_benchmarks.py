"""The benchmarks still measure what they say: each is run whole, on next to nothing."""

import json
import re
import subprocess
import sys

import pytest
from course import ROOT

RUN = """
import importlib, json, pathlib, sys
name, folder, numbers = sys.argv[1:]
module = importlib.import_module(name)
for number, value in json.loads(numbers).items():
    setattr(module, number, value)
module.HERE = pathlib.Path(folder)
module.main()
"""


@pytest.fixture
def parts_of(tmp_path, clean_environment):
    """Run a benchmark with smaller numbers than its own; return the parts of its report."""

    def parts_of(name, **numbers):
        command = [sys.executable, "-c", RUN, name, tmp_path, json.dumps(numbers)]
        benchmarks = {"PYTHONPATH": str(ROOT / "benchmarks")}  # where workers of Dask find it too
        subprocess.run(command, cwd=tmp_path, env=clean_environment | benchmarks, check=True)
        return parts((tmp_path / f"{name}.md").read_text(encoding="utf-8"))

    return parts_of


def parts(report):
    """What does not depend on the machine, or on how much was measured."""
    lines = [line for line in report.splitlines() if not line.startswith(("Linux", "Machine"))]
    return [re.sub(r"-?[\d.,]+", "#", line.split(" | ")[0]) for line in lines]


def committed(name):
    return parts((ROOT / f"benchmarks/{name}.md").read_text(encoding="utf-8"))


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_the_one_of_grading(parts_of):
    few = {"CLASS": 4, "LARGE": 40, "ROUNDS": 2, "SLEEPS": 200}
    assert parts_of("grading", **few) == committed("grading")


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_the_one_of_the_sandbox(parts_of):
    few = {"ROUNDS": 2, "WHOLE_ROUNDS": 2, "STUDENTS": 2}
    assert parts_of("sandbox", **few) == committed("sandbox")


@pytest.mark.browser
def test_the_one_of_the_visualisers(parts_of):
    assert parts_of("visualisers", SAMPLES=4) == committed("visualisers")


@pytest.mark.torch
def test_the_one_of_the_convolution(parts_of):
    """This one measures in processes of its own, and so with its own numbers."""
    found, known = (
        [line for line in report if line.startswith("# ") or line.startswith("| ")]
        for report in (parts_of("convolution"), committed("convolution"))
    )
    assert {*found} == {*known}
