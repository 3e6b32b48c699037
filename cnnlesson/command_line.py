"""What the commands of `cnnlesson` share: where the course is, and how errors are told."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click

course_dir_option = click.option(
    "--course-dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    help="The folder with nbgrader_config.py; the current one unless given.",
)


@contextlib.contextmanager
def errors_told(extras: str, *told: type[Exception]) -> Iterator[None]:
    """Say what is wrong as people are told it, and what is missing where something is.

    Args:
        extras: of cnnlesson, which the command needs, such as "grading,sandbox".
        told: the exceptions whose messages are sentences for people. What Python itself raises for
            a key or a place that is not there has none, and stays as it is.
    """
    try:
        yield
    except ModuleNotFoundError as missing:
        raise click.ClickException(
            f"this needs {missing.name}: install cnnlesson[{extras}]"
        ) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        raise click.ClickException(f"{where}{error.strerror or error}") from None
    except Exception as error:
        if type(error).__module__.startswith("sqlalchemy."):
            said = str(error).splitlines()[0]
            raise click.ClickException(f"the gradebook cannot be used now: {said}") from None
        if isinstance(error, told) and not isinstance(error, KeyError | IndexError):
            raise click.ClickException(str(error)) from None
        raise
