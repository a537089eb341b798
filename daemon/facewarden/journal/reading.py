"""The journal read by another process than the service: a look that changes nothing, also while the service runs."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from facewarden.errors import JOURNAL_DAMAGED, CannotStart
from facewarden.journal.job import COLUMNS, Job, job_of
from facewarden.journal.schema import FILE


def read_jobs(state: Path) -> Iterator[Job]:
    """All jobs as they are at one moment; none where there is no journal yet.

    Raises CannotStart(JOURNAL_DAMAGED) where it cannot be read, or was written by another version.
    """
    file = state / FILE
    if not file.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(file.absolute().as_uri() + "?mode=ro", uri=True)) as database:
            for row in database.execute(f"SELECT {COLUMNS} FROM jobs ORDER BY claimed_at"):  # noqa: S608 - constants
                yield job_of(row)
    except sqlite3.DatabaseError:
        raise CannotStart(JOURNAL_DAMAGED) from None
