"""The durable record of jobs: one SQLite file (mode 0600), the only place that may hold names.

A job's life: `claimed` (row written before any work) → `placing` (the result has a temp file whose inode is known, and
a name to try) → `placed` (the result is durable) → `done` (the original is retired). After a crash the state tells what
is left to do, so that one drop gives one result. Every write is on the disk before the call returns
(synchronous=FULL), because the next step relies on it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from facewarden import files
from facewarden.errors import ALREADY_RUNNING, FOLDER, JOURNAL_DAMAGED, CannotStart
from facewarden.files import Signature
from facewarden.journal.job import COLUMNS, Job, Outcome, job_of
from facewarden.journal.schema import open_file, prepare, whole

_HAD = "state = 'done' AND outcome <> 'vanished' AND NOT gone"
"""A job whose original had its outcome and stands where it was."""
_FINISHED = f"SELECT 1 FROM jobs WHERE inbox = ? AND source = ? AND inode = ? AND size = ? AND mtime_ns = ? AND {_HAD}"  # noqa: S608 - constants
"""Asked of every file in an inbox after a start."""


class Journal:
    """The open journal; holds the lock of its state folder until closed. Thread-safe.

    Raises CannotStart: ALREADY_RUNNING where another process holds the lock, JOURNAL_DAMAGED (or missing where
    there was one), JOURNAL_NEWER, FOLDER.
    """

    def __init__(self, state: Path, *, proved: bool = True) -> None:
        """Without `proved` the caller calls `prove` before it believes anything that the journal says."""
        self._guard = threading.Lock()
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(files.lock(state / "lock"))
                self._database = opened.enter_context(contextlib.closing(open_file(state)))
                prepare(self._database)
            except BlockingIOError:
                raise CannotStart(ALREADY_RUNNING) from None
            except (OSError, sqlite3.OperationalError):
                raise _unusable() from None
            except (sqlite3.DatabaseError, UnicodeDecodeError):  # SQLite quotes a damaged schema in its errors
                raise CannotStart(JOURNAL_DAMAGED) from None
            if proved:
                self.prove()
            self._opened = opened.pop_all()

    def prove(self) -> None:
        """Read all of it. Raises CannotStart: JOURNAL_DAMAGED where SQLite finds something wrong, FOLDER where it cannot look."""
        try:
            with self._using() as database:
                if not whole(database):
                    raise CannotStart(JOURNAL_DAMAGED)
        except OSError:
            raise _unusable() from None

    def close(self) -> None:
        with self._guard:
            self._opened.close()

    def claim(self, inbox: str, source: bytes, signature: Signature, content: bytes, variant: bytes) -> Job:
        """The job of this file: the unfinished one of an earlier run, with its attempts, or a new row."""
        with self._writing() as database:
            rows = database.execute(
                f"SELECT {COLUMNS} FROM jobs WHERE inbox = ? AND source = ? AND state = 'claimed'",  # noqa: S608 - constants
                (inbox, source),
            ).fetchall()
            for job in map(job_of, rows):
                if job.signature == signature:
                    database.execute(
                        "UPDATE jobs SET content = ?, variant = ? WHERE id = ?", (content, variant, job.id)
                    )
                    return job
                _end(database, job.id, "vanished")
            row_id = secrets.token_hex(8)
            database.execute(
                "INSERT INTO jobs (id, inbox, source, inode, size, mtime_ns, content, variant, state, claimed_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'claimed', ?)",
                (row_id, inbox, source, *dataclasses.astuple(signature), content, variant, time.time()),
            )
            return Job(row_id, inbox, source, signature, "claimed", 0, None, 0, None, None, 0)

    def attempt(self, job: Job) -> int:
        """Count one more attempt before it is made; returns which one it is."""
        with self._writing() as database:
            count = "UPDATE jobs SET attempts = attempts + 1 WHERE id = ? RETURNING attempts"
            return int(database.execute(count, (job.id,)).fetchone()[0])

    def uncount(self, job: Job) -> None:
        """Take an attempt back that failed through no fault of the file (disk full, the service stopping)."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET attempts = max(attempts - 1, 0) WHERE id = ?", (job.id,))

    def placing(self, job: Job, outcome: Outcome, target: bytes, inode: int, reason: int = 0, regions: int = 0) -> None:
        """A complete file with this inode is about to get this name."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'placing', outcome = ?, target = ?, target_inode = ?, reason = ?, regions = ?"
                " WHERE id = ?",
                (outcome, target, inode, reason, regions, job.id),
            )

    def placed(self, job: Job) -> None:
        with self._writing() as database:
            database.execute("UPDATE jobs SET state = 'placed' WHERE id = ?", (job.id,))

    def skipped(self, job: Job, earlier: Job) -> None:
        """The earlier job's result stands for this one too: nothing more is delivered."""
        with self._writing() as database:
            database.execute(
                "UPDATE jobs SET state = 'placed', outcome = ?, target = ?, regions = ? WHERE id = ?",
                (earlier.outcome, earlier.target, earlier.regions, job.id),
            )

    def again(self, job: Job) -> None:
        """Back to `claimed`: its placing did not happen."""
        with self._writing() as database:
            database.execute("UPDATE jobs SET state = 'claimed', outcome = NULL, target = NULL WHERE id = ?", (job.id,))

    def done(self, job: Job, *, gone: bool = False) -> None:
        """Nothing is left to do. `gone`: the original left the inbox; what comes there under its name is a new drop."""
        with self._writing() as database:
            _end(database, job.id, None, gone=gone)

    def vanished(self, job: Job) -> None:
        """The original was taken away before its result was placed."""
        with self._writing() as database:
            _end(database, job.id, "vanished")

    def unfinished(self) -> list[Job]:
        """Jobs that an earlier run left open, oldest first."""
        return self._select("state <> 'done' ORDER BY claimed_at", ())

    def cut_off(self, inbox: str, source: bytes) -> list[Job]:
        """Jobs of this file whose last step may have happened without a note of it."""
        return self._select("inbox = ? AND source = ? AND state IN ('placing', 'placed')", (inbox, source))

    def finished(self, inbox: str, source: bytes, signature: Signature) -> bool:
        """Whether this very version of the file has had its outcome; so an original that is kept is not taken again."""
        values = (inbox, source, signature.inode, signature.size, signature.mtime_ns)
        with self._using() as database:
            return database.execute(_FINISHED, values).fetchone() is not None

    def known_again(self, inbox: str, source: bytes, signature: Signature, content: bytes) -> bool:
        """Whether this version had its outcome under another inode, as a share may give it when it is mounted anew.

        Same name, size, mtime and content: one who put the very same file there again finds its result there as well.
        The inode it has now is noted, so that the next scan knows it without reading.
        """
        same = f"inbox = ? AND source = ? AND size = ? AND mtime_ns = ? AND content = ? AND {_HAD}"
        values = (inbox, source, signature.size, signature.mtime_ns, content)
        with self._writing() as database:
            noted = database.execute(f"UPDATE jobs SET inode = ? WHERE {same}", (signature.inode, *values))  # noqa: S608
            return noted.rowcount > 0

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

    def _select(self, where: str, values: tuple[object, ...]) -> list[Job]:
        with self._using() as database:
            return [job_of(row) for row in database.execute(f"SELECT {COLUMNS} FROM jobs WHERE {where}", values)]  # noqa: S608 - constants

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as database:
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    @contextlib.contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        """Disk full or out of reach raises OSError, as any other folder that fails; damage raises CannotStart."""
        with self._guard:
            try:
                yield self._database
            except sqlite3.OperationalError as error:
                full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
                raise OSError(errno.ENOSPC if full else errno.EIO, "the journal is out of reach") from error
            except sqlite3.DatabaseError:
                raise CannotStart(JOURNAL_DAMAGED) from None


def _unusable() -> CannotStart:
    fault = "state: the journal cannot be opened or written: make room, or give the service the right"
    return CannotStart(FOLDER, (fault,))


def _end(database: sqlite3.Connection, job_id: str, outcome: Outcome | None, *, gone: bool = False) -> None:
    database.execute(
        "UPDATE jobs SET state = 'done', outcome = coalesce(?, outcome), gone = ?, ended_at = ? WHERE id = ?",
        (outcome, gone, time.time(), job_id),
    )
