"""Make a site of the notebooks: pages that read well and stay live with no kernel and no network.

A browser that opens a file may not import a module from another, so each page carries its own
visualisers; what all pages share (the widget manager, the typesetting of formulas) lies in assets/.
"""

import re
import shutil
import sys
from importlib import resources
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
PACKAGES = HERE / "node_modules"
TEMPLATE = "site"

ASSETS = {
    "require.js": PACKAGES / "requirejs/require.js",
    "embed-amd.js": PACKAGES / "@jupyter-widgets/html-manager/dist/embed-amd.js",
    "mathjax.js": PACKAGES / "mathjax/es5/tex-svg.js",
    "anywidget.js": resources.files("anywidget") / "nbextension/index.js",
}

START = """\
<!DOCTYPE html>
<meta charset="utf-8">
<title>cnnlesson</title>
<meta http-equiv="refresh" content="0; url=notebooks/00-start-here.html">
"""


def exporter() -> HTMLExporter:
    """Make the exporter of one page, which lies one folder below the site's."""
    assets = "../assets"
    return HTMLExporter(
        Config(
            HTMLExporter={
                "template_name": TEMPLATE,
                "extra_template_basedirs": [str(HERE / "template")],
                "require_js_url": f"{assets}/require.js",
                "widget_renderer_url": f"{assets}/embed-amd.js",
                "mathjax_url": f"{assets}/mathjax.js",
            }
        )
    )


def page(path: Path, dark_theme: str) -> str:
    """Run a notebook and return it as a page."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": path.parent}}).execute()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(([^):]+)\.ipynb\)", _link, cell.source)
    html, _ = exporter().from_notebook_node(
        notebook,
        {
            "metadata": {"name": path.stem, "path": str(path.parent)},
            "anywidget_path": "../assets/anywidget",
            "dark_theme_css": dark_theme,
        },
    )
    return html


def _link(match: re.Match[str]) -> str:
    """Lead from page to page, but to an assignment itself: it is answered in Jupyter."""
    target = match[1]
    return f"]({target}.{'ipynb' if target.startswith('../release/') else 'html'})"


def build(site: Path) -> None:
    """Make the whole site, anew."""
    shutil.rmtree(site, ignore_errors=True)
    (site / "assets").mkdir(parents=True)
    for name, source in ASSETS.items():
        (site / "assets" / name).write_bytes(source.read_bytes())
    shutil.copytree(ROOT / "release", site / "release")
    shutil.copytree(ROOT / "notebooks/pictures", site / "notebooks/pictures")
    dark_theme = _dark_theme()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        target = site / "notebooks" / f"{path.stem}.html"
        print(target.relative_to(site.parent))
        target.write_text(page(path, dark_theme), encoding="utf-8")
    start = (
        '<!DOCTYPE html><meta http-equiv="refresh" content="0; url=notebooks/00-start-here.html">'
    )
    (site / "index.html").write_text(start + "\n", encoding="utf-8")


def _dark_theme() -> str:
    environment = exporter().environment
    source, _, _ = environment.loader.get_source(environment, "lab/static/theme-dark.css")
    return source


if __name__ == "__main__":
    build(Path(sys.argv[1]))
