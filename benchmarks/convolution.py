"""Measure our convolution against PyTorch, a bare matrix product, SciPy and a naive loop.

Run by `make bench`, which pins one thread and malloc. Writes convolution.md and convolution.svg
beside this file.

Contenders take turns within one process, and only ratios of the same round are compared, so that
another process on the machine slows both sides alike. Time is the thread's own. NumPy's OpenBLAS
does not know every processor: where it leaves half of the vector unit unused, all is measured
again with the kernels that use it, and both are reported.
"""

import json
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import geometric_mean, median, quantiles

HERE = Path(__file__).parent
ROUNDS = 31
FEW_ROUNDS = 3
SECONDS_PER_SAMPLE = 2e-3
MOST_LOOPS = 250_000  # of the naive loop's outermost four; more would take minutes

SHAPES = {
    "lesson, 32×32×3, 20 of 8×8, S2 P1": ((1, 3, 32, 32), (20, 3, 8, 8), 2, 1),
    "56×56×64, 64 of 3×3, P1": ((1, 64, 56, 56), (64, 64, 3, 3), 1, 1),
    "8 of 28×28×128, 128 of 3×3, P1": ((8, 128, 28, 28), (128, 128, 3, 3), 1, 1),
    "AlexNet, 224×224×3, 64 of 11×11, S4 P2": ((1, 3, 224, 224), (64, 3, 11, 11), 4, 2),
    "224×224×3, 64 of 3×3, P1": ((1, 3, 224, 224), (64, 3, 3, 3), 1, 1),
    "8 of 14×14×256, 256 of 1×1": ((8, 256, 14, 14), (256, 256, 1, 1), 1, 0),
    "64 of 32×32×3, 32 of 5×5, P2": ((64, 3, 32, 32), (32, 3, 5, 5), 1, 2),
}

Contenders = dict[str, Callable[[], object]]


# --- Measuring, in a process of its own ------------------------------------------------------


def contenders(
    x_shape, filters_shape, stride, padding
) -> tuple[Contenders, Contenders, Contenders]:
    """Return what computes the same convolution forward, backward, and forward but slowly."""
    import numpy as np
    import torch
    from scipy import signal

    from cnnlesson.ops import conv2d, conv2d_gradients, conv2d_plain

    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    x, filters = (rng.standard_normal(s, dtype=np.float32) for s in (x_shape, filters_shape))
    bias = rng.standard_normal(len(filters), dtype=np.float32)
    y = conv2d(x, filters, bias, stride=stride, padding=padding)
    dy = rng.standard_normal(y.shape, dtype=np.float32)
    tensors = [torch.from_numpy(a) for a in (x, filters, bias, dy)]

    matrix = filters.reshape(len(filters), -1)
    columns = rng.standard_normal((matrix.shape[1], y.size // len(filters)), dtype=np.float32)
    maps = rng.standard_normal((len(filters), columns.shape[1]), dtype=np.float32)
    outputs = [np.empty_like(a) for a in (maps, columns, matrix)]

    def products_backward():
        np.matmul(matrix.T, maps, out=outputs[1])
        np.matmul(maps, columns.T, out=outputs[2])

    def scipys():
        padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        for image in padded:
            for one in filters:
                signal.correlate(image, one, "valid")[0, ::stride, ::stride]

    settings = {"stride": stride, "padding": padding}
    forward = {
        "torch": partial(torch.nn.functional.conv2d, *tensors[:3], stride, padding),
        "ours": partial(conv2d, x, filters, bias, **settings),
        "ours without Winograd": partial(conv2d, x, filters, bias, winograd=False, **settings),
        "bare product": partial(np.matmul, matrix, columns, out=outputs[0]),
    }
    backward = {
        # What autograd calls, so without autograd's own cost.
        "torch": partial(
            torch.ops.aten.convolution_backward,
            tensors[3], *tensors[:2], [len(filters)], [stride] * 2, [padding] * 2, [1, 1],
            False, [0, 0], 1, [True] * 3,
        ),
        "ours": partial(conv2d_gradients, x, filters, dy, **settings),
        "ours without Winograd": partial(
            conv2d_gradients, x, filters, dy, winograd=False, **settings
        ),
        "bare product": products_backward,
    }  # fmt: skip
    slow = {"ours": forward["ours"], "SciPy": scipys}
    if y.size <= MOST_LOOPS:
        slow["naive loop"] = partial(conv2d_plain, x, filters, bias, **settings)
    return forward, backward, slow


def seconds_by_round(functions: Contenders, rounds: int) -> dict[str, list[float]]:
    """Let the functions take turns, and return the thread time of one call of each, per round."""

    def timed(function, calls):
        start = time.thread_time()
        for _ in range(calls):
            function()
        return (time.thread_time() - start) / calls

    once = {name: max(timed(function, 1), 1e-6) for name, function in functions.items()}
    calls = {name: max(1, round(SECONDS_PER_SAMPLE / seconds)) for name, seconds in once.items()}
    samples = {name: [] for name in functions}
    # In another order each time: whoever comes after a contender finds the cache as that left it.
    order = random.Random(0)
    turns = list(functions)
    for _ in range(rounds):
        order.shuffle(turns)
        for name in turns:
            samples[name].append(timed(functions[name], calls[name]))
    return samples


def measure() -> dict[str, dict[str, dict[str, list[float]]]]:
    """Return seconds by shape, direction, contender and round."""
    measured = {}
    for shape, arguments in SHAPES.items():
        forward, backward, slow = contenders(*arguments)
        measured[shape] = {
            "forward": seconds_by_round(forward, ROUNDS),
            "backward": seconds_by_round(backward, ROUNDS),
            "slow": seconds_by_round(slow, FEW_ROUNDS),
        }
    return measured


def measure_imports() -> list[float]:
    """Return, per round, the time of a process that imports cnnlesson over one with NumPy only."""

    def seconds(module):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True)
        return time.perf_counter() - start

    seconds("cnnlesson"), seconds("numpy")
    return [seconds("cnnlesson") / seconds("numpy") for _ in range(ROUNDS)]


# --- Running and reporting -------------------------------------------------------------------


def run(**environment: str) -> tuple[str, dict]:
    """Measure in a fresh process; return the name of OpenBLAS's kernels, and the seconds."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure"],
        env={**os.environ, "OPENBLAS_VERBOSE": "2", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    named = re.search(r"^Core: (\w+)", done.stdout + done.stderr, re.MULTILINE)
    return named[1] if named else "unknown", json.loads(done.stdout.splitlines()[-1])


def ratios(samples: dict[str, list[float]], name: str, over: str = "torch") -> list[float]:
    """Divide round by round."""
    return [ours / theirs for ours, theirs in zip(samples[name], samples[over], strict=True)]


def spread(values: list[float]) -> str:
    """Write the median, and the middle half of the values."""
    low, _, high = quantiles(values, n=4)
    return f"{median(values):.2f} ({low:.2f}–{high:.2f})"


def table(measured: dict, direction: str) -> list[str]:
    """Write one direction's ratios to PyTorch, shape by shape, as Markdown."""
    names = ["ours", "ours without Winograd", "bare product"]
    lines = [
        f"| {direction}: time over PyTorch's | {' | '.join(names)} | ours, ms | PyTorch, ms |",
        "|---|" + "---:|" * (len(names) + 2),
    ]
    medians = {name: [] for name in names}
    for shape, by_direction in measured.items():
        samples = by_direction[direction]
        cells = []
        for name in names:
            values = ratios(samples, name)
            medians[name].append(median(values))
            cells.append(spread(values))
        times = [f"{1e3 * median(samples[name]):.3g}" for name in ("ours", "torch")]
        lines.append(f"| {shape} | {' | '.join(cells + times)} |")
    for summary, function in (("geometric mean", geometric_mean), ("worst", max)):
        cells = [f"**{function(values):.2f}**" for values in medians.values()]
        lines.append(f"| **{summary}** | {' | '.join(cells)} | | |")
    return lines


def slow_table(measured: dict) -> list[str]:
    """Write how many times slower SciPy and the naive loop are than ours."""
    lines = ["| forward: time over ours | SciPy | naive loop |", "|---|---:|---:|"]
    for shape, by_direction in measured.items():
        samples = by_direction["slow"]
        cells = [
            f"{median(ratios(samples, name, over='ours')):.0f}" if name in samples else "–"
            for name in ("SciPy", "naive loop")
        ]
        lines.append(f"| {shape} | {' | '.join(cells)} |")
    return lines


def processor() -> str:
    """Name the processor, and the widest of its vector instructions."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(re.findall(r"^([\w ]+?)\s*: (.*)$", text, re.MULTILINE))
    family = f"family {fields['cpu family']} model {fields['model']}" if "model" in fields else ""
    vectors = "AVX-512" if "avx512f" in text else "AVX2" if "avx2" in text else ""
    return ", ".join(filter(None, (fields.get("model name", platform.machine()), family, vectors)))


def report(runs: list[tuple[str, dict]], imports: list[float]) -> str:
    """Write the whole report as Markdown."""
    from importlib.metadata import version

    used = ", ".join(f"{name} {version(name)}" for name in ("numpy", "torch", "scipy"))
    lines = [
        "# Convolution: how fast",
        "",
        "Written by `make bench`; do not edit.",
        "",
        f"Machine: {processor()}; {platform.system()}, Python {platform.python_version()}, {used}.",
        f"One thread each, thread time, contenders in turn, {ROUNDS} rounds: the median of the",
        "rounds' ratios (and their middle half). Below 1 is faster than PyTorch. Backward is dx,",
        "dw and db together. The bare product is the matrix product (backward: the two products)",
        "that a convolution without tricks cannot do without, in one piece: NumPy's limit without",
        "Winograd, but where strips of it, which stay in the cache, are faster.",
        "",
        "![Time over PyTorch's, by shape](convolution.svg)",
        "",
    ]
    for number, (core, measured) in enumerate(runs):
        lines += [f"## With OpenBLAS's kernels for {core}", ""]
        if number == 0:
            lines += ["What NumPy chooses by itself on this machine.", ""]
        else:
            lines += [
                "NumPy's own choice leaves half of this processor's vector unit unused, which",
                f"PyTorch uses. The same with `OPENBLAS_CORETYPE={core}` in the environment:",
                "",
            ]
        lines += [*table(measured, "forward"), "", *table(measured, "backward"), ""]
    lines += [
        "## Slower ways",
        "",
        f"{FEW_ROUNDS} rounds, with NumPy's own choice of kernels. SciPy is `signal.correlate`,",
        "image by image and filter by filter, which computes all positions whatever the stride;",
        "the naive loop is `conv2d_plain`, left out where it would take minutes.",
        "",
        *slow_table(runs[0][1]),
        "",
        "## Importing",
        "",
        f"A process that imports cnnlesson takes {spread(imports)} times as long as one that",
        "imports NumPy.",
        "",
    ]
    return "\n".join(lines)


def plot(runs: list[tuple[str, dict]], path: Path) -> None:
    """Draw the ratios to PyTorch; the same numbers give the same file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "cnnlesson"
    from matplotlib import pyplot as plt

    # Okabe and Ito's colours, which the colour-blind can tell apart.
    looks = {"ours": "#0072B2", "ours without Winograd": "#E69F00", "bare product": "#999999"}
    figure, grid = plt.subplots(
        len(runs), 2, figsize=(12, 4.2 * len(runs)), sharex=True, sharey=True, squeeze=False
    )
    for row, (core, measured) in zip(grid, runs, strict=True):
        for axes, direction in zip(row, ("forward", "backward"), strict=True):
            for offset, (name, colour) in enumerate(looks.items()):
                axes.barh(
                    [place + 0.27 * (offset - 1) for place in range(len(measured))],
                    [median(ratios(by[direction], name)) for by in measured.values()],
                    height=0.25,
                    color=colour,
                    label=name,
                )
            axes.axvline(1, color="black", linewidth=1)
            axes.set_title(f"{direction}, OpenBLAS kernels for {core}")
            axes.set_yticks(range(len(measured)), measured)
    grid[0][0].invert_yaxis()
    for axes in grid[-1]:
        axes.set_xlabel("time over PyTorch's (shorter is faster)")
    grid[0][1].legend(loc="lower right")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, and write the report and the plot."""
    if sys.argv[1:] == ["--measure"]:
        print(json.dumps(measure()))
        return
    runs = [run()]
    if "AVX-512" in processor() and runs[0][0] in ("Haswell", "Zen"):
        runs.append(run(OPENBLAS_CORETYPE="SkylakeX"))
    (HERE / "convolution.md").write_text(report(runs, measure_imports()), encoding="utf-8")
    plot(runs, HERE / "convolution.svg")


if __name__ == "__main__":
    main()
