"""The safety frame: a green line around each hidden area, so that a person sees at a glance what was hidden.

Drawn last, over pixels that are already redacted, and outside the area's edge. Its width follows the photo's size.
"""

from __future__ import annotations

from facewarden import regions
from facewarden.values import Pixels, Region

GREEN = (0, 255, 0)
SHARE = 0.004
"""The line's width as a share of the photo's shorter side."""
THINNEST = 2
"""Pixels; a grey photo's line is half white and half black, so it needs two."""


def line_width(height: int, width: int) -> int:
    """The line's width in pixels in a photo of the given size."""
    return max(THINNEST, round(SHARE * min(height, width)))


def draw(canvas: Pixels, area: Region) -> None:
    """Draw the line in place; `canvas` has shape (height, width, channels).

    A grey photo stays grey: there the line is white on the inner and black on the outer half, to be seen on any ground.
    """
    width = line_width(*canvas.shape[:2])
    if canvas.shape[2] == 3:
        _ring(canvas, area, 0, width, GREEN)
    else:
        _ring(canvas, area, 0, width / 2, (255,))
        _ring(canvas, area, width / 2, width, (0,))


def _ring(canvas: Pixels, area: Region, start: float, end: float, colour: tuple[int, ...]) -> None:
    """Colour the pixels between `start` and `end` pixels beyond the area's edge."""
    height, width = canvas.shape[:2]
    outer = regions.spans(regions.widen(area, end), height, width)
    inner = regions.spans(regions.widen(area, start), height, width)
    part = outer.rows, outer.columns
    canvas[part][outer.within(*part) & ~inner.within(*part)] = colour
