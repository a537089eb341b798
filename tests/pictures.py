"""Made-up frames, and encoded pictures read back."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageSequence

from facewarden.values import Frame, Pixels


def frame(height: int, width: int, channels: int, seed: int = 0, duration: int = 0) -> Frame:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Frame(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), duration)


def flat(value: int, duration: int, size: int = 8) -> Frame:
    return Frame(np.full((size, size, 3), value, np.uint8), duration)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def seen(data: bytes) -> list[Pixels]:
    with opened(data) as image:
        # One bit a pixel is told as 0 and 255, as any grey.
        return [np.array(page.convert("L") if page.mode == "1" else page) for page in ImageSequence.Iterator(image)]
