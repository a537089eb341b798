"""Grey with more than 8 bits (Pillow's modes I;16, I and F) → 8 bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from facewarden.sandbox.decode import tiff

Levels = tuple[float, float]
"""The values that stand for black and for white."""

_FULL_SCALES = {"I": (255.0, 32767.0, 65535.0), "F": (1.0, 255.0, 65535.0)}


def levels(image: Image.Image, strips: Iterable[Image.Image]) -> Levels | None:
    """Black and white of a deep grey picture; None for all other modes.

    16 bits are 0 to 65535 (12 in a TIFF: 4095). Whole numbers and floats have no scale of their own: the smallest usual
    one (1 for floats, 255, 32767 for signed 16 bits, 65535) that holds all values is taken if they fill at least a sixteenth of it. What is
    negative, larger or smaller is stretched from its lowest to its highest value, so that nothing hides in the dark.
    """
    if image.mode.startswith("I;16"):
        black, white = 0.0, 4095.0 if tiff.is_12_bit(image) else 65535.0
    elif image.mode == "I" and image.format == "PPM":
        black, white = 0.0, 65535.0  # Pillow has scaled it to that
    elif image.mode in _FULL_SCALES:
        black, white = _by_range(image.mode, strips)
    else:
        return None
    return (white, black) if tiff.is_white_zero(image) else (black, white)


def to_8_bit(strip: Image.Image, levels: Levels) -> Image.Image:
    """A part of a deep grey picture as L, or LA where one value is transparent. NaN becomes black."""
    values = np.asarray(strip)
    black, white = levels
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinities are dealt with in the next line
        scaled = np.rint((values.astype(np.float64) - black) * (255.0 / (white - black)))
    grey = Image.fromarray(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8))
    clear = strip.info.get("transparency")
    if clear is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))


def _by_range(mode: str, strips: Iterable[Image.Image]) -> Levels:
    lowest, highest = _extremes(strips)
    for scale in _FULL_SCALES[mode]:
        if lowest >= 0 and scale / 16 <= highest <= scale:
            return 0.0, scale
    return lowest, highest if highest > lowest else lowest + 1.0


def _extremes(strips: Iterable[Image.Image]) -> Levels:
    """The lowest and highest finite value; 0 and 0 where there is none."""
    lows, highs = [], []
    for strip in strips:
        values: npt.NDArray[Any] = np.asarray(strip)
        finite = values[np.isfinite(values)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)
