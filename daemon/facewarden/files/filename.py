"""A file's name: numbered, shortened to what a file system takes, plain.

And how it is told that it takes none of that name.

Names are bytes, as Linux has them.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
from collections.abc import Iterator

NAME_BYTES = 255
"""Longest file name on Linux (NAME_MAX)."""

REFUSED = (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EFBIG, errno.EISDIR)
"""What file systems answer that take no file of this name, or of this size: nothing of that name is there either."""


class NameRefusedError(OSError):
    """A folder takes no file of this name, or of this size, while it may take any other: the fault is the file's."""


@contextlib.contextmanager
def asked(*more: int) -> Iterator[None]:
    """What is refused inside for the name's sake is raised as NameRefusedError.

    `more` error numbers mean that here too.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (*REFUSED, *more):
            raise
        raise NameRefusedError(error.errno, os.strerror(error.errno)) from None


def numbered_names(name: bytes) -> Iterator[bytes]:
    """The name itself, then name-2, name-3 … before the suffix; never longer than a file system takes."""
    stem, suffix = split_suffix(name)
    yield with_ending(stem, suffix)
    for number in itertools.count(2):
        yield with_ending(stem, b"-%d" % number + suffix)


def with_ending(stem: bytes, ending: bytes) -> bytes:
    """Stem and ending as a name of at most NAME_BYTES; what is cut off the stem leaves no half UTF-8 character."""
    length = NAME_BYTES - len(ending)
    if len(stem) > length:
        # A character has at most three bytes after its first; what goes on longer is not UTF-8 and cut anywhere.
        starts = (here for here in range(length, length - 4, -1) if stem[here] & 0xC0 != 0x80)
        stem = stem[: next(starts, length)]
    return stem + ending


def plain_name(name: bytes, job_id: str) -> bytes:
    """A name that every file system takes, for a file whose own one was refused."""
    suffix = split_suffix(name)[1]
    return b"facewarden-" + job_id.encode() + (suffix if suffix[1:].isalnum() and suffix.isascii() else b"")


def split_suffix(name: bytes) -> tuple[bytes, bytes]:
    """Name into stem and suffix with its dot; a suffix longer than ten bytes is none (it may hold words)."""
    stem, dot, suffix = name.rpartition(b".")
    if not dot or not stem or len(suffix) > 10:
        return name, b""
    return stem, dot + suffix
