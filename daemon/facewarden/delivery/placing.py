"""Placing: whether a file that was given a name is the one that stands there, and how it is taken back.

A name alone is no identity, and neither is an inode: both go to another file as soon as the first one leaves. So what
counts is the content, known by its HMAC, and for a name that a crash may have cut off the inode too.
"""

from __future__ import annotations

import os
from pathlib import Path

from facewarden import files
from facewarden.files import Identity, filename
from facewarden.files.newfile import temporary_name
from facewarden.journal import Job
from facewarden.key import content_of_file


def is_it(placed: Identity | None, path: bytes, root: int, key: bytes | None) -> bool:
    """Whether the file at a path beneath a folder is the one that was put there.

    The same bytes, or by version where those are not known.

    A link is never it. `key` is the service's secret; None where it is not at hand. Raises OSError where it cannot be
    looked at.
    """
    parent, _, name = path.rpartition(b"/")
    try:
        with files.folder(parent, beneath=root) as here:
            descriptor = files.open_regular(name, here)
    except OSError as error:
        if error.errno not in (*files.GONE, *files.NO_FILE):
            raise
        return False
    try:
        return is_open(placed, descriptor, key)
    finally:
        os.close(descriptor)


def is_open(placed: Identity | None, descriptor: int, key: bytes | None) -> bool:
    """The same for an open file."""
    if placed is None:
        return False
    status = os.fstat(descriptor)
    if placed.content is not None and key is not None:
        return status.st_size == placed.size and content_of_file(key, descriptor) == placed.content
    version = files.Signature.of(status)
    return version == placed.signature if placed.signature else version.inode == placed.inode


def came_through(job: Job, root: Path, key: bytes | None) -> bool:
    """Whether a placing that a crash may have cut off happened: the very file stands under its name, and durably."""
    assert job.target is not None
    assert job.placed is not None
    subfolder, _, name = job.target.rpartition(b"/")
    try:
        with files.folder(root) as top, files.folder(subfolder, beneath=top) as target:
            status = files.status_of(name, target)
            os.fsync(target)
            same_inode = status is not None and files.Signature.of(status).inode == job.placed.inode
            return same_inode and is_it(job.placed, name, target, key)
    except OSError as error:
        if error.errno not in (*files.GONE, *filename.REFUSED):
            raise
        return False


def stands(job: Job, root: Path, key: bytes | None) -> bool:
    """Whether a job's result, or its report, is where it was put. Raises OSError where its folder is out of reach.

    By its bytes: whoever writes into a file can put its date back, and an original may be deleted for the answer.
    """
    if job.target is None or job.placed is None:
        return False
    with files.folder(root) as top:
        return is_it(job.placed, job.target, top, key)


def withdraw(job: Job, root: Path) -> None:
    """Remove the file that `came_through`; only for one whose original is still in the inbox."""
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    with files.folder(root) as top, files.folder(subfolder, beneath=top) as target:
        os.unlink(name, dir_fd=target)
        os.fsync(target)


def sweep(job: Job, root: Path, subfolder: bytes) -> None:
    """Remove the temp file that an interrupted attempt may have left."""
    try:
        with files.folder(root) as top, files.folder(subfolder, beneath=top) as target:
            files.unlink_if_there(temporary_name(job.id), target)
    except OSError as error:
        if error.errno not in (*files.GONE, *filename.REFUSED):
            raise  # otherwise there is no such folder, so nothing is in it
