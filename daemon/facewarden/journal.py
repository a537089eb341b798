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
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from facewarden import files
from facewarden.errors import ALREADY_RUNNING, FOLDER, JOURNAL_DAMAGED, JOURNAL_NEWER, CannotStart
from facewarden.files import Signature

State = Literal["claimed", "placing", "placed", "done"]
Outcome = Literal["published", "held", "quarantined", "vanished"]

SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    inbox TEXT NOT NULL,
    source BLOB NOT NULL,
    inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    content BLOB NOT NULL,
    variant BLOB NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    outcome TEXT, reason INTEGER NOT NULL DEFAULT 0,
    target BLOB, target_inode INTEGER,
    regions INTEGER NOT NULL DEFAULT 0,
    claimed_at REAL NOT NULL, ended_at REAL
) STRICT;
CREATE INDEX jobs_by_source ON jobs (inbox, source);
CREATE INDEX jobs_by_content ON jobs (content, variant) WHERE outcome IN ('published', 'held');
CREATE INDEX jobs_open ON jobs (inbox) WHERE state <> 'done';
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One original's journey as the journal knows it. `source` and `target` are relative to their folders."""

    id: str
    inbox: str
    source: bytes
    signature: Signature
    state: State
    attempts: int
    outcome: Outcome | None
    reason: int
    target: bytes | None
    target_inode: int | None
    regions: int


_COLUMNS = "id, inbox, source, inode, size, mtime_ns, state, attempts, outcome, reason, target, target_inode, regions"


class Journal:
    """The open journal; holds the lock of its state folder until closed. Thread-safe.

    Raises CannotStart: ALREADY_RUNNING where another process holds the lock, JOURNAL_DAMAGED, JOURNAL_NEWER, FOLDER.
    """

    def __init__(self, state: Path) -> None:
        with contextlib.ExitStack() as opened:
            try:
                opened.enter_context(files.lock(state / "lock"))
                self._database = opened.enter_context(contextlib.closing(_open(state / "journal.sqlite")))
                self._prepare()
            except BlockingIOError:
                raise CannotStart(ALREADY_RUNNING) from None
            except (OSError, sqlite3.OperationalError):
                fault = "state: the journal cannot be opened or written: make room, or give the service the right"
                raise CannotStart(FOLDER, (fault,)) from None
            except (sqlite3.DatabaseError, UnicodeDecodeError):  # SQLite quotes a damaged schema in its errors
                raise CannotStart(JOURNAL_DAMAGED) from None
            self._opened = opened.pop_all()
        self._guard = threading.Lock()

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise CannotStart(JOURNAL_NEWER)
        if version == 0:
            self._database.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        ours = self._database.execute("PRAGMA table_info(jobs)").fetchone()
        if not ours or self._database.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
            raise sqlite3.DatabaseError

    def close(self) -> None:
        with self._guard:
            self._opened.close()

    def claim(self, inbox: str, source: bytes, signature: Signature, content: bytes, variant: bytes) -> Job:
        """The job of this file: the unfinished one of an earlier run, with its attempts, or a new row."""
        with self._writing() as database:
            rows = database.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE inbox = ? AND source = ? AND state = 'claimed'",  # noqa: S608 - constants
                (inbox, source),
            ).fetchall()
            for job in map(_job, rows):
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

    def done(self, job: Job) -> None:
        """The original is retired: nothing is left to do."""
        with self._writing() as database:
            _end(database, job.id, None)

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
        where = "inbox = ? AND source = ? AND inode = ? AND size = ? AND mtime_ns = ? AND state = 'done' AND outcome <> 'vanished' LIMIT 1"
        return bool(self._select(where, (inbox, source, *dataclasses.astuple(signature))))

    def earlier(self, content: bytes, variant: bytes) -> list[Job]:
        """Jobs with the same content and variant whose result was delivered or held, newest first."""
        where = "content = ? AND variant = ? AND outcome IN ('published', 'held') AND state = 'done' ORDER BY ended_at DESC LIMIT 20"
        return self._select(where, (content, variant))

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
            return [_job(row) for row in database.execute(f"SELECT {_COLUMNS} FROM jobs WHERE {where}", values)]  # noqa: S608 - constants

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
                raise OSError(errno.EIO, "the journal is out of reach") from error
            except sqlite3.DatabaseError:
                raise CannotStart(JOURNAL_DAMAGED) from None


def _job(row: tuple[object, ...]) -> Job:
    identity, inbox, source, inode, size, mtime_ns, *rest = row
    return Job(identity, inbox, source, Signature(inode, size, mtime_ns), *rest)  # type: ignore[arg-type]


def _end(database: sqlite3.Connection, job_id: str, outcome: Outcome | None) -> None:
    database.execute(
        "UPDATE jobs SET state = 'done', outcome = coalesce(?, outcome), ended_at = ? WHERE id = ?",
        (outcome, time.time(), job_id),
    )


def _open(file: Path) -> sqlite3.Connection:
    # Created by us with its mode, because SQLite would follow the umask; its other files take the mode of this one.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(file, check_same_thread=False, isolation_level=None)
