"""Settle: a file may be read once it has been quiet (size, mtime, inode) for the inbox's time.

Time is monotonic and passed in; mtimes are compared for equality only, so a clock that jumps or a date in the future
changes nothing. A file found at the start settles like any other: it may be half written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

from facewarden.files import Signature
from facewarden.intake.complete import State

NOTICE_AFTER = 10
"""Quiet times after which a file that still changes is told of."""

HOLLOW_TIMES = 10
"""Quiet times for a file in which a part seems to be missing: some programs give a file its full size first."""

EMPTY_TIMES = 25
"""Quiet times for an empty file: many programs make one long before their first bytes are there, and it holds up
nothing."""


@dataclasses.dataclass(slots=True)
class _Watched:
    signature: Signature
    first_seen: float
    quiet_since: float
    quiet_seconds: float
    told: bool = False

    @property
    def due(self) -> float:
        return self.quiet_since + self.quiet_seconds


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
        self.growing = 0
        """Files that have changed for NOTICE_AFTER quiet times, each counted once."""

    def __len__(self) -> int:
        return len(self._watched)

    def __contains__(self, path: bytes) -> bool:
        return path in self._watched

    @property
    def left(self) -> int:
        """For how many more there is room."""
        return self._room - len(self._watched)

    @property
    def oldest(self) -> float | None:
        """When the file that is watched for the longest time was first seen; may be asked from any thread."""
        return min((seen.first_seen for seen in list(self._watched.values())), default=None)

    def see(self, path: bytes, signature: Signature, now: float, quiet_seconds: float | None = None) -> bool:
        """Note how a file looks now; False where it is new and there is no room for it.

        A change starts its quiet time again. `quiet_seconds` is the time for a file that was renamed into place.
        """
        known = self._watched.get(path)
        if known is None:
            if self.left <= 0:
                return False
            known = self._watched[path] = _Watched(signature, now, now, self._time_for(signature))
        elif known.signature != signature:
            self._changed(known, signature, now)
        if quiet_seconds is not None:
            known.quiet_seconds = quiet_seconds
        return True

    def next_due(self) -> float | None:
        """When the next file could be settled; None while there is none."""
        return min((seen.due for seen in self._watched.values()), default=None)

    def could_be_settled(self, now: float) -> bool:
        due = self.next_due()
        return due is not None and due <= now

    def settled(
        self,
        now: float,
        look: Callable[[bytes], Signature | None],
        most: int,
        state_of: Callable[[bytes], State] = lambda _: "complete",
    ) -> Iterator[Settled]:
        """Take out at most `most` files that are quiet now; `look` tells how a file is, or None where it has gone.

        `state_of` tells of one that is quiet whether it may still be on its way.
        """
        due = [path for path, seen in self._watched.items() if seen.due <= now]
        for path in sorted(due, key=lambda path: self._watched[path].signature.mtime_ns)[:most]:
            seen = self._watched[path]
            signature = look(path)
            if signature == seen.signature:
                if not self._waits_on(seen, state_of(path), now):
                    del self._watched[path]
                    yield Settled(path, signature, seen.first_seen)
            elif signature is None:
                del self._watched[path]
            else:
                self._changed(seen, signature, now)

    def _waits_on(self, seen: _Watched, state: State, now: float) -> bool:
        """Whether a quiet file is given more time: while it is open, and longer where a part seems to be missing."""
        if state == "open":
            seen.quiet_since, seen.quiet_seconds = now, self._quiet_seconds
            self._tell(seen, now)
        elif state == "hollow":
            seen.quiet_seconds = HOLLOW_TIMES * self._quiet_seconds
        return seen.due > now

    def _changed(self, seen: _Watched, signature: Signature, now: float) -> None:
        """Somebody writes to it: whatever way it came, it must be quiet for the full time."""
        seen.signature, seen.quiet_since, seen.quiet_seconds = signature, now, self._time_for(signature)
        self._tell(seen, now)

    def _tell(self, seen: _Watched, now: float) -> None:
        if not seen.told and now - seen.first_seen >= NOTICE_AFTER * self._quiet_seconds:
            seen.told = True
            self.growing += 1

    def _time_for(self, signature: Signature) -> float:
        return self._quiet_seconds if signature.size else EMPTY_TIMES * self._quiet_seconds
