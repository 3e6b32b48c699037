"""Measure `cnnlesson autograde` and `cnnlesson feedback` against nbgrader's own commands.

Run by `make bench-grading`. Writes grading.md beside this file. Simulated classes are graded by
both in turn, and the scores are compared at the end; each ratio is of one round, so that other work
on the machine slows both sides alike.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median, quantiles

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT / "tests"))

from pairs import configurations, some_students, submit  # noqa: E402

from cnnlesson.grading.pipeline.engine import Task, on_this_machine  # noqa: E402
from cnnlesson.grading.scores import class_scores  # noqa: E402

CLASSES = ("parameter-sharing", "conv-layer")
FIRST = CLASSES[0]
CLASS = 100
LARGE = 1000
ROUNDS = 5
FRESH = "--Sandbox.warm=False"
SLEEPERS, SLEEPS = 64, 10_000


_WITHOUT_THE_TESTS_PACKAGES = """
import sys
sys.modules["rfc3987"] = None
from nbgrader.apps.nbgraderapp import main
main()
"""
"""nbgrader as it is installed without an extra of the tests that makes it start sooner."""


def run(program: str, *arguments: str, cwd: Path) -> None:
    """Run a command of this environment."""
    command = [Path(sys.executable).parent / program, *arguments]
    if program == "nbgrader":
        command = [sys.executable, "-c", _WITHOUT_THE_TESTS_PACKAGES, *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{program} {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")


def seconds(program: str, *arguments: str, cwd: Path) -> float:
    """Run a command, and return how long it took."""
    start = time.perf_counter()
    run(program, *arguments, cwd=cwd)
    return time.perf_counter() - start


def forget(course: Path) -> None:
    """Begin anew: with the gradebook as it was before anything was graded, and no outputs."""
    for name in ("autograded", "feedback", "logs", "gradebook-backups"):
        shutil.rmtree(course / name, ignore_errors=True)
    kept = course / "gradebook.released"
    if not kept.exists():
        shutil.copy(course / "gradebook.db", kept)
    shutil.copy(kept, course / "gradebook.db")


def ours(course: Path, assignment: str, *flags: str) -> tuple[float, list[dict]]:
    """Grade a class by `cnnlesson autograde`; return the seconds, and the log."""
    forget(course)
    took = seconds("cnnlesson", "autograde", assignment, "--log=log.jsonl", *flags, cwd=course)
    lines = (course / "log.jsonl").read_text(encoding="utf-8").splitlines()
    (course / "log.jsonl").unlink()
    return took, [json.loads(line) for line in lines]


def per_submission(log: Sequence[dict]) -> float:
    """Seconds for each submission, start-up aside: from when ten are done, to the last."""
    done = [line["time"] for line in log if line.get("graded")]
    settled = done[min(10, len(done) // 2) :]
    return (settled[-1] - settled[0]) / (len(settled) - 1)


def released(folder: Path, assignment: str, count: int) -> list:
    """Make a simulated class that both can grade, for each in a folder of its own."""
    exercise, students = some_students(assignment, count, loops=0)
    stock, mine = folder / "stock", folder / "ours"
    stock.mkdir(parents=True)
    submit(stock, exercise, students)
    settings = configurations(bank=True)
    (stock / "nbgrader_config.py").write_text(settings["stock"], encoding="utf-8")
    run("nbgrader", "generate_assignment", assignment, cwd=stock)
    shutil.copytree(stock, mine)
    (mine / "nbgrader_config.py").write_text(settings["ours"], encoding="utf-8")
    return students


def check_scores(assignment: str, students: list, stock: Path | None, mine: Path) -> None:
    """Make sure that everybody has the points that the simulated class is listed with."""
    listed = {each.student: [one for one in each.answers if not one.by_hand] for each in students}
    handled = {each.student for each in students if each.handling}  # where stock has its traps
    wrong = [
        each
        for each in class_scores(assignment, mine)
        if each.score != sum(one.points for one in listed[each.student])
    ] + [
        each
        for each in (class_scores(assignment, stock) if stock else ())
        if each.student not in handled
        and each.score != sum(one.stock_points for one in listed[each.student])
    ]
    if wrong:
        kept = shutil.copytree(mine, Path(tempfile.mkdtemp(), "course"))
        sys.exit(f"{wrong} are not as listed; what was graded is in {kept}")


# --- What is measured ---------------------------------------------------------------------------


def whole_class(folder: Path, assignment: str) -> dict[str, float]:
    """Grade a class by stock nbgrader, and by ours warm and with fresh sandboxes."""
    students = released(folder, assignment, CLASS)
    stock, mine = folder / "stock", folder / "ours"
    forget(stock)
    ours(mine, assignment, "--student", students[0].student)  # compiles, and makes the secret
    fresh, _ = ours(mine, assignment, FRESH)
    took = seconds("nbgrader", "autograde", assignment, cwd=stock)
    warm, log = ours(mine, assignment)
    check_scores(assignment, students, stock, mine)
    found = {"stock": took, "warm": warm, "fresh": fresh, "cpu": log[-1]["cpu_seconds"]}
    for line in log:
        for stage, each in line.get("seconds", {}).items():
            found[f"stage {stage}"] = found.get(f"stage {stage}", 0.0) + each / CLASS
    return found


def feedback(folder: Path, assignment: str) -> dict[str, float]:
    """Make the pages of the class that `whole_class` graded."""
    stock, mine = folder / "stock", folder / "ours"
    theirs = seconds("nbgrader", "generate_feedback", assignment, cwd=stock)
    took = seconds("cnnlesson", "feedback", assignment, cwd=mine)
    pages = [len(list(course.glob("feedback/*/*/*.html"))) for course in (stock, mine)]
    assert pages == [CLASS] * 2, pages
    return {"stock": theirs, "ours": took}


def one_submission(folder: Path, assignment: str) -> list[tuple[float, float]]:
    """Grade one of the students, by stock nbgrader and by ours, in turn."""
    stock, mine = folder / "stock", folder / "ours"
    student = sorted(path.name for path in (mine / "submitted").iterdir())[-1]
    flags = ("--student", student, "--force")
    return [
        (
            seconds("nbgrader", "autograde", assignment, *flags, cwd=stock),
            seconds("cnnlesson", "autograde", assignment, *flags, "--no-backup", cwd=mine),
        )
        for _ in range(ROUNDS)
    ]


def first_submission(folder: Path, assignment: str) -> list[float]:
    """How long after the command the first submission was being graded."""
    mine, found = folder / "ours", []
    for _ in range(ROUNDS):
        began = time.time()
        _, log = ours(mine, assignment, "--student", "simulated-00[0-2]*")
        first = next(line for line in log if line.get("graded"))
        found.append(first["time"] - sum(first["seconds"].values()) - began)
    return found


def workers(folder: Path, assignment: str) -> list[float]:
    """Compare two workers with one, start-up aside."""
    mine, found = folder / "ours", []
    for _ in range(ROUNDS):
        one, two = (
            per_submission(ours(mine, assignment, f"--workers={each}")[1]) for each in (1, 2)
        )
        found.append(one / two)
    return found


@dataclass(frozen=True)
class Cost:
    """What each submission of a class cost on average, start-up aside, in seconds.

    Attributes:
        clock: by the clock.
        run: of the stage in which its cells run.
    """

    clock: float
    run: float

    @property
    def units(self) -> float:
        """The cost in units of that stage, in which the machine's speed cancels out."""
        return self.clock / self.run

    @classmethod
    def of(cls, log: Sequence[dict]) -> "Cost":
        """Read it from a log."""
        runs = [line["seconds"]["run"] for line in log if line.get("graded")]
        return cls(per_submission(log), mean(runs))


def large_class(folder: Path, assignment: str) -> tuple[list[tuple[Cost, Cost]], float]:
    """Grade a large class, and between its tenths, each by a command of its own.

    Returns:
        For each round, the cost in the large class and the mean one in its tenths; and the
        coordinator's peak memory in MB.
    """
    students = released(folder, assignment, LARGE)
    mine = folder / "ours"
    rounds, peak = [], 0.0
    for _ in range(ROUNDS):
        tenths = []
        for ending in (*"02468", "", *"13579"):  # of the students' ids
            _, log = ours(mine, assignment, f"--student=*{ending}")
            if ending:
                tenths.append(Cost.of(log))
            else:
                whole = Cost.of(log)
                peak = max(peak, log[-1]["peak_kilobytes"] / 1000)
                check_scores(assignment, students, None, mine)
        clock, run = mean(each.clock for each in tenths), mean(each.run for each in tenths)
        rounds.append((whole, Cost(clock, run)))
    return rounds, peak


def sleep(_: bytes, content: bytes) -> bytes:
    """Do as if a submission were graded: wait so many seconds."""
    time.sleep(float(content))
    return content


def sleepers(of_one: float) -> float:
    """Have very many tasks done that only sleep; return how many were done in a second."""
    tasks = (Task(None, str(of_one).encode()) for _ in range(SLEEPS))
    with on_this_machine(1, threads=SLEEPERS) as cluster:
        start = time.perf_counter()
        done = [each.failed for each in cluster.run(sleep, b"", tasks)]
        took = time.perf_counter() - start
    assert not any(done), next(filter(None, done))
    return len(done) / took


# --- The report -------------------------------------------------------------------------------


def spread(values: list[float], digits: int = 2) -> str:
    """Write the median, and the middle half."""
    low, middle, high = quantiles(values, n=4)
    return f"{middle:.{digits}f} ({low:.{digits}f}–{high:.{digits}f})"


def main() -> None:
    """Measure everything, and write it down."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        classes = {each: whole_class(folder / each, each) for each in CLASSES}
        first = folder / FIRST
        pages = feedback(first, FIRST)
        single = one_submission(first, FIRST)
        begun = first_submission(first, FIRST)
        faster = workers(first, FIRST)
        large, peak = large_class(folder / "large", FIRST)
    slept = sleepers(0.1)
    lines = [
        "# Grading a class: how fast",
        "",
        "Written by `make bench-grading`; do not edit.",
        "",
        f"{platform.system()}, {platform.machine()}, {os.cpu_count()} processors, Python "
        f"{platform.python_version()}. Simulated classes, `nbgrader` with its own preprocessors "
        "against `cnnlesson` in the sandbox, in turn; everybody has the listed score at the end. "
        "Seconds by the clock, of the whole command unless said otherwise.",
        "",
        "| what | stock | ours | stock over ours |",
        "|---|---:|---:|---:|",
    ]
    for each, of in classes.items():
        for how in ("warm", "fresh"):
            lines.append(
                f"| {CLASS} submissions of {each}, {how} | {of['stock']:.1f} | "
                f"{of[how]:.1f} | {of['stock'] / of[how]:.1f} |"
            )
    ratios = [stock / mine for stock, mine in single]
    lines += [
        f"| 1 submission, {ROUNDS} rounds | {median(one for one, _ in single):.1f} | "
        f"{median(mine for _, mine in single):.1f} | {spread(ratios)} |",
        f"| feedback for {CLASS} | {pages['stock']:.1f} | {pages['ours']:.1f} | "
        f"{pages['stock'] / pages['ours']:.1f} |",
        "",
        f"- Seconds from the command to the first submission being graded: {spread(begun)}.",
        f"- Two workers against one, {ROUNDS} rounds: {spread(faster)} times the speed.",
        f"- Seconds for each submission, start-up aside, of {LARGE} and of the same in tenths, "
        f"{ROUNDS} rounds: {median(whole.clock for whole, _ in large):.3f} and "
        f"{median(tenth.clock for _, tenth in large):.3f}, "
        f"{spread([whole.clock / tenth.clock for whole, tenth in large], 3)} times. In units of "
        "what its own cells take, which leaves out how fast the machine happens to be: "
        f"{spread([whole.units / tenth.units for whole, tenth in large], 3)} times.",
        f"- The coordinator's peak memory at {LARGE} submissions: {peak:.0f} MB.",
        f"- {SLEEPS:,} tasks that sleep for 0.1 s, in {SLEEPERS} threads of a worker: {slept:.0f} "
        f"in a second, of {SLEEPERS / 0.1:.0f} that are possible.",
        "",
        "Where the time of a submission goes, in seconds by the clock, while two are graded at a "
        "time:",
        "",
        "| stage | " + " | ".join(classes) + " |",
        "|---|" + "---:|" * len(classes),
    ]
    stages = [stage for stage in classes["conv-layer"] if stage.startswith("stage ")]
    for stage in stages:
        cells = [f"{of.get(stage, 0):.3f}" for of in classes.values()]
        lines.append(f"| {stage.removeprefix('stage ')} | {' | '.join(cells)} |")
    cells = [f"{of['cpu'] / CLASS:.3f}" for of in classes.values()]
    lines.append(f"| the coordinator's processor, start-up included | {' | '.join(cells)} |")
    text = "\n".join(lines) + "\n"
    (HERE / "grading.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
