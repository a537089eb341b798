"""An inbox's thread: it wakes the loop for news, and lets it sleep while nothing happens."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.rooms import drop, inbox_in

from facewarden.intake.inbox import Inbox
from facewarden.intake.rounds import Rounds
from facewarden.values import Recipe


class Watched:
    """A thread on an inbox with one old file in it, scanned every few milliseconds, and how often it woke the loop."""

    def __init__(self, folder: Path) -> None:
        self.settings = inbox_in(folder, settle=0.1, scan_every=0.2)
        drop(self.settings, b"old.jpg")
        self.woken = 0
        self.failures: list[BaseException] = []
        self.inbox = Inbox(self.settings, Recipe({}), "poll", lambda _, path, __: path == b"old.jpg")
        self.rounds = Rounds(self.inbox, self._wake, self.failures.append)

    def _wake(self) -> None:
        self.woken += 1

    def woken_since(self, before: int) -> bool:
        return self.woken > before

    def scans(self, more: int) -> None:
        """Wait until so many more scans have met the old file."""
        seen = self.inbox.walked
        wait_until(lambda: self.inbox.walked >= seen + more, "it is scanned")


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """Running; ended with the test."""
    it = Watched(tmp_path)
    it.rounds.start(watching=False)
    yield it
    it.rounds.stop()
    assert not it.failures


def test_a_scan_without_news_wakes_nobody(watched: Watched) -> None:
    """After the first scan the loop sleeps, however often the folder is scanned."""
    watched.scans(2)
    wait_until(watched.rounds.at_rest, "it rests")
    before = watched.woken
    assert before > 0
    watched.scans(5)
    assert watched.woken == before


def test_news_wake_the_loop(watched: Watched) -> None:
    """A file that came, and then a folder that went away and came back."""
    watched.scans(2)
    changes: tuple[Callable[[], object], ...] = (
        lambda: drop(watched.settings, b"new.jpg"),
        lambda: watched.settings.path.rename(watched.settings.path.with_name("away")),
        lambda: watched.settings.path.with_name("away").rename(watched.settings.path),
    )
    for change in changes:
        before = watched.woken
        change()
        wait_until(functools.partial(watched.woken_since, before), "the loop is woken")
    assert watched.inbox.ready[0].path == b"new.jpg"


def test_at_rest_is_told_when_it_is_so(watched: Watched) -> None:
    """Whoever is woken by the last news finds the thread at rest: `once` ends by that."""
    rested: list[bool] = []
    watched.rounds._wake = lambda: rested.append(not watched.rounds._busy)
    watched.rounds.note(lambda _: None)
    wait_until(lambda: any(rested), "the loop is woken by a thread at rest")
