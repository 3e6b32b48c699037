"""The sandbox's own tests, run by an ordinary user: root can do more, and so hide a fault.

What an ordinary user grades is tested with what root does, wherever a test takes `user`.
"""

import os

import pytest
from course import copy_course

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.somebody,
    pytest.mark.skipif(os.getuid() != 0, reason="all tests are run by an ordinary user already"),
]


def test_the_sandbox_holds_for_an_ordinary_user(somebody):
    folder = copy_course(
        somebody.folder("tests"), "source", "tests", "conftest.py", "pyproject.toml"
    )
    somebody.own(folder)
    tests = ("-q", "-p", "no:cacheprovider", "tests/test_sandbox.py")
    said = somebody.run("pytest", *tests, cwd=folder)
    assert " passed" in said
    assert "skipped" not in said
