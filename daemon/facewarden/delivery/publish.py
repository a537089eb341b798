"""Publish: a result becomes visible in one step, complete and durable, and never replaces a file.

A nameless file in the target folder, fsync, a name that replaces nothing, fsync of the folder; the journal knows the
file's inode before it is named, so that after a crash the file itself tells whether that happened.
"""

from __future__ import annotations

import os
from pathlib import Path

from facewarden import files
from facewarden.journal import Job, Journal, Outcome
from facewarden.newfile import new_file, place

FOLDER_MODE = 0o777
"""For mirrored subfolders; the service's umask narrows it as the operator chose."""


PREFIX = ".facewarden-"
"""How the names of temp files begin; the job's id follows."""


def temporary_name(job_id: str) -> bytes:
    """Hidden, and the same at each attempt of a job, so that a retry replaces what a crash left behind."""
    return f"{PREFIX}{job_id}.part".encode()


def publish(
    journal: Journal,
    job: Job,
    outcome: Outcome,
    data: bytes,
    root: Path,
    wanted: bytes,
    reason: int = 0,
    regions: int = 0,
) -> bytes:
    """Put `data` at `wanted` (relative to the folder `root`) or the next free numbered name; returns that name.

    Raises OSError where the folder is full, read-only or gone; nothing is visible then.
    """
    subfolder, _, name = wanted.rpartition(b"/")
    with (
        files.folder(root) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as target,
        new_file(target, temporary_name(job.id)) as made,
    ):
        made.write(data)

        def record(tried: bytes) -> None:
            journal.placing(job, outcome, joined(subfolder, tried), made.inode, reason, regions)

        placed = place(name, target, made.give, record)
    journal.placed(job)
    return joined(subfolder, placed)


def put(root: Path, wanted: bytes, data: bytes, job_id: str) -> None:
    """Put a file that the journal need not know of at `wanted` or the next free numbered name. Raises OSError."""
    subfolder, _, name = wanted.rpartition(b"/")
    with (
        files.folder(root) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as target,
        new_file(target, temporary_name(job_id)) as made,
    ):
        made.write(data)
        place(name, target, made.give, lambda tried: None)


def joined(subfolder: bytes, name: bytes) -> bytes:
    return subfolder + b"/" + name if subfolder else name


def is_placed(job: Job, root: Path) -> bool:
    """Whether the file that a crash may have interrupted has its name: the inode under it is the one recorded."""
    assert job.target is not None
    subfolder, _, name = job.target.rpartition(b"/")
    try:
        with files.folder(root) as top, files.folder(subfolder, beneath=top) as target:
            status = files.status_of(name, target)
            os.fsync(target)
    except OSError as error:
        if error.errno not in files.GONE:
            raise
        return False
    return status is not None and files.Signature.of(status).inode == job.target_inode


def withdraw(job: Job, root: Path) -> None:
    """Remove the file that the journal knows at the job's target; only for one whose original is still in the inbox."""
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
        if error.errno not in files.GONE:
            raise  # otherwise there is no such folder, so nothing is in it
