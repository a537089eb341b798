"""Destination: where a photo ends.

A result, or what was refused, gets its place, and its original goes the way of its policy.

Directly before a name is given the original must still be what was read: what was changed meanwhile is a drop of its
own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import structlog

from facewarden import config
from facewarden.delivery.containers import result_name
from facewarden.delivery.holding import held_preview, remove_note, write_note
from facewarden.delivery.naming import report_path, target_path
from facewarden.delivery.original import OriginalLeftError, require_original
from facewarden.delivery.preview import preview_name, sheet
from facewarden.delivery.publish import publish, put
from facewarden.delivery.quarantine import quarantine
from facewarden.delivery.results import Results
from facewarden.errors import NAME_REFUSED, FileRefused
from facewarden.files.failing import failing_as
from facewarden.files.filename import NameRefusedError
from facewarden.intake.claim import Claim
from facewarden.intake.doors import Door
from facewarden.journal import Job, Journal, Outcome
from facewarden.replies import Reply
from facewarden.service.retiring import conclude

log = structlog.get_logger()


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """A finished result: its bytes and their container, and what is counted of it."""

    data: bytes
    container: str
    regions: int
    faceless: int
    reply: Reply | None = None
    """None where an earlier result is delivered again: its pixels are not at hand, and nothing is opened for them."""


@dataclasses.dataclass(frozen=True, slots=True)
class Destination:
    """Where one claimed photo ends. `told` is the line of the log that its journey ends with."""

    journal: Journal
    results: Results
    inbox: config.Inbox
    door: Door
    claimed: Claim
    told: dict[str, Any]

    @property
    def job(self) -> Job:
        return self.claimed.job

    def publish(self, result: Result) -> Outcome:
        """Deliver the result, or hold it. Raises OSError where a folder is out of reach."""
        inbox, job = self.inbox, self.job
        outcome: Outcome = "held" if inbox.without_face == "hold" and result.faceless else "published"
        root = inbox.folder("hold" if outcome == "held" else "outbox")
        wanted = result_name(target_path(inbox, self.journal.key, job.source), result.container)
        try:
            with timed(self.told, "publish_s"), failing_as("hold" if outcome == "held" else "outbox"):
                self._require_original()
                if outcome == "held":
                    write_note(job.id, result.faceless, result.reply, root, wanted)
                counts = {"regions": result.regions, "faceless": result.faceless}
                require = self._require_original
                placed = publish(self.journal, job, outcome, result.data, root, wanted, require=require, **counts)
        except NameRefusedError:
            return self.quarantine(FileRefused(NAME_REFUSED))
        except OriginalLeftError:
            return self._vanished(root, wanted)
        self.conclude()
        if inbox.preview and result.reply:
            with timed(self.told, "preview_s"):
                self._preview(inbox.preview, placed, result.reply, held=outcome == "held")
        log.info("job", **self.told, outcome=outcome)
        return outcome

    def quarantine(self, refused: FileRefused) -> Outcome:
        """Move the original away, or leave it where it is to be kept, with a note. Raises OSError."""
        inbox, claimed, reason = self.inbox, self.claimed, refused.reason
        keep = inbox.originals == "keep"
        folder, alone = inbox.folder("quarantine"), report_path(inbox, self.journal.key, self.job.source)
        content = claimed.content if claimed.data else None
        with self.door() as root, failing_as("quarantine"):
            outcome = quarantine(self.journal, self.job, refused, root, folder, keep=keep, alone=alone, content=content)
        self.journal.done(self.job, gone=not keep)
        log.warning("job", **self.told, outcome=outcome, reason=reason.number, reason_name=reason.name)
        return outcome

    def conclude(self) -> None:
        """Retire the original, now or as soon as that can be done."""
        conclude(self.journal, self.job, self.inbox, self.door)

    def _require_original(self) -> None:
        with failing_as("inbox"), self.door() as here:
            require_original(self.job, here)

    def _vanished(self, root: Path, wanted: bytes) -> Outcome:
        """The original was taken away, renamed or written to: what stands there now is a drop of its own."""
        remove_note(self.job.id, root, wanted)
        self.journal.vanished(self.job)
        log.info("job", **self.told, outcome="vanished")
        return "vanished"

    def _preview(self, folder: Path, result: bytes, reply: Reply, *, held: bool) -> None:
        """Only a help for the eye: the result stands already, whatever becomes of this.

        That of a held one waits as well.
        """
        try:
            if held:
                self.results.keep(held_preview(self.job.id), sheet(reply))
            else:
                put(folder, preview_name(result), sheet(reply), self.job.id)
        except OSError as error:
            log.warning("preview_not_written", job=self.job.id, inbox=self.inbox.name, error=error.errno or 0)


@contextlib.contextmanager
def timed(told: dict[str, Any], key: str) -> Iterator[None]:
    """How long it takes, in seconds, for the line of the log."""
    start = time.monotonic()
    yield
    told[key] = round(time.monotonic() - start, 3)
