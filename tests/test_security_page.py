"""docs/security.md tells the settings as they are."""

import pytest
from course import ROOT
from traitlets import Container

from cnnlesson.grading.archives import SafeExtractor
from cnnlesson.grading.bank import AsksBank
from cnnlesson.grading.execution import SandboxedExecute
from cnnlesson.grading.intake import Intake
from cnnlesson.grading.nonces import KeepsSecret
from cnnlesson.grading.notebooks import ReadingLimits
from cnnlesson.grading.preprocessors import Judge
from cnnlesson.grading.sandbox import Sandbox

CONFIGURED = (
    *(SandboxedExecute, Sandbox, Judge, AsksBank),
    *(KeepsSecret, Intake, ReadingLimits, SafeExtractor),
)


def rows():
    for kind in CONFIGURED:
        for name, trait in kind.class_own_traits(config=True).items():
            yield f"| `{kind.__name__}.{name}` | {told(trait)} | {trait.help} |"


def told(trait):
    default = trait.default()
    if isinstance(trait, Container):
        return f"{len(default)} of them" if default else "none"
    if isinstance(default, str):
        return f"`{default}`" if default else "none"
    return f"{default:,}" if type(default) is int else str(default)


@pytest.mark.parametrize("row", [*rows()], ids=lambda row: row.split("`")[1])
def test_each_setting_stands_in_the_table_as_it_is(row):
    assert row in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines()


def test_no_other_setting_does():
    page = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    listed = [line for line in table.splitlines() if line.startswith("| `")]
    assert sorted(listed) == sorted(rows())
