"""Write a function out as a student would have it in a cell, with all that it calls.

The wrong functions of simulated students are those of the bank, and no sandbox has the bank.
"""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from types import CodeType, ModuleType
from typing import Any


@cache
def written_out(function: Callable[..., Any], name: str) -> str:
    """Return code that needs nothing of this library, and gives a function a name.

    Args:
        function: a function or lambda that is defined in a module.
        name: what the code calls it; it leaves one more name behind, `_made`.
    """
    parts: dict[str, str] = {}
    made = _write(function, parts)
    body = "\n".join([*parts.values(), f"return {made}"])
    return f"def _made():\n{textwrap.indent(body, '    ')}\n{name} = _made()"


def _write(function: Any, parts: dict[str, str]) -> str:
    """Add what a function needs, and itself if it has a name, and return what it is called."""
    function = getattr(import_module(function.__module__), function.__name__, function)
    called: str = function.__name__
    if called in parts:
        return called
    node = _node(function)
    parts[called] = ""  # for functions that call each other
    for name, value in _globals(function):
        if name in parts:
            continue
        if isinstance(value, ModuleType):
            parts[name] = f"import {value.__name__} as {name}"
        elif not value.__module__.startswith("cnnlesson."):
            parts[name] = f"from {value.__module__} import {name}"
        elif (made := _write(value, parts)) != name:
            parts[name] = f"{name} = {made}"
    parts.pop(called)
    if isinstance(node, ast.Lambda):
        return ast.unparse(node)
    parts[called] = ast.unparse(node)
    return called


def _globals(function: Any) -> Iterator[tuple[str, Any]]:
    """The modules and functions that a function names."""
    for name in sorted(_names(function.__code__)):
        value = function.__globals__.get(name)
        if inspect.isroutine(value) or inspect.ismodule(value):
            yield name, value


def _names(code: CodeType) -> set[str]:
    inner = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _node(function: Any) -> ast.Lambda | ast.FunctionDef:
    """Find a function in its module, and leave out what a student would not write."""
    code = function.__code__
    for node in ast.walk(_tree(function.__module__)):
        if isinstance(node, ast.Lambda | ast.FunctionDef) and node.lineno == code.co_firstlineno:
            for argument in ast.walk(node.args):
                if isinstance(argument, ast.arg):
                    argument.annotation = None
            if isinstance(node, ast.FunctionDef):
                node.returns = None
                if ast.get_docstring(node):
                    del node.body[0]
            return node
    raise LookupError(f"{function.__module__} has no {function.__name__} to write out")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(import_module(module)))
