"""One photo's journey from claim to retired original, in the order that keeps the promises.

Nothing is moved or changed before the result is durable; every attempt is in the journal before it is made; whatever
goes wrong ends in quarantine with a reason, or leaves the original where it is for another try.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import structlog

from facewarden import config, logs
from facewarden.config.models import LimitsSection
from facewarden.decide.retry import supersede
from facewarden.delivery.binding import Binding
from facewarden.delivery.encode import container_of, result_name
from facewarden.delivery.holding import held_preview, remove_note, write_note
from facewarden.delivery.naming import report_path, target_path
from facewarden.delivery.original import OriginalLeftError, require_original
from facewarden.delivery.placing import stands
from facewarden.delivery.preview import preview_name, sheet
from facewarden.delivery.publish import publish, put
from facewarden.delivery.quarantine import quarantine
from facewarden.delivery.results import Results
from facewarden.errors import CRASHED, NAME_REFUSED, REASONS, SERVICE_ENDED, FileRefused, Reason
from facewarden.files.failing import Role, failing_as, role_of
from facewarden.files.filename import NameRefusedError
from facewarden.intake.claim import Claim, NotSettledError, claim
from facewarden.intake.doors import Door
from facewarden.intake.settle import Settled
from facewarden.journal import Job, Journal, Outcome
from facewarden.outcomes import FOLDERS
from facewarden.pool import Pool, PoolStopped
from facewarden.replies import Reply
from facewarden.service.drops import known_again
from facewarden.service.duplicates import Turns
from facewarden.service.recovery import resume
from facewarden.service.retiring import conclude
from facewarden.values import Recipe

log = structlog.get_logger()

CUT_OFF_FACTOR = 3
"""So many times `limits.attempts` the service's own end may cut off a photo: that is its power, or its memory, far more often than
the photo."""


@dataclasses.dataclass(frozen=True, slots=True)
class Ending:
    """How a journey ended: an outcome, or `again` (the file must settle again), or `out_of_reach`, of which folder."""

    inbox: str
    path: bytes
    outcome: Outcome | Literal["again", "out_of_reach"]
    folder: Role | None = None


class Journey:
    """Carries photos; used by several threads at a time."""

    def __init__(
        self, journal: Journal, pool: Pool, results: Results, limits: LimitsSection, weights: str = ""
    ) -> None:
        """`weights` tells the detectors' weights from others, whose earlier results are none of these."""
        self._weights = weights
        self._halted = False
        self._journal, self._pool, self._results, self._limits = journal, pool, results, limits
        self._turns = Turns()
        self._counted: set[str] = set()
        """Jobs whose last attempt was counted and has not failed: nothing else may be taken back."""
        self._owed: dict[str, Reason | None] = {}
        """Jobs whose last attempt failed for a reason that could not be noted yet; None: it could not be taken back yet."""

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Take in a line of the log: where drawn faces are missed, no photo that is under way is delivered any more."""
        self._halted |= entry.get("event") == "recall_failed"

    def carry(self, inbox: config.Inbox, door: Door, recipe: Recipe, settled: Settled) -> Ending:
        """Carry one settled file as far as it goes. `door` opens the inbox's folder.

        Raises CannotStart where no worker can be had any more, or the journal was taken away.
        """
        try:
            self._journal.require_in_place()
            # An error may have cut off its last journey after its result was placed.
            resume(self._journal, inbox, door, settled.path)
            if self._journal.finished(inbox.name, settled.path, settled.signature):
                return Ending(inbox.name, settled.path, "again")
            with door() as root:
                claimed = claim(self._journal, inbox, root, settled, recipe, self._weights)
            with self._turns.of(claimed.content + claimed.variant):
                # In its turn: it may be a photo that was under way until now, and was renamed meanwhile.
                if self._known_again(inbox, door, claimed.job):
                    return Ending(inbox.name, settled.path, "again")
                outcome = self._deliver(inbox, door, recipe, claimed, time.monotonic() - settled.first_seen)
        except (NotSettledError, PoolStopped):
            return Ending(inbox.name, settled.path, "again")
        except OSError as error:
            logs.out_of_reach(inbox.name, error)
            return Ending(inbox.name, settled.path, "out_of_reach", role_of(error))
        return Ending(inbox.name, settled.path, outcome)

    def _known_again(self, inbox: config.Inbox, door: Door, job: Job) -> bool:
        with door() as root:
            if known_again(self._journal, inbox, root, job):
                return True
        supersede(self._journal, inbox, job)
        return False

    def _deliver(
        self, inbox: config.Inbox, door: Door, recipe: Recipe, claimed: Claim, waited: float
    ) -> Outcome | Literal["again"]:
        told: dict[str, Any] = {"job": claimed.job.id, "inbox": inbox.name, "wait_s": round(waited, 3)}
        if claimed.refusal:
            if claimed.refusal.retry and self._journal.attempt(claimed.job) < self._limits.attempts:
                raise OSError(errno.EIO, "the original cannot be read now")
            return self._quarantine(inbox, door, claimed, FileRefused(claimed.refusal), told)
        if outcome := self._deliver_earlier(inbox, door, claimed, told):
            return outcome
        try:
            return self._deliver_new(inbox, door, recipe, claimed, told)
        except (OSError, PoolStopped):
            self._uncount(claimed.job)  # a folder that is full or away is no fault of the photo, nor is a stop
            raise
        finally:
            self._counted.discard(claimed.job.id)

    def _uncount(self, job: Job) -> None:
        """Take an attempt back that was counted; where the journal's own disk is full, before the next one is counted."""
        if job.id not in self._counted:
            return
        self._counted.discard(job.id)
        try:
            self._journal.uncount(job)
        except OSError:
            self._owed[job.id] = None
            raise

    def _deliver_new(
        self, inbox: config.Inbox, door: Door, recipe: Recipe, claimed: Claim, told: dict[str, Any]
    ) -> Outcome | Literal["again"]:
        binding = Binding(inbox.output, shown=bool(inbox.preview), seconds=self._limits.seconds)
        owner = inbox.name if inbox.worker_for == "inbox" else None
        try:
            reply = self._treat(claimed, recipe, owner, binding, told)
            if reply is None:
                return "again"
            with _timed(told, "encode_s"):
                container, data = binding.result(reply)
        except FileRefused as refused:
            return self._quarantine(inbox, door, claimed, refused, told)
        told |= {"frames": len(reply.picture.frames), "regions": reply.region_count, "second_look": reply.second_look}
        told |= {f"{stage}_s": round(seconds, 3) for stage, seconds in reply.seconds.items()}
        self._keep(claimed, data)
        result = _Result(data, container, reply.region_count, reply.faceless, reply)
        return self._publish(inbox, door, claimed, result, told)

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
        failures, last = self._failures(job)
        while failures < self._limits.attempts:
            begin = functools.partial(self._begin, job, failures, told)
            try:
                return self._pool.treat(
                    claimed.data, recipe, self._limits.seconds, owner=owner, receiver=binding, begin=begin
                )
            except PoolStopped:
                self._uncount(job)
                return None
            except FileRefused as refused:
                last = refused.reason
                if not last.retry:
                    raise
                self._counted.discard(job.id)
                failures += 1
                self._owed[job.id] = last
                self._pay(job)
        raise FileRefused(last)

    def _failures(self, job: Job) -> tuple[int, Reason]:
        """How many attempts failed, and why the last one did."""
        failed = self._owed.get(job.id)
        self._pay(job)
        return (job.failures + 1, failed) if failed else (job.failures, REASONS.get(job.reason, CRASHED))

    def _pay(self, job: Job) -> None:
        """Note what became of its last attempt; where the journal's disk is full it stays owed."""
        if job.id not in self._owed:
            return
        if failed := self._owed[job.id]:
            self._journal.failed(job, failed.number)
        else:
            self._journal.uncount(job)
        del self._owed[job.id]

    def _begin(self, job: Job, failures: int, told: dict[str, Any]) -> None:
        """Count an attempt when a worker is about to get the photo, and not while it waits for one.

        Raises FileRefused where the service ended in the middle of it time and again: it may be what ends the service.
        """
        told["attempt"] = attempt = self._journal.attempt(job)
        self._counted.add(job.id)
        if attempt - failures > CUT_OFF_FACTOR * self._limits.attempts:
            raise FileRefused(SERVICE_ENDED)

    def _deliver_earlier(self, inbox: config.Inbox, door: Door, claimed: Claim, told: dict[str, Any]) -> Outcome | None:
        """Deliver the result that the same content gave before; None where there is none any more."""
        for earlier in self._journal.earlier(claimed.content, claimed.variant):
            assert earlier.outcome is not None
            assert earlier.target is not None
            found = told | {"duplicate": True, "regions": earlier.regions}
            if inbox.duplicates == "skip" and earlier.inbox == inbox.name and self._may_skip(inbox, earlier):
                self._journal.skipped(claimed.job, earlier)
                conclude(self._journal, claimed.job, inbox, door)
                log.info("job", **found, outcome=earlier.outcome)
                return earlier.outcome
            if data := self._results.take(earlier.id):
                result = _Result(data, container_of(earlier.target), earlier.regions, earlier.faceless)
                return self._publish(inbox, door, claimed, result, found)
        return None

    def _may_skip(self, inbox: config.Inbox, earlier: Job) -> bool:
        """Of a photo that is deleted then, the earlier result must stand: it would be all that is left."""
        return inbox.originals != "delete" or stands(earlier, inbox.folder(FOLDERS[earlier.outcome]), self._journal.key)

    def _publish(
        self, inbox: config.Inbox, door: Door, claimed: Claim, result: _Result, told: dict[str, Any]
    ) -> Outcome:
        if self._halted:
            raise PoolStopped
        outcome: Outcome = "held" if inbox.without_face == "hold" and result.faceless else "published"
        root, job = inbox.folder("hold" if outcome == "held" else "outbox"), claimed.job
        wanted = result_name(target_path(inbox, self._journal.key, job.source), result.container)

        def require() -> None:
            with failing_as("inbox"), door() as here:
                require_original(job, here)

        try:
            with _timed(told, "publish_s"), failing_as("hold" if outcome == "held" else "outbox"):
                require()
                if outcome == "held":
                    write_note(job.id, result.faceless, result.reply, root, wanted)
                counts = {"regions": result.regions, "faceless": result.faceless}
                placed = publish(self._journal, job, outcome, result.data, root, wanted, require=require, **counts)
        except NameRefusedError:
            return self._quarantine(inbox, door, claimed, FileRefused(NAME_REFUSED), told)
        except OriginalLeftError:
            return self._vanished(job, root, wanted, told)
        conclude(self._journal, job, inbox, door)
        if inbox.preview and result.reply:
            with _timed(told, "preview_s"):
                self._preview(inbox, inbox.preview, job, placed, result.reply, held=outcome == "held")
        log.info("job", **told, outcome=outcome)
        return outcome

    def _vanished(self, job: Job, root: Path, wanted: bytes, told: dict[str, Any]) -> Outcome:
        """The original was taken away, renamed or written to: what stands there now is a drop of its own."""
        remove_note(job.id, root, wanted)
        self._journal.vanished(job)
        log.info("job", **told, outcome="vanished")
        return "vanished"

    def _preview(self, inbox: config.Inbox, folder: Path, job: Job, result: bytes, reply: Reply, *, held: bool) -> None:
        """Only a help for the eye: the result stands already, whatever becomes of this. That of a held one waits as well."""
        try:
            if held:
                self._results.keep(held_preview(job.id), sheet(reply))
            else:
                put(folder, preview_name(result), sheet(reply), job.id)
        except OSError as error:
            log.warning("preview_not_written", job=job.id, inbox=inbox.name, error=error.errno or 0)

    def _quarantine(
        self, inbox: config.Inbox, door: Door, claimed: Claim, refused: FileRefused, told: dict[str, Any]
    ) -> Outcome:
        keep, reason = inbox.originals == "keep", refused.reason
        folder, alone = inbox.folder("quarantine"), report_path(inbox, self._journal.key, claimed.job.source)
        content = claimed.content if claimed.data else None
        with door() as root, failing_as("quarantine"):
            outcome = quarantine(
                self._journal, claimed.job, refused, root, folder, keep=keep, alone=alone, content=content
            )
        self._journal.done(claimed.job, gone=not keep)
        log.warning("job", **told, outcome=outcome, reason=reason.number, reason_name=reason.name)
        return outcome


@dataclasses.dataclass(frozen=True, slots=True)
class _Result:
    data: bytes
    container: str
    regions: int
    faceless: int
    reply: Reply | None = None
    """None where an earlier result is delivered again: its pixels are not at hand, and nothing is opened for them."""


@contextlib.contextmanager
def _timed(told: dict[str, Any], key: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    told[key] = round(time.monotonic() - start, 3)
