"""What workers of our own do at first, and nobody else's: it keeps them out of others' reach."""

import signal
from typing import Any

# The process that workers are forked from imports this. Ctrl-C reaches every process of a terminal:
# the coordinator heeds it, and ends its workers, who else would each say so at length. It is not
# SIG_IGN, which what a worker runs would inherit. Until here, the process was begun without it.
signal.signal(signal.SIGINT, lambda *_: None)
signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def dask_setup(worker: Any) -> None:
    """Close the port where a worker tells about itself in plain HTTP, to whoever asks.

    Dask calls this at the start of a worker; a port that is never opened cannot be asked for.
    """
    worker.http_server.stop()
