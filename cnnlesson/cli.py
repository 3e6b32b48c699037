"""The `cnnlesson` command."""

import sys
from pathlib import Path

try:
    import click
except ImportError:
    sys.exit(
        "the cnnlesson command needs click: install cnnlesson with its extra, cnnlesson[grading]"
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cnnlesson")
def main() -> None:
    """Help instructors run a course of lessons that grade themselves."""


@main.command()
@click.argument("assignment")
@click.option(
    "--course-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder with nbgrader_config.py; the current one unless given.",
)
def scores(assignment: str, course_dir: Path) -> None:
    """List the students, their scores in ASSIGNMENT, and their feedback pages."""
    # Imported here since nbgrader takes seconds, which --help should not.
    try:
        from cnnlesson.grading.scores import class_scores, scores_table
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"scores needs {missing.name}: install cnnlesson with its extra, cnnlesson[grading]"
        ) from None

    try:
        rows = class_scores(assignment, course_dir)
    except LookupError as error:
        raise click.ClickException(str(error)) from None
    click.echo(scores_table(rows))


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
@click.option(
    "--course-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder with nbgrader_config.py; the current one unless given.",
)
def simulate(
    assignment: str, students: int, seed: int, loops: int, force: bool, course_dir: Path
) -> None:
    """Write a class to practise on into submitted/, and what it deserves into simulated/."""
    from cnnlesson.grading import simulate as simulation

    try:
        said = simulation.simulate(
            assignment, course_dir, students=students, seed=seed, loops=loops, force=force
        )
    except (LookupError, ValueError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(said)
