"""Retrying: a quarantined original is taken again, as if it had just been dropped.

One that was moved away goes back into its inbox, replacing nothing; one that stayed there is forgotten by the journal. The
file moves first: a crash in between leaves a row too many, and no photo is lost or delivered twice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os

from facewarden import config, filename, files
from facewarden.delivery.original import give_back, is_there
from facewarden.delivery.placing import is_it
from facewarden.delivery.retire import move
from facewarden.files import Signature
from facewarden.finding import Found, doors
from facewarden.journal import Job, forget
from facewarden.key import known_key


class NotThereError(Exception):
    """What the journal knows is no longer in its folder: somebody took it away or did this before."""


def retry(configuration: config.Configuration, found: Found) -> None:
    """Have one quarantined original taken again. Raises NotThereError, OSError where a folder is out of reach, CannotStart."""
    job, inbox = found.job, found.inbox
    assert job.target is not None
    if job.gone:
        _put_back(job, inbox, known_key(configuration.state))
    else:
        _require_original(configuration, job, inbox)
    forget(configuration.state, [job])
    _remove_report(job, inbox)


def _put_back(job: Job, inbox: config.Inbox, key: bytes | None) -> None:
    assert job.target is not None
    folder = inbox.folder("quarantine")
    with files.folder(folder) as root:
        there = dataclasses.replace(job, source=job.target)
        give_back(there, root)  # a crash may have left it under way
        status = files.status_of(job.target, root)
        if status is None or not is_it(job.placed, job.target, root, key):
            raise NotThereError
        there = dataclasses.replace(there, signature=Signature.of(status))
        move(there, root, inbox.path, job.source, lambda target, file: None)


def _require_original(configuration: config.Configuration, job: Job, inbox: config.Inbox) -> None:
    with doors(configuration)[inbox.name]() as root:
        if not is_there(job, root):
            raise NotThereError


def _remove_report(job: Job, inbox: config.Inbox) -> None:
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
