"""One inbox between two steps of its thread: files come in by scan and by hint, and leave settled, oldest first.

Every OSError that reaches the caller means that the folder is out of reach; what could not be listed is never taken for
gone.
"""

from __future__ import annotations

import functools
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import structlog

from facewarden import config, files
from facewarden.files import Signature
from facewarden.files.failing import Role
from facewarden.intake.complete import state_of
from facewarden.intake.known import Known
from facewarden.intake.names import Names, may_be_note
from facewarden.intake.oldest import Oldest
from facewarden.intake.rhythm import SHARE, Rhythm
from facewarden.intake.root import Root
from facewarden.intake.scan import SHARED, look, scan, stands_beside
from facewarden.intake.settle import HOLLOW_TIMES, Settled, Settling
from facewarden.intake.troubles import Troubles
from facewarden.intake.uncounted import Uncounted
from facewarden.values import Recipe

log = structlog.get_logger()

ROOM = 5_000
"""Files of one inbox that are watched for quiet at a time: memory stays bounded however many wait."""

BATCH = 100
"""Settled files taken out at a time; `claim` looks again at each, so that one may wait here."""

SHORTEST_SCAN = 1.0
"""Seconds that lie at least between two scans that events ask for."""


class Inbox:
    """What is known of one inbox's folder. Used by one thread; `pause` and what it tells may be used by others too."""

    def __init__(
        self,
        settings: config.Inbox,
        recipe: Recipe,
        way: Literal["events", "poll"],
        finished: Callable[[str, bytes, Signature], bool],
        amended: Callable[[], int] = int,
        share: float = SHARE,
        root: Root | None = None,
    ) -> None:
        """`finished`: had a version its outcome? `amended`: a number that changes when such a one was forgotten.

        `share` of a core is for its scans, with events.
        """
        self.settings = settings
        self.recipe = recipe
        self.way = way
        self.root = root or Root(settings.path, settings.marker)
        self.blind = False
        """Whether events were wanted and are lacking, for some of its folders at least."""
        self.scanned = False
        self.more = False
        """Whether the last scan found more files than there was room for."""
        self.walked = 0
        """Files that scans have met since the start."""
        self.next_scan = self._last_scan = 0.0
        self.ready: deque[Settled] = deque()
        """Settled files, oldest first, under way until `ended`."""
        self.uncounted = Uncounted(settings.name)
        self._names = Names(settings, settings.marker)
        self._settling = Settling(settings.settle, ROOM)
        self._known = Known(functools.partial(finished, settings.name), amended)
        self._rhythm = Rhythm(settings.name, settings.scan_every, share)
        self._under_way: set[bytes] = set()
        self.troubles = Troubles(settings.name)
        self._growing = 0

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def path(self) -> Path:
        return self.settings.path

    @property
    def failing(self) -> bool:
        """Whether one of its folders was out of reach when it was tried last."""
        return bool(self.troubles)

    @property
    def waiting(self) -> int:
        """Files seen that are not under way yet."""
        return len(self._settling) + len(self.ready)

    @property
    def running(self) -> int:
        """Files that are carried at this moment."""
        return max(len(self._under_way) - len(self.ready), 0)

    @property
    def oldest(self) -> float | None:
        """When the file that waits longest was first seen, on the monotonic clock; None where none waits."""
        times = [self._settling.oldest, *(settled.first_seen for settled in list(self.ready))]
        return min((time for time in times if time is not None), default=None)

    def scan(self, now: float) -> None:
        """Walk the folder and note every file that has had no outcome yet, the oldest ones where there are too many."""
        self._last_scan = now
        self.next_scan = self._rhythm.next_scan(now, events=self.way == "events", blind=self.blind)
        self._known.scan_begins()
        with self._rhythm.measured(), self.uncounted.counted(), self.root.opened() as root:
            self.more = False
            for path, signature in self._oldest(root):
                self._see(path, signature, now)
            self.troubles.end(lambda path, _: not path or not files.status_of(path, root))
        self._known.scan_ended()
        self.scanned = True

    def scan_soon(self) -> None:
        """Scan, but not at every one of a thousand events that ask for it."""
        self.next_scan = min(self.next_scan, self._last_scan + SHORTEST_SCAN)

    def hint(self, paths: Mapping[bytes, bool], now: float) -> None:
        """Look at files that events named, and whether each was renamed into place."""
        with self.root.opened() as root:
            for path, renamed in paths.items():
                photo = path.removesuffix(self._names.done)
                counts = self._names.path(photo) and (self.settings.subfolders != "ignore" or b"/" not in photo)
                signature = look(root, photo, self._names.done) if counts else None
                if signature == SHARED or (signature and may_be_note(photo)):
                    self.scan_soon()  # who gives a last name with link(2) takes the first one away; a note's photo comes
                elif signature:
                    self._see(photo, signature, now, self.settings.settle_renamed if renamed else None)

    def take(self, now: float) -> Settled | None:
        """The next settled file, oldest first; under way until `ended`. None while there is none."""
        self.lay_out(now)
        return self.ready.popleft() if self.ready and now >= self.not_before else None

    def lay_out(self, now: float) -> None:
        """Put what has settled into `ready`, where nothing lies there any more."""
        if self.ready or now < self.not_before or not self._settling.could_be_settled(now):
            return
        with self.root.opened() as root:
            looks = functools.partial(self._looked, root), BATCH, functools.partial(state_of, root)
            for settled in self._settling.settled(now, *looks):
                # One by one: if the next look fails, those before it must not be seen anew, or they would go twice.
                self._under_way.add(settled.path)
                self.ready.append(settled)
        self._tell_growing()

    def ended(self, path: bytes) -> None:
        """The file is no longer under way: it has its outcome, or must settle again."""
        self._under_way.discard(path)

    def failed(self, now: float, role: Role = "inbox", path: bytes = b"") -> None:
        """The folder of this role was out of reach for the file at a path: wait longer before each further try."""
        self.troubles.add(now, role, path)
        self.next_scan = self.not_before

    def succeeded(self, path: bytes, role: Role | None) -> None:
        """The file at this path has had its outcome, in the folder of this role; others may fail all the same."""
        fine = ("inbox", "state", role)
        self.troubles.end(lambda other, failed: other == path or failed in fine)

    @property
    def not_before(self) -> float:
        return self.troubles.not_before

    def next_due(self, now: float) -> float:
        """When this inbox wants attention next."""
        settled = now if self.ready else self._settling.next_due()
        due = self.next_scan if settled is None else min(self.next_scan, settled)
        return max(due, self.not_before, now)

    def _oldest(self, root: int) -> Iterator[tuple[bytes, Signature]]:
        """Those files of the folder that are new, at most as many as there is room for, and those watched already."""
        oldest, deep = Oldest(self._settling.left), self.settings.subfolders != "ignore"
        for path, signature in scan(root, self._names, deep=deep, passed=self._passed, left=self.uncounted.name):
            self.walked += signature == SHARED  # all others were counted when they were to be passed
            if signature == SHARED:
                self.uncounted.link()
            elif path in self._settling:
                yield path, signature
            elif not oldest.takes(signature):
                self.more = True
            elif path not in self._under_way and not self._known.has_ended(path, signature):
                self.more |= oldest.add(path, signature)
        yield from oldest

    def _passed(self, path: bytes, status: os.stat_result) -> bool:
        self.walked += 1
        return self._known.remembers(path, status)

    def _looked(self, root: int, path: bytes) -> Signature | None:
        """As `look`; None for what does not count, or no more: a note is often there before its photo."""
        signature = look(root, path, self._names.done)
        return None if signature == SHARED or stands_beside(root, path, self._names) else signature

    def _see(self, path: bytes, signature: Signature, now: float, quiet_seconds: float | None = None) -> None:
        if path in self._under_way or self._known.has_ended(path, signature):
            return
        quiet_seconds = HOLLOW_TIMES * self.settings.settle if may_be_note(path) else quiet_seconds
        self.more |= not self._settling.see(path, signature, now, quiet_seconds)
        self._tell_growing()

    def _tell_growing(self) -> None:
        if self._settling.growing != self._growing:
            self._growing = self._settling.growing
            log.info("still_growing", inbox=self.name, waiting=self.waiting)
