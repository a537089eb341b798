"""Joining what several looks and detectors answered, so that one face is one region and no coverage is lost.

Suppression by score keeps one answer and drops its neighbours: where the winner sits worse, a part of the face comes
into view again. Here the answers for one face become the smallest ellipse that holds all of theirs.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence

from facewarden.values import Region

ALIKE = 0.3
"""Two answers mean the same face from this overlap on (area shared divided by area of both)."""

DIRECTIONS = tuple((math.cos(turn * math.pi / 36), math.sin(turn * math.pi / 36)) for turn in range(72))
"""Directions in which an outline is tried, every five degrees."""

SLACK = 1.0 / math.cos(math.pi / 72)
"""An outline tried every five degrees may bulge this much between two of them."""


def groups(answers: Iterable[Region]) -> list[list[Region]]:
    """The answers for one face together, the surest first.

    An answer belongs to the group whose first (surest) member it resembles most: groups cannot grow along a chain.
    """
    found: list[list[Region]] = []
    for answer in sorted(answers, key=_surest_first):
        home = max(found, key=lambda group: overlap(group[0], answer), default=None)
        if home is not None and overlap(home[0], answer) >= ALIKE:
            home.append(answer)
        else:
            found.append([answer])
    return found


def _surest_first(answer: Region) -> tuple[float | str, ...]:
    """A full order: the same answers are grouped alike, whichever look gave them first."""
    return (-answer.score, answer.x, answer.y, answer.width, answer.height, answer.detector)


def overlap(one: Region, other: Region) -> float:
    """Area that two rectangles share, divided by the area of both together: 0 apart, 1 equal."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)


def around(group: Sequence[Region]) -> Region:
    """The region whose ellipse holds those of all in `group`, in proportion to the rectangle round them.

    It carries score and detector of the first. Growing each about its own centre keeps the one inside the other.
    """
    if len(group) == 1:
        return group[0]
    left, top = min(one.x for one in group), min(one.y for one in group)
    width = max(one.x + one.width for one in group) - left
    height = max(one.y + one.height for one in group) - top
    x, y = left + width / 2, top + height / 2
    reach = max(_reach(one, x, y, width, height) for one in group) * SLACK
    return dataclasses.replace(
        group[0], x=x - width * reach / 2, y=y - height * reach / 2, width=width * reach, height=height * reach
    )


def _reach(one: Region, x: float, y: float, width: float, height: float) -> float:
    """How much an ellipse of `width` and `height` about (x, y) must be enlarged to hold the one in region `one`."""
    across, down = (one.x + one.width / 2 - x) * 2 / width, (one.y + one.height / 2 - y) * 2 / height
    wide, high = one.width / width, one.height / height
    return max(math.hypot(across + wide * cosine, down + high * sine) for cosine, sine in DIRECTIONS)
