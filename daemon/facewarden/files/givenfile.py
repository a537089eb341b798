"""A file that a person named, on the command line or in the configuration: read at once, or refused at once.

A pipe would be waited for until somebody writes to it, and a device may have no end: only regular files are read. Links
are followed, for whoever names a file may name it so.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


class NoRegularFileError(OSError):
    """A pipe, a socket or a device stands there."""

    def __init__(self) -> None:
        super().__init__("no regular file")


def read(path: Path, most: int | None = None) -> bytes:
    """The bytes of a regular file, at most so many. Raises OSError, NoRegularFileError."""
    _require_regular(path.stat())  # a socket cannot even be opened
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    with open(descriptor, "rb") as file:
        _require_regular(os.fstat(descriptor))
        return file.read(-1 if most is None else most)


def _require_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise NoRegularFileError


def why(error: OSError) -> str:
    """What to say of a file that could not be read; never its name."""
    if isinstance(error, NoRegularFileError):
        return "it is a pipe, a socket or a device: name a file"
    return os.strerror(error.errno or 0)
