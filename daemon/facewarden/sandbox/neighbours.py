"""Areas found in one frame of an animation are hidden in its neighbours too, so that no face flashes up in between.

A detector that misses a face in a single frame of twenty would otherwise leave one good look at it. What is covered in
vain for a moment is the smaller evil.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from facewarden.values import Frame, Region

REACH = 2
"""Frames before and after one that its areas are carried to."""


@dataclasses.dataclass(frozen=True, slots=True)
class Searched:
    """A frame with what is to be hidden in it: `fixed` zones, which are already covered, and `areas` found; and how it lies."""

    frame: Frame
    fixed: list[Region]
    areas: list[Region]
    turn: int = 0
    """Quarter turns counter-clockwise after which it is upright."""


def carried(searched: Sequence[Searched]) -> Iterator[Searched]:
    """The same frames, each with the areas of those around it; the only frame of a still picture as it is."""
    for number, one in enumerate(searched):
        around = searched[max(number - REACH, 0) : number + REACH + 1]
        yield dataclasses.replace(one, areas=_united([one.areas, *(each.areas for each in around)]))


def _united(areas: Sequence[list[Region]]) -> list[Region]:
    """Each area once: what stands still is found in the same place in many frames."""
    return list(dict.fromkeys(area for some in areas for area in some))
