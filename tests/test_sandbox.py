"""The sandbox itself: what runs in it runs as in a kernel, and reaches nothing but itself."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap

import nbformat
import psutil
import pytest
from course import ROOT
from nbclient import NotebookClient

from cnnlesson.grading.outputs import outputs_and_records
from cnnlesson.grading.sandbox import Sandbox, SubmissionEndedError, box, bubblewrap

pytestmark = pytest.mark.sandbox

MB = 1024 * 1024
PYTHON = os.path.realpath(sys.base_prefix)
PATIENCE = 30


@pytest.fixture(scope="module")
def sandbox():
    sandbox = Sandbox()
    yield sandbox
    sandbox.close()


@pytest.fixture
def run(sandbox):
    """Run a piece of code as a cell in a submission of its own, and return what it printed."""

    def run(code, timeout=PATIENCE, **settings):
        with sandbox.run(**settings) as submission:
            return printed(submission.cell(textwrap.dedent(code), timeout=timeout))

    return run


def printed(cell):
    return "".join(each.get("text", each.get("evalue", "")) for each in cell.outputs)


def errors(cell):
    return [each["ename"] for each in cell.outputs if each["output_type"] == "error"]


# --- As in a kernel --------------------------------------------------------------------------


# What is written as C does, a kernel reads beside the cell, and drops if it comes too late.
# So such cells of the notebook sleep before they end.
def test_a_notebook_puts_out_what_it_does_in_ipykernel(sandbox, tmp_path, monkeypatch):
    # By it ipykernel would know that it is tested, and not take what C code writes.
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    notebook = nbformat.read(ROOT / "tests/sandbox/parity.ipynb", as_version=4)
    sources = [cell.source for cell in notebook.cells]
    client = NotebookClient(
        notebook, allow_errors=True, timeout=PATIENCE, resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    with sandbox.run() as submission:
        cells = []
        for source in sources:
            cell = submission.cell(source, timeout=PATIENCE)
            cells.append(outputs_and_records(cell.outputs, "", cell.count)[0])
            for number, place, data in cell.updates:
                cells[number][place].data = data
    for source, kernels, ours in zip(sources, notebook.cells, cells, strict=True):
        assert [*map(comparable, ours)] == [*map(comparable, joined(kernels.outputs))], source


def joined(outputs):
    """Outputs with the pieces of a stream joined, in which a kernel may send it."""
    whole = []
    for output in outputs:
        if whole and output.output_type == "stream" and output.name == whole[-1].get("name"):
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def comparable(output):
    """An output without what differs from run to run, or from machine to machine."""
    text = json.dumps({k: v for k, v in output.items() if k not in ("metadata", "data")})
    text = text.replace(r"\u001b", "\x1b")
    for pattern, instead in (
        (r"\x1b\[[0-9;]*m", ""),  # colours
        (r"/tmp/ipykernel_\d+/\d+\.py|/tmp/ipython-input[-\w]+\.py", "CELL"),
        (r"\((\d+|ipython-input[-\w]+)\.py, line", "(CELL, line"),
        (r"File ~?/[^\s]*/lib/python", "File /lib/python"),
    ):
        text = re.sub(pattern, instead, text)
    told = ("text/plain", "text/html", "text/markdown", "text/latex")
    data = output.get("data", {})
    texts = {kind: re.sub("0x[0-9a-f]+", "0x", data[kind]) for kind in told if kind in data}
    return text, texts, "image/png" in data


def test_nobody_is_asked_for_input(run):
    assert "nobody is there to answer" in run("input('Your answer: ')")


def test_a_cell_that_takes_too_long_is_interrupted_and_the_next_one_runs(sandbox):
    with sandbox.run() as submission:
        slow = submission.cell("kept = 1\nwhile True:\n    pass", timeout=0.5)
        assert slow.timed_out
        assert errors(slow) == ["KeyboardInterrupt"]
        assert printed(submission.cell("print(kept + 1)", timeout=PATIENCE)) == "2\n"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os\nos._exit(0)", "ended its own process, with status 0"),
        ("import os, signal\nos.kill(os.getpid(), 9)\nos.abort()", "ended its own process.*SIG"),
        ("import ctypes\nctypes.string_at(0)", "ended its own process.*SIGSEGV"),
        ("import os, time\nos.closerange(3, 99)\ntime.sleep(60)", "closed its connection"),
        ("import signal\nsignal.signal(2, signal.SIG_IGN)\nwhile True: pass", "interrupted"),
        ("import time\nwhile True:\n    try: time.sleep(1)\n    except: pass", "interrupted"),
    ],
)
def test_a_submission_that_ends_itself_or_must_be_ended_keeps_what_it_had(sandbox, code, why):
    with sandbox.run() as submission:
        assert printed(submission.cell("print('first')", timeout=PATIENCE)) == "first\n"
        with pytest.raises(SubmissionEndedError, match=why):
            submission.cell(code, timeout=0.5)
    with sandbox.run() as submission:
        assert printed(submission.cell("print('next')", timeout=PATIENCE)) == "next\n"


def test_a_submission_out_of_processor_time_is_told_so():
    told = pytest.raises(SubmissionEndedError, match="1 seconds of the processor")
    with contextlib.closing(Sandbox(cpu=1)) as sandbox, sandbox.run() as submission, told:
        submission.cell("while True: pass", timeout=PATIENCE)


def test_a_warm_parent_serves_whatever_a_submission_before_it_did(run):
    # What Python hashes texts by, a process has from its parent.
    by = [run("print(hash('text'))")]
    for end in ("pass", "import os; os._exit(1)", "import os; os.close(3)"):
        with contextlib.suppress(SubmissionEndedError):
            run(end, timeout=1)
        by.append(run("print(hash('text'))"))
    assert len(set(by)) == 1


# --- What it cannot see ----------------------------------------------------------------------


def test_it_sees_no_file_of_the_machine_but_the_system_and_python(run):
    seen = run(
        f"""
        import os
        for folder, folders, files in os.walk("/"):
            if folder in ("/usr", "/proc", "/sandbox/packages/0", {PYTHON!r}):
                folders.clear()
            for name in files:
                print(os.path.join(folder, name))
        """
    ).split()
    allowed = ("/etc/passwd", "/etc/ld.so.cache", "/etc/mime.types", "/etc/localtime")
    folders = ("/sandbox/code/inside/", "/sandbox/packages/", "/dev/", "/etc/alternatives/")
    folders += ("/proc/", "/etc/fonts/", "/home/student/", PYTHON)
    assert [name for name in seen if name not in allowed and not name.startswith(folders)] == []


def test_it_sees_neither_the_course_nor_what_grades_it(run, tmp_path):
    seen = run(
        f"""
        import importlib, os
        for name in ("cnnlesson.grading", "nbgrader.api", "cnnlesson.quiz.diagnosis"):
            try:
                importlib.import_module(name)
            except ModuleNotFoundError:
                print("no", name)
        print(os.path.exists({str(ROOT)!r}), os.path.exists({str(tmp_path)!r}))
        """
    )
    assert seen.split() == [
        *("no", "cnnlesson.grading", "no", "nbgrader.api", "no", "cnnlesson.quiz.diagnosis"),
        *("False", "False"),
    ]


def test_it_has_nothing_of_the_graders_environment(run, sandbox, monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_GRADER", "gradebook")
    sandbox.close()  # so that a new parent starts with the variable set
    assert "SECRET_OF_THE_GRADER" not in run("import os; print(dict(os.environ))")
    assert "SECRET" not in run("print(open('/proc/1/environ').read())")


def test_it_sees_no_other_process(run):
    assert run("import os; print([n for n in os.listdir('/proc') if n.isdigit()])") == "['1']\n"


@pytest.mark.parametrize(
    "code",
    [
        "socket.create_connection(('127.0.0.1', {port}), 2)",
        "socket.create_connection(('1.1.1.1', 53), 2)",
        "socket.getaddrinfo('example.org', 80)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(40, socket.SOCK_STREAM)",  # AF_VSOCK, which no network namespace holds
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        "socket.socket().bind(('0.0.0.0', 0))",  # which Landlock refuses
    ],
)
def test_it_has_no_network(code, run):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        code = code.format(port=server.getsockname()[1])
        said = run(f"import socket\ntry:\n    {code}\nexcept OSError:\n    print('refused')")
    assert said == "refused\n"


# --- What it cannot do -----------------------------------------------------------------------


def test_it_has_no_privilege_and_cannot_get_one(run):
    status = run("print(open('/proc/self/status').read())")
    for line in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"):
        assert line in status
    assert "Seccomp:\t2" in status
    assert run("import os; print(os.getuid() > 0, os.geteuid() > 0)") == "True True\n"


@pytest.mark.parametrize(
    "call",
    [
        "libc.unshare(0x10000000)",  # a user namespace
        "libc.unshare(0x20000)",
        "libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)",
        "libc.ptrace(16, 1, 0, 0)",
        "libc.memfd_create(b'', 0)",
        "libc.shmget(0, 4096, 0o1777)",
        "libc.mq_open(b'/q', 0o102, 0o600, None)",
        "libc.syscall(425, 8, ctypes.create_string_buffer(256))",  # io_uring_setup
        "libc.syscall(321, 0, ctypes.create_string_buffer(128), 128)",  # bpf
        "libc.syscall(250, 0, 0, 0)",  # keyctl
        "libc.syscall(323, 0)",  # userfaultfd
        "libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)",  # clone with a user namespace
        "libc.syscall(435, ctypes.create_string_buffer(88), 88)",  # clone3
        "libc.syscall(9, 0, 4096, 3, 0x21, -1, 0)",  # shared memory without a file
        "libc.syscall(9, 0, 4096, 3, 1, libc.open(b'/dev/zero', 2), 0)",
        "libc.inotify_init()",
        "libc.syscall(444, ctypes.create_string_buffer(b'\\1', 8), 8, 0)",  # a Landlock ruleset
        "libc.chroot(b'/tmp')",
        "libc.setuid(0)",
        "libc.syscall(165, 0, 0, 0, 0, 0)",
        "libc.syscall(206, 8, ctypes.byref(ctypes.c_ulong()))",  # io_setup
    ],
)
def test_the_kernel_refuses(call, run):
    code = f"import ctypes\nlibc = ctypes.CDLL(None)\nprint({call} == -1)"
    assert run(code) == "True\n"


def test_locks_cost_the_kernel_nothing_and_a_database_is_content(run):
    code = """
        import ctypes, fcntl, sqlite3, struct
        libc, file = ctypes.CDLL(None), open("file", "w")
        fcntl.lockf(file, fcntl.LOCK_EX, 1, 0)
        asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 2, 1, 0)
        for command in (6, 7, 37, 38):
            assert libc.syscall(72, file.fileno(), command | 1 << 32, asked) == 0
        with sqlite3.connect("data.db") as database:
            database.execute("create table t (n)")
            database.execute("insert into t values (3)")
            print(database.execute("select * from t").fetchall(), open("/proc/locks").read())
    """
    assert run(code) == "[(3,)] \n"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/etc",
        "/usr",
        "/sandbox",
        "/sandbox/code/inside",
        "/sandbox/packages/0",
        "/dev",
        "/root",
    ],
)
def test_it_writes_nowhere_but_in_its_own_folders(path, run):
    code = f"try:\n    open({path!r} + '/x', 'w')\nexcept OSError:\n    print('refused')"
    assert run(code) == "refused\n"


def test_what_a_submission_writes_is_gone_for_the_next(run):
    everywhere = ("/tmp", "/home/student", "/home/student/work", "/dev/shm")
    run(f"for f in {everywhere}:\n    open(f + '/left', 'w').write('x')")
    assert run(f"import os\nfor f in {everywhere}: print('left' in os.listdir(f))") == "False\n" * 4


def test_what_a_submission_leaves_running_ends_with_it(run, sandbox):
    run(
        """
        import subprocess, threading
        for _ in range(5):
            subprocess.Popen(["setsid", "nohup", "sleep", "1000"])
        threading.Thread(target=lambda: [0 for _ in iter(int, 1)], daemon=True).start()
        """
    )
    bwrap = psutil.Process(sandbox._parent.process.pid)
    names = [child.name() for child in bwrap.children(recursive=True)]
    assert "sleep" not in names
    assert len(names) <= 2  # bubblewrap's own, and the warm parent


def test_forks_draw_other_random_numbers(run):
    code = "import random, numpy as np; print(random.random(), np.random.rand())"
    assert run(code) != run(code)


# --- What it cannot use up -------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "kept = []\nwhile True: kept.append(bytes(10**7))",
        "import numpy as np\nkept = [np.ones(10**7) for _ in range(100)]",
        "bytearray(10**12)",
    ],
)
def test_one_process_gets_a_memory_error(code, sandbox):
    with sandbox.run() as submission:
        assert errors(submission.cell(code, timeout=PATIENCE)) in (
            ["MemoryError"],
            ["_ArrayMemoryError"],
        )


FORGE = """
import os, socket, stat, struct, time
def is_the_graders(descriptor):
    if not stat.S_ISSOCK(os.fstat(int(descriptor)).st_mode):
        return False
    found = socket.socket(fileno=os.dup(int(descriptor)))
    return struct.unpack("3i", found.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0] == 0
here = [name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")]
(channel,) = (socket.socket(fileno=int(name)) for name in here if is_the_graders(name))
def send(body):
    channel.sendall(struct.pack("!I", len(body)) + body)
"""

GROW = """
for _ in range(6):
    if os.fork() == 0:
        kept = [bytes(b"x" * 10**6) for _ in range(600)]
        time.sleep(60)
"""

HIDE = """
import ctypes
assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0  # not dumpable: its own user cannot look at it
"""


@pytest.mark.parametrize(
    "code",
    [
        f"{GROW}\ntime.sleep(60)",
        f"{HIDE}\n{GROW}\ntime.sleep(60)",
        f"{GROW}\nchannel.sendall(struct.pack('!I', 10_000_000))\n"
        "while True: channel.sendall(b' '); time.sleep(0.01)",
    ],
    ids=["asleep", "hidden", "byte-after-byte"],
)
def test_memory_counts_for_all_processes_together(code, sandbox):
    with (
        sandbox.run() as submission,
        pytest.raises(SubmissionEndedError, match=r"\d+ MB of memory together, and 768 MB"),
    ):
        submission.cell(FORGE + code, timeout=PATIENCE)


def test_memory_in_the_buffers_of_sockets_is_limited(sandbox):
    code = """
    import os, socket, time
    kept = []
    for _ in range(10):
        if os.fork() == 0:
            break
    for _ in range(100):
        kept += socket.socketpair()
        kept[-1].setblocking(False)
        try:
            while True:
                kept[-1].send(bytes(4096))
        except BlockingIOError:
            pass
    time.sleep(60)
    """
    with sandbox.run() as submission, pytest.raises(SubmissionEndedError, match=r"\d+ sockets"):
        submission.cell(textwrap.dedent(code), timeout=PATIENCE)


def test_terminals_are_few(run):
    code = "import os\nn = 0\ntry:\n  while True: os.openpty(); n += 1\nexcept OSError: print(n)"
    assert run(code) == "16\n"
    assert run("!tty").startswith("/dev/pts/")


def test_processes_are_few(run):
    said = run(
        """
        import os, time
        made = 0
        try:
            while True:
                if os.fork() == 0:
                    time.sleep(100)
                made += 1
        except OSError:
            print(made)
        """
    )
    assert int(said) <= 64


@pytest.mark.parametrize(
    ("code", "most"),
    [
        ("with open('/tmp/big', 'wb') as f:\n  while True: f.write(b'x' * MB); n += 1", 65),
        ("while True: open(f'/tmp/{n}', 'w').close(); n += 1", 4096),
        ("while True: os.mkdir(f'/home/student/{n}'); n += 1", 4096),
        ("kept = []\nwhile True: kept.append(open('/dev/null')); n += 1", 256),
        ("with open('/dev/shm/x', 'wb') as f:\n  while True: f.write(b'x' * MB); n += 1", 2),
    ],
)
def test_disk_inodes_and_open_files_are_limited(code, most, run):
    said = run(
        f"import os\nMB, n = {MB}, 0\ntry:\n"
        + textwrap.indent(code, "  ")
        + "\nexcept OSError:\n  kept = None\nprint(n)"
    )
    assert int(said) <= most


@pytest.mark.parametrize(
    "code",
    [
        "while True: print('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 10000)",
        "from IPython.display import display\nwhile True: display('x' * 1000)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "!yes",
        "print('x' * 300_000_000)",
    ],
)
def test_endless_output_costs_the_grader_nothing(code, sandbox):
    before = psutil.Process().memory_info().rss
    with sandbox.run() as submission:
        cell = submission.cell(code, timeout=2)
        assert len(printed(cell)) < 1_100_000
    assert psutil.Process().memory_info().rss - before < 50 * MB


def test_many_small_outputs_are_cut_and_the_submission_goes_on(sandbox):
    code = "import sys\nfor _ in range(20_000): print(end='o'); print(end='e', file=sys.stderr)"
    with sandbox.run() as submission:
        cell = submission.cell(code, timeout=PATIENCE)
        assert len(cell.outputs) == 501
        assert "cut: a cell may put out" in printed(cell)
        assert printed(submission.cell("print('next')", timeout=PATIENCE)) == "next\n"


@pytest.mark.parametrize(
    "code",
    [
        "channel.sendall(struct.pack('!I', 2**32 - 1))",
        "send(b'[' * 100_000 + b']' * 100_000)",
        "send(b'{' + b'\"a\":{' * 1000 + b'}' * 1001)",
        'send(b\'{"outputs": [], "outputs": [], "updates": []}\')',
        'send(b\'{"outputs": [NaN], "updates": []}\')',
        'send(b\'{"outputs": [1e999], "updates": []}\')',
        "send(b'{\"outputs\": [' + b'9' * 5000 + b'], \"updates\": []}')",
        "send(b'[' + b'0,' * 200_000 + b'0]')",
        "send(b'{\"outputs\": [' + b'{},' * 600 + b'{}], \"updates\": []}')",
        "send(b'\\xff\\xfe not json')",
        "send(b'{}')",
        "send(b'\"' * 15_000_000)",
        "send(b']' * 15_000_000)",
        "send(b'\"\\\\ud83d\\\\ude00' + b'x' * 3_000_000 + b'\"')",
        'send(\'{"outputs": ["\U0001f600"], "updates": []}\'.encode())',
        "send(b'{\"outputs\": [\"' + b'a\\\\n' * 1_000_000 + b'\"], \"updates\": []}')",
        "send(b'[]')",
        "send(b'')",
    ],
)
def test_an_odd_message_ends_the_submission_and_costs_nothing(code, sandbox):
    before = psutil.Process().memory_info().rss
    with (
        sandbox.run() as submission,
        pytest.raises(SubmissionEndedError, match="sent what no cell sends"),
    ):
        submission.cell(FORGE + code + "\ntime.sleep(60)", timeout=PATIENCE)
    assert psutil.Process().memory_info().rss - before < 50 * MB


def test_a_message_may_not_come_drop_by_drop(sandbox):
    code = FORGE + "while True:\n    channel.send(b'\\0'); time.sleep(0.01)"
    with sandbox.run() as submission, pytest.raises(SubmissionEndedError):
        submission.cell(code, timeout=1)


def test_lines_of_output_count_for_what_they_take_in_a_file(sandbox):
    with sandbox.run() as submission:
        cell = submission.cell("for _ in range(10**6): print()", timeout=PATIENCE)
    lines = printed(cell).count("\n")
    assert 40_000 < lines < 50_000
    assert "cut: a cell may put out" in printed(cell)


def test_lone_surrogates_and_nul_are_replaced(run):
    assert run(r"print('a\ud800b\0c')") == "a?b\ufffdc\n"


# --- Where there is none ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("os.environ['PATH'] = '/nowhere'", "bubblewrap is not installed: install it (Debian"),
        ("sys.modules['pyseccomp'] = None", "libseccomp cannot be loaded"),
        ("sys.platform = 'darwin'", "needs Linux, and this is darwin: grade on a Linux machine"),
        ("bubblewrap._isolation = lambda: ['--unshare-user', '--oops']", "Unknown option --oops"),
        ("box._PROBE = 'print(6)'", "the sandbox does not hold: 6"),
    ],
)
def test_a_sandbox_that_cannot_be_is_missed_in_words(given, sentence, clean_environment):
    code = f"""
import os, sys
{given if "sys." in given else ""}
from cnnlesson.grading.sandbox import Sandbox, SandboxUnavailableError, box, bubblewrap
{given}
try:
    Sandbox().probe()
except SandboxUnavailableError as error:
    print(error)
"""
    environment = {**clean_environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert sentence in done.stdout, done.stderr


def test_a_system_without_namespaces_is_told_what_helps():
    """What bubblewrap says there was noted from one; this machine has them."""
    with tempfile.TemporaryFile() as log:
        log.write(b"bwrap: setting up uid map: Permission denied\n")
        sentence = box._blocker(bubblewrap.Parent(None, None, log))
    assert "does not start: bwrap: setting up uid map: Permission denied. This system" in sentence
    assert "AppArmor profile that allows userns" in sentence
