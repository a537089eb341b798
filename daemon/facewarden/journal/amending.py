"""The journal amended by another process than the service, also while that runs.

Short transactions, finished jobs alone. What the service has open is its own: no row that is not `done` is touched
here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from facewarden.files import Identity
from facewarden.journal.job import COLUMNS, Job, job_of
from facewarden.journal.schema import FILE, refusal_of, require_not_lost, require_version

SECONDS = 10.0
"""How long another writer is waited for."""


def forget(state: Path, jobs: Collection[Job], *, left: Collection[Job] = ()) -> int:
    """Remove these rows, as far as they are done; returns how many went.

    `left`: those of them whose inbox left the configuration: nobody retires their originals any more, owed or not.
    """
    if not jobs:
        return 0
    anyway = {job.id for job in left}
    with amending(state) as database:
        gone = [
            database.execute(
                "DELETE FROM jobs WHERE id = ? AND state = 'done' AND (NOT owed OR ?)", (job.id, job.id in anyway)
            ).rowcount
            for job in jobs
        ]
    return sum(gone)


def retrying(state: Path, job: Job) -> None:
    """A quarantined job is about to be taken again: noted before its original moves."""
    with amending(state) as database:
        database.execute("UPDATE jobs SET state = 'retrying' WHERE id = ? AND state = 'done'", (job.id,))


def retried(state: Path, job: Job, *, moved: bool) -> None:
    """The original is back as a new drop, and the row leaves.

    Or it could not be moved, and is quarantined as before.
    """
    with amending(state) as database:
        end_retry(database, job.id, moved=moved)


def end_retry(database: sqlite3.Connection, job_id: str, *, moved: bool) -> None:
    """The statement for both sides, see `retried`."""
    change = "DELETE FROM jobs" if moved else "UPDATE jobs SET state = 'done'"
    database.execute(f"{change} WHERE id = ? AND state = 'retrying'", (job_id,))


def released(state: Path, job: Job, target: bytes, file: Identity) -> None:
    """A held job's result is in the outbox now, under this name."""
    with amending(state) as database:
        database.execute(
            "UPDATE jobs SET outcome = 'published', target = ?, target_inode = ?, target_size = ?, target_mtime_ns = ?,"
            " target_content = ?, ended_at = ? WHERE id = ? AND state = 'done' AND outcome = 'held'",
            (target, *dataclasses.astuple(file), time.time(), job.id),
        )


def ended_before(state: Path, moment: float, most: int) -> Iterator[list[Job]]:
    """Jobs that had ended by then, the first ones first, at most so many at a time; none where there is no journal yet.

    Between two of the lists nothing is held: neither all rows in memory, nor the journal from whoever writes to it.
    """
    if not require_not_lost(state):
        return
    query = (
        f"SELECT {COLUMNS}, ended_at FROM jobs WHERE state = 'done' AND ended_at < ? AND (ended_at, id) > (?, ?)"  # noqa: S608 - constants
        " ORDER BY ended_at, id LIMIT ?"
    )
    last = (-1e300, "")  # before any
    with _opened(state) as database:
        while rows := database.execute(query, (moment, *last, most)).fetchall():
            jobs = [job_of(row[:-1]) for row in rows]
            last = (rows[-1][-1], jobs[-1].id)
            yield jobs


@contextlib.contextmanager
def amending(state: Path) -> Iterator[sqlite3.Connection]:
    """One transaction, on the disk when it ends. Raises CannotStart as `_opened` does."""
    with _opened(state) as database:
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("COMMIT")


@contextlib.contextmanager
def _opened(state: Path) -> Iterator[sqlite3.Connection]:
    """The journal's file. Raises CannotStart where it is missing, damaged or another version's."""
    uri = (state / FILE).absolute().as_uri() + "?mode=rw"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=SECONDS, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous = FULL")
            require_version(database)
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal_of(error) from None
