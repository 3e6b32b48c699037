"""Run a notebook's cells one by one, as they come over a socket, and send back what they put out.

Nothing here is trusted by the other side: the student's code shares this process.
"""

import base64
import os
import signal
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from . import wire
from .shell import Shell, start_shell


def serve(channel: socket.socket, settings: Mapping[str, Any]) -> NoReturn:
    """Do what comes over `channel`, until it is closed."""
    wire.send(channel, wire.CONFINED)
    shell: Shell = start_shell(settings["output"])
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            order = wire.receive(channel)
        except EOFError:
            os._exit(0)
        for name, content in order["files"].items():
            _place(Path(name), base64.b64decode(content))
        wire.send(channel, shell.run(order["cell"]))


def _place(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
