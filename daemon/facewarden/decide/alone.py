"""Deciding about one photo: whoever releases or retries it does so alone, in whichever process.

It is decided on what the photo is by then.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from facewarden.journal import Job, Outcome, read_job

FILE = "decisions"
"""In the state folder; empty: of its bytes each stands for a job, and is locked while somebody decides about it."""

_FLOCK = "hhqqi"
"""struct flock of fcntl(2) on 64-bit Linux: type, whence, start, length, and a process id, which must be 0."""


class NotThereError(Exception):
    """What the journal knows is no longer in its folder: somebody took it away or decided before."""


@contextlib.contextmanager
def alone(state: Path, job: Job, outcome: Outcome, *, wait: bool = True) -> Iterator[Job]:
    """The job as it is now; inside, nobody else decides about it. The kernel frees what a crash left.

    Whoever decides already is waited for, or without `wait` raises BlockingIOError. Raises NotThereError where the job
    has this outcome no more, OSError, CannotStart.
    """
    descriptor = os.open(state / FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        # Of the open file, not of the process: threads of one program decide, too.
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, _locking(job))
        now = read_job(state, job.id)
        if now is None or now.outcome != outcome or now.state not in ("done", "retrying"):
            raise NotThereError
        yield now
    finally:
        os.close(descriptor)


def _locking(job: Job) -> bytes:
    byte = int(job.id, 16) >> 1  # an off_t is signed
    return struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
