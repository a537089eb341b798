"""Every mode that Pillow knows → 8-bit grey, RGB or RGBA in sRGB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from PIL import Image

from facewarden.sandbox.decode.picture import depth, layouts, profile, tiff, upright
from facewarden.values import Frame, Pixels

_STRIP_PIXELS = 1 << 18
"""Conversion goes by strips of this size.

They stay in the processor's cache, and a photo of 100 megapixels needs no third and fourth copy of itself.
"""
_ICC_TAG = 34675
_CHANNELS = {"L": (), "RGB": (3,), "RGBA": (4,)}

Canvas = tuple[int, int, int]
"""Height, width and channels of every frame of an animation."""


def to_srgb(image: Image.Image, orientation: int) -> Pixels:
    """The pixels of a loaded picture, turned upright: grey stays grey, what has any transparency becomes RGBA.

    Fully transparent pixels become white, unless the whole picture is transparent, which is a program's mistake.
    A 16-bit value v becomes round(v/257). Pillow itself has already cut colour of 16 bits a channel to its upper 8.
    """
    _drop_odd_transparency(image)
    mode = _plain_mode(image)
    # A page of a TIFF keeps the profile of the page before in `info` where it has none of its own.
    icc = tiff.tag(image, _ICC_TAG) if image.format == "TIFF" else image.info.get("icc_profile")
    transform = profile.to_srgb(icc, mode)
    if mode == "CMYK" and transform is None:
        mode = "RGB"
    levels = depth.levels(image, _strips(image))
    is_lab = layouts.samples(image) == layouts.LAB
    target = {"LA": "RGBA", "CMYK": "RGB"}.get(mode, mode)
    width, height = image.size
    size = (width, height) if upright.is_sideways(orientation) else (height, width)
    pixels: Pixels = np.empty((*size, *_CHANNELS[target]), np.uint8)
    row = 0
    for strip in _strips(image):
        plain = depth.to_8_bit(strip, levels) if levels else _lab(strip) if is_lab else strip
        plain = _convert(plain, mode)
        plain = _convert(transform(plain) if transform else plain, target)
        upright.place(plain, row, pixels, orientation)
        row += strip.height
    if target == "RGBA":
        _forget_unseen(pixels)
    return pixels


def canvas(first: Frame, others: Iterable[Frame]) -> Canvas | None:
    """What all frames of an animation are brought to, as many channels as the richest has and as large as the first.

    None of a still.

    A GIF's first frame may be grey and its second not. Of the frames nothing but this is kept.
    """
    channels = [_shape(frame)[2] for frame in others]
    height, width, own = _shape(first)
    return (height, width, max(own, *channels)) if channels else None


def like(frame: Frame, shape: Canvas) -> Frame:
    """A frame cut to the canvas, with colour and alpha added where they are missing.

    A later frame may go beyond the canvas: Pillow widens that, but no viewer shows what lies there, so it must not come
    out.
    """
    if _shape(frame) == shape:
        return frame
    own = frame.pixels[: shape[0], : shape[1]].reshape(*shape[:2], -1)
    pixels: Pixels = np.empty(shape, np.uint8)
    pixels[..., 3:] = 255
    pixels[..., : max(own.shape[2], 3)] = own
    return Frame(pixels.squeeze(2) if shape[2] == 1 else pixels, frame.duration)


def _shape(frame: Frame) -> Canvas:
    height, width, channels = (*frame.pixels.shape, 1)[:3]
    return height, width, channels


def _forget_unseen(pixels: Pixels) -> None:
    """Colours that nobody can see must not leave: they may be a name that was painted out with transparency."""
    seen = pixels[..., 3] > 0
    if seen.any():
        pixels[~seen] = (255, 255, 255, 0)


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    width, height = image.size
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        yield image.crop((0, top, width, min(top + rows, height)))


def _lab(strip: Image.Image) -> Image.Image:
    """CIE L*a*b* of a TIFF, which was read as if it were RGB: a* and b* have a sign there."""
    lightness, *opponents = strip.split()
    shifted = [channel.point([level ^ 128 for level in range(256)]) for channel in opponents]
    return Image.merge("LAB", (lightness, *shifted))


def _plain_mode(image: Image.Image) -> str:
    """The simplest mode of 8 bits that can hold what `image` holds: L, LA, RGB, RGBA or CMYK."""
    if layouts.samples(image) in layouts.ALPHA:
        return "LA"
    if image.mode == "CMYK":
        return "CMYK"
    is_grey = image.mode in {"1", "L", "LA", "La", "I", "F"} or image.mode.startswith("I;16") or _is_grey_ramp(image)
    return ("L" if is_grey else "RGB") + ("A" if image.has_transparency_data else "")


def _is_grey_ramp(image: Image.Image) -> bool:
    """Whether a picture with a palette has nothing but greys in it, as scanners and GIF store them.

    With a profile it has not: that would be one for colours.
    """
    if image.mode != "P" or "icc_profile" in image.info:
        return False
    palette = np.asarray(image.getpalette("RGB"), np.uint8).reshape(-1, 3)
    return bool((palette == palette[:, :1]).all())


def _convert(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)


def _drop_odd_transparency(image: Image.Image) -> None:
    """Forget a transparent colour that does not fit the mode: a PNG's text may put anything in its place."""
    stated: Any = image.info.get("transparency")
    fits = {
        "1": isinstance(stated, int),
        "L": isinstance(stated, int),
        "P": isinstance(stated, int | bytes),
        "RGB": isinstance(stated, tuple) and len(stated) == 3,
    }
    if not fits.get(image.mode, image.mode.startswith("I;16") and isinstance(stated, int)):
        image.info.pop("transparency", None)
