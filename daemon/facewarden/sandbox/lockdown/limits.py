"""What a process gives up by itself: privileges, its place in memory shortage, and the kernel's resource limits.

Constants: linux/prctl.h and linux/capability.h, with prctl(2), capabilities(7) and getrlimit(2) for what they mean.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import Final

from facewarden.sandbox.lockdown.calls import call

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
CAPABILITY_VERSION_3: Final = 0x20080522

CPU_SECONDS: Final = 24 * 3600
"""A worker's whole life. The trusted side's deadline ends a photo long before; this ends one that nobody watches."""


def die_with_parent() -> None:
    """Ask for SIGKILL when the thread that started this process ends, and end now if that just happened.

    Where it happened even before the first look, the pipe of requests is at its end and the worker ends by that.
    """
    parent = os.getppid()
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def be_first_to_go() -> None:
    """In memory shortage the kernel shall take a worker, never the service: its photo is tried again."""
    with contextlib.suppress(OSError):  # /proc may be read-only in a container; then the kernel chooses by size
        Path("/proc/self/oom_score_adj").write_text("1000")


def drop_privileges() -> None:
    """No program started from here gains rights, root keeps no capability, and nobody of this user may look inside."""
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    head = ctypes.create_string_buffer(struct.pack("=Ii", CAPABILITY_VERSION_3, 0))
    none = ctypes.create_string_buffer(struct.calcsize("=6I"))
    call("capset", ctypes.addressof(head), ctypes.addressof(none))
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def while_loading() -> None:
    """No core file, which would hold a photo; no file can grow; no memory is locked, no queue kept in the kernel."""
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        _set(kind, 0)


def while_working(memory: int) -> None:
    """Room for `memory` bytes more than are mapped now, no new process, and an end to computing."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    _set(resource.RLIMIT_AS, pages * resource.getpagesize() + memory)
    # First SIGXCPU, by which the trusted side knows the cause; SIGKILL only if that is ignored.
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 60))
    _set(resource.RLIMIT_NPROC, 0)


def no_more_files() -> None:
    """No further descriptor; the ones that are open stay usable."""
    _set(resource.RLIMIT_NOFILE, 0)


def _set(kind: int, most: int) -> None:
    """Lower a limit for good: the hard limit goes down with the soft one."""
    resource.setrlimit(kind, (most, most))
