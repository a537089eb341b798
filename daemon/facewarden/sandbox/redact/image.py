"""`image`: the operator's emblem (an emoji, a logo) over each area, which a veil has filled before.

The emblem keeps its proportions, is as large as fits into the area's bounding rectangle, and is cut off at the area's
edge: round ones stay whole in an ellipse, square ones want `shape: rectangle`. Where it is transparent the veil shows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import cv2
import numpy as np

from facewarden import regions
from facewarden.sandbox.redact.blending import STRIP
from facewarden.values import Pixels, Region


def draw(canvas: Pixels, areas: Sequence[Region], emblem: Pixels) -> None:
    """Draw the emblem over the areas in place, one after the other; `canvas` has shape (height, width, channels).

    `emblem` is grey, RGB or RGBA of any size; on a grey canvas it is grey.
    """
    weighted = _weighted(emblem, canvas.shape[2])
    for area in areas:
        _draw(canvas, area, weighted)


def _draw(canvas: Pixels, area: Region, emblem: Pixels) -> None:
    placed = _placed(emblem, area)
    source = _reduced(emblem, placed)
    inner, outline = (regions.spans(region, *canvas.shape[:2]) for region in (area, placed))
    columns = outline.columns
    for start in range(outline.top, outline.bottom, STRIP):
        rows = slice(start, min(start + STRIP, outline.bottom))
        below = canvas[rows, columns]
        mixed = _mixed(_sampled(source, placed, rows, columns), below)
        drawn = inner.within(rows, columns) & outline.within(rows, columns)
        np.copyto(below, mixed, where=drawn[..., None])


def _placed(emblem: Pixels, area: Region) -> Region:
    """Where the emblem goes: the largest rectangle of its proportions in the area's, with the same centre."""
    height, width = emblem.shape[:2]
    scale = min(area.width / width, area.height / height)
    x, y = area.x + (area.width - width * scale) / 2, area.y + (area.height - height * scale) / 2
    return dataclasses.replace(area, x=x, y=y, width=width * scale, height=height * scale, shape="rectangle")


def _weighted(emblem: Pixels, channels: int) -> Pixels:
    """The emblem with as many colour channels as asked for, each multiplied by the alpha that follows them.

    So that an edge takes no colour from what is transparent beside it.
    """
    height, width = emblem.shape[:2]
    parts = emblem.reshape(height, width, -1)
    colours, alpha = parts[..., :3], parts[..., 3:]
    if channels == 1 and colours.shape[2] == 3:
        colours = np.asarray(cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY), dtype=np.uint8)[..., None]
    if not alpha.size:
        alpha = np.full((height, width, 1), 255, dtype=np.uint8)
    weighted = (colours.astype(np.uint16) * alpha + 127) // 255
    colours = np.broadcast_to(weighted.astype(np.uint8), (height, width, channels))
    return np.concatenate((colours, alpha), axis=2)


def _reduced(emblem: Pixels, placed: Region) -> Pixels:
    """The emblem no larger than where it goes, by averages: sampling would leave out whole lines."""
    height, width = emblem.shape[:2]
    size = (max(min(round(placed.width), width), 1), max(min(round(placed.height), height), 1))
    return np.asarray(cv2.resize(emblem, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _sampled(emblem: Pixels, placed: Region, rows: slice, columns: slice) -> Pixels:
    """The emblem's colours for the given pixels of the frame, interpolated linearly."""
    across, down = emblem.shape[1] / placed.width, emblem.shape[0] / placed.height
    # A pixel's middle lies half a pixel from its corner, here and there.
    left = (columns.start + 0.5 - placed.x) * across - 0.5
    top = (rows.start + 0.5 - placed.y) * down - 0.5
    size = (columns.stop - columns.start, rows.stop - rows.start)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    matrix = np.array([[across, 0, left], [0, down, top]])
    return np.asarray(
        cv2.warpAffine(emblem, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8
    )


def _mixed(shown: Pixels, below: Pixels) -> Pixels:
    """The weighted colours `shown`, whose last channel is alpha, over those below."""
    *colours, alpha = cv2.split(shown)
    through = cv2.merge([cv2.bitwise_not(alpha)] * len(colours))
    rest = cv2.multiply(np.ascontiguousarray(below), through, scale=1 / 255)
    return np.asarray(cv2.add(cv2.merge(colours), rest), dtype=np.uint8).reshape(below.shape)
