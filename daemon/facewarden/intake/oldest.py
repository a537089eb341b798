"""Oldest: of a walk through a full folder, the files that go first, at most so many, whatever order the walk has."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from facewarden.files import Signature


class Oldest:
    """Keeps the oldest files by their date; of very many the youngest leave first."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._heap: list[tuple[int, bytes, Signature]] = []
        """The youngest on top, so that the dates are negative."""

    def takes(self, signature: Signature) -> bool:
        """Whether there is room, or a younger one would make some."""
        return len(self._heap) < self._room or bool(self._heap and -signature.mtime_ns > self._heap[0][0])

    def add(self, path: bytes, signature: Signature) -> bool:
        """Take a file in; whether a younger one had to leave for it."""
        heapq.heappush(self._heap, (-signature.mtime_ns, path, signature))
        if len(self._heap) <= self._room:
            return False
        heapq.heappop(self._heap)
        return True

    def __iter__(self) -> Iterator[tuple[bytes, Signature]]:
        return ((path, signature) for _, path, signature in self._heap)
