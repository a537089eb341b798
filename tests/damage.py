"""Files that a copier, a cable or a disk has damaged: what becomes of each format is a table in docs/formats.md."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageFilter
from tests.documents import scanned

HOLE = 16 << 10
OVERWRITTEN = 1 << 10


def zero_tail(data: bytes) -> bytes:
    """The last 40 % are zeros, as where a copier reserves room first and is cut off."""
    kept = len(data) * 6 // 10
    return data[:kept] + bytes(len(data) - kept)


def hole(data: bytes) -> bytes:
    """16 kB in the middle are zeros, as where a block was never written."""
    start = len(data) // 2 - HOLE // 2
    return data[:start] + bytes(HOLE) + data[start + HOLE :]


def overwritten(data: bytes) -> bytes:
    """1 kB in the middle is something else, as where blocks of two files were mixed up."""
    start = len(data) // 2
    return data[:start] + random.Random(1).randbytes(OVERWRITTEN) + data[start + OVERWRITTEN :]


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "40 % zeros at the end": zero_tail,
    "a hole of 16 kB": hole,
    "1 kB of something else": overwritten,
}


def photo(mode: str = "RGB", side: int = 420) -> Image.Image:
    """Soft noise on a gradient, which compresses as little as a photo does; the caller's own to change."""
    return _photo(mode, side).copy()


@functools.cache
def _photo(mode: str, side: int) -> Image.Image:
    noise = np.random.default_rng(7).integers(0, 256, (side, side + 40, 3), np.uint8)
    ramp = Image.linear_gradient("L").resize((side + 40, side))
    soft = Image.fromarray(noise).filter(ImageFilter.GaussianBlur(1.2))
    image = Image.blend(soft, Image.merge("RGB", (ramp, ramp.rotate(180), ramp)), 0.4)
    return image.convert(mode)


def saved(container: str, mode: str = "RGB", side: int = 420, **options: Any) -> bytes:
    target = io.BytesIO()
    photo(mode, side).save(target, container, **options)
    return target.getvalue()


def animated(container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    frames = [photo("RGB").rotate(turn) for turn in (0, 90, 180)]
    frames[0].save(target, container, save_all=True, append_images=frames[1:], duration=100, **options)
    return target.getvalue()


def heic(quality: int = 90) -> bytes:
    target = io.BytesIO()
    pillow_heif.from_pillow(photo()).save(target, quality=quality)
    return target.getvalue()


KINDS: dict[str, Callable[[], bytes]] = {
    "JPEG": lambda: saved("JPEG", quality=95),
    "JPEG, progressive": lambda: saved("JPEG", quality=95, progressive=True),
    "JPEG, CMYK": lambda: saved("JPEG", "CMYK", quality=95),
    "JPEG with restart marks": lambda: saved("JPEG", quality=95, restart_marker_blocks=4),
    "HEIC": heic,
    "AVIF": lambda: saved("AVIF", quality=95, speed=9),
    "PNG": lambda: saved("PNG"),
    "APNG": lambda: animated("PNG"),
    "WebP, lossy": lambda: saved("WEBP", quality=98, method=2),
    "WebP, lossless": lambda: saved("WEBP", lossless=True, method=0),
    "WebP, animated": lambda: animated("WEBP", quality=95, method=2),
    "GIF": lambda: saved("GIF", "P"),
    "GIF, animated": lambda: animated("GIF"),
    "TIFF, LZW": lambda: saved("TIFF", compression="tiff_lzw"),
    "TIFF, deflate": lambda: saved("TIFF", compression="tiff_adobe_deflate"),
    "TIFF, Zstandard": lambda: saved("TIFF", compression="zstd"),
    "TIFF, PackBits": lambda: saved("TIFF", compression="packbits"),
    "TIFF, JPEG": lambda: saved("TIFF", compression="jpeg", quality=95),
    "TIFF, CCITT group 4": lambda: saved("TIFF", "1", 900, compression="group4"),
    "TIFF, CCITT group 3": lambda: saved("TIFF", "1", 900, compression="group3"),
    "TIFF, raw": lambda: saved("TIFF"),
    "PDF, a JPEG": lambda: scanned(photo(), dpi=150),
    "PDF, black and white": lambda: scanned(photo("1", 900), dpi=150),
    "JPEG 2000": lambda: saved("JPEG2000"),
    "JPEG 2000, lossy": lambda: saved("JPEG2000", irreversible=True, quality_mode="rates", quality_layers=[6]),
    "BMP": lambda: saved("BMP"),
    "PPM": lambda: saved("PPM"),
    "TGA": lambda: saved("TGA"),
    "TGA, run lengths": lambda: saved("TGA", compression="tga_rle"),
    "ICO": lambda: saved("ICO", "RGBA", sizes=[(256, 256)]),
    "PCX": lambda: saved("PCX"),
    "SGI": lambda: saved("SGI"),
    "DDS": lambda: saved("DDS"),
    "QOI": lambda: saved("QOI"),
}
"""A way to make a file of each kind."""
RAW = frozenset({"TIFF, raw", "BMP", "PPM", "TGA", "SGI", "DDS"})
"""Rows that are stored as they are."""
UNTOLD = frozenset({"AVIF", "JPEG 2000", "JPEG 2000, lossy", "QOI", "TIFF, Zstandard"})
"""Kinds in which something else in place of coded data decodes to other pixels, without a word."""
