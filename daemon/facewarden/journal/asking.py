"""Asking: what commands beside the service want to know of single rows.

Each question goes by an index, never through all rows.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from facewarden.files import Signature
from facewarden.journal.job import COLUMNS, HAD, Job, job_of
from facewarden.journal.reading import looking, rows

Finished = Callable[[Collection[str], bytes, Signature], bool]


def jobs_of_source(state: Path, inboxes: Collection[str], source: bytes) -> list[Job]:
    """Jobs of the original at this path in an inbox, which may have had several names, oldest first.

    Raises as read_jobs does.
    """
    found = [row for inbox in inboxes for row in _jobs(state, "inbox = ? AND source = ?", (inbox, source))]
    return [job for _, job in sorted(found, key=lambda row: row[0])]


def jobs_of_target(state: Path, target: bytes) -> list[Job]:
    """Jobs whose result (or what was refused) has this path in its folder, oldest first. Raises as read_jobs does."""
    return [job for _, job in _jobs(state, "target = ?", (target,))]


def jobs_in_quarantine(state: Path) -> list[Job]:
    """All that ended in quarantine, also where a retry was cut off, oldest first. Raises as read_jobs does."""
    return [job for _, job in _jobs(state, "outcome = 'quarantined' AND state IN ('done', 'retrying')")]


def open_jobs(state: Path) -> list[Job]:
    """Jobs that have not ended. Raises as read_jobs does."""
    return [job for _, job in _jobs(state, "state <> 'done'")]


def waiting_jobs(state: Path) -> list[Job]:
    """Jobs that have something lying in a folder of the service's: held, in quarantine, or under way.

    Raises as read_jobs does.
    """
    held = [job for _, job in _jobs(state, "outcome = 'held' AND state = 'done'")]
    under_way = [job for job in open_jobs(state) if job.state != "retrying"]
    return [*under_way, *held, *jobs_in_quarantine(state)]


def is_published(state: Path, target: bytes) -> bool:
    """Whether a delivered result has this path in its outbox. Raises as read_jobs does."""
    return any(job.outcome == "published" for job in jobs_of_target(state, target))


@contextlib.contextmanager
def finished(state: Path) -> Iterator[Finished]:
    """Asks of many files whether this very version had its outcome in an inbox, which may have had several names."""
    query = f"SELECT 1 FROM jobs WHERE inbox = ? AND source = ? AND inode = ? AND size = ? AND mtime_ns = ? AND {HAD}"  # noqa: S608 - constants
    with looking(state) as database:

        def had(inboxes: Collection[str], source: bytes, seen: Signature) -> bool:
            values = (source, seen.inode, seen.size, seen.mtime_ns)
            return database is not None and any(
                database.execute(query, (inbox, *values)).fetchone() for inbox in inboxes
            )

        yield had


def _jobs(state: Path, where: str, values: tuple[object, ...] = ()) -> list[tuple[float, Job]]:
    query = f"SELECT claimed_at, {COLUMNS} FROM jobs WHERE {where} ORDER BY claimed_at"  # noqa: S608 - constants
    return [(claimed_at, job_of(tuple(row))) for claimed_at, *row in rows(state, query, values)]
