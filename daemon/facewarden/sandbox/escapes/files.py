"""Attempts to reach files: by name, by handle, in memory, through descriptors opened before."""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import mmap
import os
import termios
from pathlib import Path
from typing import Final

from facewarden.sandbox.escapes.scene import Scene
from facewarden.sandbox.lockdown.calls import call

AT_FDCWD: Final = -100
AT_SYMLINK_FOLLOW: Final = 0x400
"""linux/fcntl.h."""


def open_file(scene: Scene) -> None:
    os.open(scene.treasure, os.O_RDONLY)


def open_by_libc(scene: Scene) -> None:
    if ctypes.CDLL(None, use_errno=True).open(bytes(scene.treasure), os.O_RDONLY) < 0:
        raise OSError(ctypes.get_errno(), "open")


def open_by_handle(scene: Scene) -> None:
    """Ask for the file by its number in the file system, past all names; needs CAP_DAC_READ_SEARCH."""
    # struct file_handle: bytes of room, kind, handle.
    handle = ctypes.create_string_buffer((128).to_bytes(4, "little"), 136)
    mount = ctypes.c_int()
    name = ctypes.create_string_buffer(bytes(scene.treasure))
    where = ctypes.addressof(handle), ctypes.addressof(mount)
    call("name_to_handle_at", AT_FDCWD, ctypes.addressof(name), *where, AT_SYMLINK_FOLLOW)
    call("open_by_handle_at", AT_FDCWD, where[0], os.O_RDONLY)


def stat_file(scene: Scene) -> None:
    scene.treasure.stat()


def list_folder(scene: Scene) -> None:
    list(scene.folder.iterdir())


def list_root(_: Scene) -> None:
    list(Path("/").iterdir())


def write_file(scene: Scene) -> None:
    (scene.folder / "new").write_bytes(b"loot")


def append_to_file(scene: Scene) -> None:
    os.open(scene.treasure, os.O_WRONLY | os.O_APPEND)


def truncate_file(scene: Scene) -> None:
    os.truncate(scene.treasure, 0)


def unlink_file(scene: Scene) -> None:
    scene.treasure.unlink()


def rename_file(scene: Scene) -> None:
    scene.treasure.rename(scene.folder / "mine")


def link_file(scene: Scene) -> None:
    (scene.folder / "link").symlink_to(scene.treasure)


def chmod_file(scene: Scene) -> None:
    scene.treasure.chmod(0o666)


def make_folder(scene: Scene) -> None:
    (scene.folder / "sub").mkdir()


def change_folder(scene: Scene) -> None:
    os.chdir(scene.folder)


def memory_file(_: Scene) -> None:
    os.memfd_create("loot")


def shared_memory(_: Scene) -> None:
    name = f"/dev/shm/facewarden-{os.getpid()}"  # noqa: S108 - the shared place is what is tried
    os.close(os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(name)  # noqa: PTH108 - as the line above


def message_queue(_: Scene) -> None:
    name = ctypes.create_string_buffer(f"facewarden-{os.getpid()}".encode())
    call("mq_open", ctypes.addressof(name), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600, 0)
    call("mq_unlink", ctypes.addressof(name))


def read_own_memory(_: Scene) -> None:
    os.open("/proc/self/mem", os.O_RDWR)


def map_file(scene: Scene) -> None:
    mmap.mmap(scene.file, 1, prot=mmap.PROT_READ)


def read_descriptor(scene: Scene) -> None:
    os.read(scene.incoming, 1)


def write_descriptor(scene: Scene) -> None:
    os.write(scene.outgoing, b"!")


def read_file_descriptor(scene: Scene) -> None:
    os.pread(scene.file, 1, 0)


def duplicate_descriptor(_: Scene) -> None:
    os.dup(0)


def new_pipe(_: Scene) -> None:
    os.pipe()


def type_into_terminal(scene: Scene) -> None:
    """Put a character into a terminal's input, as if it was typed there."""
    fcntl.ioctl(scene.terminal, termios.TIOCSTI, b"x")


def late_import(_: Scene) -> None:
    importlib.import_module("wave")
