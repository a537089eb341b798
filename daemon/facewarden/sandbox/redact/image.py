"""`image`: the operator's emblem (an emoji, a logo) over each area, which a veil has filled before.

The emblem keeps its proportions, is as large as fits into the area's bounding rectangle, and is cut off at the area's
edge: round ones stay whole in an ellipse, square ones want `shape: rectangle`. Where it is transparent the veil shows.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from facewarden import regions
from facewarden.sandbox.redact.blending import STRIP
from facewarden.values import Pixels, Region


def draw(canvas: Pixels, area: Region, emblem: Pixels) -> None:
    """Draw the emblem over the area in place; `canvas` has shape (height, width, channels).

    `emblem` is grey, RGB or RGBA of any size; on a grey canvas it is grey.
    """
    inner = regions.spans(area, *canvas.shape[:2])
    source, places = _fitted(_weighted(emblem, canvas.shape[2]), area)
    columns = inner.columns
    for start in range(inner.top, inner.bottom, STRIP):
        rows = slice(start, min(start + STRIP, inner.bottom))
        corner = places @ (columns.start, rows.start, 1)
        size = (columns.stop - columns.start, rows.stop - rows.start)
        matrix = np.column_stack((places[:, :2], corner))
        # Beyond the emblem's border everything is 0, which is transparent.
        seen = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        shown = np.asarray(seen, dtype=np.uint8)
        below = canvas[rows, columns]
        through = 255 - shown[..., -1:].astype(np.uint16)
        mixed = np.minimum(shown[..., :-1] + (below * through + 127) // 255, 255).astype(np.uint8)
        np.copyto(below, mixed, where=inner.within(rows, columns)[..., None])


def _weighted(emblem: Pixels, channels: int) -> Pixels:
    """The emblem with as many colour channels as asked for, each multiplied by the alpha that follows them.

    So that an edge takes no colour from what is transparent beside it.
    """
    height, width = emblem.shape[:2]
    parts = emblem.reshape(height, width, -1)
    colours, alpha = parts[..., :3], parts[..., 3:]
    if channels == 1 and colours.shape[2] == 3:
        colours = np.asarray(cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2GRAY), dtype=np.uint8)[..., None]
    if not alpha.size:
        alpha = np.full((height, width, 1), 255, dtype=np.uint8)
    weighted = (colours.astype(np.uint16) * alpha + 127) // 255
    colours = np.broadcast_to(weighted.astype(np.uint8), (height, width, channels))
    return np.concatenate((colours, alpha), axis=2)


def _fitted(emblem: Pixels, area: Region) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """The emblem no larger than it is needed, and the matrix from the frame's pixels (x, y, 1) to its own.

    Reduced, it is averaged, since sampling would leave out whole lines; enlarging is left to the sampling.
    """
    height, width = emblem.shape[:2]
    scale = min(area.width / width, area.height / height)
    size = (max(round(width * min(scale, 1)), 1), max(round(height * min(scale, 1)), 1))
    small = np.asarray(cv2.resize(emblem, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    across, down = size[0] / (width * scale), size[1] / (height * scale)
    left, top = area.x + area.width / 2 - width * scale / 2, area.y + area.height / 2 - height * scale / 2
    # A pixel's middle lies half a pixel from its corner, here and there.
    return small, np.array([[across, 0, (0.5 - left) * across - 0.5], [0, down, (0.5 - top) * down - 0.5]])
