"""Rhythm: how often an inbox is scanned.

By polling as often as its profile says. Where events tell of files a scan only makes sure, so there all scans together
take no more than a share of a core, however many files are kept in the folders.
"""

from __future__ import annotations

import contextlib
import time
import zlib
from collections.abc import Iterator

SHARE = 0.0025
"""Share of a core that scans of all inboxes may take where events tell of files."""

RAREST = 10
"""So many times the profile's seconds lie at most between two scans, whatever they cost."""

BLIND_SECONDS = 10.0
"""Seconds between scans at most, where events were wanted and cannot be had."""


class Rhythm:
    """One inbox's; used by its thread alone."""

    def __init__(self, name: str, every: float, share: float) -> None:
        """`every`: seconds between scans as the profile says.

        `share` of a core is for them, where events tell of files.
        """
        self._every, self._share = every, share
        self._cost = 0.0
        self._turn = 0.0
        # Each inbox goes on at a moment of its own: a hundred scans at the same time would be in each other's way.
        self._part = 0.5 + zlib.crc32(name.encode()) / 2**33

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """A scan is done inside; what it takes says how soon the one after the next may be."""
        begin = time.thread_time()
        yield
        self._cost = time.thread_time() - begin

    def next_scan(self, now: float, *, events: bool, blind: bool) -> float:
        """When the scan after the one that begins now is due. After one out of turn that is somewhat sooner."""
        every = self._every
        if blind:
            every = min(every, BLIND_SECONDS)
        elif events:
            every = max(every, min(self._cost / self._share, RAREST * every))
        regular = 0 < self._turn <= now
        self._turn = now + every if regular else max(self._turn, now + every * self._part)
        return min(self._turn, now + every)
