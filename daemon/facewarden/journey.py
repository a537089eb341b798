"""One photo's journey from claim to retired original, in the order that keeps the promises.

Nothing is moved or changed before the result is durable; every attempt is in the journal before it is made; whatever
goes wrong ends in quarantine with a reason, or leaves the original where it is for another try.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import structlog

from facewarden import config, files, logs
from facewarden.config.models import LimitsSection
from facewarden.delivery.binding import Binding
from facewarden.delivery.encode import container_of, result_name
from facewarden.delivery.naming import report_path, target_path
from facewarden.delivery.preview import preview_name, sheet
from facewarden.delivery.publish import publish, put
from facewarden.delivery.quarantine import quarantine
from facewarden.delivery.results import Results
from facewarden.delivery.retire import retire
from facewarden.errors import CRASHED, REASONS, FileRefused, Reason
from facewarden.intake.claim import Claim, NotSettledError, claim
from facewarden.intake.settle import Settled
from facewarden.journal import Job, Journal, Outcome
from facewarden.pool import Pool, PoolStopped
from facewarden.recovery import resume
from facewarden.replies import Reply
from facewarden.turns import Turns
from facewarden.values import Recipe

log = structlog.get_logger()


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """How a journey ended: an outcome, or `again` (the file must settle again, or waits until its folder is back)."""

    inbox: str
    path: bytes
    outcome: Outcome | Literal["again", "out_of_reach"]


class Journey:
    """Carries photos; used by several threads at a time."""

    def __init__(self, journal: Journal, pool: Pool, results: Results, key: bytes, limits: LimitsSection) -> None:
        self._journal, self._pool, self._results, self._key, self._limits = journal, pool, results, key, limits
        self._turns = Turns()
        self._owed: set[str] = set()
        """Jobs whose last attempt could not be taken back yet."""

    def carry(self, inbox: config.Inbox, recipe: Recipe, settled: Settled) -> Ending:
        """Carry one settled file as far as it goes. Raises CannotStart where no worker can be had any more."""
        try:
            # An error may have cut off its last journey after its result was placed.
            resume(self._journal, self._key, inbox, settled.path)
            if self._journal.finished(inbox.name, settled.path, settled.signature):
                return Ending(inbox.name, settled.path, "again")
            with files.folder(inbox.path) as root:
                claimed = claim(self._journal, self._key, inbox, root, settled, recipe)
            job = claimed.job
            if self._journal.known_again(inbox.name, job.source, job.signature, claimed.content):
                self._journal.vanished(job)
                return Ending(inbox.name, settled.path, "again")
            with self._turns.of(claimed.content + claimed.variant):
                outcome = self._deliver(inbox, recipe, claimed, time.monotonic() - settled.first_seen)
        except NotSettledError:
            return Ending(inbox.name, settled.path, "again")
        except OSError as error:
            logs.out_of_reach(inbox.name, error)
            return Ending(inbox.name, settled.path, "out_of_reach")
        return Ending(inbox.name, settled.path, outcome)

    def _deliver(
        self, inbox: config.Inbox, recipe: Recipe, claimed: Claim, waited: float
    ) -> Outcome | Literal["again"]:
        told: dict[str, Any] = {"job": claimed.job.id, "inbox": inbox.name, "wait_s": round(waited, 3)}
        if claimed.refusal:
            if claimed.refusal.retry and self._journal.attempt(claimed.job) < self._limits.attempts:
                raise OSError(errno.EIO, "the original cannot be read now")
            return self._quarantine(inbox, claimed, claimed.refusal, told)
        if outcome := self._deliver_earlier(inbox, claimed, told):
            return outcome
        try:
            return self._deliver_new(inbox, recipe, claimed, told)
        except OSError:
            self._uncount(claimed.job)  # a folder that is full or away is no fault of the photo
            raise

    def _uncount(self, job: Job) -> None:
        """Take an attempt back; where the journal's own disk is full, before the next one is counted."""
        try:
            self._journal.uncount(job)
        except OSError:
            self._owed.add(job.id)
            raise

    def _deliver_new(
        self, inbox: config.Inbox, recipe: Recipe, claimed: Claim, told: dict[str, Any]
    ) -> Outcome | Literal["again"]:
        binding = Binding(inbox.output, shown=bool(inbox.preview))
        owner = inbox.name if inbox.worker_for == "inbox" else None
        try:
            reply = self._treat(claimed, recipe, owner, binding, told)
            if reply is None:
                return "again"
            with _timed(told, "encode_s"):
                container, data = binding.result(reply)
        except FileRefused as refused:
            return self._quarantine(inbox, claimed, refused.reason, told)
        told |= {"frames": len(reply.picture.frames), "regions": reply.region_count, "second_look": reply.second_look}
        told |= {f"{stage}_s": round(seconds, 3) for stage, seconds in reply.seconds.items()}
        self._keep(claimed, data)
        return self._publish(inbox, claimed, _Result(data, container, reply.region_count, reply), told)

    def _keep(self, claimed: Claim, data: bytes) -> None:
        """Before it is published: afterwards the next drop of the same content may already ask for it.

        Where there is no room the next drop is worked on anew.
        """
        try:
            self._results.keep(claimed.job.id, data)
        except OSError as error:
            log.warning("result_not_kept", job=claimed.job.id, error=error.errno or 0)

    def _treat(
        self, claimed: Claim, recipe: Recipe, owner: str | None, binding: Binding, told: dict[str, Any]
    ) -> Reply | None:
        """Have the photo treated, several times where its reason allows; None where the service is stopping."""
        job = claimed.job
        if job.id in self._owed:
            self._journal.uncount(job)
            self._owed.discard(job.id)
        last = REASONS.get(job.reason, CRASHED)
        while True:
            attempt = self._journal.attempt(job)
            told["attempt"] = attempt
            if attempt > self._limits.attempts:
                raise FileRefused(last)
            try:
                return self._pool.treat(claimed.data, recipe, self._limits.seconds, owner=owner, receiver=binding)
            except PoolStopped:
                self._journal.uncount(job)
                return None
            except FileRefused as refused:
                last = refused.reason
                if not last.retry:
                    raise

    def _deliver_earlier(self, inbox: config.Inbox, claimed: Claim, told: dict[str, Any]) -> Outcome | None:
        """Deliver the result that the same content gave before; None where there is none any more."""
        for earlier in self._journal.earlier(claimed.content, claimed.variant):
            assert earlier.outcome is not None
            assert earlier.target is not None
            found = told | {"duplicate": True, "regions": earlier.regions}
            if inbox.duplicates == "skip" and earlier.inbox == inbox.name:
                self._journal.skipped(claimed.job, earlier)
                gone = self._retire(inbox, claimed)
                return self._end(claimed, earlier.outcome, found, gone=gone)
            if data := self._results.take(earlier.id):
                result = _Result(data, container_of(earlier.target), earlier.regions)
                return self._publish(inbox, claimed, result, found)
        return None

    def _publish(self, inbox: config.Inbox, claimed: Claim, result: _Result, told: dict[str, Any]) -> Outcome:
        outcome: Outcome = "held" if inbox.without_face == "hold" and not result.regions else "published"
        root = inbox.folder("hold" if outcome == "held" else "outbox")
        wanted = result_name(target_path(inbox, self._key, claimed.job.source), result.container)
        with _timed(told, "publish_s"):
            placed = publish(self._journal, claimed.job, outcome, result.data, root, wanted, regions=result.regions)
        gone = self._retire(inbox, claimed)
        if inbox.preview and result.reply:
            with _timed(told, "preview_s"):
                self._preview(inbox, inbox.preview, claimed, placed, result.reply)
        return self._end(claimed, outcome, told, gone=gone)

    def _retire(self, inbox: config.Inbox, claimed: Claim) -> bool:
        """The result is durable: now the original may go. One that cannot be moved stays, and is not taken again."""
        try:
            return retire(claimed.job, inbox.path, inbox.originals, inbox.folder("archive"))
        except OSError as error:
            log.warning("original_not_retired", job=claimed.job.id, inbox=inbox.name, error=error.errno or 0)
            return False

    def _preview(self, inbox: config.Inbox, folder: Path, claimed: Claim, result: bytes, reply: Reply) -> None:
        """Only a help for the eye: the result stands already, whatever becomes of this."""
        try:
            put(folder, preview_name(result), sheet(reply), claimed.job.id)
        except OSError as error:
            log.warning("preview_not_written", job=claimed.job.id, inbox=inbox.name, error=error.errno or 0)

    def _end(self, claimed: Claim, outcome: Outcome, told: dict[str, Any], *, gone: bool) -> Outcome:
        self._journal.done(claimed.job, gone=gone)
        log.info("job", **told, outcome=outcome)
        return outcome

    def _quarantine(self, inbox: config.Inbox, claimed: Claim, reason: Reason, told: dict[str, Any]) -> Outcome:
        keep = inbox.originals == "keep"
        folder, alone = inbox.folder("quarantine"), report_path(inbox, self._key, claimed.job.source)
        outcome = quarantine(self._journal, claimed.job, reason, inbox.path, folder, keep=keep, alone=alone)
        self._journal.done(claimed.job, gone=not keep)
        log.warning("job", **told, outcome=outcome, reason=reason.number, reason_name=reason.name)
        return outcome


@dataclasses.dataclass(frozen=True, slots=True)
class _Result:
    data: bytes
    container: str
    regions: int
    reply: Reply | None = None
    """None where an earlier result is delivered again: its pixels are not at hand, and nothing is opened for them."""


@contextlib.contextmanager
def _timed(told: dict[str, Any], key: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    told[key] = round(time.monotonic() - start, 3)
