"""What becomes of the processes that a command begins."""

import ctypes
import time

import psutil


def become_subreaper():
    """Have what outlives a command become a child of this process, so that it can be seen."""
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0


class Watch:
    """Knows what runs below this process now, and what has come since."""

    def __init__(self):
        become_subreaper()
        self._before = set(psutil.Process().children(recursive=True))

    def left(self, seconds=20):
        """What else still runs after a while."""
        until = time.monotonic() + seconds
        while found := [*filter(_runs, self._new())]:
            if time.monotonic() > until:
                return found
            time.sleep(0.05)
        return []

    def _new(self):
        """What has come since, but for a browser of the tests, which does as it likes."""
        return [
            each
            for each in psutil.Process().children(recursive=True)
            if each not in self._before and not _is_of_a_browser(each)
        ]


def _is_of_a_browser(process):
    try:
        return process.name().startswith(("chrom", "headless_shell"))
    except psutil.NoSuchProcess:
        return False


def _runs(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
