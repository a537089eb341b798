"""Returning: a quarantined original that was written to since is a new drop.

It goes back into its inbox, and its note goes.

So where a scanner makes an empty file, and fills it by its name or through a share after it was found empty: nothing
tells on a share that somebody has it open.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

import structlog

from facewarden import config, files
from facewarden.decide.alone import NotThereError
from facewarden.decide.retry import take_back
from facewarden.errors import CannotStart
from facewarden.files import Signature
from facewarden.intake.inbox import Inbox
from facewarden.journal import Job, Journal

log = structlog.get_logger()

PAUSE = 5.0
"""Seconds between two looks; what is the same in two of them is not being written to."""

WATCHED = 3_600.0
"""How long after its quarantine an original is looked at."""

MOST = 200
"""Originals that are looked at, the latest ones."""


class Returning:
    """A part of what is done beside the photos.

    `beat` is called by the loop, folders are touched in a thread of its own.
    """

    def __init__(self, journal: Journal, inboxes: Collection[Inbox]) -> None:
        self._journal = journal
        self._inboxes = {inbox.name: inbox.settings for inbox in inboxes}
        self._changed: dict[str, Signature] = {}
        """How those that had changed were at the last look, by job."""
        self._thread: threading.Thread | None = None
        self._idle = False
        """Whether there was nothing to look at the last time; what is refused since then is heard of."""
        self.due = 0.0

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Take in a line of the log: something to look at. Called by any thread."""
        if entry.get("outcome") == "quarantined":
            self._idle, self.due = False, 0.0

    def beat(self, now: float) -> None:
        """Look where it is time."""
        if now < self.due:
            return
        self.due = now + WATCHED  # set before it is asked, so that what is heard meanwhile is not overlooked
        if self._idle:
            return
        self.due = now + PAUSE
        if not (self._thread and self._thread.is_alive()):
            self._thread = threading.Thread(target=self._look, name="returning", daemon=True)
            self._thread.start()

    def _look(self) -> None:
        self._idle = True  # before the look: what comes meanwhile takes it back
        try:
            jobs = self._journal.quarantined_since(time.time() - WATCHED, MOST)
        except OSError:
            jobs, self._idle = [], False  # the journal's own disk: whoever writes to it next tells
        self._idle = self._idle and not jobs
        seen = self._changed
        self._changed = {}
        for job in jobs:
            inbox = self._inboxes.get(job.inbox)
            if inbox and (now := _changed(job, inbox)):
                self._changed[job.id] = now
                if seen.get(job.id) == now:
                    self._take_back(job, inbox)

    def _take_back(self, job: Job, inbox: config.Inbox) -> None:
        try:
            take_back(self._journal.state, job, inbox)
        except (OSError, NotThereError, CannotStart):
            return  # full, away, or somebody else decided: it is looked at again
        log.info("taken_back", job=job.id, inbox=inbox.name)


def _changed(job: Job, inbox: config.Inbox) -> Signature | None:
    """How the original is now, where it is the same file and was written to; None also where nobody can say."""
    if job.target is None or job.placed is None:
        return None
    try:
        with files.folder(inbox.folder("quarantine")) as root:
            status = files.status_of(job.target, root)
    except OSError:
        return None
    if status is None or not status.st_size:
        return None
    now = Signature.of(status)
    return now if now.inode == job.placed.inode and now != job.placed.signature else None
