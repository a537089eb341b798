"""Explaining: why a file is where it is, in sentences for the operator's terminal; they may hold names, and no log has them."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from facewarden import config, files
from facewarden.errors import REASONS
from facewarden.files import Signature
from facewarden.finding import Found, Place, find, places
from facewarden.intake.complete import state_of
from facewarden.intake.scan import Names
from facewarden.intake.settle import EMPTY_TIMES
from facewarden.journal import Job
from facewarden.outcomes import FOLDERS

RETRY = "to have it taken again: facewarden retry {}"
RELEASE = "after a look at it, deliver it: facewarden release {}"


def explain(configuration: config.Configuration, path: Path) -> list[str]:
    """What is to be said of a path; never empty. Raises OSError where a folder is out of reach, CannotStart."""
    where = places(configuration, path)
    if not where:
        return ["it lies in no folder of this configuration"]
    told = [line for found in find(configuration, str(path)) for line in _told(found)]
    waiting = [line for place in where if place.role is None for line in _waits(place, configuration, path)]
    return [*told, *waiting] or [_unknown(where[0], path)]


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
        return [f"{name}: superseded: the original was changed after it was read; {place} shows what it was before"]
    if job.outcome == "quarantined":
        reason = REASONS[job.reason]
        said = f"{name}: quarantined, reason {reason.number} ({reason.name}). {reason.sentence()}"
        return [
            said,
            f"it lies at {place}" if job.gone else "the original is where it was dropped",
            RETRY.format(job.id),
        ]
    hidden = f"{job.regions} regions hidden" if job.regions else "no face found"
    if job.outcome == "held":
        return [f"{name}: held, {hidden}; the result lies at {place}", RELEASE.format(job.id)]
    owed = ["the original is still to be archived or deleted: it is tried again by itself"] if job.owed else []
    return [f"{name}: delivered as {place}, {hidden}", *owed]


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
    elif not Names(inbox, inbox.marker).path(relative):
        yield "its name, or that of a folder above it, does not count as a photo (photos.names, photos.ignore)"
    elif b"/" in relative and inbox.subfolders == "ignore":
        yield "it lies in a subfolder, and this inbox leaves those alone (subfolders: ignore)"
    else:
        yield _quiet(inbox, relative, status)


def _quiet(inbox: config.Inbox, relative: bytes, status: os.stat_result) -> str:
    with files.folder(inbox.path) as root:
        state = state_of(root, relative)
    if state == "open":
        return "a program still has it open for writing: it is read once that has closed it"
    age = max(0.0, time.time() - max(status.st_mtime, status.st_ctime))
    needed = inbox.settle * (1 if status.st_size and state == "complete" else EMPTY_TIMES)
    if age < needed:
        return f"growing or just dropped: last change {age:.0f} s ago, it is read after {needed:.0f} s of quiet"
    return f"waiting for its turn, {age:.0f} s after its last change; facewarden status tells whether the service runs"


def _unknown(place: Place, path: Path) -> str:
    there = path.is_symlink() or path.exists()
    if not there:
        return "nothing is there, and the journal does not know of it (or has forgotten it)"
    return f"the journal knows of no such file in the {place.role or 'inbox'} folder: somebody else put it there, or it was forgotten"
