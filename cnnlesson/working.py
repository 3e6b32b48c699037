"""Show how a result of `arithmetic` comes about: the formula, the numbers put in, the steps.

    >>> from cnnlesson import output_size, show_work
    >>> show_work(output_size, 32, 8, stride=2, padding=1)
    W_out = floor((W - F + 2P)/S) + 1
          = floor((32 - 8 + 2·1)/2) + 1
          = floor((32 - 8 + 2)/2) + 1
          = floor(26/2) + 1
          = 13 + 1
          = 14

A notebook shows the same as typeset formulas. Every formula is written down here once, as text,
and a test holds the number that it leads to against what the function in `arithmetic` returns.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cnnlesson import arithmetic
from cnnlesson.expressions import (
    Expression,
    Number,
    Symbol,
    calculation,
    latex,
    parse,
    substitute,
    text,
)
from cnnlesson.settings import Pair, one_axis, per_axis

Values = Mapping[str, int | Fraction]
"""Symbols, such as "W", to their numbers."""


@dataclass(frozen=True)
class Line:
    """One quantity and how it is worked out.

    Attributes:
        name: what the quantity is called: a symbol such as W_out, or words.
        formula: its formula, in the notation of `expressions`.
        values: the number for each symbol in it; there may be more.
    """

    name: str
    formula: str
    values: Values

    @property
    def steps(self) -> list[Expression]:
        """The formula in symbols, with numbers put in, and each step down to the result."""
        formula = parse(self.formula)
        return [formula, *calculation(substitute(formula, self.values))]

    @property
    def result(self) -> Fraction:
        """The number that the steps lead to."""
        last = self.steps[-1]
        assert isinstance(last, Number)
        return last.value


@dataclass(frozen=True, repr=False)
class Work:
    """A result and how it came about; a notebook typesets it, a terminal prints it.

    Attributes:
        result: what the function returned.
        lines: the quantities that were worked out on the way, in order.
    """

    result: Any
    lines: tuple[Line, ...]

    def __repr__(self) -> str:
        blocks = []
        for line in self.lines:
            first, *others = map(text, line.steps)
            indent = " " * len(line.name)
            blocks.append(
                "\n".join([f"{line.name} = {first}", *(f"{indent} = {s}" for s in others)])
            )
        return "\n\n".join(blocks)

    def _repr_markdown_(self) -> str:
        blocks = []
        for line in self.lines:
            rows = r" \\".join(f"\n&= {latex(step)}" for step in line.steps)
            blocks.append(
                f"$$\n\\begin{{aligned}}\n{Symbol(line.name).latex} {rows.lstrip()}\n"
                "\\end{aligned}\n$$"
            )
        return "\n\n".join(blocks)


def show_work(function: Callable[..., Any], *arguments: Any, **settings: Any) -> Work:
    """Call a function of `arithmetic`, and show how its result comes about.

    Args:
        function: such as `output_size`.
        arguments: what it is called with.
        settings: what it is called with, by name.

    Returns:
        The result and its steps, as LaTeX in a notebook and as text in a terminal.

    Raises:
        ValueError: if the function has no formula to show, or refuses the arguments.
        TypeError: if the function refuses the arguments.
    """
    if function not in _LINES:
        known = ", ".join(each.__name__ for each in _LINES)
        raise ValueError(
            f"there is no formula to show for {getattr(function, '__name__', function)!s}; "
            f"there is one for {known}"
        )
    result = function(*arguments, **settings)
    call = inspect.signature(function).bind(*arguments, **settings)
    call.apply_defaults()
    return Work(result, tuple(_LINES[function](call.arguments)))


# --- The formulas ----------------------------------------------------------------------------

_Arguments = Mapping[str, Any]
_Lines = Callable[[_Arguments], list[Line]]
_LINES: dict[Callable[..., Any], _Lines] = {}


def _shows(*functions: Callable[..., Any]) -> Callable[[_Lines], _Lines]:
    """Register what turns the arguments of these functions into lines."""

    def register(lines: _Lines) -> _Lines:
        _LINES.update(dict.fromkeys(functions, lines))
        return lines

    return register


@dataclass(frozen=True)
class _Axis:
    """The settings along one axis, and the pieces of formula that depend on them.

    A dilation of 1 and a padding alike at both ends keep the formulas as the lesson has them.
    """

    input_size: int
    filter_size: int
    stride: int
    sides: Pair
    dilation: int
    symbol: str = "W"

    @classmethod
    def of(cls, arguments: _Arguments) -> "_Axis":
        """Read the arguments of a function that works along one axis."""
        given = dict.fromkeys(("input_size", "filter_size", "stride", "dilation"), 1)
        given |= {"padding": 0, **arguments}
        stride = given["filter_size"] if given["stride"] is None else given["stride"]
        size, filter_size, dilation = given["input_size"], given["filter_size"], given["dilation"]
        sides = arithmetic.padding_sides(
            given["padding"], size, filter_size, stride=stride, dilation=dilation
        )
        return cls(size, filter_size, stride, sides, dilation)

    @property
    def reach(self) -> str:
        """The pixels that a filter reaches over."""
        return "F" if self.dilation == 1 else "(D*(F - 1) + 1)"

    @property
    def both_ends(self) -> str:
        """The padding at both ends together, as a term to add or take off."""
        return "2*P" if self.sides[0] == self.sides[1] else "(P_before + P_after)"

    @property
    def spare(self) -> str:
        """What the first position leaves over."""
        ends = self.both_ends.strip("()")
        return f"{self.symbol} - {self.reach} + {ends}"

    @property
    def positions(self) -> Line:
        """The size of the output."""
        return Line(f"{self.symbol}_out", f"floor(({self.spare})/S) + 1", self.values)

    @property
    def values(self) -> dict[str, int | Fraction]:
        """The number for every symbol."""
        before, after = self.sides
        return {
            self.symbol: self.input_size,
            "F": self.filter_size,
            "S": self.stride,
            "D": self.dilation,
            "P": before,
            "P_before": before,
            "P_after": after,
        }


@_shows(arithmetic.output_size)
def _output_size(arguments: _Arguments) -> list[Line]:
    return [_Axis.of(arguments).positions]


@_shows(arithmetic.remainder)
def _remainder(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    return [Line("remainder", f"mod({axis.spare}, S)", axis.values)]


@_shows(arithmetic.dilated_filter_size)
def _dilated_filter_size(arguments: _Arguments) -> list[Line]:
    return [Line("reach", "D*(F - 1) + 1", _Axis.of(arguments).values)]


@_shows(arithmetic.transposed_output_size)
def _transposed_output_size(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    formula = f"(W - 1)*S - {axis.both_ends} + D*(F - 1) + 1"
    values = axis.values
    if arguments["output_padding"]:
        formula += " + extra"
        values["extra"] = arguments["output_padding"]
    return [Line("W_out", formula, values)]


@_shows(arithmetic.pooled_size)
def _pooled_size(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    if not arguments["ceil"]:
        return [axis.positions]
    before = "P" if axis.sides[0] == axis.sides[1] else "P_before"
    last_start = f"ceil((W + {before})/S) - 1"  # the last that is not beyond the input
    return [Line("W_out", f"min(ceil(({axis.spare})/S), {last_start}) + 1", axis.values)]


@_shows(arithmetic.same_padding)
def _same_padding(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    total = Line("total", f"{axis.reach} - 1", axis.values)
    if arguments["convention"] == "tensorflow":
        total = Line("total", f"max((ceil(W/S) - 1)*S + {axis.reach} - W, 0)", axis.values)
    before = Line("P_before", "floor(total/2)", {"total": total.result})
    ends = {"total": total.result, "P_before": before.result}
    return [total, before, Line("P_after", "total - P_before", ends)]


# Backwards. Where several settings do, the lines give the smallest and the largest.


@_shows(arithmetic.paddings_for, arithmetic.paddings_that_keep)
def _paddings_for(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    values = axis.values | {"W_out": arguments.get("wanted_size", axis.input_size)}
    needed = f"(W_out - 1)*S + {axis.reach} - W"
    return [
        Line("least in all", f"max({needed}, 0)", values),
        Line("most in all", f"{needed} + S - 1", values),
    ]


@_shows(arithmetic.strides_for)
def _strides_for(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    values = axis.values | {"W_out": arguments["wanted_size"]}
    if arguments["wanted_size"] == 1:
        return [Line("smallest S", f"{axis.spare} + 1", values)]
    return [
        Line("smallest S", f"floor(({axis.spare})/W_out) + 1", values),
        Line("largest S", f"floor(({axis.spare})/(W_out - 1))", values),
    ]


@_shows(arithmetic.filter_sizes_for)
def _filter_sizes_for(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    values = axis.values | {"W_out": arguments["wanted_size"]}
    padded = f"W + {axis.both_ends}".replace("(", "").replace(")", "")
    return [
        Line("smallest F", f"max(ceil(({padded} - W_out*S)/D), 0) + 1", values),
        Line("largest F", f"floor(({padded} - (W_out - 1)*S - 1)/D) + 1", values),
    ]


@_shows(arithmetic.input_sizes_for)
def _input_sizes_for(arguments: _Arguments) -> list[Line]:
    axis = _Axis.of(arguments)
    values = axis.values | {"W_out": arguments["wanted_size"]}
    smallest = f"(W_out - 1)*S + {axis.reach} - {axis.both_ends}"
    return [
        Line("smallest W", f"max({smallest}, 1)", values),
        Line("largest W", f"{smallest} + S - 1", values),
    ]


# Layers: two axes, and counts.


def _both_axes(arguments: _Arguments) -> list[Line]:
    height, width, _ = arithmetic.read_shape(arguments["input_shape"])
    filters = per_axis("filter_size", arguments["filter_size"])
    strides = per_axis("stride", arguments["stride"])
    dilations = per_axis("dilation", arguments["dilation"])
    paddings = arithmetic.both_paddings(arguments["padding"])
    lines = []
    for axis, (symbol, size) in enumerate((("H", height), ("W", width))):
        settings = (size, filters[axis], strides[axis])
        sides = arithmetic.padding_sides(
            paddings[axis], size, filters[axis], stride=strides[axis], dilation=dilations[axis]
        )
        lines.append(_Axis(*settings, sides, dilations[axis], symbol).positions)
    return lines


def _one_filter(arguments: _Arguments, *, bias: bool) -> tuple[str, dict[str, int | Fraction]]:
    """Write the parameters of one filter, and give the numbers for its symbols."""
    height, width = per_axis("filter_size", arguments["filter_size"])
    formula = "F*F*C" if height == width else "F_h*F_w*C"
    if arguments["groups"] != 1:
        formula += "/G"
    if bias:
        formula = f"({formula} + 1)"
    depth = arguments.get("in_channels") or arguments["input_shape"][2]
    return formula, {"F": height, "F_h": height, "F_w": width, "C": depth, "G": arguments["groups"]}


@_shows(arithmetic.output_shape)
def _output_shape(arguments: _Arguments) -> list[Line]:
    return [*_both_axes(arguments), Line("depth", "K", {"K": arguments["out_channels"]})]


@_shows(arithmetic.neurons)
def _neurons(arguments: _Arguments) -> list[Line]:
    sizes = _both_axes(arguments)
    values = {line.name: line.result for line in sizes} | {"K": Fraction(arguments["out_channels"])}
    return [*sizes, Line("neurons", "H_out*W_out*K", values)]


@_shows(arithmetic.weights_of_a_filter)
def _weights_of_a_filter(arguments: _Arguments) -> list[Line]:
    return [Line("weights", *_one_filter(arguments, bias=False))]


@_shows(arithmetic.parameters_shared)
def _parameters_shared(arguments: _Arguments) -> list[Line]:
    one_filter, values = _one_filter(arguments, bias=arguments["bias"])
    return [Line("parameters", f"{one_filter}*K", values | {"K": arguments["out_channels"]})]


@_shows(arithmetic.parameters_unshared, arithmetic.multiply_adds)
def _at_every_position(arguments: _Arguments) -> list[Line]:
    """One filter for each neuron: its parameters, or the products of its weights."""
    name = "parameters" if "bias" in arguments else "multiply-adds"
    one_filter, values = _one_filter(arguments, bias=arguments.get("bias", False))
    sizes = _both_axes(arguments)
    values |= {line.name: line.result for line in sizes} | {"K": arguments["out_channels"]}
    return [*sizes, Line(name, f"{one_filter}*(H_out*W_out*K)", values)]


@_shows(arithmetic.parameters_dense, arithmetic.multiply_adds_dense)
def _dense(arguments: _Arguments) -> list[Line]:
    name = "parameters" if "bias" in arguments else "multiply-adds"
    formula = "(inputs + 1)*outputs" if arguments.get("bias") else "inputs*outputs"
    return [Line(name, formula, {key: arguments[key] for key in ("inputs", "outputs")})]


@_shows(arithmetic.activation_memory)
def _activation_memory(arguments: _Arguments) -> list[Line]:
    names = dict(zip("HWC", arithmetic.read_shape(arguments["shape"]), strict=True))
    values = names | {"N": arguments["batch"], "size": arguments["bytes_per_number"]}
    return [Line("bytes", "N*H*W*C*size", values)]


@_shows(arithmetic.receptive_field)
def _receptive_field(arguments: _Arguments) -> list[Line]:
    """Size r, jump j and first centre c, layer by layer."""
    lines: list[Line] = []
    size, jump, center = Fraction(1), Fraction(1), Fraction(1, 2)
    for number, layer in enumerate(arguments["layers"], start=1):
        filter_size, stride, padding, dilation = arithmetic.AxisLayer(*layer)
        before, after = f"_{number - 1}", f"_{number}"
        values: Values = {
            **{"F": filter_size, "S": stride, "D": dilation, "P": one_axis(padding)[0]},
            **{f"r{before}": size, f"j{before}": jump, f"c{before}": center},
        }
        grown = "(F - 1)" if dilation == 1 else "D*(F - 1)"
        of_this_layer = [
            Line(f"r{after}", f"r{before} + {grown}*j{before}", values),
            Line(f"j{after}", f"S*j{before}", values),
            Line(f"c{after}", f"c{before} + ({grown}/2 - P)*j{before}", values),
        ]
        size, jump, center = (line.result for line in of_this_layer)
        lines += of_this_layer
    return lines
