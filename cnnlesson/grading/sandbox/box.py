"""The sandbox, seen from outside: run a notebook's cells in it, and read what they put out."""

import atexit
import contextlib
import os
import select
import signal
import socket
import struct
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitlets import Bool, Dict, Float, Integer, List, Unicode
from traitlets.config import LoggingConfigurable

from cnnlesson.grading.sandbox import bubblewrap, cgroups, frames, seccomp
from cnnlesson.grading.sandbox.bubblewrap import SandboxUnavailableError
from cnnlesson.grading.sandbox.inside import confine, warm, wire
from cnnlesson.grading.sandbox.watch import use_of_all

_MB = 1024 * 1024
_CREDENTIALS = struct.Struct("3i")  # of a process: its id, its user's and its group's
_LINE = 20  # bytes that a line of output counts as besides its own
_TICK = 0.05  # seconds between two looks at the memory
_START = 30.0  # seconds that a parent may take to import its libraries
_CONFINED = wire.framed(wire.CONFINED)
_LAST_WORDS = 5.0  # seconds that a killed submission may take to be gone


class SubmissionEndedError(Exception):
    """A submission's process has ended, or was ended; the message says why."""


@dataclass(frozen=True)
class CellRun:
    """What became of a cell.

    Attributes:
        outputs: as the sandbox sends them: plain data of limited size, and nothing is sure of it.
        updates: to outputs of earlier cells, likewise.
        count: the number of its prompt.
        fine: whether it ended without an error.
        timed_out: whether it was interrupted since it took too long.
    """

    outputs: Sequence[Any]
    updates: Sequence[Any] = ()
    count: int | None = None
    fine: bool = True
    timed_out: bool = False


class Sandbox(LoggingConfigurable):
    """Runs a student's notebook where it can reach nothing but itself."""

    memory = Integer(
        768 * _MB,
        help="Bytes that all processes of a submission may use together; files that it writes come "
        "on top, see `disk`.",
    ).tag(config=True)
    disk = Integer(
        64 * _MB, help="Bytes that a submission may write, into memory: its folder and /tmp each."
    ).tag(config=True)
    inodes = Integer(
        4096, help="How many files and folders a submission may make, in its folder and /tmp each."
    ).tag(config=True)
    processes = Integer(
        64, help="How many processes and threads a submission may have at a time."
    ).tag(config=True)
    sockets = Integer(
        256,
        help="How many sockets all processes of a submission may have together, since their "
        "buffers count as nobody's memory.",
    ).tag(config=True)
    open_files = Integer(256, help="How many files each process may have open.").tag(config=True)
    cpu = Integer(600, help="Seconds of processor time that each process may use.").tag(config=True)
    total_timeout = Float(
        600, help="Seconds that a notebook may take in all, whatever its single cells take."
    ).tag(config=True)
    grace = Float(
        2.0, help="Seconds that a cell has to end after it was interrupted, before it is killed."
    ).tag(config=True)
    output = Integer(
        1_000_000, help="Characters that one cell may put out, pictures as base64 included."
    ).tag(config=True)
    displays = Integer(500, help="How many outputs one cell may have.").tag(config=True)
    total_output = Integer(
        16 * _MB, help="Bytes that all cells of a notebook may put out together, as JSON."
    ).tag(config=True)
    warm = Bool(
        True,
        help="Whether submissions are forked from a parent that has the libraries imported, each "
        "with namespaces of its own. If not, each gets a new parent, which takes longer.",
    ).tag(config=True)
    preload = List(
        Unicode(),
        [
            *("numpy", "numpy.random", "inside.runner", "IPython.core.application"),
            *("IPython.core.completerlib", "IPython.core.magics.script", "IPython.display"),
            *("IPython.core.logger", "IPython.core.crashhandler", "IPython.core.oinspect"),
            *("stack_data", "pygments.formatters.terminal256", "pygments.lexers.python"),
            *("pygments.formatters.html", "pygments.styles", "shutil", "tempfile", "fractions"),
        ],
        help="Modules that a warm parent imports before it forks; those that are not installed "
        "are left out.",
    ).tag(config=True)
    environment = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="Environment variables that a submission gets, besides the usual ones.",
    ).tag(config=True)
    hidden_packages = List(
        Unicode(),
        help="Installed packages that a submission does not see, besides nbgrader and cnnlesson.",
    ).tag(config=True)

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._parent: bubblewrap.Parent | None = None
        self._ready = False
        self._made_for: object = None
        self._landlock = confine.landlock_version() > 0
        self.control_group = cgroups.delegated()
        """What is divided among submissions; None where there is nothing to divide."""
        try:
            if self.control_group is not None:
                cgroups.divide(self.control_group)
        except OSError as error:
            self.log.warning("No control groups, so the supervisor is alone: %s", error)
            self.control_group = None
        atexit.register(self.close)

    @contextlib.contextmanager
    def run(self, library: Path | None = None, hidden: Sequence[Path] = ()) -> Iterator["Run"]:
        """Open the sandbox for one notebook; when this ends, nothing of it is left.

        Args:
            library: a folder to import from, with the students' library, readable for everyone.
            hidden: folders of the machine that must not be seen, such as the course's.

        Raises:
            SandboxUnavailableError: if there can be no sandbox here.
        """
        parent = self._waiting(library, hidden)
        clean = False
        try:
            run = Run(self, parent)
            try:
                yield run
            finally:
                clean = run.close()
        finally:
            if not clean or not self.warm or not self._landlock:
                self.close()

    def close(self) -> None:
        """End the warm parent, if there is one."""
        parent, self._parent = self._parent, None
        if parent is not None:
            parent.control.close()
            parent.process.kill()
            parent.process.wait()
            parent.log.close()

    def probe(self, library: Path | None = None, hidden: Sequence[Path] = ()) -> None:
        """Run a cell, and make sure that it is confined.

        Raises:
            SandboxUnavailableError: if there is no sandbox, or a layer of it is missing.
        """
        with self.run(library, hidden) as run:
            cell = run.cell(_PROBE, timeout=_START)
        said = "".join(
            each.get("text", "") for each in cell.outputs if each.get("output_type") == "stream"
        )
        if said.split() != ["confined"]:
            raise SandboxUnavailableError(f"the sandbox does not hold: {said or cell.outputs}")

    def begin(self, library: Path | None = None, hidden: Sequence[Path] = ()) -> None:
        """Start a parent for `run`, unless there is one, and do not wait for it.

        Raises:
            SandboxUnavailableError: if something that a sandbox needs is not installed.
        """
        wanted = (library, tuple(hidden))
        if self._parent is not None and self._made_for != wanted:
            self.close()
        if self._parent is None:
            self._parent, self._ready = self._start(library, hidden), False
            self._made_for = wanted

    def _waiting(self, library: Path | None, hidden: Sequence[Path]) -> bubblewrap.Parent:
        """Return a parent that waits, a new one if need be."""
        self.begin(library, hidden)
        parent = self._parent
        assert parent is not None
        if not self._ready:
            told, _, _ = select.select([parent.control], [], [], _START)
            self._ready = bool(told) and parent.control.recv(1) == warm.READY
            if not self._ready:
                parent.process.kill()
                parent.process.wait()
                blocker = _blocker(parent)
                self.close()
                raise SandboxUnavailableError(blocker)
        return parent

    def _start(self, library: Path | None, hidden: Sequence[Path]) -> bubblewrap.Parent:
        if sys.platform != "linux":
            raise SandboxUnavailableError(
                f"submissions run in a sandbox, which needs Linux, and this is {sys.platform}: "
                "grade on a Linux machine, such as a JupyterHub, or in WSL 2"
            )
        try:
            program = seccomp.program()
        except seccomp.NoSeccompError as error:
            raise SandboxUnavailableError(str(error)) from None
        home = {"bytes": self.disk, "inodes": self.inodes, "mode": 0o700}
        settings = {
            "seccomp": program.hex(),
            "landlock": self._landlock,
            "preload": self.preload,
            "environment": self._environment(),
            "tmpfs": {
                bubblewrap.HOME: home,
                "/tmp": home,
                "/dev/shm": {"bytes": _MB, "inodes": 64, "mode": 0o700},
            },
            "writable": [bubblewrap.HOME, "/tmp", *_WRITABLE_DEVICES],
            "limits": {
                "NPROC": self.processes,
                "NOFILE": self.open_files,
                "CPU": self.cpu,
                "FSIZE": self.disk,
                "DATA": self.memory,
                "AS": self.memory + 4096 * _MB,  # what is only mapped costs nothing
                "SIGPENDING": 1024,
                **dict.fromkeys(("CORE", "MEMLOCK", "MSGQUEUE", "RTPRIO", "NICE"), 0),
            },
            "output": {"characters": self.output, "count": self.displays},
        }
        return bubblewrap.start(settings, library, hidden, self.hidden_packages)

    def _environment(self) -> dict[str, str]:
        """One thread for each library, since a fork must have none; no secret of the grader's."""
        passed = {key: value for key, value in os.environ.items() if key.startswith("OPENBLAS_")}
        threads = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
        return {
            **passed,
            **{f"{each}_NUM_THREADS": "1" for each in threads},
            "HOME": bubblewrap.HOME,
            "CNNLESSON_DESK": bubblewrap.DESK,
            "LANG": "C.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "NBGRADER_EXECUTION": "autograde",
            **self.environment,
        }


class Run:
    """One notebook in the sandbox."""

    def __init__(self, sandbox: Sandbox, parent: bubblewrap.Parent) -> None:
        self._sandbox, self._parent = sandbox, parent
        self._job, job = socket.socketpair()
        self._keeper, keeper = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._job.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._room = sandbox.total_output
        self._until = time.monotonic() + sandbox.total_timeout
        self._look = time.monotonic() + _TICK
        self._excess_told, self._first = "", 0
        self._status: int | None = None
        self._group = contextlib.ExitStack()
        with job, keeper:
            socket.send_fds(parent.control, [b"j"], [job.fileno(), keeper.fileno()])
        self._job.setblocking(False)
        self._first = self._begin()
        self._have_a_group()

    def cell(
        self,
        source: str,
        *,
        timeout: float | None,
        files: Mapping[str, bytes] | None = None,
    ) -> CellRun:
        """Run a cell.

        Args:
            source: its code.
            timeout: seconds after which it is interrupted; None for no limit of its own.
            files: put in their places before it, by their absolute paths.

        Raises:
            SubmissionEndedError: if the submission ended, or was ended, before the cell did.
        """
        order = {
            "cell": source,
            "files": {name: b64encode(data).decode() for name, data in (files or {}).items()},
        }
        until = self._until if timeout is None else min(time.monotonic() + timeout, self._until)
        try:
            self._send(order, until)
            timed_out = False
            try:
                body = self._receive(until)
            except TimeoutError:
                timed_out = True
                self._tell(warm.INTERRUPT)
                body = self._receive(time.monotonic() + self._sandbox.grace)
            return _cell_run(body, timed_out, self._sandbox)
        except TimeoutError:
            raise self._ending("It could not be interrupted, and was ended.") from None
        except (EOFError, ConnectionError):
            raise (self._ending("") if self._excess_told else self._own_end()) from None
        except (frames.FrameError, OSError) as error:
            why = f"It sent what no cell sends ({error}), and was ended."
            raise self._ending(why) from None

    def close(self) -> bool:
        """End the submission; return whether its parent says that nothing of it is left."""
        self._job.close()
        try:
            self._end()
            ready, _, _ = select.select([self._parent.control], [], [], _LAST_WORDS)
            return bool(ready) and self._parent.control.recv(1) == warm.CLEAN
        except OSError:
            return False
        finally:
            self._keeper.close()
            with contextlib.suppress(OSError):
                self._group.close()

    def _begin(self) -> int:
        """Wait until the submission's first process is confined, and return its process id."""
        until = time.monotonic() + _START
        try:
            self._wait(until)
            said, extra, _, _ = self._job.recvmsg(
                len(_CONFINED), socket.CMSG_SPACE(_CREDENTIALS.size)
            )
            pid: int = _CREDENTIALS.unpack(extra[0][2])[0]  # which the kernel tells
            said += self._exactly(len(_CONFINED) - len(said), until)
        except (OSError, EOFError, IndexError):
            said = b""
        if said != _CONFINED:
            raise SandboxUnavailableError(_blocker(self._parent))
        self._job.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        return pid

    def _have_a_group(self) -> None:
        """Let the kernel keep the limits too, where it can; nothing of the student's runs yet."""
        allowed = self._sandbox
        try:
            group = allowed.control_group
            if group is not None:
                limits = {
                    "memory.max": str(allowed.memory + 3 * allowed.disk),
                    "memory.swap.max": "0",
                    "pids.max": str(allowed.processes),
                }
                self._group.enter_context(cgroups.confined(group, self._first, limits))
        except Exception as error:  # the supervisor keeps the limits all the same
            allowed.log.warning("No control group, so the supervisor is alone: %s", error)
            allowed.control_group = None

    def _tell(self, word: bytes) -> None:
        with contextlib.suppress(OSError):
            self._keeper.send(word)

    def _end(self) -> int:
        """End the submission, if it has not ended, and return the status that its process left.

        Raises:
            OSError: if it does not end.
        """
        if self._status is None:
            self._tell(warm.KILL)
            with contextlib.suppress(OSError):
                self._keeper.shutdown(socket.SHUT_WR)  # since nothing more will be told
            self._keeper.settimeout(_LAST_WORDS)
            word = self._keeper.recv(warm.ENDED.size)
            if len(word) != warm.ENDED.size:
                raise OSError("a keeper ended without a word")
            self._status = warm.ENDED.unpack(word)[1]
        return self._status

    def _ending(self, why: str) -> SubmissionEndedError:
        """End the submission, if it has not ended, and say why."""
        with contextlib.suppress(OSError):
            self._end()
        return SubmissionEndedError(self._excess_told or why)

    def _own_end(self) -> SubmissionEndedError:
        """Say how the submission's process ended, which nobody outside had asked it to."""
        by_itself, _, _ = select.select([self._keeper], [], [], self._sandbox.grace)
        if not by_itself:
            return self._ending("It closed its connection, and was ended.")
        with contextlib.suppress(OSError):
            return SubmissionEndedError(_how_it_ended(self._end(), self._sandbox.cpu))
        return SubmissionEndedError("It ended its own process.")

    def _send(self, order: dict[str, Any], until: float) -> None:
        rest = memoryview(wire.framed(order))
        while rest:
            self._wait(until, writing=True)
            rest = rest[self._job.send(rest) :]

    def _receive(self, until: float) -> bytes:
        """Return the body of the next frame, unless it is too large."""
        (length,) = wire.HEAD.unpack(self._exactly(wire.HEAD.size, until))
        limit = self._sandbox.total_output
        if length > self._room:
            raise frames.FrameError(f"more than {limit:,} bytes of output in all")
        self._room -= length
        body = self._exactly(length, until)
        # A notebook's file has each line in quotes, and so may grow to many times the size.
        self._room -= _LINE * body.count(b"\\n")
        if self._room < 0:
            raise frames.FrameError(f"more than {limit:,} bytes of output in all, or many lines")
        return body

    def _exactly(self, count: int, until: float) -> bytes:
        received = bytearray()
        while len(received) < count:
            self._wait(until)
            part = self._job.recv(min(count - len(received), _MB))
            if not part:
                raise EOFError
            received += part
        return bytes(received)

    def _wait(self, until: float, *, writing: bool = False) -> None:
        """Wait for the socket, with an eye on the memory."""
        job = [self._job]
        while True:
            now = time.monotonic()
            if now >= until:
                raise TimeoutError
            # At its time whatever comes, or to send byte after byte would be a way to hide.
            if now >= self._look:
                self._excess_told = self._excess()
                if self._excess_told:
                    raise EOFError
                self._look = time.monotonic() + _TICK
            readable, writable = ([], job) if writing else (job, [])
            if any(select.select(readable, writable, [], min(until, self._look) - now)):
                return

    def _excess(self) -> str:
        """Say of what all processes together use too much, if they do."""
        memory, sockets = use_of_all(self._first)
        allowed = self._sandbox
        if memory > allowed.memory:
            return (
                f"Its processes used {memory // _MB} MB of memory together, and "
                f"{allowed.memory // _MB} MB are allowed, so it was ended."
            )
        if sockets > allowed.sockets:
            return (
                f"Its processes had {sockets} sockets together, and {allowed.sockets} are "
                "allowed, so it was ended."
            )
        return ""


def _how_it_ended(status: int, cpu: int) -> str:
    """Say what the status of a process means that ended by itself."""
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return f"It ended its own process, with status {code}."
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if name in ("SIGKILL", "SIGXCPU"):
        return (
            f"It ended its own process, or was ended by the system ({name}): each process may use "
            f"{cpu} seconds of the processor."
        )
    return f"It ended its own process, or made it crash ({name})."


_WRITABLE_DEVICES = tuple(
    f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "shm", "pts")
)

_PROBE = """
import os

status = dict(line.split(":", 1) for line in open("/proc/self/status"))
assert os.getuid() != 0, "it runs as root"
assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "it has capabilities"
assert int(status["NoNewPrivs"]) == 1, "it could gain privileges"
assert int(status["Seccomp"]) == 2, "no system call is filtered"
assert sorted(name for name in os.listdir("/proc") if name.isdigit()) == ["1"], "it sees others"
devices = [line.split(":")[0].strip() for line in open("/proc/net/dev") if ":" in line]
assert devices == ["lo"], "it has a network"
print("confined")
"""


def _cell_run(body: bytes, timed_out: bool, allowed: Sandbox) -> CellRun:
    value = frames.parse(body, depth=12, items=400_000, characters=2 * allowed.output)
    if type(value) is not dict:
        raise frames.FrameError("no object")
    outputs, updates, count = (value.get(key) for key in ("outputs", "updates", "count"))
    if type(outputs) is not list or type(updates) is not list:
        raise frames.FrameError("no lists of outputs and updates")
    if len(outputs) > allowed.displays + 1:  # which may end in a word on what was left out
        raise frames.FrameError(f"more than {allowed.displays} outputs")
    return CellRun(
        outputs,
        updates,
        count if type(count) is int and 0 <= count < 10**6 else None,
        value.get("status") == "ok",
        timed_out,
    )


def _blocker(parent: bubblewrap.Parent) -> str:
    """Say what keeps a sandbox from starting, and what helps."""
    parent.log.seek(0)
    said = parent.log.read(10_000).decode(errors="replace")
    lines = said.strip().splitlines() or ["it said nothing"]
    known = (remedy for sign, remedy in _REMEDIES.items() if sign in said)
    return ". ".join([f"the sandbox does not start: {lines[-1]}", *known])


_NAMESPACES = (
    "This system lets ordinary users make no namespaces of their own. On Ubuntu since 24.04, give "
    "bwrap an AppArmor profile that allows userns (or set "
    "kernel.apparmor_restrict_unprivileged_userns=0); on others, see the sysctl "
    "kernel.unprivileged_userns_clone. In a container, it needs a security profile that allows "
    "unshare and mount"
)
_REMEDIES = {
    "namespace": _NAMESPACES,
    "uid map": _NAMESPACES,
    "mount proc": "In a container, /proc must be unmasked (Docker: --security-opt "
    "systempaths=unconfined), so that each submission can have one of its own",
    "Can't find source path": "Others cannot enter a folder above it: install Python, or the "
    "environment, where they can",
}
"""Words of bubblewrap and of the kernel, and what to do."""
