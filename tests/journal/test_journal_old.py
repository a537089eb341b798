"""A journal with very many old rows: whoever asks for some of them goes by an index, and takes few at a time."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bench.old_files import rows_of_the_past, write_rows
from tests.rooms import quick_folder

from facewarden.journal import (
    Journal,
    ended_before,
    forget,
    is_published,
    jobs_of_source,
    jobs_of_target,
    read_counts,
    read_tallies,
    waiting_jobs,
)

ROWS = 1_000
WALKS = {"SCAN jobs", "SCAN jobs USING COVERING INDEX jobs_ended", "SCAN jobs USING INDEX jobs_by_source"}
"""How SQLite says that it goes through all rows."""


@pytest.fixture
def state() -> Iterator[Path]:
    """A journal whose jobs ended one a second until now; the last three are open."""
    with quick_folder() as folder:
        write_rows(folder, rows_of_the_past("photos", ROWS))
        with contextlib.closing(sqlite3.connect(folder / "journal.sqlite")) as database:
            database.execute("UPDATE jobs SET state = 'claimed', outcome = NULL, ended_at = NULL WHERE inode <= 3")
            database.commit()
        yield folder


def plans(work: object, state: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How SQLite finds the rows of each query that is made while the work is done."""
    queries: list[str] = []
    connect = sqlite3.connect

    def listening(*arguments: object, **named: object) -> sqlite3.Connection:
        database = connect(*arguments, **named)  # type: ignore[call-overload]
        database.set_trace_callback(queries.append)
        return database  # type: ignore[no-any-return]

    monkeypatch.setattr(sqlite3, "connect", listening)
    assert callable(work)
    work()
    monkeypatch.undo()
    with contextlib.closing(connect(state / "journal.sqlite")) as database:
        asked = [query for query in queries if query.startswith("SELECT")]
        return [row[3] for query in asked for row in database.execute("EXPLAIN QUERY PLAN " + query)]


def test_no_question_walks_through_the_table(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what a start asks, not the day's account, not forgetting; the status has its counts ready."""
    now = time.time()

    def start() -> None:
        with contextlib.closing(Journal(state)) as journal:
            assert len(journal.unfinished()) == 3

    assert plans(start, state, monkeypatch)[0] == "SCAN jobs USING INDEX jobs_open"
    for work in (
        lambda: list(ended_before(state, now - 500, 100)),
        lambda: read_counts(state, now),
        lambda: read_tallies(state),
        lambda: jobs_of_source(state, ["photos"], b"5.jpg"),
        lambda: jobs_of_target(state, b"5.jpg"),
        lambda: waiting_jobs(state),
        lambda: is_published(state, b"5.jpg"),
    ):
        assert not WALKS & set(plans(work, state, monkeypatch))


def test_counts_are_those_of_all_rows(state: Path) -> None:
    """Ended and open ones, and of those that ended how many did so lately."""
    counts = read_counts(state, time.time() - 99.5)
    assert counts == {("photos", "published"): (ROWS - 3, 97), ("photos", "open"): (3, 0)}


def test_old_rows_come_in_batches(state: Path) -> None:
    """Each once, the oldest first, never more than asked for at a time, also where many ended in the same moment."""
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as database:
        database.execute("UPDATE jobs SET ended_at = 1000.5 WHERE inode > 700")
        database.commit()
    batches = list(ended_before(state, time.time() - 499.5, 64))
    assert [len(batch) for batch in batches[:-1]] == [64] * (len(batches) - 1)
    inodes = [job.signature.inode for batch in batches for job in batch]
    assert sorted(inodes) == list(range(501, ROWS + 1))
    assert set(inodes[:300]) == set(range(701, ROWS + 1))
    assert inodes[300:] == sorted(inodes[300:], reverse=True)


def test_rows_may_leave_and_come_between_batches(state: Path) -> None:
    """Nothing is held meanwhile: neither who forgets nor the service waits, and no row is passed over."""
    before = time.time() + 1
    seen = 0
    with contextlib.closing(Journal(state)) as journal:
        for batch in ended_before(state, before, 100):
            seen += len(batch)
            assert forget(state, batch) == len(batch)
            journal.vanished(journal.unfinished()[0]) if seen == 100 else None
    assert seen == ROWS - 2, "one that ended meanwhile is old by then"
    assert sum(count for count, _ in read_counts(state, 0).values()) == 2
