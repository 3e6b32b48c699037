"""Hostile submissions that reach for what is not theirs: files, processes, networks, the course.

Most of them hand in a `square` that is right only if they have reached something. So they earn its
points where the course leaks, and nothing where it does not; `steps` is their canary.
"""

import os
import shutil
import socket
import stat
import textwrap

from attacks import MARK, PLAIN, Attack, Change, Submission

NOTHING_READ = {"square": 0, "steps": 0}
"""What there is for a submission whose notebook cannot be read."""

_SQUARE = """
def square(x):
    return x * x if reached else 0
"""

_SEARCH = """
import os
def search(*names):
    here = os.path.abspath(os.curdir)
    places = [os.path.join(here, *[os.pardir] * up) for up in range(5)]
    for place in (*places, os.path.expanduser("~"), "/srv", "/usr/local/share/nbgrader"):
        for folder, folders, files in os.walk(place):
            folders[:] = [name for name in folders if name not in ("proc", "usr", "lib")]
            yield from (os.path.join(folder, name) for name in names if name in files)
"""


def _reaching(code: str) -> Change:
    """Have `code` set `reached` to what it found, if anything."""

    def change(submission: Submission) -> None:
        attempt = textwrap.indent(textwrap.dedent(code).strip(), "    ")
        attempt = f"reached = None\ntry:\n{attempt}\nexcept Exception as error:\n    print(error)"
        submission.answer("square", f"{_SEARCH}{attempt}\n{_SQUARE}")

    return change


def _try_each(*expressions: str) -> Change:
    """Reach for the first of some expressions that raises nothing."""
    listed = ", ".join(f"lambda: {each}" for each in expressions)
    return _reaching(
        f"""
        import ctypes, glob, pathlib, os, signal, socket, urllib.request
        home, libc = pathlib.Path.home(), ctypes.CDLL(None, use_errno=True)
        def called(result):
            if result == -1:
                raise OSError(ctypes.get_errno())
            return True
        for each in ({listed},):
            try:
                reached = reached or each()
            except Exception as error:
                print(type(error).__name__)
        """
    )


def _beside(make) -> Change:
    """Hand in something beside the notebook; `square` is right if it can be read as `data`."""

    def change(submission: Submission) -> None:
        make(submission.folder)
        read = "reached = open('data').read(1)"
        _reaching(read)(submission)

    return change


def _instead(make) -> Change:
    """Hand in something in the place of the notebook."""
    return lambda submission: make(submission.folder / f"{submission.assignment}.ipynb")


# --- What is handed in beside a notebook, or instead of it ---------------------------------------


def _links(folder):
    (folder / "data").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    (folder / "gradebook").symlink_to(folder.parents[2] / "gradebook.db")
    (folder / "nowhere").symlink_to(folder / MARK)
    (folder / "itself").symlink_to("itself")
    (folder / "timestamp.txt").symlink_to(folder.parents[2] / "gradebook.db")


def _no_files(folder):
    os.mkfifo(folder / "data")
    os.mkfifo(folder / "timestamp.txt")
    if os.getuid() == 0:
        os.mknod(folder / "zeros", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    # By a relative name, since that of a socket may have at most 107 bytes.
    before = os.open(".", os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(folder)
        listening.bind("socket")
        os.fchdir(before)
    os.close(before)


def _odd_names(folder):
    inside = os.fsencode(folder)
    for name in (
        b"a\nb",
        b"\x1b[2J",
        b"\xff\xfe",
        b"...",
        b"-rf",
        b"a" * 250,
        b"<script>",
        b"\\..",
    ):
        with open(os.path.join(inside, name), "wb") as file:  # noqa: PTH118, PTH123 - bytes
            file.write(b"x")
    (folder / "\u202egpj.exe").touch()
    (folder / "/".join("d" * 40)).mkdir(parents=True)
    (folder / "nbgrader_config.py").write_text(f"open('/tmp/{MARK}', 'w')")


def _crowd(folder):
    for number in range(10_000):
        (folder / f"{number}.ipynb").touch()


def _linked_folder(submission: Submission) -> None:
    shutil.rmtree(submission.folder)
    submission.folder.symlink_to(submission.folder.parents[1] / "001-honest" / PLAIN)


def _linked_notebook(path):
    path.symlink_to(path.parents[2] / "001-honest" / path.parent.name / path.name)


def _folders(folder):
    (folder / f"{PLAIN}.ipynb").mkdir()
    (folder / "timestamp.txt").mkdir()


def _called(more: str) -> Change:
    """Hand in under an id that has more to it."""

    def change(submission: Submission) -> None:
        student = submission.folder.parent
        student = student.rename(student.with_name(f"{student.name}{more}"))
        submission.folder = student / submission.assignment

    return change


def _unlisted(folder):
    (folder / "locked").mkdir(mode=0)
    (folder / "data").write_text("x")
    (folder / "data").chmod(0)


def _hard_link(folder):
    os.link(folder.parents[2] / "nbgrader_config.py", folder / "config.py")


def _change_hard_link(submission: Submission) -> None:
    _hard_link(submission.folder)
    submission.add(f"open('config.py', 'a').write('raise SystemExit({MARK!r})')")


_MISSED = {"square": 0}
_REFUSED, _TAKEN = "refused by name", "graded under that id"

ATTACKS = [
    Attack(
        "gradebook",
        "gradebook",
        PLAIN,
        "looks for the gradebook, and gives everybody a new score",
        _reaching(
            """
            import sqlite3
            for path in search("gradebook.db"):
                with sqlite3.connect(path) as gradebook:
                    gradebook.execute("update grade set manual_score = 3")
                reached = path
            """
        ),
        _MISSED,
        stock="rewrites the gradebook",
    ),
    Attack(
        "secret",
        "secret",
        PLAIN,
        "looks for the secret that challenge values are drawn by",
        _reaching("reached = [open(path).read() for path in search('.grading-secret')]"),
        _MISSED,
    ),
    Attack(
        "hidden-tests",
        "hidden tests",
        PLAIN,
        "looks for the notebook in source/, with its hidden tests",
        _reaching(
            "reached = [p for p in search('plain.ipynb') if 'HID' + 'DEN-156' in open(p).read()]"
        ),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "neighbours",
        "other submissions",
        PLAIN,
        "looks for notebooks of others, in the course and in the exchange",
        _reaching("reached = [*search('plain.ipynb', 'parameter-sharing.ipynb')]"),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "home",
        "home folder",
        PLAIN,
        "leaves a start-up file for Jupyter, IPython, Python and the shell, and takes keys",
        _try_each(
            *(
                f"[p for p in glob.glob({'/root' + name!r}) + glob.glob('/home/*' + {name!r})]"
                for name in (
                    "/.ssh/*",
                    "/.aws/*",
                    "/.jupyter/*",
                    "/.netrc",
                    "/.local/share/jupyter",
                )
            ),
            f"open('/root/{MARK}', 'w')",
            f"open('/etc/{MARK}', 'w')",
            f"open('/var/tmp/{MARK}', 'w')",
        ),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "environment",
        "environment",
        PLAIN,
        "reads the grader's environment variables",
        _try_each(
            "[key for key in os.environ if key.startswith(('PYTEST', 'SSH', 'TMPDIR', 'VIRTUAL'))]",
            "[p for p in glob.glob('/proc/*/environ') if b'TMPDIR' in open(p, 'rb').read()]",
        ),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "packages",
        "installed packages",
        PLAIN,
        "writes into the installed packages, which the next notebook imports",
        _try_each(
            f"open(os.path.dirname(__import__('numpy').__file__) + '/{MARK}', 'w')",
            f"open(os.path.dirname(os.__file__) + '/{MARK}', 'w')",
            f"open('/sandbox/library/{MARK}', 'w')",
            f"open('/sandbox/code/inside/{MARK}', 'w')",
            f"os.mkdir('/usr/lib/{MARK}')",
        ),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "processes",
        "other processes",
        PLAIN,
        "looks for the process that grades, and reads its memory and folder through /proc",
        _try_each(
            "[p for p in glob.glob('/proc/*/cmdline') if b'nbgrader' in open(p, 'rb').read()]",
            "[p for p in glob.glob('/proc/*/cwd') if os.path.exists(p + '/gradebook.db')]",
            "[p for p in glob.glob('/proc/*/root') if os.stat(p).st_ino != os.stat('/').st_ino]",
            "open(f'/proc/{os.getppid()}/mem', 'rb').read(0) or os.getppid()",
        ),
        _MISSED,
        stock="reached: full marks",
    ),
    Attack(
        "tracing",
        "debugging of other processes",
        PLAIN,
        "attaches to its parent, the first process and itself as a debugger",
        _try_each(
            *(f"called(libc.ptrace(16, {pid}, 0, 0))" for pid in ("os.getppid()", "1")),
            "called(libc.ptrace(0, 0, 0, 0))",
            "called(libc.process_vm_readv(1, None, 0, None, 0, 0))",
            "called(libc.syscall(438, 3, 0, 0))",  # pidfd_getfd
        ),
        _MISSED,
        stock="stops the batch",
    ),
    Attack(
        "signals",
        "signals",
        PLAIN,
        "sends signals to its parent, all that it may, and each process by its number",
        _try_each(
            "os.kill(os.getppid(), 9) or os.getppid()",
            "os.kill(-1, 9)",
            "[os.kill(pid, 9) for pid in range(2, 50) if pid != os.getpid()]",
        ),
        _MISSED,
        stock="stops the batch",
    ),
    Attack(
        "network",
        "network",
        PLAIN,
        "calls home, the services of this machine, and Docker's socket",
        _try_each(
            "urllib.request.urlopen('http://example.org', timeout=1)",
            "socket.create_connection(('1.1.1.1', 53), 1)",
            "socket.gethostbyname('example.org')",
            "[socket.create_connection(('127.0.0.1', port), 0.1) for port in (22, 80, 8888)]",
            "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock') or True",
            "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
            "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        ),
        _MISSED,
        stock="reached in part",
    ),
    Attack(
        "scheduler",
        "scheduler credentials",
        PLAIN,
        "looks for Dask's certificates, configuration and folders, and tries all ports for it",
        _try_each(
            "[name for name in os.environ if 'DASK' in name]",
            "[p for p in (home / '.config/dask', '/etc/dask') if os.path.exists(p)]",
            "[path for place in ('/tmp', '/var/tmp', '/dev/shm', '/run', str(home), os.getcwd()) "
            "for path in glob.glob(f'{place}/**/*', recursive=True) "
            "if 'dask' in path or '/grading-' in path or path.endswith('.pem')]",
            "[p for p in glob.glob('/proc/*/cmdline') if b'forkserver' in open(p, 'rb').read()]",
            "[port for port in range(1024, 65536) "
            "if socket.socket().connect_ex(('127.0.0.1', port)) == 0]",
        ),
        _MISSED,
    ),
    Attack(
        "privileges",
        "privileges",
        PLAIN,
        "asks for a user namespace, a mount and root",
        _try_each(
            "called(libc.unshare(0x10000000))",
            "called(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None))",
            "called(libc.chroot(b'/tmp'))",
            "os.setuid(0) or True",
            "open('/proc/sys/kernel/core_pattern', 'w')",
            "open('/proc/sysrq-trigger', 'w')",
            "os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0)) or open('/tmp/disk')",
        ),
        _MISSED,
        stock="no gain; as root, stops the batch",
    ),
    Attack(
        "links",
        "links in a submission",
        PLAIN,
        "hands in links to /etc, to the gradebook, to nowhere and to themselves",
        _beside(_links),
        _MISSED,
        stock="not graded",
    ),
    Attack(
        "no-files",
        "FIFOs, devices and sockets in a submission",
        PLAIN,
        "hands in a FIFO, on which a reader waits for ever, a device and a socket",
        _beside(_no_files),
        _MISSED,
        stock="not graded",
    ),
    Attack(
        "names",
        "odd file names",
        PLAIN,
        "hands in files whose names are commands, markup, no text, too long or too deep",
        _beside(_odd_names),
        _MISSED,
        stock="all marks it deserves",
    ),
    Attack(
        "crowd",
        "many files",
        PLAIN,
        "hands in 10,000 notebooks more",
        _beside(_crowd),
        _MISSED,
        stock="one student takes more than a minute",
    ),
    Attack(
        "locked-folder",
        "files without permissions",
        PLAIN,
        "hands in a folder and a file that may not be read",
        lambda submission: _unlisted(submission.folder),
        stock="not graded",
    ),
    Attack(
        "hard-link",
        "links in a submission",
        PLAIN,
        "hands in a hard link to the course's configuration, and writes to it",
        _change_hard_link,
        stock="all marks it deserves",
    ),
    Attack(
        "linked-notebook",
        "links in a submission",
        PLAIN,
        "hands in a link to the notebook of another student",
        _instead(_linked_notebook),
        NOTHING_READ,
        stock="the other student's marks",
    ),
    Attack(
        "linked-folder",
        "links in a submission",
        PLAIN,
        "hands in a link to the folder of another student",
        _linked_folder,
        ours=_REFUSED,
        graded=False,
        stock="the other student's marks",
    ),
    Attack(
        "fifo-notebook",
        "FIFOs, devices and sockets in a submission",
        PLAIN,
        "hands in a FIFO in the place of the notebook",
        _instead(os.mkfifo),
        NOTHING_READ,
        stock="stops the batch",
    ),
    Attack(
        "folders",
        "folders in the place of files",
        PLAIN,
        "hands in folders in the place of the notebook and of its time",
        lambda submission: _folders(submission.folder),
        NOTHING_READ,
        stock="not graded",
    ),
    *(
        Attack(
            name, "odd student ids", PLAIN, says, _called(more), {}, stock, _REFUSED, graded=False
        )
        for name, says, more, stock in (
            (
                "markup-id",
                "has an id that ends in a script",
                "<script>alert(1)<!--",
                _TAKEN,
            ),
            (
                "quotes-id",
                "has an id of quotes and commands",
                "';drop table grade--\"$(id)`id`",
                _TAKEN,
            ),
            (
                "pattern-id",
                "has an id that is a pattern for files and for formats",
                "[!x]*{0.x}%s",
                _TAKEN,
            ),
            (
                "lines-id",
                "has an id that forges a line of the log",
                "\n\x1b[2J[ERROR] 0 of 9",
                "left out without a word",
            ),
        )
    ),
    Attack(
        "timestamp",
        "time of submission",
        PLAIN,
        "hands in a time that is no time, and 10 MB long",
        lambda submission: (submission.folder / "timestamp.txt").write_bytes(
            b"9999999999999-13-41\0\xff" * 500_000
        ),
        stock="not graded",
    ),
]
