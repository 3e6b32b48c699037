"""Hostile submissions that use up what they share with others: memory, time, space, patience.

Where an attack ends its own run, what came before it keeps its points. So it stands between the
two questions of `plain`: `square` is its canary, and for `steps` there is nothing.
"""

import json
import textwrap
from dataclasses import replace

from attacks import PLAIN, Attack, Change, Submission

ENDED = {"steps": 0}
"""What there is for a submission that ended in its middle, or was ended."""

NOTHING_READ = {"square": 0, "steps": 0}
"""What there is for a submission whose notebook cannot be read."""


_NO_END = "no limit met in half a second"


def _cell(code: str) -> Change:
    """Have an attack stand in a cell between the two questions."""
    return lambda submission: submission.add(textwrap.dedent(code), before="steps-answer") and None


def _until_refused(setup: str, again: str) -> Change:
    """Do something again and again, until an error, or for half a second."""
    code = f"""
    import ctypes, mmap, os, socket, subprocess, threading, time
    kept, number, end = [], 0, time.monotonic() + 0.5
    {setup}
    try:
        while time.monotonic() < end:
            number += 1
            {again}
    except (OSError, MemoryError, RuntimeError, AssertionError) as error:
        print(number, type(error).__name__)
    kept = None
    """
    return _cell(code)


def _showing(kind: str, content: str) -> Change:
    """Display a text of some type; `content` is an expression."""
    show = f"from IPython.display import display\ndisplay({{{kind!r}: {content}}}, raw=True)"
    return _cell(show)


def _written(make) -> Change:
    """Write the file of the notebook in a way that no editor would."""
    return lambda submission: make(
        submission.folder / f"{submission.assignment}.ipynb", submission.notebook
    )


def _sleeps(submission: Submission) -> None:
    for _ in range(12):
        submission.add("import time\ntime.sleep(1)", before="steps-answer")


# --- Notebooks -----------------------------------------------------------------------------------


def _large(path, _):
    with path.open("wb") as file:
        file.truncate(200_000_000)


def _many_cells(path, notebook):
    notebook["cells"] *= 100_000 // len(notebook["cells"]) + 1
    path.write_text(json.dumps(notebook))


def _deep(path, notebook):
    text = json.dumps(notebook)
    path.write_text(text[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}")


def _wide(path, notebook):
    """One character of four bytes makes Python keep four for each."""
    for cell in notebook["cells"]:
        if cell["id"] == "student":
            cell["source"] = "#\U0001f600" + "x" * 14_000_000
    path.write_text(json.dumps(notebook, ensure_ascii=False), encoding="utf-8")


# --- Speaking in the runner's place --------------------------------------------------------------

_CHANNEL = """
import os, socket, stat, struct, time
def is_the_graders(number):
    try:
        if not stat.S_ISSOCK(os.fstat(number).st_mode):
            return False
        found = socket.socket(fileno=os.dup(number))
        return found.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_STREAM
    except OSError:
        return False
channels = [socket.socket(fileno=os.dup(n)) for n in range(3, 256) if is_the_graders(n)]
unix = [each for each in channels if each.family == socket.AF_UNIX]
channel = next(each for each in unix if not each.getsockname())
"""


def _sending(code: str) -> Change:
    return _cell(_CHANNEL + textwrap.dedent(code) + "\ntime.sleep(60)")


_GROW = """
for _ in range(4):
    if os.fork() == 0:
        kept = [bytes(b"x" * 10**6) for _ in range(500)]
        time.sleep(60)
"""

_ATTACKS = [
    # --- Processes ---------------------------------------------------------------------------
    Attack(
        "forks",
        "fork bomb",
        PLAIN,
        "forks in each fork, as often as it is let",
        _cell(
            """
            import os, time
            end = time.monotonic() + 1
            while time.monotonic() < end:
                try:
                    os.fork()
                except OSError:
                    pass
            if os.getpid() != 1:
                time.sleep(60)
            """
        ),
    ),
    Attack(
        "forks-in-c",
        "fork bomb",
        PLAIN,
        "forks from C, and starts commands and threads until it is refused",
        _cell(
            """
            import ctypes, os, subprocess, threading, time
            fork, me = ctypes.CDLL(None).fork, os.getpid()
            for _ in range(100):
                if fork() == 0:
                    time.sleep(60)
            for _ in range(100):
                try:
                    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
                    subprocess.Popen(["sleep", "60"])
                except (OSError, RuntimeError):
                    pass
            """
        ),
    ),
    Attack(
        "daemons",
        "processes that outlive the cell",
        PLAIN,
        "leaves processes in sessions of their own, which write and send signals later",
        _cell(
            """
            import os, signal, time
            for _ in range(8):
                if os.fork() == 0:
                    os.setsid()
                    if os.fork() == 0:
                        for number in (1, 2, 15):
                            signal.signal(number, signal.SIG_IGN)
                        while True:
                            os.write(1, b"still here\\n")
                            time.sleep(0.01)
                    os._exit(0)
            """
        ),
    ),
    Attack(
        "threads",
        "threads that outlive the cell",
        PLAIN,
        "leaves a thread that prints, and patches what a later cell calls",
        _cell(
            """
            import builtins, threading, time
            def later():
                while True:
                    time.sleep(0.001)
                    print("x" * 100)
                    globals()["math"] = None
            threading.Thread(target=later, daemon=True).start()
            """
        ),
    ),
    Attack(
        "at-exit",
        "what runs at the end",
        PLAIN,
        "leaves endless loops for the end of the process, and for the end of its objects",
        _cell(
            """
            import atexit, signal, threading, weakref
            class Endless:
                def __del__(self):
                    while True: pass
            kept = Endless()
            atexit.register(kept.__del__)
            threading._register_atexit(kept.__del__)
            for number in (1, 2, 15):
                signal.signal(number, lambda *_: kept.__del__())
            """
        ),
    ),
    # --- The end of the process ----------------------------------------------------------------
    *(
        Attack(name, "a process that ends itself", PLAIN, says, _cell(code), ENDED)
        for name, says, code in (
            ("exits", "calls `os._exit`", "import os\nos._exit(0)"),
            ("aborts", "aborts", "import os\nos.abort()"),
            ("segfault", "reads where no memory is", "import ctypes\nctypes.string_at(0)"),
            (
                "stack",
                "calls itself until the stack ends",
                "import sys\nsys.setrecursionlimit(10**9)\nclass A:\n"
                "    def __getattr__(self, name): return getattr(self, name)\nrepr(A().x)",
            ),
        )
    ),
    Attack(
        "ignores",
        "ignored interrupts",
        PLAIN,
        "ignores the interrupt, catches all else, and waits in C",
        _cell(
            """
            import ctypes, signal
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            while True:
                try:
                    ctypes.CDLL(None).sleep(1000)
                except BaseException:
                    pass
            """
        ),
        ENDED,
    ),
    Attack(
        "sleeps",
        "time in all",
        PLAIN,
        "sleeps in many cells, in each for less time than one may take",
        _sleeps,
        ENDED,
    ),
    # --- Memory --------------------------------------------------------------------------------
    *(
        Attack(name, kind, PLAIN, says, _until_refused(setup, again))
        for name, kind, says, setup, again in (
            (
                "heap",
                "memory of one process",
                "takes memory from the heap without end",
                "",
                "kept.append(bytearray(50_000_000))",
            ),
            (
                "private-map",
                "memory of one process",
                "maps memory without end",
                "private = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS",
                "kept.append(mmap.mmap(-1, 50_000_000, private)); "
                "kept[-1].write(bytes(50_000_000))",
            ),
            (
                "shared-map",
                "shared memory",
                "fills shared memory, and gives back its pages, but not its content",
                "",
                "kept.append(mmap.mmap(-1, 50_000_000)); kept[-1].write(b'x' * 50_000_000); "
                "kept[-1].madvise(mmap.MADV_DONTNEED)",
            ),
            (
                "zero-map",
                "shared memory",
                "does so through /dev/zero",
                "zero = os.open('/dev/zero', os.O_RDWR)",
                "kept.append(mmap.mmap(zero, 50_000_000)); kept[-1].write(b'x' * 50_000_000); "
                "kept[-1].madvise(mmap.MADV_DONTNEED)",
            ),
            (
                "memory-files",
                "memory in files",
                "writes into files that are in memory and in no folder",
                "",
                "kept.append(os.memfd_create('x')); os.write(kept[-1], bytes(50_000_000))",
            ),
            (
                "system-v",
                "shared memory",
                "fills shared memory of System V and of POSIX",
                "libc = ctypes.CDLL(None)",
                "open(f'/dev/shm/{number}', 'wb').write(bytes(10**7)); "
                "assert libc.shmget(0, 10**8, 0o1777) != -1",
            ),
            (
                "disk",
                "disk",
                "writes a file without end",
                "file = os.open('/tmp/x', os.O_WRONLY | os.O_CREAT)",
                "os.write(file, bytes(10_000_000))",
            ),
            (
                "inodes",
                "inodes",
                "makes empty files without end",
                "",
                "open(f'/tmp/n{number}', 'w').close(); os.mkdir(f'd{number}')",
            ),
            (
                "buffers",
                "buffers of the kernel",
                "fills the buffers of pipes and of sockets",
                "socket.setdefaulttimeout(0)",
                "kept += [*os.pipe(), *socket.socketpair()]; os.set_blocking(kept[-3], False); "
                "kept[-1].send(bytes(10**5)); os.write(kept[-3], bytes(65536))",
            ),
            (
                "locks",
                "memory of the kernel",
                "takes a lock on each second byte of files, for which the kernel keeps a note each",
                "files = [open(f'/tmp/{number}', 'w') for number in range(100)]; import fcntl",
                "for file in files: fcntl.lockf(file, fcntl.LOCK_EX, 1, 2 * number)",
            ),
            (
                "handles",
                "file handles and terminals",
                "opens files and terminals without end",
                "",
                "kept.append(os.openpty() if number < 50 else open('/dev/null'))",
            ),
        )
    ),
    Attack(
        "memory-of-many",
        "memory of many processes",
        PLAIN,
        "takes as much memory as one process may have, in several",
        _cell(f"import os, time\n{_GROW}\ntime.sleep(60)"),
        ENDED,
    ),
    Attack(
        "memory-unseen",
        "memory of many processes",
        PLAIN,
        "does so while it sends byte after byte, so that the grader has no time to look",
        _sending(
            f"{_GROW}\nchannel.sendall(struct.pack('!I', 10_000_000))\n"
            "while True: channel.sendall(b' '); time.sleep(0.01)"
        ),
        ENDED,
    ),
    # --- Output --------------------------------------------------------------------------------
    Attack(
        "prints",
        "endless output",
        PLAIN,
        "prints for ever",
        _cell("while True: print('x' * 1000)"),
    ),
    Attack(
        "prints-all-ways",
        "endless output",
        PLAIN,
        "writes to files, errors, warnings and commands, displays, updates and clears",
        _cell(
            """
            import os, sys, time, warnings
            from IPython.display import clear_output, display, update_display
            handle = display("x", display_id=True)
            ways = (
                lambda: os.write(1, b"x" * 10_000),
                lambda: os.write(2, b"\\xff" * 10_000),
                lambda: sys.stderr.write("\\x1b[31m" * 1000),
                lambda: warnings.warn("x" * 1000),
                lambda: os.system("head -c 100000 /dev/zero"),
                lambda: display("x" * 1000),
                lambda: handle.update("x" * 1000),
                lambda: clear_output(wait=True),
            )
            warnings.simplefilter("always")
            for way in ways:
                end = time.monotonic() + 0.2
                while time.monotonic() < end:
                    way()
            """
        ),
    ),
    Attack(
        "pictures",
        "endless output",
        PLAIN,
        "displays pictures for ever, new ones and in the place of earlier ones",
        _cell(
            """
            import os
            from IPython.display import Image, display
            handle = display("x", display_id=True)
            while True:
                picture = Image(data=b"\\x89PNG\\r\\n\\x1a\\n" + os.urandom(100_000))
                display(picture)
                handle.update(picture)
            """
        ),
    ),
    Attack(
        "huge-error",
        "large outputs",
        PLAIN,
        "raises an error with a message of 30 MB, from deep down",
        _cell(
            """
            def deeper(depth):
                if depth == 0:
                    raise ValueError("x" * 30_000_000)
                deeper(depth - 1)
            deeper(100)
            """
        ),
    ),
    Attack(
        "huge-repr",
        "large outputs",
        PLAIN,
        "ends a cell in an object whose text, HTML and picture have 50 MB each",
        _cell(
            """
            class Large:
                def __repr__(self): return "x" * 50_000_000
                def _repr_html_(self): return "<b>" * 15_000_000
                def _repr_png_(self): return bytes(50_000_000)
            Large()
            """
        ),
    ),
    Attack(
        "many-lines",
        "large outputs",
        PLAIN,
        "displays texts of nothing but line breaks",
        lambda submission: (
            [
                submission.add(
                    "from IPython.display import display\n"
                    "display({'text/plain': 'a\\n' * 330_000}, raw=True)",
                    "steps-answer",
                )
                for _ in range(12)
            ]
            and None
        ),
    ),
    *(
        Attack(name, "text that is slow to show", PLAIN, says, _showing(kind, content))
        for name, says, kind, content in (
            (
                "slow-html",
                "displays 300,000 elements of HTML in each other",
                "text/html",
                "'<b>' * 300_000",
            ),
            (
                "slow-list",
                "displays HTML of 8,000 lists in each other",
                "text/html",
                "'<ul><li>' * 8_000",
            ),
            (
                "slow-signs",
                "displays a million signs that HTML escapes",
                "text/html",
                "'<' * 999_000",
            ),
            (
                "slow-markdown",
                "displays Markdown of brackets",
                "text/markdown",
                "'![[*_`$' * 120_000",
            ),
            (
                "slow-formula",
                "displays a formula of fractions",
                "text/latex",
                r"'$' + r'\\frac{' * 150_000",
            ),
        )
    ),
    Attack(
        "huge-message",
        "messages of the runner",
        PLAIN,
        "sends 15 MB of empty texts in the runner's place",
        _sending("channel.sendall(struct.pack('!I', 15_000_000) + b'\"' * 15_000_000)"),
        ENDED,
    ),
    Attack(
        "wide-message",
        "messages of the runner",
        PLAIN,
        "sends a text of 15 MB with one character of four bytes in the runner's place",
        _sending(
            """
            body = b'{"outputs": [{"output_type": "stream", "text": "\\\\ud83d\\\\ude00'
            body += b"x" * 15_000_000 + b'"}], "updates": []}'
            channel.sendall(struct.pack("!I", len(body)) + body)
            """
        ),
        ENDED,
    ),
    # --- Notebooks -----------------------------------------------------------------------------
    *(
        Attack(name, "large notebooks", PLAIN, says, _written(make), NOTHING_READ)
        for name, says, make in (
            ("large-notebook", "hands in a notebook of 200 MB", _large),
            ("many-cells", "hands in a notebook of 100,000 cells", _many_cells),
            ("deep-notebook", "hands in a notebook of 100,000 lists in each other", _deep),
            ("wide-notebook", "hands in a cell of 14 MB with one character of four bytes", _wide),
        )
    ),
]

_STOCK = {
    **dict.fromkeys(("forks", "forks-in-c"), "2 GB, and more than 60 processes, in 4 s"),
    **dict.fromkeys(("memory-of-many", "memory-unseen"), "2 GB and more"),
    "daemons": "8 processes left running",
    **dict.fromkeys(("exits", "aborts", "segfault", "stack", "ignores"), "not graded"),
    "sleeps": "all the time it likes, and full marks",
    **dict.fromkeys(("heap", "private-map", "shared-map", "zero-map", "memory-files"), _NO_END),
    **dict.fromkeys(("system-v", "inodes", "locks"), _NO_END),
    "disk": "256 MB written, and stopped by the sandbox around it alone",
    "prints": "grader at 349 MB",
    "prints-all-ways": "grader at 841 MB",
    "pictures": "grader at 637 MB",
    "huge-repr": "grader at 581 MB",
    "many-lines": "grader at 720 MB",
    "slow-html": "feedback takes 24 s, where 8 s are usual",
    "slow-signs": "feedback takes 16 s, where 8 s are usual",
    "slow-markdown": "feedback takes 21 s, where 8 s are usual",
    **dict.fromkeys(("huge-message", "wide-message"), "n/a"),
    "large-notebook": "not graded; grader at 1,811 MB",
    "many-cells": "stops the batch",
    "deep-notebook": "not graded",
    "wide-notebook": "full marks; grader at 288 MB",
}
"""As it was measured; others earn what they deserve there, too."""

ATTACKS = [replace(each, stock=_STOCK.get(each.name, "all marks it deserves")) for each in _ATTACKS]
