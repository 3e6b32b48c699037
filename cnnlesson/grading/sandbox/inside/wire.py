"""Messages over a socket: four bytes of length, then JSON."""

import json
import socket
import struct
from typing import Any

HEAD = struct.Struct("!I")

CONFINED = "confined"
"""What a submission's process sends first, before anything of the student's runs."""


def framed(message: Any) -> bytes:
    """Return the bytes of a message."""
    body = json.dumps(message).encode()
    return HEAD.pack(len(body)) + body


def send(channel: socket.socket, message: Any) -> None:
    """Send a message."""
    channel.sendall(framed(message))


def receive(channel: socket.socket) -> Any:
    """Return the next message.

    Raises:
        EOFError: if the other side has gone.
    """
    (length,) = HEAD.unpack(_exactly(channel, HEAD.size))
    return json.loads(_exactly(channel, length))


def _exactly(channel: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        part = channel.recv(min(count - len(received), 1 << 20))
        if not part:
            raise EOFError
        received += part
    return bytes(received)
