"""The ledger: what each day brought, a line a day in the state folder, chained by hash so that later changes show.

Counts, reasons, settings, version, weights and the self-test; no names and no pictures. The journal forgets; the ledger stays.
Each line holds the hash of the one before it. Whoever may write the state folder could still make a whole new chain, or cut
lines off its end: to find that too, note the newest hash elsewhere now and then (`facewarden report` prints it).
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facewarden import __version__, config
from facewarden.errors import REASONS
from facewarden.identity import hashes
from facewarden.journal import read_ends
from facewarden.outcomes import WORDS

FILE = "ledger.jsonl"
FIRST = "0" * 64
"""What the first day has in place of the hash of the one before it."""

_NAMELESS = {"path", "outbox", "quarantine", "hold", "archive", "preview", "marker", "hooks", "photos"}
"""Settings that are paths, programs or patterns of names: they stay out."""

Entry = dict[str, Any]


def entry_of(configuration: config.Configuration, day: datetime.date, recall: Entry | None) -> Entry:
    """What one day (UTC) brought so far, unchained. Raises CannotStart where the journal cannot be read."""
    begin = datetime.datetime.combine(day, datetime.time(), datetime.UTC).timestamp()
    inboxes: dict[str, Entry] = {
        inbox.name: {
            "delivered": 0,
            "held": 0,
            "quarantined": 0,
            "superseded": 0,
            "regions": 0,
            "reasons": {},
            "settings": _settings(inbox),
        }
        for inbox in configuration.inboxes
    }
    for inbox, outcome, reason, count, regions in read_ends(configuration.state, begin, begin + 86_400):
        if inbox not in inboxes or outcome == "vanished":
            continue
        inboxes[inbox][WORDS[outcome]] += count
        inboxes[inbox]["regions"] += 0 if outcome == "superseded" else regions
        if reason in REASONS:
            inboxes[inbox]["reasons"][REASONS[reason].name] = count
    return {
        "day": day.isoformat(),
        "version": __version__,
        "weights": hashes(configuration),
        "recall": recall,
        "inboxes": inboxes,
    }


def write_days(configuration: config.Configuration, today: datetime.date, recall: Entry | None) -> int:
    """Chain every day that has ended since the last one written, at most a year of them. Returns how many. Raises OSError."""
    written = list(read(configuration.state))
    yesterday = today - datetime.timedelta(days=1)
    day = datetime.date.fromisoformat(written[-1]["day"]) + datetime.timedelta(days=1) if written else yesterday
    day = max(day, today - datetime.timedelta(days=366))
    previous = written[-1]["hash"] if written else FIRST
    lines = []
    while day <= yesterday:
        # The self-test that was made last is the newest day's; of days before it nobody knows any more.
        entry = entry_of(configuration, day, recall if day == yesterday else None) | {"previous": previous}
        previous = entry["hash"] = hash_of(entry)
        lines.append(json.dumps(entry, sort_keys=True))
        day += datetime.timedelta(days=1)
    if lines:
        _append(configuration.state / FILE, "".join(f"{line}\n" for line in lines).encode())
    return len(lines)


def read(state: Path) -> Iterator[Entry]:
    """The days written so far. Raises ValueError where a line is no entry."""
    file = state / FILE
    if file.exists():
        yield from map(json.loads, file.read_text(encoding="utf-8").splitlines())


def first_fault(entries: list[Entry]) -> str | None:
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


def _settings(inbox: config.Inbox) -> Entry:
    settings = inbox.model_dump(mode="json", exclude=_NAMELESS | {"name"})
    settings["redact"]["emblem"] = inbox.redact.emblem is not None
    return settings


def _append(file: Path, data: bytes) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as written:
        written.write(data)
        written.flush()
        os.fsync(descriptor)
