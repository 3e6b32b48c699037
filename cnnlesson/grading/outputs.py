"""Make outputs of a notebook from what a sandbox sent, and keep nothing else of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from cnnlesson.grading.nodes import NotebookNode, new_output
from cnnlesson.grading.pictures import SHOWN, is_picture

_TEXT = ("text/plain", "text/html", "text/markdown", "text/latex")


def outputs_and_records(
    sent: Sequence[Any], record_type: str, count: int | None
) -> tuple[list[NotebookNode], list[Any]]:
    """Return a cell's outputs, and the answer records among them.

    Args:
        sent: from a sandbox, as `frames.parse` returns it.
        record_type: the MIME type of an answer record.
        count: the number of the cell's prompt.
    """
    outputs: list[NotebookNode] = []
    records: list[Any] = []
    for each in sent:
        if not isinstance(each, dict):
            continue
        data = each.get("data")
        if isinstance(data, dict) and record_type in data:
            records.append(data[record_type])
            data = {key: value for key, value in data.items() if key != record_type}
            if not data:
                continue
        output = _output(each, data, count)
        if output is not None:
            outputs.append(output)
    return outputs, records


def _output(sent: Mapping[str, Any], data: Any, count: int | None) -> NotebookNode | None:
    match sent.get("output_type"):
        case "stream":
            name = "stderr" if sent.get("name") == "stderr" else "stdout"
            return new_output("stream", name=name, text=_text(sent.get("text")))
        case "error":
            traceback = sent.get("traceback")
            lines = traceback if isinstance(traceback, list) else []
            return new_output(
                "error",
                ename=_text(sent.get("ename")) or "Error",
                evalue=_text(sent.get("evalue")),
                traceback=[_text(line) for line in lines],
            )
        case "display_data" if isinstance(data, dict):
            return new_output("display_data", data=shown(data))
        case "execute_result" if isinstance(data, dict):
            return new_output("execute_result", data=shown(data), execution_count=count)
    return None


def shown(data: Mapping[str, Any]) -> dict[str, str]:
    """Keep of a display what is text or a picture; say of anything else that it was there."""
    kept = {kind: _text(data[kind]) for kind in _TEXT if isinstance(data.get(kind), str | list)}
    kept |= {kind: data[kind] for kind in SHOWN if is_picture(kind, data.get(kind))}
    if not kept:
        kinds = ", ".join(sorted(key[:80] for key in data)) or "nothing"
        return {"text/plain": f"[{kinds}: not shown in graded notebooks]"}
    return kept


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "".join(map(_text, value))
    return value if isinstance(value, str) else ""
