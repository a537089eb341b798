"""Grey with more than 8 bits (Pillow's modes I;16, I and F), and samples of a TIFF with a sign → 8 bits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from facewarden.sandbox.decode.picture import layouts, tiff


class Levels(NamedTuple):
    """The values that stand for black and for white, and what the bytes are where Pillow's mode does not tell."""

    black: float
    white: float
    samples: str = ""


_FULL_SCALES = {"I": (255.0, 32767.0, 65535.0), "F": (1.0, 255.0, 65535.0)}
_SIGNED = (-128.0, 127.0)
_WHOLE_32 = float(0xFFFFFFFF)


def levels(image: Image.Image, strips: Iterable[Image.Image]) -> Levels | None:
    """Black and white of a deep grey picture; None for all other modes.

    16 bits are 0 to 65535 (12 in a TIFF: 4095). Whole numbers and floats have no scale of their own: the smallest
    usual one (1 for floats, 255, 32767 for signed 16 bits, 65535, all of 32 bits where they have no sign) that holds
    all values is taken if they fill at least a sixteenth of it. What is negative, larger or smaller is stretched from
    its lowest to its highest value, so that nothing hides in the dark. 8 bits with a sign are -128 to 127, or 0 to
    127 where none is negative.
    """
    samples = layouts.samples(image)
    if samples in layouts.ALPHA or image.mode.startswith("I;16"):
        black, white = 0.0, 4095.0 if tiff.is_12_bit(image) else 65535.0
    elif image.mode == "I" and image.format == "PPM":
        black, white = 0.0, 65535.0  # Pillow has scaled it to that
    elif samples == layouts.SIGNED:
        black, white = _SIGNED if _extremes(strips, samples)[0] < 0 else (0.0, _SIGNED[1])
    elif samples == layouts.WHOLE_32:
        black, white = _by_range((*_FULL_SCALES["I"], _WHOLE_32), strips, samples)
    elif image.mode in _FULL_SCALES:
        black, white = _by_range(_FULL_SCALES[image.mode], strips)
    else:
        return None
    return Levels(white, black, samples) if tiff.is_white_zero(image) else Levels(black, white, samples)


def to_8_bit(strip: Image.Image, levels: Levels) -> Image.Image:
    """A part of a deep picture as L or RGB, or LA where it has alpha or one value is transparent. NaN becomes black."""
    values = _values(strip, levels.samples)
    if levels.samples in layouts.ALPHA:
        both = np.rint(values.astype(np.float64) / 257).astype(np.uint8)
        return Image.merge("LA", [Image.fromarray(np.ascontiguousarray(both[..., each])) for each in range(2)])
    with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinities are dealt with in the next line
        scaled = np.rint((values.astype(np.float64) - levels.black) * (255.0 / (levels.white - levels.black)))
    grey = Image.fromarray(np.clip(np.nan_to_num(scaled, nan=0.0), 0, 255).astype(np.uint8))
    clear = strip.info.get("transparency")
    if clear is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(values == clear, 0, 255).astype(np.uint8))))


def _by_range(scales: Iterable[float], strips: Iterable[Image.Image], samples: str = "") -> tuple[float, float]:
    lowest, highest = _extremes(strips, samples)
    for scale in scales:
        if lowest >= 0 and scale / 16 <= highest <= scale:
            return 0.0, scale
    return lowest, highest if highest > lowest else lowest + 1.0


def _extremes(strips: Iterable[Image.Image], samples: str) -> tuple[float, float]:
    """The lowest and highest finite value; 0 and 0 where there is none."""
    lows, highs = [], []
    for strip in strips:
        values = _values(strip, samples)
        finite = values[np.isfinite(values)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def _values(strip: Image.Image, samples: str) -> npt.NDArray[Any]:
    """The numbers that were stored; of grey with alpha two for each pixel."""
    values: npt.NDArray[Any] = np.asarray(strip)
    if samples in layouts.ALPHA:
        return values.view(samples).reshape(*values.shape, 2)
    return values.view(samples) if samples else values
