"""Formulas that can be written out: in symbols, with numbers put in, and step by step.

A formula is one line of Python arithmetic, such as "floor((W - F + 2*P) / S) + 1". Numbers are
exact fractions throughout. Standard library only.
"""

import ast
import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Number:
    """A number that stands in a formula."""

    value: Fraction

    @property
    def text(self) -> str:
        """The number as a decimal; one that never ends is cut off with an ellipsis."""
        if self.value.denominator == 1:
            return str(self.value.numerator)
        decimal = f"{float(self.value):.3f}"
        return decimal.rstrip("0") if Fraction(decimal) == self.value else f"{decimal}…"


@dataclass(frozen=True)
class Symbol:
    """A letter that stands for a number, perhaps with an index: W, W_out."""

    name: str

    @property
    def latex(self) -> str:
        """The letter in italics, its index below the line; a word stays upright."""
        letter, _, index = self.name.partition("_")
        letter = letter if len(letter) == 1 else rf"\text{{{letter}}}"
        return letter if not index else rf"{letter}_{{\text{{{index}}}}}"


@dataclass(frozen=True)
class Sum:
    """Terms added up, or taken off where the sign is -1."""

    terms: tuple[tuple[int, "Expression"], ...]


@dataclass(frozen=True)
class Product:
    """Factors multiplied."""

    factors: tuple["Expression", ...]


@dataclass(frozen=True)
class Quotient:
    """One expression divided by another."""

    numerator: "Expression"
    denominator: "Expression"


@dataclass(frozen=True)
class Call:
    """floor, ceil, max, min or mod of expressions."""

    function: str
    arguments: tuple["Expression", ...]


Expression = Number | Symbol | Sum | Product | Quotient | Call

_FUNCTIONS: dict[str, Callable[..., Fraction]] = {
    "floor": lambda x: Fraction(math.floor(x)),
    "ceil": lambda x: Fraction(math.ceil(x)),
    "max": max,
    "min": min,
    "mod": lambda x, y: x % y,
}


def parse(formula: str) -> Expression:
    """Read a formula in Python's notation, with floor, ceil, max, min and mod as functions.

    Raises:
        ValueError: if it holds anything else than sums, products, quotients and these.
    """
    return _from_syntax(ast.parse(formula, mode="eval").body)


def _from_syntax(node: ast.expr) -> Expression:
    match node:
        case ast.Constant(value=int(value)):
            return Number(Fraction(value))
        case ast.Name(id=name):
            return Symbol(name)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() as sign, right=right):
            first, last = _from_syntax(left), _from_syntax(right)
            terms = first.terms if isinstance(first, Sum) else ((1, first),)
            return Sum((*terms, (1 if isinstance(sign, ast.Add) else -1, last)))
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            first, last = _from_syntax(left), _from_syntax(right)
            factors = first.factors if isinstance(first, Product) else (first,)
            return Product((*factors, last))
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return Quotient(_from_syntax(left), _from_syntax(right))
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in _FUNCTIONS:
            return Call(name, tuple(map(_from_syntax, arguments)))
    raise ValueError(f"a formula cannot hold {ast.unparse(node)!r}")


def substitute(expression: Expression, values: Mapping[str, Fraction | int]) -> Expression:
    """Put numbers in for the symbols.

    Raises:
        KeyError: if a symbol has no value.
    """
    if isinstance(expression, Symbol):
        return Number(Fraction(values[expression.name]))
    return _with_parts(expression, [substitute(part, values) for part in _parts(expression)])


def reduce_once(expression: Expression) -> Expression:
    """Work out every innermost operation, as one line of a calculation by hand does."""
    parts = _parts(expression)
    if not all(isinstance(part, Number) for part in parts):
        reduced = _with_parts(expression, [reduce_once(part) for part in parts])
        # Rounding a whole number is no step that anybody writes down.
        match reduced:
            case Call(function="floor" | "ceil", arguments=(Number(value),)) if (
                value.denominator == 1
            ):
                return Number(value)
        return reduced
    numbers = [part.value for part in parts if isinstance(part, Number)]
    match expression:
        case Number():
            return expression
        case Sum(terms=terms):
            signs = [sign for sign, _ in terms]
            return Number(sum((s * n for s, n in zip(signs, numbers, strict=True)), Fraction()))
        case Product():
            return Number(math.prod(numbers, start=Fraction(1)))
        case Quotient():
            return Number(numbers[0] / numbers[1])
        case Call(function=name):
            return Number(_FUNCTIONS[name](*numbers))
        case Symbol(name=name):
            raise KeyError(name)


def calculation(expression: Expression) -> list[Expression]:
    """List the lines of a calculation, from numbers put in to a single number."""
    lines = [expression]
    while not isinstance(lines[-1], Number):
        lines.append(reduce_once(lines[-1]))
    return lines


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Sum(terms=terms):
            return tuple(term for _, term in terms)
        case Product(factors=factors):
            return factors
        case Quotient(numerator=numerator, denominator=denominator):
            return numerator, denominator
        case Call(arguments=arguments):
            return arguments
        case Number() | Symbol():
            return ()


def _with_parts(expression: Expression, parts: list[Expression]) -> Expression:
    match expression:
        case Sum(terms=terms):
            return Sum(tuple((sign, part) for (sign, _), part in zip(terms, parts, strict=True)))
        case Product():
            return Product(tuple(parts))
        case Quotient():
            return Quotient(*parts)
        case Call(function=name):
            return Call(name, tuple(parts))
        case Number() | Symbol():
            return expression


# --- Writing it down -------------------------------------------------------------------------


def text(expression: Expression) -> str:
    """Write an expression on one line of a terminal."""
    match expression:
        case Number():
            return expression.text
        case Symbol(name=name):
            return name
        case Sum(terms=terms):
            return _signed(terms, text)
        case Product(factors=factors):
            return _multiplied(factors, text, "·", Sum, Product, Quotient)
        case Quotient(numerator=numerator, denominator=denominator):
            return (
                f"{_bracketed(numerator, text, Sum)}"
                f"/{_bracketed(denominator, text, Sum, Product, Quotient)}"
            )
        case Call(function=name, arguments=arguments):
            if name == "mod":
                return " mod ".join(_bracketed(argument, text, Sum) for argument in arguments)
            return f"{name}({', '.join(map(text, arguments))})"


def latex(expression: Expression) -> str:
    """Write an expression as LaTeX for a formula in a notebook."""
    match expression:
        case Number():
            return expression.text.replace("…", r"\ldots")
        case Symbol():
            return expression.latex
        case Sum(terms=terms):
            return _signed(terms, latex)
        case Product(factors=factors):
            return _multiplied(factors, latex, r" \cdot ", Sum, Product)
        case Quotient(numerator=numerator, denominator=denominator):
            return rf"\frac{{{latex(numerator)}}}{{{latex(denominator)}}}"
        case Call(function="floor" | "ceil" as name, arguments=(argument,)):
            return rf"\left\l{name} {latex(argument)} \right\r{name}"
        case Call(function="mod", arguments=arguments):
            return r" \bmod ".join(_bracketed(argument, latex, Sum) for argument in arguments)
        case Call(function=name, arguments=arguments):
            return rf"\{name}\left({', '.join(map(latex, arguments))}\right)"


def _signed(terms: tuple[tuple[int, Expression], ...], write: Callable[[Expression], str]) -> str:
    (sign, first), *others = terms
    start = write(first) if sign > 0 else f"-{_bracketed(first, write, Sum)}"
    return start + "".join(
        f" {'+' if sign > 0 else '-'} {_bracketed(term, write, Sum)}" for sign, term in others
    )


def _multiplied(
    factors: tuple[Expression, ...], write: Callable[[Expression], str], dot: str, *kinds: type
) -> str:
    written = _bracketed(factors[0], write, *kinds)
    for left, right in itertools.pairwise(factors):
        # A number and a single letter need no dot between them: 2P.
        close = isinstance(left, Number) and isinstance(right, Symbol) and len(right.name) == 1
        written += ("" if close else dot) + _bracketed(right, write, *kinds)
    return written


def _bracketed(expression: Expression, write: Callable[[Expression], str], *kinds: type) -> str:
    """Write a part, in brackets if it is one of these kinds or would begin with a minus."""
    negative = isinstance(expression, Number) and expression.value < 0
    written = write(expression)
    return f"({written})" if negative or isinstance(expression, kinds) else written
