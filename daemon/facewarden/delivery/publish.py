"""Publish: a result becomes visible in one step, complete and durable, and never replaces a file.

A nameless file in the target folder, fsync, a name that replaces nothing, fsync of the folder; the journal knows the
file's identity before it is named, so that after a crash the file itself tells whether that happened (`placing`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from facewarden import files
from facewarden.files.newfile import new_file, place, temporary_name
from facewarden.journal import Job, Journal, Outcome
from facewarden.key import content_of

FOLDER_MODE = 0o777
"""For mirrored subfolders; the service's umask narrows it as the operator chose."""


def publish(
    journal: Journal,
    job: Job,
    outcome: Outcome,
    data: bytes,
    root: Path,
    wanted: bytes,
    reason: int = 0,
    regions: int = 0,
    faceless: int = 0,
    require: Callable[[], None] = lambda: None,
) -> bytes:
    """Put `data` at `wanted` (relative to the folder `root`) or the next free numbered name; returns that name.

    `require` is called directly before the name is given: where it raises, nothing becomes visible.

    Raises OSError where the folder is full, read-only or gone, NameRefusedError where it takes no file of that name or
    size; nothing is visible then.
    """
    subfolder, _, name = wanted.rpartition(b"/")
    with (
        files.folder(root) as top,
        files.folder(subfolder, beneath=top, create_mode=FOLDER_MODE) as target,
        new_file(target, temporary_name(job.id)) as made,
    ):
        made.write(data)
        file = made.identity(content_of(journal.key, data))

        def record(tried: bytes) -> None:
            require()
            journal.placing(job, outcome, joined(subfolder, tried), file, reason, regions, faceless)

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
