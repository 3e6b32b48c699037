"""Files that wait beside the folder that they go to, until they may be put into place.

Whoever starts next finds what was left waiting by a process that was killed: what the gradebook has
the rows of goes into place, and all else goes away, to be made again.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from uuid import uuid4

from nbgrader.utils import rmtree

_RECORD = "record.json"
_FILES, _OLD = "files", "old"


class Staging:
    """Where files wait."""

    def __init__(self, folder: Path) -> None:
        """Let files wait in a folder, which is made when it is needed.

        Args:
            folder: on the same file system as where they go to.
        """
        self._folder = folder

    def stage(
        self,
        target: Path,
        files: Mapping[str, bytes],
        *,
        permissions: int,
        kept: Mapping[str, Path] | None = None,
        record: str = "",
    ) -> Path:
        """Write the files of a folder, so that they outlast a loss of power.

        Args:
            target: the folder that they will be.
            files: by their paths inside of it.
            permissions: which each file is to have.
            kept: files to be copied, likewise.
            record: by which `recover` asks whether they may be put into place.

        Returns:
            The folder where they wait.
        """
        staged = self._folder / uuid4().hex
        staged.mkdir(mode=0o700, parents=True)
        (staged / _FILES).mkdir()  # with the permissions that nbgrader gives a folder
        for path, content in files.items():
            file = staged / _FILES / path
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, content)
        for path, file in (kept or {}).items():
            shutil.copy(file, staged / _FILES / path)
        for path in (*files, *(kept or ())):
            (staged / _FILES / path).chmod(permissions)
        unfinished = staged / f"{_RECORD}.part"
        _write(unfinished, json.dumps([str(target), record]).encode())
        unfinished.rename(staged / _RECORD)
        return staged

    def place(self, staged: Path, target: Path) -> None:
        """Put staged files where they belong, in place of older ones."""
        if (staged / _FILES).exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists():
                (staged / _OLD).mkdir(exist_ok=True)
                target.rename(staged / _OLD / uuid4().hex)
            (staged / _FILES).rename(target)
        rmtree(str(staged))  # read-only files too

    def recover(self, is_through: Callable[[str], bool] = lambda _: False) -> list[str]:
        """Finish what was left unfinished.

        Args:
            is_through: whether what a record tells of has come to pass.

        Returns:
            The records of what was put into place.
        """
        placed = []
        for staged in sorted(self._folder.iterdir()) if self._folder.exists() else ():
            try:
                target, record = json.loads((staged / _RECORD).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                rmtree(str(staged))
                continue
            place, written = Path(target), (staged / _RECORD).stat().st_mtime
            newer = place.exists() and place.stat().st_mtime > written
            if not newer and is_through(record):
                self.place(staged, place)
                placed.append(record)
            else:
                rmtree(str(staged))
        self.close()
        return placed

    def close(self) -> None:
        """Remove the folder, if nothing waits in it."""
        for folder in (self._folder, self._folder.parent):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


def _write(path: Path, content: bytes) -> None:
    """Write a file, and wait until it is on the disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
