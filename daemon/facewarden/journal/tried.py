"""Tried: how often a job was tried, and how often it failed. What was begun and did not fail was cut off."""

from __future__ import annotations

from facewarden.journal.job import Job
from facewarden.journal.opened import Opened


class Tried(Opened):
    """The open journal's part for attempts, see `Opened`."""

    def attempt(self, job: Job) -> int:
        """Count one more attempt before it is made; returns which one it is."""
        with self._writing() as database:
            count = "UPDATE jobs SET attempts = attempts + 1 WHERE id = ? RETURNING attempts"
            return int(database.execute(count, (job.id,)).fetchone()[0])

    def uncount(self, job: Job) -> None:
        """Take an attempt back that failed through no fault of the file (disk full, the service stopping)."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET attempts = max(attempts - 1, 0) WHERE id = ?", (job.id,))

    def failed(self, job: Job, reason: int) -> None:
        """Its last attempt failed for this reason, which is told when it is given up."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET failures = failures + 1, reason = ? WHERE id = ?", (reason, job.id))
