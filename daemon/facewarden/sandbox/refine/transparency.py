"""What transparency shows: viewers lay a picture on a ground of their own, and so a face may be drawn in alpha alone.

What can be seen of a frame in which alpha varies, besides its colours: itself on white, on black, and alpha by itself,
its levels spread from black to white, as it is and as a negative: seven of them are enough to tell a face, and dark may
be clear. What is found in any of these views is hidden in all channels.
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
    """A frame as it is seen on white and on black (RGB), its alpha alone and the negative of that (grey).

    None where alpha does not vary.
    """
    if varies(frame):
        for ground in (WHITE, BLACK):
            yield _laid_on(frame, ground)
        alone = _spread(frame[..., 3])
        yield alone
        yield 255 - alone


def _laid_on(frame: Pixels, ground: int) -> Pixels:
    height, width = frame.shape[:2]
    seen: Pixels = np.empty((height, width, 3), dtype=np.uint8)
    for start in range(0, height, STRIP):
        part = frame[start : start + STRIP].astype(np.uint16)
        alpha = part[..., 3:]
        seen[start : start + STRIP] = (part[..., :3] * alpha + ground * (255 - alpha) + 127) // 255
    return seen


def _spread(alpha: Pixels) -> Pixels:
    """Alpha with the levels that it has spread evenly from black to white.

    A clear corner must not hide seven levels near 255.
    """
    has = np.bincount(alpha.ravel(), minlength=256) > 0
    levels = (np.cumsum(has) - 1) * 255 // max(int(has.sum()) - 1, 1)
    return np.asarray(levels.clip(0, 255).astype(np.uint8)[alpha], dtype=np.uint8)
