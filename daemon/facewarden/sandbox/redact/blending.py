"""Painting a soft fill over an area: enlarged from coarse cells, opaque inside, fading out beyond the edge.

The fade lies wholly *outside* the area. Inside, out to the last pixel that the outline merely cuts, nothing of what was
there is mixed in.
"""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import numpy.typing as npt

from facewarden import regions
from facewarden.values import Pixels, Region

Grid = npt.NDArray[np.float32]
"""Colours 0..255 of cells or pixels, shape (rows, columns, channels)."""
Opacity = npt.NDArray[np.float32]
"""How much of the fill shows, 0..1, shape (rows, columns)."""

FADE = 0.14
"""Width of the fade as a share of the area's shorter side: less looks like a cut-out, more spoils the surroundings."""
NARROWEST = 2.0
"""Pixels of fade around the smallest area."""
STRIP = 128
"""Rows painted at a time: a face of 50 megapixels must not need a second frame in floating point."""
DITHER = np.random.default_rng(0).uniform(0, 0.999, (STRIP, 1024, 3)).astype(np.float32)
"""Rounding noise, the same for every photo: without it, a large, soft fill shows steps of colour. Below 1 by more than
the fill's own rounding, so that white stays white."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fill:
    """Colours for a part of a frame in coarse cells; cell (0, 0) starts at pixel (top, left), `step` pixels a side."""

    cells: Grid
    top: int
    left: int
    step: int

    def enlarged(self, rows: slice, columns: slice) -> Grid:
        """The colours of the given pixels, interpolated linearly; past the outer cells' middles they stay the same."""
        down, over = self._cells(rows.start - self.top, rows.stop - self.top, self.cells.shape[0])
        across, aside = self._cells(columns.start - self.left, columns.stop - self.left, self.cells.shape[1])
        size = (len(across) * self.step, len(down) * self.step)
        large = cv2.resize(self.cells[np.ix_(down, across)], size, interpolation=cv2.INTER_LINEAR)
        part = np.s_[over : over + rows.stop - rows.start, aside : aside + columns.stop - columns.start]
        return np.asarray(large, dtype=np.float32).reshape(size[1], size[0], -1)[part]

    def _cells(self, start: int, stop: int, limit: int) -> tuple[npt.NDArray[np.intp], int]:
        """The cells that pixels start..stop need, one to spare on each side, and how far into them `start` lies."""
        first, last = start // self.step - 1, (stop - 1) // self.step + 1
        return np.clip(np.arange(first, last + 1), 0, limit - 1), start - first * self.step


def reach(area: Region) -> float:
    """How far beyond the area's edge a fill can be seen, in pixels."""
    return max(NARROWEST, FADE * min(area.width, area.height))


def blend(canvas: Pixels, area: Region, fill: Fill) -> None:
    """Paint the fill over the area and its fade, in place. `canvas` has shape (height, width, channels)."""
    height, width = canvas.shape[:2]
    inner = regions.spans(area, height, width)
    outer = regions.spans(regions.widen(area, reach(area)), height, width)
    columns = outer.columns
    noise = np.take(DITHER, range(columns.start, columns.stop), axis=1, mode="wrap")[..., : canvas.shape[2]]
    for start in range(outer.top, outer.bottom, STRIP):
        rows = slice(start, min(start + STRIP, outer.bottom))
        opacity = _opacity(area, rows, columns)
        opacity[~outer.within(rows, columns)] = 0
        opacity[inner.within(rows, columns)] = 1
        above = fill.enlarged(rows, columns) + noise[: rows.stop - rows.start]
        below = np.ascontiguousarray(canvas[rows, columns])
        # Exact at both ends: with opacity 0 the pixel stays as it was, with 1 nothing of it is mixed in.
        mixed = cv2.blendLinear(above.astype(np.uint8), below, opacity, 1 - opacity)
        canvas[rows, columns] = np.asarray(mixed, dtype=np.uint8).reshape(below.shape)


def _opacity(area: Region, rows: slice, columns: slice) -> Opacity:
    """1 at the area's edge, falling smoothly to 0 at `reach` beyond it."""
    across = np.arange(columns.start, columns.stop) + 0.5 - area.x - area.width / 2
    down = np.arange(rows.start, rows.stop) + 0.5 - area.y - area.height / 2
    beyond = _beyond(area, np.abs(across).astype(np.float32), np.abs(down).astype(np.float32)[:, None])
    near = np.clip(1 - beyond / np.float32(reach(area)), 0, 1)
    opacity: Opacity = near * near * (3 - 2 * near)
    return opacity


def _beyond(area: Region, across: npt.NDArray[np.float32], down: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Distance beyond the edge of points given from the area's centre; an ellipse's is taken along the ray from there.

    Measured so, points within `reach` of the edge never lie outside the area widened by `reach`.
    """
    half_width, half_height = np.float32(area.width / 2), np.float32(area.height / 2)
    if area.shape == "rectangle":
        return _length(np.maximum(across - half_width, 0), np.maximum(down - half_height, 0))
    times = np.maximum(_length(across / half_width, down / half_height), 1)
    return _length(across, down) * (1 - 1 / times).astype(np.float32)


def _length(across: npt.NDArray[np.float32], down: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length: npt.NDArray[np.float32] = np.sqrt(across * across + down * down)
    return length
