"""Markers that say what a test needs, and how long each kind took; for tests/ and notebooks/."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

MARKERS = {
    "attack": "grades hostile submissions by the real commands, in the sandbox",
    "nbgrader": "runs the real nbgrader commands",
    "browser": "drives a real JupyterLab in Chromium",
    "notebook": "a committed notebook, executed again and compared by nbval",
    "somebody": "becomes an ordinary user for it, as root can, with the system's Python",
    "sandbox": "runs submissions in the sandbox, which needs Linux and bubblewrap",
    "postgres": "keeps the gradebook in a real PostgreSQL",
    "index": "installs from a package index",
    "internet": "asks other hosts whether links to them still lead somewhere; `make links` runs it",
    "torch": "compared with PyTorch; it is an extra for benchmarks and never needed",
}

OPEN_FOLDER = pytest.StashKey[str]()

_seconds: Counter[str] = Counter()
_start = time.monotonic()


def pytest_addoption(parser):
    parser.addoption(
        "--must-run",
        action="append",
        default=[],
        metavar="MARKER",
        help="fail, rather than skip, the tests with this marker if what they need is missing",
    )
    parser.addoption(
        "--students",
        type=int,
        help="grade so many students in test_same_marks.py and test_autograde.py, not a few",
    )


def pytest_configure(config):
    for name, meaning in MARKERS.items():
        config.addinivalue_line("markers", f"{name}: {meaning}")
    if hasattr(config, "workerinput"):
        config.stash[OPEN_FOLDER] = config.workerinput["open_folder"]
    else:
        folder = tempfile.TemporaryDirectory(prefix="cnnlesson-")
        Path(folder.name).chmod(0o755)
        config.add_cleanup(folder.cleanup)
        config.stash[OPEN_FOLDER] = folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    node.workerinput["open_folder"] = node.config.stash[OPEN_FOLDER]


@pytest.fixture(scope="session")
def open_folder(pytestconfig):
    """A folder that other users can enter, unlike pytest's own; parallel workers share it."""
    return Path(pytestconfig.stash[OPEN_FOLDER])


def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.path.suffix == ".ipynb":
            item.add_marker("notebook")
    if "internet" not in config.getoption("markexpr"):  # other hosts are only asked by request
        items[:] = [item for item in items if not item.get_closest_marker("internet")]
    if hasattr(config, "workerinput"):
        begin_with_the_longest_files(items)


def begin_with_the_longest_files(items):
    """Keep the short ones for the end, where else a worker may be left with a long one alone."""
    ranks = {name: rank for rank, name in enumerate(MARKERS)}
    of_a_file = {}
    for item in items:
        marked = [ranks[marker.name] for marker in item.iter_markers() if marker.name in ranks]
        of_a_file[item.path] = min([*marked, of_a_file.get(item.path, len(ranks))])
    items.sort(key=lambda item: of_a_file[item.path])


def pytest_runtest_setup(item):
    for marker, lacks in LACKS.items():
        if item.get_closest_marker(marker) and (missing := lacks()):
            if any(map(item.get_closest_marker, item.config.getoption("must_run"))):
                pytest.fail(missing, pytrace=False)
            pytest.skip(missing)


def _missing_for_torch():
    return None if find_spec("torch") else MARKERS["torch"]


def _missing_for_browser():
    if not _chromium():
        return "needs Chromium on PATH (Debian: apt install chromium)"
    try:
        import playwright  # noqa: F401
    except ImportError:
        return "needs Playwright: pip install 'cnnlesson[browser]'"
    if not (Path(__file__).parent / ".venv/with-lab").exists():
        return "needs the environment that `make lab` and `make test` set up"
    return None


def _missing_for_sandbox():
    return None if shutil.which("bwrap") else "needs bubblewrap (Debian: apt install bubblewrap)"


def _missing_for_somebody():
    from users import lacks_for_somebody

    return lacks_for_somebody()


def _missing_for_postgres():
    import postgres  # of tests/, as is whatever has this marker

    return postgres.missing()


@cache
def _missing_for_index():
    with tempfile.TemporaryDirectory() as folder:
        download = ["pip", "download", "--quiet", "--no-deps", "--retries=0", "--timeout=10"]
        command = [sys.executable, "-m", *download, f"--dest={folder}", "click"]
        done = subprocess.run(command, capture_output=True)
    return "needs a package index that pip can reach" if done.returncode else None


LACKS = {
    "attack": _missing_for_sandbox,
    "browser": _missing_for_browser,
    "index": _missing_for_index,
    "postgres": _missing_for_postgres,
    "sandbox": _missing_for_sandbox,
    "somebody": _missing_for_somebody,
    "torch": _missing_for_torch,
}
"""What keeps a test with a marker from running here, as a sentence, if anything does."""


@pytest.fixture(scope="session")
def chromium():
    """The path of the browser, which `_missing_for_browser` has made sure of."""
    return _chromium()


def _chromium():
    names = ("chromium", "chromium-browser", "google-chrome")
    return next(filter(None, map(shutil.which, names)), None)


def pytest_runtest_logreport(report):
    marked = [name for name in MARKERS if name in report.keywords]
    for name in marked or ["unmarked"]:
        _seconds[name] += report.duration


def pytest_terminal_summary(terminalreporter):
    terminalreporter.section("minutes per marker")
    for name, seconds in _seconds.most_common():
        terminalreporter.line(f"{seconds / 60:6.2f}  {name}")
    terminalreporter.line(f"{(time.monotonic() - _start) / 60:6.2f}  on the clock")
