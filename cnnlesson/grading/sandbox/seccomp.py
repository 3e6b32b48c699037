"""Which system calls a submission may not make."""

import errno
import tempfile
from functools import cache

_REFUSED = (
    # Namespaces, mounts, and what belongs to the machine's owner.
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "fsopen", "fsmount"),
    *("fsconfig", "fspick", "open_tree", "move_mount", "mount_setattr", "name_to_handle_at"),
    *("open_by_handle_at", "swapon", "swapoff", "reboot", "kexec_load", "kexec_file_load"),
    *("init_module", "finit_module", "delete_module", "acct", "quotactl", "quotactl_fd"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname"),
    *("setdomainname", "syslog", "vhangup", "lookup_dcookie", "nfsservctl"),
    # Memory that no limit of a process counts.
    *("memfd_create", "memfd_secret", "shmget", "shmat", "shmctl", "mq_open", "mq_unlink"),
    *("msgget", "semget", "mlock", "mlock2", "mlockall"),
    # Likewise of the kernel's: events of watched files, and rules, which nobody counts.
    *("inotify_init", "inotify_init1"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
    # What has often been a way out of the kernel's hands, and no lesson needs.
    *("bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key"),
    *("io_uring_setup", "io_uring_enter", "io_uring_register", "fanotify_init", "vmsplice"),
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp"),
    *("pidfd_getfd", "personality", "modify_ldt", "iopl", "ioperm", "uselib", "ustat", "sysfs"),
    *("move_pages", "migrate_pages", "mbind", "set_mempolicy", "pidfd_send_signal"),
    "io_setup",  # of which the whole machine has only so many
)
_SET_LOCK = (6, 7, 37, 38)  # F_SETLK, F_SETLKW, and F_OFD_SETLK and F_OFD_SETLKW
_NEW_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that clone takes
_SHARED_WITHOUT_FILE = 0x21  # MAP_SHARED and MAP_ANONYMOUS
_FAMILIES = (1, 2, 10)  # Unix, and IPv4 and IPv6, which lead nowhere in an empty network
_LAST_LISTED = max(_FAMILIES)


class NoSeccompError(RuntimeError):
    """What makes seccomp filters is not there."""


@cache
def program() -> bytes:
    """Return the filter as the kernel takes it: BPF for the machine's own kind of processor.

    What is refused fails with EPERM, as for any user who may not, and `clone3` with ENOSYS, since
    its flags lie in memory where no filter looks, and the C library then takes `clone`. A call of
    another architecture's kills.

    Raises:
        NoSeccompError: if libseccomp, or its binding, is not installed.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, RuntimeError, OSError) as error:
        raise NoSeccompError(
            f"libseccomp cannot be loaded ({error}): install it (Debian: apt install libseccomp2) "
            "and cnnlesson's extra, cnnlesson[sandbox], which brings pyseccomp"
        ) from None
    calls = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
    no, none = seccomp.ERRNO(errno.EPERM), seccomp.ERRNO(errno.ENOSYS)
    for name in _REFUSED:
        if seccomp.resolve_syscall(seccomp.Arch.NATIVE, name) >= 0:
            calls.add_rule(no, name)
    for bit in range(32):
        flag = 1 << bit
        if flag & _NEW_NAMESPACES:
            calls.add_rule(no, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    calls.add_rule(none, "clone3")
    # The kernel keeps a lock for each byte that is asked for, and nobody counts them. They are said
    # to be there: nobody else writes here, and a database is content. The kernel looks at 32 bits.
    done = seccomp.ERRNO(0)
    for command in _SET_LOCK:
        calls.add_rule(done, "fcntl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, command))
    # Such memory stays where it is no longer mapped, so that no count of a process has it.
    shared = seccomp.Arg(3, seccomp.MASKED_EQ, _SHARED_WITHOUT_FILE, _SHARED_WITHOUT_FILE)
    calls.add_rule(no, "mmap", shared)
    # Others, such as VSOCK, would not stay in the network of a namespace.
    for family in set(range(_LAST_LISTED)) - {*_FAMILIES}:
        calls.add_rule(no, "socket", seccomp.Arg(0, seccomp.EQ, family))
    calls.add_rule(no, "socket", seccomp.Arg(0, seccomp.GT, _LAST_LISTED))
    with tempfile.TemporaryFile() as file:
        calls.export_bpf(file)
        file.seek(0)
        return file.read()
