"""Retrying: a quarantined original is taken again, as if it had just been dropped.

One that was moved away goes back into its inbox, replacing nothing; one that stayed there is forgotten by the journal.
It is noted before anything moves, so that what a crash leaves is brought to its end: by the same command, or by the
service.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path

from facewarden import config, files
from facewarden.decide.alone import NotThereError, alone
from facewarden.decide.find import Found
from facewarden.delivery.original import give_back, is_there
from facewarden.delivery.placing import is_it
from facewarden.delivery.retire import move
from facewarden.files import Signature, filename
from facewarden.intake.doors import doors
from facewarden.journal import Job, Journal, retried, retrying
from facewarden.key import known_key


def retry(configuration: config.Configuration, found: Found) -> None:
    """Have one quarantined original taken again.

    Raises NotThereError, OSError where a folder is out of reach, CannotStart.
    """
    state, inbox = configuration.state, found.inbox
    with alone(state, found.job, "quarantined") as job:
        cut_off = job.state == "retrying"
        if not job.gone:
            _require_original(configuration, job, inbox)
        key = known_key(state)
        retrying(state, job)
        try:
            if job.gone and not (cut_off and not in_quarantine(job, inbox, key)):
                _put_back(job, inbox, key)
        except BaseException:
            retried(state, job, moved=False)
            raise
        remove_report(job, inbox)
        retried(state, job, moved=True)


def take_back(state: Path, job: Job, inbox: config.Inbox) -> None:
    """The same for one that was moved to quarantine and written to since: as it is now it is a new drop.

    Raises as `retry` does. Where somebody else decides about it at this moment it is left to them: raises
    BlockingIOError.
    """
    with alone(state, job, "quarantined", wait=False) as now:
        retrying(state, now)
        try:
            _move_back(now, inbox)
        except BaseException:
            retried(state, now, moved=False)
            raise
        remove_report(now, inbox)
        retried(state, now, moved=True)


def supersede(journal: Journal, inbox: config.Inbox, job: Job) -> None:
    """What was refused under this name before, and kept there, is something else by now: its note goes.

    Raises OSError.
    """
    for earlier in journal.refused(job):
        remove_report(earlier, inbox)
        journal.superseded(earlier)


def in_quarantine(job: Job, inbox: config.Inbox, key: bytes | None) -> bool:
    """Whether the original lies in its quarantine folder; one that was under way there gets its name back.

    Raises OSError.
    """
    assert job.target is not None
    assert job.placed is not None
    with files.folder(inbox.folder("quarantine")) as root:
        give_back(dataclasses.replace(job, source=job.target), root)
        status = files.status_of(job.target, root)
        same_inode = status is not None and Signature.of(status).inode == job.placed.inode
        return same_inode or is_it(job.placed, job.target, root, key)


def _put_back(job: Job, inbox: config.Inbox, key: bytes | None) -> None:
    assert job.target is not None
    with files.folder(inbox.folder("quarantine")) as root:
        give_back(dataclasses.replace(job, source=job.target), root)  # a crash may have left it under way
        if not is_it(job.placed, job.target, root, key):
            raise NotThereError
    _move_back(job, inbox)


def _move_back(job: Job, inbox: config.Inbox) -> None:
    assert job.target is not None
    with files.folder(inbox.folder("quarantine")) as root:
        status = files.status_of(job.target, root)
        if status is None:
            raise NotThereError
        there = dataclasses.replace(job, source=job.target, signature=Signature.of(status))
        move(there, root, inbox.path, job.source, lambda target, file: None)


def _require_original(configuration: config.Configuration, job: Job, inbox: config.Inbox) -> None:
    with doors(configuration)[inbox.name]() as root:
        if not is_there(job, root):
            raise NotThereError


def remove_report(job: Job, inbox: config.Inbox) -> None:
    """The note beside it speaks of an earlier try. Of a kept original it is all that is in quarantine."""
    assert job.target is not None
    source, _, name = (job.source if job.gone else job.target).rpartition(b"/")
    report = filename.with_ending(name, b".facewarden-%s.txt" % job.id.encode()) if job.gone else name
    with (
        contextlib.suppress(FileNotFoundError),  # somebody has tidied up
        files.folder(inbox.folder("quarantine")) as root,
        files.folder(source, beneath=root) as here,
    ):
        status = files.status_of(report, here)
        if job.gone or (job.placed and status and Signature.of(status).inode == job.placed.inode):
            os.unlink(report, dir_fd=here)
