"""Stopping when somebody asks for it, by Ctrl-C or as a system does that shuts down."""

import signal
from typing import Any

_asked = False


def heed_signals() -> None:
    """Have the first SIGINT or SIGTERM raise `KeyboardInterrupt`, and be remembered."""
    signal.signal(signal.SIGINT, _stop)
    signal.signal(signal.SIGTERM, _stop)


def stop_if_asked() -> None:
    """Raise `KeyboardInterrupt` if there was such a signal.

    One that comes while Python takes an object away raises nothing: Python ignores it there.
    """
    if _asked:
        raise KeyboardInterrupt


def _stop(*_: Any) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
