"""The ledger: what each day brought, in lines chained by hash, so that later changes show.

Counts, reasons, settings, version, weights and the self-tests; no names and no pictures. The journal forgets; the
ledger stays. Each line holds the hash of the one before it. Whoever may write the state folder could still make a whole
new chain, or cut lines off its end: to find that too, note the newest hash elsewhere now and then (`facewarden report`
prints it).

A day may have several lines: its clock was set back, or an outcome of it was taken back later (a held result was
released), which counts as less than none. The sum is always right. `written` is the day on which a line was noted.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from facewarden import __version__, config
from facewarden.config.identity import hashes
from facewarden.errors import REASONS
from facewarden.journal import SelfTests, Tally
from facewarden.outcomes import WORDS

FILE = "ledger.jsonl"
FIRST = "0" * 64
"""What the first line has in place of the hash of the one before it."""
COUNTS = ("delivered", "held", "quarantined", "superseded")

_NAMELESS = {"path", "outbox", "quarantine", "hold", "archive", "preview", "marker", "hooks", "photos"}
"""Settings that are paths, programs or patterns of names: they stay out."""

Entry = dict[str, Any]


def today() -> str:
    """This day (UTC), as everything here calls it."""
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).date().isoformat()


def entry_of(
    configuration: config.Configuration, day: str, tallies: Iterable[Tally], tests: Iterable[SelfTests]
) -> Entry:
    """What a day brought as far as no line has it, unchained. Inboxes that left the configuration have no settings."""
    inboxes = {inbox.name: _nothing(_settings(inbox)) for inbox in configuration.inboxes}
    for tally in tallies:
        if tally.day != day:
            continue
        inbox = inboxes.setdefault(tally.inbox, _nothing(None))
        inbox[WORDS[tally.outcome]] += tally.count
        inbox["regions"] += 0 if tally.outcome == "superseded" else tally.regions
        if tally.reason in REASONS:
            name = REASONS[tally.reason].name
            inbox["reasons"][name] = inbox["reasons"].get(name, 0) + tally.count
    of_day = [test for test in tests if test.day == day]
    found, missed = sum(test.found for test in of_day), sum(test.missed for test in of_day)
    return {
        "day": day,
        "version": __version__,
        "weights": hashes(configuration),
        "recall": {"passed": not missed, "found": found, "missed": missed} if found or missed else None,
        "inboxes": inboxes,
    }


def chained(entry: Entry, previous: str) -> Entry:
    """The entry as the next line after the one with this hash."""
    entry = entry | {"previous": previous}
    return entry | {"hash": hash_of(entry)}


def read(state: Path) -> list[Entry]:
    """The lines of the file. Raises ValueError where one is no entry, OSError."""
    try:
        text = (state / FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    return parsed(text.splitlines())


def parsed(lines: Sequence[str]) -> list[Entry]:
    """Lines as entries. Raises ValueError where one is none."""
    entries = [json.loads(line) for line in lines]
    if not all(isinstance(entry, dict) and isinstance(entry.get("inboxes"), dict) for entry in entries):
        raise ValueError("a line is no entry")
    return entries


def first_fault(entries: Iterable[Entry]) -> str | None:
    """The first day that is not as it was written, or does not follow the one before it; None where all is well."""
    previous = FIRST
    for entry in entries:
        if entry.get("previous") != previous or entry.get("hash") != hash_of(entry):
            return str(entry.get("day"))
        previous = entry["hash"]
    return None


def hash_of(entry: Entry) -> str:
    """SHA-256 of an entry without its own hash."""
    said = {key: value for key, value in entry.items() if key != "hash"}
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _nothing(settings: Entry | None) -> Entry:
    return dict.fromkeys((*COUNTS, "regions"), 0) | {"reasons": {}, "settings": settings}


def _settings(inbox: config.Inbox) -> Entry:
    settings = inbox.model_dump(mode="json", exclude=_NAMELESS | {"name"})
    settings["redact"]["emblem"] = inbox.redact.emblem is not None
    return settings
