"""What is wrong is told as a sentence; what is our own fault is shown as one."""

import click
import pytest
from sqlalchemy.exc import OperationalError

from cnnlesson.command_line import errors_told


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (LookupError("there is no assignment 'area'"), "there is no assignment 'area'"),
        (FileNotFoundError(2, "No such file or directory", "a.csv"), "a.csv: No such file"),
        (FileExistsError("a.csv is in the way"), "a.csv is in the way"),
        (ModuleNotFoundError("no", name="nbgrader"), "nbgrader: install cnnlesson[grading]"),
        (OperationalError("select", {}, Exception("locked")), "the gradebook cannot be used now: "),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_error_is_told(error, sentence):
    with pytest.raises(click.ClickException) as told, errors_told("grading", LookupError):
        raise error
    assert sentence in told.value.message


@pytest.mark.parametrize("error", [KeyError("cells"), IndexError(), ValueError("7"), TypeError()])
def test_a_fault_of_our_own_is_not_made_into_a_sentence(error):
    with pytest.raises(type(error)), errors_told("grading", LookupError):
        raise error
