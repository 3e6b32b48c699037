"""Links in texts, notebooks and pages, and the places that they can lead to."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote

import nbformat


class _Html(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):  # noqa: ARG002 - HTMLParser's
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name == "id":
                self.anchors.add(value)


def links(path):
    """List what a file links to or shows, as it is written there; no data: and no mail."""
    if path.suffix == ".html":
        found = _Html(path.read_text(encoding="utf-8")).links
    else:
        found = re.findall(r"\]\(([^)\s]+)\)|<(https?:[^>\s]+)>", prose(path))
        found = [inline or bare for inline, bare in found]
        found += _Html(prose(path)).links
    return [link for link in found if not link.startswith(("data:", "mailto:"))]


def leads_nowhere(link, path):
    """Whether a link in a file misses, be it the file that it names or the place in it."""
    name, _, anchor = link.partition("#")
    target = path.parent / unquote(name) if name else path
    if not target.exists():
        return True
    return bool(anchor) and unquote(anchor) not in places(target)


def is_external(link):
    return link.startswith(("http:", "https:"))


def places(path):
    """The places in a file: by GitHub's rule for Markdown, by Jupyter's for notebooks."""
    if path.suffix == ".html":
        return _Html(path.read_text(encoding="utf-8")).anchors
    headings = re.findall(r"^#+ (.+)$", prose(path), flags=re.MULTILINE)
    if path.suffix == ".ipynb":
        return {heading.replace(" ", "-") for heading in headings}
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(path):
    """A file's text without its code."""
    if path.suffix == ".ipynb":
        cells = nbformat.read(path, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    else:
        text = path.read_text(encoding="utf-8")
    return re.sub(r"```.*?```|`[^`\n]+`", "", text, flags=re.DOTALL)
