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
from facewarden.journal.schema import FILE, require_version


def read_counts(state: Path, since: float) -> dict[tuple[str, str], tuple[int, int]]:
    """How many jobs of each inbox ended in each outcome, and how many of them since a time; those open as `open`.

    Raises CannotStart(JOURNAL_DAMAGED) where it cannot be read, JOURNAL_OLDER or JOURNAL_NEWER.
    """
    counting = (
        "SELECT inbox, outcome, count(*), total(ended_at > ?) FROM jobs WHERE state = 'done' GROUP BY +inbox, +outcome"
        " UNION ALL SELECT inbox, 'open', count(*), 0 FROM jobs WHERE state <> 'done' GROUP BY 1"
    )
    return {
        (inbox, outcome): (count, int(recent)) for inbox, outcome, count, recent in _rows(state, counting, (since,))
    }


def read_ends(state: Path, begin: float, end: float) -> list[tuple[str, str, int, int, int]]:
    """Inbox, outcome, reason, count and regions of the jobs that ended in a span of time. Raises as read_jobs does."""
    query = (
        "SELECT inbox, outcome, reason, count(*), sum(regions) FROM jobs"
        " WHERE state = 'done' AND ended_at >= ? AND ended_at < ? GROUP BY 1, 2, 3"
    )
    return list(_rows(state, query, (begin, end)))


def read_job(state: Path, job_id: str) -> Job | None:
    """One job by its id. Raises CannotStart as read_jobs does."""
    query = f"SELECT {COLUMNS} FROM jobs WHERE id = ?"  # noqa: S608 - constants
    return next(map(job_of, _rows(state, query, (job_id,))), None)


def read_owed(state: Path) -> dict[str, tuple[int, float]]:
    """Of each inbox how many originals are owed to be archived or deleted, and since when. Raises as read_jobs does."""
    query = "SELECT inbox, count(*), min(ended_at) FROM jobs WHERE owed GROUP BY inbox"
    return {inbox: (count, since) for inbox, count, since in _rows(state, query)}


def read_folders(state: Path) -> list[KnownFolder]:
    """Every folder that the service noted. Raises as read_jobs does."""
    return [KnownFolder(*row) for row in _rows(state, f"SELECT {known.COLUMNS} FROM folders")]  # noqa: S608 - constants


def has_jobs(state: Path, inbox: str) -> bool:
    """Whether any row is of this inbox. Raises as read_jobs does."""
    return any(_rows(state, "SELECT 1 FROM jobs WHERE inbox = ? LIMIT 1", (inbox,)))


def read_jobs(state: Path) -> Iterator[Job]:
    """All jobs as they are at one moment; none where there is no journal yet.

    Raises CannotStart(JOURNAL_DAMAGED) where it cannot be read, JOURNAL_OLDER or JOURNAL_NEWER.
    """
    for row in _rows(state, f"SELECT {COLUMNS} FROM jobs ORDER BY claimed_at"):  # noqa: S608 - constants
        yield job_of(row)


def _rows(state: Path, query: str, values: tuple[object, ...] = ()) -> Iterator[tuple[Any, ...]]:
    file = state / FILE
    if not file.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(file.absolute().as_uri() + "?mode=ro", uri=True)) as database:
            require_version(database)
            yield from database.execute(query, values)
    except sqlite3.DatabaseError:
        raise CannotStart(JOURNAL_DAMAGED) from None
