"""Embedded ICC profiles: from a picture's own colours to sRGB, by Little CMS."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageCms

Transform = Callable[[Image.Image], Image.Image]

_SRGB = ImageCms.createProfile("sRGB")
_COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}
"""Pillow's mode → the signature that a fitting profile carries (ICC.1:2022, table 19)."""
_PROBE = Image.fromarray((np.indices((18, 18, 18), np.uint8) * 15).reshape(3, -1).T.reshape(-1, 18, 3))
"""18 levels of each of red, green and blue, in all combinations."""
_GREYS = Image.fromarray(np.arange(256, dtype=np.uint8)[np.newaxis])


def to_srgb(icc: object, mode: str) -> Transform | None:
    """How pictures of `mode` (L, LA, RGB, RGBA or CMYK) with profile `icc` come to sRGB.

    None where nothing is to be done. The result is of the same mode, CMYK excepted, which gives RGB. Perceptual intent.
    A profile that is missing, broken or for other colours than these is left aside: then the numbers are taken for
    sRGB, as every viewer does. So is one that is sRGB itself, which most are: it would take longer than decoding, to
    change nothing but last bits.
    """
    try:
        return _transform(icc, "L" if mode == "LA" else mode)
    except (ImageCms.PyCMSError, OSError, ValueError):
        # Little CMS does not take it, or Pillow not the text in it.
        return None


def _transform(icc: object, mode: str) -> Transform | None:
    cms = _build(icc, mode)
    if cms is None:
        return None
    transform = _by_table(cms) if mode == "L" else cms.apply
    return None if mode != "CMYK" and _changes_nothing(transform, mode) else transform


def _build(icc: object, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Little CMS's transform, None without a profile for these colours. Raises what it raises for broken ones."""
    if not isinstance(icc, bytes) or not icc:
        return None
    profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    if profile.profile.xcolor_space.strip() != _COLOUR_SPACES[mode]:
        return None
    target = "RGBA" if mode == "RGBA" else "RGB"
    # The short way that Little CMS takes for grey of 8 bits is up to ten levels off for a linear profile.
    flags = ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE
    return ImageCms.buildTransform(profile, _SRGB, mode, target, ImageCms.Intent.PERCEPTUAL, flags)


def _by_table(cms: ImageCms.ImageCmsTransform) -> Transform:
    """Little CMS knows no grey sRGB: grey goes to colour, of which any channel is the grey. 256 levels are a table."""
    table = np.asarray(cms.apply(_GREYS))[0, :, 1].tolist()

    def apply(image: Image.Image) -> Image.Image:
        grey = image.getchannel("L").point(table)
        return grey if image.mode == "L" else Image.merge("LA", (grey, image.getchannel("A")))

    return apply


def _changes_nothing(transform: Transform, mode: str) -> bool:
    """Whether no colour moves by more than one level of 255."""
    probe = _GREYS if mode == "L" else _PROBE.convert(mode)
    before, after = np.asarray(probe, np.int16), np.asarray(transform(probe), np.int16)
    return int(np.abs(before - after).max()) <= 1
