"""Areas found in one frame of an animation are hidden in its neighbours too, so that no face flashes up in between.

A detector that misses a face in a single frame of twenty would otherwise leave one good look at it. What is covered in
vain for a moment is the smaller evil. An animation may also build a person up, row by row or out of transparency: there
an area is carried on, frame by frame, for as long as some of what was found still shows in it (`trails`).

Frames come one at a time, and are not held: what is to be hidden in each is known when all have been seen, and then
they are decoded anew.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

from facewarden.sandbox.refine.trails import Trails
from facewarden.values import Frame, Pixels, Region

REACH = 2
"""Frames before and after one that its areas are carried to, whatever they show."""


@dataclasses.dataclass(frozen=True, slots=True)
class Searched:
    """A frame with what is to be hidden in it: `fixed` zones, which are already covered, and `areas` found.

    And how it lies.
    """

    frame: Frame
    fixed: list[Region]
    areas: list[Region]
    turn: int = 0
    """Quarter turns counter-clockwise after which it is upright."""


@dataclasses.dataclass(frozen=True, slots=True)
class Noted:
    """What is kept of a frame that has been searched, see `Searched`."""

    areas: list[Region]
    turn: int


def carried(searched: Iterable[Searched], again: Callable[[], Iterable[Pixels]]) -> list[Noted]:
    """For each frame its own areas together with those of the frames around it.

    `again` gives the same pixels as were searched from the first frame on, and is called only where that is needed.
    """
    trails = Trails()
    noted: list[Noted] = []
    for one in searched:
        trails.add(one.frame.pixels, one.areas)
        noted.append(Noted(one.areas, one.turn))
        del one  # the trails hold it as long as they need
    if trails.is_open:
        trails.look_back(again())
    further = trails.carried()
    return [
        Noted(_united([one.areas, *_around(noted, number), further[number]]), one.turn)
        for number, one in enumerate(noted)
    ]


def _around(noted: Sequence[Noted], number: int) -> list[list[Region]]:
    return [each.areas for each in noted[max(number - REACH, 0) : number + REACH + 1]]


def _united(areas: Sequence[list[Region]]) -> list[Region]:
    """Each area once: what stands still is found in the same place in many frames."""
    return list(dict.fromkeys(area for some in areas for area in some))
