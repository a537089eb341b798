"""The journal read by another process than the service: a look that changes nothing, also while the service runs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facewarden.errors import JOURNAL_DAMAGED, CannotStart
from facewarden.journal import known
from facewarden.journal.job import COLUMNS, Job, job_of
from facewarden.journal.known import KnownFolder
from facewarden.journal.schema import FILE, refusal_of, require_not_lost, require_version, whole


def read_counts(state: Path, since: float) -> dict[tuple[str, str], tuple[int, int]]:
    """How many jobs of each inbox ended in each outcome, and how many of them since a time; those open as `open`.

    Raises CannotStart: JOURNAL_DAMAGED, JOURNAL_OLDER, JOURNAL_NEWER, or FOLDER where it cannot be reached.
    """
    query = (
        "SELECT inbox, outcome, count, 0 FROM totals"
        " UNION ALL SELECT inbox, 'open', count(*), 0 FROM jobs WHERE state <> 'done' GROUP BY inbox"
        " UNION ALL SELECT inbox, outcome, 0, count(*) FROM jobs WHERE state = 'done' AND ended_at > ? GROUP BY +inbox, +outcome"
    )
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for inbox, outcome, count, recent in rows(state, query, (since,)):
        before = counts.get((inbox, outcome), (0, 0))
        counts[inbox, outcome] = (before[0] + count, before[1] + recent)
    return {key: both for key, both in counts.items() if any(both)}


def read_job(state: Path, job_id: str) -> Job | None:
    """One job by its id. Raises CannotStart as read_jobs does."""
    query = f"SELECT {COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608 - constants
    return next(map(job_of, rows(state, query, (job_id,))), None)


def read_owed(state: Path) -> dict[str, tuple[int, float]]:
    """Of each inbox how many originals are owed to be archived or deleted, and since when. Raises as read_jobs does."""
    query = "SELECT inbox, count(*), min(ended_at) FROM jobs WHERE owed GROUP BY inbox"
    return {inbox: (count, since) for inbox, count, since in rows(state, query)}


def read_folders(state: Path) -> list[KnownFolder]:
    """Every folder that the service noted. Raises as read_jobs does."""
    return [KnownFolder(*row) for row in rows(state, f"SELECT {known.COLUMNS} FROM folders")]  # noqa: S608 - constants


def has_jobs(state: Path, inbox: str) -> bool:
    """Whether any row is of this inbox. Raises as read_jobs does."""
    return any(rows(state, "SELECT 1 FROM jobs WHERE inbox = ? LIMIT 1", (inbox,)))


def read_jobs(state: Path) -> Iterator[Job]:
    """All jobs as they are at one moment; none where there is no journal yet.

    Raises CannotStart: JOURNAL_DAMAGED, JOURNAL_OLDER, JOURNAL_NEWER, or FOLDER where it cannot be reached.
    """
    for row in rows(state, f"SELECT {COLUMNS} FROM jobs ORDER BY claimed_at"):  # noqa: S608 - constants
        yield job_of(row)


def prove(state: Path) -> bool:
    """Read all of it; False where there is no journal yet. Raises CannotStart as read_jobs does."""
    with looking(state) as database:
        if database is not None and not whole(database):
            raise CannotStart(JOURNAL_DAMAGED)
        return database is not None


def rows(state: Path, query: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """What a query finds; nothing where there is no journal yet. Raises CannotStart as read_jobs does."""
    with looking(state) as database:
        if database is not None:
            yield from database.execute(query, values)


@contextlib.contextmanager
def looking(state: Path) -> Iterator[sqlite3.Connection | None]:
    """The journal for reading; None where there is none yet. Raises CannotStart as read_jobs does."""
    if not require_not_lost(state):
        yield None
        return
    try:
        with contextlib.closing(_opened(state / FILE)) as database:
            yield database
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise refusal_of(error) from None


def _opened(file: Path) -> sqlite3.Connection:
    """The journal for reading, of this version.

    SQLite notes who reads in a file beside the journal, which it cannot make on a full or read-only disk. Where nothing
    is left to be read beside the journal, nobody has it open, and it is read as it stands.
    """
    try:
        return _of_this_version(file, "mode=ro")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
            raise
        if (beside := file.with_name(f"{FILE}-wal")).exists() and beside.stat().st_size:
            raise
        return _of_this_version(file, "mode=ro&immutable=1")


def _of_this_version(file: Path, how: str) -> sqlite3.Connection:
    database = sqlite3.connect(f"{file.absolute().as_uri()}?{how}", uri=True)
    try:
        require_version(database)
    except BaseException:
        database.close()
        raise
    return database
