"""A real JupyterLab, as `make lab` starts it, and a real Chromium to use it with."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from course import ROOT, copy_course

ADDRESS = r"(http://127\.0\.0\.1:\d+)/(\S+)\?token=(\w+)"
PATIENCE = 60  # seconds; a kernel's first start can take long on a busy machine


@pytest.fixture(scope="session")
def served_course(tmp_path_factory):
    """All that `make lab` uses, but apart from the checkout."""
    files = ("Makefile", "pyproject.toml", "constraints.txt", "notebooks", "source", "release")
    course = copy_course(tmp_path_factory.mktemp("served"), *files)
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(course / name, (0, 0))  # so old that make will not install this copy
    (course / ".venv").symlink_to(ROOT / ".venv")
    return course


@pytest.fixture(scope="session")
def lab(served_course, clean_environment, tmp_path_factory):
    """The addresses in a JupyterLab that `make lab` has started: lab("lab") opens it."""
    flags = "--LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"
    home = quiet_home(tmp_path_factory.mktemp("home"))
    with served(["make", "lab", f"LAB_FLAGS={flags}"], served_course, clean_environment, home) as (
        host,
        start_page,
        token,
    ):
        assert start_page == "lab/tree/notebooks/00-start-here.ipynb"
        yield lambda path: f"{host}/{path}?reset&token={token}"  # reset: a workspace of its own


@pytest.fixture(scope="session")
def notebook7(served_course, clean_environment, tmp_path_factory):
    """The addresses in a Jupyter Notebook 7 that serves the same course."""
    command = [sys.executable, "-m", "notebook", "--no-browser", "--ServerApp.ip=127.0.0.1"]
    if os.geteuid() == 0:
        command.append("--allow-root")
    home = quiet_home(tmp_path_factory.mktemp("home"))
    with served(command, served_course, clean_environment, home) as (host, _, token):
        yield lambda path: f"{host}/{path}?token={token}"


def quiet_home(home):
    """Make a folder a home where nothing saves by itself, and a page holds all cells at once."""
    be_quiet(home / ".jupyter")
    return home


def be_quiet(settings):
    """Have a folder of settings say so."""
    overrides = settings / "labconfig" / "default_setting_overrides.json"
    overrides.parent.mkdir(parents=True, exist_ok=True)
    overrides.write_text(
        json.dumps(
            {
                "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
                "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
            }
        )
    )


@contextmanager
def served(command, folder, environment, home, address=ADDRESS):
    """Start a Jupyter server in a folder, give its host, start page and token, and end it.

    What it prints of these is matched by another pattern than Jupyter's own, if one is given.
    """
    outside = ("JUPYTER", "IPYTHON", "DISPLAY", "WAYLAND_DISPLAY")
    environment = {k: v for k, v in environment.items() if not k.startswith(outside)}
    # Two servers that look for a port at once may both find the same one.
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    environment["JUPYTER_PORT"] = str(8888 + 100 * worker)
    log = home / "server.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env={**environment, "HOME": str(home)},
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield address_in(log, server, address)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGTERM)
            server.wait(PATIENCE)


def address_in(log, server, address):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        printed = re.search(address, log.read_text())
        if printed and _listens(printed[1]):
            return printed.groups()
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    return pytest.fail(f"the server printed no address, or listens to none:\n{log.read_text()}")


def _listens(host):
    """Whether a server answers, which prints its address a little sooner."""
    where = urlsplit(host)
    try:
        socket.create_connection((where.hostname, where.port), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="session")
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


def open_notebook(page, server, path, interface="lab/tree"):
    """Open a notebook by its address, and wait until its kernel would take work."""
    with kernel_awaited(page, server, path):
        page.goto(server(f"{interface}/{path}"))


_NOTE_WHAT_RUNS = """() => new MutationObserver(() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")];
    window.cellsRan ||= prompts.some(prompt => prompt.textContent.includes("[*]"));
}).observe(document.body, {subtree: true, childList: true, characterData: true})"""
"""Some cells run for a shorter time than one could look at them from here."""


@contextmanager
def kernel_awaited(page, server, path):
    """Have a notebook opened, and wait until its kernel would take work.

    A kernel that another page has started is idle long before this one is connected to it, and what
    this one is told to run until then is lost.
    """
    answers = []

    def listen(socket):
        socket.on("framereceived", lambda frame: answers.append("kernel_info_reply" in str(frame)))

    page.on("websocket", listen)
    yield
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        sessions = page.request.get(server("api/sessions")).json()
        mine = [each["kernel"] for each in sessions if each["path"] == path]
        if any(answers) and any(kernel["execution_state"] == "idle" for kernel in mine):
            page.remove_listener("websocket", listen)
            page.evaluate(_NOTE_WHAT_RUNS)
            return
        time.sleep(0.2)
    pytest.fail(f"no idle kernel for {path}: {sessions}")


def run_all(page):
    """Run all cells by the menu."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def fill_in(page, before, source):
    """Replace a cell's source, found by what stands in it, as a person would, and run it."""
    page.locator(".jp-CodeCell", has_text=before).first.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.type(source)
    page.keyboard.press("Shift+Enter")


def wait_until_all_has_run(page):
    """Wait until all cells that were told to run have run."""
    from playwright.sync_api import TimeoutError as TooLongError

    for _ in range(3):
        try:
            page.wait_for_function("window.cellsRan", timeout=15_000)
            break
        except TooLongError:  # it was lost
            run_all(page)
    page.wait_for_function(
        """() => [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
                  .every(prompt => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()))""",
        timeout=4 * PATIENCE * 1000,  # an experiment among the cells takes long on a busy machine
    )
