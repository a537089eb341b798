"""`solid`: one fixed colour. Nothing of the inside and nothing of the surroundings."""

from __future__ import annotations

from collections.abc import Sequence

from facewarden import regions
from facewarden.regions import Coverage
from facewarden.values import Pixels, Region

COLOUR = 128
"""Mid-grey, in every channel: it hides exactly as well as black, and stands out least in light and in dark photos."""


def draw(canvas: Pixels, areas: Sequence[Region], clear: Coverage) -> None:
    """Paint the areas in place."""
    for area in areas:
        regions.paint(canvas, regions.spans(area, *clear.shape), COLOUR)
