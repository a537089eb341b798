"""Is the service alive? Each part must get on: scans, journal, pool; and only then is systemd told."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import structlog.testing
from tests.daemon import wait_until
from tests.rooms import inbox_in
from tests.systemd import Ear

from facewarden.intake.inbox import Inbox
from facewarden.journal import Journal
from facewarden.observe.heartbeat import MARGIN, Heartbeat, Signs, standing_still
from facewarden.observe.systemd import Notifier
from facewarden.pool import LocalPool, Pool
from facewarden.values import Recipe

Portrait = Callable[[int], bytes]

NOW = 1000.0
LATE = NOW - MARGIN - 1
WELL = Signs(walked=7, scan_due=NOW + 20, journal=True, pool_due=math.inf)


@pytest.mark.parametrize(
    ("signs", "still"),
    [
        (WELL, []),
        (Signs(7, NOW - 1, journal=True, pool_due=math.inf), []),
        (Signs(7, LATE, journal=True, pool_due=math.inf), ["scan_stands_still"]),
        (Signs(8, LATE, journal=True, pool_due=math.inf), []),
        (Signs(7, NOW + 20, journal=False, pool_due=math.inf), ["journal_stands_still"]),
        (Signs(7, NOW + 20, journal=True, pool_due=NOW + 300), []),
        (Signs(7, NOW + 20, journal=True, pool_due=NOW - 1), []),
        (Signs(7, NOW + 20, journal=True, pool_due=LATE), ["pool_stands_still"]),
        (Signs(7, NOW + 20, journal=True, pool_due=-math.inf), ["pool_stands_still"]),
        (Signs(7, LATE, False, LATE), ["scan_stands_still", "journal_stands_still", "pool_stands_still"]),
    ],
)
def test_each_part_must_get_on(signs: Signs, still: list[str]) -> None:
    """A scan that is overdue without walking, a silent journal, a pool past all deadlines: each alone is a standstill."""
    assert standing_still(signs, 7, NOW) == still


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    """Systemd's end of the socket."""
    with contextlib.closing(Ear(str(tmp_path / "notify"))) as it:
        yield it


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    state = tmp_path / "state"
    state.mkdir()
    with contextlib.closing(Journal(state)) as opened:
        yield opened


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    """An inbox that was scanned at NOW."""
    it = Inbox(inbox_in(tmp_path), Recipe({}), "poll", lambda *_: False)
    it.scan(NOW)
    return it


def words(ear: Ear) -> list[str]:
    """The first lines of the messages that came meanwhile."""
    before = len(ear.heard)
    ear.clear()
    return [message.lines[0] for message in ear.heard[before:]]


def test_it_beats_at_half_the_watchdog_s_time(ear: Ear, journal: Journal, pool: Pool, inbox: Inbox) -> None:
    """From ready to stopping there is one message each interval, and between them nothing, however often it is asked."""
    pulse = Heartbeat(Notifier(ear.address, watchdog=20), journal, pool, [inbox])
    pulse.beat(NOW)
    assert words(ear) == []
    pulse.ready(NOW)
    assert words(ear) == ["READY=1"]
    for later in (1, 9, 10, 11, 15, 20, 29):
        pulse.beat(NOW + later)
    assert words(ear) == ["WATCHDOG=1"] * 2
    pulse.stopping()
    pulse.beat(NOW + 100)
    assert words(ear) == ["STOPPING=1"]


def test_the_loop_may_rest_until_something_is_due(ear: Ear, journal: Journal, pool: Pool, inbox: Inbox) -> None:
    """Until systemd is told next, or what is done beside the photos is due, whichever comes first."""
    pulse = Heartbeat(Notifier(ear.address, watchdog=20), journal, pool, [inbox], lambda now: NOW + 13)
    assert pulse.beat(NOW) == NOW + 13
    pulse.ready(NOW)
    assert pulse.beat(NOW + 1) == NOW + 10
    assert pulse.beat(NOW + 10) == NOW + 13
    assert Heartbeat(Notifier(), journal, pool, [inbox]).beat(NOW) == math.inf


def test_without_a_watchdog_it_tells_counts_alone(ear: Ear, journal: Journal, pool: Pool, inbox: Inbox) -> None:
    """Where nobody waits for the pulse, the status is told all the same, with what has ended until then."""
    pulse = Heartbeat(Notifier(ear.address), journal, pool, [inbox])
    pulse.ready(NOW)
    for outcome in ("published", "published", "quarantined", "again", "vanished"):
        pulse.ended(outcome)
    inbox.failed(NOW)
    pulse.beat(NOW + 30)
    assert words(ear)[1:] == [
        "STATUS=published 2, held 0, quarantined 1, waiting 0, open 0, out of reach 1",
    ]


def test_a_journal_that_fails_stops_the_pulse(
    ear: Ear, journal: Journal, pool: Pool, inbox: Inbox, tmp_path: Path
) -> None:
    """While the journal does not answer nothing is told; once it does again, so does the pulse, a few seconds later."""
    pulse = Heartbeat(Notifier(ear.address, watchdog=20), journal, pool, [inbox])
    pulse.ready(NOW)
    with contextlib.closing(sqlite3.connect(tmp_path / "state/journal.sqlite")) as other:
        other.execute("ALTER TABLE jobs RENAME TO away")
        with structlog.testing.capture_logs() as told:
            pulse.beat(NOW + 10)
        other.execute("ALTER TABLE away RENAME TO jobs")
    assert told == [{"event": "journal_stands_still", "log_level": "error"}]
    pulse.beat(NOW + 12)
    assert words(ear) == ["READY=1"]
    pulse.beat(NOW + 15)
    assert words(ear) == ["WATCHDOG=1"]


def test_a_pool_without_workers_stops_the_pulse(ear: Ear, journal: Journal, inbox: Inbox) -> None:
    """A pool that has no worker, and starts none, is not alive."""
    pulse = Heartbeat(Notifier(ear.address, watchdog=20), journal, LocalPool(1), [inbox])
    pulse.ready(NOW)
    with structlog.testing.capture_logs() as told:
        pulse.beat(NOW + 10)
    assert [line["event"] for line in told] == ["pool_stands_still"]
    assert words(ear) == ["READY=1"]


def test_a_long_walk_is_no_standstill(ear: Ear, journal: Journal, pool: Pool, inbox: Inbox) -> None:
    """While a scan walks through many files for minutes the pulse goes on, though all scans are overdue, and no longer."""
    pulse = Heartbeat(Notifier(ear.address, watchdog=20), journal, pool, [inbox])
    pulse.ready(NOW)
    inbox.next_scan = NOW
    for minutes in range(1, 6):
        inbox.walked += 1
        pulse.beat(NOW + 60 * minutes)
    assert words(ear) == ["READY=1"] + ["WATCHDOG=1"] * 5
    pulse.beat(NOW + 400)
    assert words(ear) == []


def test_a_busy_pool_is_due_at_its_deadline(pool: LocalPool, portrait: Portrait) -> None:
    """An idle pool may be silent for ever; one whose only worker has a photo until that photo's deadline."""
    assert pool.due == math.inf
    (worker,) = pool.pids()
    os.kill(worker, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(1) as carrier:
            recipe = Recipe({"blazeface": 0.3}, smallest_face=40)
            reply = carrier.submit(pool.treat, portrait(1), recipe, 60, owner="test")
            due = wait_until(lambda: pool.due < math.inf and pool.due, "the photo is under way")
            assert 0 < due - time.monotonic() < 60
            os.kill(worker, signal.SIGCONT)
            assert reply.result().picture.frames
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has died
            os.kill(worker, signal.SIGCONT)
    wait_until(lambda: pool.due == math.inf, "the pool is idle again")
