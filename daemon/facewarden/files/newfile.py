"""A file that nobody sees before it is complete and durable, and that never replaces another.

Linux makes files without a name (O_TMPFILE, open(2)) and gives them one in a single step (linkat(2)), so that not even
a hidden half file appears, and a crash leaves nothing behind. File systems that lack this (NFS, SMB, FUSE) get a hidden
temp file and a no-replace rename.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable, Iterator

from facewarden import files
from facewarden.files import filename

PREFIX = ".facewarden-"
"""How the names of files begin that are on their way; the job's id follows."""


def temporary_name(job_id: str) -> bytes:
    """Hidden, and the same at each attempt of a job, so that a retry replaces what a crash left behind."""
    return f"{PREFIX}{job_id}.part".encode()


def aside_name(job_id: str) -> bytes:
    """Under which an original is taken aside in its folder before it is given up, so that nobody opens it meanwhile."""
    return f"{PREFIX}{job_id}.original".encode()


_NO_UNNAMED = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


class NewFile:
    """An open file without a visible name in the folder `parent` (a descriptor)."""

    def __init__(self, descriptor: int, temporary: bytes | None, parent: int) -> None:
        self._descriptor, self._temporary, self._parent = descriptor, temporary, parent

    def identity(self, content: bytes | None) -> files.Identity:
        """What it is known by, also when it has its name; complete, so after `write` or `copy`."""
        return files.Identity.of(os.fstat(self._descriptor), content)

    def write(self, data: bytes) -> None:
        """Write the bytes to the disk itself."""
        with filename.asked(), open(self._descriptor, "wb", closefd=False) as file:
            file.write(data)
        os.fsync(self._descriptor)

    def copy(self, source: int) -> None:
        """Copy an open file's bytes, durably, and its rights."""
        with open(source, "rb", closefd=False) as read, open(self._descriptor, "wb", closefd=False) as written:
            shutil.copyfileobj(read, written, 1 << 20)
        os.fchmod(self._descriptor, os.fstat(source).st_mode & 0o777)
        os.fsync(self._descriptor)

    def give(self, name: bytes) -> None:
        """Make the file visible under a name. Raises FileExistsError where that is taken."""
        if self._temporary is None:
            unnamed = f"/proc/self/fd/{self._descriptor}"
            os.link(unnamed, name, dst_dir_fd=self._parent, follow_symlinks=True)
        else:
            files.rename_no_replace(self._temporary, self._parent, name, self._parent)
            self._temporary = None

    def close(self) -> None:
        """Let go of the file; one that got no name is gone."""
        os.close(self._descriptor)
        if self._temporary is not None:
            files.unlink_if_there(self._temporary, self._parent)


@contextlib.contextmanager
def new_file(parent: int, temporary: bytes, mode: int = 0o666) -> Iterator[NewFile]:
    """A new file in the folder `parent`, called `temporary` (hidden) only where the file system knows no unnamed ones.

    The umask narrows `mode`. Raises OSError.
    """
    made = _unnamed(parent, mode) or _named(parent, temporary, mode)
    try:
        yield made
    finally:
        made.close()


def _unnamed(parent: int, mode: int) -> NewFile | None:
    try:
        return NewFile(os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, mode, dir_fd=parent), None, parent)
    except OSError as error:
        if error.errno not in _NO_UNNAMED:
            raise
        return None


def _named(parent: int, temporary: bytes, mode: int) -> NewFile:
    files.unlink_if_there(temporary, parent)  # an earlier attempt that a crash interrupted
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return NewFile(os.open(temporary, flags, mode, dir_fd=parent), temporary, parent)


def place(wanted: bytes, folder: int, give: Callable[[bytes], None], record: Callable[[bytes], None]) -> bytes:
    """Give a finished file its name, or the next free numbered one, and make that durable. Returns the name.

    `give` raises FileExistsError where a name is taken. `record` is called with each name before it is tried, so that
    after a crash the journal knows where to look. Raises NameRefusedError where the folder takes no file of that name.
    """
    for name in filename.numbered_names(wanted):
        with filename.asked():
            taken = files.status_of(name, folder)
        if taken:
            continue  # a name that is seen to be taken costs no entry in the journal
        record(name)
        try:
            with filename.asked():
                give(name)
        except FileExistsError:
            continue
        os.fsync(folder)
        return name
    raise AssertionError("numbered names never end")
