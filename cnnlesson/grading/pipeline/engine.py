"""Have tasks done: in this process, by workers on this machine, or by a scheduler elsewhere."""

import logging
import multiprocessing.forkserver
import multiprocessing.resource_tracker
import multiprocessing.util
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar
from uuid import uuid4

from cnnlesson.grading.pipeline.problems import CannotGradeError
from cnnlesson.grading.scratch import remove_abandoned, scratch_folder

_What = TypeVar("_What")
Work = Callable[..., bytes]

_ROOM = 64 * 1024 * 1024  # bytes of tasks that may be on their way at a time
_RECOUNT = 2.0  # seconds between two counts of the workers, which the scheduler is asked for
_ENCLOSED = f"{__package__}.enclosed"
_AHEAD = 2  # tasks for each worker, so that none waits for the coordinator


@dataclass(frozen=True)
class Task(Generic[_What]):
    """Something to do.

    Attributes:
        about: what it is about; stays here.
        content: what the worker gets.
    """

    about: _What
    content: bytes


@dataclass(frozen=True)
class Done(Generic[_What]):
    """What became of it.

    Attributes:
        about: what it was about.
        content: what the worker made; empty if it failed.
        failed: why there is nothing; empty if there is.
    """

    about: _What
    content: bytes = b""
    failed: str = ""


class UntrustedSchedulerError(CannotGradeError):
    """Whoever can reach a scheduler can run code as its users; the message says what to do."""


class UnfitWorkerError(CannotGradeError):
    """Workers lack what the work needs; the message says what."""


class Engine(Protocol):
    """Whatever has tasks done."""

    workers: int

    def run(self, work: Work, common: bytes, tasks: Iterable[Task[Any]]) -> Iterator[Done[Any]]:
        """Have tasks done, in any order; no more are taken than can soon be worked on.

        Args:
            work: called as `work(common, task.content)`; it must be importable.
            common: what all tasks need.
            tasks: taken one by one.
        """


class _Here:
    """Does tasks one after another in this process."""

    workers = 1

    def run(self, work: Work, common: bytes, tasks: Iterable[Task[Any]]) -> Iterator[Done[Any]]:
        """As `Engine` has it."""
        for task in tasks:
            try:
                done = Done(task.about, work(common, task.content))
            except Exception as error:  # as a worker's would be, it is this task's alone
                done = Done(task.about, failed=_why(error))
            yield done


class Cluster:
    """Has tasks done by the workers of a Dask scheduler."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._counted, self._threads = 0.0, 1

    @property
    def workers(self) -> int:
        """How many tasks can be done at a time; it changes as workers come and go."""
        if time.monotonic() - self._counted > _RECOUNT:
            self._threads = max(1, int(sum(self._client.nthreads().values())))
            self._counted = time.monotonic()
        return self._threads

    def run(self, work: Work, common: bytes, tasks: Iterable[Task[Any]]) -> Iterator[Done[Any]]:
        """As `Engine` has it."""
        from distributed import as_completed

        from cnnlesson.grading.pipeline.told import Told, knowing

        told = Told(common)
        try:
            self._client.register_plugin(told)
        except OSError:
            raise
        except Exception as error:  # whatever a worker or the scheduler could not make of it
            self._forget(told)
            raise UnfitWorkerError(
                f"the workers could not be told what to do ({error}): see that the same version of "
                "cnnlesson[grading,sandbox,parallel] is installed wherever they and the scheduler "
                "run"
            ) from None
        waiting: dict[Any, Task[Any]] = {}
        room = _ROOM
        completed = as_completed(loop=self._client.loop, with_results=True, raise_errors=False)
        left = iter(tasks)
        following = next(left, None)
        try:
            while following or waiting:
                many = len(waiting) >= _AHEAD * self.workers + 1
                if following and not many and (not waiting or len(following.content) <= room):
                    room -= len(following.content)
                    # An opaque key, since a scheduler shows keys, and writes them into logs.
                    key = f"{work.__name__}-{uuid4().hex}"
                    content = following.content
                    future = self._client.submit(knowing, told.name, work, content, key=key)
                    waiting[future] = following
                    completed.add(future)
                    following = next(left, None)
                    continue
                future, result = next(completed)
                task = waiting.pop(future)
                room += len(task.content)
                failed = future.status != "finished"
                future.release()
                yield Done(task.about, failed=_why(result)) if failed else Done(task.about, result)
        finally:
            self._client.cancel([*waiting])
            self._forget(told)

    def _forget(self, told: Any) -> None:
        """Have workers forget what they were told."""
        with suppress(Exception):  # one is gone, and what it knew, or never came to know it
            self._client.unregister_worker_plugin(told.name)


def _why(error: Any) -> str:
    """Say why a task has no result, which is not the submission's doing."""
    if isinstance(error, tuple):  # as sys.exc_info() has it
        error = error[1]
    name = type(error).__name__
    if name == "KilledWorker":
        return "every worker that began with it has died"
    return f"{name}: {error}"


Workers = Callable[[int], AbstractContextManager[Engine]]
"""Opens what does so many tasks."""


# --- Where from ----------------------------------------------------------------------------------


def make_ready(work: str) -> None:
    """Have the modules imported that workers on this machine need, in a process to fork them from.

    It goes on in the background; nothing is lost if no worker is needed.

    Args:
        work: the module of what they do.
    """
    # multiprocessing makes its own folder once, and cannot be told where.
    usual, tempfile.tempdir = tempfile.tempdir, str(_scratch())
    multiprocessing.util.get_temp_dir()
    tempfile.tempdir = usual
    server = multiprocessing.forkserver
    modules = ("distributed", f"{__package__}.told", f"{__package__}.{work}", _ENCLOSED)
    server.set_forkserver_preload([*modules])
    # It inherits this, and would die of Ctrl-C with a traceback; its last module takes it back, as
    # does, too early, multiprocessing's tracker where it is not there yet.
    multiprocessing.resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    server.ensure_running()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@cache
def _scratch() -> Path:
    return scratch_folder()


@contextmanager
def here() -> Iterator[Engine]:
    """Have no workers: this process does it."""
    from cnnlesson.grading.pipeline.tasks import close_sandbox

    try:
        yield _Here()
    finally:
        close_sandbox()


@contextmanager
def on_this_machine(workers: int, threads: int = 1) -> Iterator[Cluster]:
    """Have workers of our own, whom nobody else can give work to.

    Scheduler and workers speak TLS with certificates made for the occasion, which never leave
    these processes; there is no dashboard.

    Args:
        workers: how many processes.
        threads: how many tasks each does at a time.
    """
    import dask

    scratch = str(_scratch())
    dask.config.set(
        {
            "distributed.worker.multiprocessing-method": "forkserver",
            "temporary-directory": scratch,
            # Until they are closed, ports that speak HTTP have nothing to tell.
            "distributed.scheduler.http.routes": [],
            "distributed.worker.http.routes": [],
            # Nobody looks at profiles and ticks; and the memory, by which a worker is paused or
            # ended, need not be looked at ten times a second.
            "distributed.worker.profile.enabled": False,
            "distributed.worker.memory.monitor-interval": "1s",
            "distributed.admin.tick.interval": "1s",
            "distributed.admin.system-monitor.interval": "10s",
        }
    )
    from distributed import Client, LocalCluster

    try:
        with (
            LocalCluster(
                n_workers=workers,
                threads_per_worker=threads,
                host="127.0.0.1",
                protocol="tls",
                security=True,
                dashboard_address=None,
                local_directory=scratch,
                preload=[_ENCLOSED],
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            cluster.scheduler.http_server.stop()  # plain HTTP, even without a dashboard
            yield Cluster(client)
    finally:
        remove_abandoned()  # by workers that were killed


@contextmanager
def elsewhere(
    address: str,
    certificates: Sequence[str | None] = (None, None, None),
    *,
    insecure: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Iterator[Cluster]:
    """Have the workers of a scheduler that is there already.

    Args:
        address: the scheduler's, such as "tls://grading.example.org:8786".
        certificates: the files of the authority, of our certificate and of its key; Dask's own
            configuration for those that are None.
        insecure: whether a scheduler may be used that does not speak TLS.
        say: told if there is no worker yet.

    Raises:
        UntrustedSchedulerError: if it does not speak TLS.
        OSError: if it does not answer.
    """
    if not address.startswith("tls://") and not insecure:
        raise UntrustedSchedulerError(
            f"{address} is no tls:// address: whoever can reach such a scheduler can run code as "
            "you, and read what students handed in. Start it with certificates, or give "
            "--insecure-scheduler if nobody else can reach it"
        )
    from distributed import Client
    from distributed.security import Security

    security = None
    if address.startswith("tls://"):
        authority, certificate, key = certificates
        given = {
            "tls_ca_file": authority,
            "tls_client_cert": certificate,
            "tls_client_key": key,
        }
        security = Security(
            require_encryption=True, **{name: each for name, each in given.items() if each}
        )
    with Client(address, security=security, set_as_default=False) as client:
        if not client.nthreads():
            say(f"the scheduler at {address} has no worker yet, and is waited with for one")
        yield Cluster(client)


def cores() -> int:
    """How many cores this process may use, by its affinity and its control group."""
    from dask.system import CPU_COUNT

    return int(CPU_COUNT)
