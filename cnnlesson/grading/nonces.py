"""What the values of challenge cases are drawn by: known to nobody but the instructor.

A nonce is an HMAC of the instructor's secret, the student, the assignment, the question and the
submission: grading the same submission again gives the same values and so the same mark, and any
change to a cell, or to a file beside the notebook, gives others.
"""

import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from traitlets import Unicode
from traitlets.config import Configurable

_BYTES = 32


class KeepsSecret(Configurable):
    """What draws nonces: it has the trait that names the secret's file."""

    secret_file = Unicode(
        ".grading-secret",
        help="The file with the secret that the values of challenge cases are drawn by, relative "
        "to the course's folder; made when it is first needed. Keep it from students, and with "
        "the course: with another one, function questions are asked with other values.",
    ).tag(config=True)

    def secret(self, course: Path) -> bytes:
        """Return the secret of a course, and make it if there is none yet.

        Raises:
            ValueError: if the file does not hold one.
        """
        return read_secret(course / self.secret_file)


def read_secret(path: Path) -> bytes:
    """Return the secret in a file, which is made, with mode 600, if it is not there.

    Raises:
        ValueError: if the file does not hold a secret.
        OSError: if it can be neither read nor made.
    """
    if not path.exists():
        _make(path)
    text = path.read_text("ascii", "replace").strip()
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < _BYTES:
        raise ValueError(
            f"{path} does not hold a secret of {2 * _BYTES} hexadecimal digits: put the old file "
            "back, or delete it to have another made"
        )
    return secret


def _make(path: Path) -> None:
    """Make a secret whole or not at all, and none where another process was quicker."""
    with NamedTemporaryFile(mode="w", dir=path.parent, prefix=path.name) as file:  # mode 600
        file.write(f"{secrets.token_hex(_BYTES)}\n")
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def submission_digest(notebook: Any, files: Mapping[str, bytes]) -> str:
    """Return the digest of all of a submission that its code can see.

    Whatever it leaves out could bring what an earlier run gave away: results for the same values.

    Args:
        notebook: as nbformat has it; of its cells, the kinds and sources count.
        files: what lies beside it, by name.
    """
    cells = [[cell["cell_type"], cell["source"]] for cell in notebook["cells"]]
    beside = [[name, sha256(content).hexdigest()] for name, content in sorted(files.items())]
    return sha256(json.dumps([cells, beside]).encode()).hexdigest()


def key_of(secret: bytes, student: str, assignment: str) -> bytes:
    """Return what one student's nonces are drawn with: whoever has it learns of no other student.

    Args:
        secret: the instructor's.
        student: nbgrader's id of the student.
        assignment: the assignment's name.
    """
    return hmac.digest(secret, json.dumps([student, assignment]).encode(), "sha256")


def nonce(key: bytes, question: str, digest: str) -> str:
    """Return what the values of a question's cases are drawn by.

    Args:
        key: of the student and the assignment, from `key_of`.
        question: the question's id.
        digest: of the submission.
    """
    return hmac.new(key, json.dumps([question, digest]).encode(), "sha256").hexdigest()
