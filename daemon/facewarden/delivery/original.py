"""The original where it was dropped.

Whether it is still the version that was claimed, and how it is taken aside and given back.

Before an original is given up it gets a hidden name of ours, under which nobody opens it; what is compared then is what
goes. After a crash that name tells that it was on its way.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable, Iterator
from typing import Literal

from facewarden import files
from facewarden.files import Signature
from facewarden.files.leases import unwritten
from facewarden.files.newfile import aside_name, place
from facewarden.journal import Job
from facewarden.key import content_of_file

Where = Literal["there", "aside", "changed", "replaced", "gone"]
"""`changed`: written to since it was claimed. `replaced`: another file stands there, which is a drop of its own."""


def where(job: Job, root: int) -> Where:
    """What became of the original in the inbox's folder `root`.

    Raises OSError(ENOMEDIUM) where nothing is there and this is not the folder that it was dropped into: then nobody
    knows.
    """
    if files.status_of(_beside(job), root):
        return "aside"
    status = files.status_of(job.source, root)
    if status is None:
        if job.root not in (None, files.folder_id(root)):
            raise OSError(errno.ENOMEDIUM, "another folder stands where the original was dropped")
        return "gone"
    version = Signature.of(status)
    if version == job.signature:
        return "there"
    return "changed" if version.inode == job.signature.inode else "replaced"


class OriginalLeftError(Exception):
    """The original was taken away, renamed or written to since it was claimed: a result of it would be nobody's."""


def is_there(job: Job, root: int) -> bool:
    """Whether the very version that was claimed is in the inbox. Raises OSError as `where` does."""
    return where(job, root) in ("there", "aside")


def require_original(job: Job, root: int) -> None:
    """Raises OriginalLeftError, OSError as `where` does."""
    if not is_there(job, root):
        raise OriginalLeftError


@contextlib.contextmanager
def aside(job: Job, root: int) -> Iterator[tuple[int, bytes]]:
    """The original, taken aside: an open folder and its name in there.

    It is given back where it still has that name at the end.

    Raises OpenForWritingError where a program has it open for writing, OSError.
    """
    subfolder, _, name = job.source.rpartition(b"/")
    hidden = aside_name(job.id)
    with files.folder(subfolder, beneath=root) as here:
        if not files.status_of(hidden, here):
            files.rename_no_replace(name, here, hidden, here)
        try:
            yield here, hidden
        finally:
            give_back(job, root)
            os.fsync(here)


def give_back(job: Job, root: int) -> None:
    """An original that was taken aside gets its name again, or a numbered one where somebody took that meanwhile."""
    subfolder, _, name = job.source.rpartition(b"/")
    hidden = aside_name(job.id)
    if not files.status_of(_beside(job), root):
        return
    with files.folder(subfolder, beneath=root) as here:
        place(name, here, lambda tried: files.rename_no_replace(hidden, here, tried, here), lambda tried: None)


@contextlib.contextmanager
def compared(job: Job, name: bytes, here: int, key: bytes) -> Iterator[Callable[[], bool]]:
    """Whether the file under this name is still what was claimed, byte for byte.

    Inside, nobody on this machine can begin to write to it.

    To be asked directly before it is given up: it looks again whether it is the file that was read, and untouched, for
    not every file system grants that nobody writes. Raises OpenForWritingError where somebody does already: it is not
    complete.
    """
    descriptor = files.open_regular(name, here)
    try:
        with unwritten(descriptor):
            version = Signature.of(os.fstat(descriptor))
            same = version == job.signature and content_of_file(key, descriptor) == job.content

            def still() -> bool:
                status = files.status_of(name, here)
                return same and status is not None and Signature.of(status).untouched(version)

            yield still
    finally:
        os.close(descriptor)


def _beside(job: Job) -> bytes:
    subfolder, slash, _ = job.source.rpartition(b"/")
    return subfolder + slash + aside_name(job.id)
