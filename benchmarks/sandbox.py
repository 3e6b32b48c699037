"""Measure what the sandbox costs against nbgrader's own way of running a notebook.

Run by `make bench-sandbox`. Writes sandbox.md beside this file. Contenders take turns, and only
ratios of the same round are compared, so that other work on the machine slows all sides alike. The
time of the processor is that of all processes together, the kernel's or the sandbox's included.
"""

import copy
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median, quantiles

import nbformat
import psutil
from nbformat.v4 import new_code_cell, new_notebook
from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute
from nbgrader.utils import setenv
from traitlets.config import Config

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

import pairs  # noqa: E402
from users import User  # noqa: E402

from cnnlesson.grading import execution  # noqa: E402
from cnnlesson.grading.exporting import CappedNotebookExporter  # noqa: E402
from cnnlesson.grading.sandbox import Sandbox  # noqa: E402

FIRST = "parameter-sharing"
ROUNDS, WHOLE_ROUNDS, STUDENTS = 15, 3, 12
NOTEBOOKS = {
    "one empty cell": "",
    "parameter-sharing, solved": "parameter-sharing",
    "conv-layer, solved": "conv-layer",
}
STOCK, WARM, COLD = "stock: a kernel", "sandbox, warm", "sandbox, `warm = False`"

Sample = tuple[float, float]  # seconds by the clock, and of the processor


# --- One submission ---------------------------------------------------------------------------


class Counted(Sandbox):
    """A sandbox that remembers the processor time of parents that are gone."""

    gone = 0.0

    def close(self) -> None:
        """End the warm parent, once it has been counted."""
        Counted.gone += self.used()
        super().close()

    def used(self) -> float:
        """Return the seconds that the warm parent, and all that it forked, have taken so far."""
        return sum(sum(each.cpu_times()[:4]) for each in self.inside())

    def inside(self) -> list[psutil.Process]:
        """List bubblewrap's processes, of which the last is the warm parent."""
        if self._parent is None:
            return []
        return psutil.Process(self._parent.process.pid).children(recursive=True)


class Course:
    """What runs a notebook as `nbgrader autograde` does, in the sandbox or in a kernel."""

    def __init__(self, folder: Path) -> None:
        config = Config()
        config.CourseDirectory.root = str(folder)
        config.AsksBank.bank = "cnnlesson.quiz.grader:bank"
        self.work = folder / "work"
        self.work.mkdir()
        converter = Autograde(config=config, coursedir=CourseDirectory(config=config))
        exporter = CappedNotebookExporter(parent=converter, config=config)
        self.stock = Execute(parent=exporter, config=config)
        self.ours = execution.SandboxedExecute(parent=exporter, config=config)
        self.sandboxes = {WARM: Counted(warm=True), COLD: Counted(warm=False)}

    def contenders(self, assignment: str) -> dict[str, Callable[[nbformat.NotebookNode], None]]:
        """Return what runs a notebook of an assignment, by name."""

        def resources():
            names = {"student": "ada", "assignment": assignment or "none"}
            return {"nbgrader": names, "metadata": {"path": str(self.work)}}

        def stock(notebook):
            with setenv(CNNLESSON_STUDENT="ada"):
                self.stock.preprocess(notebook, resources())

        def sandboxed(name):
            def run(notebook):
                execution.shared_sandbox = lambda _: self.sandboxes[name]
                self.ours.preprocess(notebook, resources())

            return run

        return {STOCK: stock, WARM: sandboxed(WARM), COLD: sandboxed(COLD)}

    def used(self) -> float:
        """Return the seconds of the processor that all has taken so far."""
        children = getrusage(RUSAGE_CHILDREN)
        living = sum(sandbox.used() for sandbox in self.sandboxes.values())
        ended = children.ru_utime + children.ru_stime
        return time.process_time() + ended + living + Counted.gone


def one_by_one(course: Course) -> tuple[dict[str, dict[str, list[Sample]]], dict[str, float]]:
    """Time each contender on each notebook; and the cells alone, in the sandbox."""
    samples: dict[str, dict[str, list[Sample]]] = {}
    alone: dict[str, float] = {}
    for name, assignment in NOTEBOOKS.items():
        notebook = new_notebook(cells=[new_code_cell("pass")])
        if assignment:
            notebook = nbformat.read(ROOT / f"source/{assignment}/{assignment}.ipynb", 4)
        runs = course.contenders(assignment)
        samples[name] = {each: [] for each in runs}
        for round_ in range(ROUNDS + 1):
            for each, run in runs.items():
                fresh = copy.deepcopy(notebook)
                wall, used = time.perf_counter(), course.used()
                run(fresh)
                sample = (time.perf_counter() - wall, course.used() - used)
                assert not any(
                    output.output_type == "error"
                    for cell in fresh.cells
                    for output in cell.get("outputs", ())
                )
                if round_:  # the first one imports, and starts the warm parent
                    samples[name][each].append(sample)
        alone[name] = median(cells_alone(notebook, runs[WARM]) for _ in range(ROUNDS))
    return samples, alone


def cells_alone(notebook: nbformat.NotebookNode, run: Callable) -> float:
    """Return the seconds of the processor from the first cell to the last, inside the sandbox."""
    counted = copy.deepcopy(notebook)
    counted.cells.insert(0, new_code_cell("import time\n_start = time.process_time()"))
    counted.cells.append(new_code_cell("print(time.process_time() - _start)"))
    run(counted)
    return float(counted.cells[-1].outputs[0].text)


# --- The whole command ------------------------------------------------------------------------


def whole_command(folder: Path) -> dict[str, dict[int, list[float]]]:
    """Time `nbgrader autograde`, by configuration and number of students."""
    me = User(os.getuid(), Path(sys.executable).parent, os.environ, folder)
    exercise, students = pairs.some_students(FIRST, STUDENTS, loops=0)
    course = pairs.Course(me.folder(FIRST), FIRST, me)
    pairs.submit(course.folder, exercise, students)
    course.release()
    courses = {kind: course.copy(me, kind) for kind in ("stock", "ours")}
    flags: dict[int, list[str]] = {STUDENTS: [], 1: ["--student", students[-1].student]}
    seconds = {kind: {count: [] for count in flags} for kind in courses}
    for round_ in range(WHOLE_ROUNDS + 1):
        for count, extra in flags.items():
            for kind, course in courses.items():
                start = time.perf_counter()
                course.grade("--force", *extra)
                if round_:  # the first one makes the secret, and compiles
                    seconds[kind][count].append(time.perf_counter() - start)
    return seconds


# --- The report -------------------------------------------------------------------------------


def spread(values: list[float], digits: int = 2) -> str:
    """Write the median, and the middle half."""
    low, middle, high = quantiles(values, n=4)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def ratios(values: list[float], over: list[float]) -> list[float]:
    """Divide what was measured in the same round."""
    return [one / other for one, other in zip(values, over, strict=True)]


def report(samples: dict, alone: dict, whole: dict, megabytes: tuple[float, float]) -> str:
    """Write the tables."""
    lines = [
        "# The sandbox: how fast",
        "",
        "Written by `make bench-sandbox`; do not edit.",
        "",
        f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}. Contenders in turn; the median (and the middle half).",
        "",
        "## One submission",
        "",
        f"Running its notebook alone, {ROUNDS} rounds. Ratios are those of the same round, below 1 "
        "where the sandbox is faster than stock nbgrader. The time of the processor is that of "
        "all processes. *The cells alone* is what IPython takes for them inside the warm sandbox, "
        "as it would anywhere. One empty cell shows what sandbox and kernel take by themselves.",
        "",
        "| notebook | run in | seconds | over stock's | processor, s | over stock's |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, of in samples.items():
        walls, processors = ({k: [s[i] for s in v] for k, v in of.items()} for i in (0, 1))
        for each in of:
            cells = [spread(walls[each]), spread(ratios(walls[each], walls[STOCK]))]
            cells += [spread(processors[each])]
            cells += [spread(ratios(processors[each], processors[STOCK]))]
            lines.append(f"| {name} | {each} | {' | '.join(cells)} |")
        lines.append(f"| {name} | the cells alone | | | {alone[name]:.3f} | |")
    stock, ours = whole["stock"], whole["ours"]
    lines += [
        "",
        f"The warm parent holds {megabytes[0]:.0f} MB ({megabytes[1]:.0f} MB with what it shares); "
        "there is one, however many submissions.",
        "",
        "## The whole command",
        "",
        f"`nbgrader autograde {FIRST}`, with this course's configuration and with stock nbgrader's "
        f"preprocessors, {WHOLE_ROUNDS} rounds, in seconds by the clock.",
        "",
        "| students | stock | ours | ours over stock's |",
        "|---:|---:|---:|---:|",
    ]
    for count in sorted(stock):
        cells = [spread(stock[count], 1), spread(ours[count], 1)]
        cells.append(spread(ratios(ours[count], stock[count])))
        lines.append(f"| {count} | {' | '.join(cells)} |")
    more = {
        name: [(all_ - one) / (STUDENTS - 1) for all_, one in zip(of[STUDENTS], of[1], strict=True)]
        for name, of in whole.items()
    }
    cells = [spread(more["stock"]), spread(more["ours"])]
    cells.append(spread(ratios(more["ours"], more["stock"])))
    lines.append(f"| each one more | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything, and write it down."""
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder))
        samples, alone = one_by_one(course)
        memory = course.sandboxes[WARM].inside()[-1].memory_full_info()
        whole = whole_command(Path(tempfile.mkdtemp(dir=folder)))
    text = report(samples, alone, whole, (memory.pss / 1e6, memory.rss / 1e6))
    (HERE / "sandbox.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
