"""Courses that are to be graded, and what that leaves, in a form that two can be compared by."""

import re
import subprocess
import sys
from pathlib import Path

from nbgrader.api import Gradebook
from pairs import configurations, submit
from sqlalchemy import MetaData, create_engine

from cnnlesson.grading import simulate

BIN = Path(sys.executable).parent

_GENERATED = re.compile("[0-9a-f]{32}")


def released_course(folder, exercise, students, run, config=""):
    """A course with what students handed in, dated, and with a secret that is the same for all."""
    folder.mkdir()
    ours = configurations(bank=True)["ours"]
    (folder / "nbgrader_config.py").write_text(f"{ours}\n{config}", encoding="utf-8")
    secret = folder / ".grading-secret"
    secret.write_text("5ec2e7" * 12)
    secret.chmod(0o600)
    submit(folder, exercise, students)
    run("nbgrader", "generate_assignment", exercise.name, cwd=folder)
    return folder


def set_due_date(db_url, assignment):
    with Gradebook(db_url) as gradebook:
        gradebook.update_or_create_assignment(assignment, duedate=f"{simulate.DUE}")


class Commands:
    """Runs commands in courses, with a folder for temporary files that should stay empty."""

    def __init__(self, user, temporary):
        self.temporary = temporary
        self._user = user

    def __call__(self, course, program, *arguments):
        """Run a command until it ends; output and errors go together."""
        begun = self.begin(course, program, *arguments)
        said, _ = begun.communicate()
        return subprocess.CompletedProcess(begun.args, begun.returncode, said)

    def begin(self, course, program, *arguments):
        """Begin a command, in a process group of its own, as a terminal does."""
        settings = {"cwd": course, "as_group": True, "TMPDIR": str(self.temporary)}
        return self._user.begin(program, *arguments, **settings)


def sqlite(course):
    """The address of a course's gradebook, unless it is configured otherwise."""
    return f"sqlite:///{course}/gradebook.db"


def rows(db_url):
    """All rows of all tables of a gradebook, told by their content in place of generated ids."""
    engine, known = create_engine(db_url), MetaData()
    known.reflect(engine)
    with engine.connect() as gradebook:
        found = {table.name: [*gradebook.execute(table.select())] for table in known.sorted_tables}
    engine.dispose()
    by_id = {
        name: {row.id: row for row in kept if hasattr(row, "id")} for name, kept in found.items()
    }

    def told(table, row):
        content = {}
        for column in table.columns:
            value = getattr(row, column.name)
            for key in column.foreign_keys if value is not None else ():
                target = key.column.table
                value = told(target, by_id[target.name][value])
            if not (column.name == "id" and _GENERATED.fullmatch(str(value))):
                content[column.name] = value
        return content

    return {
        table.name: sorted((told(table, row) for row in found[table.name]), key=repr)
        for table in known.sorted_tables
    }


def files(folder):
    """What is in a folder: of each path its permissions, and its content if it is a file."""
    return {
        str(path.relative_to(folder)): (
            oct(path.stat().st_mode),
            path.read_bytes() if path.is_file() else None,
        )
        for path in Path(folder).rglob("*")
    }
