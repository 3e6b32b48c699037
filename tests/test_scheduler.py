"""Whoever reaches a scheduler without its certificates reaches nothing; who has them can grade.

Dask's scheduler and workers run code for whoever they talk to, and other people have accounts where
a class is graded.
"""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager

import psutil
import pytest
from attacks import PLAIN, SOURCES, Submission, attacks, points
from course import copy_course
from graded import BIN, sqlite
from nbgrader.api import Gradebook
from processes import Watch
from users import SOMEBODY

pytestmark = [pytest.mark.nbgrader, pytest.mark.sandbox]

KNOCK = """
import asyncio, json, os, ssl, sys
from distributed.comm import connect
from distributed.security import Security

asked = json.loads(sys.argv[1])
own, theirs = (  # while the files can be read
    security.get_connection_args("client")
    for security in (
        Security.temporary(),
        Security(require_encryption=True, **asked["certificates"]),
    )
)
if asked["user"] is not None:
    os.setgroups([])
    os.setgid(asked["user"])
    os.setuid(asked["user"])

async def ask(scheme, port, how):
    comm = await connect(f"{scheme}://127.0.0.1:{port}", timeout=4, **how)
    await comm.write({"op": "identity", "reply": True})
    return repr(await asyncio.wait_for(comm.read(), 4))

async def listen(port, context):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
    return repr(await asyncio.wait_for(reader.read(100), 4) or 1 / 0)

async def tried(attempt):
    try:
        return await asyncio.wait_for(attempt, 10)
    except Exception:
        return ""

async def main():
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    ways = {
        "plain": lambda port: ask("tcp", port, {}),
        "with certificates of their own": lambda port: ask("tls", port, own),
        "as a browser": lambda port: listen(port, None),
        "as a browser with TLS": lambda port: listen(port, anybody),
        "with the certificates": lambda port: ask("tls", port, theirs),
    }
    if not asked["certificates"]:
        ways.popitem()
    calls = [(port, name, way(port)) for port in asked["ports"] for name, way in ways.items()]
    said = await asyncio.gather(*(tried(call) for *_, call in calls))
    print(json.dumps([[port, name, each] for (port, name, _), each in zip(calls, said) if each]))
    sys.stdout.flush()
    os._exit(0)  # closing what never opened takes for ever

asyncio.run(main())
"""
"""Tries ports in each way, as another user if there is one to become, and prints what answered."""

LOOPS = "while True:\n    pass"


def answers(ports, certificates, environment):
    user = SOMEBODY if os.getuid() == 0 else None
    asked = {"ports": ports, "certificates": certificates, "user": user}
    done = subprocess.run(
        [sys.executable, "-c", KNOCK, json.dumps(asked)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return {(port, way) for port, way, _ in json.loads(done.stdout)}


def listening(process):
    """The ports that a process and all below it listen to."""
    family = [process, *process.children(recursive=True)]
    found = set()
    for each in family:
        try:
            connections = each.net_connections("inet")
        except psutil.Error:
            continue
        found |= {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}
    return sorted(found)


@pytest.fixture(scope="module")
def course(run, tmp_path_factory):
    """A course of plain asserts: an honest student, an attack on the scheduler, and two loops."""
    course = tmp_path_factory.mktemp("course")
    copy_course(course)
    source = SOURCES[PLAIN] / PLAIN
    (course / "source" / PLAIN).mkdir(parents=True)
    for path in source.iterdir():
        (course / "source" / PLAIN / path.name).write_bytes(path.read_bytes())
    (attack,) = (each for each in attacks() if each.name == "scheduler")
    changes = {
        "honest": lambda submission: None,
        "hostile": attack.change,
        "loop-1": lambda submission: submission.add(LOOPS),
        "loop-2": lambda submission: submission.add(LOOPS),
    }
    for student, change in changes.items():
        folder = course / "submitted" / student / PLAIN
        folder.mkdir(parents=True)
        submission = Submission(student, PLAIN, folder)
        change(submission)
        submission.hand_in()
    run("nbgrader", "generate_assignment", PLAIN, cwd=course)
    return course


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Files with certificates that Dask makes for an occasion, by the names of its settings."""
    from distributed.security import Security

    made, folder = Security.temporary(), tmp_path_factory.mktemp("certificates")
    files = {}
    for name in ("tls_ca_file", "tls_client_cert", "tls_client_key"):
        path = folder / f"{name}.pem"
        path.write_text(getattr(made, name))
        files[name] = str(path)
    return files


def flags_for(certificates, authority):
    """The flags for the files of certificates; Dask and we have other names for the authority's."""
    names = {
        authority: "tls_ca_file",
        "--tls-cert": "tls_client_cert",
        "--tls-key": "tls_client_key",
    }
    return [f"{flag}={certificates[name]}" for flag, name in names.items()]


@contextmanager
def dask(folder, environment, *flags, protocol, of_worker=None):
    """A scheduler and a worker that are there already, begun by Dask's own commands."""
    told = folder / "scheduler.json"  # written by the scheduler
    with ExitStack() as running, (folder / "log").open("w") as log:

        def begin(*arguments, **more):
            process = subprocess.Popen(
                [
                    BIN / "dask",
                    *arguments,
                    *flags,
                    "--no-dashboard",
                    "--dashboard-address=127.0.0.1:0",
                ],
                cwd=folder,
                env=environment | more,
                stdout=log,
                stderr=log,
            )
            running.callback(process.wait)
            running.callback(process.terminate)
            return process

        at = ["--host=127.0.0.1", "--port=0", f"--protocol={protocol}"]
        scheduler = begin("scheduler", *at, f"--scheduler-file={told}")
        until = time.monotonic() + 60
        while not told.exists() or not told.read_text():
            assert scheduler.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        address = json.loads(told.read_text())["address"]
        begin("worker", address, "--nthreads=1", "--host=127.0.0.1", **(of_worker or {}))
        yield address


@pytest.fixture(scope="module")
def remote(certificates, clean_environment, tmp_path_factory):
    """The address of a scheduler that speaks TLS alone."""
    flags = flags_for(certificates, "--tls-ca-file")
    folder = tmp_path_factory.mktemp("dask")
    with dask(folder, clean_environment, *flags, protocol="tls") as address:
        yield address


@pytest.fixture
def unlocked(clean_environment, tmp_path):
    """The address of one that speaks to anybody."""
    with dask(tmp_path, clean_environment, protocol="tcp") as address:
        yield address


def pages(course):
    return {
        path.relative_to(course / "feedback"): path.read_bytes()
        for path in (course / "feedback").rglob("*.html")
    }


def scores(course):
    with Gradebook(sqlite(course)) as gradebook:
        return {
            submission.student.id: {grade.name: grade.score for grade in notebook.grades}
            for submission in gradebook.assignment_submissions(PLAIN)
            for notebook in submission.notebooks
        }


def test_a_scheduler_elsewhere_grades_and_answers_nobody_else(
    course, remote, certificates, commands, clean_environment
):
    from distributed import Client
    from distributed.security import Security

    here = ["--scheduler", remote, *flags_for(certificates, "--tls-ca")]
    done = commands(course, "cnnlesson", "autograde", PLAIN, "--student=ho*", *here)
    assert done.returncode == 0, done.stdout
    deserved = points(PLAIN)
    assert scores(course) == {"honest": deserved, "hostile": {**deserved, "square": 0}}
    security = Security(require_encryption=True, **certificates)
    with Client(remote, security=security, set_as_default=False) as client:
        (loaded,) = client.run(lambda: [*sys.modules]).values()
        ((worker, about),) = client.scheduler_info()["workers"].items()
    assert "cnnlesson.grading.pipeline.tasks" in loaded
    assert not {"nbgrader", "nbformat", "nbconvert", "sqlalchemy"} & {*loaded}
    addresses = (remote, worker, about["nanny"])
    ports = [int(address.rpartition(":")[-1]) for address in addresses]
    # Only with the certificates, which shows that knocking works.
    knocked = answers(ports, certificates, clean_environment)
    assert knocked == {(port, "with the certificates") for port in ports}


def test_a_scheduler_elsewhere_makes_the_pages_that_are_made_here(
    course, remote, certificates, commands
):
    some = ["cnnlesson", "feedback", PLAIN, "--student=ho*", "--force"]
    graded = commands(course, "cnnlesson", "autograde", PLAIN, "--student=ho*", "--workers=1")
    assert graded.returncode == 0, graded.stdout
    made = []
    for where in (["--workers=1"], [f"--scheduler={remote}", *flags_for(certificates, "--tls-ca")]):
        done = commands(course, *some, *where)
        assert done.returncode == 0, done.stdout
        assert "2 feedback pages made" in done.stdout
        made.append(pages(course))
    assert made[0] == made[1]
    assert {path.parts[0] for path in made[0]} == {"honest", "hostile"}


def test_a_scheduler_without_tls_grades_only_where_that_is_asked_for(course, unlocked, commands):
    some = [PLAIN, "--student=ho*", "--force", f"--scheduler={unlocked}"]
    for command in ("autograde", "feedback"):
        done = commands(course, "cnnlesson", command, *some)
        assert done.returncode == 1
        assert f"Error: {unlocked} is no tls:// address: " in done.stdout
        assert "Traceback" not in done.stdout
    insecure = ["--insecure-scheduler", "--no-backup"]
    done = commands(course, "cnnlesson", "autograde", *some, *insecure)
    assert done.returncode == 0, done.stdout
    assert scores(course)["honest"] == points(PLAIN)


def test_a_worker_without_the_package_is_told_of(course, commands, clean_environment, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['cnnlesson'] = None\n")
    lacking = {"PYTHONPATH": str(tmp_path)}
    with dask(tmp_path, clean_environment, protocol="tcp", of_worker=lacking) as address:
        until = time.monotonic() + 60
        while "Starting established connection" not in (tmp_path / "log").read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
        before = known(address)
        flags = ["--student=ho*", "--force", "--no-backup", "--insecure-scheduler"]
        done = commands(course, "cnnlesson", "autograde", PLAIN, *flags, f"--scheduler={address}")
        assert known(address) == before, "what workers were to know of the assignment is there"
    assert done.returncode == 1
    assert "Error: the workers could not be told what to do (" in done.stdout
    assert "'cnnlesson' is not a package" in done.stdout
    assert "the same version of cnnlesson[grading,sandbox,parallel]" in done.stdout
    assert "Traceback" not in done.stdout


def known(address):
    """What a scheduler tells its workers when they begin."""
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        return client.run_on_scheduler(lambda dask_scheduler: [*dask_scheduler.worker_plugins])


def test_our_own_scheduler_answers_nobody(course, commands, clean_environment):
    watch = Watch()
    loops = ["--student=loop-*", "--force", "--no-backup", "--workers=2"]
    running = commands.begin(
        course, "cnnlesson", "autograde", PLAIN, *loops, "--Execute.timeout=60"
    )
    process = psutil.Process(running.pid)
    until = time.monotonic() + 60
    while not any(each.name() == "bwrap" for each in process.children(recursive=True)):
        assert running.poll() is None, running.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(1)  # until the other worker has begun as well
    ports = listening(process)
    assert len(ports) == 5  # the scheduler's, two workers', two nannies'
    assert answers(ports, {}, clean_environment) == set()
    kept = [path.read_bytes() for path in commands.temporary.rglob("*") if path.is_file()]
    assert not any(b"PRIVATE KEY" in content for content in kept)
    assert listening(process) == ports
    os.killpg(running.pid, signal.SIGINT)
    said, _ = running.communicate()
    assert running.returncode == 130, said
    assert watch.left() == []


def test_a_submission_finds_nothing_of_our_scheduler(course, commands):
    flags = ["--student=ho*", "--force", "--no-backup", "--workers=2"]
    done = commands(course, "cnnlesson", "autograde", PLAIN, *flags)
    assert done.returncode == 0, done.stdout
    assert scores(course)["hostile"] == {**points(PLAIN), "square": 0}
    assert scores(course)["honest"] == points(PLAIN)
