"""Grading with nbgrader's own commands and buttons, made to look before it touches anything.

nbgrader has no place to hook into before it parses and copies a submission: its hooks come late,
and what they raise is logged and forgotten. So this module, and for its pages `formgrader`, replace
methods of nbgrader: here the `start` of `Autograde` and `GenerateFeedback`, which its commands, the
formgrader and `NbGraderAPI` all call. Both are shown a clean copy of one submission at a time, so
that nothing in a submission reaches past it, and none stops another.
"""

import glob
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn

import nbgrader
from nbgrader.converters import Autograde, BaseConverter, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute

from cnnlesson.grading.bank import AsksBank
from cnnlesson.grading.intake import Course, Intake, RefusedSubmission, shown, unsafe_student
from cnnlesson.grading.pipeline.locking import CourseIsBusyError
from cnnlesson.grading.sandbox import SandboxUnavailableError
from cnnlesson.grading.source import other_source_files, references

TESTED = ("0.9.5", "0.9.6")
"""The versions of nbgrader whose insides this module knows."""

Settings = Mapping[type, Mapping[str, object]]
"""For a configured class, the values that its traits must have."""

_Start = Callable[[Any], None]
_Prepare = Callable[[Path, Path], None]  # from a submission's folder to a clean copy of it
_Batch = Callable[[Any, Callable[[], _Prepare]], AbstractContextManager[_Prepare]]

_settings: dict[type, Mapping[str, object]] = {}


def install(settings: Settings, batch: _Batch) -> None:
    """Guard nbgrader in this process; to do so again only replaces the settings.

    Args:
        settings: what nbgrader's converters must be configured with. They refuse to start with
            anything else, so that no flag, and no other line of a configuration, takes a part of
            the guard away unnoticed.
        batch: what is around the grading of many submissions, given the converter and what reads
            the course meanwhile, whose result it hands on; what it raises stops the command.
    """
    _settings.clear()
    _settings.update(settings)
    _guard(Autograde, "submitted_directory", _take_in, batch)
    _guard(GenerateFeedback, "autograded_directory", _copy_plain_files, _no_batch)


def _guard(kind: Any, step: str, preparing: Callable[[Any], _Prepare], batch: _Batch) -> None:
    """Replace the `start` of a converter, once; `step` names the trait with the folder it reads."""
    start: _Start = kind.start
    if hasattr(start, "guards"):
        return

    @wraps(start)
    def guarded(converter: Any) -> None:
        refuse_weakness(converter)
        folders = folders_of(converter.coursedir, step)
        if not folders:
            start(converter)  # which says so, and what may have been meant
            return
        with _changed(converter.coursedir), _told(converter, batch, preparing) as prepare:
            failed = _one_by_one(converter, start, step, folders, prepare)
        if failed:
            sentence = (
                f"{len(failed)} of {len(folders)} submissions could not be processed; what is "
                "said of each follows, and more of it stands above"
            )
            _fail(converter, "\n".join([f"{sentence}:", *(f"  {each}" for each in failed)]))

    guarded.guards = start  # type: ignore[attr-defined]
    kind.start = guarded


def _one_by_one(
    converter: Any, start: _Start, step: str, folders: Mapping[str, Path], prepare: _Prepare
) -> list[str]:
    """Process each submission as if there were no other, and return what failed."""
    coursedir, failed, found = converter.coursedir, [], False
    for student, folder in folders.items():
        try:
            refuse_student(converter, student, folder)
            with tempfile.TemporaryDirectory(prefix=".staged-", dir=coursedir.root) as staged:
                coursedir.student_id = student
                setattr(coursedir, step, Path(staged).name)
                clean = Path(converter._format_source(coursedir.assignment_id, student))
                prepare(folder, clean)
                if any(clean.glob(f"{coursedir.notebook_id}.ipynb")):
                    found = True
                    start(converter)
        except RefusedSubmission as refusal:
            failed.append(str(refusal))
        except (Exception, SystemExit) as error:
            if not isinstance(error, NbGraderException):  # which has been logged
                converter.log.error("%s failed", shown(student), exc_info=True)
            failed.append(f"{shown(student)} failed, as the traceback above tells")
    if not found:
        failed.append(f"no notebook of a submission is called {shown(coursedir.notebook_id)}")
    return failed


def folders_of(coursedir: CourseDirectory, step: str) -> dict[str, Path]:
    """Find the submissions that a converter is asked for, by student."""
    asked = (getattr(coursedir, step), coursedir.student_id, coursedir.assignment_id)
    found = glob.glob(coursedir.format_path(*asked), include_hidden=True)  # noqa: PTH207 - absolute
    pattern = coursedir.format_path(
        re.escape(asked[0]), "(?P<student>.*)", re.escape(asked[2]), escape=True
    )
    matches = ((re.fullmatch(pattern, folder, re.DOTALL), folder) for folder in sorted(found))
    return {match["student"]: Path(folder) for match, folder in matches if match}


def refuse_student(converter: Any, student: str, folder: Path) -> None:
    """Refuse what no copy can make safe, in the places that nbgrader reads and writes."""
    if why := unsafe_student(student):
        raise RefusedSubmission(why)
    target = Path(converter._format_dest(converter.coursedir.assignment_id, student))
    for place in (folder, folder.parent, target, target.parent):
        if place.is_symlink():
            raise RefusedSubmission(f"{place} is a link, which is not followed: remove it")
    # nbgrader makes no links, but writes, and changes permissions, through those that it finds.
    for inside, folders, files in os.walk(target):
        for path in (Path(inside, name) for name in (*folders, *files)):
            if path.is_symlink():
                converter.log.warning("Removing a link: %s", path)
                path.unlink()


def _take_in(converter: Any) -> _Prepare:
    """For `Autograde`: what came in, taken in."""
    course, intake = _course(converter), Intake(parent=converter)

    def prepare(folder: Path, clean: Path) -> None:
        for remark in intake.stage(folder, course, clean, converter.coursedir.ignore):
            converter.log.warning("%s: %s", converter.coursedir.student_id, remark)

    return prepare


def _copy_plain_files(converter: Any) -> _Prepare:
    """For `GenerateFeedback`: what was graded, without links that an older grading left there."""
    intake = Intake(parent=converter)

    def prepare(folder: Path, clean: Path) -> None:
        for remark in intake.copy(folder, clean):
            converter.log.warning("%s: %s", converter.coursedir.student_id, remark)

    return prepare


def _course(converter: Any) -> Course:
    """Read what the course has of the assignment that is being graded."""
    coursedir = converter.coursedir
    try:
        known = references(coursedir, coursedir.assignment_id, converter.config)
    except LookupError as error:
        _fail(converter, str(error))
    theirs = converter.exclude_overwriting.get(coursedir.assignment_id, ())
    files = other_source_files(coursedir, coursedir.assignment_id, theirs)
    return Course(
        {name: each.notebook for name, each in known.items()},
        {path: file.read_bytes() for path, file in files.items()},
        AsksBank(parent=converter).questions,
    )


def refuse_weakness(converter: Any) -> None:
    """Refuse to go on with what this module was not tested with, or is configured otherwise.

    Raises:
        NbGraderException: if so; it has been logged.
    """
    if not _settings:
        _fail(
            converter,
            "this course is not guarded against harmful submissions: let its nbgrader_config.py "
            "begin with `from cnnlesson.grading.secure import secure` and `secure(c)`",
        )
    if nbgrader.__version__ not in TESTED:
        _fail(
            converter,
            f"nbgrader {nbgrader.__version__} is installed here, and this course's guard against "
            f"harmful submissions was tested with {' and '.join(TESTED)} alone: install one of "
            f"these, as in `pip install nbgrader=={TESTED[-1]}`",
        )
    for kind, traits in _settings.items():
        for name, wanted in traits.items() if isinstance(converter, kind) else ():
            if getattr(converter, name) != wanted:
                _fail(
                    converter,
                    f"{kind.__name__}.{name} is {getattr(converter, name)}, but this course's "
                    f"guard needs {wanted}: take that setting off the command line, or out of "
                    "nbgrader_config.py; or mend that file, if an error in it stands above",
                )
            for each in wanted if isinstance(wanted, list) else ():
                ours = each.__module__.startswith(f"{__package__}.")
                if ours and not issubclass(each, Execute) and not each(parent=converter).enabled:
                    _fail(
                        converter,
                        f"{each.__name__}.enabled is False, and this course's guard needs it",
                    )


def _fail(converter: BaseConverter, sentence: str) -> NoReturn:
    converter.log.error(sentence)
    raise NbGraderException(sentence)


def _no_batch(_: Any, preparing: Callable[[], _Prepare]) -> AbstractContextManager[_Prepare]:
    """Where nothing is run, there is nothing to set up."""
    return nullcontext(preparing())


@contextmanager
def _told(
    converter: BaseConverter, batch: _Batch, preparing: Callable[[Any], _Prepare]
) -> Iterator[_Prepare]:
    """Say what keeps a batch from starting as nbgrader's commands say it, without a traceback."""
    with ExitStack() as around:
        try:
            prepare = around.enter_context(batch(converter, partial(preparing, converter)))
        except (SandboxUnavailableError, CourseIsBusyError) as error:
            _fail(converter, str(error))
        yield prepare


@contextmanager
def _changed(coursedir: CourseDirectory) -> Iterator[None]:
    """Put back what is changed about the folders and the student, however it ends."""
    names = ("student_id", "submitted_directory", "autograded_directory")
    before = {name: getattr(coursedir, name) for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(coursedir, name, value)
