"""Inboxes and journals as years of work leave them: many originals that are kept, many rows of jobs that are done.

The rows are written by SQL, for a million photos could not be worked on here: each holds what a photo that was delivered
leaves in it. The files are real ones, small and all different, and each has its row, as `originals: keep` leaves it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.faults.flood import tiny

from facewarden.files import Signature
from facewarden.journal import Journal

COLUMNS = (
    "id, inbox, source, inode, size, mtime_ns, content, variant, state, attempts, outcome, target, target_inode, regions,"
    " claimed_at, ended_at, gone"
)
Row = tuple[object, ...]


def keep_files(state: Path, inboxes: Iterable[tuple[str, Path]], count: int) -> None:
    """Put so many files in all into these inboxes, each by its name and folder, with a row for each in the journal."""
    places = itertools.islice(itertools.cycle(list(inboxes)), count)
    write_rows(state, (_kept(name, folder, number) for number, (name, folder) in enumerate(places)))


def write_rows(state: Path, rows: Iterable[Row]) -> None:
    """Add jobs that are done to the journal, which is made where there is none."""
    state.mkdir(mode=0o700, exist_ok=True)
    Journal(state).close()
    places = ", ".join("?" * len(COLUMNS.split(",")))
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as database:
        database.executemany(f"INSERT INTO jobs ({COLUMNS}) VALUES ({places})", rows)
        database.commit()


def rows_of_the_past(inbox: str, count: int) -> Iterator[Row]:
    """Jobs of originals that left their inbox with their result, one a second until now."""
    for number in range(count):
        yield _row(inbox, b"%d.jpg" % number, Signature(number + 1, 1000 + number, number), number, gone=True)


def _kept(inbox: str, folder: Path, number: int) -> Row:
    file = folder / f"{number}.jpg"
    file.write_bytes(tiny(number))
    return _row(inbox, file.name.encode(), Signature.of(file.stat()), number, gone=False)


def _row(inbox: str, source: bytes, seen: Signature, number: int, *, gone: bool) -> Row:
    content = hashlib.sha256(b"%d" % number).digest()
    variant, ended = content[::-1], time.time() - number
    life = ("done", 1, "published", source, number + 1, 1, ended - 1, ended, gone)
    return (content.hex()[:16], inbox, source, seen.inode, seen.size, seen.mtime_ns, content, variant, *life)
