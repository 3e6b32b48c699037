"""Functions that students write: the right ones pass in any style, and a bug is called by its name.

SciPy, which nobody here wrote, and right functions in several styles say that what counts as right
is right; every bug of the bank, handed in as a student would, says that it is recognised.
"""

import base64
import inspect
import itertools
import json
import math
import re
import subprocess
import sys
import time
import warnings
from fractions import Fraction

import nbformat
import numpy as np
import pytest
from course import ROOT
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from nbclient import NotebookClient
from numpy.lib.stride_tricks import sliding_window_view
from scipy import signal

from cnnlesson import check
from cnnlesson.quiz import NotAnswered, PartlyRight, WrongAnswer, functions, session
from cnnlesson.quiz.bank import QUESTIONS
from cnnlesson.quiz.checking import yours_or_ours
from cnnlesson.quiz.diagnosis import Outcome, judge
from cnnlesson.quiz.functions import decode, run
from cnnlesson.quiz.questions import Kind
from cnnlesson.quiz.record import LARGEST, MIME, answer_record
from cnnlesson.quiz.running import Array, Call, Odd, Raised, Results, encode

ASKED = {name: each for name, each in QUESTIONS.items() if each.kind is Kind.FUNCTION}
SIZE, PADDING, STEP = "implement-output-size", "implement-zero-padding", "implement-one-step"
COUNT, CONVOLUTION = "implement-parameter-count", "implement-convolution"
DESCENT, BACKWARD = "implement-descent-step", "implement-backward"
NONCES = ("public", "another", "9f2c")


@pytest.fixture(autouse=True)
def fresh_notebook(monkeypatch):
    """Each test is a notebook of its own, graded by nobody."""
    monkeypatch.setattr(session, "_current", session.Session())
    for name in ("CNNLESSON_STUDENT", "JUPYTERHUB_USER", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)


def verdict(name, function, nonce="public"):
    """What a grader says who has nothing but the answer record."""
    question = ASKED[name]
    setup = question.numbers.lesson
    results = run(question.function, function, nonce)
    here = judge(question, setup, results)
    record = json.loads(json.dumps(answer_record(name, "", results, "0"), allow_nan=False))
    assert len(json.dumps(record).encode()) <= LARGEST
    if "value" in record:
        read = decode(record["value"], nonce)
        assert read == results
        assert judge(question, setup, read) == here
    else:
        assert record["unanswered"] is True
        assert here.outcome is Outcome.UNANSWERED
    return here


def said(name, function, nonce="public"):
    """All that is said of a function that is wrong."""
    found = verdict(name, function, nonce)
    assert found.outcome in (Outcome.WRONG, Outcome.PARTLY)
    return " ".join(found.sentences)


# --- Right functions ---------------------------------------------------------------------------


def size_by_counting(size, filter_size, stride, padding):
    padded = [0] * padding + [1] * size + [0] * padding
    return sum(1 for start in range(0, len(padded) - filter_size + 1, stride))


def padding_by_np(x, padding):
    return np.pad(x, [(0, 0), (padding, padding), (padding, padding)])


def padding_by_lists(x, padding):
    wide = x.shape[2] + 2 * padding
    ring, side = [[0] * wide] * padding, [0] * padding
    maps = [[*ring, *([*side, *row, *side] for row in each), *ring] for each in x.tolist()]
    return np.array(maps, x.dtype)


def padding_that_returns_x(x, padding):
    """A view of its argument is as right as a copy, where it is what was asked for."""
    return padding_by_np(x, padding) if padding else x


def step_by_loops(patch, weights, bias):
    total = bias
    for place in np.ndindex(patch.shape):
        total = total + patch[place] * weights[place]
    return total


def convolution_by_loops(x, filters, bias, stride, padding):
    (_, high, wide), (k, c, f_h, f_w) = x.shape, filters.shape
    rows, columns = (
        (high + 2 * padding - f_h) // stride + 1,
        (wide + 2 * padding - f_w) // stride + 1,
    )
    y = np.zeros((k, rows, columns), x.dtype)
    for f, i, j in np.ndindex(y.shape):
        total = bias[f]
        for ch, u, v in np.ndindex(c, f_h, f_w):
            row, column = i * stride + u - padding, j * stride + v - padding
            if 0 <= row < high and 0 <= column < wide:
                total += filters[f, ch, u, v] * x[ch, row, column]
        y[f, i, j] = total
    return y


def convolution_by_windows(x, filters, bias, stride, padding):
    windows = sliding_window_view(padding_by_np(x, padding), filters.shape[2:], axis=(1, 2))
    return (
        np.einsum("cijuv,kcuv->kij", windows[:, ::stride, ::stride], filters) + bias[:, None, None]
    )


def convolution_by_columns(x, filters, bias, stride, padding):
    """The product of a matrix of filters and one of patches."""
    windows = sliding_window_view(padding_by_np(x, padding), filters.shape[2:], axis=(1, 2))
    windows = windows[:, ::stride, ::stride]
    _, rows, columns, *_ = windows.shape
    patches = windows.transpose(0, 3, 4, 1, 2).reshape(-1, rows * columns)
    y = filters.reshape(len(filters), -1) @ patches + bias[:, None]
    return y.reshape(len(filters), rows, columns)


def convolution_by_scipy(x, filters, bias, stride, padding):
    padded = padding_by_np(x, padding)
    maps = [
        sum(signal.correlate(padded[c], each[c], mode="valid") for c in range(len(x)))
        for each in filters
    ]
    return (np.stack(maps) + bias[:, None, None])[:, ::stride, ::stride].astype(x.dtype)


def convolution_by_torch(x, filters, bias, stride, padding):
    torch = pytest.importorskip("torch")
    tensors = map(torch.from_numpy, (x[None], filters, bias))
    return torch.nn.functional.conv2d(*tensors, stride=stride, padding=padding)[0].numpy()


def backward_by_loops(x, filters, dy, stride, padding):
    padded = padding_by_np(x, padding)
    dpadded, dfilters = np.zeros_like(padded), np.zeros_like(filters)
    for k, i, j in np.ndindex(dy.shape):
        for c, u, v in np.ndindex(filters.shape[1:]):
            row, column = i * stride + u, j * stride + v
            dfilters[k, c, u, v] += dy[k, i, j] * padded[c, row, column]
            dpadded[c, row, column] += dy[k, i, j] * filters[k, c, u, v]
    high, wide = x.shape[1:]
    dx = dpadded[:, padding : padding + high, padding : padding + wide]
    return [dx, dfilters, dy.sum((1, 2))]


def backward_by_scipy(x, filters, dy, stride, padding):
    """The gradients are convolutions themselves, of a dy with zeros between its numbers."""
    padded = padding_by_np(x, padding)
    _, _, f_h, f_w = filters.shape
    spread = np.zeros((len(dy), padded.shape[1] - f_h + 1, padded.shape[2] - f_w + 1), x.dtype)
    spread[:, ::stride, ::stride] = dy
    dfilters = [[signal.correlate(each, d, mode="valid") for each in padded] for d in spread]
    dx = [
        sum(signal.convolve(d, w[c]) for d, w in zip(spread, filters, strict=True))
        for c in range(len(x))
    ]
    high, wide = x.shape[1:]
    inner = np.stack(dx)[:, padding : padding + high, padding : padding + wide]
    return inner.astype(x.dtype), np.array(dfilters, x.dtype), dy.sum((1, 2))


def backward_by_torch(x, filters, dy, stride, padding):
    torch = pytest.importorskip("torch")
    x, filters = (torch.from_numpy(each).requires_grad_() for each in (x, filters))
    bias = torch.zeros(len(filters), dtype=x.dtype, requires_grad=True)
    y = torch.nn.functional.conv2d(x[None], filters, bias, stride=stride, padding=padding)[0]
    y.backward(torch.from_numpy(dy))
    return tuple(each.grad.numpy() for each in (x, filters, bias))


def descent_in_copies(filters, bias, dfilters, dbias, learning_rate):
    filters, bias = filters.copy(), bias.copy()
    filters -= learning_rate * dfilters
    bias -= learning_rate * dbias
    return filters, bias


class Adder:
    """Something callable need not be a function."""

    def __call__(self, patch, weights, bias):
        return np.tensordot(patch, weights, 3) + bias


RIGHT = [
    (SIZE, size_by_counting),
    (SIZE, lambda n, f, s, p: math.floor((n - f + 2 * p) / s + 1)),
    (SIZE, lambda n, f, s, p: np.int32((n - f + 2 * p) // s + 1)),
    (SIZE, lambda n, f, s, p: np.array((n - f + 2 * p) // s + 1)),
    (PADDING, padding_by_np),
    (PADDING, padding_by_lists),
    (PADDING, padding_that_returns_x),
    (PADDING, lambda x, p: np.asfortranarray(padding_by_np(x, p))),
    (STEP, step_by_loops),
    (STEP, lambda x, w, b: (x * w).sum() + b),
    (STEP, lambda x, w, b: float((x * w).sum() + b)),
    (STEP, lambda x, w, b: np.array((x * w).sum() + b)),
    (STEP, Adder()),
    (COUNT, lambda h, w, c, k: sum(h * w * c + 1 for _ in range(k))),
    (CONVOLUTION, convolution_by_loops),
    (CONVOLUTION, convolution_by_windows),
    (CONVOLUTION, convolution_by_columns),
    (CONVOLUTION, convolution_by_scipy),
    (CONVOLUTION, convolution_by_torch),
    (DESCENT, descent_in_copies),
    (DESCENT, lambda w, b, dw, db, rate: [w - rate * dw, b - rate * db]),
    (BACKWARD, backward_by_loops),
    (BACKWARD, backward_by_scipy),
    (BACKWARD, backward_by_torch),
    *((name, each.right_answer(each.numbers.lesson)) for name, each in ASKED.items()),
]


@pytest.mark.parametrize("nonce", NONCES)
@pytest.mark.parametrize(
    ("name", "function"),
    RIGHT,
    ids=[f"{name}-{each.__class__ and i}" for i, (name, each) in enumerate(RIGHT)],
)
def test_right_functions_pass_in_every_style(name, function, nonce):
    if function in (convolution_by_torch, backward_by_torch):
        pytest.importorskip("torch")
    found = verdict(name, function, nonce)
    assert (found.outcome, found.share, found.sentences) == (Outcome.RIGHT, 1, ())


def test_the_cases_hold_what_a_wrong_function_may_overlook():
    """Each in its own right, and with the others."""
    for name in (CONVOLUTION, BACKWARD):
        cases = ASKED[name].function.all_cases("any")
        stride, padding = [case[3] for case in cases], [case[4] for case in cases]
        x, filters = [case[0].shape for case in cases], [case[1].shape for case in cases]
        assert {case[0].dtype.name for case in cases} == {"float32", "float64"}
        assert {*stride} >= {1, 2, 3}
        assert {*padding} >= {0, 1, 2}
        assert any(high != wide for _, high, wide in x)
        assert any(high != wide for *_, high, wide in filters)
        assert any(k > c > 1 for k, c, *_ in filters)
        assert any(1 < k < c for k, c, *_ in filters)
        settings = zip(x, filters, stride, padding, strict=True)
        assert any((n[1] - f[2] + 2 * p) % s for n, f, s, p in settings)
    for name in (PADDING, STEP):
        dtypes = {case[0].dtype.name for case in ASKED[name].function.all_cases("any")}
        assert dtypes == {"float32", "float64", "int64"}


@pytest.mark.parametrize("name", ASKED)
def test_a_nonce_draws_the_values_and_never_the_shapes(name):
    task = ASKED[name].function

    def form(nonce):
        return [
            [(a.shape, a.dtype.str) if hasattr(a, "shape") else type(a) for a in case]
            for case in task.all_cases(nonce)
        ]

    def plain(nonce):
        return [[np.asarray(each).tolist() for each in case] for case in task.all_cases(nonce)]

    assert form("one") == form("two")
    assert plain("one") == plain("one")
    assert plain("one") != plain("two")
    sizes = [functions._size(case) for case in task.all_cases("one")]
    assert sizes[:-2] == sorted(sizes[:-2])
    assert sizes[-1] == sizes[-2] == sizes[0]


def test_the_values_are_the_same_on_every_machine():
    """Pinned: whoever grades again later, elsewhere, comes to the same mark."""
    values = functions.Values("pinned")
    assert values.whole(1, 1000) == PINNED[0]
    assert values.array((3,), "int64").tolist() == PINNED[1]
    assert values.array((1,)).tolist() == PINNED[2]


PINNED = (887, [4, -4, -4], [-0.6301656607538462])


# --- Functions with a bug ----------------------------------------------------------------------


def as_students_write(formula):
    """A function with a bug that is neither in the dtype nor in the form of what it returns."""

    def function(*arguments):
        value = formula(*arguments)
        if isinstance(value, tuple):
            return tuple(each.astype(arguments[0].dtype) for each in value)
        if isinstance(value, np.ndarray) and value.shape:
            return value.astype(arguments[0].dtype)
        return value

    return function


BUGS = [(name, bug) for name, each in ASKED.items() for bug in each.misconceptions]


@pytest.mark.parametrize(("name", "bug"), BUGS, ids=[f"{name}-{bug.id}" for name, bug in BUGS])
def test_every_bug_is_called_by_its_name_and_by_no_other(name, bug):
    for nonce in NONCES:
        found = verdict(name, as_students_write(bug.formula), nonce)
        assert found.misconceptions == (bug.id,)
        assert found.share == bug.share
        assert found.outcome is (Outcome.PARTLY if bug.share else Outcome.WRONG)
        where, *rest = found.sentences
        assert where.startswith("It goes wrong with ")
        assert rest == [bug.say]


@pytest.mark.parametrize(("name", "bug"), BUGS, ids=[f"{name}-{bug.id}" for name, bug in BUGS])
def test_every_bug_is_called_by_its_name_where_the_dtype_is_lost_too(name, bug):
    """As by `np.zeros(shape)`: then some results are wrong by their dtype alone."""

    def function(*arguments):
        value = bug.formula(*arguments)
        if isinstance(value, tuple):
            return tuple(each.astype(np.float64) for each in value)
        return value.astype(np.float64) if isinstance(value, np.ndarray) and value.shape else value

    found = verdict(name, function)
    assert found.misconceptions == (bug.id,)
    assert found.share == bug.share


@pytest.mark.parametrize(
    "besides",
    [lambda x, y: y.tolist(), lambda x, y: x.fill(0) or y, lambda x, y: y.astype(object)],
    ids=["list", "changed", "object"],
)
def test_a_bug_worth_half_is_worth_nothing_beside_a_fault_that_is(besides):
    """It is called by its name all the same."""

    def turned(x, padding):
        y = padding_by_np(x, padding).swapaxes(1, 2)
        return besides(x, y) if x.dtype == np.float32 else y

    found = verdict(PADDING, turned)
    assert found.misconceptions == ("transposed",)
    assert found.share == 0


@pytest.mark.parametrize("name", ASKED)
def test_every_question_knows_many_bugs(name):
    question = ASKED[name]
    assert len(question.misconceptions) >= (15 if name == CONVOLUTION else 4)
    assert question.next_step.endswith("?")
    assert {bug.share for bug in question.misconceptions} <= {0, Fraction(1, 2)}


def test_the_smallest_failing_case_is_named_by_its_shapes_and_settings():
    bug = next(b for b in ASKED[CONVOLUTION].misconceptions if b.id == "stride-before-padding")
    assert said(CONVOLUTION, as_students_write(bug.formula)).startswith(
        "It goes wrong with x of shape (1, 5, 5), filters of shape (1, 1, 3, 3), "
        "bias of shape (1,), stride 2, padding 0. "
    )


def test_a_bug_shows_where_other_cases_are_right_by_other_means():
    """Only large filters get the bias wrong: the bug explains what is wrong there."""

    def sometimes(x, filters, bias, stride, padding):
        return convolution_by_loops(
            x, filters, 0 * bias if filters.shape[3] > 2 else bias, stride, padding
        )

    found = verdict(CONVOLUTION, sometimes)
    assert found.misconceptions == ("no-bias",)


def with_swapped_loops(x, filters, bias, stride, padding):
    """Goes over as many rows as there are columns."""
    padded, y = padding_by_np(x, padding), convolution_by_loops(x, filters, bias, stride, padding)
    _, _, f_h, f_w = filters.shape
    for k, j, i in np.ndindex(y.shape):
        rows, columns = slice(i * stride, i * stride + f_h), slice(j * stride, j * stride + f_w)
        y[k, i, j] = (padded[:, rows, columns] * filters[k]).sum() + bias[k]
    return y


@pytest.mark.parametrize(
    ("name", "function", "pattern"),
    [
        (
            CONVOLUTION,
            with_swapped_loops,
            "It is right where input and filters are square. Are height and width swapped",
        ),
        (
            CONVOLUTION,
            lambda *a: convolution_by_loops(*a) * (1 + (a[3] > 1)),
            "It is right where the stride is 1.",
        ),
        (
            PADDING,
            lambda x, p: padding_by_np(x, p) * (1 + (len(x) > 1)),
            "It is right where there is one channel.",
        ),
        (
            SIZE,
            lambda n, f, s, p: (n - f + 2 * p) // s + 1 - 3 * ((n - f + 2 * p) % s > 0),
            "It is right where the stride fits the input.",
        ),
        (
            COUNT,
            lambda h, w, c, k: (h * w * c + 1) * k + 5 * (h != w),
            "It is right where the filter is square.",
        ),
    ],
)
def test_what_the_wrong_cases_have_in_common_is_said(name, function, pattern):
    assert pattern in said(name, function)


def test_no_right_number_is_ever_told():
    for name in (SIZE, COUNT):
        question = ASKED[name]
        for offset in (1, 7, 1000):
            found = said(name, lambda *a, q=question, o=offset: q.function.expected(*a) + o)
            smallest = question.function.all_cases("public")[0]
            right = question.function.expected(*smallest)
            assert f"It returns {right + offset}." in found
            assert f" {right}." not in found


# --- Functions that do something else ----------------------------------------------------------


def raises(error):
    def function(*_):
        raise error

    return function


class Strange(Exception):
    """Its text cannot be had."""

    def __str__(self):
        raise RuntimeError


def in_place(x, filters, bias, stride, padding):
    y = convolution_by_loops(x, filters, bias, stride, padding)
    bias += 1
    return y


def in_single_precision(x, filters, bias, stride, padding):
    arrays = (each.astype("f4") for each in (x, filters, bias))
    return convolution_by_loops(*arrays, stride, padding).astype(x.dtype)


BUFFER = {}


def into_a_buffer(x, padding):
    """Returns the same array for the same shape."""
    right = padding_by_np(x, padding)
    buffer = BUFFER.setdefault((right.shape, right.dtype.str), right)
    buffer[...] = right
    return buffer


CALLS = itertools.count()


def right_at_first(patch, weights, bias):
    """Right until the cases come again."""
    return step_by_loops(patch, weights, bias) + (next(CALLS) % 12 == 11)


REMEMBERED = {}


def remembering_shapes(x, padding):
    return REMEMBERED.setdefault((x.shape, padding, x.dtype.str), padding_by_np(x, padding))


def gathering(patch, weights, bias, terms=[]):  # noqa: B006 - which is the bug
    terms.extend((patch * weights).ravel())
    return sum(terms) + bias


@pytest.mark.parametrize(
    ("name", "function", "sentence"),
    [
        (SIZE, raises(ValueError("no such size")), "It raises ValueError: no such size"),
        (SIZE, raises(ZeroDivisionError), "It raises ZeroDivisionError"),
        (SIZE, raises(SystemExit(0)), "It raises SystemExit: 0"),
        (SIZE, raises(Strange), "It raises Strange"),
        (SIZE, raises(ValueError("a\n\0\x1b[31m\udc80b")), "It raises ValueError: a �"),
        (SIZE, raises(ValueError("x" * 10**6)), "xxx…"),
        (SIZE, lambda size: size, "It raises TypeError"),
        (SIZE, lambda *a: size_by_counting(*a) / 1, "`//` divides whole numbers"),
        (SIZE, lambda *a: None, "It returns None (is there a `return`?), but a whole number"),
        (SIZE, lambda *a: True, "It returns True, but a whole number is asked for."),
        (SIZE, lambda *a: "3", "It returns an object of type str, but a whole number"),
        (SIZE, lambda *a: 10**5000, "a number of more than 18 digits, but a whole number"),
        (SIZE, lambda *a: [3, 3], "It returns a list of 2, but a whole number is asked for."),
        (SIZE, lambda *a: np.ones(3), "It returns an array of shape (3,), but a whole number"),
        (PADDING, lambda x, p: None, "It returns None (is there a `return`?), but an array"),
        (PADDING, lambda x, p: sys.stdout.write("here") and None, "It returns None"),
        (
            PADDING,
            lambda x, p: padding_by_np(x, p).tolist(),
            "It returns a list of 1, but an array",
        ),
        (PADDING, lambda x, p: [padding_by_np(x, p)], "It returns one array in a tuple or list"),
        (PADDING, lambda x, p: 0, "It returns a number, but an array is asked for."),
        (PADDING, lambda x, p: padding_by_np(x, p)[0], "has shape (3, 3), which is not the shape"),
        (PADDING, lambda x, p: padding_by_np(x, p) * np.nan, "There are NaN or infinite numbers"),
        (PADDING, lambda x, p: padding_by_np(x, p).astype(object), "an array of object, but"),
        (PADDING, lambda x, p: padding_by_np(x, p).astype("f2"), "an array of float16, but"),
        (PADDING, lambda x, p: padding_by_np(x, p) + 0j, "an array of complex128, but"),
        (PADDING, lambda x, p: padding_by_np(x, p) > 0, "an array of bool, but"),
        (PADDING, lambda x, p: np.broadcast_to(x[0, 0, 0], (10**5,) * 3), "far too large, but"),
        (PADDING, lambda x, p: np.zeros((1,) * 20), "far too many axes or numbers, but"),
        (PADDING, lambda x, p: x, "The image comes back without a border."),
        (PADDING, into_a_buffer, "What it returned changes when it is called again"),
        (PADDING, lambda x, p: x.fill(0), "It changes its argument `x`"),
        (STEP, lambda x, w, b: (x * w).sum((1, 2)), "an array of shape (1,), but a number is"),
        (STEP, gathering, "It goes wrong with"),
        (CONVOLUTION, in_place, "It changes its argument `bias`: work on a copy"),
        (
            CONVOLUTION,
            in_single_precision,
            "right to a few digits only: keep the dtype throughout",
        ),
        (
            BACKWARD,
            lambda *a: backward_by_loops(*a)[:2],
            "but a tuple of 3 arrays (dx, ",
        ),
        (
            BACKWARD,
            lambda *a: backward_by_loops(*a)[0],
            "It returns an array of shape",
        ),
        (
            BACKWARD,
            lambda *a: (2 * backward_by_loops(*a)[0], *backward_by_loops(*a)[1:]),
            "Not right: `dx`.",
        ),
        (BACKWARD, lambda *a: [each[None] for each in backward_by_loops(*a)], "`dx` has shape"),
    ],
)
def test_what_else_may_be_wrong_gets_a_sentence(name, function, sentence, capfd):
    text = said(name, function)
    assert sentence in text
    assert capfd.readouterr() == ("", "")


def test_the_same_shapes_with_other_values_show_what_is_remembered():
    REMEMBERED.clear()
    sentence = "wrong when it is called again with arguments of the same shapes"
    assert sentence in said(PADDING, remembering_shapes)


def test_another_result_for_the_same_arguments_is_told():
    assert len(ASKED[STEP].function.all_cases("any")) == 12
    assert "wrong when it is called again with arguments of the same" in said(STEP, right_at_first)


def test_right_numbers_of_another_dtype_earn_half():
    found = verdict(CONVOLUTION, lambda *a: convolution_by_loops(*a).astype("f8"))
    assert (found.outcome, found.share) == (Outcome.PARTLY, Fraction(1, 2))
    assert "The numbers are right, but of dtype float64; x is of float32" in found.sentences[1]
    assert found.sentences[0].endswith(", in float32.")


def test_being_right_by_luck_once_is_not_enough():
    """One who knows all results for the public values fails with a grader's."""
    task = ASKED[STEP].function
    known = {case[0].tobytes(): task.expected(*case) for case in task.all_cases("public")}

    def copied(patch, *_):
        return known.get(patch.tobytes(), 0.0)

    assert verdict(STEP, copied).outcome is Outcome.RIGHT
    assert verdict(STEP, copied, "secret").outcome is Outcome.WRONG
    first = task.expected(*task.all_cases("secret")[0])
    assert verdict(STEP, lambda *a: first, "secret").outcome is Outcome.WRONG


def test_a_grader_draws_by_its_own_nonce():
    results = run(ASKED[STEP].function, step_by_loops, "a grader's")
    assert judge(ASKED[STEP], None, results).outcome is Outcome.RIGHT
    elsewhere = decode(encode(results), "another grader's")
    assert judge(ASKED[STEP], ASKED[STEP].numbers.lesson, elsewhere).outcome is Outcome.WRONG


def test_a_stub_is_not_answered_and_runs_once():
    calls = []

    def stub(*arguments):
        calls.append(arguments)
        raise NotImplementedError

    for name in ASKED:
        calls.clear()
        assert verdict(name, stub).outcome is Outcome.UNANSWERED
        assert len(calls) == 1


def test_not_implemented_for_some_cases_only_is_wrong():
    def half(size, filter_size, stride, padding):
        if padding:
            raise NotImplementedError
        return size_by_counting(size, filter_size, stride, padding)

    assert "It raises NotImplementedError It is right where the padding is 0." in said(SIZE, half)


def test_warnings_and_prints_leave_nothing_on_the_error_stream(capfd):
    def talking(patch, weights, bias):
        sys.stdout.write("here")
        sys.stderr.write("there")
        sys.stderr.flush()
        warnings.warn("careful", stacklevel=1)
        np.float64(1) / np.float64(0)
        return step_by_loops(patch, weights, bias)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert verdict(STEP, talking).outcome is Outcome.RIGHT
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_ends_the_run_at_once():
    calls = []

    def slow(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return size_by_counting(*arguments)

    assert "is there a loop that never ends?" in said(SIZE, slow)
    assert len(calls) == 3


# --- What `check` says -------------------------------------------------------------------------


def test_a_right_function_is_told_and_kept(capsys):
    assert check(SIZE, size_by_counting) is None
    assert capsys.readouterr() == ("Output Size\nYour function is right.\n", "")
    assert yours_or_ours(SIZE) is size_by_counting
    assert capsys.readouterr().out == "output_size: yours\n"


def test_a_wrong_function_raises_with_its_bug_and_the_librarys_is_handed_out(capsys):
    with pytest.raises(WrongAnswer) as refused:
        check(SIZE, lambda n, f, s, p: (n - f + p) // s + 1)
    title, opening, *rest = str(refused.value).splitlines()
    assert (title, opening) == ("Output Size", "Your function is not right.")
    assert "The padding seems to be counted once: it is added at both ends." in rest
    given = yours_or_ours(SIZE)
    assert given(7, 3, 2, 1) == 4
    assert capsys.readouterr().out == "output_size: the library's, until yours is right\n"


@pytest.mark.parametrize(("name", "bug"), BUGS, ids=[f"{name}-{bug.id}" for name, bug in BUGS])
def test_no_line_is_longer_than_validate_shows(name, bug):
    error = PartlyRight if bug.share else WrongAnswer
    with pytest.raises(error) as refused:
        check(name, as_students_write(bug.formula))
    assert all(len(line) <= 79 for line in str(refused.value).splitlines())


def test_long_texts_of_errors_are_wrapped():
    with pytest.raises(WrongAnswer) as refused:
        check(SIZE, raises(ValueError("x" * 1000)))
    assert all(len(line) <= 79 for line in str(refused.value).splitlines())


@pytest.mark.parametrize("answer", [..., raises(NotImplementedError)])
def test_what_is_as_released_is_not_answered(answer):
    with pytest.raises(NotAnswered, match="Not answered yet"):
        check(CONVOLUTION, answer)


@pytest.mark.parametrize("answer", [None, 14, "output_size", [size_by_counting], np.ones(3)])
def test_what_is_no_function_is_told_so(answer):
    with pytest.raises(WrongAnswer, match="The answer is a function, not"):
        check(SIZE, answer)


def test_verdicts_after_grading_stay_open(capsys):
    session.current().tell = session.AFTER_GRADING
    check(SIZE, lambda *a: 0)
    yours_or_ours(SIZE)
    told = capsys.readouterr().out
    assert "you will be told after grading" in told
    assert "yours" not in told


def test_yours_or_ours_wants_a_question_about_a_function():
    with pytest.raises(ValueError, match="'parameter-sharing' does not ask for a function"):
        yours_or_ours("parameter-sharing")
    with pytest.raises(ValueError, match="there is no question 'outputsize'"):
        yours_or_ours("outputsize")


def record(code):
    """The answer record that a cell leaves."""
    shell = InteractiveShell.instance()
    with capture_output() as captured:
        shell.run_cell(f"from cnnlesson import check\n{code}")
    (data,) = (output.data[MIME] for output in captured.outputs if MIME in output.data)
    return data


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ("lambda *a: 0", {"value": [{"int": 0}] * 33}),
        (
            "lambda *a: 1 / 0",
            {"value": [{"raised": ["ZeroDivisionError", "division by zero"]}] * 33},
        ),
        ("lambda *a: None", {"value": [{"other": "None"}] * 33}),
        ("...", {"unanswered": True}),
        ("14", {"value": 14}),
        ("{1: 2}", {"unreadable": "{1: 2}"}),
    ],
)
def test_a_cell_leaves_a_plain_record(answer, left):
    data = record(f"check('{SIZE}', {answer})")
    assert {key: data[key] for key in data.keys() & {"value", "unanswered", "unreadable"}} == left


def test_a_grader_judges_a_record_in_another_process():
    code = f"""
import json, sys
from cnnlesson.quiz import bank, functions
from cnnlesson.quiz.diagnosis import judge
question = bank.find({CONVOLUTION!r})
results = functions.decode(json.load(sys.stdin), "secret")
print(judge(question, question.numbers.lesson, results).misconceptions)
"""
    bug = next(b for b in ASKED[CONVOLUTION].misconceptions if b.id == "transposed")
    results = run(ASKED[CONVOLUTION].function, as_students_write(bug.formula), "secret")
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(encode(results)),
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == "('transposed',)\n"


def test_numpy_is_imported_only_when_a_function_is_met():
    code = f"""
import sys
from cnnlesson import ask, check
from cnnlesson.quiz import bank
repr(ask({CONVOLUTION!r})), ask({CONVOLUTION!r})._repr_markdown_()
check("parameter-sharing", 3860)
assert "numpy" not in sys.modules
check({SIZE!r}, lambda n, f, s, p: (n - f + 2 * p) // s + 1)
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


# --- Records that were not made by `encode` ----------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), max_size=60)


@st.composite
def arrays(draw):
    dtype = draw(st.sampled_from(["<f4", "<f8", "<i8"]))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    size = math.prod(shape) * np.dtype(dtype).itemsize
    return Array(dtype, shape, draw(st.binary(min_size=size, max_size=size)))


OUTCOMES = st.one_of(
    st.integers(-(2**63) + 1, 2**63 - 1),
    arrays(),
    st.lists(arrays(), min_size=1, max_size=8).map(tuple),
    st.builds(Raised, TEXTS, TEXTS),
    st.builds(Odd, TEXTS),
)
CALLS_MADE = st.builds(Call, OUTCOMES, st.none() | st.integers(0, 7), st.booleans())
KEYS = [
    "int",
    "array",
    "arrays",
    "raised",
    "other",
    "changed",
    "overwritten",
    "dtype",
    "shape",
    "base64",
    "x",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(CALLS_MADE, max_size=6))
def test_what_is_encoded_comes_back(calls):
    results = Results("n", tuple(calls))
    text = json.dumps(encode(results), allow_nan=False)
    assert decode(json.loads(text), "n") == results


@given(JSON | st.lists(JSON, max_size=3))
def test_anything_else_is_refused_with_a_sentence(value):
    try:
        results = decode(value, "n")
    except ValueError as error:
        assert str(error).startswith("the record of a function holds ")  # noqa: PT017
        return
    assert decode(json.loads(json.dumps(encode(results))), "n") == results


@given(st.sampled_from(sorted(ASKED)), st.lists(CALLS_MADE, max_size=40))
def test_no_record_gets_in_the_way_of_a_verdict(name, calls):
    question = ASKED[name]
    found = judge(question, question.numbers.lesson, Results("n", tuple(calls)))
    assert found.outcome in (Outcome.WRONG, Outcome.PARTLY, Outcome.UNANSWERED)
    assert found.share in (0, Fraction(1, 2))
    assert found.sentences


def packed(**changes):
    array = {"dtype": "<f8", "shape": [2], "base64": base64.b64encode(bytes(16)).decode()}
    return [{"array": array | changes}]


class Sneaky(int):
    """An int that is not quite one."""


ATTACKS = [
    None,
    {},
    "[]",
    [[]],
    [None],
    [{}],
    [{"int": 1, "other": "None"}],
    [{"int": 1, "extra": 2}],
    [{"int": True}],
    [{"int": 1.0}],
    [{"int": Sneaky(1)}],
    [{"int": 2**63}],
    [{"int": "1"}],
    [{"int": None}],
    [{"int": 1, "changed": -1}],
    [{"int": 1, "changed": True}],
    [{"int": 1, "changed": None}],
    [{"int": 1, "changed": 10**9}],
    [{"int": 1, "overwritten": False}],
    [{"int": 1, "overwritten": 1}],
    [{"int": 1}] * 101,
    [{"raised": "ValueError"}],
    [{"raised": ["ValueError"]}],
    [{"raised": ["ValueError", None]}],
    [{"raised": ["x" * 61, ""]}],
    [{"raised": ["ValueError", "x" * 201]}],
    [{"other": ["None"]}],
    [{"other": "x" * 201}],
    [{"arrays": []}],
    [{"arrays": {}}],
    [{"arrays": [each["array"] for each in packed() * 9]}],
    [{"array": None}],
    [{"array": {}}],
    packed(extra=1),
    packed(dtype="O"),
    packed(dtype="|O8"),
    packed(dtype=">f8"),
    packed(dtype="<f2"),
    packed(dtype="<M8[ns]"),
    packed(dtype=["<f8"]),
    packed(dtype=[["a", "<f8"]]),
    packed(shape=2),
    packed(shape=[3]),
    packed(shape=[-2]),
    packed(shape=[-1, -2]),
    packed(shape=[2.0]),
    packed(shape=[True, 2]),
    packed(shape=["2"]),
    packed(shape=[[2]]),
    packed(shape=[1] * 8 + [2]),
    packed(shape=[10**7, 0], base64=""),
    packed(shape=[10**6] * 8),
    packed(shape=[]),
    packed(base64=None),
    packed(base64=b""),
    packed(base64="AAAA"),
    packed(base64="é" * 24),
    packed(base64="A" * 23),
    packed(base64="A" * 10 + "\n" + "A" * 12 + "=="),
    packed(shape=[10**5], base64=base64.b64encode(bytes(8 * 10**5)).decode()),
    packed(shape=[10**4], base64=base64.b64encode(bytes(8 * 10**4)).decode()) * 2,
]


@pytest.mark.parametrize("value", ATTACKS, ids=range(len(ATTACKS)))
def test_attacks_are_refused_with_a_sentence(value):
    start = time.process_time()
    with pytest.raises(ValueError, match="the record of a function holds") as refused:
        decode(value, "n")
    assert len(str(refused.value)) < 200
    assert time.process_time() - start < 0.5


def test_text_in_a_record_is_one_plain_line():
    results = decode([{"raised": ["E\n\0rror", "\x1b[31m\ud800\n\n<b>"]}], "n")
    assert results.calls[0].outcome == Raised("E �rror", "�[31m� <b>")


def test_the_largest_records_stay_small():
    """However much a function returns, and however it is spread over the cases."""
    for name, question in ASKED.items():
        for count in (1_000, 8_000, 18_000, 10**6):
            results = run(question.function, lambda *a, n=count: np.zeros(n))
            size = len(json.dumps(answer_record(name, "", results, "0")).encode())
            assert size <= LARGEST
            assert decode(encode(results), results.nonce) == results


# --- The assignment ----------------------------------------------------------------------------


def executed(stage, change=lambda cells: None, **settings):
    """Run an assignment's notebook as nbgrader does; return its cells and the seconds of each."""
    path = ROOT / stage / "conv-layer/conv-layer.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    change(cells)
    seconds, begun = {}, {}
    NotebookClient(
        notebook,
        allow_errors=True,
        on_cell_execute=lambda cell, cell_index: begun.update({cell.id: time.perf_counter()}),
        on_cell_executed=lambda cell, cell_index, execute_reply: seconds.update(
            {cell.id: time.perf_counter() - begun[cell.id]}
        ),
        resources={"metadata": {"path": str(path.parent)}},
        **settings,
    ).execute()
    return cells, seconds


def text(cell):
    """What a cell shows, errors too."""
    return "\n".join(
        output.get("text") or "\n".join(output.get("traceback", ())) for output in cell.outputs
    )


def losses(cell):
    return [float(loss) for loss in re.findall(r"loss (\d\.\d+)", text(cell))]


@pytest.mark.nbgrader
def test_the_source_runs_and_its_layer_learns():
    cells, seconds = executed("source")
    for name in ASKED:
        assert text(cells[name]).strip().endswith("Your function is right.")
        assert seconds[name] < 3
    assert "library" not in text(cells["tools"]) + text(cells["training-data"])
    fallen = losses(cells["training"])
    assert fallen == sorted(fallen, reverse=True)
    assert fallen[-1] < fallen[0] / 4
    assert seconds["training"] < 8
    assert "# # # # #\n. . # . ." in text(cells["filters"])  # the tee


@pytest.mark.nbgrader
def test_the_release_runs_and_the_librarys_layer_learns():
    cells, _ = executed("release")
    for name in ASKED:
        assert "Not answered yet: write the function in the cell above." in text(cells[name])
    told = text(cells["tools"]) + text(cells["training-data"])
    assert told.count("the library's, until yours is right") == 6
    fallen = losses(cells["training"])
    assert fallen[-1] < fallen[0] / 4


@pytest.mark.nbgrader
def test_the_slowest_right_functions_are_in_time():
    """Loops over single numbers, which are the first that one writes."""

    def change(cells):
        for name, function in ((CONVOLUTION, convolution_by_loops), (BACKWARD, backward_by_loops)):
            source = inspect.getsource(function) + inspect.getsource(padding_by_np)
            called = ASKED[name].function.name
            cells[f"{name}-answer"].source = f"{source}\n{called} = {function.__name__}"

    cells, seconds = executed("source", change)
    assert "library" not in text(cells["tools"]) + text(cells["training-data"])
    assert all(seconds[name] < 3 for name in ASKED)
    assert seconds["training"] < 8


@pytest.mark.nbgrader
def test_a_loop_without_end_is_stopped_and_told_and_the_rest_goes_on():
    def change(cells):
        cells[
            f"{SIZE}-answer"
        ].source = "def output_size(*arguments):\n    while True:\n        pass"
        cells[f"{SIZE}-try"].source = ""

    cells, _ = executed("source", change, timeout=4, interrupt_on_timeout=True)
    assert "is there a loop that never ends?" in text(cells[SIZE])
    (left,) = (o.data[MIME] for o in cells[SIZE].outputs if MIME in o.get("data", {}))
    assert left["value"] == [{"raised": ["KeyboardInterrupt", ""]}]
    assert text(cells[PADDING]).strip().endswith("Your function is right.")
    assert "output_size: the library's" in text(cells["tools"])
    assert text(cells[CONVOLUTION]).strip().endswith("Your function is right.")
