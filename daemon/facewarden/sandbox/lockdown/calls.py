"""The kernel's calls by name, for the two machines that facewarden knows, and a way to make one.

Numbers of x86-64 come from the kernel's arch/x86/entry/syscalls/syscall_64.tbl (installed as asm/unistd_64.h), those of
aarch64 from include/uapi/asm-generic/unistd.h, where the older calls do not exist (None). A test compares both columns
with the headers of the machine it runs on; the filter itself was never run on aarch64.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from typing import Final

CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    "access": (21, None),
    "add_key": (248, 217),
    "bpf": (321, 280),
    "brk": (12, 214),
    "capset": (126, 91),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "clone": (56, 220),
    "clone3": (435, 435),
    "close": (3, 57),
    "execve": (59, 221),
    "execveat": (322, 281),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "fcntl": (72, 25),
    "fork": (57, None),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getcpu": (309, 168),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "getpid": (39, 172),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "io_uring_setup": (425, 425),
    "ioctl": (16, 29),
    "keyctl": (250, 219),
    "kill": (62, 129),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "lseek": (8, 62),
    "lstat": (6, None),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    "memfd_create": (319, 279),
    "mmap": (9, 222),
    "mount": (165, 40),
    "mprotect": (10, 226),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "name_to_handle_at": (303, 264),
    "nanosleep": (35, 101),
    "newfstatat": (262, 79),
    "open": (2, None),
    "open_by_handle_at": (304, 265),
    "openat": (257, 56),
    "openat2": (437, 437),
    "perf_event_open": (298, 241),
    "personality": (135, 92),
    "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434),
    "pidfd_send_signal": (424, 424),
    "pipe": (22, None),
    "pipe2": (293, 59),
    "poll": (7, None),
    "ppoll": (271, 73),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "process_madvise": (440, 440),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    "read": (0, 63),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "request_key": (249, 218),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigqueueinfo": (129, 138),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_getparam": (143, 121),
    "sched_getscheduler": (145, 120),
    "sched_yield": (24, 124),
    "seccomp": (317, 277),
    "set_robust_list": (273, 99),
    "setns": (308, 268),
    "sigaltstack": (131, 132),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "stat": (4, None),
    "statx": (332, 291),
    "sysinfo": (99, 179),
    "tgkill": (234, 131),
    "time": (201, None),
    "timer_delete": (226, 111),
    "timerfd_create": (283, 85),
    "umount2": (166, 39),
    "uname": (63, 160),
    "unshare": (272, 97),
    "userfaultfd": (323, 282),
    "vfork": (58, None),
    "write": (1, 64),
}

COLUMNS: Final = {"x86_64": 0, "aarch64": 1}
"""Column of CALLS by the machine's name as uname(2) tells it."""


def _machine() -> str | None:
    name = os.uname().machine
    # A 32-bit interpreter on a 64-bit kernel calls by other numbers.
    return name if name in COLUMNS and sys.maxsize > 2**32 else None


MACHINE: Final = _machine()
"""The machine whose numbers are valid in this process; None where it is neither of the two."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def number(name: str, machine: str | None = MACHINE) -> int | None:
    """A call's number; None where the machine is unknown or has no such call."""
    return None if machine is None else CALLS[name][COLUMNS[machine]]


def call(name: str, *arguments: int) -> int:
    """Make a call and return its result. Raises OSError, with ENOSYS where this machine has no such call."""
    found = number(name)
    if found is None:
        raise OSError(errno.ENOSYS, name)
    # Each argument fills a register, so none may be passed as a 32-bit int.
    result: int = _libc.syscall(ctypes.c_long(found), *(ctypes.c_long(argument) for argument in arguments))
    if result == -1:
        raise OSError(ctypes.get_errno(), name)
    return result
