"""Control groups of submissions, as far as a machine has them and root may make some."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from cnnlesson.grading.sandbox import cgroups

HIERARCHIES = [Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/unified")]


@pytest.fixture
def group():
    """A new group of version 2 that is ours to divide; its controllers may be others' already."""
    root = next((each for each in HIERARCHIES if (each / "cgroup.procs").exists()), None)
    if root is None or not os.access(root / "cgroup.procs", os.W_OK) or os.geteuid() != 0:
        pytest.skip("needs root, and control groups of version 2")
    group = root / f"test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"needs control groups that can be made: {error}")
    yield group
    for inner in (*group.glob("*/"), group):
        inner.rmdir()


@pytest.fixture
def sleeper(group):
    """A process in the group."""
    process = subprocess.Popen(["sleep", "100"])
    (group / "cgroup.procs").write_text(str(process.pid))
    yield process
    process.kill()
    process.wait()


def members(group):
    return (group / "cgroup.procs").read_text().split()


def test_a_group_is_divided_by_moving_its_processes(group, sleeper):
    cgroups.divide(group, controllers=())
    assert members(group) == []
    assert members(group / "grader") == [str(sleeper.pid)]
    sleeper.kill()
    sleeper.wait()


def test_what_a_process_starts_ends_with_its_group(group):
    parent = subprocess.Popen(["sh", "-c", "sleep 100 & setsid sleep 100 & echo; wait"], stdout=-1)
    with cgroups.confined(group, parent.pid, {}):
        (inner,) = group.glob("submission-*")
        parent.stdout.readline()
        started = subprocess.Popen(["sleep", "100"])
        (inner / "cgroup.procs").write_text(str(started.pid))
        assert {str(parent.pid), str(started.pid)} <= set(members(inner))
    assert not inner.exists()
    assert parent.wait(5) < 0
    assert started.wait(5) < 0
    parent.stdout.close()


def test_the_pids_controller_limits_where_it_can_be_had(group):
    if "pids" not in (group / "cgroup.controllers").read_text():
        pytest.skip("the controllers belong to control groups of version 1 here")
    cgroups.divide(group, controllers=("pids",))
    shell = subprocess.Popen(
        ["sh", "-c", "read line; for i in 1 2 3 4 5; do sleep 9 & done; echo made"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with cgroups.confined(group, shell.pid, {"pids.max": "3"}):
        shell.stdin.write("\n")
        shell.stdin.flush()
        time.sleep(0.5)
    assert "made" not in shell.communicate()[0]


def test_a_group_that_nobody_gave_is_left_alone():
    """As that of a login, which root could divide, and must not."""
    group = cgroups.delegated()
    assert group is None or os.getxattr(group, "user.delegate") == b"1"
