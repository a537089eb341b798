"""YuNet: a small detector whose weights the operator supplies; three to four times cheaper than CenterFace.

Wu et al., YuNet: A Tiny Millisecond-level Face Detector (2023), doi:10.1007/s11633-023-1423-y. It runs in OpenCV's
`FaceDetectorYN` at any size and finds faces from about 10 to 300 pixels, so it shares CenterFace's scales.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewarden.errors import SUPPLIED_WEIGHTS, CannotStart
from facewarden.sandbox.detect.detectors.centerface import scaled_looks
from facewarden.sandbox.detect.plans import Plan
from facewarden.sandbox.detect.tiling import Look
from facewarden.values import Pixels, Region

OVERLAP = 0.6
"""Of two answers that overlap by more than this the surer is kept; ours are joined later, so little is left to it."""

MOST = 5000
"""Answers of one look that are considered."""

ENLARGED = 42
"""At its largest scale the smallest face wanted is this many pixels wide: it was trained on smaller faces than
CenterFace."""

PIXELS = 3_000_000
"""Most pixels of its largest scale, in every plan: a third of what they cost CenterFace."""


class YuNet:
    """The network under OpenCV's dnn, in the calling thread."""

    def __init__(self, threshold: float, content: bytes) -> None:
        """`content` is the weights file's. Raises CannotStart(SUPPLIED_WEIGHTS) where OpenCV cannot use it."""
        try:
            weights, nothing = np.frombuffer(content, np.uint8), np.zeros(0, np.uint8)
            self._network = cv2.FaceDetectorYN.create("onnx", weights, nothing, (320, 320), threshold, OVERLAP, MOST)
        except cv2.error as error:
            raise CannotStart(SUPPLIED_WEIGHTS) from error

    def looks(self, width: int, height: int, smallest_face: int, plan: Plan) -> list[Look]:
        """Windows as CenterFace's, at scales of its own."""
        return scaled_looks(width, height, ENLARGED / smallest_face, PIXELS, mirrored=plan.mirrored)

    def find(self, pixels: Pixels) -> list[Region]:
        """The faces in one RGB window (height, width, 3), in its pixels."""
        height, width = pixels.shape[:2]
        self._network.setInputSize((width, height))
        _, found = self._network.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
        return [] if found is None else [_region(answer) for answer in found]

    def close(self) -> None:
        """Nothing to give back."""


def _region(answer: npt.NDArray[np.float32]) -> Region:
    x, y, width, height = (float(number) for number in answer[:4])
    return Region(x, y, max(width, 1.0), max(height, 1.0), float(min(max(answer[-1], 0.0), 1.0)), "yunet")
