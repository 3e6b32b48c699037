"""What the visualisers share: their browser code, a name that never changes, a picture at rest."""

import re
from base64 import b64encode
from importlib import resources
from typing import Any

import anywidget
import traitlets

from cnnlesson.drawing import Drawing

_FILES = resources.files("cnnlesson.widgets") / "js"


def module(*names: str) -> str:
    """Join ES modules into one, since a widget's module cannot import its neighbours.

    Args:
        names: of the files, each before those that import it; the last exports the widget.
    """
    *parts, last = ((_FILES / name).read_text(encoding="utf-8") for name in names)
    joined = [re.sub(r"^export ", "", part, flags=re.MULTILINE) for part in parts]
    return re.sub(r"^import .*;\n", "", "\n".join([*joined, last]), flags=re.MULTILINE)


def style(*names: str) -> str:
    """Join style sheets."""
    return "\n".join((_FILES / name).read_text(encoding="utf-8") for name in names)


class Visualiser(anywidget.AnyWidget):
    """A widget that is drawn and computed in the browser, and kept in step with Python.

    Attributes:
        goal: what the reader is to reach; empty for none.
        predict: whether to ask for a prediction before showing the result.
    """

    _css = style("style.css")

    goal = traitlets.Dict().tag(sync=True)
    predict = traitlets.Bool(False).tag(sync=True)

    def description(self) -> str:
        """Say what is shown: the text alternative, and the repr."""
        raise NotImplementedError

    def picture(self) -> Drawing:
        """Draw what is shown, for where no kernel or no trust is."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return self.description()

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        live, metadata = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]
        drawing = self.picture()
        at_rest = {
            "text/plain": self.description(),
            "image/svg+xml": drawing.svg(),
            "image/png": b64encode(drawing.png()).decode("ascii"),
        }
        return live | at_rest, metadata | {"image/png": {"alt": self.description()}}
