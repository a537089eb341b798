"""BlazeFace Full Range: MediaPipe's detector for photos, one network call of 192 x 192 pixels a window.

Bazarevsky et al., BlazeFace (2019), arXiv:1907.05047; the weights are MediaPipe's `face_detection_full_range_sparse`.
In one window it finds faces from 1/16 to about 2/3 of the window's side, so a photo is searched in windows.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from facewarden.errors import PYTHON_LIBRARY, SYSTEM_LIBRARY, CannotStart
from facewarden.sandbox import weights
from facewarden.sandbox.detect.plans import Plan
from facewarden.sandbox.detect.pyramid import scaled
from facewarden.sandbox.detect.tiling import Look, windows
from facewarden.values import Pixels, Region

SIDE = 384
"""Windows are brought to this longest side, in pixels: twice the network's input.

MediaPipe shrinks without averaging, which loses small faces in large windows, and it answers in whole pixels: twice
the input keeps its own step an exact average of 2 x 2 and its answers exact to half a pixel of the network's input.
"""

WAKE_SECONDS = 10.0
"""MediaPipe ends a thread of its own that has been idle for a minute, and starts another when it is needed.

A locked worker can start none: MediaPipe would try again for ever, and the photo would meet its deadline.
"""


class BlazeFace:
    """MediaPipe's task in image mode; it owns threads, so it must be closed before the interpreter ends."""

    def __init__(self, threshold: float) -> None:
        """`threshold` is the lowest score answered, 0..1. Raises CannotStart (weights, system library, library)."""
        content = weights.read("blazeface")
        _import_the_little_needed()
        with _one_processor():
            self._task = _task(content, threshold)
        self._closed = threading.Event()
        self._waker = threading.Thread(target=self._stay_awake, name="waker", daemon=True)
        self._waker.start()

    def looks(self, width: int, height: int, smallest_face: int, plan: Plan) -> list[Look]:
        """The whole frame, and windows of half its longest side, about six, where those have 8 smallest faces' length.

        Windows share a third: a face up to a third of a window lies whole in one, a larger one is found in the frame.
        """
        whole = min(1.0, SIDE / max(width, height))
        looks = [Look(0, 0, *scaled(width, height, whole), whole)]
        if plan.windowed and max(width, height) // 2 >= 8 * smallest_face:
            scale = min(1.0, 2 * SIDE / max(width, height))
            wide, high = scaled(width, height, scale)
            side = -(-max(wide, high) // 2)
            looks += [Look(*area, scale) for area in windows(wide, high, side, side // 3)]
        return looks

    def find(self, pixels: Pixels) -> list[Region]:
        """The faces in one RGB window (height, width, 3), in whole pixels of it."""
        return [_region(found) for found in self._task.detect(_image(pixels)).detections]

    def close(self) -> None:
        """End the task's threads. Left to the interpreter's end, MediaPipe prints a traceback while it goes."""
        self._closed.set()
        self._waker.join()
        self._task.close()

    def _stay_awake(self) -> None:
        """The waker's thread: ask for nothing now and then. MediaPipe serves one call at a time, from any thread."""
        nothing = np.zeros((8, 8, 3), np.uint8)
        while not self._closed.wait(WAKE_SECONDS):
            self.find(nothing)


@contextlib.contextmanager
def _one_processor() -> Iterator[None]:
    """Show one processor only, so that MediaPipe makes one thread to compute with.

    A second would come and go unasked.
    """
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.sched_setaffinity(int(thread.name), processors)


def _region(found: Any) -> Region:
    area, score = found.bounding_box, float(found.categories[0].score)
    # In a window of two by two pixels it has answered a face of none.
    return Region(area.origin_x, area.origin_y, max(area.width, 1), max(area.height, 1), score, "blazeface")


PACKAGES = ("mediapipe", "mediapipe.tasks", "mediapipe.tasks.python", "mediapipe.tasks.python.vision")
"""What they import when they are imported as a whole is all of MediaPipe, with plotting, a microphone and other
programs."""


def _import_the_little_needed() -> None:
    """Put MediaPipe's packages into place without running them: their modules are then imported one by one.

    A worker starts 0.1 s sooner, of 0.45, and holds less code. Raises CannotStart(PYTHON_LIBRARY).
    """
    if PACKAGES[0] in sys.modules:
        return
    found = importlib.util.find_spec(PACKAGES[0])
    if found is None or not found.submodule_search_locations:
        raise CannotStart(PYTHON_LIBRARY)
    for name in PACKAGES:
        package = types.ModuleType(name)
        package.__path__ = [str(Path(found.submodule_search_locations[0], *name.split(".")[1:]))]
        sys.modules[name] = package


def _task(content: bytes, threshold: float) -> Any:
    try:
        from mediapipe.tasks.python.core.base_options import BaseOptions  # noqa: PLC0415 - see above
        from mediapipe.tasks.python.vision.face_detector import FaceDetector, FaceDetectorOptions  # noqa: PLC0415
    except ImportError as error:
        raise CannotStart(PYTHON_LIBRARY) from error
    base = BaseOptions(model_asset_buffer=content, delegate=BaseOptions.Delegate.CPU)
    try:
        return FaceDetector.create_from_options(
            FaceDetectorOptions(base_options=base, min_detection_confidence=threshold)
        )
    except OSError as error:  # ctypes could not load the native library: libEGL or libGLESv2 is not there
        raise CannotStart(SYSTEM_LIBRARY) from error


def _image(pixels: Pixels) -> Any:
    from mediapipe.tasks.python.vision.core.image import Image, ImageFormat  # noqa: PLC0415 - see above

    return Image(image_format=ImageFormat.SRGB, data=pixels)
