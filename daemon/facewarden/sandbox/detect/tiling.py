"""Where a detector looks: windows of the frame, each brought to a scale at which faces have a size it finds well.

Looks overlap so that a face on a seam lies whole in a neighbour. Their number and size follow from the frame and the
smallest face wanted alone, never from the content, so the cost of a photo is known before it is searched.
"""

from __future__ import annotations

import dataclasses
import math

import cv2
import numpy as np

from facewarden.values import Pixels, Region


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One call of a detector: a window of the frame in pixels, and the factor by which it is enlarged (or shrunk)."""

    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0

    def cut(self, frame: Pixels) -> Pixels:
        """The window's pixels at the look's scale, contiguous; at least one pixel wide and high."""
        window = frame[self.y : self.y + self.height, self.x : self.x + self.width]
        if self.scale == 1.0:
            return np.ascontiguousarray(window)
        size = max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))
        # Averaging when shrinking: a plain bilinear step skips pixels, and small faces with them.
        way = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(window, size, interpolation=way), np.uint8)

    def place(self, region: Region, pixels: Pixels) -> Region:
        """A region found in `pixels` (what `cut` gave), in pixels of the frame."""
        across, down = self.width / pixels.shape[1], self.height / pixels.shape[0]
        return dataclasses.replace(
            region,
            x=self.x + region.x * across,
            y=self.y + region.y * down,
            width=region.width * across,
            height=region.height * down,
        )


def looks(width: int, height: int, side: int, overlap: int, scale: float = 1.0) -> list[Look]:
    """Windows of at most `side` pixels that cover the frame evenly, neighbours sharing at least `overlap` pixels.

    A face no larger than `overlap` lies whole in one of them, wherever it is.
    """
    if not 0 <= overlap < side:
        raise ValueError("a window must be wider than its overlap")
    return [
        Look(x, y, min(side, width), min(side, height), scale)
        for y in starts(height, side, overlap)
        for x in starts(width, side, overlap)
    ]


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where windows of `side` begin along `length`: first at 0, last at the end, evenly spread between."""
    if length <= side:
        return [0]
    steps = math.ceil((length - side) / (side - overlap))
    return [round(step * (length - side) / steps) for step in range(steps + 1)]
