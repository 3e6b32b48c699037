"""What feedback and formgrader show of a notebook: text, pictures, and HTML that cannot act.

A page is read by someone who may do more than the one who wrote it: an instructor's browser can
post grades. So a notebook is rebuilt from the few things that may be shown before nbconvert sees
it, HTML is sanitised by bleach, formulas become MathML, and what nbgrader's templates write
unescaped is escaped. A page needs no script, and asks no other host for anything.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape, unescape
from typing import Any, ClassVar
from xml.etree import ElementTree

import latex2mathml.converter
from bleach.css_sanitizer import CSSSanitizer
from bleach.sanitizer import Cleaner
from bs4 import BeautifulSoup, Tag
from jinja2 import (
    BaseLoader,
    BytecodeCache,
    ChoiceLoader,
    DictLoader,
    Environment,
    pass_context,
)
from jinja2.bccache import Bucket
from jinja2.runtime import Context
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter, TemplateExporter
from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbgrader.preprocessors import ClearHiddenTests, NbGraderPreprocessor
from nbgrader.utils import is_grade, is_solution
from pygments.token import STANDARD_TYPES
from traitlets import List, default
from traitlets.config import Config

from cnnlesson.grading.exporting import CappedReading
from cnnlesson.grading.nodes import NotebookNode, new_cell, new_notebook, new_output, node
from cnnlesson.grading.pictures import PIXELS, SHOWN, pixels

TEXT = 100_000
"""Characters that a cell of code, or an output, may show."""

MARKDOWN = 20_000
"""Characters that a text in Markdown may have, pictures in it not counted."""

COLOURED = 4_000
"""Characters that a cell of code may have to be coloured, which may take time quadratic in them."""

COLOURED_IN_ALL = 50_000
"""Characters that a page may have of such cells."""

PAGE = 5_000_000
"""Characters that a page may show in all, with its pictures in base64."""

IMAGE = 2_000_000
"""Bytes that a picture may have."""

MARKUP = 10_000
"""Tags and escaped signs that one piece of HTML may have."""

WORK = 100_000
"""Tags and escaped signs that the outputs of a page may have, and a fourth of its Markdown."""

NESTING = 50
"""Elements of HTML that may lie in each other."""

OUTPUTS = 200
"""Outputs that a cell may show."""

FORMULA = 2_000
"""Characters that a formula may have, to be typeset."""

_CUT = "\n[{} characters more are not shown here.]"
_LEFT_OUT = "[{} is not shown here.]"
_NO_ALT = "No description has been provided for this image"  # nbconvert's words
_HIDDEN = "[What a hidden test of this assignment did or said is not shown.]"


# --- HTML ------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TAGS = _words(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em h1 h2 h3 h4 h5 h6"
    " hr i img kbd li ol p pre s samp small span strong sub summary sup table tbody td tfoot th"
    " thead tr u ul x-formula"
)
# Their content is no text to read, so it goes with them.
_NO_TEXT = _words(
    "script style svg math iframe object embed template noscript textarea select title"
)
_NUMBER = re.compile(r"\d{1,4}")
_SQUARES = 10**8
_BASE64 = re.compile(r"base64,[A-Za-z0-9+/=\s]*+")
# An <img> runs no script and loads nothing, not even where its picture is an SVG.
_PICTURE = re.compile(r"data:image/(?:png|jpeg|svg\+xml);base64,([A-Za-z0-9+/=\s]+)")
# A relative link could lead to what the student handed in, under the formgrader's own address.
_LINK = re.compile(r"(?:https?://|mailto:|#).*", re.IGNORECASE)
# Others would make a link one of the formgrader's buttons, or a heading its grade cell.
_CLASSES = frozenset({"highlight", *STANDARD_TYPES.values()})
_ALIGNMENTS = re.compile(r"left|right|center")
_ATTRIBUTES: Mapping[tuple[str, str], re.Pattern[str]] = {
    ("img", "src"): _PICTURE,
    ("img", "alt"): re.compile(r".*", re.DOTALL),
    ("img", "width"): _NUMBER,
    ("img", "height"): _NUMBER,
    ("a", "href"): _LINK,
    ("abbr", "title"): re.compile(r".*", re.DOTALL),
    ("details", "open"): re.compile(r""),
    ("ol", "start"): _NUMBER,
    **{(cell, "align"): _ALIGNMENTS for cell in ("td", "th", "tr")},
    **{(cell, span): _NUMBER for cell in ("td", "th") for span in ("colspan", "rowspan")},
}


def _may_stay(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return set(value.split()) <= _CLASSES
    if name == "style":
        return True  # of which the CSS sanitizer keeps what it knows
    allowed = _ATTRIBUTES.get((tag, name))
    return allowed is not None and allowed.fullmatch(value) is not None


def sanitised(html: str) -> Markup:
    """Return of some HTML what can be read and can do nothing: no script, form, frame or request.

    Pictures stay if they are in the page itself, links if they say where they lead. HTML too
    deeply nested to be read, or with too much to look at, is shown as text.
    """
    text = len(html) - sum(len(picture[0]) for picture in _PICTURE.finditer(html))
    if len(html) > IMAGE or text > TEXT or _markup(html) > MARKUP or _squares(html) > _SQUARES:
        return _as_text(html)
    try:
        soup = BeautifulSoup(html, "html.parser")
        # The cleaner looks through all that is open, for each element anew.
        if _depth(soup) > NESTING:
            return _as_text(html)
        for element in soup(sorted(_NO_TEXT)):
            element.replace_with(_LEFT_OUT.format("A drawing") if element.name == "svg" else "")
        for picture in soup("img"):
            source = _PICTURE.fullmatch(str(picture.get("src", "")))
            if source is None:
                picture.replace_with(_LEFT_OUT.format("A picture from elsewhere"))
            elif not _may_be_drawn(source[1]):
                picture.replace_with(_LEFT_OUT.format("A picture that takes much to draw"))
            else:
                picture.attrs.setdefault("alt", _NO_ALT)
        # A cleaner is no more than settings, but not to be shared among threads.
        cleaner = Cleaner(
            tags=_TAGS,
            attributes=_may_stay,
            protocols={"http", "https", "mailto", "data"},
            css_sanitizer=CSSSanitizer({"text-align", "color", "background-color"}),
            strip=True,
        )
        return Markup(cleaner.clean(str(soup)))
    except RecursionError:
        return _as_text(html)


def _markup(html: str) -> int:
    """How much of it there is to look at."""
    return html.count("<") + html.count("&")


def _may_be_drawn(encoded: str) -> bool:
    """Whether a picture in base64 is one, and no more than a whole page may have of them."""
    found = _pixels(encoded)
    return found is not None and found <= PIXELS


def _pixels(encoded: str) -> int | None:
    try:
        return pixels(base64.b64decode("".join(encoded.split()), validate=True))
    except (binascii.Error, ValueError):
        return None


def _squares(html: str) -> int:
    """The squares of the lengths of its tags, by which a parser's time for attributes grows."""
    parts = _BASE64.sub("", html).split("<")
    return sum(len(part.partition(">")[0]) ** 2 for part in parts)


def _depth(soup: Tag) -> int:
    """How many elements lie in each other, at most."""
    deepest, open_ = 0, [(soup, 0)]
    while open_:
        element, depth = open_.pop()
        deepest = max(deepest, depth)
        open_ += [(each, depth + 1) for each in element.children if isinstance(each, Tag)]
    return deepest


def _as_text(text: str) -> Markup:
    return Markup("<pre>{}</pre>").format(shortened(text))


def shortened(text: str, most: int = TEXT) -> str:
    """Cut a text, and say how much of it was left out."""
    return text if len(text) <= most else text[:most] + _CUT.format(len(text) - most)


# --- Markdown and formulas -------------------------------------------------------------------


class _Renderer(IPythonRenderer):
    """nbconvert's renderer of Markdown, which puts formulas aside for `sanitised` not to see."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(escape=False, exclude_anchor_links=True, **settings)
        self.formulas: list[Markup] = []

    def _aside(self, latex: str, display: str) -> str:
        self.formulas.append(formula(latex, display))
        return f"<x-formula>{len(self.formulas) - 1}</x-formula>"

    def block_math(self, body: str) -> str:
        return self._aside(body, "block")

    def inline_math(self, body: str) -> str:
        return self._aside(body, "inline")

    def latex_environment(self, name: str, body: str) -> str:
        return self._aside(rf"\begin{{{name}}}{body}\end{{{name}}}", "block")

    def image(self, text: str, url: str, title: str | None = None) -> str:
        try:
            return super().image(text, url, title)
        except InvalidNotebook:
            return _LEFT_OUT.format("A picture that is not attached")

    def block_code(self, code: str, info: str | None = None) -> str:  # noqa: ARG002
        # Not coloured: it may name any of Pygments' lexers, many of which take quadratic time.
        return str(_as_text(code))


def rendered(markdown: str, attachments: Mapping[str, Mapping[str, str]] | None = None) -> Markup:
    """Return a text in Markdown as sanitised HTML, its formulas as MathML."""
    # The parser looks for the end of each of these through all that follows.
    if max(markdown.count(opening) for opening in (r"\begin{", r"\\[", r"\\(")) > 100:
        return _as_text(markdown)
    renderer = _Renderer(attachments=attachments or {})
    try:
        html = sanitised(MarkdownWithMath(renderer=renderer).render(markdown))
    except RecursionError:
        return _as_text(markdown)

    def typeset(match: re.Match[str]) -> str:
        number = int(match[1])
        return renderer.formulas[number] if number < len(renderer.formulas) else ""

    # Only an element can match: in an attribute, and in text, its < is escaped.
    return Markup(re.sub(r"<x-formula>(\d{1,6})</x-formula>", typeset, html))


_MATHML = _words(
    "math mrow mi mn mo mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover"
    " mmultiscripts mprescripts none mtable mtr mtd mstyle mpadded mphantom menclose merror"
)
_MATHML_ATTRIBUTES = _words(
    "xmlns display displaystyle scriptlevel stretchy fence form accent accentunder largeop"
    " movablelimits lspace rspace minsize maxsize linethickness mathvariant columnalign rowspacing"
    " columnspacing columnlines rowlines notation width height depth voffset linebreak"
)


def formula(latex: str, display: str) -> Markup:
    """Return a formula in LaTeX as MathML, which browsers typeset without a script.

    Args:
        latex: the formula, without the dollar signs.
        display: "inline" or "block".

    Returns:
        The MathML; the formula as it was typed if it is too long, or wrong, or links somewhere.
    """
    as_typed = Markup("<code>{}</code>").format(latex)
    if len(latex) > FORMULA:
        return as_typed
    # The same to the eye, of which the converter knows but one.
    known = latex.replace("{aligned}", "{split}")
    try:
        math = latex2mathml.converter.convert_to_element(known, display=display)
    except Exception:  # it knows many ways to say that a formula is wrong, IndexError among them
        return as_typed
    for element in math.iter():
        if element.tag not in _MATHML or "href" in element.attrib:
            return as_typed
        element.attrib = {k: v for k, v in element.attrib.items() if k in _MATHML_ATTRIBUTES}
        element.text = unescape(element.text or "")  # the converter's operators are entities
    return Markup(ElementTree.tostring(math, encoding="unicode"))


# --- Notebooks -------------------------------------------------------------------------------

_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")


def plain(notebook: Mapping[str, Any]) -> NotebookNode:
    """Rebuild a notebook from what may be shown of it.

    That is text in cells and streams and tracebacks, text, PNG and JPEG in outputs, PNG and JPEG
    in attachments, and what nbgrader says of its cells. A sentence stands where something else
    was; what is very long is cut.
    """
    cells: list[NotebookNode] = []
    room, work = PAGE, WORK
    for number, each in enumerate(notebook["cells"], 1):
        wanted = _work(each)
        cell = _plain_cell(each if wanted <= work else _bare(each), f"cell-{number}")
        work -= wanted if wanted <= work else 0
        if len(str(cell)) > room:
            cell = _plain_cell(_bare(each), f"cell-{number}")
        room -= len(str(cell))
        cells.append(cell)
    return new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def _work(cell: Mapping[str, Any]) -> int:
    """How much of a cell is slow to show; its pictures may be all of it if they fill a page."""
    markdown = [_text(cell.get("source"))] if cell.get("cell_type") == "markdown" else []
    work, encoded = 0, list[str]()
    for bundle in _bundles(cell):
        html = _text(bundle.get("text/html"))
        work += _markup(html)
        encoded += _PICTURE.findall(html)
        encoded += [_text(bundle[kind]) for kind in SHOWN if kind in bundle]
        markdown += [_text(bundle.get(kind)) for kind in ("text/markdown", "text/latex")]
    encoded += (each for text in markdown for each in _PICTURE.findall(text))
    drawn = sum(found for each in encoded if (found := _pixels(each) or 0) <= PIXELS)
    work += drawn * WORK // PIXELS
    return work + sum(min(len(text), MARKDOWN) for text in markdown) // 4


def _bundles(cell: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What a cell displays and has attached, each by its type."""
    yield from (output.get("data") or {} for output in cell.get("outputs") or ())
    attached = cell.get("attachments")
    bundles = attached.values() if isinstance(attached, Mapping) else ()
    yield from (bundle for bundle in bundles if isinstance(bundle, Mapping))


def _bare(cell: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of a cell where a page has no room for it."""
    return {
        **cell,
        "source": shortened(_text(cell.get("source")), 1_000),
        "attachments": {},
        "outputs": [_note("What the page has no room for")],
    }


def _plain_cell(cell: Mapping[str, Any], cell_id: str) -> NotebookNode:
    source = _text(cell.get("source"))
    if cell.get("cell_type") == "code":
        outputs = list(cell.get("outputs") or ())
        shown = [_plain_output(output) for output in outputs[:OUTPUTS]]
        if len(outputs) > OUTPUTS:
            shown.append(_note(f"{len(outputs) - OUTPUTS} outputs more"))
        made = new_cell("code", shortened(source), cell_id)
        made.outputs, made.execution_count = shown, _count(cell.get("execution_count"))
    else:  # a raw cell is text for whatever program reads it
        if cell.get("cell_type") != "markdown":
            source = f"<pre>{escape(source)}</pre>"
        made = new_cell("markdown", _plain_markdown(source), cell_id)
        attachments = _plain_attachments(cell.get("attachments"))
        if attachments:
            made.attachments = node(attachments)
    made.metadata = node(_plain_metadata(cell.get("metadata")))
    return made


def _plain_markdown(text: str) -> str:
    pictures = sum(len(found[0]) for found in _PICTURE.finditer(text))
    return shortened(text, MARKDOWN + min(pictures, IMAGE))


def _text(value: Any) -> str:
    """Notebook files hold a text as one string, or as its lines."""
    if isinstance(value, list | tuple):
        return "".join(map(str, value))
    return "" if value is None else str(value)


def _count(value: Any) -> int | None:
    return value if type(value) is int else None


def _plain_metadata(metadata: Any) -> dict[str, Any]:
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, Mapping) else None
    if not isinstance(nbgrader, Mapping):
        return {}
    grade_id = nbgrader.get("grade_id")
    if not isinstance(grade_id, str) or not _GRADE_ID.fullmatch(grade_id):
        return {}
    kinds = {kind: nbgrader.get(kind) is True for kind in ("grade", "solution", "task", "locked")}
    points = nbgrader.get("points")
    kept = {"points": points} if type(points) in (int, float) else {}
    return {"nbgrader": {"grade_id": grade_id, **kinds, **kept}}


def _plain_attachments(attachments: Any) -> dict[str, dict[str, str]]:
    kept = {}
    for name, bundle in dict(attachments or {}).items():
        pictures = {
            kind: picture
            for kind in SHOWN
            if isinstance(bundle, Mapping) and (picture := _picture(bundle.get(kind)))
        }
        if pictures:
            kept[str(name)] = pictures
    return kept


def _plain_output(output: Mapping[str, Any]) -> NotebookNode:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return new_output("stream", name=name, text=shortened(_text(output.get("text"))))
    if kind == "error":
        traceback = shortened("\n".join(map(_text, output.get("traceback") or ())))
        return _error(_text(output.get("ename")), _text(output.get("evalue")), traceback)
    if kind not in ("display_data", "execute_result"):
        return _note("An output of an unknown kind")
    given = dict(output.get("data") or {})
    data = _plain_data(given)
    left_out = sorted(str(each)[:100] for each in given.keys() - data.keys())
    if left_out and not data.keys() - {"text/plain"}:
        note = _LEFT_OUT.format(f"An output of the type {' or '.join(left_out[:5])}")
        data["text/plain"] = "\n".join(filter(None, [data.get("text/plain"), note]))
    shown = new_output(kind, data=data, metadata=_plain_sizes(output.get("metadata"), data))
    if kind == "execute_result":
        shown["execution_count"] = _count(output.get("execution_count"))
    return shown


_TEXTS: Mapping[str, Callable[[str], str]] = {
    "text/html": lambda html: str(sanitised(html)),
    "text/markdown": _plain_markdown,
    "text/plain": shortened,
}


def _plain_data(given: Mapping[str, Any]) -> dict[str, str]:
    data: dict[str, str] = {}
    if "text/latex" in given:
        data["text/markdown"] = _plain_markdown(_text(given["text/latex"]))
    for kind, make in _TEXTS.items():
        if kind in given:
            data[kind] = make(_text(given[kind]))
    for kind in SHOWN:
        if picture := _picture(given.get(kind)):
            data[kind] = picture
    return data


def _picture(encoded: Any) -> str | None:
    """Return a picture's base64 if it is one, and takes no more to show than it may."""
    text = "".join(_text(encoded).split())
    small = len(text) <= IMAGE * 4 // 3 + 4
    return text if small and _may_be_drawn(text) else None


def _plain_sizes(metadata: Any, data: Mapping[str, str]) -> dict[str, Any]:
    """Keep the size and the description of a picture: nbconvert writes them without quotes."""
    metadata = metadata if isinstance(metadata, Mapping) else {}
    kept: dict[str, Any] = {}
    for kind in (each for each in SHOWN if each in data):
        own = metadata.get(kind)
        both = {**metadata, **own} if isinstance(own, Mapping) else metadata
        kept[kind] = {
            size: value
            for size in ("width", "height")
            if type(value := both.get(size)) is int and 0 < value < 10_000
        }
        alt = both.get("alt")
        kept[kind]["alt"] = shortened(alt, 1_000) if isinstance(alt, str) else _NO_ALT
    return kept


def _note(what: str) -> NotebookNode:
    return new_output("display_data", data={"text/plain": _LEFT_OUT.format(what)})


def _error(name: str, value: str, traceback: str) -> NotebookNode:
    return new_output("error", ename=name, evalue=value, traceback=[traceback])


# --- Hidden tests ----------------------------------------------------------------------------


class HideTests(NbGraderPreprocessor):  # type: ignore[misc]
    """Leave the hidden tests out of a feedback page, and whatever quotes them.

    The source loses what `ClearHiddenTests` takes from a release. An output of a cell with
    hidden tests, and any other that holds one of their lines, becomes a sentence. Not stopped is
    a student who writes them in a code of their own: assert cells share a process with them.
    """

    # An exporter sets it for all preprocessors, and those that lack it warn.
    display_data_priority: Any = List().tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Change the cells of a graded notebook in place."""
        clear = ClearHiddenTests(config=Config(ClearHiddenTests=self.config.ClearHiddenTests))
        tests = [cell for cell in nb.cells if clear.begin_test_delimeter in _tests(cell)]
        lines: set[str] = set()
        for cell in tests:
            before = cell.source.splitlines()
            try:
                clear.preprocess_cell(cell, resources, 0)
            except RuntimeError:  # a region that does not end
                cell.source = before[0] if clear.begin_test_delimeter not in before[0] else ""
            lines |= {line.strip() for line in set(before) - set(cell.source.splitlines())}
        telling = [line for line in lines if len(line) > 8 and not line.startswith("#")]
        for cell in nb.cells:
            if cell.cell_type == "code":
                hidden = any(cell is each for each in tests)
                cell.outputs = [
                    _without(output) if hidden or _quotes(output, telling) else output
                    for output in cell.outputs
                ]
        return nb, resources


def _tests(cell: NotebookNode) -> str:
    """The source of a cell that only the instructor writes."""
    return cell.source if is_grade(cell) and not is_solution(cell) else ""


def _without(output: NotebookNode) -> NotebookNode:
    if output.output_type == "error":
        name = output.ename if output.ename.isidentifier() else "An error"
        return _error(name, "", f"{name}\n{_HIDDEN}")
    return new_output("stream", name="stdout", text=f"{_HIDDEN}\n")


def _quotes(output: NotebookNode, lines: Iterable[str]) -> bool:
    texts = [_text(output.get(part)) for part in ("text", "evalue", "traceback")]
    texts += [text for kind, text in output.get("data", {}).items() if kind.startswith("text/")]
    said = re.sub(r"\x1b\[[0-9;]*m", "", unescape("\n".join(texts)))
    return any(line in said for line in lines)


# --- nbgrader's templates --------------------------------------------------------------------

_NAME = r"[A-Za-z_]\w*(?:\.\w+)*"
_REWRITTEN: Mapping[str, str] = {
    # A value in a script: escaped for JavaScript, and not for HTML.
    rf'(var \w+ = )"{{{{ ({_NAME}) }}}}([^"\n]*)";': r'\1{{ (\2 ~ "\3") | tojson }};',
    # A value in HTML. The others are filtered, called or macros, and so meant to be HTML.
    rf"{{{{ ({_NAME}\.\w+) }}}}": r"{{ \1 | e }}",
    # The style sheet's font of icons does not lie beside a page of feedback.
    r"@font-face\s*{[^}]*}": "",
    # What may run is told from what a student may have brought in by a number used once.
    r"<script\b": '<script nonce="{{ nonce }}"',
}


class Escaping(BaseLoader):
    """Loads nbgrader's templates with what they write unescaped escaped.

    Args:
        loader: finds the templates as nbgrader wrote them.
    """

    def __init__(self, loader: BaseLoader) -> None:
        self._loader = loader

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        """Return a template's source, rewritten, and what jinja wants to know besides."""
        source, *rest = self._loader.get_source(environment, template)
        for pattern, replacement in _REWRITTEN.items():
            source = re.sub(pattern, replacement, source)
        return source, *rest  # type: ignore[return-value]


# nbgrader's style sheet gives the cells of a table no room.
_TABLES = "<style>.rendered_html :is(th, td) { padding: 0 1em 0 0; text-align: left }</style>"


class _Compiled(BytecodeCache):
    """Keeps compiled templates for the next page, since each page has an environment of its own."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take a template that was compiled before, unless its source has changed since."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


_COMPILED = _Compiled()


class PageExporter(CappedReading, HTMLExporter):
    """nbconvert's `HTMLExporter` for pages of notebooks that nobody vouches for.

    Attributes:
        head: what stands in the page's head where nbgrader's templates load MathJax.
        nonce: the number used once that the page's own scripts carry.
    """

    head: ClassVar[str] = ""
    nonce = ""

    @default("sanitize_html")
    def _sanitize_html_default(self) -> bool:
        return True

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        """Yield nbconvert's filters, with ours in place of those that make HTML of a text."""
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield "markdown2html", _markdown2html
        yield "clean_html", _clean_html
        yield "highlight_code", self._highlighted

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **settings: Any
    ) -> tuple[str, dict[str, Any]]:
        """Make a page of what `plain` leaves of a notebook."""
        self._to_colour = COLOURED_IN_ALL
        # Not HTMLExporter's: it parses the whole page again, which takes as long as all the rest,
        # to describe pictures, each of which `plain` has described.
        return TemplateExporter.from_notebook_node(self, plain(nb), resources, **settings)

    def _highlighted(self, source: str, language: str = "", metadata: Any = None) -> str:  # noqa: ARG002
        """Colour code as Python, if it is short: no lexer of Pygments is made for hostile code."""
        colour = len(source) <= min(COLOURED, self._to_colour)
        self._to_colour -= colour * len(source)
        return _coloured(source) if colour else str(Highlight2HTML("text")(source))  # type: ignore[no-untyped-call]

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        macro = "{%- macro mathjax(url='') -%}" + self.head + _TABLES + "{%- endmacro -%}"
        loaders = [DictLoader({"mathjax.html.j2": macro})]
        if environment.loader is not None:
            loaders.append(environment.loader)  # type: ignore[arg-type]
        environment.loader = Escaping(ChoiceLoader(loaders))
        environment.bytecode_cache = _COMPILED
        environment.globals["nonce"] = self.nonce
        return environment


@pass_context
def _markdown2html(context: Context, source: str) -> Markup:
    attachments = context.get("cell", {}).get("attachments")
    return rendered(source, attachments) if attachments else _rendered_before(source)


# Most texts are the instructor's, and stand on everybody's page.


@lru_cache(maxsize=500)
def _rendered_before(markdown: str) -> Markup:
    return rendered(markdown)


@lru_cache(maxsize=500)
def _coloured(source: str) -> str:
    return str(Highlight2HTML("python")(source))  # type: ignore[no-untyped-call]


def _clean_html(html: str) -> Markup:
    return html if isinstance(html, Markup) else sanitised(html)


class FeedbackExporter(PageExporter):
    """Makes a feedback page: no script runs in it, and it asks nobody for anything."""

    head = (
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\" />"
    )
