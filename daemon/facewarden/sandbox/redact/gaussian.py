"""`gaussian`: the original design's blur, whose kernel follows the width of the area. Cosmetic: it can be undone.

A blur only mixes the face's pixels, and a trained recogniser finds the person as often as in the untouched photo
(docs/redaction.md). Kept for those who want the look. It reads the inside, and so needs no list of clear pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from facewarden.regions import Coverage
from facewarden.sandbox.redact import blending
from facewarden.values import Pixels, Region

SHARE = 0.3
"""The kernel's side as a share of the area's width, which is the face's width times the profile's growth."""
SMALLEST = 15
"""The kernel's side, in pixels, at the least."""
LARGEST = 31
"""The largest kernel applied as it is. For a larger one, area and kernel are scaled down together, so that the cost
of a pixel does not grow with the face."""
SMALLEST_SCALE = 32
"""How many times smaller at the most: beyond it the kernel grows again, over a thousandth of the pixels."""


def draw(canvas: Pixels, areas: Sequence[Region], clear: Coverage) -> None:
    """Blur the areas and their fades in place. What two areas share is blurred twice."""
    height, width = clear.shape
    for area in areas:
        kernel = kernel_side(min(area.width, 4 * max(height, width)))
        margin = blending.reach(area) + kernel
        top, left = max(math.floor(area.y - margin), 0), max(math.floor(area.x - margin), 0)
        bottom, right = math.ceil(area.y + area.height + margin), math.ceil(area.x + area.width + margin)
        cells, step = _blurred(canvas[top:bottom, left:right], kernel)
        blending.blend(canvas, area, blending.Fill(cells, top, left, step))


def kernel_side(width: float) -> int:
    """The side of the blur's kernel for an area of the given width: max(15, 0.3 times the width), made odd."""
    return max(SMALLEST, int(SHARE * width)) // 2 * 2 + 1


def _blurred(part: Pixels, kernel: int) -> tuple[blending.Grid, int]:
    """The blurred part of a frame, in cells of as many pixels as given second."""
    rows, columns, channels = part.shape
    step = min(math.ceil(kernel / LARGEST), SMALLEST_SCALE, rows, columns)
    size = (columns // step, rows // step)
    whole = np.ascontiguousarray(part[: size[1] * step, : size[0] * step])
    cells = cv2.resize(whole, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    side = round(kernel / step) // 2 * 2 + 1
    blurred = cv2.GaussianBlur(cells, (side, side), _deviation(kernel) / step, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, dtype=np.float32).reshape(size[1], size[0], channels), step


def _deviation(kernel: int) -> float:
    """The standard deviation that OpenCV takes for a kernel when it is given none."""
    return 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
