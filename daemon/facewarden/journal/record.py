"""The durable record of jobs: one SQLite file (mode 0600), the only place that may hold names.

A job's life: `claimed` (row written before any work) → `placing` (the result has a temp file whose inode is known,
and a name to try) → `placed` (the result is durable) → `done` (the original is retired). After a crash the state
tells what is left to do, so that one drop gives one result. An original that cannot be retired yet is owed: its job is
done, and the retiring is tried again. Every write is on the disk before the call returns (synchronous=FULL), because
the next step relies on it.
"""

from __future__ import annotations

import dataclasses
import secrets
import sqlite3
import time

from facewarden.files import Identity, Signature
from facewarden.journal.amending import end_retry
from facewarden.journal.job import COLUMNS, HAD, Job, Outcome, job_of
from facewarden.journal.tried import Tried

_FINISHED = (
    "SELECT 1 FROM jobs WHERE inbox = ?1 AND source = ?2 AND inode = ?3 AND size = ?4 AND mtime_ns = ?5"  # noqa: S608 - constants
    f" AND ifnull(ctime_ns, ?6) = ?6 AND {HAD}"
)
"""Asked of every file in an inbox after a start."""


class Journal(Tried):
    """The open journal, see `Opened`."""

    def claim(
        self, inbox: str, source: bytes, signature: Signature, content: bytes, variant: bytes, root: int | None = None
    ) -> Job:
        """The job of this file: the unfinished one of an earlier run, with its attempts, or a new row.

        `root` is the number of the inbox's folder (`files.folder_id`): only that folder can prove later that the
        original has gone.
        """
        with self._writing() as database:
            rows = database.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE inbox = ? AND source = ? AND state = 'claimed'",  # noqa: S608 - constants
                (inbox, source),
            ).fetchall()
            for job in map(job_of, rows):
                if job.signature == signature:
                    database.execute(
                        "UPDATE jobs SET content = ?, variant = ?, root = ?, ctime_ns = ? WHERE id = ?",
                        (content, variant, root, signature.ctime_ns, job.id),
                    )
                    return dataclasses.replace(job, content=content, root=root)
                _end(database, job.id, "vanished")
            row_id = secrets.token_hex(8)
            database.execute(
                "INSERT INTO jobs"
                " (id, inbox, source, inode, size, mtime_ns, ctime_ns, content, variant, root, state, claimed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'claimed', ?)",
                (row_id, inbox, source, *dataclasses.astuple(signature), content, variant, root, time.time()),
            )
            return Job(row_id, inbox, source, signature, content, root)

    def placing(
        self,
        job: Job,
        outcome: Outcome,
        target: bytes,
        file: Identity,
        reason: int = 0,
        regions: int = 0,
        faceless: int = 0,
    ) -> None:
        """This complete file is about to get this name. `faceless`: pages (or photos: 1) in which no face was found."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'placing', outcome = ?, target = ?, target_inode = ?, target_size = ?,"
                " target_mtime_ns = ?, target_content = ?, reason = ?, regions = ?, faceless = ? WHERE id = ?",
                (outcome, target, *dataclasses.astuple(file), reason, regions, faceless, job.id),
            )

    def placed(self, job: Job) -> None:
        with self._writing() as database:
            database.execute("UPDATE jobs SET state = 'placed' WHERE id = ?", (job.id,))

    def skipped(self, job: Job, earlier: Job) -> None:
        """The earlier job's result stands for this one too: nothing more is delivered."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'placed', (outcome, target, target_inode, target_size, target_mtime_ns,"
                " target_content, regions, faceless) = (SELECT outcome, target, target_inode, target_size, target_mtime_ns,"
                " target_content, regions, faceless FROM jobs WHERE id = ?) WHERE id = ?",
                (earlier.id, job.id),
            )

    def again(self, job: Job) -> None:
        """Back to `claimed`: its placing did not happen."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET state = 'claimed', outcome = NULL, target = NULL WHERE id = ?", (job.id,))

    def done(self, job: Job, *, gone: bool = False, owed: bool = False) -> None:
        """It has its outcome. `gone`: the original left the inbox; what comes there under its name is a new drop.

        `owed`: it could not be retired yet, see `owed`.
        """
        with self._writing() as database:
            _end(database, job.id, None, gone=gone, owed=owed)

    def vanished(self, job: Job) -> None:
        """The original was taken away before its result was placed."""
        with self._writing() as database:
            _end(database, job.id, "vanished")

    def superseded(self, job: Job) -> None:
        """Its original was changed after it was read.

        What stands there now is a drop of its own, and this result out of date.
        """
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'done', outcome = 'superseded', gone = 1, owed = 0, ended_at = ? WHERE id = ?",
                (time.time(), job.id),
            )

    def owed(self, inbox: str) -> list[Job]:
        """Jobs that are done but for retiring the original, oldest first."""
        return self._select("owed AND inbox = ? ORDER BY ended_at", (inbox,))

    def retired(self, job: Job, *, gone: bool) -> None:
        """The original that was owed is where it should be. When its job ended stays as it was."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET owed = 0, gone = ? WHERE id = ?", (gone, job.id))

    def unfinished(self) -> list[Job]:
        """Jobs that an earlier run left open, oldest first."""
        return self._select("state <> 'done' ORDER BY claimed_at", ())

    def cut_off(self, inbox: str, source: bytes) -> list[Job]:
        """Jobs of this file whose last step may have happened without a note of it."""
        return self._select("inbox = ? AND source = ? AND state IN ('placing', 'placed', 'retrying')", (inbox, source))

    def finished(self, inbox: str, source: bytes, signature: Signature) -> bool:
        """Whether this very version of the file has had its outcome, and nobody touched it since.

        So an original that is kept is not taken again. One that was touched is read once more, and known by its
        content.
        """
        values = (inbox, source, *dataclasses.astuple(signature))
        with self._using() as database:
            return database.execute(_FINISHED, values).fetchone() is not None

    def same_content(self, inbox: str, content: bytes) -> list[Job]:
        """Jobs of this inbox with this content whose originals had their outcome and were not retired, oldest first."""
        return self._select(f"content = ? AND inbox = ? AND {HAD} ORDER BY ended_at", (content, inbox))

    def same_drop(self, job: Job, earlier: Job) -> None:
        """What was claimed as `job` is the original of `earlier`, seen anew: that is noted, and the job leaves."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET source = ?, inode = ?, size = ?, mtime_ns = ?, ctime_ns = ?, root = ? WHERE id = ?",
                (job.source, *dataclasses.astuple(job.signature), job.root, earlier.id),
            )
            database.execute("DELETE FROM jobs WHERE id = ?", (job.id,))

    def renamed(self, job: Job, source: bytes) -> None:
        """The job's original has another name now."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET source = ? WHERE id = ?", (source, job.id))

    def quarantined_since(self, moment: float, most: int) -> list[Job]:
        """Jobs that ended in quarantine since then, and whose originals were moved there: the latest ones."""
        where = "state = 'done' AND ended_at >= ? AND outcome = 'quarantined' AND gone ORDER BY ended_at DESC LIMIT ?"
        return self._select(where, (moment, most))

    def refused(self, job: Job) -> list[Job]:
        """Other jobs under this one's name that were refused, and whose originals were kept there."""
        where = f"inbox = ? AND source = ? AND id <> ? AND outcome = 'quarantined' AND {HAD}"
        return self._select(where, (job.inbox, job.source, job.id))

    def retried(self, job: Job, *, moved: bool) -> None:
        """As `amending.retried`, for a retry that was cut off."""
        with self._writing() as database:
            end_retry(database, job.id, moved=moved)

    def earlier(self, content: bytes, variant: bytes) -> list[Job]:
        """Jobs with the same content and variant whose result was delivered or held, newest first."""
        where = "content = ? AND variant = ? AND outcome IN ('published', 'held') AND state = 'done' ORDER BY ended_at DESC LIMIT 20"
        return self._select(where, (content, variant))

    def amended(self) -> int:
        """A number that differs when another process wrote to the journal meanwhile (PRAGMA data_version)."""
        with self._using() as database:
            return int(database.execute("PRAGMA data_version").fetchone()[0])

    def counts(self) -> dict[str, int]:
        """How many jobs ended in each outcome; `open` counts those that have not ended."""
        with self._using() as database:
            return dict(
                database.execute(
                    "SELECT CASE state WHEN 'done' THEN outcome ELSE 'open' END, count(*) FROM jobs GROUP BY 1"
                )
            )


def _end(
    database: sqlite3.Connection, job_id: str, outcome: Outcome | None, *, gone: bool = False, owed: bool = False
) -> None:
    database.execute(
        "UPDATE jobs SET state = 'done', outcome = coalesce(?, outcome), gone = ?, owed = ?,"
        " ended_at = coalesce(ended_at, ?) WHERE id = ?",
        (outcome, gone, owed, time.time(), job_id),
    )
