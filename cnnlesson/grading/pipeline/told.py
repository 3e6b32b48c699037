"""What all tasks of a run need: workers are told it once, and not with every task."""

from collections.abc import Callable
from uuid import uuid4

from distributed import Worker, WorkerPlugin

_known: dict[str, bytes] = {}


class Told(WorkerPlugin):
    """Has each worker know something, those too that come later or start anew."""

    def __init__(self, content: bytes) -> None:
        """Tell nobody yet: that is up to `Client.register_plugin`.

        Args:
            content: what workers are to know.
        """
        self.name = uuid4().hex
        self._content = content

    def setup(self, worker: Worker) -> None:  # noqa: ARG002
        """Make it known in a worker's process."""
        _known[self.name] = self._content

    def teardown(self, worker: Worker) -> None:  # noqa: ARG002
        """Forget it."""
        _known.pop(self.name, None)


def knowing(name: str, work: Callable[[bytes, bytes], bytes], content: bytes) -> bytes:
    """Do a task with what was told under a name."""
    return work(_known[name], content)
