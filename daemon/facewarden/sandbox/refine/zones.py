"""Zones that the operator named: hidden in every photo before it is searched, or left alone when it is.

An `always` zone is covered flatly, whatever the style: there is no face to be kind to, and what is covered before the
search cannot disturb it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facewarden import regions
from facewarden.errors import ZONE_OUTSIDE, FileRefused
from facewarden.regions import Coverage
from facewarden.values import OPAQUE, Pixels, Region, Zone

COLOUR = 128


def cover(frame: Pixels, zones: Sequence[Zone]) -> tuple[Pixels, list[Region]]:
    """A frame in which the zones are covered, and their bounding rectangles. The frame itself stays as it is.

    Raises FileRefused(ZONE_OUTSIDE) where a zone does not touch the frame: the configuration was not meant for it.
    """
    if not zones:
        return frame, []
    height, width = frame.shape[:2]
    covered = frame.copy()
    found = []
    for zone in zones:
        inside = coverage(zone, height, width)
        if not inside.any():
            raise FileRefused(ZONE_OUTSIDE)
        channels = covered.reshape(height, width, -1)
        channels[inside, :3] = COLOUR
        channels[inside, 3:] = OPAQUE
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        x, y = float(columns[0]), float(rows[0])
        found.append(Region(x, y, columns[-1] + 1 - x, rows[-1] + 1 - y, 1.0, "fixed"))
    return covered, found


def outside(found: Sequence[Region], zones: Sequence[Zone], height: int, width: int) -> list[Region]:
    """The regions that are not wholly inside one of the `never` zones: in doubt a face is hidden."""
    if not zones:
        return list(found)
    spared = [coverage(zone, height, width) for zone in zones]
    kept = []
    for region in found:
        spans = regions.spans(region, height, width)
        inside = [zone[spans.rows, spans.columns] for zone in spared]
        if not any(part.size and part.all() for part in inside):
            kept.append(region)
    return kept


def coverage(zone: Zone, height: int, width: int) -> Coverage:
    """Every pixel that the zone touches, shape (height, width)."""
    corners = zone.corners(width, height)
    if zone.shape != "polygon":
        (x, y), (across, down) = corners
        return regions.coverage([Region(x, y, across, down, 1.0, "fixed", zone.shape)], height, width)
    # OpenCV fills to whole pixels; one pixel more all around makes up for what rounding may leave out.
    filled = np.zeros((height, width), dtype=np.uint8)
    outline = np.array([[math.floor(x), math.floor(y)] for x, y in corners], dtype=np.int32)
    cv2.fillPoly(filled, [outline], 1)
    return np.asarray(cv2.dilate(filled, np.ones((3, 3), dtype=np.uint8)), dtype=np.bool_)
