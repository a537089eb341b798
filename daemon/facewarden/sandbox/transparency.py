"""What transparency shows: viewers lay a picture on a ground of their own, and so a face may be drawn in alpha alone.

What can be seen of a frame in which alpha varies, besides its colours: itself on white, on black, and alpha by itself, stretched
over all levels, for seven of them are enough to tell a face. What is found in any of these views is hidden in all channels.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from facewarden.values import Pixels

WHITE, BLACK = 255, 0
STRIP = 128
"""Rows at a time: twice as many bits as the result's are needed in between."""


def varies(frame: Pixels) -> bool:
    """Whether there is an alpha channel in which anything could be seen."""
    return frame.ndim == 3 and frame.shape[2] == 4 and bool((frame[..., 3] != frame[0, 0, 3]).any())


def views(frame: Pixels) -> Iterator[Pixels]:
    """A frame as it is seen on white and on black (RGB), and its alpha alone (grey); none where alpha does not vary."""
    if varies(frame):
        for ground in (WHITE, BLACK):
            yield _laid_on(frame, ground)
        yield _stretched(frame[..., 3])


def _laid_on(frame: Pixels, ground: int) -> Pixels:
    height, width = frame.shape[:2]
    seen: Pixels = np.empty((height, width, 3), dtype=np.uint8)
    for start in range(0, height, STRIP):
        part = frame[start : start + STRIP].astype(np.uint16)
        alpha = part[..., 3:]
        seen[start : start + STRIP] = (part[..., :3] * alpha + ground * (255 - alpha) + 127) // 255
    return seen


def _stretched(alpha: Pixels) -> Pixels:
    """Alpha with its lowest level as black and its highest as white."""
    low, high = int(alpha.min()), int(alpha.max())
    levels = np.clip((np.arange(256) - low) * 255 / max(high - low, 1), 0, 255)
    return np.asarray(levels.astype(np.uint8)[alpha], dtype=np.uint8)
