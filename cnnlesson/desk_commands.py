"""The commands of `cnnlesson` for the instructor's desk: students, submissions, grades, reports."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import click

from cnnlesson.command_line import course_dir_option, errors_told

_MOST = 20  # of a list, on a terminal

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_encoding = click.option("--encoding", help="Of the file, if it is not UTF-8, such as cp1252.")


def _system(flag: str, description: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option that names a learning management system."""
    systems = click.Choice(["canvas", "moodle"])
    return click.option(flag, "system", type=systems, required=True, help=description)


@contextlib.contextmanager
def _errors_told() -> Iterator[None]:
    """Say what is wrong as people are told it, and what is missing where something is."""
    # An optional part of jsonschema, which takes longer to import than all else together.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    with errors_told("grading,sandbox", LookupError, ValueError):
        yield


@click.command()
@click.argument("file", type=_file)
@_encoding
@course_dir_option
def roster(file: Path, encoding: str | None, course_dir: Path) -> None:
    """Add the students in FILE to the gradebook, and update those who are there.

    FILE is a table with the columns id, first_name, last_name, email and lms_user_id, of which only
    id must be there; or the gradebook file that Canvas exports, or Moodle's grade export. If one of
    its rows cannot be used, nothing is done. Nobody is ever removed.
    """
    with _errors_told():
        from nbgrader.api import Gradebook

        from cnnlesson.grading.roster import BadRosterError, put_into, read_roster
        from cnnlesson.grading.scores import open_course

        course = open_course(course_dir)
        try:
            told = read_roster(file, encoding)
            with Gradebook(course.db_url, course.course_id) as gradebook:
                done = put_into(gradebook, told)
        except BadRosterError as bad:
            _list(f"{file} was not used, and nothing was changed", bad.problems, most=None)
            sys.exit(1)
    if told.ignored:
        _list("columns that nothing is known of", told.ignored)
    click.echo(
        f"{len(done.added)} students added, {len(done.updated)} updated, "
        f"{len(done.unchanged)} unchanged."
    )
    _list(f"in the gradebook and not in {file}; they stay there", done.not_listed)


@click.command()
@click.argument("file", type=_file, metavar="ROSTER")
@_system("--to", "The system whose file ROSTER is, and that is to import the grades.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="What to write.")
@click.option("--assignment", "assignments", multiple=True, help="Only this; may be repeated.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ASSIGNMENT=COLUMN",
    help="The column in ROSTER for an assignment, where the names differ; may be repeated.",
)
@click.option("--zero-for-missing", is_flag=True, help="Give 0 to who handed nothing in.")
@_encoding
@course_dir_option
def export(
    file: Path,
    system: str,
    output: Path | None,
    assignments: tuple[str, ...],
    columns: tuple[str, ...],
    zero_for_missing: bool,
    encoding: str | None,
    course_dir: Path,
) -> None:
    """Write the gradebook's grades into a copy of ROSTER, for Canvas or Moodle to import.

    ROSTER is the gradebook file that Canvas exports, or Moodle's grade export as plain text, or the
    grading worksheet of one assignment.
    """
    with _errors_told():
        from nbgrader.api import Gradebook

        from cnnlesson.grading.exports import CanvasExporter, MoodleExporter
        from cnnlesson.grading.scores import open_course

        course = open_course(course_dir)
        kind = CanvasExporter if system == "canvas" else MoodleExporter
        exporter = kind(
            parent=course.parent,
            roster=str(file),
            to=str(output or kind.default_to),
            assignment=[*assignments],
            columns=dict(_pair(each) for each in columns),
            zero_for_missing=zero_for_missing,
            encoding=encoding or "",
        )
        with Gradebook(course.db_url, course.course_id) as gradebook:
            told = exporter.write(gradebook)
    for remark in told.remarks:
        click.echo(f"{_shortened(remark)}.")
    click.echo(f"{told.graded} grades are in {told.path}, for {system.capitalize()} to import.")


@click.command()
@click.argument("assignment")
@click.argument("archives", nargs=-1, type=_file, metavar="[ZIP]...")
@_system("--from", "The system that made the zip files.")
@click.option(
    "--roster",
    type=_file,
    help="What tells whose the numbers in the names are: the gradebook file of Canvas, or the "
    "grading worksheet of Moodle, which has the times of handing in, too.",
)
@click.option(
    "--timezone",
    metavar="NAME",
    help="The time zone of those times, such as Europe/Berlin; this machine's unless given.",
)
@click.option("--force", is_flag=True, help="Let a submission replace another that is there.")
@course_dir_option
def collect(
    assignment: str,
    archives: tuple[Path, ...],
    system: str,
    roster: Path | None,
    timezone: str | None,
    force: bool,
    course_dir: Path,
) -> None:
    """Sort what students handed in for ASSIGNMENT into submitted/.

    It takes the zip files of all submissions that Canvas or Moodle give, named here or put into
    downloaded/ASSIGNMENT/archive/. Whose they are is known by the gradebook's lms_user_id, by the
    roster, or by the name. Of several attempts the newest counts.
    """
    with _errors_told():
        import logging
        from zoneinfo import ZoneInfo

        from cnnlesson.grading.collecting import CollectFromLms
        from cnnlesson.grading.scores import open_course

        open_course(course_dir)  # which says so if there is none
        try:
            zone = ZoneInfo(timezone) if timezone else None
        except LookupError:
            raise LookupError(f"there is no time zone {timezone!r}") from None
        here = [each.absolute() for each in archives]
        listed = roster.absolute() if roster else None
        with contextlib.chdir(course_dir):
            app = CollectFromLms(log_level=logging.ERROR)
            app.initialize([assignment])
            done = app.collect(system, here, listed, zone, force)
    click.echo(
        f"{len(done.placed)} submissions placed, {done.timed} of them with the time of handing in; "
        f"{len(done.unchanged)} were there already."
    )
    _list("there is another one there, which --force replaces", done.waiting, most=None)
    _list("known by the name alone, so look whether they are the same", done.by_name, most=None)
    _list(f"late, as {system.capitalize()} says, which does not say when", done.late, most=None)
    _list("older attempts, which do not count", done.older)
    _list("not placed", done.unplaced, most=None)
    _list("not opened", done.refused, most=None)
    _list("no notebooks, and left where they were extracted", done.others)
    _list("students of whom there is nothing", done.without)
    sys.exit(1 if done.unplaced or done.refused or done.waiting else 0)


@click.command()
@click.argument("assignment")
@click.option("--names", is_flag=True, help="Tell students' ids and names, and no pseudonyms.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write to; reports/ASSIGNMENT in the course unless given.",
)
@course_dir_option
def report(assignment: str, names: bool, output: Path | None, course_dir: Path) -> None:
    """Write what the class understood of ASSIGNMENT: a page, and its numbers as CSV and JSON."""
    with _errors_told():
        from traitlets import TraitError

        from cnnlesson.grading.report import report as write

        try:
            figures, files = write(assignment, course_dir, output, names=names)
        except TraitError as error:
            raise ValueError(str(error)) from None
    click.echo(
        f"{figures.handed_in} of {figures.students} students handed in; "
        f"{len(figures.need_help)} may need help."
    )
    for place, each in enumerate(figures.misconceptions[:3], 1):
        click.echo(f"{place}. {each.id}: about {each.students:.0f}")
    click.echo(f"Open {os.path.relpath(files[0])}; the numbers are beside it, as JSON and CSV.")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write the findings as JSON.")
@course_dir_option
def doctor(as_json: bool, course_dir: Path) -> None:
    """Say what is installed here, what is missing, what it would give, and how to get it.

    Ends in an error if grading would not work.
    """
    import json
    from dataclasses import asdict

    from cnnlesson.grading.doctor import examine

    findings = examine(course_dir)
    grades = not any(each.state in ("missing", "amiss") and each.needed for each in findings)
    if as_json:
        told = {"grading works": grades, "findings": [asdict(each) for each in findings]}
        click.echo(json.dumps(told, indent=2))
    else:
        for finding in findings:
            click.echo(finding.sentence())
        amiss = any(each.state == "amiss" for each in findings)
        mend = "; mend what is amiss before students get it" if amiss else ""
        click.echo(f"Grading {'works' if grades else 'would not work'} here{mend}.")
    sys.exit(0 if grades else 1)


def _pair(text: str) -> tuple[str, str]:
    assignment, equals, column = text.partition("=")
    if not equals:
        raise ValueError(f"--column {text!r} should be ASSIGNMENT=COLUMN")
    return assignment.strip(), column


def _list(heading: str, items: Iterable[str], most: int | None = _MOST) -> None:
    """Write a list, if there is anything on it; all of it with None, or where no terminal is."""
    from cnnlesson.grading.remarks import clean

    listed: Sequence[str] = [*items]
    if listed:
        click.echo(f"{len(listed)} {heading}:")
        shown = listed[:most] if sys.stdout.isatty() else listed
        for each in shown:
            click.echo(f"  {clean(each)}")
        if left := len(listed) - len(shown):
            click.echo(f"  and {left} more")


def _shortened(remark: str) -> str:
    """A sentence that lists a whole class, for a terminal."""
    heading, colon, names = remark.partition(": ")
    each = names.split(", ")
    if len(each) <= 4 * _MOST or not sys.stdout.isatty():
        return remark
    return f"{heading}{colon}{', '.join(each[: 4 * _MOST])} and {len(each) - 4 * _MOST} more"
