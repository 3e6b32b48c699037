"""Grading a class in parallel: one submission is one task, and only the coordinator writes.

`tasks` is what a worker does, from bytes to bytes; it imports neither nbgrader nor nbformat. All
else is the coordinator's: `course` reads the course and finds what is to be done, `engine` has it
done, `records` writes gradebook and files so that no moment is a bad one to be killed at,
`progress` tells of it, and `autograde` and `feedback` are the commands, each one a `run`.
"""

import sys

# An optional part of jsonschema, which checks addresses in schemas that have none, and takes longer
# to import than all of nbgrader; it is not to be found by those who import nbgrader from here on.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
