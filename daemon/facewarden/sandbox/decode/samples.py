"""One small picture per format, made in memory, to warm every decoder before the worker is locked."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageCms

from facewarden.errors import FileRefused

_SIDE = 16
_MODES = {"MSP": "1", "XBM": "1", "SPIDER": "F"}
_WRITABLE = (
    *("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "JPEG2000", "AVIF", "PPM", "QOI", "DDS", "ICO", "SGI", "PCX", "MSP"),
    *("XBM", "DIB", "SPIDER", "TGA"),
)
_TIFF_KINDS: tuple[dict[str, Any], ...] = (
    *({"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
    {"compression": "group4", "mode": "1"},
    {"mode": "I;16"},
    {"mode": "LAB"},
)


def preload(decode: Callable[[bytes], object]) -> None:
    """Pass each sample, and then garbage, through `decode`."""
    # Pillow logs tag values, which are the file's, for debugging.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    for data in samples():
        decode(data)
    for garbage in (b"\x00" * 64, b"\x89PNG\r\n\x1a\n" + b"\x00" * 64):
        with contextlib.suppress(FileRefused):  # it is; so is the way to say so warm too
            decode(garbage)


def samples() -> Iterator[bytes]:
    """A file of every format that Pillow can also write, and of the kinds that take a way of their own."""
    for name in _WRITABLE:
        yield _file(name, mode=_MODES.get(name, "RGB"))
    for kind in _TIFF_KINDS:
        yield _file("TIFF", **kind)
    yield _file("PNG", mode="P", transparency=0)
    yield _file("GIF", save_all=True, append_images=[Image.new("RGB", (_SIDE, _SIDE), "red")])
    yield _file("JPEG", mode="CMYK", progressive=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    yield _file("JPEG", icc_profile=profile, exif=exif)


def _file(name: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    Image.new(mode, (_SIDE, _SIDE)).save(target, name, **options)
    return target.getvalue()
