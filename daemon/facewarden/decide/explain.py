"""Explaining: why a file is where it is, in sentences for the operator's terminal.

They may hold names, and no log has them.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from facewarden import config, files
from facewarden.decide.find import Found, Place, find, places
from facewarden.errors import REASONS
from facewarden.files import Signature
from facewarden.intake import foreign
from facewarden.intake.complete import state_of
from facewarden.intake.names import Names, may_be_note
from facewarden.intake.scan import stands_beside
from facewarden.intake.settle import EMPTY_TIMES, HOLLOW_TIMES
from facewarden.journal import Job
from facewarden.outcomes import FOLDERS

RETRY = "to have it taken again: facewarden retry {}"
RELEASE = "after a look at it, deliver it: facewarden release {}"


class NothingKnownError(Exception):
    """Nothing is known of a path; the text says so, and what may be the cause."""


def explain(configuration: config.Configuration, path: Path) -> list[str]:
    """What is to be said of a path; never empty.

    Raises NothingKnownError, OSError where a folder is out of reach, CannotStart.
    """
    where = places(configuration, path)
    if not where:
        raise NothingKnownError(
            "it lies in no folder of this configuration: mend the path, or name another one with -c"
        )
    told = [line for found in find(configuration, str(path)) for line in _told(found)]
    waiting = [line for place in where if place.role is None for line in _waits(place, configuration, path)]
    if not told and not waiting:
        raise NothingKnownError(_unknown(where[0], path))
    return [*told, *waiting]


def _told(found: Found) -> list[str]:
    """How far its job came."""
    job, inbox = found.job, found.inbox
    name = f"job {job.id}, inbox {inbox.name}"
    if job.state != "done":
        return [f"{name}: under way, attempt {max(job.attempts, 1)}"]
    if job.outcome == "vanished":
        return [f"{name}: it was taken away before it was done"]
    place = _shown(job, inbox)
    if job.outcome == "superseded":
        return [f"{name}: superseded: {_superseded(job, place)}"]
    if job.outcome == "quarantined":
        reason = REASONS[job.reason]
        said = f"{name}: quarantined, reason {reason.number} ({reason.name}). {reason.sentence()}"
        return [
            said,
            f"it lies at {place}, dropped as {os.fsdecode(job.source)}"
            if job.gone
            else "the original is where it was dropped",
            RETRY.format(job.id),
        ]
    hidden = f"{job.regions} regions hidden" if job.regions else "no face found"
    if job.outcome == "held":
        return [f"{name}: held, {hidden}; the result lies at {place}", RELEASE.format(job.id)]
    owed = ["the original is still to be archived or deleted: it is tried again by itself"] if job.owed else []
    return [f"{name}: delivered as {place}, {hidden}", *owed]


def _superseded(job: Job, place: str) -> str:
    if job.reason:
        reason = REASONS[job.reason]
        was = f"what it was before was quarantined, reason {reason.number} ({reason.name})"
        return f"{was}; the original was written to since, and is a drop of its own"
    return f"the original was changed after it was read; {place} shows what it was before"


def _shown(job: Job, inbox: config.Inbox) -> str:
    role = FOLDERS.get(job.outcome, "outbox")
    return f"{os.fsdecode(job.target or b'')} in the {role} folder of inbox {inbox.name}"


def _waits(place: Place, configuration: config.Configuration, path: Path) -> Iterator[str]:
    """Why a file that stands in an inbox has not been taken, or that nothing stands in its way."""
    inbox = place.inbox
    with files.folder(inbox.path) as root:
        status = files.status_of(place.relative, root)
        if status is None:
            return
        if inbox.marker and not files.status_of(os.fsencode(inbox.marker), root):
            yield "nothing is read: the inbox's marker file is missing"
        done = os.fsencode(inbox.photos.done or "")
        if done and not files.status_of(place.relative + done, root):
            yield f"it waits for a file of its name plus {inbox.photos.done} (photos.done)"
    had = [found for found in find(configuration, str(path)) if found.job.signature == Signature.of(status)]
    if not any(found.job.outcome for found in had):
        yield from _reasons(inbox, place.relative, status)


def _reasons(inbox: config.Inbox, relative: bytes, status: os.stat_result) -> Iterator[str]:
    if stat.S_ISLNK(status.st_mode):
        yield "it is a link, and links are not followed: drop the file itself"
    elif not stat.S_ISREG(status.st_mode):
        yield "it is no regular file"
    elif status.st_nlink > 1:
        yield "it has a second name (a hard link), through which it may still be written: drop a copy"
    elif (row := _left(relative)) is not None:
        yield f"it is left alone: its name, or that of a folder above it, is what other programs use ({row.whose}; docs/folders.md)"
    elif not Names(inbox, inbox.marker).path(relative):
        yield "its name, or that of a folder above it, does not count as a photo (photos.names, photos.ignore)"
    elif b"/" in relative and inbox.subfolders == "ignore":
        yield "it lies in a subfolder, and this inbox leaves those alone (subfolders: ignore)"
    elif _is_note(inbox, relative):
        yield "it is left alone: it says something of the photo of its name, which stands beside it (docs/folders.md)"
    else:
        yield _quiet(inbox, relative, status)


def _left(relative: bytes) -> foreign.Row | None:
    *folders, name = os.fsdecode(relative).split("/")
    rows = (foreign.row_of(folder, folder=True) for folder in folders)
    return next(filter(None, rows), None) or foreign.row_of(name, folder=False)


def _is_note(inbox: config.Inbox, relative: bytes) -> bool:
    with files.folder(inbox.path) as root:
        return stands_beside(root, relative, Names(inbox, inbox.marker))


def _quiet(inbox: config.Inbox, relative: bytes, status: os.stat_result) -> str:
    with files.folder(inbox.path) as root:
        state = state_of(root, relative)
    if state == "open":
        return "a program still writes to it, or says so in a file beside it: it is read once that is done"
    age = max(0.0, time.time() - max(status.st_mtime, status.st_ctime))
    times = EMPTY_TIMES if not status.st_size else HOLLOW_TIMES if state == "hollow" or may_be_note(relative) else 1
    needed = inbox.settle * times
    if age < needed:
        return f"growing or just dropped: last change {age:.0f} s ago, it is read after {needed:.0f} s of quiet"
    return f"waiting for its turn, {age:.0f} s after its last change; facewarden status tells whether the service runs"


def _unknown(place: Place, path: Path) -> str:
    there = path.is_symlink() or path.exists()
    if not there:
        return "nothing is there, and the journal does not know of it (or has forgotten it)"
    return f"the journal knows of no such file in the {place.role or 'inbox'} folder: somebody else put it there, or it was forgotten"
