"""Status: what the running service says of itself, in a small file of the state folder that its user alone may read.

It is written anew in one step, about every second while something moves and every ten seconds otherwise, and holds
numbers, settings and error names: never a file's name or path. Whoever reads it sees from the time in it whether the
service still speaks, and from the process whether it lives.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import structlog

from facewarden import __version__, config
from facewarden.config.identity import identities
from facewarden.intake.inbox import Inbox
from facewarden.pool import Pool

log = structlog.get_logger()

FILE = "status.json"
EVERY = 1.0
"""Seconds between two writings at least."""
REST = 10.0
"""Seconds between two writings at most: `overview` takes a longer silence for a standstill."""

_FOLDER = ("folder_out_of_reach", "disk_full", "folder_hangs")
_EVENTS = ("events_unavailable", "watch_limit_reached")
"""Lines of the log that tell why an inbox's folder, or its events, are not to be had."""


class Status:
    """`hear` may be called by any thread, all else by the loop's."""

    def __init__(self, configuration: config.Configuration, pool: Pool, inboxes: Collection[Inbox]) -> None:
        self.recall: dict[str, Any] | None = None
        """When drawn faces were last searched, and whether all were found."""
        self._file = configuration.state / FILE
        self._weights = identities(configuration)
        self._process_start = process_start(os.getpid())
        self._pool, self._inboxes = pool, inboxes
        self._names = {inbox.name for inbox in configuration.inboxes}
        self._guard = threading.Lock()
        self._why: dict[tuple[str, tuple[str, ...]], dict[str, str]] = {}
        """Of each inbox the last trouble with its folder and the last with its events."""
        self.due = 0.0
        """When `beat` has something to do."""
        self._looked = self._written = -REST
        self._said: dict[str, Any] = {}
        """What was written last."""
        self._failing = False

    @property
    def alive(self) -> int:
        """Living workers."""
        return self._pool.alive

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Take in a line of the log: which trouble an inbox has, and what the system calls it."""
        event = str(entry.get("event"))
        if event in _FOLDER + _EVENTS:
            kind = _FOLDER if event in _FOLDER else _EVENTS
            word = errno.errorcode.get(entry.get("error", 0), "")
            said = " ".join(filter(None, (str(entry.get("folder", "")), word)))
            with self._guard:
                self._why[str(entry.get("inbox")), kind] = {event: said}

    def beat(self, now: float) -> None:
        """Write what is new, at most every second; from time to time also that nothing is, as a sign of life."""
        if now < self._looked + EVERY:
            self.due = self._looked + EVERY  # what woke the loop is looked at when it is time
            return
        self._looked = now
        said = self._now(now)
        if said != self._said or now >= self._written + REST:
            self._write(now, said)
        moves = any(inbox["waiting"] or inbox["running"] or inbox["paused_s"] for inbox in said["inboxes"].values())
        self.due = now + EVERY if moves else self._written + REST

    def write(self, now: float, state: str = "running") -> None:
        """Write in any case. A disk that is full or away is told once and stops nothing."""
        self._write(now, self._now(now) | {"state": state})

    def _write(self, now: float, said: dict[str, Any]) -> None:
        self._written, self._said = now, said
        try:
            write_private(self._file, json.dumps(said | {"at": time.time()}, indent=1).encode())
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("status_not_written", error=error.errno or 0)
            self._failing = True

    def _now(self, now: float) -> dict[str, Any]:
        """All that is to be told, but the time."""
        protection = self._pool.protection
        return {
            "state": "running",
            "version": __version__,
            "pid": os.getpid(),
            "process_start": self._process_start,
            "workers": {"wanted": self._pool.size, "alive": self.alive},
            "sandbox": {"landlock": protection.landlock, "seccomp": protection.seccomp} if protection else None,
            "weights": self._weights,
            "recall": self.recall,
            "inboxes": self._away() | {inbox.name: self._of(inbox, now) for inbox in self._inboxes},
        }

    def _of(self, inbox: Inbox, now: float) -> dict[str, Any]:
        paused = inbox.not_before - now
        oldest = inbox.oldest
        return {
            "watch": inbox.way,
            "troubles": self._troubles(inbox),
            "paused_s": round(paused, 1) if paused > 0 else None,
            "waiting": inbox.waiting,
            "more": inbox.more,
            "running": inbox.running,
            "oldest_s": None if oldest is None else round(now - oldest, 1),
            "left_alone": inbox.uncounted.names,
        }

    def _away(self) -> dict[str, dict[str, Any]]:
        """Inboxes that are not served, because their folders were away at the start."""
        served = {inbox.name for inbox in self._inboxes}
        nothing = {"watch": "poll", "paused_s": None, "waiting": 0, "more": False, "running": 0, "oldest_s": None}
        with self._guard:
            why = {name: self._why.get((name, _FOLDER), {_FOLDER[0]: ""}) for name in self._names - served}
        return {name: nothing | {"troubles": trouble} for name, trouble in sorted(why.items())}

    def _troubles(self, inbox: Inbox) -> dict[str, str]:
        """What keeps it from its work at this moment, each with the system's name for it where there is one."""
        with self._guard:
            folder = self._why.get((inbox.name, _FOLDER), {_FOLDER[0]: ""}) if inbox.failing else {}
            events = self._why.get((inbox.name, _EVENTS), {_EVENTS[0]: ""}) if inbox.blind else {}
        return folder | events


def process_start(pid: int) -> int | None:
    """When a process began, in the kernel's ticks, so that a number given anew is told apart.

    None where it has gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])  # field 22, proc_pid_stat(5)


def write_private(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Replace a file of our own in one step.

    Not written through to the disk: after a crash it is out of date anyway.
    """
    new = file.with_name(f".{file.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(descriptor, "wb") as written:
        if os.geteuid() == 0:  # root works in the folder of the service's user, who goes on with the file
            owner = file.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        written.write(data)
    new.replace(file)
