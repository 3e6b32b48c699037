"""Taking apart the archives that students hand in: within limits, each in a folder of its own."""

import os
import shutil
import stat
import zipfile
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

from nbgrader.plugins import ExtractorPlugin, FileNameCollectorPlugin
from traitlets import Integer

from cnnlesson.grading.intake import JUNK, is_decent, shown, unsafe_student

_CENTRAL_ENTRY = b"PK\x01\x02"  # which begins each entry of a zip file's table of contents
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others may ask for any amount of memory
_CHUNK = 1 << 20


class RefusedArchive(ValueError):
    """An archive that is not taken apart; the message says why."""


@dataclass
class _Left:
    """What may still be taken out of an archive and those inside it."""

    bytes: int
    files: int


class SafeExtractor(ExtractorPlugin):  # type: ignore[misc]
    """Extracts zip files for `nbgrader zip_collect`, and leaves aside those that it must not.

    An archive is taken apart whole or not at all. One that lies in another is one of its own.
    """

    max_archive_bytes = Integer(200_000_000, help="Bytes of one archive.").tag(config=True)
    max_bytes = Integer(
        400_000_000, help="Bytes of all files in one archive and those inside it."
    ).tag(config=True)
    max_files = Integer(10_000, help="Files and folders in one archive and those inside it.").tag(
        config=True
    )
    max_ratio = Integer(
        100, help="Bytes of a file for each byte that it takes in the archive; from 1 MB on."
    ).tag(config=True)
    max_nesting = Integer(3, help="Archives inside each other.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Extract the archives of a folder into another one, and copy what else is there."""
        aside = []
        for folder, _, names in os.walk(archive_path):
            into = Path(extracted_path, os.path.relpath(folder, archive_path))
            for path in (Path(folder, name) for name in sorted(names)):
                try:
                    self._extract_or_copy(path, into)
                except (RefusedArchive, OSError) as error:
                    self.log.error("Left aside %s: %s", shown(path.name), error)
                    aside.append(path.name)
        if aside:
            listed = ", ".join(map(shown, aside))
            self.log.error("%d files were left aside, and all others taken: %s", len(aside), listed)

    def _extract_or_copy(self, path: Path, into: Path) -> None:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise RefusedArchive("it is a link, or no plain file")
        if (size := path.stat().st_size) > self.max_archive_bytes:
            raise RefusedArchive(
                f"it has {size:,} bytes, and SafeExtractor.max_archive_bytes is "
                f"{self.max_archive_bytes:,}"
            )
        into.mkdir(parents=True, exist_ok=True)
        if path.suffix not in self.zip_ext:
            shutil.copyfile(path, into / path.name, follow_symlinks=False)
        else:
            self._extract(path, into, _Left(self.max_bytes, self.max_files), nesting=1)

    def _extract(self, archive: Path, into: Path, left: _Left, nesting: int) -> None:
        """Extract an archive into a new folder of its name, and the archives in it likewise."""
        self.log.info("Extracting from: %s", archive)
        if nesting > self.max_nesting:
            raise RefusedArchive(f"archives lie more than {self.max_nesting} deep in each other")
        if not zipfile.is_zipfile(archive):
            raise RefusedArchive("it is no zip file, and no other archives are opened")
        if (entries := _entries_at_most(archive)) > left.files:
            raise RefusedArchive(f"it holds up to {entries:,} files, and {left.files:,} may follow")
        made = _unused(into / archive.stem)
        made.mkdir()
        try:
            with zipfile.ZipFile(archive) as opened:
                self._extract_members(opened, made, left)
        except BaseException as error:
            shutil.rmtree(made)
            if isinstance(error, RefusedArchive) or not isinstance(error, Exception):
                raise
            # zipfile raises half a dozen kinds for what is broken, encrypted or of a strange name.
            raise RefusedArchive(f"it is broken: {error}") from error
        for inner in sorted(path for path in made.rglob("*") if path.suffix in self.zip_ext):
            if inner.is_file():
                try:
                    self._extract(inner, inner.parent, left, nesting + 1)
                except RefusedArchive as error:
                    where = f"{shown(inner.name)} in {shown(archive.name)}"
                    self.log.error("Left aside %s: %s", where, error)

    def _extract_members(self, opened: zipfile.ZipFile, into: Path, left: _Left) -> None:
        members = [
            (entry, path)
            for entry in opened.infolist()
            if not _is_junk(path := PurePosixPath(entry.filename.replace("\\", "/")))
        ]
        for entry, path in members:
            self._check(entry, path)
        size = sum(entry.file_size for entry, _ in members)
        if size > left.bytes:
            raise RefusedArchive(f"its files have {size:,} bytes, and {left.bytes:,} may follow")
        left.bytes -= size
        left.files -= len(members)
        for entry, path in members:
            if entry.is_dir():
                (into / path).mkdir(parents=True, exist_ok=True)
                continue
            (into / path).parent.mkdir(parents=True, exist_ok=True)
            # Whatever follows, no more than `file_size` bytes are read; "x" refuses a second file.
            with opened.open(entry) as source, (into / path).open("xb") as target:
                shutil.copyfileobj(source, target, _CHUNK)

    def _check(self, entry: zipfile.ZipInfo, path: PurePosixPath) -> None:
        kind = stat.S_IFMT(entry.external_attr >> 16)
        if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise RefusedArchive(f"{shown(path)} in it is a link, or no plain file")
        if path.is_absolute() or ".." in path.parts or ":" in str(path)[:2] or not path.parts:
            raise RefusedArchive(f"{shown(path)} in it would lie outside of its folder")
        if not is_decent(path):
            raise RefusedArchive(f"{shown(path)} in it has a name that cannot be kept")
        if entry.compress_type not in _METHODS:
            raise RefusedArchive(f"{shown(path)} in it is packed in a way that is not opened")
        ratio = entry.file_size / max(entry.compress_size, 1)
        if entry.file_size > _CHUNK and ratio > self.max_ratio:
            raise RefusedArchive(
                f"{shown(path)} in it grows {ratio:,.0f} times, and SafeExtractor.max_ratio is "
                f"{self.max_ratio}"
            )


class SafeCollector(FileNameCollectorPlugin):  # type: ignore[misc]
    """Knows submissions by their names for `nbgrader zip_collect`; an odd one stops no other.

    nbgrader ends where a student's notebook is there twice, and takes any text for a student's id.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._seen: dict[tuple[str, str], str] = {}

    def collect(self, submitted_file: str) -> dict[str, str] | None:
        """Return whose file it is, or None to leave it aside."""
        found: dict[str, str] | None = super().collect(submitted_file)
        if not found or not {"student_id", "file_id"} <= found.keys():
            return found
        if why := unsafe_student(found["student_id"]):
            self.log.error("Left aside %s: %s", shown(submitted_file), why)
            return None
        first = self._seen.setdefault((found["student_id"], found["file_id"]), submitted_file)
        if first != submitted_file and not found.get("timestamp"):
            self.log.error(
                "Left aside %s: it is a second %s of %s, and %s was taken. Look whose it is.",
                *map(shown, (submitted_file, found["file_id"], found["student_id"], first)),
            )
            return None
        return found


def _entries_at_most(archive: Path) -> int:
    """Count a zip file's entries, roughly, without the memory that zipfile takes for each."""
    count, tail = 0, b""
    with archive.open("rb") as file:
        while chunk := file.read(_CHUNK):
            count += (tail + chunk).count(_CENTRAL_ENTRY)
            tail = chunk[1 - len(_CENTRAL_ENTRY) :]
    return count


def _is_junk(path: PurePosixPath) -> bool:
    return any(fnmatch(part, pattern) for part in path.parts for pattern in JUNK)


def _unused(path: Path) -> Path:
    names = (path.with_name(f"{path.name}-{number}") for number in range(2, 1000))
    return path if not path.exists() else next(name for name in names if not name.exists())
