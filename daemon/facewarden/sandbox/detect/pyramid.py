"""One frame at the scales at which it is looked at, each made once from the next larger one that is at hand.

Adelson et al., Pyramid methods in image processing, RCA Engineer 29 (1984).
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from facewarden.values import Pixels


class Pyramid:
    """An RGB frame, contiguous, and its scaled copies."""

    def __init__(self, frame: Pixels) -> None:
        self._levels = {1.0: frame}
        self.size = frame.shape[1], frame.shape[0]
        """Width and height of the frame."""

    def at(self, scale: float) -> Pixels:
        """The frame enlarged (or shrunk) by this factor, contiguous; its size is `scaled(width, height, scale)`.

        Shrunk by more than half, it is made from a half, quarter or eighth as large as it may be: cheaper than from the
        frame itself, and alike for every order of asking.
        """
        if scale not in self._levels:
            self._levels[scale] = self._made(scale)
        return self._levels[scale]

    def _made(self, scale: float) -> Pixels:
        source = 0.5 ** max(math.ceil(-math.log2(scale)) - 1, 0)
        return _resized(self.at(source), scaled(*self.size, scale))


class Turned(Pyramid):
    """The same frame after quarter turns counter-clockwise. Its scaled copies are turned, which is less work."""

    def __init__(self, upright: Pyramid, turn: int) -> None:
        self._levels = {}
        self._upright, self._turn = upright, turn
        width, height = upright.size
        self.size = (height, width) if turn % 2 else (width, height)

    def _made(self, scale: float) -> Pixels:
        return turned(self._upright.at(scale), self._turn)


def turned(frame: Pixels, turn: int) -> Pixels:
    """The frame after `turn` quarter turns counter-clockwise, contiguous."""
    return np.ascontiguousarray(np.rot90(frame, turn))


def scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    """A frame's size at a scale; no side is less than a pixel."""
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(frame: Pixels, size: tuple[int, int]) -> Pixels:
    # Down to a half a bilinear step uses every pixel, and keeps small faces sharper than averaging does, which takes
    # six times as long; where a half is exact, both are the same.
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR), np.uint8)
