"""Chaining: days that are over are noted in the journal, which is the truth; then the ledger's file is completed.

A crash or a full disk in between leaves a file that is a beginning of what is noted, torn in the middle of a line
perhaps: it is completed the next time. A file that is anything else was changed by somebody: it is set aside and
written anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from facewarden import config, files
from facewarden.audit.ledger import FILE, FIRST, Entry, chained, entry_of, parsed
from facewarden.audit.ledger import today as this_day
from facewarden.files import filename
from facewarden.journal import Noting, noting
from facewarden.outcomes import WORDS

TORN = b"ledger.torn"
"""Where a file that was not as it was written is set aside."""


class Chained(NamedTuple):
    """How many days were noted, and whether the file had to be set aside."""

    days: int
    torn: bool


def write_days(configuration: config.Configuration, today: str | None = None) -> Chained:
    """Note every day but today, and bring the file to its end.

    Raises CannotStart, OSError where the file cannot be used. Every day but today is over, also one that is still to
    come: a clock that was wrong for a while made it.
    """
    today = today or this_day()
    data = _read(configuration.state / FILE)
    with noting(configuration.state) as journal:
        lines = journal.lines()
        lines += _adopted(journal, lines, data)
        previous = parsed(lines[-1:])[0]["hash"] if lines else FIRST
        tallies, tests = journal.tallies(), journal.tests()
        over = sorted(({tally.day for tally in tallies} | {test.day for test in tests}) - {today})
        for day in over:
            entry = chained(entry_of(configuration, day, tallies, tests) | {"written": today}, previous)
            previous = entry["hash"]
            lines.append(json.dumps(entry, sort_keys=True))
            journal.add(lines[-1])
            journal.clear(day)
    return Chained(len(over), _bring_up(configuration.state, lines, data))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _adopted(journal: Noting, lines: list[str], data: bytes) -> list[str]:
    """Lines that the file has beyond what is noted: of an older facewarden, or of days after a journal's backup.

    What they have counted is taken from what waits to be noted.
    """
    known = text_of(lines)
    adopted: list[str] = []
    if not data.startswith(known):
        return []
    before = parsed(lines[-1:])
    for piece in data[len(known) :].split(b"\n")[:-1]:
        try:
            (entry,) = parsed([piece.decode()])
        except ValueError:
            break
        if not _follows(before, entry):
            break
        adopted.append(piece.decode())
        journal.add(adopted[-1])
        _lower(journal, entry)
        before = [entry]
    return adopted


def _follows(before: list[Entry], entry: Entry) -> bool:
    previous = before[0]["hash"] if before else FIRST
    return entry.get("previous") == previous and chained(entry, previous)["hash"] == entry.get("hash")


def _lower(journal: Noting, entry: Entry) -> None:
    for inbox, counts in entry["inboxes"].items():
        left = {word: int(counts.get(word, 0)) for word in WORDS.values()}
        for tally in journal.tallies():
            if (tally.day, tally.inbox) == (entry.get("day"), inbox) and tally.count > 0:
                taken = max(0, min(left[WORDS[tally.outcome]], tally.count))
                left[WORDS[tally.outcome]] -= taken
                journal.lower(tally, taken, tally.regions * taken // tally.count)


def _bring_up(state: Path, lines: Iterable[str], data: bytes) -> bool:
    """Write what the file lacks; returns whether it was set aside before, because it was not as it was written."""
    wanted = text_of(lines)
    torn = not wanted.startswith(data)
    if torn:
        _set_aside(state)
        data = b""
    if data != wanted:
        _append(state / FILE, wanted[len(data) :])
    return torn


def _set_aside(state: Path) -> None:
    with files.folder(state) as folder:
        for name in filename.numbered_names(TORN):
            try:
                files.rename_no_replace(FILE.encode(), folder, name, folder)
            except FileExistsError:
                continue
            os.fsync(folder)
            return


def text_of(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _append(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as written:
        written.write(data)
        written.flush()
        os.fsync(descriptor)
