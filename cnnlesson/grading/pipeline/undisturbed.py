"""Imported by the process that workers are forked from, and by nothing else.

Ctrl-C reaches every process of a terminal. The coordinator is the one to heed it, and ends its
workers, who else would each say so at length.
"""

import signal

# Not SIG_IGN, which what a worker runs would inherit.
signal.signal(signal.SIGINT, lambda *_: None)
