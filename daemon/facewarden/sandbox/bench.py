"""The bench: decode, detect and redact with their libraries loaded and warm, and the order they take on a photo."""

from __future__ import annotations

import time

import cv2

from facewarden import regions
from facewarden.sandbox import decode, detect, redact, wire
from facewarden.values import DetectorName

LOWEST_SCORES: dict[DetectorName, float] = {"blazeface": 0.3, "centerface": 0.15}


class Bench:
    """Built once, before the last lock: afterwards no file can be opened, so nothing may be left to load."""

    def __init__(self) -> None:
        """Raises CannotStart where weights or a system library are missing or altered."""
        cv2.setNumThreads(1)
        decode.preload()
        self._search = detect.load(LOWEST_SCORES)

    def treat(self, request: wire.Request) -> None:
        """Decode, then search, redact and send each frame. Raises FileRefused where the file is at fault."""
        recipe = request.recipe
        watch = _Stopwatch()
        picture = decode.decode(request.original, recipe.limits)
        watch.lap("decode")
        wire.write_picture(picture)
        for frame in picture.frames:
            found = self._search(frame.pixels, recipe.smallest_face)
            areas = [regions.grow(region, recipe.growth, recipe.shape) for region in found]
            watch.lap("detect")
            pixels = frame.pixels
            if request.with_pixels:
                pixels = redact.redact(frame.pixels, areas, recipe.style, recipe.safety_frame)
            watch.lap("redact")
            wire.write_frame(pixels, frame.duration, areas, 0, with_pixels=request.with_pixels)
            watch.skip()
        wire.write_done(**watch.seconds)


class _Stopwatch:
    """Seconds by stage, on a monotonic clock."""

    def __init__(self) -> None:
        self.seconds = {"decode": 0.0, "detect": 0.0, "redact": 0.0}
        self._last = time.monotonic()

    def lap(self, stage: str) -> None:
        """Count the time since the last call for this stage."""
        now = time.monotonic()
        self.seconds[stage] += now - self._last
        self._last = now

    def skip(self) -> None:
        """Count the time since the last call for no stage (waiting for the reader of the pipe)."""
        self._last = time.monotonic()
