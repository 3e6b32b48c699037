"""The sentences that `make` says to a machine on which it cannot work."""

import shutil
import subprocess
import sys

import pytest
from course import ROOT


@pytest.fixture
def make(tmp_path, clean_environment):
    """Run make with a Python of our choice, in a folder that has no environment yet."""
    folder = tmp_path / "a course"  # with a blank in its path, as a person may have it
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy2(ROOT / name, folder)

    def make(python):
        return subprocess.run(
            ["make", "lab", f"PYTHON={python}"],
            cwd=folder,
            env=clean_environment,
            capture_output=True,
            text=True,
        )

    return make


def said(made):
    """What was said, without make's own closing line."""
    assert made.returncode == 2
    assert made.stdout == ""
    *lines, closing = made.stderr.splitlines()
    assert closing.startswith("make: ***")
    return lines


@pytest.fixture
def script(tmp_path):
    def script(text):
        path = tmp_path / "python-of-this-machine"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return script


def test_too_old_a_python(make, script):
    old = script('case "$1" in -V) echo Python 3.9.2;; *) exit 1;; esac')
    (sentence,) = said(make(old))
    assert "needs Python 3.11 or newer" in sentence
    assert "is Python 3.9.2" in sentence
    assert "install" in sentence


def test_no_python(make):
    (sentence,) = said(make("python-that-is-not-there"))
    assert "needs Python 3.11 or newer" in sentence
    assert "there is no 'python-that-is-not-there'" in sentence


def test_a_python_without_venv(make, script, tmp_path):
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "ensurepip.py").write_text("raise ImportError('as Debian packs it')")
    bare = script(f'PYTHONPATH="{tmp_path}/lacking" exec "{sys.executable}" "$@"')
    (sentence,) = said(make(bare))
    assert "venv" in sentence
    assert "apt install python3-venv" in sentence


def test_an_environment_that_was_moved_is_made_anew(make, script, tmp_path):
    (tmp_path / "a course" / ".venv").mkdir()
    (tmp_path / "a course" / ".venv" / "created").write_text("/somewhere/else/.venv\n")
    lacking = script("exit 1")
    assert said(make(lacking)), "it went on with the environment of another folder"
