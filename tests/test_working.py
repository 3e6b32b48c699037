"""The shown work leads to what the functions return, in text and in LaTeX."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_arithmetic import axes, layers, stacks

from cnnlesson import arithmetic, show_work
from cnnlesson.expressions import calculation, latex, parse, substitute, text
from cnnlesson.working import _LINES


def results(work):
    """The numbers that the last lines of the work lead to, by what they are called."""
    return {line.name: line.result for line in work.lines}


def only(settings, *names):
    return {name: settings[name] for name in names}


@given(axes())
def test_sizes_along_an_axis(axis):
    size = show_work(arithmetic.output_size, **axis)
    assert list(results(size).values()) == [size.result]
    rest = show_work(arithmetic.remainder, **axis)
    assert list(results(rest).values()) == [rest.result]
    reach = show_work(arithmetic.dilated_filter_size, axis["filter_size"], axis["dilation"])
    assert list(results(reach).values()) == [reach.result]


@given(axes(), st.booleans())
def test_pools(axis, ceil):
    half = arithmetic.dilated_filter_size(axis["filter_size"], axis["dilation"]) // 2
    axis["padding"] = tuple(min(side, half) for side in axis["padding"])
    axis["input_size"] += half
    work = show_work(arithmetic.pooled_size, ceil=ceil, **axis)
    assert list(results(work).values()) == [work.result]
    if axis["filter_size"] <= axis["input_size"]:
        work = show_work(arithmetic.pooled_size, axis["input_size"], axis["filter_size"])
        assert list(results(work).values()) == [work.result]


@given(axes())
def test_transposed_convolution(axis):
    padded_away = sum(axis["padding"])
    axis["input_size"] += padded_away
    for extra in range(min(2, max(axis["stride"], axis["dilation"]))):
        work = show_work(arithmetic.transposed_output_size, output_padding=extra, **axis)
        assert list(results(work).values()) == [work.result]


@given(axes())
def test_same_padding(axis):
    settings = only(axis, "input_size", "filter_size", "dilation")
    theirs = show_work(arithmetic.same_padding, convention="pytorch", **settings)
    tensorflows = show_work(arithmetic.same_padding, stride=axis["stride"], **settings)
    for work in (theirs, tensorflows):
        found = results(work)
        assert (found["P_before"], found["P_after"]) == work.result


@given(axes(), st.integers(1, 9))
def test_inverses(axis, wanted):
    rest = only(axis, "filter_size", "stride", "dilation")
    work = show_work(arithmetic.paddings_for, wanted, axis["input_size"], **rest)
    least, most = results(work).values()
    assert [sum(pair) for pair in work.result] == list(range(int(least), int(most) + 1))

    work = show_work(arithmetic.paddings_that_keep, axis["input_size"], **rest)
    least, most = results(work).values()
    assert [sum(pair) for pair in work.result] == list(range(int(least), int(most) + 1))

    rest = only(axis, "filter_size", "stride", "padding", "dilation")
    work = show_work(arithmetic.input_sizes_for, wanted, **rest)
    smallest, largest = results(work).values()
    assert list(work.result) == list(range(int(smallest), int(largest) + 1))

    rest = only(axis, "input_size", "stride", "padding", "dilation")
    work = show_work(arithmetic.filter_sizes_for, wanted, **rest)
    smallest, largest = results(work).values()
    assert list(work.result) == list(range(int(smallest), int(largest) + 1))

    rest = only(axis, "input_size", "filter_size", "padding", "dilation")
    work = show_work(arithmetic.strides_for, wanted, **rest)
    smallest, *largest = results(work).values()
    last = int(largest[0]) + 1 if largest else work.result.stop
    assert list(work.result) == list(range(int(smallest), last))


@given(layers, st.booleans(), st.integers(1, 3))
def test_layers(layer, bias, groups):
    height, width, depth = layer["input_shape"]
    layer["input_shape"] = (height, width, depth * groups)
    layer["out_channels"] *= groups
    work = show_work(arithmetic.output_shape, **layer)
    assert tuple(results(work).values()) == work.result
    counted = [
        show_work(arithmetic.neurons, **layer),
        show_work(arithmetic.parameters_unshared, **layer, bias=bias, groups=groups),
        show_work(arithmetic.multiply_adds, **layer, groups=groups),
        show_work(
            arithmetic.parameters_shared,
            layer["filter_size"],
            depth * groups,
            layer["out_channels"],
            bias=bias,
            groups=groups,
        ),
        show_work(
            arithmetic.weights_of_a_filter, layer["filter_size"], depth * groups, groups=groups
        ),
        show_work(arithmetic.parameters_dense, height * width, depth, bias=bias),
        show_work(arithmetic.multiply_adds_dense, height * width, depth),
        show_work(arithmetic.activation_memory, layer["input_shape"], batch=groups),
    ]
    for work in counted:
        assert work.lines[-1].result == work.result


@given(stacks)
def test_receptive_fields(stack):
    work = show_work(arithmetic.receptive_field, stack)
    flat = [Fraction(number) for field in work.result for number in field]
    assert list(results(work).values()) == flat


def test_every_formula_of_the_module_is_shown():
    functions = {
        value
        for name, value in vars(arithmetic).items()
        if callable(value)
        and getattr(value, "__module__", None) == arithmetic.__name__
        and not name.startswith("_")
        and not isinstance(value, type)
    }
    readers = {"padding_sides", "read_shape", "channels_per_group", "both_paddings"}
    lists = {"unread"}  # finds pixels, and has no formula
    assert {f.__name__ for f in functions} - readers - lists == {f.__name__ for f in _LINES}


def test_a_terminal_gets_text():
    work = show_work(arithmetic.parameters_shared, 8, 3, 20)
    assert repr(work) == (
        "parameters = (F·F·C + 1)·K\n"
        "           = (8·8·3 + 1)·20\n"
        "           = (192 + 1)·20\n"
        "           = 193·20\n"
        "           = 3860"
    )


def test_a_notebook_gets_latex():
    work = show_work(arithmetic.output_size, 33, 8, stride=2, padding=1)
    assert work._repr_markdown_() == "\n".join(
        [
            "$$",
            r"\begin{aligned}",
            r"W_{\text{out}} &= \left\lfloor \frac{W - F + 2P}{S} \right\rfloor + 1 \\",
            r"&= \left\lfloor \frac{33 - 8 + 2 \cdot 1}{2} \right\rfloor + 1 \\",
            r"&= \left\lfloor \frac{33 - 8 + 2}{2} \right\rfloor + 1 \\",
            r"&= \left\lfloor \frac{27}{2} \right\rfloor + 1 \\",
            r"&= \left\lfloor 13.5 \right\rfloor + 1 \\",
            r"&= 13 + 1 \\",
            "&= 14",
            r"\end{aligned}",
            "$$",
        ]
    )


def test_impossible_input_is_refused_as_by_the_function():
    with pytest.raises(ValueError, match="F = 8 does not fit"):
        show_work(arithmetic.output_size, 5, 8)
    with pytest.raises(ValueError, match=r"no formula to show for unread; .* output_size"):
        show_work(arithmetic.unread, 5, 3)


formulas = st.recursive(
    st.sampled_from("WFSP"),
    lambda parts: st.one_of(
        st.builds("({}) {} ({})".format, parts, st.sampled_from("+-*"), parts),
        st.builds("({}) / {}".format, parts, st.integers(1, 9)),
        st.builds("{}({}, {})".format, st.sampled_from(["max", "min"]), parts, parts),
        st.builds("{}({})".format, st.sampled_from(["floor", "ceil"]), parts),
    ),
    max_leaves=8,
)
values = st.fixed_dictionaries(dict.fromkeys("WFSP", st.integers(-20, 20)))


@given(formulas, values)
def test_every_step_of_a_calculation_has_the_same_value(formula, values):
    """Python reads what we write for people, brackets and all, as we do."""
    functions = {"floor": lambda x: x // 1, "ceil": lambda x: -(-x // 1), "max": max, "min": min}
    steps = calculation(substitute(parse(formula), values))
    for step in steps:
        written = text(step).replace("·", "*")
        if not set(written) & set("…."):  # a decimal may have been cut off
            exact = re.sub(r"\d+", r"Fraction(\g<0>)", written)
            value = eval(exact, {"Fraction": Fraction, **functions})
            assert value == steps[-1].value


def test_what_is_no_formula_is_refused():
    for formula in ("W ** 2", "open('x')", "W if F else S", "1.5"):
        with pytest.raises(ValueError, match="a formula cannot hold"):
            parse(formula)


def test_numbers_are_written_for_people():
    assert text(parse("1/3 + 0")) == "1/3 + 0"
    third, *_ = calculation(parse("7/3"))[1:]
    assert text(third) == "2.333…"
    assert latex(third) == r"2.333\ldots"
    assert text(calculation(parse("27/2"))[-1]) == "13.5"
