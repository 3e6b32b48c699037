"""A student's and an instructor's way through the course, in a real JupyterLab in Chromium."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
from course import ROOT, copy_course

pytestmark = pytest.mark.browser

PATIENCE = 60  # seconds; a kernel's first start can take long on a busy machine


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """All that `make lab` uses, but apart from the checkout."""
    files = ("Makefile", "pyproject.toml", "constraints.txt", "notebooks", "source", "release")
    course = copy_course(tmp_path_factory.mktemp("course"), *files)
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(course / name, (0, 0))  # so old that make will not install this copy
    (course / ".venv").symlink_to(ROOT / ".venv")
    return course


@pytest.fixture(scope="module")
def lab(course, clean_environment, tmp_path_factory):
    """The addresses in a JupyterLab that `make lab` has started: lab("lab") opens it."""
    home = tmp_path_factory.mktemp("home")
    overrides = home / ".jupyter" / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True)
    overrides.write_text(
        json.dumps(
            {
                "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
                "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
            }
        )
    )
    outside = ("JUPYTER", "IPYTHON", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {k: v for k, v in clean_environment.items() if not k.startswith(outside)}
    log = home / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            [
                "make",
                "lab",
                "LAB_FLAGS=--LabApp.news_url=None "
                "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            ],
            cwd=course,
            env={**environment, "HOME": str(home)},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        host, start_page, token = address_in(log, server)
        assert start_page == "lab/tree/notebooks/00-start-here.ipynb"
        yield lambda path: f"{host}/{path}?reset&token={token}"  # reset: a workspace of its own
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(PATIENCE)


def address_in(log, server):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        printed = re.search(r"(http://127\.0\.0\.1:\d+)/(\S+)\?token=(\w+)", log.read_text())
        if printed:
            return printed.groups()
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    return pytest.fail(f"make lab printed no address:\n{log.read_text()}")


@pytest.fixture(scope="module")
def browser(chromium):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(PATIENCE * 1000)
    yield page
    page.close()


def open_notebook(page, lab, path):
    """Open a notebook by its address, and wait until its kernel would take work."""
    page.goto(lab(f"lab/tree/{path}"))
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        sessions = page.request.get(lab("api/sessions")).json()
        if any(s["path"] == path and s["kernel"]["execution_state"] == "idle" for s in sessions):
            return
        time.sleep(0.2)
    pytest.fail(f"no idle kernel for {path}: {sessions}")


def restart_and_run_all(page):
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_role("menuitem", name="Restart Kernel and Run All Cells…").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()


def wait_until_all_has_run(page):
    page.locator(".jp-CodeCell .jp-InputPrompt", has_text="[*]").first.wait_for(state="attached")
    page.wait_for_function(
        """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
                  .every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()))"""
    )


def outputs(page):
    """What each code cell shows, as text."""
    cells = page.locator(".jp-Notebook .jp-CodeCell").all()
    return ["\n".join(cell.locator(".jp-OutputArea-output").all_inner_texts()) for cell in cells]


@pytest.mark.parametrize("name", ["00-start-here", "01-parameter-sharing"])
def test_a_lesson_runs_from_top_to_bottom(name, page, lab):
    path = f"notebooks/{name}.ipynb"
    open_notebook(page, lab, path)
    restart_and_run_all(page)
    wait_until_all_has_run(page)
    committed = nbformat.read(ROOT / path, as_version=4)
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    for cell, shown in zip(code, outputs(page), strict=True):
        for output in cell.outputs:
            data = output.get("data", {"text/plain": output.get("text")})
            if "text/markdown" in data:  # typeset, so the text of the page is not that of the file
                assert "$$" not in shown
            else:
                assert data["text/plain"].strip() in shown
    assert all("Error" not in shown for shown in outputs(page))
    broken = "[...document.images].filter(image => image.naturalWidth === 0).length"
    assert page.evaluate(broken) == 0


def test_a_student_answers_a_quiz(page, lab):
    open_notebook(page, lab, "release/parameter-sharing/parameter-sharing.ipynb")
    restart_and_run_all(page)  # which JupyterLab ends at the first cell that raises
    page.locator(".jp-OutputArea-output", has_text="Not answered yet").wait_for()
    for answer, verdict in (("3860", "3860 is not right."), ("756560", "756560 is right.")):
        cell = page.locator(".jp-CodeCell", has_text="number_of_parameters = ").first
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+A")
        page.keyboard.type(f"number_of_parameters = {answer}")
        page.keyboard.press("Shift+Enter")
        page.keyboard.press("Shift+Enter")
        page.locator(".jp-OutputArea-output", has_text=verdict).wait_for()


def test_a_locked_cell_cannot_be_edited(page, lab):
    open_notebook(page, lab, "release/parameter-sharing/parameter-sharing.ipynb")
    cell = page.locator(".jp-CodeCell", has_text='check("parameter-sharing"')
    assert cell.locator(".cm-content").get_attribute("aria-readonly") == "true" or (
        cell.locator(".cm-content").get_attribute("contenteditable") == "false"
    )


def test_the_formgrader_lists_the_assignment(page, lab, course: Path, run):
    run("nbgrader", "generate_assignment", "parameter-sharing", "--force", cwd=course)
    page.goto(lab("formgrader/manage_assignments"))
    row = page.locator("tr", has_text="parameter-sharing")
    row.wait_for()
    assert "No nbgrader_config.py" not in page.content()
