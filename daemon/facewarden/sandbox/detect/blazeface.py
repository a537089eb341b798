"""BlazeFace Full Range: MediaPipe's detector for photos, one network call of 192 x 192 pixels a window.

Bazarevsky et al., BlazeFace (2019), arXiv:1907.05047; the weights are MediaPipe's `face_detection_full_range_sparse`.
In one window it finds faces from 1/16 to about 2/3 of the window's side, so a photo is searched in windows (tiling.py).
"""

from __future__ import annotations

import sys
import types
from typing import Any

import cv2
import numpy as np

from facewarden.errors import PYTHON_LIBRARY, SYSTEM_LIBRARY, CannotStart
from facewarden.sandbox import weights
from facewarden.values import Pixels, Region

SIDE = 384
"""Windows are brought to this longest side, in pixels: twice the network's input.

MediaPipe shrinks without averaging, which loses small faces in large windows, and it answers in whole pixels: twice
the input keeps its own step an exact average of 2 x 2 and its answers exact to half a pixel of the network's input.
"""


class BlazeFace:
    """MediaPipe's task in image mode; it owns threads, so it must be closed before the interpreter ends."""

    def __init__(self, threshold: float) -> None:
        """`threshold` is the lowest score answered, 0..1. Raises CannotStart (weights, system library, library)."""
        content = weights.read("blazeface")
        self._mediapipe = _mediapipe()
        self._task = _task(content, threshold)

    def close(self) -> None:
        """End the task's threads. Left to the interpreter's end, MediaPipe prints a traceback while it goes."""
        self._task.close()

    def find(self, pixels: Pixels) -> list[Region]:
        """The faces in one RGB window (height, width, 3), in its pixels; whole numbers before they are scaled back."""
        small, across, down = _shrunk(pixels)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=small)
        return [_region(found, across, down) for found in self._task.detect(image).detections]


def _shrunk(pixels: Pixels) -> tuple[Pixels, float, float]:
    """The window with a longest side of at most SIDE, contiguous, and the factors that lead back across and down."""
    height, width = pixels.shape[:2]
    factor = min(1.0, SIDE / max(height, width))
    size = max(1, round(width * factor)), max(1, round(height * factor))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA) if factor < 1.0 else pixels
    return np.ascontiguousarray(small), width / size[0], height / size[1]


def _region(found: Any, across: float, down: float) -> Region:
    area, score = found.bounding_box, float(found.categories[0].score)
    return Region(
        area.origin_x * across, area.origin_y * down, area.width * across, area.height * down, score, "blazeface"
    )


def _mediapipe() -> Any:
    """The package, imported without its plotting and microphone parts: they cost 0.4 s and start other programs."""
    sys.modules.setdefault("sounddevice", None)  # type: ignore[arg-type]  # None: an import fails at once
    if "matplotlib" not in sys.modules:
        sys.modules["matplotlib"] = types.ModuleType("matplotlib")
        sys.modules["matplotlib.pyplot"] = types.ModuleType("matplotlib.pyplot")
    try:
        import mediapipe  # noqa: PLC0415 - only after its needless parts are shut out
    except ImportError as error:
        raise CannotStart(PYTHON_LIBRARY) from error
    return mediapipe


def _task(content: bytes, threshold: float) -> Any:
    from mediapipe.tasks.python.core.base_options import BaseOptions  # noqa: PLC0415 - as above
    from mediapipe.tasks.python.vision import FaceDetector, FaceDetectorOptions  # noqa: PLC0415 - as above

    base = BaseOptions(model_asset_buffer=content, delegate=BaseOptions.Delegate.CPU)
    try:
        return FaceDetector.create_from_options(
            FaceDetectorOptions(base_options=base, min_detection_confidence=threshold)
        )
    except OSError as error:  # ctypes could not load the native library: libEGL or libGLESv2 is not there
        raise CannotStart(SYSTEM_LIBRARY) from error
