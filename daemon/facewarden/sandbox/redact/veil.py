"""`veil`, the default style: areas are filled from a ring of pixels around them, softly, and from nothing else.

The pixels around are averaged into coarse cells, spread over the areas as heat would spread (`harmonic`), smoothed in
proportion to the areas, enlarged, and faded out beyond the edges (`blending`). Neighbouring areas share one such fill,
so that no seam shows where they meet.
The canvas arrives with the inside of every area erased, and a cell that touches any area is not used: no pixel of an
inside can have an influence, be it this area's or a neighbour's. See docs/redaction.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facewarden import regions
from facewarden.regions import Coverage
from facewarden.sandbox.redact import blending, harmonic
from facewarden.values import Pixels, Region

CELLS = 24
"""Cells across the shorter side of a group's smallest area. 16 hide as well; 24 follow what is around better."""
LARGEST = 32
"""Pixels across a cell at the most; larger cells would have to be enlarged far beyond the rows painted at a time."""
MOST = 400_000
"""Cells of a fill at the most: what bounds the cost where small areas and large ones, or hundreds of them, meet."""
SAMPLES = 8
"""Pixels read across a cell, about: more would not change its mean, so a large face costs no more than a small one."""
RING = 0.25
"""The ring's width as a share of the area's shorter side."""
NARROWEST = 4.0
"""Pixels of ring around the smallest area."""
SOFTNESS = 0.06
"""Standard deviation of the smoothing as a share of the areas' shorter sides (of their geometric mean, in a group)."""
GREY = 128
"""The fill of a frame of which nothing may be looked at."""


def draw(canvas: Pixels, areas: Sequence[Region], clear: Coverage) -> None:
    """Fill the areas and their fades in place; of `canvas`, (height, width, channels), only `clear` pixels count."""
    for group in regions.groups(areas, _ring):
        fill = _fill(canvas, group, clear)
        for area in group:
            blending.blend(canvas, area, fill)


def _side(area: Region) -> float:
    return min(area.width, area.height)


def _ring(area: Region) -> float:
    return max(NARROWEST, RING * _side(area))


def _fill(canvas: Pixels, group: Sequence[Region], clear: Coverage) -> blending.Fill:
    """Look at what surrounds the group and spread it; where nothing can be seen there, take the frame's mean."""
    height, width = clear.shape
    rows = _stretch([(area.y - _ring(area), area.y + area.height + _ring(area)) for area in group], height)
    columns = _stretch([(area.x - _ring(area), area.x + area.width + _ring(area)) for area in group], width)
    part, usable = canvas[rows, columns], clear[rows, columns]
    step = _step(min(_side(area) for area in group), *usable.shape)
    cells, known = _look(part, usable, step)
    if not known.any():
        return blending.Fill(_plain(canvas, clear), 0, 0, LARGEST)
    side = math.exp(sum(math.log(_side(area)) for area in group) / len(group))
    smooth = _smoothed(harmonic.spread(cells, known), SOFTNESS * min(side, max(usable.shape)) / step)
    return blending.Fill(smooth, rows.start, columns.start, step)


def _stretch(stretches: Sequence[tuple[float, float]], limit: int) -> slice:
    """The pixels from the first start to the last end, clipped to the frame."""
    start, end = min(start for start, _ in stretches), max(end for _, end in stretches)
    return slice(max(math.floor(start), 0), min(math.ceil(end), limit))


def _step(side: float, height: int, width: int) -> int:
    """Pixels across a cell, a multiple of the distance between two that are read, and no more than there are."""
    step = max(min(int(side / CELLS), LARGEST), math.ceil(math.sqrt(height * width / MOST)), 1)
    step = min(step, height, width)
    return step // _skip(step) * _skip(step)


def _skip(step: int) -> int:
    return max(step // SAMPLES, 1)


def _look(part: Pixels, clear: Coverage, step: int) -> tuple[blending.Grid, Coverage]:
    """The mean colour of each cell, and which cells are clear all over. A rest narrower than a cell is left out."""
    rows, columns = clear.shape[0] // step, clear.shape[1] // step
    seen = np.s_[: rows * step : _skip(step), : columns * step : _skip(step)]
    size = (columns, rows)
    means = cv2.resize(np.ascontiguousarray(part[seen]), size, interpolation=cv2.INTER_AREA)
    known = cv2.resize(clear[seen].astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) == 255
    return means.astype(np.float32).reshape(rows, columns, -1), known


def _smoothed(cells: blending.Grid, deviation: float) -> blending.Grid:
    smooth = cv2.GaussianBlur(cells, (0, 0), max(deviation, 0.5), borderType=cv2.BORDER_REPLICATE)
    return np.clip(np.asarray(smooth, dtype=np.float32), 0, 255).reshape(cells.shape)


def _plain(canvas: Pixels, clear: Coverage) -> blending.Grid:
    """One cell of the mean colour of all that is clear in the frame; grey if nothing is."""
    if not clear.any():
        return np.full((1, 1, canvas.shape[2]), GREY, dtype=np.float32)
    mean: blending.Grid = canvas[clear].mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean[None, None]
