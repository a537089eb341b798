"""Leases: whether a program on this machine has a file open for writing; none may while we act on it.

`F_SETLEASE` of fcntl(2): the kernel grants a read lease only where nobody has the file open for writing, and holds back
whoever wants to until it is given back. Only the file's owner, or who has CAP_LEASE, may ask, and network file systems
and FUSE know none: there, and of writers on other machines, nothing can be told.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import signal
from collections.abc import Iterator

_F_SETSIG = 10
"""Of a lease to be given back the kernel tells by SIGIO, which would end the process (linux/fcntl.h).

SIGURG is ignored by default.
"""


class OpenForWritingError(OSError):
    """A program on this machine has the file open for writing: it may not be complete yet."""


@contextlib.contextmanager
def unwritten(descriptor: int) -> Iterator[bool]:
    """Inside, nobody on this machine can open the file for writing; gives False where that cannot be had.

    `descriptor` must be open for reading alone. Raises OpenForWritingError where somebody has it open already. Act at
    once: a writer is held back for at most /proc/sys/fs/lease-break-time seconds.
    """
    granted = _granted(descriptor)
    try:
        yield granted
    finally:
        if granted:
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _granted(descriptor: int) -> bool:
    try:
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise OpenForWritingError(errno.ETXTBSY, "a program has the file open for writing") from None
        return False  # not ours to ask, or a file system that knows no leases
    return True
