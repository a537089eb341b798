"""Attempts: how often a photo was tried, told truly whatever the journal's disk does meanwhile.

An attempt is counted when a worker is about to get the photo. One that its worker failed stays counted with its reason;
one that a full disk, a folder that is away or a stop cut short is taken back; what the service's own end cuts off stays
counted alone.
"""

from __future__ import annotations

import functools
from typing import Any

from facewarden.config.models import LimitsSection
from facewarden.delivery.binding import Binding
from facewarden.errors import CRASHED, REASONS, SERVICE_ENDED, FileRefused, Reason
from facewarden.intake.claim import Claim
from facewarden.journal import Job, Journal
from facewarden.pool import Pool, PoolStopped
from facewarden.replies import Reply
from facewarden.values import Recipe

CUT_OFF_FACTOR = 3
"""So many times `limits.attempts` the service's own end may cut off a photo.

That is its power, or its memory, far more often than the photo.
"""


class Attempts:
    """Used by several threads at a time, of which one has a job."""

    def __init__(self, journal: Journal, pool: Pool, limits: LimitsSection) -> None:
        self._journal, self._pool, self._limits = journal, pool, limits
        self._counted: set[str] = set()
        """Jobs whose last attempt was counted and has not failed: nothing else may be taken back."""
        self._owed: dict[str, Reason | None] = {}
        """Jobs whose last attempt failed for a reason that could not be noted yet; None.

        It could not be taken back yet.
        """

    def treat(
        self, claimed: Claim, recipe: Recipe, owner: str | None, binding: Binding, told: dict[str, Any]
    ) -> Reply | None:
        """Have the photo treated, several times where its reason allows; None where the service is stopping.

        Raises FileRefused for the last reason.
        """
        job = claimed.job
        failures, last = self._failures(job)
        while failures < self._limits.attempts:
            begin = functools.partial(self._begin, job, failures, told)
            try:
                return self._pool.treat(
                    claimed.data, recipe, self._limits.seconds, owner=owner, receiver=binding, begin=begin
                )
            except PoolStopped:
                self.take_back(job)
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

    def take_back(self, job: Job) -> None:
        """Take back an attempt that was counted and has not failed.

        Where the journal's own disk is full, before the next one.
        """
        if job.id in self._counted:
            self._counted.discard(job.id)
            self._owed[job.id] = None
            self._pay(job)

    def over(self, job: Job) -> None:
        """The journey ended: whatever was counted stays."""
        self._counted.discard(job.id)

    def unreadable(self, job: Job) -> bool:
        """Count a try at an original that cannot be read now; whether it is tried again."""
        return self._journal.attempt(job) < self._limits.attempts

    def _begin(self, job: Job, failures: int, told: dict[str, Any]) -> None:
        """Count an attempt. Raises FileRefused where the service ended in the middle of the photo time and again."""
        told["attempt"] = attempt = self._journal.attempt(job)
        self._counted.add(job.id)
        if attempt - failures > CUT_OFF_FACTOR * self._limits.attempts:
            raise FileRefused(SERVICE_ENDED)

    def _failures(self, job: Job) -> tuple[int, Reason]:
        """How many attempts failed, and why the last one did."""
        failed = self._owed.get(job.id)
        self._pay(job)
        return (job.failures + 1, failed) if failed else (job.failures, REASONS.get(job.reason, CRASHED))

    def _pay(self, job: Job) -> None:
        """Note what became of the last attempt. Raises OSError where the journal's disk is full: it stays owed."""
        if job.id not in self._owed:
            return
        if failed := self._owed[job.id]:
            self._journal.failed(job, failed.number)
        else:
            self._journal.uncount(job)
        del self._owed[job.id]
