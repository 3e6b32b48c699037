"""Collecting from nbgrader's exchange, where students may put anything in anybody's name."""

import os
import pwd

import pytest

pytestmark = pytest.mark.nbgrader

CONFIGURATION = """
from cnnlesson.grading.secure import secure
c = get_config()
secure(c)
c.CourseDirectory.course_id = "course"
c.Exchange.root = "exchange"
"""
ME = pwd.getpwuid(os.getuid()).pw_name
NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'


@pytest.fixture
def course(tmp_path):
    """A course in whose exchange lie an odd submission, a forged one, and one that is neither."""
    (tmp_path / "nbgrader_config.py").write_text(CONFIGURATION)
    (tmp_path / "secret").write_text("SECRET")
    for name in (
        f"{ME}+quiz+2026-01-02 10:00:00 UTC+abc",
        f"{ME}+quiz+whenever+abc",
        "ben+quiz+2026-01-02 10:00:00 UTC+abc",
        "a;b+quiz+2026-01-02 10:00:00 UTC+abc",
    ):
        submission = tmp_path / "exchange" / "course" / "inbound" / name
        submission.mkdir(parents=True)
        (submission / "quiz.ipynb").write_text(NOTEBOOK)
        (submission / "timestamp.txt").write_text("2026-01-02 10:00:00 UTC")
        (submission / "data.txt").symlink_to(tmp_path / "secret")
        os.mkfifo(submission / "pipe")
    return tmp_path


def test_what_is_collected_is_plain_and_its_authors(course, run):
    told = run("nbgrader", "collect", "quiz", cwd=course)
    submitted = course / "submitted"
    files = [path for path in submitted.rglob("*") if not path.is_dir()]
    assert sorted(str(path.relative_to(submitted)) for path in files) == [
        f"{ME}/quiz/quiz.ipynb",
        f"{ME}/quiz/timestamp.txt",
    ]
    assert "'data.txt' is a link, and was left out" in told
    assert "'pipe' is no plain file, and was left out" in told
    assert f"it is {ME}'s" in told
    assert "'a?b' cannot be a student's id" in told
