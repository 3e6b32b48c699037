"""The `cnnlesson` command."""

import os
import sys
from datetime import datetime
from pathlib import Path

try:
    import click
except ImportError:
    sys.exit("the cnnlesson command needs click: install cnnlesson anew, which brings it along")

from cnnlesson import __version__, class_commands, desk_commands
from cnnlesson import student as way
from cnnlesson.command_line import course_dir_option, errors_told
from cnnlesson.identity import REMEMBERED, WORK, normalised


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Work on the assignments of a course, and help those who run it."""


_course_dir = click.option(
    "--course-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The course's folder; the one that the current folder lies in unless given.",
)


@main.command()
@click.argument("assignment")
@click.option("--student", metavar="ID", help="Your student id; asked for once unless given.")
@_course_dir
def start(assignment: str, student: str | None, course_dir: Path | None) -> None:
    """Copy ASSIGNMENT into the folder work, which is yours alone.

    What is there already stays as it is.
    """
    with errors_told("lab", LookupError, ValueError):
        course = course_dir or way.find_course(Path())
        way.released(course, assignment)
        known = way.settle_student(course, student)
        if known is None:
            known = way.settle_student(course, _ask_who(assignment))
        started = way.start(course, assignment)
    kept = course / WORK / REMEMBERED
    where = f", kept in {_shown(kept, course)}" if kept.is_file() else ""
    click.echo(f"Your student id is {known}{where}.")
    folder = _shown(started.notebooks[0].parent, course)
    there = [file for file in started.notebooks if file not in started.copied]
    if not started.copied:
        click.echo(f"{folder} is there already, and stays as it is.")
    elif there:
        click.echo(f"{folder} was there; what it lacked is in it now:")
        for file in started.copied:
            click.echo(f"  {_shown(file, course)}")
    click.echo(f"Open {_listed([_shown(file, course) for file in started.notebooks])}.")


@main.command("hand-in")
@click.argument("assignment")
@click.option("--allow-incomplete", is_flag=True, help="Hand in with questions left unanswered.")
@_course_dir
def hand_in(assignment: str, allow_incomplete: bool, course_dir: Path | None) -> None:
    """Check that your ASSIGNMENT is complete, and write the file to upload."""
    with errors_told("lab", LookupError, ValueError):
        course = course_dir or way.find_course(Path())
        reviewed = way.review(course, assignment)
        student = way.settle_student(course, None)
        if student is None:
            raise LookupError(
                "nothing here says who you are: run "
                f"`cnnlesson start {assignment} --student YOUR-ID`, which leaves your answers alone"
            )
        for file in reviewed.notebooks:
            saved = datetime.fromtimestamp(file.stat().st_mtime)
            click.echo(f"{_shown(file, course)}, as you saved it on {saved:%d %B at %H:%M}:")
        _report(reviewed, course)
        if reviewed.unanswered and not allow_incomplete:
            if not _can_ask():
                raise click.ClickException(
                    f"not answered yet: {', '.join(reviewed.unanswered)}; answer and save, or add "
                    "--allow-incomplete to hand in all the same"
                )
            click.confirm("Hand in all the same?", abort=True)
        written = way.hand_in(course, assignment, student, reviewed)
    click.echo(f"Upload this file: {_shown(written, course)}")


def _report(reviewed: way.Review, course: Path) -> None:
    """Say what a student should know before handing in."""
    count = len(reviewed.questions)
    if reviewed.unanswered:
        click.echo(f"  Not answered yet: {', '.join(reviewed.unanswered)}.")
    else:
        click.echo(f"  All {count} questions are answered." if count > 1 else "  It is answered.")
    if reviewed.altered:
        click.echo(
            f"  The check was changed: {', '.join(reviewed.altered)}. "
            "It is graded with the one that was released."
        )
    if reviewed.outdated:
        click.echo(
            "  Your notebook was made from another release of the assignment than the one that is "
            f"here. In this one are otherwise: {', '.join(reviewed.outdated)}. To have it, rename "
            "your notebook, run `cnnlesson start` again, and copy your answers over."
        )
    if reviewed.libraries:
        click.echo(
            f"  Checked with release {', '.join(reviewed.libraries)} of the library, and "
            f"{__version__} is installed here, which may ask with other numbers: restart the "
            "kernel, run all cells, and save."
        )
    if not reviewed.verdicts:
        click.echo("  No check was run before you saved: run all cells and save, to be sure.")
    if reviewed.left_out:
        files = ", ".join(_shown(file, course) for file in reviewed.left_out)
        click.echo(f"  Not part of what you hand in: {files}.")


def _can_ask() -> bool:
    """Whether somebody can answer: not in a notebook's cell, which looks like a terminal."""
    return sys.stdin.isatty() and "JPY_PARENT_PID" not in os.environ


def _ask_who(assignment: str) -> str:
    """Ask for the student's id, until it is one."""
    if not _can_ask():
        raise ValueError(
            "nothing here says who you are: add your student id, as in "
            f"`cnnlesson start {assignment} --student YOUR-ID`"
        )

    def checked(typed: str) -> str:
        try:
            return normalised(typed)
        except ValueError as error:
            raise click.UsageError(str(error)) from None

    answer: str = click.prompt("Your student id, as your course knows you", value_proc=checked)
    return answer


def _shown(path: Path, course: Path) -> str:
    """A path as JupyterLab's file browser shows it, to somebody who is in the course."""
    here = Path.cwd()
    if course.resolve() in (here, *here.parents):
        path = path.relative_to(course)
    return path.as_posix()


def _listed(names: list[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


@main.command()
@click.argument("assignment")
@course_dir_option
def scores(assignment: str, course_dir: Path) -> None:
    """List the students, their scores in ASSIGNMENT, and their feedback pages."""
    with errors_told("grading", LookupError):
        # Imported here since nbgrader takes seconds, which --help should not.
        from cnnlesson.grading.scores import class_scores, scores_table

        rows = class_scores(assignment, course_dir)
    click.echo(scores_table(rows, assignment))


@main.command()
@click.argument("assignment")
@click.option("--students", type=int, default=300, show_default=True, help="How many there are.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another gives another class.")
@click.option(
    "--loops",
    type=int,
    default=2,
    show_default=True,
    help="How many compute for ever, which costs the grader a time-out each.",
)
@click.option("--force", is_flag=True, help="Remove another simulated class, and nothing else.")
@course_dir_option
def simulate(
    assignment: str, students: int, seed: int, loops: int, force: bool, course_dir: Path
) -> None:
    """Write a class to practise on into submitted/, and what it deserves into simulated/."""
    with errors_told("grading", LookupError, ValueError):
        from cnnlesson.grading import simulate as simulation

        said = simulation.simulate(
            assignment, course_dir, students=students, seed=seed, loops=loops, force=force
        )
    click.echo(said)


main.add_command(class_commands.autograde)
main.add_command(class_commands.feedback)
main.add_command(desk_commands.roster)
main.add_command(desk_commands.collect)
main.add_command(desk_commands.export)
main.add_command(desk_commands.doctor)
main.add_command(desk_commands.report)
