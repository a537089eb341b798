"""CenterFace: a fully convolutional network that answers for every fourth pixel how likely a face has its centre there.

Xu et al., CenterFace: Joint Face Detection and Alignment Using Face as Point (2019), arXiv:1911.03599. It takes any
size divisible by 32 and finds faces from about 8 to 500 pixels, so a photo is searched at several scales.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from facewarden.errors import PYTHON_LIBRARY, CannotStart
from facewarden.sandbox import weights
from facewarden.sandbox.detect.network.folding import folded, taking_folded
from facewarden.sandbox.detect.network.mending import mended
from facewarden.sandbox.detect.network.quantised import quantised
from facewarden.sandbox.detect.network.ranges import RANGES
from facewarden.sandbox.detect.plans import Plan, budget
from facewarden.sandbox.detect.pyramid import scaled
from facewarden.sandbox.detect.tiling import Look, windows
from facewarden.values import Pixels, Region

STRIDE = 4
"""One cell of the answers stands for 4 x 4 pixels (section 3.1 of the paper)."""

STEP = 32
"""Both sides of the network's input are multiples of this: it halves the picture five times and adds it up again."""

IMAGE, OUTPUTS = "input.1", ("537", "538", "539")
"""Names in the ONNX graph: the picture, then heat map, size and offset; landmarks are not asked for."""

EDGE = 8
"""Pixels of grey all around a window. A face of 12 pixels in the very corner of a photo was missed in 16 of 24 tries,
with it in 3; a wider one costs small photos time, and faces elsewhere."""

GREY = (127, 127, 127)

WHOLE = 400
"""The smallest scale is the first at which the whole frame is no longer than this, in pixels: it sees any large
face."""

LARGEST = 128
"""Faces up to this many pixels are taken from each scale; larger ones from the next smaller scale, where few are
false."""

WINDOW = 896
"""Longest side in pixels of one window as the network sees it. Larger ones overlap less, but leave the processor's
cache: 1280 takes the same time and 27 MB more."""

OVERLAP = LARGEST + 32
"""A face of LARGEST pixels lies whole in a window, with half a cell of the coarsest layer around it."""

FATAL = 4
"""ONNX Runtime's severity from which on it writes to stderr."""

Answers = npt.NDArray[np.float32]


class CenterFace:
    """The network under ONNX Runtime, in the calling thread.

    On one thread it is twice as fast as under OpenCV's own engine.
    """

    def __init__(self, threshold: float) -> None:
        """`threshold` is the lowest score answered, 0..1. Raises CannotStart (weights, library)."""
        content = weights.read("centerface")
        self._threshold = threshold
        model = taking_folded(mended(content, IMAGE, OUTPUTS), IMAGE)
        self._session = _session(quantised(model, IMAGE, RANGES))

    def looks(self, width: int, height: int, smallest_face: int, plan: Plan) -> list[Look]:
        """Windows in which the smallest face is as large as the plan wants it, and at smaller scales."""
        pixels = budget(plan.pixels, width, height)
        return scaled_looks(width, height, plan.enlarged / smallest_face, pixels, mirrored=plan.mirrored)

    def close(self) -> None:
        """Give the network's memory back; nothing can be found after this."""
        del self._session

    def find(self, pixels: Pixels) -> list[Region]:
        """The faces in one RGB window (height, width, 3), in its pixels; one face may be answered several times."""
        heat, size, offset = self._session.run(OUTPUTS, {IMAGE: folded(_padded(pixels))[None]})
        found = decode(heat[0, 0], size[0], offset[0], self._threshold)
        return [dataclasses.replace(answer, x=answer.x - EDGE, y=answer.y - EDGE) for answer in found]


def _session(model: bytes) -> Any:
    """ONNX Runtime with this model. Raises CannotStart(PYTHON_LIBRARY)."""
    try:
        import onnxruntime  # noqa: PLC0415 - only behind the worker's first lock
    except ImportError as error:
        raise CannotStart(PYTHON_LIBRARY) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_mem_pattern = (
        False  # it plans memory for one input size, and ours are many: a third more for nothing
    )
    options.log_severity_level = FATAL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def scaled_looks(width: int, height: int, largest: float, pixels: float, *, mirrored: bool) -> list[Look]:
    """Windows at scales from `largest`, by halves, down to the one that shows the whole frame small.

    Together they have less than 4/3 of the largest scale's pixels (at most `pixels`), and a quarter more where that
    takes windows; all of it twice with a mirror.
    """
    scales = [min(largest, math.sqrt(pixels / (width * height)))]
    while scales[-1] * max(width, height) > WHOLE:
        scales.append(scales[-1] / 2)
    mirrors = (False, True) if mirrored else (False,)
    return [look for scale in scales for mirror in mirrors for look in _looks(width, height, scale, mirrored=mirror)]


def _looks(width: int, height: int, scale: float, *, mirrored: bool) -> list[Look]:
    """One scale's windows; where the whole frame is small, faces of any size are taken from it."""
    largest = LARGEST if scale * max(width, height) > WHOLE else math.inf
    areas = windows(*scaled(width, height, scale), WINDOW, OVERLAP)
    return [Look(*area, scale, largest, mirrored) for area in areas]


def _padded(pixels: Pixels) -> Pixels:
    """The window with EDGE all around, and right and below what is missing to multiples of STEP.

    No face changes its shape.
    """
    height, width = (length + 2 * EDGE for length in pixels.shape[:2])
    below, right = EDGE + -height % STEP, EDGE + -width % STEP
    return np.asarray(cv2.copyMakeBorder(pixels, EDGE, below, EDGE, right, cv2.BORDER_CONSTANT, value=GREY), np.uint8)


def decode(heat: Answers, size: Answers, offset: Answers, threshold: float) -> list[Region]:
    """Turn the network's answers into regions (sections 3.1 and 3.2 of the paper).

    `heat` is (rows, columns) in 0..1; `size` and `offset` are (2, rows, columns), down first: the logarithm of the
    face's height and width in cells, and where in its cell the face's centre lies. Raises FloatingPointError where an
    answer is no number: it is neither above a threshold nor below, and the face in it would be missed without a word.
    """
    if not (np.isfinite(heat).all() and np.isfinite(size).all() and np.isfinite(offset).all()):
        raise FloatingPointError
    rows, columns = np.nonzero((heat >= threshold) & _peaks(heat))
    heights, widths = np.exp(size[:, rows, columns]) * STRIDE
    down, across = (np.stack((rows, columns)) + offset[:, rows, columns] + 0.5) * STRIDE
    found = np.stack((across - widths / 2, down - heights / 2, widths, heights, heat[rows, columns]), axis=1)
    return [Region(x, y, width, height, score, "centerface") for x, y, width, height, score in found.tolist()]


def _peaks(heat: Answers) -> npt.NDArray[np.bool_]:
    """Cells that no neighbour exceeds: the network answers one face in several cells round its centre."""
    highest = cv2.dilate(heat, np.ones((3, 3), np.uint8))
    return np.asarray(heat >= highest)
