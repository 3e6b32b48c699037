"""The one switch for safe grading: what nbgrader is configured with, in one list each."""

import os
import sys
from pathlib import Path
from typing import Any

from nbconvert.preprocessors import ClearMetadataPreprocessor, CSSHTMLHeaderPreprocessor
from nbgrader.converters import Autograde, GenerateFeedback
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    GetGrades,
    IgnorePattern,
    LimitOutput,
    OverwriteKernelspec,
)

from cnnlesson.grading import formgrader, guard
from cnnlesson.grading.archives import SafeCollector, SafeExtractor
from cnnlesson.grading.exchange import SafeCollect
from cnnlesson.grading.execution import SandboxedExecute, batch
from cnnlesson.grading.exporting import CappedNotebookExporter
from cnnlesson.grading.pages import FeedbackExporter, HideTests
from cnnlesson.grading.preprocessors import Judge, Rebuild, SaveJudgedGrades

SETTINGS: guard.Settings = {
    Autograde: {
        "exporter_class": CappedNotebookExporter,
        "sanitize_preprocessors": [ClearOutput, Rebuild, OverwriteKernelspec, CheckCellMetadata],
        "autograde_preprocessors": [
            SandboxedExecute,
            Judge,
            IgnorePattern,
            ClearMetadataPreprocessor,
            LimitOutput,
            SaveJudgedGrades,
            AssignLatePenalties,
            CheckCellMetadata,
        ],
    },
    GenerateFeedback: {
        "exporter_class": FeedbackExporter,
        "preprocessors": [GetGrades, HideTests, CSSHTMLHeaderPreprocessor],
    },
}
"""What the guard insists on."""

OWNER_ALONE = 600
"""nbgrader reads the digits as octal ones."""


def secure(c: Any, bank: str = "") -> None:
    """Configure nbgrader for submissions that nobody vouches for.

    Whole lists are assigned, so that a configuration may be read any number of times. Students
    read their feedback where nbgrader's exchange puts it, if you use that; then set
    `c.GenerateFeedback.permissions = 644` below the call.

    Args:
        c: the configuration, as `get_config()` gives it.
        bank: where the questions come from that answers are judged by, as "module:attribute"; if
            there is none, all grade cells are plain asserts, checked in the student's process.
    """
    let_alembic_be_found()
    # First, since traitlets logs an error in a configuration and goes on.
    guard.install(SETTINGS, batch)
    formgrader.install()
    for kind, traits in SETTINGS.items():
        for name, value in traits.items():
            c[kind.__name__][name] = value
    c.AsksBank.bank = bank
    c.Autograde.permissions = c.GenerateFeedback.permissions = OWNER_ALONE
    c.ExchangeFactory.collect = SafeCollect
    c.ZipCollectApp.extractor_plugin = SafeExtractor
    c.ZipCollectApp.collector_plugin = SafeCollector


def let_alembic_be_found() -> None:
    """Put this Python's commands on PATH, where nbgrader looks for what sets up a new gradebook."""
    scripts = str(Path(sys.executable).parent)
    if scripts not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([scripts, os.environ["PATH"]])
