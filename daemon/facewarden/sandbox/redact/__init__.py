"""redact: a frame and the areas to hide → a frame in which they are hidden.

Each style is one function with one contract, listed in STYLES; a new style is a new module and a new line there.
What each is worth: docs/redaction.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from facewarden import regions
from facewarden.regions import Coverage
from facewarden.sandbox.redact import blending, framing, gaussian, image, mosaic, solid, veil
from facewarden.values import OPAQUE, Pixels, Region, Style


class Way(NamedTuple):
    """How a style hides areas.

    `draw(canvas, areas, clear)` changes the canvas, uint8 of shape (height, width, 1 or 3), in place. `clear`, shape
    (height, width), is True for visible pixels outside all areas. `blind`: the canvas arrives with the inside of every
    area erased, so that the style *cannot* let any of it through. `reach(area)`: how far beyond the area's edge, in
    pixels, it may draw. `over(canvas, areas, emblem)`, where there is one, draws the emblem on each area then.
    """

    draw: Callable[[Pixels, Sequence[Region], Coverage], None]
    blind: bool
    reach: Callable[[Region], float]
    over: Callable[[Pixels, Sequence[Region], Pixels], None] | None = None


STYLES: dict[Style, Way] = {
    "veil": Way(veil.draw, blind=True, reach=blending.reach),
    "gaussian": Way(gaussian.draw, blind=False, reach=blending.reach),
    "mosaic": Way(mosaic.draw, blind=False, reach=lambda _: 0.0),
    "solid": Way(solid.draw, blind=True, reach=lambda _: 0.0),
    "image": Way(veil.draw, blind=True, reach=blending.reach, over=image.draw),
}


def redact(
    frame: Pixels,
    areas: Sequence[Region],
    style: Style,
    safety_frame: bool,  # noqa: FBT001
    emblem: Pixels | None = None,
) -> Pixels:
    """A new frame of the same shape in which every pixel that an area covers is hidden; `frame` stays as it is.

    Areas may overlap, cross the frame's edges or miss it; their order makes no difference. Inside an area alpha
    becomes OPAQUE, whatever it was, and outside it is kept. Style `image` needs an emblem: grey, RGB or RGBA.
    ValueError for an unknown style, a missing emblem, or an area that require_sound refuses.
    """
    result = hide(frame, areas, style)
    draw_over(result, areas, style, emblem)
    if safety_frame:
        draw_safety_frame(result, areas)
    return result


def hide(frame: Pixels, areas: Sequence[Region], style: Style) -> Pixels:
    """The same without emblem and safety frame, in which detectors see faces: for a look at what is left."""
    result = frame.copy()
    hide_in_place(result, areas, style)
    return result


def hide_in_place(frame: Pixels, areas: Sequence[Region], style: Style) -> None:
    """The same in the frame itself, contiguous and writable.

    A second one of a large photo is a good part of a worker's memory.
    """
    way = _way(style)
    height, width = frame.shape[:2]
    met = _met(areas, height, width)
    if not met:
        return
    canvas = frame.reshape(height, width, -1)[..., :3]
    clear = _clear(frame, met)
    if way.blind:
        for area in met:
            regions.paint(canvas, regions.spans(area, height, width), 0)
    way.draw(canvas, met, clear)
    if frame.ndim == 3 and frame.shape[2] == 4:
        # Alpha tells of a face as colours do, so it becomes the same wherever one was.
        for area in met:
            regions.paint(frame[..., 3], regions.spans(area, height, width), OPAQUE)


def draw_over(frame: Pixels, areas: Sequence[Region], style: Style, emblem: Pixels | None) -> None:
    """Draw the emblem, where the style has one, on each area, in place: on what `hide` returned."""
    over = _way(style).over
    if not over:
        return
    if emblem is None:
        raise ValueError(f"style {style} needs an emblem")
    height, width = frame.shape[:2]
    over(frame.reshape(height, width, -1)[..., :3], _met(areas, height, width), emblem)


def draw_safety_frame(frame: Pixels, areas: Sequence[Region]) -> None:
    """Draw the safety frame around each area, in place: on a result, whose insides are hidden already."""
    height, width = frame.shape[:2]
    canvas = frame.reshape(height, width, -1)[..., :3]
    for area in _met(areas, height, width):
        framing.draw(canvas, area)


def drawn(areas: Sequence[Region], height: int, width: int, style: Style, *, safety_frame: bool) -> Coverage:
    """All pixels that `redact` may change in a frame of that size: the areas, what fades out around them, the frame."""
    way = _way(style)
    line = framing.line_width(height, width) if safety_frame else 0
    met = _met(areas, height, width)
    return regions.coverage([regions.widen(area, max(way.reach(area), line)) for area in met], height, width)


def _way(style: Style) -> Way:
    if style not in STYLES:
        raise ValueError(f"unknown style {style!r}: choose one of {', '.join(STYLES)}")
    return STYLES[style]


def _met(areas: Sequence[Region], height: int, width: int) -> list[Region]:
    """The areas that cover a pixel, the largest first, so that the same set in any order gives the same result."""
    met = [area for area in areas if len(regions.spans(area, height, width).starts)]
    return sorted(met, key=lambda area: (-area.width * area.height, area.x, area.y, area.width, area.shape))


def _clear(frame: Pixels, areas: Sequence[Region]) -> Coverage:
    """Where a style may look without seeing an inside, or the arbitrary colour of a fully transparent pixel outside."""
    clear = regions.coverage(areas, *frame.shape[:2])
    np.logical_not(clear, out=clear)
    if frame.ndim == 3 and frame.shape[2] == 4:
        clear &= frame[..., 3] > 0
    return clear
