"""Execute notebooks in place, and settle what would differ from run to run.

What stays of a visualiser is its picture: a live view needs the kernel that made it, and where that
is gone it would show an error in the picture's stead.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

# Else each kernel warns that it is not.
ENCRYPTED = Config(KernelManager={"transport_encryption": "auto"})

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def settle(notebook: nbformat.NotebookNode) -> None:
    """Take out what belongs to one run or one machine: views, timings, Python's version."""
    notebook.metadata.pop("widgets", None)
    for name in ("version", "codemirror_mode", "nbconvert_exporter"):
        notebook.metadata.get("language_info", {}).pop(name, None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET_VIEW, None)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        print(path)
        notebook = nbformat.read(path, as_version=4)
        # A cell's prints may reach us in one piece or in several, as it happens: join them.
        resources = {"metadata": {"path": path.parent}}
        client = NotebookClient(
            notebook, resources=resources, coalesce_streams=True, config=ENCRYPTED
        )
        client.execute()
        settle(notebook)
        nbformat.write(notebook, path)
