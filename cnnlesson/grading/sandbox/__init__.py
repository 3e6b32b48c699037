"""Run a notebook where it can reach nothing but itself; it knows nothing of any lesson."""

from cnnlesson.grading.sandbox.box import CellRun, Run, Sandbox, SubmissionEndedError
from cnnlesson.grading.sandbox.bubblewrap import DESK, WORK, SandboxUnavailableError

__all__ = [
    "DESK",
    "WORK",
    "CellRun",
    "Run",
    "Sandbox",
    "SandboxUnavailableError",
    "SubmissionEndedError",
]
