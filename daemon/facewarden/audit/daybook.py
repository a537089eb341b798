"""The daybook: the ledger's lines and what is not noted yet, as one entry a day, for those who read a report.

Where a clock was wrong for a while, days stand in the ledger that nobody lived through: they are told as doubtful, and
what was counted on them stays counted.
"""

from __future__ import annotations

import bisect
import copy
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from facewarden import config
from facewarden.audit.chaining import text_of
from facewarden.audit.ledger import COUNTS, FILE, Entry, entry_of, first_fault, parsed, read
from facewarden.journal import read_lines, read_tallies, read_tests


class Daybook(NamedTuple):
    """`fault`: the first line that is not as it was written.

    `newest`: the hash of the last line; empty where there is none.
    """

    days: list[Entry]
    fault: str | None
    newest: str


def daybook(configuration: config.Configuration, today: str, first: str) -> Daybook:
    """All days from the first one on, or noted since, this one included. Raises CannotStart, OSError."""
    lines, fault = _lines(configuration)
    tallies, tests = read_tallies(configuration.state), read_tests(configuration.state)
    open_days = {tally.day for tally in tallies} | {test.day for test in tests} | {today}
    waiting = [entry_of(configuration, day, tallies, tests) for day in sorted(open_days)]
    doubtful = _doubtful(lines, today) | {entry["day"] for entry in (*lines, *waiting) if entry["day"] > today}
    merged: dict[str, Entry] = {}
    for entry in (*lines, *waiting):
        if max(entry["day"], entry.get("written", "")) >= first:
            day = entry["day"]
            merged[day] = _added(merged[day], entry) if day in merged else copy.deepcopy(entry)
    days = [entry | {"doubtful": day in doubtful} for day, entry in sorted(merged.items())]
    return Daybook(days, fault, lines[-1].get("hash", "") if lines else "")


def _lines(configuration: config.Configuration) -> tuple[list[Entry], str | None]:
    """The lines as they are noted, or as the file has them where that is not a beginning of those."""
    try:
        data = (configuration.state / FILE).read_bytes()
    except FileNotFoundError:
        data = b""
    noted = read_lines(configuration.state)
    if text_of(noted).startswith(data):
        return parsed(noted), None
    try:
        lines = read(configuration.state)
        return lines, first_fault(lines)
    except ValueError:
        return parsed(noted), "a line that is no entry"


def _doubtful(lines: Sequence[Entry], today: str) -> set[str]:
    """Days that are still to come, or at odds with what clocks said before and after.

    Each line is two looks at a clock: on its day, and when it was noted. The longest order of looks that never goes
    back is believed. Where two would be as long, the later dates are: a clock that lost its power begins in the past.
    """
    looks = [date for entry in lines for date in ("" if _takes_back(entry) else entry["day"], entry.get("written", ""))]
    past = [date for date, _ in itertools.groupby(look for look in looks if look) if date <= today]
    straight = {*_longest(past), today}
    return {entry["day"] for entry in lines if not _takes_back(entry) and entry["day"] not in straight}


def _takes_back(entry: Entry) -> bool:
    """Whether a line only corrects its day: it may come at any time after it."""
    counts = [inbox.get(word, 0) for inbox in entry["inboxes"].values() for word in COUNTS]
    return min(counts, default=0) < 0 and max(counts, default=0) <= 0


def _longest(dates: Sequence[str]) -> list[str]:
    """The longest part of a sequence that never falls (by patience sorting).

    Of several the one with the latest dates.
    """
    ends: list[str] = []
    piles: list[list[tuple[int, str]]] = []
    for number, date in enumerate(dates):
        place = bisect.bisect_right(ends, date)
        ends[place : place + 1] = [date]
        piles[place : place + 1] = [[*(piles[place] if place < len(piles) else []), (number, date)]]
    found: list[str] = []
    before = (len(dates), "9999-12-31")
    for pile in reversed(piles):
        # A pile falls from its beginning to its end, so that the first which fits is the latest date.
        before = next((number, date) for number, date in pile if number < before[0] and date <= before[1])
        found.append(before[1])
    return found[::-1]


def _added(day: Entry, more: Entry) -> Entry:
    """Both together: the counts added, all else as it was last."""
    merged = day | more
    if "hash" not in more:
        merged = {key: value for key, value in merged.items() if key not in ("hash", "previous", "written")}
    recalls = [recall for entry in (day, more) if (recall := entry.get("recall"))]
    merged["recall"] = {"passed": all(recall["passed"] for recall in recalls)} if recalls else None
    merged["inboxes"] = {name: copy.deepcopy(inbox) for name, inbox in day["inboxes"].items()}
    for name, inbox in more["inboxes"].items():
        merged["inboxes"][name] = _summed(merged["inboxes"].get(name), inbox)
    return merged


def _summed(one: Entry | None, other: Entry) -> Entry:
    if one is None:
        return copy.deepcopy(other)
    counts = {key: one.get(key, 0) + other.get(key, 0) for key in (*COUNTS, "regions")}
    reasons = {
        name: count
        for name in (*one["reasons"], *other["reasons"])
        if (count := one["reasons"].get(name, 0) + other["reasons"].get(name, 0))
    }
    return one | other | counts | {"reasons": reasons}
