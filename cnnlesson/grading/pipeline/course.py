"""What the coordinator reads of a course: its configuration, and the submissions that wait.

A course is configured as for nbgrader's own command, and nbgrader's converter is asked for its
settings; it converts nothing.
"""

import json
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.autogradeapp import AutogradeApp
from nbgrader.apps.generatefeedbackapp import GenerateFeedbackApp
from nbgrader.converters import Autograde, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, ClearHiddenTests, IgnorePattern, LimitOutput
from nbgrader.utils import parse_utc
from traitlets.config import Config, Configurable
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from cnnlesson.grading import guard
from cnnlesson.grading.execution import SandboxedExecute
from cnnlesson.grading.exporting import CappedNotebookExporter
from cnnlesson.grading.intake import HandedIn, Intake, RefusedSubmission, timestamp_of
from cnnlesson.grading.nonces import KeepsSecret, key_of
from cnnlesson.grading.notebooks import ReadingLimits
from cnnlesson.grading.pages import FeedbackExporter, HideTests
from cnnlesson.grading.pipeline.problems import CannotGradeError
from cnnlesson.grading.pipeline.records import Penalty
from cnnlesson.grading.pipeline.tasks import Assignment, Submission
from cnnlesson.grading.preprocessors import Judge, refuse_if_stale
from cnnlesson.grading.running import hidden_folders
from cnnlesson.grading.sandbox import Sandbox
from cnnlesson.grading.source import other_source_files, references


class NotToBeGradedError(CannotGradeError):
    """There is nothing that can be done about an assignment; the message says what to do."""


@dataclass(frozen=True)
class Waiting:
    """A submission that something is to be done with.

    Attributes:
        student: nbgrader's id of the student.
        folder: where it is.
        target: where what is made of it goes.
    """

    student: str
    folder: Path
    target: Path


@dataclass(frozen=True)
class Found:
    """What there is of submissions.

    Attributes:
        waiting: what is to be done.
        done: how many have been done, and have not come in anew.
        refused: why with some nothing can be done at all, by student.
    """

    waiting: list[Waiting]
    done: int
    refused: dict[str, str]


class Course:
    """The course in the current folder, and an assignment of it.

    Attributes:
        converter: nbgrader's own.
        coursedir: where everything is.
        root: the course's folder.
        name: the assignment's.
    """

    app_class: ClassVar[Any]
    converter_class: ClassVar[Any]
    reads: ClassVar[str]
    writes: ClassVar[str]
    """The traits with the folders that submissions are read from, and that something is made in."""
    command: ClassVar[str]
    before: ClassVar[str]
    """What to do first, if there is nothing to read; takes the assignment's name."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Read the configuration.

        Args:
            arguments: for nbgrader's command line, with the assignment's name.

        Raises:
            NotToBeGradedError: if the course cannot be graded, and this way.
        """
        app = self.app_class(log_level=logging.WARNING)
        app.initialize([*arguments])
        named = [*app.extra_args, *filter(None, [app.coursedir.assignment_id])]
        if len(named) != 1:
            raise NotToBeGradedError(
                f"name one assignment, as in `{self.command} padding`, and not "
                f"{', '.join(named) or 'none'}"
            )
        self.name = app.coursedir.assignment_id = named[0]
        self.coursedir: CourseDirectory = app.coursedir
        self.root = Path(app.coursedir.root)
        self.converter = self.converter_class(coursedir=app.coursedir, parent=app)
        try:
            guard.refuse_weakness(self.converter)
        except NbGraderException as error:
            raise NotToBeGradedError(str(error)) from None

    def find(self, students: Iterable[str], known: Collection[str] | None = None) -> Found:
        """Find the submissions that are to be graded.

        Args:
            students: their ids, or patterns of ids as nbgrader takes them; as configured, if there
                are none.
            known: the students of whom the gradebook has what is there; all unless given.

        Raises:
            NotToBeGradedError: if there is nothing at all.
        """
        found: dict[str, Path] = {}
        wanted = [*students] or [self.coursedir.student_id]
        for student in wanted:
            self.coursedir.student_id = student
            found |= guard.folders_of(self.coursedir, self.reads)
        if not found:
            by = "" if wanted == ["*"] else f" by {', '.join(wanted)}"
            folder = getattr(self.coursedir, self.reads)
            raise NotToBeGradedError(
                f"there is nothing of {self.name}{by} in {folder}/: "
                f"{'check the names, or ' if by else ''}{self.before.format(self.name)}"
            )
        left_out = set(filter(None, self.coursedir.student_id_exclude.split(",")))
        waiting, refused = [], {}
        total = 0
        for student, folder in sorted(found.items()):
            if student in left_out:
                continue
            total += 1
            try:
                guard.refuse_student(self.converter, student, folder)
            except RefusedSubmission as refusal:
                refused[student] = str(refusal)
                continue
            target = self.target(student)
            if self._is_to_be_done(folder, target, known is None or student in known):
                waiting.append(Waiting(student, folder, target))
        return Found(waiting, total - len(waiting) - len(refused), refused)

    def target(self, student: str) -> Path:
        """Return where a student's graded submission goes."""
        return Path(self.converter._format_dest(self.name, student))

    def announce(self, waiting: Waiting, *, done: bool) -> None:
        """Call what is configured as `pre_convert_hook`, or `post_convert_hook`, if anything is."""
        hook = "post_convert_hook" if done else "pre_convert_hook"
        if getattr(self.converter, hook) is None:
            return
        self.coursedir.student_id = waiting.student
        self.converter.notebooks = sorted(map(str, waiting.folder.glob("*.ipynb")))
        getattr(self.converter, f"run_{hook}")()

    def _is_to_be_done(self, folder: Path, target: Path, known: bool) -> bool:
        if self.converter.force or not known or not target.exists():
            return True
        if self.coursedir.notebook_id != "*":
            source = self.coursedir.format_path(self.coursedir.source_directory, ".", self.name)
            wanted = Path(source).glob(f"{self.coursedir.notebook_id}.ipynb")
            if not all((target / path.name).exists() for path in wanted):
                return True
        new, old = timestamp_of(folder), timestamp_of(target)
        return bool(new and old and parse_utc(new) > parse_utc(old))

    @cached_property
    def secret(self) -> bytes:
        """The instructor's secret, which is made if there is none yet."""
        return KeepsSecret(config=self.converter.config).secret(self.root)

    @property
    def permissions(self) -> int:
        """The permissions of each file that is made."""
        return int(str(self.converter.permissions), 8)  # nbgrader has digits that mean octal ones

    @property
    def staging(self) -> Path:
        """The folder where what was made waits to be put into place, on the same file system."""
        outputs = Path(self.root, getattr(self.coursedir, self.writes)).resolve()
        staging: Path = outputs.parent / f".{outputs.name}-staged" / self.name
        return staging


class Submissions(Course):
    """What came in, for `autograde`."""

    app_class, converter_class = AutogradeApp, Autograde
    reads, writes = "submitted_directory", "autograded_directory"
    command = "cnnlesson autograde"
    before = (
        "collect first what students handed in, as by `nbgrader zip_collect {}`, which makes the "
        "folders STUDENT/ASSIGNMENT"
    )

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        exporter: Any = CappedNotebookExporter(  # type: ignore[no-untyped-call]
            parent=self.converter, config=self.converter.config
        )
        self._execute = SandboxedExecute(parent=exporter)
        self._judge = Judge(parent=exporter)
        self._intake = Intake(parent=self.converter)
        steps = (IgnorePattern, ClearMetadataPreprocessor, LimitOutput)
        self._afterwards = [step(parent=exporter) for step in steps]
        late = AssignLatePenalties(parent=exporter)
        late.init_plugin()
        self.late_penalty: Penalty = late.plugin_inst.late_submission_penalty
        if self._execute.enabled:
            self._refuse_what_cannot_travel()

    def _refuse_what_cannot_travel(self) -> None:
        for wish in ("allow_unsandboxed", "timeout_func"):
            if getattr(self._execute, wish):
                raise NotToBeGradedError(
                    f"SandboxedExecute.{wish} is set, which only `nbgrader autograde` can heed: "
                    "use that, or take the setting out"
                )

    def assignment(self) -> Assignment:
        """Return what workers need of the assignment.

        Raises:
            NotToBeGradedError: if it is not there, or not what students were given.
        """
        course, name = self.coursedir, self.name
        config = self.converter.config
        kernelspecs = {}
        try:
            known = references(course, name, config)
            names = {"assignment": name, "db_url": course.db_url}
            with Gradebook(course.db_url, course.course_id) as gradebook:
                for notebook, each in known.items():
                    refuse_if_stale(each, {**names, "notebook": notebook})
                    kernelspec = gradebook.find_notebook(notebook, name).kernelspec
                    kernelspecs[notebook] = json.loads(kernelspec) if kernelspec else {}
        except (LookupError, ValueError, MissingEntry) as error:
            raise NotToBeGradedError(str(error)) from None
        theirs = self.converter.exclude_overwriting.get(name, ())
        files = other_source_files(course, name, theirs)
        exchange = config.get("Exchange", {}).get("root")
        return Assignment(
            name=name,
            references=known,
            kernelspecs=kernelspecs,
            notebook=course.notebook_id,
            files={path: file.read_bytes() for path, file in files.items()},
            rules=self._execute.rules() if self._execute.enabled else None,
            reveal=self._judge.reveal_answers,
            bank=self._judge.bank,
            hidden=hidden_folders(self.root, exchange),
            config={each.__name__: _configured(each, config) for each in (Sandbox, ReadingLimits)},
        )

    def submission(self, waiting: Waiting, expected: Iterable[str]) -> Submission:
        """Read a submission.

        Args:
            waiting: which.
            expected: the names of the assignment's notebooks.

        Raises:
            RefusedSubmission: if it is nothing that can be graded.
        """
        handed_in = self._intake.collect(waiting.folder, expected, self.coursedir.ignore)
        key = key_of(self.secret, waiting.student, self.name)
        return Submission(waiting.student, key.hex(), handed_in)

    def finished(self, notebook: Any, name: str, student: str) -> Any:
        """Take a judged notebook through those of nbgrader's steps that need no gradebook.

        Args:
            notebook: the notebook.
            name: its name.
            student: nbgrader's id of the student.
        """
        names = {"student": student, "assignment": self.name, "notebook": name}
        resources = {"nbgrader": {**names, "db_url": self.coursedir.db_url}, "unique_key": name}
        for step in self._afterwards:
            notebook, resources = step(notebook, resources)
        return notebook

    @property
    def backups(self) -> Path:
        """The folder where copies of the gradebook are kept."""
        return self.root / "gradebook-backups"


class GradedSubmissions(Course):
    """What was graded, for `feedback`."""

    app_class, converter_class = GenerateFeedbackApp, GenerateFeedback
    reads, writes = "autograded_directory", "feedback_directory"
    command = "cnnlesson feedback"
    before = "run `cnnlesson autograde {}` first"

    def __init__(self, arguments: Sequence[str]) -> None:
        super().__init__(arguments)
        self._intake = Intake(parent=self.converter)

    def collect(self, waiting: Waiting) -> HandedIn:
        """Read a graded submission; raises as `Intake.collect` does."""
        pattern = f"{self.coursedir.notebook_id}.ipynb"
        found = self._intake.collect(waiting.folder, ignored=self.coursedir.ignore)
        for path in [*found.files]:
            if path.suffix == ".ipynb" and not fnmatch(str(path), pattern):
                del found.files[path]
        return found

    def settings(self) -> bytes:
        """Return, as JSON, what is configured of the pages and of what makes them."""
        config = self.converter.config
        makers = (FeedbackExporter, HideTests, ClearHiddenTests, CSSHTMLHeaderPreprocessor)
        kinds = {each for maker in makers for each in maker.mro() if issubclass(each, Configurable)}
        chosen = {each.__name__: _configured(each, config) for each in kinds | {ReadingLimits}}
        return json.dumps({name: section for name, section in chosen.items() if section}).encode()


def _configured(kind: type[Configurable], config: Config) -> dict[str, Any]:
    """Read what is configured of a class, as plain data."""
    traits = kind.class_traits(config=True)
    values = {}
    for name, value in config.get(kind.__name__, {}).items():
        if name not in traits:
            continue
        if isinstance(value, LazyConfigValue):  # a list that something was appended to
            value = value.get_value(traits[name].default())
        elif isinstance(value, DeferredConfig):  # from the command line
            value = value.get_value(traits[name])
        values[name] = value
    return dict(json.loads(json.dumps(values)))
