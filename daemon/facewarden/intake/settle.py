"""Settle: a file may be read once it has been quiet (size, mtime, inode) for the inbox's time.

Time is monotonic and passed in; mtimes are compared for equality only, so a clock that jumps or a date in the future
changes nothing. A file found at the start settles like any other: it may be half written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from facewarden.files import Signature


@dataclasses.dataclass(slots=True)
class _Watched:
    signature: Signature
    first_seen: float
    quiet_since: float


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """A path that has been quiet long enough, with the version of the file that was, and when it was first seen."""

    path: bytes
    signature: Signature
    first_seen: float


class Settling:
    """The files of one inbox that are not quiet yet, at most `room` of them: the rest is found by a later scan."""

    def __init__(self, quiet_seconds: float, room: int) -> None:
        self._quiet_seconds = quiet_seconds
        self._room = room
        self._watched: dict[bytes, _Watched] = {}

    def __len__(self) -> int:
        return len(self._watched)

    @property
    def full(self) -> bool:
        return len(self._watched) >= self._room

    def see(self, path: bytes, signature: Signature, now: float) -> None:
        """Note how a file looks now. A change starts its quiet time again; a new file is taken while there is room."""
        known = self._watched.get(path)
        if known is None:
            if not self.full:
                self._watched[path] = _Watched(signature, now, now)
        elif known.signature != signature:
            known.signature, known.quiet_since = signature, now

    def forget(self, path: bytes) -> None:
        self._watched.pop(path, None)

    def next_due(self) -> float | None:
        """When the next file could be settled; None while there is none."""
        quietest = min((seen.quiet_since for seen in self._watched.values()), default=None)
        return None if quietest is None else quietest + self._quiet_seconds

    def could_be_settled(self, now: float) -> bool:
        due = self.next_due()
        return due is not None and due <= now

    def settled(self, now: float, look: Callable[[bytes], Signature | None], most: int) -> Iterator[Settled]:
        """Take out at most `most` files that are quiet now; `look` tells how a file is, or None where it has gone."""
        due = [path for path, seen in self._watched.items() if now - seen.quiet_since >= self._quiet_seconds]
        for path in sorted(due, key=lambda path: self._watched[path].signature.mtime_ns)[:most]:
            seen = self._watched[path]
            signature = look(path)
            if signature == seen.signature:
                del self._watched[path]
                yield Settled(path, signature, seen.first_seen)
            elif signature is None:
                del self._watched[path]
            else:
                seen.signature, seen.quiet_since = signature, now
