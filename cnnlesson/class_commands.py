"""The commands of `cnnlesson` that work on a whole class, in parallel."""

import contextlib
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from cnnlesson.command_line import course_dir_option, errors_told

_TLS = ("ca", "cert", "key")


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of all that work on a class."""
    options = [
        click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="ASSIGNMENT"),
        click.option(
            "--student",
            "students",
            multiple=True,
            metavar="ID",
            help="Only this student, or those whose ids match this pattern; may be repeated.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(min=1),
            help="How many submissions to work on at a time; one for each core unless given.",
        ),
        click.option(
            "--scheduler", metavar="ADDRESS", help="A Dask scheduler's, as tls://host:8786."
        ),
        *(
            click.option(
                f"--tls-{part}",
                type=click.Path(exists=True, dir_okay=False, resolve_path=True),
                help=f"The file with {what}, unless Dask is configured to know it.",
            )
            for part, what in zip(
                _TLS, ("the scheduler's authority", "our certificate", "its key"), strict=True
            )
        ),
        click.option(
            "--insecure-scheduler",
            is_flag=True,
            help="Use a scheduler without TLS, to which anybody can give work who reaches it.",
        ),
        click.option("--force", is_flag=True, help="Do again what has been done."),
        click.option(
            "--log",
            type=click.Path(dir_okay=False, path_type=Path, resolve_path=True),
            help="A file for the log, in JSON; one in logs/ unless given.",
        ),
        click.option("--names", is_flag=True, help="Write ids into the log, and no pseudonyms."),
        course_dir_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


class _Options:
    """What a command was asked for."""

    def __init__(
        self,
        arguments: tuple[str, ...],
        students: tuple[str, ...],
        workers: int | None,
        scheduler: str | None,
        insecure_scheduler: bool,
        force: bool,
        log: Path | None,
        names: bool,
        course_dir: Path,
        **certificates: str | None,
    ) -> None:
        self.arguments = [*arguments, *(["--force"] if force else [])]
        self.force = force
        self.students = students
        self._one = len(students) == 1 and not set("*?[") & set(students[0])
        self._workers, self._scheduler, self._insecure = workers, scheduler, insecure_scheduler
        self._certificates = [certificates[f"tls_{part}"] for part in _TLS]
        self._log, self._names, self._course_dir = log, names, course_dir

    @contextlib.contextmanager
    def ready(self, work: str) -> Iterator[Callable[[int], Any]]:
        """Begin what takes time, and yield what opens the workers; stop at SIGTERM as at Ctrl-C.

        Args:
            work: the module of what workers do.
        """
        from cnnlesson.grading.pipeline.problems import CannotGradeError

        try:
            with errors_told("grading,sandbox,parallel", CannotGradeError):
                from cnnlesson.grading.pipeline import engine, stopping

                stopping.heed_signals()
                if not self._scheduler and not self._one and self._workers != 1:
                    engine.make_ready(work)
                with contextlib.chdir(self._course_dir):
                    yield self._engine
        except KeyboardInterrupt:
            click.echo("Stopped before anything was done; the same command does it.")
            sys.exit(130)

    def log_of(self, course: Any, command: str) -> contextlib.AbstractContextManager[Any]:
        """Open the log."""
        from cnnlesson.grading.pipeline.progress import log_to

        now = time.strftime("%Y%m%d-%H%M%S")
        path = self._log or Path("logs", f"{command}-{course.name}-{now}.jsonl")
        return log_to(path, course.secret, names=self._names)

    def _engine(self, tasks: int) -> contextlib.AbstractContextManager[Any]:
        """Open what does so many tasks."""
        from cnnlesson.grading.pipeline import engine

        if self._scheduler:
            return engine.elsewhere(
                self._scheduler,
                self._certificates,
                insecure=self._insecure,
                say=lambda sentence: click.echo(sentence, err=True),
            )
        workers = 1 if tasks == 1 else min(tasks, self._workers or engine.cores())
        return engine.here() if workers == 1 else engine.on_this_machine(workers)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Spare the collector what imports make, which all stays: it takes a fifth of their time."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@click.command(context_settings={"ignore_unknown_options": True})
@_shared
@click.option("--no-backup", is_flag=True, help="With --force: back no gradebook up before.")
def autograde(no_backup: bool, **options: Any) -> None:
    """Grade what students handed in for ASSIGNMENT, in parallel.

    It does what `nbgrader autograde` does, takes its flags too (--help-all), and leaves the same
    gradebook and the same files. Killed at any moment, it goes on from there when it is called
    again.
    """
    given = _Options(**options)
    with given.ready("tasks") as workers:
        with _uncollected():
            from cnnlesson.grading.pipeline.autograde import autograde as work
            from cnnlesson.grading.pipeline.course import Submissions

            course = Submissions(given.arguments)
        with given.log_of(course, "autograde") as log:
            outcome = work(course, given.students, workers, log, backup=not no_backup)
    if outcome.backup:
        click.echo(f"The gradebook from before is in {os.path.relpath(outcome.backup)}.")
    for student, (before, after) in sorted(outcome.changed.items()):
        click.echo(f"{student}: {before:g} before, {after:g} now")
    _report("graded", outcome, "does them again", force=given.force)


@click.command(context_settings={"ignore_unknown_options": True})
@_shared
def feedback(**options: Any) -> None:
    """Make the feedback pages of ASSIGNMENT for students, in parallel.

    It does what `nbgrader generate_feedback` does, takes its flags too (--help-all), and makes the
    same pages.
    """
    given = _Options(**options)
    with given.ready("pagemaking") as workers:
        with _uncollected():
            from cnnlesson.grading.pipeline.course import GradedSubmissions
            from cnnlesson.grading.pipeline.feedback import feedback as work

            course = GradedSubmissions(given.arguments)
        with given.log_of(course, "feedback") as log:
            outcome = work(course, given.students, workers, log)
    again = "makes them again, with the points and comments given since"
    _report("feedback pages made", outcome, again, force=given.force)


def _report(what: str, outcome: Any, again: str, *, force: bool) -> None:
    """Say what was done, and end with the status that it deserves."""
    from cnnlesson.grading.pipeline.progress import shown_in_a_line

    told = [f"{outcome.done} {what}"]
    if outcome.skipped:
        told.append(f"{outcome.skipped} had been before (--force {again})")
    if outcome.failed:
        names = map(shown_in_a_line, sorted(outcome.failed))
        told.append(f"{len(outcome.failed)} could not be: {', '.join(names)}")
    if outcome.left:
        then = "begins anew with all" if force else "goes on with"
        told.append(f"{outcome.left} left, which the same command {then}")
    click.echo("; ".join(told) + ".")
    if outcome.left:
        sys.exit(130)
    sys.exit(1 if outcome.failed else 0)
