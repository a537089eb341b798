"""The overview of a service, from outside: what it says of itself, what its journal tells, what lies in its folders.

It works whether the service runs or not, and changes nothing. Only who may read the state folder can have it.
"""

from __future__ import annotations

import errno
import json
from typing import Any, Literal

from facewarden import __version__, config
from facewarden.audit import accounts
from facewarden.config.identity import identities
from facewarden.errors import FOLDER, CannotStart
from facewarden.files.failing import role_of
from facewarden.journal import read_counts, read_owed
from facewarden.observe.status import FILE, process_start
from facewarden.outcomes import WORDS

SILENT_AFTER = 30.0
"""Seconds without a word from a living process after which something is wrong with it."""

RATE_SECONDS = 3600.0
"""The time over which photos are counted for the rate."""

State = Literal["running", "silent", "stopped", "killed", "never started"]

_ENDS = {outcome: WORDS[outcome] for outcome in ("published", "held", "quarantined")}


def overview(configuration: config.Configuration, now: float) -> dict[str, Any]:
    """All that `facewarden status` tells, as JSON knows it. Raises CannotStart where the journal cannot be read."""
    said = _said(configuration)
    state = _state(said, now)
    speaks = state in ("running", "silent")
    counts, owed = read_counts(configuration.state, now - RATE_SECONDS), read_owed(configuration.state)
    return {
        "state": state,
        "version": said.get("version", __version__),
        "last_word_s": round(now - said["at"], 1) if said else None,
        "pid": said["pid"] if speaks else None,
        "workers": said["workers"] if speaks else None,
        "sandbox": said["sandbox"] if speaks else None,
        "weights": said["weights"] if speaks else identities(configuration),
        "recall": said.get("recall"),
        "inboxes": [
            {
                "inbox": inbox.name,
                **_ended(inbox.name, counts),
                **_owed(inbox.name, owed, now),
                **_waits(configuration, inbox, said if speaks else {}),
            }
            for inbox in configuration.inboxes
        ],
    }


def _said(configuration: config.Configuration) -> dict[str, Any]:
    """What the service wrote last; nothing where it never did.

    Raises CannotStart(FOLDER) where that may not be read.
    """
    try:
        said: dict[str, Any] = json.loads((configuration.state / FILE).read_bytes())
    except (FileNotFoundError, ValueError):  # a crash may have cut it short: nobody relies on it
        return {}
    except OSError:
        fault = "state: only the service's user (or root) may read it"
        raise CannotStart(FOLDER, (fault,)) from None
    return said


def _state(said: dict[str, Any], now: float) -> State:
    if not said:
        return "never started"
    if said["state"] == "stopped":
        return "stopped"
    if process_start(said["pid"]) != said["process_start"]:
        return "killed"
    return "running" if now - said["at"] <= SILENT_AFTER else "silent"


def _ended(name: str, counts: dict[tuple[str, str], tuple[int, int]]) -> dict[str, Any]:
    """What the journal counts, and how many ended in the last hour."""
    ended = {key: counts.get((name, outcome), (0, 0)) for outcome, key in _ENDS.items()}
    return {key: count for key, (count, _) in ended.items()} | {"per_hour": sum(recent for _, recent in ended.values())}


def _owed(name: str, owed: dict[str, tuple[int, float]], now: float) -> dict[str, Any]:
    """How many originals are still to be archived or deleted, and for how long the first of them."""
    count, since = owed.get(name, (0, now))
    return {"owed": count, "owed_s": round(now - since, 1) if count else None}


def _waits(configuration: config.Configuration, inbox: config.Inbox, said: dict[str, Any]) -> dict[str, Any]:
    """What waits: as the service says, or as the folder shows where there is none."""
    told = said.get("inboxes", {}).get(inbox.name)
    if told:
        return dict(told)
    troubles, waiting = {}, None
    try:
        waiting = accounts.waiting(configuration, inbox)
    except OSError as error:
        troubles = {"folder_out_of_reach": f"{role_of(error)} {errno.errorcode.get(error.errno or 0, '')}".strip()}
    unknown = {"paused_s": None, "more": False, "running": 0, "oldest_s": None, "left_alone": None}
    return {"watch": None, "troubles": troubles, "waiting": waiting, **unknown}
