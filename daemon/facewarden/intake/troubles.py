"""Troubles: which of an inbox's folders failed for which file, and how long the inbox is left alone for it.

A trouble is over once that folder took something again, or the file for which it failed has left; until then another
photo's success elsewhere says nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from facewarden.files.failing import Role

log = structlog.get_logger()

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds before a folder that failed is tried again; doubled at each failure."""


class Troubles:
    """Of one inbox. Thread-safe: journeys tell of folders of results, the inbox's own thread of itself."""

    def __init__(self, inbox: str) -> None:
        self._inbox = inbox
        self._guard = threading.Lock()
        self._failed: dict[bytes, Role] = {}
        """By path: which folder failed for it; under no path the inbox itself, when it was scanned."""
        self._hangs = False
        self._pause = FIRST_PAUSE
        self.not_before = 0.0
        """When the inbox may be tried again, on the monotonic clock."""

    def __bool__(self) -> bool:
        return self._hangs or bool(self._failed)

    def add(self, now: float, role: Role, path: bytes) -> None:
        """One more, or the same again: the inbox is left alone for longer each time."""
        with self._guard:
            self._failed[path] = role
            self.not_before = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def end(self, gone: Callable[[bytes, Role], bool]) -> None:
        """Those of which `gone` says so, by path and folder, are over."""
        with self._guard:
            over = [path for path, role in self._failed.items() if gone(path, role)]
            for path in over:
                del self._failed[path]
            if over and not self:
                self._tell_back()

    def hang(self, *, hanging: bool) -> None:
        """A folder answers to nothing, or does again: then all is tried anew."""
        with self._guard:
            before, self._hangs = self._hangs, hanging
            if before and not hanging:
                self._failed.clear()
                self._tell_back()

    def _tell_back(self) -> None:
        log.info("folder_back", inbox=self._inbox)
        self._pause = FIRST_PAUSE
