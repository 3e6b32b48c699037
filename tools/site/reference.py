"""The public API in Markdown, from the docstrings: what `griffe2md` writes, with our links."""

import re
from functools import cache

from griffe import Alias, GriffeLoader, Module, Object, Parser
from griffe2md import default_config, render_object_docs

_STYLE = default_config | {
    "heading_level": 1,
    "inherited_members": False,
    "show_if_no_docstring": False,
    "show_signature_annotations": True,
    "show_submodules": False,
    "summary": {"attributes": False, "classes": True, "functions": True, "modules": False},
}


def modules(index: str) -> list[str]:
    """Return the names in the first column of a table of modules."""
    return re.findall(r"^\| `(cnnlesson[\w.]*)` \|", index, flags=re.MULTILINE)


def linked(index: str) -> str:
    """Return the table with a link to each module's page."""
    return re.sub(r"^\| `(cnnlesson[\w.]*)` \|", r"| [`\1`](\1.html) |", index, flags=re.MULTILINE)


def document(name: str) -> str:
    """Return a module's public names with their docstrings, as Markdown.

    Args:
        name: the module's, with the package's before it.
    """
    module = _package()[name.partition(".")[2]] if "." in name else _package()
    return _without_dead_links(render_object_docs(module, _STYLE))


@cache
def _package() -> Module:
    loader = GriffeLoader(docstring_parser=Parser.google)
    package = loader.load("cnnlesson")
    loader.resolve_aliases()
    _escape(package)
    _show_exports(package)
    return package


def _show_exports(package: Module) -> None:
    """Have what a package exports stand before a module of the same name, as in `ops.dense`."""
    modules = [each for each in package.modules.values() if not each.is_alias]
    for each in modules:
        _show_exports(each)
    for each in modules:
        exported = package.exports and each.name in package.exports
        if exported and each.name in each.members:
            package.members[each.name] = Alias(each.name, each.members[each.name], parent=package)


def _escape(thing: Object) -> None:
    """Keep the asterisks of formulas such as F*F*C, which Markdown would take for emphasis."""
    if thing.docstring:
        thing.docstring.value = re.sub(r"(?<=[\w)])\*(?=[\w(])", r"\\*", thing.docstring.value)
    for member in thing.members.values():
        if not member.is_alias:
            _escape(member)


def _without_dead_links(text: str) -> str:
    """Keep of the links within the page those that lead to a heading."""
    places = set(re.findall(r"^#+ `(.+)`$", text, flags=re.MULTILINE))
    return re.sub(
        r"\[([^\[\]]+)\]\(#([\w.]+)\)",
        lambda link: link[0] if link[2] in places else link[1],
        text,
    )
