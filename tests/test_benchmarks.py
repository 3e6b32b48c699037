"""The benchmarks still measure what they say: each is run whole, on next to nothing."""

import importlib
import re
import sys

import pytest
from course import ROOT


@pytest.fixture
def benchmark(tmp_path, monkeypatch):
    """Load a benchmark with smaller numbers than its own, and with `tmp_path` to write to."""

    def benchmark(name, **numbers):
        monkeypatch.syspath_prepend(ROOT / "benchmarks")  # where workers of Dask find it too
        monkeypatch.setitem(sys.modules, name, None)  # for what is there of this name to come back
        del sys.modules[name]
        module = importlib.import_module(name)
        for number, value in numbers.items():
            monkeypatch.setattr(module, number, value)
        monkeypatch.setattr(module, "HERE", tmp_path, raising=False)
        return module

    return benchmark


def as_committed(name, text):
    """Whether a report has the same parts as the one in benchmarks/, whatever the numbers."""
    committed = (ROOT / f"benchmarks/{name}.md").read_text(encoding="utf-8")
    return parts(text) == parts(committed)


def parts(report):
    machine = ("Linux", "Darwin", "Machine")
    lines = [line for line in report.splitlines() if not line.startswith(machine)]
    return [re.sub(r"[\d.,]+", "#", line.split(" | ")[0]) for line in lines]


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_the_one_of_grading(benchmark, tmp_path):
    benchmark("grading", CLASS=4, LARGE=20, ROUNDS=2, SLEEPS=200).main()
    assert as_committed("grading", (tmp_path / "grading.md").read_text(encoding="utf-8"))


@pytest.mark.nbgrader
@pytest.mark.sandbox
def test_the_one_of_the_sandbox(benchmark, tmp_path):
    benchmark("sandbox", ROUNDS=2, WHOLE_ROUNDS=2, STUDENTS=2).main()
    assert as_committed("sandbox", (tmp_path / "sandbox.md").read_text(encoding="utf-8"))


@pytest.mark.browser
def test_the_one_of_the_visualisers(benchmark, tmp_path):
    benchmark("visualisers", SAMPLES=4).main()
    assert as_committed("visualisers", (tmp_path / "visualisers.md").read_text(encoding="utf-8"))


@pytest.mark.torch
def test_the_one_of_the_convolution(benchmark, tmp_path):
    convolution = benchmark("convolution", ROUNDS=2, FEW_ROUNDS=2)
    runs = [("some processor", convolution.measure())]
    assert "## Importing" in convolution.report(runs, convolution.measure_imports())
    convolution.plot(runs, tmp_path / "convolution.svg")
    assert (tmp_path / "convolution.svg").read_text(encoding="utf-8").count("<svg") == 1
