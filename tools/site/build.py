"""Make a site of lessons and documentation, which needs no kernel and no network.

A browser that opens a file may not import a module from another, so each page carries its own
visualisers; what all pages share (the widget manager, the typesetting of formulas) lies in assets/.
"""

import argparse
import re
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import nbformat
import reference
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from cnnlesson.quiz.bank import ASSIGNMENTS, QUESTIONS
from cnnlesson.quiz.questions import Assignment

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"

ASSETS = {
    "require.js": PACKAGES / "requirejs/require.js",
    "embed-amd.js": PACKAGES / "@jupyter-widgets/html-manager/dist/embed-amd.js",
    "mathjax.js": PACKAGES / "mathjax/es5/tex-svg.js",
    "anywidget.js": resources.files("anywidget") / "nbextension/index.js",
}

# Else each kernel warns that it is not.
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})

START = """\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>How a convolutional layer counts</title>
<meta http-equiv="refresh" content="0; url=notebooks/00-start-here.html">
<a href="notebooks/00-start-here.html">Start here</a>
"""

LINK = re.compile(r"\]\(([^):#]+)\.(ipynb|md)(#[^)]*)?\)")
"""A link from a notebook, or a text, to another."""

LED_TO = (
    "docs/index.html",
    "docs/students.html",
    *(
        f"docs/{audience}/index.html"
        for audience in ("instructors", "lecturer", "administrators", "developers", "reference")
    ),
)
"""The pages in docs/ that every page leads to; they lead to the others."""


class Page(NamedTuple):
    """A page of the site.

    Attributes:
        address: relative to the site's folder.
        title: what links to it say.
        notebook: what it shows, executed.
    """

    address: str
    title: str
    notebook: nbformat.NotebookNode

    @property
    def root(self) -> str:
        """The way from the page to the site's folder."""
        return "../" * self.address.count("/")


def lesson(path: Path) -> Page:
    """Run a notebook, and make a page of it."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": path.parent}}
    NotebookClient(notebook, resources=resources, config=ENCRYPTED).execute()
    return Page(f"notebooks/{path.stem}.html", _title(notebook), notebook)


def assignment(about: Assignment) -> Page:
    """Make the page that tells how to get an assignment: it is answered in Jupyter, not here."""
    after = nbformat.read(ROOT / "notebooks" / f"{about.after}.ipynb", as_version=4)
    text = (
        (HERE / "assignment.md")
        .read_text(encoding="utf-8")
        .format(
            id=about.id,
            title=about.title,
            count=len(about.questions),
            least=about.minutes[0],
            most=about.minutes[1],
            lesson=about.after,
            lesson_title=_title(after),
            questions="\n".join(
                f"| {number} | {QUESTIONS[name].title} |"
                for number, name in enumerate(about.questions, 1)
            ),
        )
    )
    return _prose(f"assignments/{about.id}.html", text)


def document(path: Path) -> Page:
    """Make a page of a text in Markdown; a folder's README is its index."""
    address = path.relative_to(ROOT).with_suffix(".html").as_posix()
    text = reference.linked(path.read_text(encoding="utf-8"))
    return _prose(address.replace("README", "index"), text)


def public_api() -> list[Page]:
    """Make a page for each module that docs/reference/README.md lists."""
    index = (ROOT / "docs/reference/README.md").read_text(encoding="utf-8")
    return [
        _prose(f"docs/reference/{name}.html", reference.document(name))
        for name in reference.modules(index)
    ]


def _prose(address: str, text: str) -> Page:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text)])
    return Page(address, _title(notebook), notebook)


def html(page: Page, groups: Mapping[str, Sequence[Page]] | None = None) -> str:
    """Write a page, with links to those that every page leads to, by what they are."""
    folder = (ROOT / page.address).parent
    for cell in page.notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = LINK.sub(lambda link: _to_page(link, folder), cell.source)
    exporter = _exporter(page.root)
    source, _, _ = exporter.environment.loader.get_source(
        exporter.environment, "lab/static/theme-dark.css"
    )
    written, _ = exporter.from_notebook_node(
        page.notebook,
        {
            "metadata": {"name": page.title},
            "anywidget_path": f"{page.root}assets/anywidget",
            "dark_theme_css": source,
            "groups": groups or {},
            "address": page.address,
            "root": page.root,
        },
    )
    return written


def _exporter(root: str) -> HTMLExporter:
    assets = f"{root}assets"
    return HTMLExporter(
        Config(
            HTMLExporter={
                "template_name": "site",
                "extra_template_basedirs": [str(HERE / "template")],
                "require_js_url": f"{assets}/require.js",
                "widget_renderer_url": f"{assets}/embed-amd.js",
                "mathjax_url": f"{assets}/mathjax.js",
            }
        )
    )


def _title(notebook: nbformat.NotebookNode) -> str:
    """Return a notebook's first heading; it may have none."""
    heading = re.search(r"^# (.+)$", notebook.cells[0].source, re.MULTILINE)
    return heading[1].replace("`", "") if heading else "Untitled"


def _to_page(link: re.Match[str], folder: Path) -> str:
    """Lead from page to page, but to an assignment itself, which is a notebook to be answered."""
    target, suffix, place = link.groups()
    if target.startswith("../release/"):
        return link[0]
    if place and suffix == "md":
        place = _jupyters(place, (folder / f"{target}.md").read_text(encoding="utf-8"))
    return f"]({target.replace('README', 'index')}.html{place or ''})"


def _jupyters(place: str, text: str) -> str:
    """Return Jupyter's name for a heading, from GitHub's."""
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        if place == "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-"):
            return "#" + heading.replace(" ", "-")
    return place


def build(site: Path, *, for_students: bool = False) -> None:
    """Make the whole site anew, or what students may see of it: no answers, and no desk."""
    shutil.rmtree(site, ignore_errors=True)
    (site / "assets").mkdir(parents=True)
    for name, source in ASSETS.items():
        (site / "assets" / name).write_bytes(source.read_bytes())
    shutil.copytree(ROOT / "release", site / "release")
    shutil.copytree(ROOT / "notebooks/pictures", site / "notebooks/pictures")
    shutil.copy(ROOT / "LICENSE", site / "LICENSE.txt")
    lessons = [lesson(path) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    assignments = [assignment(about) for about in ASSIGNMENTS.values()]
    texts = [ROOT / "docs/students.md"] if for_students else sorted((ROOT / "docs").rglob("*.md"))
    documents = [document(path) for path in texts]
    groups = {
        "Lessons": lessons,
        "Assignments": assignments,
        "Documentation": sorted(
            (page for page in documents if page.address in LED_TO),
            key=lambda page: LED_TO.index(page.address),
        ),
    }
    others = [] if for_students else [document(ROOT / "CONTRIBUTING.md"), *public_api()]
    pages = [*lessons, *assignments, *documents, *others]
    for page in pages:
        file = site / page.address
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(html(page, groups), encoding="utf-8")
    (site / "index.html").write_text(START, encoding="utf-8")
    size = sum(file.stat().st_size for file in site.rglob("*") if file.is_file())
    print(f"{len(pages)} pages, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make a site of lessons and documentation.")
    parser.add_argument("folder", type=Path, help="where to; it is made anew")
    parser.add_argument("--students", action="store_true", help="only what students may see")
    given = parser.parse_args()
    build(given.folder, for_students=given.students)
