"""Geometry of regions: growing them, and which pixels of a frame they cover.

A pixel is a unit square: pixel (row 3, column 5) spans y from 3 to 4 and x from 5 to 6. Coverage is conservative: a
pixel that a region's outline merely cuts is covered, so an edge never shows a part of what it should hide.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from facewarden.values import SHAPES, Region, Shape

FARTHEST = 1e9
"""Pixels. No frame is nearly as large; beyond it, squares of lengths would leave the range of 32-bit numbers."""

Coverage = npt.NDArray[np.bool_]
"""Shape (height, width); True where a pixel is covered."""


class Spans(NamedTuple):
    """The pixels that one region covers in a frame, as one run of columns in each row.

    Row `top + i` is covered from column `starts[i]` up to, not including, `ends[i]`; a run is never empty, and a region
    that misses the frame has no rows. Two numbers a row, where a picture of the region would need a byte a pixel.
    """

    top: int
    starts: npt.NDArray[np.int32]
    ends: npt.NDArray[np.int32]

    @property
    def bottom(self) -> int:
        """The first row below the region."""
        return self.top + len(self.starts)

    @property
    def rows(self) -> slice:
        return slice(self.top, self.bottom)

    @property
    def columns(self) -> slice:
        """The columns of the bounding rectangle; of a region that misses the frame, none."""
        if not len(self.starts):
            return slice(0, 0)
        return slice(int(self.starts.min()), int(self.ends.max()))

    def runs(self, rows: slice) -> Iterator[tuple[int, int, int]]:
        """Row, first column and one past the last column of each row of the region among the given rows."""
        part = slice(max(rows.start - self.top, 0), max(rows.stop - self.top, 0))
        numbers = range(self.top + part.start, self.top + min(part.stop, len(self.starts)))
        yield from zip(numbers, self.starts[part].tolist(), self.ends[part].tolist(), strict=True)

    def within(self, rows: slice, columns: slice) -> Coverage:
        """The coverage of the given part of the frame, shape (rows, columns)."""
        covered = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.bool_)
        first, last = max(rows.start, self.top), min(rows.stop, self.bottom)
        if first < last:
            across = np.arange(columns.start, columns.stop, dtype=np.int32)
            part = slice(first - self.top, last - self.top)
            run = (across >= self.starts[part, None]) & (across < self.ends[part, None])
            covered[first - rows.start : last - rows.start] = run
        return covered


def require_sound(region: Region) -> None:
    """Raise ValueError unless position and size are numbers within FARTHEST, the size above zero, the shape known."""
    for name in ("x", "y", "width", "height"):
        value = getattr(region, name)
        if not abs(value) <= FARTHEST:
            raise ValueError(f"a region's {name} must be a number within {FARTHEST:.0e} pixels, not {value}")
        if name in ("width", "height") and value <= 0:
            raise ValueError(f"a region's {name} must be above zero, not {value}")
    if region.shape not in SHAPES:
        raise ValueError(f"a region's shape must be one of {', '.join(SHAPES)}, not {region.shape!r}")


def grow(region: Region, growth: float, shape: Shape) -> Region:
    """The region with the same centre, `growth` times as wide and high, in the given shape.

    The result may cross the frame's edges. ValueError where the region or the growth is not finite and above zero.
    """
    require_sound(region)
    if not (math.isfinite(growth) and growth > 0):
        raise ValueError(f"a region's growth must be finite and above zero, not {growth}")
    width, height = region.width * growth, region.height * growth
    x = region.x - (width - region.width) / 2
    y = region.y - (height - region.height) / 2
    grown = dataclasses.replace(region, x=x, y=y, width=width, height=height, shape=shape)
    require_sound(grown)
    return grown


def widen(region: Region, reach: float) -> Region:
    """The region with `reach` pixels added on every side; a negative reach takes them off."""
    widened = dataclasses.replace(
        region,
        x=region.x - reach,
        y=region.y - reach,
        width=region.width + 2 * reach,
        height=region.height + 2 * reach,
    )
    require_sound(widened)
    return widened


def spans(region: Region, height: int, width: int) -> Spans:
    """Every pixel of a frame of `height` by `width` whose square touches the region.

    Even the smallest region covers the pixel in which it lies. ValueError where the region is not finite.
    """
    require_sound(region)
    top, bottom = _run(region.y, region.y + region.height, height)
    rows = np.arange(top, bottom, dtype=np.float64)
    half = np.full(len(rows), region.width / 2)
    if region.shape == "ellipse":
        half *= _chord(rows, region)
    middle = region.x + region.width / 2
    first = np.floor(middle - half)
    last = np.maximum(np.ceil(middle + half), first + 1)
    starts = np.clip(first, 0, width).astype(np.int32)
    ends = np.clip(last, 0, width).astype(np.int32)
    met = np.flatnonzero(starts < ends)
    if not len(met):
        return Spans(0, starts[:0], ends[:0])
    # An ellipse is convex, so the rows in which it meets the frame have no gap between them.
    return Spans(top + int(met[0]), starts[met], ends[met])


def coverage(areas: Iterable[Region], height: int, width: int) -> Coverage:
    """The union of all that the areas cover, shape (height, width)."""
    covered = np.zeros((height, width), dtype=np.bool_)
    for area in areas:
        paint(covered, spans(area, height, width), 1)
    return covered


def groups(areas: Sequence[Region], reach: Callable[[Region], float]) -> list[list[Region]]:
    """The areas sorted into groups: two whose bounding rectangles, each widened by its `reach`, meet share one."""
    wide = [widen(area, reach(area)) for area in areas]
    edges = np.array([(area.x, area.y, area.x + area.width, area.y + area.height) for area in wide]).reshape(-1, 4)
    waiting = np.ones(len(areas), dtype=np.bool_)
    found: list[list[Region]] = []
    for first in range(len(areas)):
        members = [first] if waiting[first] else []
        waiting[first] = False
        for member in members:  # which grows while it is walked through
            near = (edges[:, :2] <= edges[member, 2:]).all(axis=1) & (edges[:, 2:] >= edges[member, :2]).all(axis=1)
            members += np.flatnonzero(near & waiting).tolist()
            waiting &= ~near
        if members:
            found.append([areas[member] for member in members])
    return found


def paint(frame: npt.NDArray[np.generic], area: Spans, value: int) -> None:
    """Set the covered pixels of a frame, shape (height, width, ...), in place: one memory fill a row."""
    for row, start, end in area.runs(area.rows):
        frame[row, start:end] = value


def _run(start: float, end: float, limit: int) -> tuple[int, int]:
    """First and one past the last pixel, clipped to 0..limit, of those that touch the stretch from start to end."""
    first = math.floor(start)
    last = max(math.ceil(end), first + 1)
    return min(max(first, 0), limit), min(max(last, 0), limit)


def _chord(rows: npt.NDArray[np.float64], region: Region) -> npt.NDArray[np.float64]:
    """An ellipse's width in rows of pixels as a share of its full width, 0..1, where it is widest within the row."""
    middle = region.y + region.height / 2
    away = np.maximum(np.maximum(rows - middle, middle - rows - 1), 0) / (region.height / 2)
    share: npt.NDArray[np.float64] = np.sqrt(np.maximum(1 - away * away, 0))
    return share
