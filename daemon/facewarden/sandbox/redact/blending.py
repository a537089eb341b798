"""Painting a soft fill over an area: enlarged from coarse cells, opaque inside, fading out beyond the edge.

The fade lies wholly *outside* the area. Inside, out to the last pixel that the outline merely cuts, nothing of what was
there is mixed in.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from facewarden.sandbox import regions
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
DITHER = np.random.default_rng(0).random((STRIP, 1024), dtype=np.float32)
"""Rounding noise in 0..1, the same for every photo: without it, a large soft fill shows steps of colour."""


@dataclasses.dataclass(frozen=True, slots=True)
class Fill:
    """Colours for a part of a frame in coarse cells; cell (0, 0) starts at pixel (top, left), `step` pixels a side."""

    cells: Grid
    top: int
    left: int
    step: int

    def cut(self, rows: slice) -> Fill:
        """Only the cells that the given rows of pixels need."""
        first = min(max((rows.start - self.top) // self.step - 1, 0), len(self.cells) - 1)
        last = (rows.stop - self.top) // self.step + 2
        return dataclasses.replace(self, cells=self.cells[first:max(last, first + 1)], top=self.top + first * self.step)

    def across(self, columns: slice) -> Grid:
        """The cells' colours at the given columns of pixels, shape (cell rows, columns, channels)."""
        places = (np.arange(columns.start, columns.stop) + 0.5 - self.left) / self.step - 0.5
        return _interpolated(self.cells.swapaxes(0, 1), places).swapaxes(0, 1)

    def down(self, wide: Grid, rows: slice) -> Grid:
        """What `across` gave, at the given rows of pixels: the colours of shape (rows, columns, channels)."""
        return _interpolated(wide, (np.arange(rows.start, rows.stop) + 0.5 - self.top) / self.step - 0.5)


def reach(area: Region) -> float:
    """How far beyond the area's edge a fill can be seen, in pixels."""
    return max(NARROWEST, FADE * min(area.width, area.height))


def blend(canvas: Pixels, area: Region, fill: Fill) -> None:
    """Paint the fill over the area and its fade, in place. `canvas` has shape (height, width, channels)."""
    height, width = canvas.shape[:2]
    inner = regions.spans(area, height, width)
    outer = regions.spans(regions.widen(area, reach(area)), height, width)
    columns = outer.columns
    fill = fill.cut(outer.rows)
    wide = fill.across(columns)
    for start in range(outer.top, outer.bottom, STRIP):
        rows = slice(start, min(start + STRIP, outer.bottom))
        opacity = _opacity(area, rows, columns)
        opacity[~outer.within(rows, columns)] = 0
        opacity[inner.within(rows, columns)] = 1
        part = canvas[rows, columns]
        part[...] = _mixed(part, fill.down(wide, rows), opacity, _noise(rows, columns))


def _mixed(below: Pixels, above: Grid, opacity: Opacity, noise: Opacity) -> Pixels:
    """`above` laid over `below`; where the opacity is 0, exactly what was below, and where it is 1, nothing of it."""
    mixed = above - below
    mixed *= opacity[..., None]
    mixed += below
    mixed += noise[..., None]
    return np.minimum(mixed, 255, out=mixed).astype(np.uint8)


def _noise(rows: slice, columns: slice) -> Opacity:
    """The part of the endless, repeating noise that lies at the given pixels."""
    down, across = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
    noise: Opacity = DITHER[np.ix_(down % DITHER.shape[0], across % DITHER.shape[1])]
    return noise


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

    Neither ever exceeds `reach` outside the area widened by it.
    """
    half_width, half_height = np.float32(area.width / 2), np.float32(area.height / 2)
    if area.shape == "rectangle":
        over, under = np.maximum(across - half_width, 0), np.maximum(down - half_height, 0)
        distance: npt.NDArray[np.float32] = np.sqrt(over * over + under * under)
        return distance
    size = np.sqrt((across / half_width) ** 2 + (down / half_height) ** 2)
    distance = np.sqrt(across * across + down * down) * (1 - 1 / np.maximum(size, 1))
    return distance


def _interpolated(cells: Grid, places: npt.NDArray[np.float64]) -> Grid:
    """`cells` looked up along their first axis at fractional places; beyond its ends lie the end values."""
    places = np.clip(places, 0, len(cells) - 1)
    low = places.astype(np.intp)
    share = (places - low).astype(np.float32)[:, None, None]
    before, after = cells[low], cells[np.minimum(low + 1, len(cells) - 1)]
    result: Grid = before + share * (after - before)
    return result
