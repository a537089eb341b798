"""Attempts to start a process or to touch another one, the parent first.

Signals are number 0: asked for, never felt.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
import threading
from pathlib import Path
from typing import Final

from facewarden.sandbox.escapes.scene import TREASURE, Scene
from facewarden.sandbox.lockdown.calls import call

PTRACE_SEIZE: Final = 0x4206
"""linux/ptrace.h: watch a process without stopping it."""
MADV_COLD: Final = 20
"""asm-generic/mman-common.h."""
CLONE_NEWUSER: Final = 0x10000000
"""linux/sched.h."""
SI_QUEUE: Final = -1
"""asm-generic/siginfo.h."""
AT_FDCWD: Final = -100


def fork(_: Scene) -> None:
    _collect(os.fork())


def fork_raw(_: Scene) -> None:
    _collect(call("fork"))


def fork_bomb(_: Scene) -> None:
    for _child in range(64):
        _collect(os.fork())


def vfork(_: Scene) -> None:
    """As C libraries do it to start a program: a child that borrows the parent's memory."""
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)


def clone_process(_: Scene) -> None:
    _collect(call("clone", CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0))


def clone3_process(_: Scene) -> None:
    # struct clone_args: flags, five addresses and numbers that stay 0, exit_signal in the fifth place.
    args = ctypes.create_string_buffer(struct.pack("=8Q", 0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0))
    _collect(call("clone3", ctypes.addressof(args), 64))


def new_thread(_: Scene) -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def execve(_: Scene) -> None:
    os.execv("/bin/echo", ["echo", "out"])  # noqa: S606 - to start a program is what is tried


def execveat(_: Scene) -> None:
    path, word = ctypes.create_string_buffer(b"/bin/echo"), ctypes.create_string_buffer(b"out")
    arguments = (ctypes.c_void_p * 3)(ctypes.addressof(path), ctypes.addressof(word), None)
    call("execveat", AT_FDCWD, ctypes.addressof(path), ctypes.addressof(arguments), 0, 0)


def trace_parent(scene: Scene) -> None:
    call("ptrace", PTRACE_SEIZE, scene.parent, 0, 0)


def read_parent_memory(scene: Scene) -> None:
    loot = _move("process_vm_readv", scene, bytes(len(TREASURE)))
    if loot != TREASURE:
        raise OSError(0, "something else was read")


def write_parent_memory(scene: Scene) -> None:
    _move("process_vm_writev", scene, TREASURE)


def advise_parent_memory(scene: Scene) -> None:
    there = ctypes.create_string_buffer(struct.pack("=QQ", scene.address & ~0xFFF, 4096))
    call("process_madvise", scene.parent_handle, ctypes.addressof(there), 1, MADV_COLD, 0)


def open_parent_files(scene: Scene) -> None:
    list(Path(f"/proc/{scene.parent}/fd").iterdir())


def signal_parent(scene: Scene) -> None:
    os.kill(scene.parent, 0)


def signal_parent_thread(scene: Scene) -> None:
    call("tgkill", scene.parent, scene.parent, 0)


def queue_signal_to_parent(scene: Scene) -> None:
    # siginfo_t: signal, errno, code, padding; the rest says who sent it.
    info = ctypes.create_string_buffer(struct.pack("=iii", 0, 0, SI_QUEUE), 128)
    call("rt_sigqueueinfo", scene.parent, 0, ctypes.addressof(info))


def signal_everyone(_: Scene) -> None:
    os.kill(-1, 0)


def open_parent_handle(scene: Scene) -> None:
    os.pidfd_open(scene.parent)


def signal_parent_handle(scene: Scene) -> None:
    signal.pidfd_send_signal(scene.parent_handle, 0)


def take_parent_descriptor(scene: Scene) -> None:
    call("pidfd_getfd", scene.parent_handle, 0, 0)


def limit_self(_: Scene) -> None:
    resource.prlimit(0, resource.RLIMIT_NOFILE, (64, 64))


def limit_parent(scene: Scene) -> None:
    resource.prlimit(scene.parent, resource.RLIMIT_CORE, resource.prlimit(scene.parent, resource.RLIMIT_CORE))


def _collect(child: int) -> None:
    """End at once in the child, wait for it in the parent."""
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _move(name: str, scene: Scene, content: bytes) -> bytes:
    """Read or write the parent's memory at the treasure; `content` is what is written, or as long as what is read."""
    here = ctypes.create_string_buffer(content, len(content))
    local = ctypes.create_string_buffer(struct.pack("=QQ", ctypes.addressof(here), len(content)))
    remote = ctypes.create_string_buffer(struct.pack("=QQ", scene.address, len(content)))
    call(name, scene.parent, ctypes.addressof(local), 1, ctypes.addressof(remote), 1, 0)
    return here.raw
