"""Moving files safely: open without following links, write durably, rename without replacing. Names are bytes.

All functions work relative to folder descriptors, so that a folder renamed or a link swapped meanwhile cannot divert
them. They raise OSError; whoever knows what it means for a photo turns it into a reason.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from facewarden.files import filename, mounts
from facewarden.files.mounts import UNPROVED
from facewarden.files.version import Identity, Signature, folder_id

__all__ = [
    "GONE",
    "NO_FILE",
    "UNPROVED",
    "Identity",
    "Signature",
    "folder",
    "folder_id",
    "lock",
    "names",
    "open_regular",
    "rename_no_replace",
    "status_of",
    "unlink_if_there",
    "write_durable",
]

_RENAME_NOREPLACE = 1  # linux/fs.h
_libc = ctypes.CDLL(None, use_errno=True)

GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""Error numbers that mean: there is nothing at this path that was dropped or put there (a link counts as nothing)."""

NO_FILE = (errno.EINVAL, errno.ENXIO)
"""What `open_regular` meets where something other than a file stands: a folder, a device, a socket or a pipe."""


@contextlib.contextmanager
def folder(path: Path | bytes, *, beneath: int | None = None, create_mode: int | None = None) -> Iterator[int]:
    """Descriptor of a folder. With `beneath` the path is relative to that descriptor and no step may be a link.

    With `create_mode` missing steps are made with these rights. Raises NameRefusedError where a step cannot be one: its
    name is refused, or a file or a link has it; OSError(ENOMEDIUM) where a folder that was taken is away (`mounts`).
    """
    if beneath is None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            mounts.require(path, descriptor)
        except BaseException:
            os.close(descriptor)
            raise
    elif create_mode is None:
        descriptor = _descend(beneath, os.fsencode(path), None)
    else:
        with filename.asked(errno.ENOTDIR, errno.ELOOP):
            descriptor = _descend(beneath, os.fsencode(path), create_mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _descend(start: int, relative: bytes, create_mode: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    here = os.open(".", flags, dir_fd=start)
    for step in relative.split(b"/"):
        if step in (b"", b"."):
            continue
        try:
            if step == b"..":
                raise OSError(errno.EXDEV, "leaves its folder")
            if create_mode is not None:
                _make_folder(step, create_mode, here)
            following = os.open(step, flags, dir_fd=here)
        finally:
            os.close(here)
        here = following
    return here


def _make_folder(name: bytes, mode: int, parent: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=parent)
        os.fsync(parent)


def open_regular(name: bytes, parent: int) -> int:
    """Descriptor for reading a regular file; a link, device, socket or pipe raises OSError (ELOOP or EINVAL).

    O_NONBLOCK keeps the open of a pipe without a writer from hanging.
    """
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY, dir_fd=parent)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file")
    return descriptor


def write_durable(name: bytes, data: bytes, parent: int, mode: int = 0o666) -> None:
    """Write a file of our own naming and its bytes to the disk itself; an older one of this name is replaced."""
    unlink_if_there(name, parent)
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=parent)
    with open(descriptor, "wb", closefd=True) as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    os.fsync(parent)


def rename_no_replace(source: bytes, source_folder: int, target: bytes, target_folder: int) -> None:
    """Rename within one file system; raises FileExistsError where the target exists, OSError(EXDEV) across systems.

    renameat2(2) with RENAME_NOREPLACE; file systems that lack it (NFS, some FUSE) get link(2) and unlink(2), and those
    without hard links (FAT, SMB) a look before the rename, which leaves a gap that only another writer could hit.
    """
    result = _libc.renameat2(source_folder, source, target_folder, target, _RENAME_NOREPLACE)
    if result == 0:
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        raise OSError(code, os.strerror(code))
    try:
        os.link(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        if status_of(target, target_folder):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        os.rename(source, target, src_dir_fd=source_folder, dst_dir_fd=target_folder)
        return
    try:
        os.unlink(source, dir_fd=source_folder)
    except OSError:
        # Under two names it would be found again, and tried again under the next free number, without end.
        os.unlink(target, dir_fd=target_folder)
        raise


def status_of(path: bytes, root: int) -> os.stat_result | None:
    """What is at a path beneath a folder now, a link as itself; None where nothing is, or a step is no real folder."""
    parent, _, name = path.rpartition(b"/")
    try:
        with folder(parent, beneath=root) as here:
            return os.stat(name, dir_fd=here, follow_symlinks=False)
    except OSError as error:
        if error.errno not in GONE:
            raise
        return None


def lock(file: Path) -> IO[bytes]:
    """Lock a file, made where it is missing, for as long as the process lives.

    Raises BlockingIOError if another has it.

    The kernel lets go of it when the process ends, however it ends.
    """
    held = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600), "wb")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise
    return held


def names(folder: int) -> list[bytes]:
    """What is in an open folder, hidden files too."""
    return [os.fsencode(name) for name in os.listdir(folder)]


def unlink_if_there(name: bytes, parent: int) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=parent)
