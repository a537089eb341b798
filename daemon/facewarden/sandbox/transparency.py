"""What transparency shows: viewers lay a picture on a ground of their own, and so a face may be drawn in alpha alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from facewarden import regions
from facewarden.values import Pixels, Region

WHITE, BLACK = 255, 0
STRIP = 128
"""Rows at a time: twice as many bits as the result's are needed in between."""
FLAT = 8
"""Levels of alpha that may lie within a region: less is no drawing, and an edge's softening is more."""


def varies(frame: Pixels) -> bool:
    """Whether there is an alpha channel in which anything could be seen."""
    return frame.ndim == 3 and frame.shape[2] == 4 and int(np.ptp(frame[..., 3])) > FLAT


def views(frame: Pixels) -> Iterator[Pixels]:
    """An RGBA frame as it is seen on white and on black: RGB."""
    for ground in (WHITE, BLACK):
        yield _laid_on(frame, ground)


def is_told_by_alpha(found: Sequence[Region], frame: Pixels) -> bool:
    """Whether alpha varies within one of the regions that were found in a view: then it may be what was seen there."""
    for region in found:
        spans = regions.spans(region, *frame.shape[:2])
        alpha = frame[spans.rows, spans.columns, 3]
        if alpha.size and np.ptp(alpha) > FLAT:
            return True
    return False


def opaque(frame: Pixels) -> Pixels:
    """The frame laid on white: RGBA, without transparency."""
    return np.concatenate((_laid_on(frame, WHITE), np.full_like(frame[..., 3:], 255)), axis=2)


def _laid_on(frame: Pixels, ground: int) -> Pixels:
    height, width = frame.shape[:2]
    seen: Pixels = np.empty((height, width, 3), dtype=np.uint8)
    for start in range(0, height, STRIP):
        part = frame[start : start + STRIP].astype(np.uint16)
        alpha = part[..., 3:]
        seen[start : start + STRIP] = (part[..., :3] * alpha + ground * (255 - alpha) + 127) // 255
    return seen
