"""Duplicates: of photos with the same content one goes after the other.

So the second finds the first one's result.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

TURN_SECONDS = 60.0
"""How long a photo waits for another one of the same content to be done."""


class Duplicates:
    """Lets jobs of the same content go one after the other, so that the second finds the first one's result."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[bytes, threading.Lock] = {}
        self._users: Counter[bytes] = Counter()

    @contextlib.contextmanager
    def of(self, content: bytes) -> Iterator[None]:
        with self._guard:
            lock = self._locks.setdefault(content, threading.Lock())
            self._users[content] += 1
        # Not for ever: the one before may be held up by a folder that hangs, and then both do the work.
        taken = lock.acquire(timeout=TURN_SECONDS)
        try:
            yield
        finally:
            if taken:
                lock.release()
            with self._guard:
                self._users[content] -= 1
                if not self._users[content]:
                    del self._users[content], self._locks[content]
