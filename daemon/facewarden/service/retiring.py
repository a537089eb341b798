"""Retiring as a step of the journal: what could not be archived or deleted at once stays owed, and is tried again.

The result is durable by then, so a full archive or a locked original costs no photo anything; but an original that
should have gone tells what the result hides. So it is never given up: tried again after 1, 2, 4 … 300 seconds, told by
`status`.
"""

from __future__ import annotations

import threading
from collections.abc import Collection

import structlog

from facewarden import config
from facewarden.delivery.retire import retire
from facewarden.intake.doors import Door
from facewarden.intake.inbox import Inbox
from facewarden.journal import Job, Journal
from facewarden.service.drops import followed

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0
"""Seconds before what is owed in an inbox is tried again; doubled while nothing of it could be done."""

MOST = 50
"""Originals in a turn that could not be retired, after which the rest waits for the next one."""


def conclude(journal: Journal, job: Job, inbox: config.Inbox, door: Door) -> None:
    """Retire the original of a job whose result is durable, and end the job; owed where it cannot be done now."""
    try:
        with door() as root:
            if inbox.originals != "keep":
                job = followed(journal, inbox, root, job)
            fate = retire(job, root, inbox.originals, inbox.folder("archive"), journal.key)
    except OSError as error:
        journal.done(job, owed=True)
        log.warning("original_not_retired", job=job.id, inbox=inbox.name, error=error.errno or 0)
        return
    if fate == "superseded":
        log.warning("superseded", job=job.id, inbox=inbox.name)
        journal.superseded(job)
    else:
        journal.done(job, gone=fate == "gone")


class Retiring:
    """A part of what is done beside the photos.

    `beat` is called by the loop, folders are touched in threads of their own.
    """

    def __init__(self, journal: Journal, inboxes: Collection[Inbox]) -> None:
        self._turns = {inbox.name: _Turn(journal, inbox) for inbox in inboxes}
        self.due = 0.0

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Take in a line of the log: something is owed from now on. Called by any thread."""
        turn = self._turns.get(str(entry.get("inbox")))
        if turn and entry.get("event") == "original_not_retired":
            turn.begin_anew()
            self.due = 0.0

    def beat(self, now: float) -> None:
        """Try what is owed where it is time."""
        if now >= self.due:
            # Set before they are asked, so that what is heard meanwhile is not overlooked.
            self.due = now + LONGEST_PAUSE
            self.due = min([self.due, *(turn.beat(now) for turn in self._turns.values())])


class _Turn:
    """One inbox's: a folder that hangs holds up no other's."""

    def __init__(self, journal: Journal, inbox: Inbox) -> None:
        self._journal, self._inbox = journal, inbox
        self._pause = FIRST_PAUSE
        self._due = 0.0
        self._start = 0
        """Where in the list the next turn begins, so that those that cannot be done do not keep it from the others."""
        self._idle = False
        """Whether nothing was owed at the last look; what is owed since then is heard of."""
        self._thread: threading.Thread | None = None

    def begin_anew(self) -> None:
        self._idle, self._pause, self._due = False, FIRST_PAUSE, 0.0

    def beat(self, now: float) -> float:
        """Begin a turn where it is time; returns when it is next."""
        if self._idle:
            return now + LONGEST_PAUSE
        if now >= self._due and not (self._thread and self._thread.is_alive()):
            self._due = now + self._pause
            self._thread = threading.Thread(target=self._work, name=f"retiring-{self._inbox.name}", daemon=True)
            self._thread.start()
        return max(self._due, now + FIRST_PAUSE)

    def _work(self) -> None:
        self._idle = True  # before the look: what comes meanwhile takes it back
        try:
            owed = self._journal.owed(self._inbox.name)
            self._idle = self._idle and not owed
            start = self._start % max(len(owed), 1)
            left = done = 0
            for job in (*owed[start:], *owed[:start]):
                settled = self._settle(job)
                done, left = done + settled, left + (not settled)
                if left == MOST:
                    self._start = start + MOST
                    break
        except OSError:
            return  # the journal's own disk: whoever writes to it next tells
        self._pause = FIRST_PAUSE if done else min(self._pause * 2, LONGEST_PAUSE)

    def _settle(self, job: Job) -> bool:
        """Whether it is owed no more."""
        settings = self._inbox.settings
        try:
            with self._inbox.root.proved() as root:
                fate = retire(job, root, settings.originals, settings.folder("archive"), self._journal.key)
        except OSError:
            return False
        if fate == "superseded":
            log.warning("superseded", job=job.id, inbox=settings.name)
            self._journal.superseded(job)
        else:
            self._journal.retired(job, gone=fate == "gone")
            log.info("original_retired", job=job.id, inbox=settings.name)
        return True
