"""Whether one frame of an animation still shows what was found in another: the picture comparison, on a small sample.

Of a frame in which something was found only the middle of each area is kept for it, so that the frame itself may go.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from facewarden import regions
from facewarden.values import Pixels, Region

SHARE = 0.04
"""Of the pixels along edges, how many must be the same for a part of what was found to show still.

Every sixteenth row is 0.06. Of 400 pairs of different places in the photos of a set of groups, 99 in 100 had 0.02 at
most, and one 0.04.
"""
CORE = 0.6
"""Share of an area's width and height that is compared: about what a detector frames."""
SAME = 3
"""Levels by which the same pixel may differ in a lossy file."""
EDGE = 8
"""Levels between neighbours that make an edge: what is plain is the same in many places."""
LIKENESS = 0.25
"""Correlation of the finer structure from which on one frame shows what the other does, if fainter.

Of the same pairs at most 0.19.
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """What a frame has in the middle of an area, and where that lies."""

    rows: slice
    columns: slice
    pixels: Pixels


def sample(frame: Pixels, area: Region) -> Sample:
    """A copy, for the frame may be changed or let go.

    Towards its edge an area shows what is behind a person, which stays.
    """
    spans = regions.spans(regions.grow(area, CORE, "rectangle"), *frame.shape[:2])
    return Sample(spans.rows, spans.columns, _part(frame, spans.rows, spans.columns).copy())


def shows(frame: Pixels, found: Sample) -> bool:
    """Whether a frame shows a part of what another frame, of the same shape, has there, or all of it faintly."""
    one = found.pixels.astype(np.float32)
    if min(one.shape[:2]) < 2:
        return False
    other = _part(frame, found.rows, found.columns).astype(np.float32)
    edges = np.abs(np.diff(one, axis=1)).max(axis=2) > EDGE
    same = (np.abs(one - other) <= SAME).all(axis=2)[:, 1:]
    if edges.any() and same[edges].mean() >= SHARE:
        return True
    return max(_likeness(one[..., part], other[..., part]) for part in _channels(one.shape[2])) >= LIKENESS


def _part(frame: Pixels, rows: slice, columns: slice) -> Pixels:
    height, width = frame.shape[:2]
    return frame.reshape(height, width, -1)[rows, columns]


def _channels(count: int) -> list[slice]:
    """Colours, and alpha where there is one: a face may show in either."""
    return [slice(0, 3), *([slice(3, 4)] if count == 4 else [])]


def _likeness(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    """Correlation of what is finer than an eighth of the area, 0 where one is plain."""
    fine = [_fine(each.mean(axis=2)) for each in (one, other)]
    size = float(np.linalg.norm(fine[0]) * np.linalg.norm(fine[1]))
    return abs(float(np.vdot(*fine))) / size if size > 0 else 0.0


def _fine(grey: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    side = max(min(grey.shape) // 8, 3)
    fine: npt.NDArray[np.float32] = grey - np.asarray(cv2.blur(grey, (side, side)), dtype=np.float32)
    return fine
