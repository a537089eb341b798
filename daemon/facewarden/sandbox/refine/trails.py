"""How far an area is carried before and after the frame it was found in, told while the frames go by one at a time.

An area goes on, frame by frame, up to one that shows nothing of it or in which it was found again (`likeness`,
`_again`). There is no bound to that, so no number of held frames would do. Forward a sample of what was found goes with
the frames. Backward the frames that are held are asked first; where all of them show it, and an earlier one may, the
frames are gone through a second time, and the sample waits for the earliest from which on each one shows it.

Samples that go on through the same frame do not hide each other's middles unless they differ much in size, so that they
are few frames' worth of pixels; and one that waits has been missed in BEHIND frames at least.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Iterable, Iterator

from facewarden.sandbox.refine.likeness import Sample, sample, shows
from facewarden.values import Pixels, Region

BEHIND = 4
"""Frames that are held to look back at.

A detector seldom misses a face in more: then none need be decoded again for it.
"""


@dataclasses.dataclass(slots=True)
class Trail:
    """An area, the frame it was found in (`number`), and the first and the last frame of those that it is carried to."""

    area: Region
    number: int
    first: int
    last: int
    earliest: int = 0
    """Before this frame it is not carried, whatever earlier ones show: there it was found by itself."""
    since: int | None = None
    """In the second pass: the frame from which on all so far have shown it."""


class Trails:
    """All areas of an animation. First each frame is added; then, where `is_open`, all are gone through again."""

    def __init__(self) -> None:
        self._all: list[Trail] = []
        self._found: list[list[Region]] = []
        """The areas of each frame so far."""
        self._held: deque[Pixels] = deque(maxlen=BEHIND)
        self._ahead: list[tuple[Trail, Sample]] = []
        """Those that the next frame may show."""
        self._open: list[tuple[Trail, Sample]] = []
        """Those that a frame may show which is not held any more."""

    @property
    def is_open(self) -> bool:
        """Whether earlier frames must be seen again."""
        return bool(self._open)

    def add(self, frame: Pixels, areas: list[Region]) -> None:
        """The next frame, and what was found in it. It is held for a while and must not be changed."""
        number = len(self._found)
        self._ahead = [(trail, seen) for trail, seen in self._ahead if not _again(trail, areas) and shows(frame, seen)]
        for trail, _ in self._ahead:
            trail.last = number
        for area in areas:
            trail, seen = Trail(area, number, number, number), sample(frame, area)
            self._all.append(trail)
            self._ahead.append((trail, seen))
            if self._goes_further_back(trail, seen):
                self._open.append((trail, seen))
        self._found.append(areas)
        self._held.append(frame)

    def look_back(self, frames: Iterable[Pixels]) -> None:
        """The same frames from the first on, for what is open; no more of them are asked for than needed."""
        for number, frame in enumerate(frames):
            for trail, seen in self._open:
                if trail.earliest <= number < trail.first:
                    if not shows(frame, seen):
                        trail.since = None
                    elif trail.since is None:
                        trail.since = number
            self._close(number + 1)
            if not self._open:
                return

    def carried(self) -> list[list[Region]]:
        """For each frame the areas that are carried to it, its own among them, in the order of the frames they were found in."""
        further: list[list[Region]] = [[] for _ in self._found]
        for trail in self._all:
            for there in range(trail.first, trail.last + 1):
                further[there].append(trail.area)
        return further

    def _goes_further_back(self, trail: Trail, seen: Sample) -> bool:
        """Carry it back through the frames that are held; whether all of them show it, and an earlier one may."""
        for frame in reversed(self._held):
            if _again(trail, self._found[trail.first - 1]) or not shows(frame, seen):
                return False
            trail.first -= 1
        trail.earliest = trail.first - sum(1 for _ in self._free_before(trail))
        return trail.earliest < trail.first

    def _free_before(self, trail: Trail) -> Iterator[int]:
        """The frames before its first one, backwards, up to one in which it was found again."""
        for number in range(trail.first - 1, -1, -1):
            if _again(trail, self._found[number]):
                return
            yield number

    def _close(self, number: int) -> None:
        """What begins at this frame has now been looked for in all before it."""
        for trail, _ in self._open:
            if trail.first == number and trail.since is not None:
                trail.first = trail.since
        self._open = [(trail, seen) for trail, seen in self._open if trail.first > number]


def _again(trail: Trail, areas: list[Region]) -> bool:
    """Whether what is carried was found in a frame by itself."""
    return any(_meets(trail.area, own) for own in areas)


def _meets(area: Region, own: Region) -> bool:
    """Whether the other hides the middle of the one and is not much smaller.

    Then it is the same thing, and carried on from there.
    """
    across, down = area.x + area.width / 2 - own.x, area.y + area.height / 2 - own.y
    alike = own.width * own.height >= area.width * area.height / 2
    return alike and 0 <= across <= own.width and 0 <= down <= own.height
