"""Releasing: a held result, which a person has looked at, is delivered.

It moves from the hold folder to the outbox and replaces nothing; then the journal follows. Whatever was cut off by a crash is
known by the file itself (its inode, or across file systems its bytes), so that doing it again delivers nothing twice. Across
file systems a crash before the very last step leaves the held copy where it was, beside the delivered one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator

from facewarden import config, files
from facewarden.delivery.publish import FOLDER_MODE, joined, temporary_name
from facewarden.files import Signature
from facewarden.finding import Found
from facewarden.journal import Job, read_jobs, released
from facewarden.newfile import new_file, place
from facewarden.retrying import NotThereError

LOOKED_AT = 1000
"""Numbered names that are looked through for a result that a crash left without its note."""


def release(configuration: config.Configuration, found: Found) -> None:
    """Deliver one held result. Raises NotThereError, OSError where a folder is out of reach, CannotStart."""
    job, inbox = found.job, found.inbox
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    with (
        files.folder(inbox.folder("hold")) as hold,
        files.folder(inbox.folder("outbox")) as outbox,
        files.folder(subfolder, beneath=outbox, create_mode=FOLDER_MODE) as there,
    ):
        placed, inode = _moved(configuration, job, (hold, there), name)
        released(configuration.state, job, joined(subfolder, placed), inode)
        with contextlib.suppress(FileNotFoundError), files.folder(subfolder, beneath=hold) as here:
            _remove_copied(name, here, inode)


def _moved(configuration: config.Configuration, job: Job, roots: tuple[int, int], name: bytes) -> tuple[bytes, int]:
    """The result's name and inode in the outbox's folder, where it is now."""
    assert job.target is not None
    hold, there = roots
    status = files.status_of(job.target, hold)
    if status is None:
        for tried, inode in _candidates(name, there):
            if inode == job.target_inode:
                return tried, inode
        raise NotThereError
    inode = Signature.of(status).inode
    with files.folder(job.target.rpartition(b"/")[0], beneath=hold) as here:
        if os.fstat(here).st_dev == os.fstat(there).st_dev:
            placed = place(name, there, lambda tried: files.rename_no_replace(name, here, tried, there), _nothing)
            os.fsync(here)
            return placed, inode
        return _copied(configuration, job, here, there)


def _copied(configuration: config.Configuration, job: Job, here: int, there: int) -> tuple[bytes, int]:
    """Across file systems: a durable copy, or the one that an earlier try had made already."""
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    source = files.open_regular(name, here)
    try:
        data = _bytes_of(name, here)
        known = {other.target for other in read_jobs(configuration.state) if other.outcome == "published"}
        for tried, inode in _candidates(name, there):
            if joined(subfolder, tried) not in known and _bytes_of(tried, there) == data:
                return tried, inode
        with new_file(there, temporary_name(job.id)) as made:
            made.copy(source)
            return place(name, there, made.give, _nothing), made.inode
    finally:
        os.close(source)


def _candidates(name: bytes, there: int) -> Iterator[tuple[bytes, int]]:
    """The files under a name and its numbered ones, with their inodes, down to the first name that is free."""
    for tried in itertools.islice(files.numbered_names(name), LOOKED_AT):
        status = files.status_of(tried, there)
        if status is None:
            return
        yield tried, Signature.of(status).inode


def _bytes_of(name: bytes, here: int) -> bytes:
    descriptor = files.open_regular(name, here)
    with open(descriptor, "rb") as file:
        return file.read()


def _remove_copied(name: bytes, here: int, placed: int) -> None:
    """Take the held copy away, once the other one is the journal's."""
    status = files.status_of(name, here)
    if status and Signature.of(status).inode != placed:
        os.unlink(name, dir_fd=here)
        os.fsync(here)


def _nothing(tried: bytes) -> None:
    """The journal is told afterwards: until then the result counts as held."""
