"""The one switch for safe grading: what nbgrader is configured with, in one list each."""

from typing import Any

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    DeduplicateIds,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from cnnlesson.grading import guard
from cnnlesson.grading.archives import SafeCollector, SafeExtractor
from cnnlesson.grading.execution import ExecuteForStudent
from cnnlesson.grading.notebooks import CappedHTMLExporter, CappedNotebookExporter

SETTINGS: guard.Settings = {
    Autograde: {
        "exporter_class": CappedNotebookExporter,
        "sanitize_preprocessors": [
            ClearOutput,
            # Rebuild goes here, in place of DeduplicateIds and OverwriteCells.
            DeduplicateIds,
            OverwriteKernelspec,
            OverwriteCells,
            CheckCellMetadata,
        ],
        "autograde_preprocessors": [
            ExecuteForStudent,  # SandboxedExecute goes here, and Judge after it.
            IgnorePattern,
            ClearMetadataPreprocessor,
            LimitOutput,
            SaveAutoGrades,
            AssignLatePenalties,
            CheckCellMetadata,
        ],
    },
    GenerateFeedback: {
        "exporter_class": CappedHTMLExporter,
        "preprocessors": [GetGrades, CSSHTMLHeaderPreprocessor],
    },
}
"""What the guard insists on."""

OWNER_ALONE = 600
"""nbgrader reads the digits as octal ones."""


def secure(c: Any) -> None:
    """Configure nbgrader for submissions that nobody vouches for.

    Whole lists are assigned, so that a configuration may be read any number of times. Students
    read their feedback where nbgrader's exchange puts it, if you use that; then set
    `c.GenerateFeedback.permissions = 644` below the call.

    Args:
        c: the configuration, as `get_config()` gives it.
    """
    guard.install(SETTINGS)  # first, since traitlets logs an error in a configuration and goes on
    for kind, traits in SETTINGS.items():
        for name, value in traits.items():
            c[kind.__name__][name] = value
    c.Autograde.permissions = c.GenerateFeedback.permissions = OWNER_ALONE
    c.ZipCollectApp.extractor_plugin = SafeExtractor
    c.ZipCollectApp.collector_plugin = SafeCollector
