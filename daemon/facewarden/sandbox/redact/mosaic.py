"""`mosaic`: a fixed number of square cells across the area, each the mean of the inside's pixels in it. Cosmetic.

Never cells of a fixed size in pixels: on a large face they would leave a good picture of it (docs/redaction.md).
It reads the inside, and so needs no list of clear pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np

from facewarden import regions
from facewarden.regions import Coverage
from facewarden.values import Pixels, Region

CELLS = 4
"""Cells across the area. An area is 1.6 times as wide as its face by default, so 2 or 3 cells fall on the face itself:
the strongest in docs/redaction.md that still looks like a mosaic. An attacker who trains on mosaics is not stopped."""


def draw(canvas: Pixels, areas: Sequence[Region], clear: Coverage) -> None:
    """Paint the cells in place."""
    for area in areas:
        inner = regions.spans(area, *clear.shape)
        side = max(area.width / CELLS, 1.0)
        columns = _cuts(area.x, area.width, side, inner.columns)
        for rows in _cuts(area.y, area.height, side, inner.rows):
            means = [_mean(canvas[rows, cell], inner.within(rows, cell)) for cell in columns]
            band = np.repeat(np.array(means), [cell.stop - cell.start for cell in columns], axis=0)
            for row, start, end in inner.runs(rows):
                canvas[row, start:end] = band[start - columns[0].start : end - columns[0].start]


def _mean(cell: Pixels, covered: Coverage) -> Pixels:
    """The mean colour of the covered pixels of a cell, shape (channels,)."""
    return np.rint(cv2.mean(cell, covered.view(np.uint8))[: cell.shape[2]]).astype(np.uint8)


def _cuts(start: float, length: float, side: float, part: slice) -> list[slice]:
    """The cells' stretches of pixels along one axis, clipped to the given part; the last takes what is left over."""
    count = max(round(length / side), 1)
    first = max(math.floor((part.start - start) / side), 0)
    last = min(math.ceil((part.stop - start) / side), count)
    inner = [round(start + side * number) for number in range(first + 1, last)]
    cuts = [part.start, *(min(max(cut, part.start), part.stop) for cut in inner), part.stop]
    return [slice(low, high) for low, high in pairwise(cuts) if low < high]
