"""Photos that lie on their side or stand on their head: scans, and cameras that did not note how they were held.

Detectors know upright faces only: of group photos turned by a quarter, 28 % of the faces were missed, upright 1 %. So
the whole frame is looked at small in all four positions, and searched a second time in the position that shows most
faces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping

from facewarden.sandbox.detect.pyramid import Pyramid, turned
from facewarden.values import DetectorName, Pixels, Region

SIDE, SHRUNK = 400, 0.7
"""Longest side in pixels of the small look, and the most that it may have of the photo's own: four cost half a
megapixel at most."""

LIKELY: Mapping[DetectorName, float] = {"yunet": 0.6, "centerface": 0.35}
"""Detectors that can tell, the better first: scores from this on count as signs of a face."""

MARGIN = 0.2
"""The sum of scores must exceed that of the photo as it is by this much: many a face looks like one from the side too,
and a second search costs as much as the first. With CenterFace 260 of 270 turned group photos are told (261 without a
margin), and 3 % of small upright photos are searched twice (6 %).
"""


def judge(asked: Collection[DetectorName]) -> DetectorName | None:
    """Which of the detectors that are asked tells how a photo lies; None where none of them can."""
    return next((name for name in LIKELY if name in asked), None)


def best(pyramid: Pyramid, find: Callable[[Pixels], list[Region]], likely: float) -> int:
    """The number of quarter turns, 0 to 3 counter-clockwise, after which a frame shows most faces; 0 if none.

    `likely` is the lowest score of an answer of `find` that counts.
    """
    small = pyramid.at(min(SHRUNK, SIDE / max(pyramid.size)))
    signs = [sum(answer.score for answer in find(turned(small, turn)) if answer.score >= likely) for turn in range(4)]
    turn = signs.index(max(signs))
    return turn if signs[turn] > signs[0] + MARGIN else 0


def turned_back(region: Region, turn: int, width: int, height: int) -> Region:
    """A region of the frame turned by `turn`, in pixels of the unturned frame of `width` by `height`."""
    x, y, wide, high = region.x, region.y, region.width, region.height
    places = (
        (x, y, wide, high),
        (width - y - high, x, high, wide),
        (width - x - wide, height - y - high, wide, high),
        (y, height - x - wide, high, wide),
    )
    x, y, wide, high = places[turn]
    return dataclasses.replace(region, x=x, y=y, width=wide, height=high)
