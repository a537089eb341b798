"""Noting: days that are over leave the counts and become lines of the ledger, in one transaction, and none twice."""

from __future__ import annotations

import contextlib
import dataclasses
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from facewarden.journal.amending import amending
from facewarden.journal.reading import rows


@dataclasses.dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs of an inbox ended so on a day, and how many regions they hide.

    Less than none where some were taken back.
    """

    day: str
    inbox: str
    outcome: str
    reason: int
    count: int
    regions: int


@dataclasses.dataclass(frozen=True, slots=True)
class SelfTests:
    """How many of a day's self-tests found all drawn faces, and how many missed one."""

    day: str
    found: int
    missed: int


_TALLIES = "SELECT day, inbox, outcome, reason, count, regions FROM tallies WHERE count OR regions"
_TESTS = "SELECT day, found, missed FROM days"
_LINES = "SELECT line FROM ledger ORDER BY number"


class Noting:
    """The ledger's part of the journal, in an open transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def lines(self) -> list[str]:
        return [line for (line,) in self._database.execute(_LINES)]

    def tallies(self) -> list[Tally]:
        return [Tally(*row) for row in self._database.execute(_TALLIES)]

    def tests(self) -> list[SelfTests]:
        return [SelfTests(*row) for row in self._database.execute(_TESTS)]

    def add(self, line: str) -> None:
        """One more line, after all others."""
        self._database.execute("INSERT INTO ledger (line) VALUES (?)", (line,))

    def clear(self, day: str) -> None:
        """All of this day is noted."""
        self._database.execute("DELETE FROM tallies WHERE day = ?", (day,))
        self._database.execute("DELETE FROM days WHERE day = ?", (day,))

    def lower(self, tally: Tally, count: int, regions: int) -> None:
        """So many of a tally were noted elsewhere."""
        self._database.execute(
            "UPDATE tallies SET count = count - ?, regions = regions - ?"
            " WHERE day = ? AND inbox = ? AND outcome = ? AND reason = ?",
            (count, regions, tally.day, tally.inbox, tally.outcome, tally.reason),
        )


@contextlib.contextmanager
def noting(state: Path) -> Iterator[Noting]:
    """One transaction, on the disk when it ends. Raises CannotStart."""
    with amending(state) as database:
        yield Noting(database)


def read_tallies(state: Path) -> list[Tally]:
    """What no line of the ledger has yet. Raises CannotStart as read_jobs does."""
    return [Tally(*row) for row in rows(state, _TALLIES)]


def read_tests(state: Path) -> list[SelfTests]:
    """Self-tests that no line of the ledger has yet. Raises CannotStart as read_jobs does."""
    return [SelfTests(*row) for row in rows(state, _TESTS)]


def read_lines(state: Path) -> list[str]:
    """The ledger's lines as they were noted. Raises CannotStart as read_jobs does."""
    return [line for (line,) in rows(state, _LINES)]
