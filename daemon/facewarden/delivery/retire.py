"""Retire: what happens to an original once its result is durable: keep, archive or delete.

The original is touched only if it is still the version that was claimed; a file that was replaced meanwhile is a new
drop and stays. Between that look and the move lies a moment that Linux offers no way to close.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from facewarden import files
from facewarden.delivery.publish import FOLDER_MODE, temporary_name
from facewarden.journal import Job
from facewarden.newfile import new_file, place


def retire(job: Job, inbox: Path, policy: Literal["keep", "archive", "delete"], archive: Path) -> bool:
    """Carry out the policy; nothing to do if the original has gone already. Raises OSError where it is refused.

    Returns whether the original is gone from its place; where it is kept nobody has looked.
    """
    if policy == "keep":
        return False
    with files.folder(inbox) as root:
        if not unchanged(job, root):
            return True
        subfolder, _, name = job.source.rpartition(b"/")
        if policy == "delete":
            with files.folder(subfolder, beneath=root) as here:
                os.unlink(name, dir_fd=here)
                os.fsync(here)
        else:
            move(job, root, archive, job.source, lambda target, inode: None)
    return True


def unchanged(job: Job, root: int) -> bool:
    """Whether the file at the job's path is the very version that was claimed."""
    status = files.status_of(job.source, root)
    return status is not None and files.Signature.of(status) == job.signature


def move(job: Job, root: int, target_root: Path, wanted: bytes, record: Callable[[bytes, int], None]) -> bytes:
    """Move an original without replacing anything, across file systems too; returns its path under `target_root`.

    `record` is called with each path and the inode that is about to stand there.
    """
    subfolder, _, name = job.source.rpartition(b"/")
    target_subfolder, _, target_name = wanted.rpartition(b"/")
    prefix = target_subfolder + b"/" if target_subfolder else b""
    with (
        files.folder(subfolder, beneath=root) as here,
        files.folder(target_root) as top,
        files.folder(target_subfolder, beneath=top, create_mode=FOLDER_MODE) as there,
    ):
        try:
            placed = place(
                target_name,
                there,
                lambda tried: files.rename_no_replace(name, here, tried, there),
                lambda tried: record(prefix + tried, job.signature.inode),
            )
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            placed = _copy(job, here, name, there, target_name, lambda tried, inode: record(prefix + tried, inode))
        os.fsync(here)
    return prefix + placed


def _copy(
    job: Job, here: int, name: bytes, there: int, target_name: bytes, record: Callable[[bytes, int], None]
) -> bytes:
    """The move across file systems: a durable copy first, then the original goes.

    Raises OSError(ESTALE) where it changed or was replaced while it was copied: what is there now is a new drop.
    """
    source = files.open_regular(name, here)
    try:
        with new_file(there, temporary_name(job.id)) as made:
            made.copy(source)
            status = files.status_of(name, here)
            if status is None or files.Signature.of(status) != job.signature:
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
            placed = place(target_name, there, made.give, lambda tried: record(tried, made.inode))
    finally:
        os.close(source)
    try:
        os.unlink(name, dir_fd=here)
    except OSError:
        # Otherwise each further try would leave one more copy.
        os.unlink(placed, dir_fd=there)
        raise
    return placed
