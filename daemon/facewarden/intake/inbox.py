"""One inbox as the loop sees it: files come in by scan and by hint, and leave settled, oldest first.

Every OSError that reaches the caller means that the folder is out of reach; what could not be listed is never taken for
gone.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from facewarden import config, files
from facewarden.files import Signature
from facewarden.intake.scan import Names, look, scan
from facewarden.intake.settle import Settled, Settling
from facewarden.values import Recipe

ROOM = 5_000
"""Files of one inbox that are watched for quiet at a time: memory stays bounded however many wait."""

BATCH = 100
"""Settled files taken out at a time; `claim` looks again at each, so that one may wait here."""

SHORTEST_SCAN = 1.0
"""Seconds that lie at least between two scans that events ask for."""

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a folder that failed is tried again; doubled at each failure."""


class Inbox:
    """What is known of one inbox's folder between two steps of the loop. Used by the loop's thread alone."""

    def __init__(
        self,
        settings: config.Inbox,
        recipe: Recipe,
        way: Literal["events", "poll"],
        finished: Callable[[str, bytes, Signature], bool],
        on_file: Callable[[], None] = lambda: None,
    ) -> None:
        """`finished` tells whether a version had its outcome; `on_file` is called at each file that a scan meets."""
        self.settings = settings
        self.recipe = recipe
        self.way = way
        self.failing = False
        self.next_scan = self._last_scan = 0.0
        self._names = Names(settings)
        self._settling = Settling(settings.settle, ROOM)
        self._finished = finished
        self._on_file = on_file
        self._known: set[int] = set()
        self._under_way: set[bytes] = set()
        self._not_before = 0.0
        self._pause = FIRST_PAUSE
        self._overflowed = False
        self._ready: deque[Settled] = deque()
        self.scanned = False

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def path(self) -> Path:
        return self.settings.path

    @property
    def waiting(self) -> int:
        """Files seen that are not under way yet."""
        return len(self._settling) + len(self._ready)

    @property
    def more(self) -> bool:
        """Whether the last scan found more files than there was room for."""
        return self._overflowed

    def scan(self, now: float) -> None:
        """Walk the folder and note every file that has had no outcome yet."""
        self._last_scan = now
        self.next_scan = now + self.settings.scan_every
        self._overflowed = False
        with files.folder(self.path) as root:
            for path, signature in scan(root, self._names, deep=self.settings.subfolders != "ignore"):
                self._on_file()
                if not self._settling.full:
                    self._see(path, signature, now)
                elif not self._has_ended(path, signature):
                    self._overflowed = True
                    break
        self.scanned = True

    def scan_soon(self) -> None:
        """A folder in the inbox is new or was renamed: scan it, but not at every one of a thousand such events."""
        self.next_scan = min(self.next_scan, self._last_scan + SHORTEST_SCAN)

    def hint(self, paths: set[bytes], now: float) -> None:
        """Look at files that an event named."""
        with files.folder(self.path) as root:
            for path in paths:
                counts = self._names.path(path) and (self.settings.subfolders != "ignore" or b"/" not in path)
                signature = look(root, path) if counts else None
                if signature:
                    self._see(path, signature, now)

    def take(self, now: float) -> Settled | None:
        """The next settled file, oldest first; under way until `ended`. None while there is none."""
        if now < self._not_before:
            return None
        if not self._ready and self._settling.could_be_settled(now):
            with files.folder(self.path) as root:
                for settled in self._settling.settled(now, lambda path: look(root, path), BATCH):
                    # One by one: if the next look fails, those before it must not be seen anew, or they would go twice.
                    self._under_way.add(settled.path)
                    self._ready.append(settled)
        return self._ready.popleft() if self._ready else None

    def ended(self, path: bytes) -> None:
        """The file is no longer under way: it has its outcome, or must settle again."""
        self._under_way.discard(path)

    def failed(self, now: float) -> None:
        """The folder, or one of its targets, was out of reach: wait longer each time before the next try."""
        self.failing = True
        self._not_before = self.next_scan = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def recovered(self) -> None:
        self.failing = False
        self._pause = FIRST_PAUSE

    def next_due(self, now: float) -> float:
        """When this inbox wants attention next."""
        settled = now if self._ready else self._settling.next_due()
        due = self.next_scan if settled is None else min(self.next_scan, settled)
        return max(due, self._not_before, now)

    def _see(self, path: bytes, signature: Signature, now: float) -> None:
        if path not in self._under_way and not self._has_ended(path, signature):
            self._settling.see(path, signature, now)

    def _has_ended(self, path: bytes, signature: Signature) -> bool:
        """Whether this version had its outcome; remembered by hash, so that a full inbox costs no query a file."""
        version = hash((path, signature))
        if version in self._known:
            return True
        if self._finished(self.name, path, signature):
            self._known.add(version)
            return True
        return False
