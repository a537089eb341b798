"""Where a detector looks: windows of the frame, each brought to a scale at which faces have a size it finds well.

Looks overlap so that a face on a seam lies whole in a neighbour. Their number and size follow from the frame and the
smallest face wanted alone, never from the content, so the cost of a photo is known before it is searched.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import cv2
import numpy as np

from facewarden.values import Pixels, Region


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One call of a detector: a window of the frame in pixels, and the factor by which it is enlarged (or shrunk).

    Answers wider or higher than `largest` (in pixels of the look) are left to a smaller scale, which sees them whole.
    """

    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0
    largest: float = math.inf
    mirrored: bool = False

    def cut(self, frame: Pixels) -> Pixels:
        """The window's pixels as the detector shall see them, contiguous; at least one pixel wide and high."""
        window = frame[self.y : self.y + self.height, self.x : self.x + self.width]
        if self.scale != 1.0:
            size = max(1, round(self.width * self.scale)), max(1, round(self.height * self.scale))
            # Averaging when shrinking: a plain bilinear step skips pixels, and small faces with them.
            way = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_LINEAR
            window = np.asarray(cv2.resize(window, size, interpolation=way), np.uint8)
        return np.ascontiguousarray(window[:, ::-1] if self.mirrored else window)

    def place(self, answers: Iterable[Region], pixels: Pixels) -> list[Region]:
        """What was found in `pixels` (what `cut` gave) and is small enough, in pixels of the frame."""
        height, width = pixels.shape[:2]
        across, down = self.width / width, self.height / height
        return [
            dataclasses.replace(
                answer,
                x=self.x + across * (width - answer.x - answer.width if self.mirrored else answer.x),
                y=self.y + down * answer.y,
                width=across * answer.width,
                height=down * answer.height,
            )
            for answer in answers
            if max(answer.width, answer.height) <= self.largest
        ]


def windows(width: int, height: int, side: int, overlap: int) -> list[tuple[int, int, int, int]]:
    """Windows (x, y, width, height) of at most `side` that cover the frame, neighbours sharing at least `overlap`.

    A face no larger than `overlap` lies whole in one of them, wherever it is. They are no larger than needed.
    """
    if not 0 <= overlap < side:
        raise ValueError("a window must be wider than its overlap")
    return [(x, y, wide, high) for y, high in spans(height, side, overlap) for x, wide in spans(width, side, overlap)]


def spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Where windows begin along `length` and how long they are: as few as can be, all alike, evenly spread."""
    if length <= side:
        return [(0, length)]
    count = math.ceil((length - overlap) / (side - overlap))
    wide = math.ceil((length + (count - 1) * overlap) / count)
    return [(step * (length - wide) // (count - 1), wide) for step in range(count)]
