"""The warm parent: waits with the libraries imported, and forks once for each submission.

It never runs a student's code, and reads nothing but single bytes from outside once it is ready.
Each fork gets a keeper, which stays outside of its namespace of processes, and ends it. Once a fork
has ended, the kernel has ended every process of its namespace, and its folders are gone with it.
"""

import contextlib
import gc
import importlib
import json
import os
import random
import select
import signal
import site
import socket
import struct
import sys
import traceback
from typing import Any, NoReturn

from . import confine

READY, CLEAN = b"R", b"C"
"""What the warm parent says: that it waits, and that nothing is left of the last submission."""

INTERRUPT, KILL = b"i", b"k"
"""What a keeper is told."""

ENDED = struct.Struct("=ci")
"""A keeper's last words: the byte e, and the status that the submission's process ended with."""


def serve(control: socket.socket, settings: dict[str, Any]) -> NoReturn:
    """Prepare, then fork for each job until the other side closes `control`."""
    sys.path[:0] = settings["path"]
    os.environ.update(settings["environment"])
    site.setquit()
    site.sethelper()
    for module in settings["preload"]:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(module)
    program = bytes.fromhex(settings["seccomp"])
    gc.collect()
    gc.freeze()
    control.send(READY)
    while True:
        message, channels, _, _ = socket.recv_fds(control, 1, 2)
        if not message:
            os._exit(0)
        keeper = os.fork()
        if keeper == 0:
            control.close()
            job, keepers = channels
            _keep(job, keepers, settings, program)
        for channel in channels:
            os.close(channel)
        os.waitpid(keeper, 0)
        _be_alone()
        control.send(CLEAN)


def _be_alone() -> None:
    """Make sure that no process is left but this one and the first, or end with all."""
    running = {entry.name for entry in os.scandir("/proc") if entry.name.isdigit()}
    others = running - {"1", str(os.getpid())}
    if others:
        os._exit(3)


def _keep(job: int, control: int, settings: dict[str, Any], program: bytes) -> NoReturn:
    """Start the run of one submission, and end it when told to, or when nobody listens."""
    confine.die_with_parent()
    told = socket.socket(fileno=control)
    try:
        confine.unshare()
        runner = os.fork()
        if runner == 0:
            _run(job, settings, program)
        os.close(job)
        ends = os.pidfd_open(runner)
        while ends not in (ready := select.select([ends, control], [], [])[0]):
            if control in ready:
                word = told.recv(1)
                os.kill(runner, signal.SIGINT if word == INTERRUPT else signal.SIGKILL)
        told.send(ENDED.pack(b"e", os.waitpid(runner, 0)[1]))
        # Where a word is left unread, the other side finds its connection reset, and no last words.
        while told.recv(1):
            pass
    except OSError:
        traceback.print_exc()
    finally:
        os._exit(0)


def _run(job: int, settings: dict[str, Any], program: bytes) -> NoReturn:
    """Become the process that runs a submission."""
    try:
        confine.die_with_parent()
        confine.close_all_but(job)
        os.setsid()
        uid = settings["uid"]
        confine.mount_fresh(settings["tmpfs"], uid)
        confine.limit(settings["limits"])
        confine.drop_privileges(uid)
        confine.die_with_parent()  # again, since a change of user undoes it
        if settings["landlock"]:
            confine.landlock(settings["writable"])
        confine.filter_calls(program)
        _begin_anew(settings)
        from . import runner

        runner.serve(socket.socket(fileno=job), settings)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)


def _begin_anew(settings: dict[str, Any]) -> None:
    """Draw new seeds, which all forks would share otherwise, and go to an empty folder."""
    os.makedirs(settings["work"])  # noqa: PTH103
    os.chdir(settings["work"])
    sys.path.insert(0, "")
    sys.argv[1:] = []
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def main() -> NoReturn:
    """Begin, as `bubblewrap.start` has it: a socket's number and the settings are arguments."""
    serve(socket.socket(fileno=int(sys.argv[1])), json.loads(sys.argv[2]))
