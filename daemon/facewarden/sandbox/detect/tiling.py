"""Where a detector looks: windows of the frame, at scales at which faces have a size it finds well.

Looks overlap so that a face on a seam lies whole in a neighbour. Their number and size follow from the frame and the
smallest face wanted alone, never from the content, so the cost of a photo is known before it is searched.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable

import numpy as np

from facewarden.sandbox.detect.pyramid import Pyramid, scaled
from facewarden.values import Pixels, Region


@dataclasses.dataclass(frozen=True, slots=True)
class Look:
    """One call of a detector: a window, in pixels of the frame as it is at `scale`.

    Answers wider or higher than `largest` (in the same pixels) are left to a smaller scale, which sees them whole.
    """

    x: int
    y: int
    width: int
    height: int
    scale: float = 1.0
    largest: float = math.inf
    mirrored: bool = False

    def cut(self, pyramid: Pyramid) -> Pixels:
        """The window's pixels as the detector shall see them, contiguous."""
        window = pyramid.at(self.scale)[self.y : self.y + self.height, self.x : self.x + self.width]
        return np.ascontiguousarray(window[:, ::-1] if self.mirrored else window)

    def place(self, answers: Iterable[Region], width: int, height: int) -> list[Region]:
        """What was found in the window and is small enough, in pixels of the frame, `width` by `height`."""
        wide, high = scaled(width, height, self.scale)
        across, down = width / wide, height / high
        return [
            dataclasses.replace(
                answer,
                x=across * (self.x + (self.width - answer.x - answer.width if self.mirrored else answer.x)),
                y=down * (self.y + answer.y),
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
