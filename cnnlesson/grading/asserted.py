"""Score a grade cell of plain asserts: by nbgrader's own rules, minus their traps.

`nbgrader.utils.determine_grade` reads a cell's outputs in order. An error means no points, a number
as a result so many points, anything else all points. So it is here, but for this:

- A warning on stderr is no error.
- An error counts, whatever was shown before it.
- The cell's value is its last result, not its first.
- `np.float64(2.5)` and its like are the number 2.5; True is all points, and False none.
- Not a number, an infinite one and one below zero are no points, one above the points all of them.
  nbgrader gives all points for the first and the third, and no grades to a notebook with another.
- A result without text is like any that is no number, where nbgrader gives the notebook no grades.
"""

import math
import re
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass

from cnnlesson.grading.nodes import NotebookNode, new_output

_TRUTH = re.compile(r"(?:np\.)?(True|False)_?")
_WRAPPED = re.compile(r"(?:np\.\w+|array|tensor|Decimal)\(['\"]?([^'\",()]+)['\"]?(?:, [^()]*)?\)")


@dataclass(frozen=True, eq=False)
class Scored:
    """The outputs of a grade cell, as nbgrader can be trusted with them.

    Attributes:
        outputs: the same for the reader; `determine_grade` gives them the points they deserve.
        for_instructor: what is wrong with the test itself; mostly nothing.
    """

    outputs: list[NotebookNode]
    for_instructor: str = ""


def score(outputs: Sequence[NotebookNode], points: float) -> Scored:
    """Rewrite a grade cell's outputs so that nbgrader gives the points that they deserve.

    Args:
        outputs: of a code cell that has run; they are left as they are.
        points: the points to be had, zero or more.
    """
    shown = [_without_meaning(output) for output in outputs]
    results = [at for at, output in enumerate(outputs) if output.output_type == "execute_result"]
    if not results or any(output.output_type == "error" for output in outputs):
        return Scored(shown)
    last = results[-1]
    text = _text(outputs[last])
    value = _value(text, points)
    if value is None:
        return Scored(shown)
    earned = min(max(value, 0.0), float(points)) if math.isfinite(value) else 0.0
    is_truth = bool(_TRUTH.fullmatch(text))
    if value == earned and not is_truth and not _WRAPPED.fullmatch(text):
        shown[last] = deepcopy(outputs[last])
        return Scored(shown)
    result = new_output("execute_result", data={"text/plain": repr(earned)})
    shown.append(result)
    if value == earned and not is_truth:
        return Scored(shown)
    return Scored(
        shown,
        f"A test's value was {text[:40]}, and not a number from 0 to {points:g}: it was counted as "
        f"{earned:g}. Let the test end in such a number, or in an assert.",
    )


def _without_meaning(output: NotebookNode) -> NotebookNode:
    """The same to a reader, in a form that nbgrader does not count; an error stays one."""
    shown = deepcopy(output)
    if shown.output_type == "stream":
        shown.name = "stdout"
    elif shown.output_type == "execute_result":
        shown.output_type = "display_data"
        shown.pop("execution_count", None)
    return shown


def _text(output: NotebookNode) -> str:
    text = output.get("data", {}).get("text/plain", "")
    return ("".join(text) if isinstance(text, list) else str(text)).strip()


def _value(text: str, points: float) -> float | None:
    """The number that a result is, or None if it is none."""
    if truth := _TRUTH.fullmatch(text):
        return float(points) if truth[1] == "True" else 0.0
    wrapped = _WRAPPED.fullmatch(text)
    try:
        return float(wrapped[1] if wrapped else text)
    except ValueError:
        return None
