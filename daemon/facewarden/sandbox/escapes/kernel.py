"""Attempts to gain rights, or to use the doors of the kernel behind which most of its flaws were found."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import struct
from typing import Final

from facewarden.sandbox.escapes.scene import Scene
from facewarden.sandbox.lockdown.calls import MACHINE, call
from facewarden.sandbox.lockdown.seccomp import X32_BIT

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUSER: Final = 0x10000000
"""linux/sched.h."""
ADDR_NO_RANDOMIZE: Final = 0x0040000
"""linux/personality.h."""
PR_SET_DUMPABLE: Final = 4
FUTEX_LOCK_PI: Final = 6
UFFD_USER_MODE_ONLY: Final = 1
KEY_SPEC_PROCESS_KEYRING: Final = -2
MNT_DETACH: Final = 2
CLOCK_MONOTONIC: Final = 1


def become_another_user(_: Scene) -> None:
    os.setuid(1 if os.getuid() == 0 else 0)


def new_root(scene: Scene) -> None:
    os.chroot(scene.folder)


def mount(scene: Scene) -> None:
    words = [ctypes.create_string_buffer(word) for word in (b"tmpfs", bytes(scene.folder), b"tmpfs")]
    call("mount", *(ctypes.addressof(word) for word in words), 0, 0)
    call("umount2", ctypes.addressof(words[1]), MNT_DETACH)


def new_namespace(_: Scene) -> None:
    call("unshare", CLONE_NEWUSER)


def enter_namespace(scene: Scene) -> None:
    call("setns", scene.namespace, CLONE_NEWNS)


def change_personality(_: Scene) -> None:
    call("personality", ADDR_NO_RANDOMIZE)


def become_dumpable(_: Scene) -> None:
    call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)


def load_bpf(_: Scene) -> None:
    # union bpf_attr for BPF_MAP_CREATE (0): an array (2) of one value of four bytes.
    attr = ctypes.create_string_buffer(struct.pack("=5I", 2, 4, 4, 1, 0))
    call("bpf", 0, ctypes.addressof(attr), 20)


def handle_page_faults(_: Scene) -> None:
    call("userfaultfd", UFFD_USER_MODE_ONLY)


def count_events(_: Scene) -> None:
    # struct perf_event_attr: PERF_TYPE_SOFTWARE, PERF_ATTR_SIZE_VER0, PERF_COUNT_SW_CPU_CLOCK.
    attr = ctypes.create_string_buffer(struct.pack("=IIQ", 1, 64, 0), 64)
    call("perf_event_open", ctypes.addressof(attr), 0, -1, -1, 0)


def keep_key(_: Scene) -> None:
    kind, name = ctypes.create_string_buffer(b"user"), ctypes.create_string_buffer(b"facewarden")
    words = ctypes.addressof(kind), ctypes.addressof(name), ctypes.addressof(name)
    call("add_key", *words, 1, KEY_SPEC_PROCESS_KEYRING)


def writable_code(_: Scene) -> None:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)


def data_to_code(scene: Scene) -> None:
    call("mprotect", scene.page, mmap.PAGESIZE, mmap.PROT_READ | mmap.PROT_EXEC)


def call_as_32_bit(scene: Scene) -> None:
    """Make a call by the numbers of 32-bit x86, which mean other calls than the filter's."""
    if MACHINE != "x86_64":
        raise OSError(errno.ENOSYS, "int 0x80")
    result = ctypes.CFUNCTYPE(ctypes.c_int)(scene.code)()
    if result != os.getpid():
        raise OSError(abs(result), "int 0x80")


def call_as_x32(_: Scene) -> None:
    """Make a call by the numbers of the x32 table."""
    if ctypes.CDLL(None, use_errno=True).syscall(X32_BIT | 39) < 0:
        raise OSError(ctypes.get_errno(), "x32")


def inherit_priority(scene: Scene) -> None:
    call("futex", scene.page, FUTEX_LOCK_PI, 0, 0, 0, 0)


def set_timer(_: Scene) -> None:
    signal.setitimer(signal.ITIMER_REAL, 1000.0)


def open_timer(_: Scene) -> None:
    call("timerfd_create", CLOCK_MONOTONIC, 0)
