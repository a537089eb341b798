"""detect: a frame's pixels -> the regions where a face may be.

A detector is one file here, with one class: `__init__(threshold)` loads it, `find(pixels)` answers for one RGB window.
Which windows at which scale each detector sees is told in `looks_of`; all answers are joined without losing coverage.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np

from facewarden.sandbox.detect.blazeface import BlazeFace
from facewarden.sandbox.detect.centerface import CenterFace
from facewarden.sandbox.detect.joining import join
from facewarden.sandbox.detect.tiling import Look, looks
from facewarden.values import DetectorName, Pixels, Region


class Detector(Protocol):
    """What a file of this folder offers."""

    def find(self, pixels: Pixels) -> list[Region]:
        """Regions in one contiguous RGB window (height, width, 3), in its pixels; they may reach past its edges."""

    def close(self) -> None:
        """Give back threads and memory."""


DETECTORS: dict[DetectorName, Callable[[float], Detector]] = {"blazeface": BlazeFace, "centerface": CenterFace}


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """Loaded detectors, ready to search frames one after the other in the thread that calls."""

    detectors: Mapping[DetectorName, Detector]

    def __call__(self, frame: Pixels, smallest_face: int) -> list[Region]:
        """The regions of one frame in its pixels, joined, not grown, the surest first.

        `frame` may be grey, RGB or RGBA; `smallest_face` is the width in pixels of the smallest face wanted, from 1.
        """
        colours = rgb(frame)
        height, width = colours.shape[:2]
        answers: list[Region] = []
        for name, detector in self.detectors.items():
            for look in LOOKS[name](width, height, smallest_face):
                pixels = look.cut(colours)
                answers += (look.place(region, pixels) for region in detector.find(pixels))
        return join(answers)

    def close(self) -> None:
        """Give back threads and memory; a process that ends without it (os._exit) loses nothing."""
        for detector in self.detectors.values():
            detector.close()


def load(thresholds: Mapping[DetectorName, float]) -> Search:
    """Build the named detectors, each with its lowest score, and try each once so that nothing is left to load.

    Raises CannotStart where weights are missing or altered, or a library cannot be loaded.
    """
    cv2.setNumThreads(1)
    cv2.ocl.setUseOpenCL(False)
    search = Search({name: DETECTORS[name](threshold) for name, threshold in thresholds.items()})
    search(np.full((64, 96, 3), 127, np.uint8), 20)
    return search


def rgb(frame: Pixels) -> Pixels:
    """The frame as contiguous RGB. Alpha is left out: the colours under a transparent pixel still show the face."""
    if frame.ndim == 2:
        return np.ascontiguousarray(np.repeat(frame[:, :, None], 3, axis=2))
    return np.ascontiguousarray(frame[:, :, :3])


def blazeface_looks(width: int, height: int, smallest_face: int) -> list[Look]:
    """The whole frame, and windows of 16 times the smallest face, doubled until the whole frame fits."""
    whole, side = [Look(0, 0, width, height)], 16 * smallest_face
    while side < max(width, height):
        whole += looks(width, height, side, side // 3)
        side *= 2
    return whole


BUDGET = 6_000_000
"""Most pixels that CenterFace is given at its largest scale; each further scale halves both sides."""

PIECE = 1600
"""Longest side in pixels of one window as the network sees it: memory stays bounded for any photo."""


def centerface_looks(width: int, height: int, smallest_face: int) -> list[Look]:
    """Scales from the one that makes the smallest face 40 pixels wide down by halves to a picture of 320 pixels."""
    scale = min(40 / smallest_face, 4.0, math.sqrt(BUDGET / (width * height)))
    found: list[Look] = []
    while not found or scale * max(width, height) >= 320:
        side = max(1, int(PIECE / scale))
        found += looks(width, height, side, side // 4, scale)
        scale /= 2
    return found


LOOKS: dict[DetectorName, Callable[[int, int, int], list[Look]]] = {
    "blazeface": blazeface_looks,
    "centerface": centerface_looks,
}
