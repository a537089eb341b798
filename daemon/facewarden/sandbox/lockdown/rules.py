"""What a locked worker may ask the kernel for, and what it is answered otherwise.

FIRST holds while libraries load: all but the doors out. `second` holds while photos are handled: nothing but what
Python, Pillow, OpenCV and MediaPipe were seen to need (see docs/sandbox.md for how that was found), all else kills.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from facewarden.sandbox.lockdown.seccomp import ALLOW, KILL, Check, Rule, refuse

WHOLE: Final = 0xFFFFFFFF

CLONE_THREAD: Final = 0x00010000
"""linux/sched.h: the new thread shares this process; without it clone(2) makes a process."""
PROT_EXEC: Final = 0x4
MAP_ANONYMOUS: Final = 0x20
"""asm-generic/mman-common.h."""
HARMLESS_ADVICE: Final = (4, 8, 14, 15)
"""asm-generic/mman-common.h: MADV_DONTNEED, FREE, HUGEPAGE, NOHUGEPAGE, which only touch the caller's own memory."""
FUTEX_FLAGS: Final = 128 | 256
"""linux/futex.h: FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME."""
FUTEX_PLAIN: Final = (0, 1, 3, 4, 5, 9, 10)
"""linux/futex.h: WAIT, WAKE, REQUEUE, CMP_REQUEUE, WAKE_OP, WAIT_BITSET, WAKE_BITSET. Not the PI operations: priority
inheritance is where most of the kernel's futex flaws were, and no library here needs it."""

THREADS_ONLY: Final = Rule("clone", ALLOW, (Check(0, CLONE_THREAD, (CLONE_THREAD,)),), refuse(errno.EPERM))
NO_FLAGS_TO_SEE: Final = Rule("clone3", refuse(errno.ENOSYS))
"""clone3 has its flags in memory, where a filter cannot look; libraries that are told ENOSYS use clone."""

SOCKETS: Final = tuple(Rule(name, refuse(errno.EACCES)) for name in ("socket", "socketpair"))
"""Answered, never killed: MediaPipe's library tries to reach its vendor from a thread of its own."""

FIRST: Final = (
    *SOCKETS,
    THREADS_ONLY,
    NO_FLAGS_TO_SEE,
    *(
        Rule(name, refuse(errno.EPERM))
        for name in (
            *("execve", "execveat", "fork", "vfork"),
            *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise"),
            *("pidfd_open", "pidfd_getfd", "pidfd_send_signal"),
            *("io_uring_setup", "bpf", "userfaultfd", "perf_event_open"),
            *("add_key", "request_key", "keyctl", "unshare", "setns"),
        )
    ),
)

PLAIN: Final = (
    *("brk", "munmap", "mremap", "gettid", "getpid", "getuid", "getcpu"),
    *("sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler"),
    *("rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack", "exit", "exit_group"),
    *("clock_gettime", "clock_getres", "gettimeofday", "time", "nanosleep", "clock_nanosleep"),
    *("getrandom", "getrusage", "restart_syscall"),
)
"""They reach nothing but the caller's own memory and time, whatever their arguments."""

PROBED: Final = {
    errno.EACCES: (
        *("open", "openat", "openat2", "stat", "lstat", "newfstatat", "statx"),
        *("access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd"),
    ),
    errno.EPERM: (
        *("ioctl", "fcntl", "close", "fstat", "lseek", "prctl", "prlimit64"),
        *("uname", "sysinfo", "getdents64", "membarrier", "timer_delete"),
    ),
    errno.EMFILE: ("pipe", "pipe2"),
    errno.ENOSYS: ("rseq", "set_robust_list"),
}
"""Libraries ask for these and live with a no; to kill for them would cost innocent photos."""


def second() -> tuple[Rule, ...]:
    """The rules for this process while it handles photos; for use with `KILL` as default."""
    own = os.getpid()
    return (
        Rule("read", ALLOW, (Check(0, WHOLE, (0,)),)),
        Rule("write", ALLOW, (Check(0, WHOLE, (1, 2)),)),
        Rule("futex", ALLOW, (Check(1, WHOLE & ~FUTEX_FLAGS, FUTEX_PLAIN),)),
        Rule("mmap", ALLOW, (Check(2, PROT_EXEC, (0,)), Check(3, MAP_ANONYMOUS, (MAP_ANONYMOUS,)))),
        Rule("mprotect", ALLOW, (Check(2, PROT_EXEC, (0,)),)),
        # What the kernel itself answers to advice that it does not know.
        Rule("madvise", ALLOW, (Check(2, WHOLE, HARMLESS_ADVICE),), refuse(errno.EINVAL)),
        Rule("tgkill", ALLOW, (Check(0, WHOLE, (own,)),)),
        *(Rule(name, ALLOW) for name in PLAIN),
        *(Rule(name, refuse(number)) for number, names in PROBED.items() for name in names),
        *SOCKETS,
        NO_FLAGS_TO_SEE,
        Rule("clone", refuse(errno.EAGAIN), (Check(0, CLONE_THREAD, (CLONE_THREAD,)),), KILL),
    )
