"""Different small photos of one face: the same number always gives the same bytes, and shows in the result."""

from __future__ import annotations

import functools
import io

import numpy as np
import skimage.data
from PIL import Image

from facewarden.values import Pixels

SIDE = 128
FACE = (slice(24, 72), slice(36, 84))
"""Rows and columns that lie inside the face."""
STRIP = (slice(0, 8), slice(0, 128))
"""Rows and columns of the grey bars that tell one portrait from another; far from the face."""


@functools.cache
def _small() -> Pixels:
    return np.array(Image.fromarray(skimage.data.astronaut()).crop((96, 0, 352, 256)).resize((SIDE, SIDE)))


def portrait_pixels(number: int) -> Pixels:
    """The portrait before it is encoded."""
    marked = _small().copy()
    bars = np.random.default_rng(number).integers(0, 256, 16, dtype=np.uint8)
    marked[STRIP] = np.repeat(bars, 8)[None, :, None]
    return marked


@functools.lru_cache(maxsize=2000)
def portrait(number: int) -> bytes:
    """The portrait as a JPEG file of about 8 kB."""
    file = io.BytesIO()
    Image.fromarray(portrait_pixels(number)).save(file, "JPEG", quality=95)
    return file.getvalue()
