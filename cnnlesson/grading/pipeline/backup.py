"""Keep a copy of a gradebook before it is changed."""

import os
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import URL, make_url

from cnnlesson.grading.pipeline.problems import CannotGradeError


class NoBackupError(CannotGradeError):
    """A gradebook cannot be copied; the message says why, and what to do."""


def back_up(db_url: str, folder: Path) -> Path:
    """Copy a gradebook into a file that only its owner can read.

    Args:
        db_url: the gradebook's address, as `CourseDirectory.db_url` has it.
        folder: where to write the copy.

    Returns:
        The file: a gradebook in SQLite, or else what `pg_dump` writes.

    Raises:
        NoBackupError: if it cannot be done.
    """
    url = make_url(db_url)
    now = time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if url.get_backend_name() == "sqlite":
        copy = folder / f"gradebook-{now}.db"
        copy.touch(mode=0o600)
        source, target = sqlite3.connect(str(url.database)), sqlite3.connect(copy)
        with closing(source), closing(target):
            source.backup(target)
        return copy
    if url.get_backend_name() == "postgresql":
        copy = folder / f"gradebook-{now}.dump"
        copy.touch(mode=0o600)
        _dump(url, copy)
        return copy
    raise NoBackupError(
        f"a gradebook in {url.get_backend_name()} cannot be backed up from here: do so yourself, "
        "and give --no-backup"
    )


def _dump(url: URL, copy: Path) -> None:
    """Write a PostgreSQL database; where it is goes by the environment, which no `ps` shows."""
    program = shutil.which("pg_dump")
    if program is None:
        raise NoBackupError(
            "the gradebook is in PostgreSQL, and pg_dump is not installed (on Debian: apt install "
            "postgresql-client): install it, or back the gradebook up yourself and give --no-backup"
        )
    where = {
        "PGHOST": url.query.get("host", url.host),
        "PGPORT": url.port,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
        "PGSSLMODE": url.query.get("sslmode"),
    }
    known = {name: str(value) for name, value in where.items() if value}
    command = [program, "--format=custom", f"--file={copy}"]
    done = subprocess.run(
        command, env={**os.environ, **known}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        copy.unlink()
        raise NoBackupError(f"pg_dump could not back the gradebook up: {done.stderr.strip()}")
