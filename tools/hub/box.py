"""Run a JupyterHub for three in a folder of its own, until told to end; then remove the folder.

    python tools/hub/box.py FOLDER

nbgrader tells students apart by the names of their local users, and a box must not add any to the
machine. So the hub sees another /etc/passwd, by bubblewrap. Where root starts it, there are three
users in it, and each server runs as its own. Anybody else can start servers only as themselves:
then that one user is called jovyan, as in a container of Jupyter's, and nbgrader takes the names
from the hub.
"""

import argparse
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from urllib.error import URLError
from urllib.request import urlopen

HERE = Path(__file__).resolve().parent
COURSE = HERE.parents[1]
IN_COURSE = ("nbgrader_config.py", "source", "release")
USERS = ("instructor", "ada", "ben")
FIRST_ID = 930_001
"""Of the made-up users: where neither Debian nor useradd gives any out."""
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 120  # seconds, for a busy machine
LAST_WORDS = 20  # lines


def main() -> None:
    """Start the hub, say where it is, and wait."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="is emptied first, and removed in the end")
    box = parser.parse_args().folder.resolve()
    if not shutil.which("bwrap"):
        sys.exit(
            "`make hub` needs bubblewrap, which runs on Linux alone, and there is no 'bwrap' here: "
            "install it (on Debian and Ubuntu: apt install bubblewrap)."
        )
    for each in ENDS:
        signal.signal(each, interrupt)
    shutil.rmtree(box, ignore_errors=True)
    try:
        make(box)
        password = secrets.token_urlsafe(9)
        url, own_url, proxy_url = addresses(3)
        settings = {
            "HUB_BOX": f"{box}",
            "HUB_URL": url,
            "HUB_OWN_URL": own_url,
            "HUB_PROXY_URL": proxy_url,
            "HUB_PASSWORD": password,
        }
        with running(box, settings) as hub:
            wait_for(url, hub, box / "hub" / "log")
            print(
                f"The hub is at {url}/ until you press Ctrl-C.\n"
                f"Log in as {', '.join(USERS[:-1])} or {USERS[-1]}, with the password {password}",
                flush=True,
            )
            if os.geteuid() != 0:
                print("All servers run as you: it is for trying out, and keeps no secrets.")
            hub.wait()
            sys.exit(f"The hub has ended:\n{last_words(box / 'hub' / 'log')}")
    except KeyboardInterrupt:
        print("The hub ends.")
    finally:
        shutil.rmtree(box, ignore_errors=True)


def interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End, and let no second signal, as make sends one, stop that."""
    for each in ENDS:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def make(box: Path) -> None:
    """Make the folder: the hub's own part, the exchange, and a home for each user."""
    ids = identities()
    box.mkdir(parents=True)
    box.chmod(0o755)
    (box / "hub").mkdir(mode=0o700)
    (box / "exchange").mkdir()
    (box / "exchange").chmod(0o777)
    for name in USERS:
        home = box / "home" / name
        home.mkdir(parents=True)
        if name == USERS[0]:
            for part in IN_COURSE:
                copy = shutil.copytree if (COURSE / part).is_dir() else shutil.copy2
                (home / "cnnlesson").mkdir(exist_ok=True)
                copy(COURSE / part, home / "cnnlesson" / part)
        for path in (home, *home.rglob("*")):
            os.chown(path, *ids[name])
        home.chmod(0o700)
    known = [
        f"{name}:x:{uid}:{gid}::{box / 'home' / name}:/bin/bash" for name, (uid, gid) in ids.items()
    ]
    if os.geteuid() != 0:
        known = [f"jovyan:x:{os.getuid()}:{os.getgid()}::{box}:/bin/bash"]
    others = Path("/etc/passwd").read_text()  # of two lines for a name or an id, the first counts
    (box / "passwd").write_text("\n".join(known) + "\n" + others)


def identities() -> dict[str, tuple[int, int]]:
    """Return the user and the group that each user's server runs as."""
    if os.geteuid() != 0:
        return dict.fromkeys(USERS, (os.getuid(), os.getgid()))
    ids = dict(zip(USERS, range(FIRST_ID, FIRST_ID + len(USERS)), strict=True))
    taken = {each.pw_uid for each in pwd.getpwall()} & set(ids.values())
    if taken:
        sys.exit(f"There are users with the ids {sorted(taken)} here, which the hub would take.")
    return {name: (uid, uid) for name, uid in ids.items()}


def addresses(count: int) -> list[str]:
    """Find ports of this machine that are free."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    found = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    for each in sockets:
        each.close()
    return found


@contextmanager
def running(box: Path, settings: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the hub, and in the end give it the time to end its proxy and everybody's servers."""
    outside = ("JUPYTER", "IPYTHON")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(outside)}
    scripts = [str(Path(sys.executable).parent), str(HERE / "node_modules" / ".bin")]
    environment["PATH"] = os.pathsep.join([*scripts, environment["PATH"]])
    command = ["bwrap", "--dev-bind", "/", "/", *opened(), "--ro-bind", f"{box / 'passwd'}"]
    command += ["/etc/passwd", "--chdir", f"{box / 'hub'}", "--"]
    command += ["jupyterhub", "--config", f"{HERE / 'jupyterhub_config.py'}"]
    with (box / "hub" / "log").open("wb") as log:
        hub = subprocess.Popen(
            command,
            env={**environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield hub
    finally:
        end(hub, box / "hub" / "pid")


def opened() -> list[str]:
    """Have bubblewrap open closed folders, such as /root, as far as Python and the course need it.

    Root alone needs that: its made-up users could not get there. All else in them is hidden.
    """
    if os.geteuid() != 0:
        return []
    library = find_spec("cnnlesson").origin  # elsewhere if this is a copy of the checkout
    places = (sys.base_prefix, sys.prefix, COURSE, Path(library).parents[1])
    needed = {Path(each).resolve() for each in places}
    closed = {
        next((each for each in reversed(path.parents) if not each.stat().st_mode & 0o001), None)
        for path in needed
    } - {None}
    arguments: list[str] = []
    for folder in sorted(map(str, closed)):
        arguments += ["--perms", "0755", "--tmpfs", folder]
        for path in sorted(each for each in needed if each.is_relative_to(folder)):
            between = [each for each in path.parents if each.is_relative_to(folder)][:-1]
            for each in reversed(between):
                arguments += ["--perms", "0755", "--dir", f"{each}"]
            arguments += ["--bind", f"{path}", f"{path}"]
    return arguments


def end(hub: subprocess.Popen[bytes], pid_file: Path) -> None:
    """Tell the hub to end, rather than bubblewrap, which ends with it; kill both if need be."""
    try:
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
    except (OSError, ValueError):  # it has ended, or not yet begun
        hub.terminate()
    try:
        hub.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(hub.pid, signal.SIGKILL)


def wait_for(url: str, hub: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until the hub answers."""
    deadline = time.monotonic() + PATIENCE
    while hub.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{url}/hub/health", timeout=PATIENCE):
                return
        except (URLError, ConnectionError):
            time.sleep(0.2)
    sys.exit(f"The hub did not start:\n{last_words(log)}")


def last_words(log: Path) -> str:
    """Return the end of what the hub has told."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_WORDS:])


if __name__ == "__main__":
    main()
