"""A PostgreSQL of the tests' own, reached by a socket in its folder and by nothing else."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

USER = "teacher"
_DEBIAN = Path("/usr/lib/postgresql")


def program(name):
    """The path of a program of PostgreSQL's; Debian keeps those of a server off PATH."""
    newest_first = sorted(_DEBIAN.glob(f"*/bin/{name}"), reverse=True)
    return shutil.which(name) or next(map(str, newest_first), None)


def missing():
    """What keeps PostgreSQL from running here, as a sentence, if anything does."""
    if not all(map(program, ("initdb", "pg_ctl", "pg_dump"))):
        return "needs PostgreSQL (Debian: apt install postgresql)"
    if os.getuid() == 0 and not shutil.which("setpriv"):
        return "needs setpriv, since PostgreSQL refuses to be run by root"
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "needs psycopg: pip install 'cnnlesson[postgres]'"
    return None


class Server:
    """A PostgreSQL server in a folder."""

    def __init__(self, folder):
        self._folder, self._as_user = folder, []
        if os.getuid() == 0:  # the user comes with Debian's package
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            shutil.chown(folder, "postgres")
        self._run("initdb", f"--username={USER}", "--auth=trust", "--no-sync")

    def _run(self, name, *arguments):
        command = [*self._as_user, program(name), f"--pgdata={self._folder}/data", *arguments]
        done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, done.stderr

    def start(self):
        # Without a host it listens to no port; without fsync a test need not wait for a disk.
        options = f"-k {self._folder} -h '' -F"
        self._run("pg_ctl", "start", f"--log={self._folder}/log", f"--options={options}")

    def stop(self, mode):
        self._run("pg_ctl", "stop", f"--mode={mode}")

    def database(self, name):
        """Make a database, and return its address as `CourseDirectory.db_url` takes it."""
        import psycopg

        where = f"host={self._folder} user={USER} dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f'create database "{name}"')
        return f"postgresql+psycopg://{USER}@/{name}?host={self._folder}"


@contextmanager
def server():
    """A server that runs for a while."""
    # Not pytest's own folder, which is for one user's eyes alone and has too long a name.
    with tempfile.TemporaryDirectory(prefix="postgres-") as name:
        Path(name).chmod(0o755)
        running = Server(Path(name))
        running.start()
        try:
            yield running
        finally:
            running.stop("immediate")
