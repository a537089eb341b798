"""Embedded ICC profiles: from a picture's own colours to sRGB, by Little CMS."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageCms

Transform = Callable[[Image.Image], Image.Image]

_SRGB = ImageCms.createProfile("sRGB")
_COLOUR_SPACES = {"L": "GRAY", "RGB": "RGB", "RGBA": "RGB", "CMYK": "CMYK"}
"""Pillow's mode → the signature that a fitting profile carries (ICC.1:2022, table 19)."""


def to_srgb(icc: object, mode: str) -> Transform | None:
    """How pictures of `mode` (L, LA, RGB, RGBA or CMYK) with profile `icc` come to sRGB; None where nothing is to be done.

    The result is of the same mode, CMYK excepted, which gives RGB. Perceptual intent. A profile that is missing, broken
    or for other colours than these is left aside: then the numbers are taken for sRGB, as every viewer does.
    """
    colours = "L" if mode == "LA" else mode
    profile = _parse(icc)
    if profile is None or profile.profile.xcolor_space.strip() != _COLOUR_SPACES[colours]:
        return None
    target = "RGBA" if colours == "RGBA" else "RGB"
    try:
        cms = ImageCms.buildTransform(profile, _SRGB, colours, target, ImageCms.Intent.PERCEPTUAL)
    except ImageCms.PyCMSError:
        return None
    return _grey(cms) if colours == "L" else cms.apply


def _parse(icc: object) -> ImageCms.ImageCmsProfile | None:
    if not isinstance(icc, bytes) or not icc:
        return None
    try:
        return ImageCms.ImageCmsProfile(io.BytesIO(icc))
    except (OSError, ImageCms.PyCMSError):
        return None


def _grey(cms: ImageCms.ImageCmsTransform) -> Transform:
    """Little CMS knows no grey sRGB, so grey goes through colour, whose channels are equal, and back."""

    def apply(image: Image.Image) -> Image.Image:
        grey = cms.apply(image.getchannel("L")).getchannel("G")
        return grey if image.mode == "L" else Image.merge("LA", (grey, image.getchannel("A")))

    return apply
