"""nbgrader's formgrader, with pages in which nothing that a student wrote can act.

Its templates write ids and names unescaped, its exporter is nbconvert's own, and it serves what a
student handed in under its own address, where a script may post grades. None of that can be
configured, so `install` replaces a few attributes of its handlers.
"""

import re
import sys
from base64 import b64encode
from functools import cache
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import nbgrader
from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader
from jupyter_server.base.handlers import JupyterHandler

from cnnlesson.grading.guard import TESTED
from cnnlesson.grading.pages import Escaping, PageExporter

_PACKAGE = "nbgrader.server_extensions.formgrader"
_TEMPLATES = Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"


def install() -> None:
    """Change the formgrader of this process, if there is one; again is no harm.

    Raises:
        RuntimeError: if this is a version of nbgrader that this was not tested with.
    """
    handlers = sys.modules.get(f"{_PACKAGE}.handlers")
    if handlers is None:
        return
    if nbgrader.__version__ not in TESTED:
        raise RuntimeError(
            f"nbgrader {nbgrader.__version__} is installed here, and this course's formgrader was "
            f"tested with {' and '.join(TESTED)} alone: install one of these, as in "
            f"`pip install nbgrader=={TESTED[-1]}`"
        )
    base = sys.modules[f"{_PACKAGE}.base"]
    base.BaseHandler.content_security_policy = property(_page_policy)
    base.BaseHandler.exporter = property(_exporter)
    base.BaseHandler.render = _render
    base.BaseApiHandler.set_default_headers = _answer_as_text
    handlers.SubmissionFilesHandler.content_security_policy = property(_file_policy)


class GraderExporter(PageExporter):
    """Makes the formgrader's page of a submission."""

    # The formgrader waits for MathJax, which it asks another host for. Formulas need none here.
    head = (
        "<script>var MathJax = {Hub: {Startup: {signal: "
        '{Interest: function (started) { started("End"); }}}}};</script>'
    )


def _exporter(handler: Any) -> GraderExporter:
    exporter = GraderExporter(config=handler.settings["nbgrader_formgrader"].config)  # type: ignore[no-untyped-call]
    exporter.nonce = _nonce(handler)
    return exporter


def _render(handler: Any, name: str, **values: Any) -> str:
    return _environment().get_template(name).render(**values, nonce=_nonce(handler))


@cache
def _environment() -> Environment:
    # A template of nbgrader's asks for this one by a name that it no longer has.
    macros = (_TEMPLATES / "formgrade" / "formgrade_macros.html.j2").read_text(encoding="utf-8")
    loaders = [FileSystemLoader(_TEMPLATES), DictLoader({"formgrade_macros.tpl": macros})]
    return Environment(loader=Escaping(ChoiceLoader(loaders)), autoescape=True)


def _nonce(handler: Any) -> str:
    if not hasattr(handler, "_nonce"):
        handler._nonce = token_urlsafe(16)
    return str(handler._nonce)


def _page_policy(handler: Any) -> str:
    return "; ".join(
        [
            _inherited_policy(handler),
            "default-src 'none'",
            f"script-src 'nonce-{_nonce(handler)}' 'unsafe-hashes' {_buttons()}",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _file_policy(handler: Any) -> str:
    """Show what a student handed in as that of a stranger, who may not run a script either."""
    shown = "img-src 'self' data:; style-src 'unsafe-inline'"
    return f"{_inherited_policy(handler)}; sandbox; default-src 'none'; {shown}"


def _inherited_policy(handler: Any) -> str:
    """Keep who may frame the page; nbgrader's handlers get the address for reports wrong."""
    policy = JupyterHandler.content_security_policy.fget(handler)  # type: ignore[attr-defined]
    kept = [each.strip() for each in policy.split(";") if "report-uri" not in each]
    return "; ".join(kept)


def _answer_as_text(handler: Any) -> None:
    """Keep a browser from reading the JSON of an answer, with names in it, as HTML.

    It is no application/json, since the formgrader's scripts parse what comes as text.
    """
    JupyterHandler.set_default_headers(handler)
    handler.set_header("Content-Type", "text/plain; charset=UTF-8")


@cache
def _buttons() -> str:
    """The hashes of the few scripts that nbgrader's templates have in attributes."""
    templates = "".join(
        path.read_text(encoding="utf-8") for path in _TEMPLATES.rglob("*") if path.is_file()
    )
    scripts = sorted(set(re.findall(r'\sonclick="([^"]*)"', templates, re.IGNORECASE)))
    hashes = (b64encode(sha256(script.encode()).digest()).decode() for script in scripts)
    return " ".join(f"'sha256-{each}'" for each in hashes)
