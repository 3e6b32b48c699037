"""Plain assert cells, held to what nbgrader's own determine_grade says before and after."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_output
from nbgrader.utils import determine_grade

from cnnlesson.grading.asserted import score

POINTS = 3


def result(text, **more):
    return new_output("execute_result", {"text/plain": text, **more})


def stream(name, text="said\n"):
    return new_output("stream", name=name, text=text)


ERROR = new_output("error", ename="AssertionError", evalue="", traceback=["AssertionError"])
FAILS = "fails the notebook"


def by_nbgrader(outputs):
    mark = {"grade": True, "solution": False, "locked": True, "grade_id": "x", "points": POINTS}
    try:
        return determine_grade(new_code_cell(outputs=outputs, metadata={"nbgrader": mark}))[0]
    except (KeyError, ValueError):
        return FAILS


KEPT = {  # nbgrader's rules: the outputs, and the points for them
    "nothing": ([], 3),
    "printed": ([stream("stdout")], 3),
    "error": ([ERROR], 0),
    "printed, then an error": ([stream("stdout"), ERROR], 0),
    "partial credit": ([result("2.5")], 2.5),
    "no credit": ([result("0.0")], 0),
    "all of it": ([result("3")], 3),
    "a small float": ([result("1e-05")], 1e-05),
    "no number": ([result("'well done'")], 3),
    "a list": ([result("[1, 2]")], 3),
    "a table": ([result("   a\n0  1", **{"text/html": "<table></table>"})], 3),
    "shown, not returned": ([new_output("display_data", {"text/plain": "0.0"})], 3),
}
MENDED = {  # nbgrader's traps: the outputs, nbgrader's points for them, and ours
    "a warning": ([stream("stderr")], 0, 3),
    "a warning, then partial credit": ([stream("stderr"), result("1.5")], 0, 1.5),
    "a warning, then an error": ([stream("stderr"), ERROR], 0, 0),
    "a result, then an error": ([result("3.0"), ERROR], 3, 0),
    "no number, then an error": ([result("'done'"), ERROR], 3, 0),
    "two results": ([result("3.0"), result("1.0")], 3, 1),
    "NumPy's float": ([result("np.float64(2.5)")], 3, 2.5),
    "NumPy's zero": ([result("np.float64(0.0)")], 3, 0),
    "NumPy's integer": ([result("np.int64(1)")], 3, 1),
    "NumPy's longdouble": ([result("np.longdouble('0.5')")], 3, 0.5),
    "an array of no axis": ([result("array(0.5, dtype=float32)")], 3, 0.5),
    "PyTorch's number": ([result("tensor(0.5000)")], 3, 0.5),
    "a decimal": ([result("Decimal('1.5')")], 3, 1.5),
    "true": ([result("True")], 3, 3),
    "false": ([result("False")], 3, 0),
    "NumPy's false": ([result("np.False_")], 3, 0),
    "not a number": ([result("nan")], 3, 0),
    "NumPy's not a number": ([result("np.float64(nan)")], 3, 0),
    "infinite": ([result("inf")], FAILS, 0),
    "minus infinite": ([result("-inf")], 3, 0),
    "negative": ([result("-1.0")], 3, 0),
    "above the points": ([result("3.5")], FAILS, 3),
    "far above the points": ([result("1e300")], FAILS, 3),
    "empty": ([result("")], FAILS, 3),
    "no text": ([new_output("execute_result", {"image/png": ""})], FAILS, 3),
}
TOLD = {
    "true",
    "false",
    "NumPy's false",
    "not a number",
    "NumPy's not a number",
    "infinite",
    "minus infinite",
    "negative",
    "above the points",
    "far above the points",
}


@pytest.mark.parametrize("case", KEPT)
def test_nbgraders_rules_are_kept(case):
    outputs, points = KEPT[case]
    assert by_nbgrader(outputs) == points
    scored = score(outputs, POINTS)
    assert by_nbgrader(scored.outputs) == points
    assert not scored.for_instructor


@pytest.mark.parametrize("case", MENDED)
def test_nbgraders_traps_are_mended(case):
    outputs, stock, points = MENDED[case]
    assert by_nbgrader(outputs) == stock
    scored = score(outputs, POINTS)
    assert by_nbgrader(scored.outputs) == points
    assert bool(scored.for_instructor) == (case in TOLD)


def test_the_reader_sees_all_that_was_there():
    outputs = [stream("stderr", "beware\n"), result("'x'"), result("np.float64(0.5)")]
    before = [dict(output) for output in outputs]
    warning, first, second, mark = score(outputs, POINTS).outputs
    assert outputs == before, "the outputs of the run were changed"
    assert (warning.name, warning.text) == ("stdout", "beware\n")
    assert [each.output_type for each in (first, second)] == ["display_data"] * 2
    assert second.data["text/plain"] == "np.float64(0.5)"
    assert mark.data["text/plain"] == "0.5"


def test_the_instructor_is_told_the_value_and_what_to_do():
    told = score([result("-1.5")], 3).for_instructor
    assert "-1.5" in told
    assert "from 0 to 3" in told
    assert "counted as 0" in told


texts = st.one_of(
    st.floats().map(repr),
    st.integers().map(repr),
    st.floats().map("np.float64({})".format),
    st.text(max_size=20),
)
outputs = st.one_of(texts.map(result), st.sampled_from([ERROR, stream("stderr"), stream("stdout")]))


@given(st.lists(outputs, max_size=5), st.sampled_from([0, 0.5, 1, 3]))
def test_any_outputs_get_a_grade_that_can_be_had(outputs, points):
    mark = {"grade": True, "solution": False, "locked": True, "grade_id": "x", "points": points}
    rewritten = score(outputs, points).outputs
    grade, _ = determine_grade(new_code_cell(outputs=rewritten, metadata={"nbgrader": mark}))
    assert math.isfinite(grade)
    assert 0 <= grade <= points
    if ERROR in outputs:
        assert grade == 0


@given(st.floats(0, POINTS))
def test_partial_credit_is_kept_to_the_last_digit(value):
    assert by_nbgrader(score([result(repr(value))], POINTS).outputs) == value
    assert by_nbgrader(score([result(f"np.float64({value!r})")], POINTS).outputs) == value
