"""Complete: whether a quiet file may still be on its way, as far as the file system tells.

Some copiers give a file its full size first and fill it afterwards: what is missing is a hole, or zeros at the end. And
a writer that pauses still has the file open. Of writers on other machines nothing can be told but by the zeros.
"""

from __future__ import annotations

import os
from typing import Literal

from facewarden import files
from facewarden.files import filename
from facewarden.files.leases import OpenForWritingError, unwritten
from facewarden.intake.foreign import GROWING

TAIL = 512
"""Bytes at the end that are looked at: the unit of disks, and less than any copier writes at a time. A whole file
seldom ends in so many zeros; where it does it only waits longer."""

State = Literal["complete", "open", "hollow"]


def state_of(root: int, path: bytes) -> State:
    """`open` where somebody still writes to it, `hollow` where a part of it seems to be missing. Raises OSError.

    What went away, is no file any more or may not be read is `complete`: who claims it sees that too.
    """
    parent, _, name = path.rpartition(b"/")
    try:
        with files.folder(parent, beneath=root) as here:
            descriptor = files.open_regular(name, here)
    except PermissionError:
        return "complete"
    except OSError as error:
        if error.errno not in (*files.GONE, *files.NO_FILE):
            raise
        return "complete"
    try:
        if _is_growing(root, path, empty=not os.fstat(descriptor).st_size):
            return "open"
        with unwritten(descriptor):
            return "hollow" if has_hole(descriptor) or _ends_in_zeros(descriptor) else "complete"
    except OpenForWritingError:
        return "open"
    finally:
        os.close(descriptor)


def _is_growing(root: int, path: bytes, *, empty: bool) -> bool:
    """Whether a file beside it says so, under a name that a download program gives while it is at work."""
    return any(
        files.status_of(path + ending, root) is not None
        for ending, of_empty in GROWING.items()
        if (empty or not of_empty) and len(path.rpartition(b"/")[2] + ending) <= filename.NAME_BYTES
    )


def has_hole(descriptor: int) -> bool:
    """Whether bytes of an open file were never written (lseek(2), SEEK_HOLE).

    Where the file system cannot tell there are none.
    """
    size = os.fstat(descriptor).st_size
    try:
        return size > 0 and os.lseek(descriptor, 0, os.SEEK_HOLE) < size
    except OSError:
        return False
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)


def _ends_in_zeros(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, TAIL, max(size - TAIL, 0))
    return len(tail) == TAIL and not any(tail)
