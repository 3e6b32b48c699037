"""Give a process namespaces of its own, and take from it all that it does not need.

Every call here either works or raises: a layer that is missing must never go unnoticed.
"""

import contextlib
import ctypes
import os
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

if sys.platform == "linux":  # elsewhere there is no sandbox, which the grader must be able to say
    import resource

    _libc = ctypes.CDLL(None, use_errno=True)

_CLONE_NEWNS = 0x00020000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWPID = 0x20000000
_CLONE_NEWNET = 0x40000000

_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000
_TERMINALS = 16

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP = 1, 4, 22
_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 23, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION = 0x20080522

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_VERSION = 1  # a flag
_LANDLOCK_BENEATH = 1  # a type of rule
_READ = 1 << 0 | 1 << 2 | 1 << 3  # execute a file, read one, list a folder
_ALL_ACCESS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_ONLY_FOR_FOLDERS = 1 << 3 | ((1 << 14) - (1 << 4))  # list, and make, remove and link inside
_NETWORK = 1 << 0 | 1 << 1  # bind and connect TCP, from ABI 4
_SCOPES = 1 << 0 | 1 << 1  # abstract sockets and signals, from ABI 6


def _called(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with_parent() -> None:
    """Have the kernel kill this process as soon as the one that made it ends."""
    _called(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0), "prctl(PDEATHSIG)")


def unshare() -> None:
    """Leave the namespaces of mounts, IPC and network; the next child begins a new one of pids."""
    flags = _CLONE_NEWNS | _CLONE_NEWPID | _CLONE_NEWIPC | _CLONE_NEWNET
    _called(_libc.unshare(flags), "unshare")


def mount_fresh(tmpfs: Mapping[str, Mapping[str, int]], uid: int) -> None:
    """Put empty folders of limited size, and a /proc and terminals of one's own, over the old ones.

    Args:
        tmpfs: folders to their `bytes`, `inodes` and `mode`.
        uid: who owns them.
    """
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE, None)
    for folder, limits in tmpfs.items():
        options = (
            f"size={limits['bytes']},nr_inodes={limits['inodes']},"
            f"mode={limits['mode']:o},uid={uid},gid={uid}"
        )
        _mount("tmpfs", folder, "tmpfs", _MS_NOSUID | _MS_NODEV, options)
    _mount("proc", "/proc", "proc", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, None)
    # IPython runs commands in terminals, of which the whole machine has only so many.
    options = f"newinstance,ptmxmode=0666,mode=620,max={_TERMINALS}"
    _mount("devpts", "/dev/pts", "devpts", _MS_NOSUID | _MS_NOEXEC, options)


def _mount(
    source: str | None, target: str, kind: str | None, flags: int, options: str | None
) -> None:
    source_, target_, kind_, options_ = (
        None if text is None else text.encode() for text in (source, target, kind, options)
    )
    result = _libc.mount(source_, target_, kind_, ctypes.c_ulong(flags), options_)
    _called(result, f"mount {kind or 'private'} on {target}")


def limit(limits: Mapping[str, int]) -> None:
    """Set resource limits by their names, such as "NOFILE", for good."""
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def drop_privileges(uid: int) -> None:
    """Become an ordinary user for good: no capability is left, and none can come back."""
    for capability in range(64):
        if _libc.prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            _called(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl(CAPBSET_DROP)")
    _called(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl(CAP_AMBIENT)")
    if os.getuid() != uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    header = struct.pack("=Ii", _CAPABILITY_VERSION, 0)
    _called(_libc.capset(header, bytes(24)), "capset")
    _called(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(NO_NEW_PRIVS)")
    # Since the user has changed, /proc/self would be root's.
    _called(_libc.prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0), "prctl(DUMPABLE)")


def landlock_version() -> int:
    """Return the version of Landlock that this kernel has; 0 for none."""
    if sys.platform != "linux":
        return 0
    version: int = _libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return max(version, 0)


def landlock(writable: Sequence[str]) -> None:
    """Let this process write below some folders and files alone, and reach no network.

    From https://docs.kernel.org/userspace-api/landlock.html; before ABI 6 without scopes.
    """
    abi = landlock_version()
    if not abi:
        raise OSError("this kernel has no Landlock")
    files = _ALL_ACCESS_BY_ABI[max(known for known in _ALL_ACCESS_BY_ABI if known <= abi)]
    network, scopes = _NETWORK if abi >= 4 else 0, _SCOPES if abi >= 6 else 0
    attributes = struct.pack("=QQQ", files, network, scopes)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = _called(
        _libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, size, 0), "landlock_create_ruleset"
    )
    for path, access in [("/", _READ), *((path, files) for path in writable)]:
        with _opened(path) as there:
            if not os.path.isdir(path):  # noqa: PTH112 - one import less in the warm parent
                access &= ~_ONLY_FOR_FOLDERS
            rule = struct.pack("=Qi", access & files, there)
            _called(
                _libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_BENEATH, rule, 0),
                f"landlock_add_rule for {path}",
            )
    _called(_libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0), "landlock_restrict_self")
    os.close(ruleset)


@contextlib.contextmanager
def _opened(path: str) -> Any:
    there = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield there
    finally:
        os.close(there)


def filter_calls(program: bytes) -> None:
    """Have the kernel refuse system calls as a seccomp filter says; `program` is its BPF."""

    class _Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))

    ready = _Program(len(program) // 8, program)
    _called(
        _libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(ready), 0, 0),
        "prctl(SECCOMP)",
    )


def close_all_but(kept: int) -> None:
    """Close every file descriptor but `kept` and the three standard ones."""
    os.closerange(3, kept)
    os.closerange(kept + 1, min(os.sysconf("SC_OPEN_MAX"), 4096))
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123 - stays open
    os.dup2(sys.stdin.fileno(), 0)
