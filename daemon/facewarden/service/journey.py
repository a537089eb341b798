"""One photo's journey from claim to retired original, in the order that keeps the promises.

Nothing is moved or changed before the result is durable; every attempt is in the journal before it is made; whatever
goes wrong ends in quarantine with a reason, or leaves the original where it is for another try.
"""

from __future__ import annotations

import dataclasses
import errno
import time
from typing import Any, Literal

import structlog

from facewarden import config, logs
from facewarden.config.models import LimitsSection
from facewarden.decide.retry import supersede
from facewarden.delivery.binding import Binding
from facewarden.delivery.containers import container_of
from facewarden.delivery.placing import stands
from facewarden.delivery.results import Results
from facewarden.errors import FileRefused
from facewarden.files.failing import Role, role_of
from facewarden.intake.claim import Claim, NotSettledError, claim
from facewarden.intake.doors import Door
from facewarden.intake.settle import Settled
from facewarden.journal import Job, Journal, Outcome
from facewarden.outcomes import FOLDERS
from facewarden.pool import Pool, PoolStopped
from facewarden.service.attempts import Attempts
from facewarden.service.destination import Destination, Result, timed
from facewarden.service.drops import known_again
from facewarden.service.duplicates import Duplicates
from facewarden.service.recovery import resume
from facewarden.values import Recipe

log = structlog.get_logger()


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
        self._journal, self._results, self._seconds = journal, results, limits.seconds
        self._attempts = Attempts(journal, pool, limits)
        self._turns = Duplicates()

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
        destination = Destination(self._journal, self._results, inbox, door, claimed, told)
        if claimed.refusal:
            if claimed.refusal.retry and self._attempts.unreadable(claimed.job):
                raise OSError(errno.EIO, "the original cannot be read now")
            return destination.quarantine(FileRefused(claimed.refusal))
        if outcome := self._deliver_earlier(destination):
            return outcome
        try:
            return self._deliver_new(destination, recipe)
        except (OSError, PoolStopped):
            # A folder that is full or away is no fault of the photo, nor is a stop.
            self._attempts.take_back(claimed.job)
            raise
        finally:
            self._attempts.over(claimed.job)

    def _deliver_new(self, destination: Destination, recipe: Recipe) -> Outcome | Literal["again"]:
        inbox, told = destination.inbox, destination.told
        binding = Binding(inbox.output, shown=bool(inbox.preview), seconds=self._seconds)
        owner = inbox.name if inbox.worker_for == "inbox" else None
        try:
            reply = self._attempts.treat(destination.claimed, recipe, owner, binding, told)
            if reply is None:
                return "again"
            with timed(told, "encode_s"):
                container, data = binding.result(reply)
        except FileRefused as refused:
            return destination.quarantine(refused)
        told |= {"frames": len(reply.picture.frames), "regions": reply.region_count, "second_look": reply.second_look}
        told |= {f"{stage}_s": round(seconds, 3) for stage, seconds in reply.seconds.items()}
        self._keep(destination.job, data)
        return self._publish(destination, Result(data, container, reply.region_count, reply.faceless, reply))

    def _keep(self, job: Job, data: bytes) -> None:
        """Before it is published: afterwards the next drop of the same content may already ask for it.

        Where there is no room the next drop is worked on anew.
        """
        try:
            self._results.keep(job.id, data)
        except OSError as error:
            log.warning("result_not_kept", job=job.id, error=error.errno or 0)

    def _deliver_earlier(self, destination: Destination) -> Outcome | None:
        """Deliver the result that the same content gave before; None where there is none any more."""
        inbox, claimed = destination.inbox, destination.claimed
        for earlier in self._journal.earlier(claimed.content, claimed.variant):
            assert earlier.outcome is not None
            assert earlier.target is not None
            again = dataclasses.replace(
                destination, told=destination.told | {"duplicate": True, "regions": earlier.regions}
            )
            if inbox.duplicates == "skip" and earlier.inbox == inbox.name and self._may_skip(inbox, earlier):
                self._journal.skipped(claimed.job, earlier)
                again.conclude()
                log.info("job", **again.told, outcome=earlier.outcome)
                return earlier.outcome
            if data := self._results.take(earlier.id):
                result = Result(data, container_of(earlier.target), earlier.regions, earlier.faceless)
                return self._publish(again, result)
        return None

    def _may_skip(self, inbox: config.Inbox, earlier: Job) -> bool:
        """Of a photo that is deleted then, the earlier result must stand: it would be all that is left."""
        return inbox.originals != "delete" or stands(earlier, inbox.folder(FOLDERS[earlier.outcome]), self._journal.key)

    def _publish(self, destination: Destination, result: Result) -> Outcome:
        if self._halted:
            raise PoolStopped
        return destination.publish(result)
