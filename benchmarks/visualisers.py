"""Measure how long the visualisers take from an input event to the picture.

Run by `make bench-visualisers`. Writes visualisers.md beside this file. Each visualiser is shown in
a real JupyterLab in Chromium, at the largest settings that it is meant for; then its controls are
used many times. A sample is the time that the page works on one event: its handlers, the drawing
in the next frame, and the layout. Waiting for the frame is not in it.
"""

import os
import platform
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from labs import open_notebook, quiet_home, served  # noqa: E402

SAMPLES = 200
IMPORTS = "import numpy as np\nfrom cnnlesson.network import vgg16\nfrom cnnlesson.widgets import *"
CASES = {
    "Convolution, 64×64×3, 32 of 11×11": (
        "random = np.random.default_rng(0)\n"
        "convolution(random.random((3, 64, 64)), random.normal(size=(32, 3, 11, 11)))",
        ["Stride S", "Padding P, every side"],
    ),
    "Parameter sharing, 64×64×3, 32 of 11×11, unshared": (
        "sharing(input_shape=[64, 64, 3], filter_size=10, out_channels=32, stride=1, padding=4,"
        " shared=False)",
        ["Padding P", "Filter size F"],
    ),
    "Dimensionality, 64×64×3, 32 of 11×11": (
        "dimensionality((64, 64, 3), 10, 31)",
        ["Stride S", "Filter size F"],
    ),
    "Network builder, VGG-16": ("network(vgg16())", ["Filters K"]),
}
FIRST_PICTURE = """(index) => new Promise((done) => {
    const cell = document.querySelectorAll(".jp-CodeCell")[index];
    let ran, seen;
    const look = () => {
        const prompt = cell.querySelector(".jp-InputPrompt").textContent;
        if (!ran && /\\d/.test(prompt)) ran = performance.now();
        if (!seen && cell.querySelector(".cnnlesson")) {
            seen = true;
            requestAnimationFrame(() => setTimeout(() => (seen = performance.now())));
        }
        if (ran && seen > 1) done(seen - ran);
        else requestAnimationFrame(look);
    };
    look();
})"""
WORK = """async ([root, label, samples]) => {
    const press = (what) => root.querySelector(`button[aria-label="${label}: ${what}"]`);
    const times = [];
    for (let k = 0; k < samples; k++) {
        let begun;
        await new Promise(requestAnimationFrame);
        requestAnimationFrame(() => (begun = performance.now())); // before the visualiser's own
        const start = performance.now();
        press(k % 2 ? "less" : "more").click();
        await null; // what the handlers put off until they are done
        const handled = performance.now() - start;
        await new Promise(requestAnimationFrame); // after the visualiser's own
        root.offsetHeight;
        times.push(handled + performance.now() - begun);
    }
    return times;
}"""


def main() -> None:
    """Measure everything, and write it down."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home = quiet_home(Path(folder))
        cells = [IMPORTS, *(source for source, _ in CASES.values())]
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        nbformat.write(notebook, home / "timed.ipynb")
        chromium = next(
            filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
        )
        root = os.geteuid() == 0
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if root else []
        )
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--ServerApp.ip=127.0.0.1"]
        command += ["--allow-root"] if root else []
        with served(command, home, dict(os.environ), home) as (host, _, token):
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            open_notebook(page, lambda path: f"{host}/{path}?token={token}", "timed.ipynb")
            rows = measured(page)
        version = browser.version
        browser.close()
    write(rows, version)


def measured(page) -> list[tuple[str, float, str, list[float]]]:
    """Run the cells one by one, and time each visualiser."""
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    rows = []
    for index, (name, (_, controls)) in enumerate(CASES.items(), start=1):
        cell = page.locator(".jp-CodeCell").nth(index)
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+Enter")
        first = page.evaluate(FIRST_PICTURE, index)
        widget = cell.locator(".cnnlesson")
        if name.startswith("Network"):
            widget.get_by_role("button", name="1 Conv").first.click()
        for control in controls:
            times = page.evaluate(WORK, [widget.element_handle(), control, SAMPLES])
            rows.append((name, first, control, times))
    return rows


def write(rows: list[tuple[str, float, str, list[float]]], chromium: str) -> None:
    """Write the table."""
    lines = [
        "# Visualisers: from event to picture",
        "",
        "Written by `make bench-visualisers`; do not edit.",
        "",
        f"{platform.system()}, {processor()}, Python {platform.python_version()}, "
        f"Chromium {chromium}, headless, in JupyterLab. {SAMPLES} events each; milliseconds that "
        "the page works on one: handlers, drawing and layout, without waiting for the frame. The "
        "first picture is counted from the moment that its cell has run, to the frame after it.",
        "",
        "| visualiser | control | median | p95 | worst | first picture |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for name, first, control, times in rows:
        middle, late = statistics.median(times), statistics.quantiles(times, n=20)[-1]
        lines.append(
            f"| {name} | {control} | {middle:.1f} | {late:.1f} | {max(times):.1f} | {first:.0f} |"
        )
    (HERE / "visualisers.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


def processor() -> str:
    """Name the processor, where Linux tells it."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    names = [line.split(": ")[1] for line in cpuinfo.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
