"""A document in the making: TIFF or PDF, written page by page, so that one page's pixels are held at a time."""

from __future__ import annotations

import io
from typing import Any, Protocol

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter

from facewarden.values import Frame, Pixels

LONGEST_JPEG = 65_500
"""Pixels: what libjpeg writes at most."""
_FLAT = 0.8
"""Share of pixels that are as their left neighbour, from which on a page may be drawn rather than photographed."""
_STEP = 7
"""Every so many rows are looked at for that."""


class Book(Protocol):
    """What takes pages and becomes a file."""

    def add(self, frame: Frame, *, lossless: bool) -> int:
        """Write one page; returns the file's size so far in bytes."""

    def finished(self) -> bytes:
        """The whole file. Nothing can be added afterwards."""


class TiffBook:
    """A TIFF: black and white by itself in one bit (CCITT group 4), everything else deflated, or photos as JPEG."""

    def __init__(self, tags: dict[int, str], quality: int | None = None) -> None:
        """`tags` stand on each page; `quality` where photos shall be JPEG inside, as they were."""
        self._file = io.BytesIO()
        self._writer = AppendingTiffWriter(self._file)
        self._tags = tags
        self._quality = quality

    def add(self, frame: Frame, *, lossless: bool) -> int:
        options: dict[str, Any] = {"dpi": frame.dpi} if frame.dpi else {}
        if self._tags:
            options["tiffinfo"] = self._tags
        if is_black_and_white(frame.pixels):
            one_bit(frame.pixels).save(self._writer, "TIFF", compression="group4", **options)
        elif self._quality is None or lossless or not _suits_jpeg(frame.pixels):
            Image.fromarray(frame.pixels).save(self._writer, "TIFF", compression="tiff_adobe_deflate", **options)
        else:
            Image.fromarray(frame.pixels).save(
                self._writer, "TIFF", compression="jpeg", quality=self._quality, **options
            )
        self._writer.newFrame()
        return self._file.tell()

    def finished(self) -> bytes:
        self._writer.close()
        return self._file.getvalue()


def _suits_jpeg(pixels: Pixels) -> bool:
    """Whether JPEG can hold the frame, and would not blur what is drawn."""
    return pixels.shape[2:] != (4,) and max(pixels.shape) <= LONGEST_JPEG and not is_flat(pixels)


def is_black_and_white(pixels: Pixels) -> bool:
    """Whether a grey frame holds nothing between black and white: as a fax, and most scanned text."""
    if pixels.ndim != 2:
        return False
    # One more than 255 is 0 again, so that both become 0 or 1 and all others more.
    return not ((pixels + np.uint8(1)) > 1).any()


def one_bit(pixels: Pixels) -> Image.Image:
    """A frame of black and white with one bit a pixel."""
    return Image.fromarray(pixels > 0)


def is_flat(pixels: Pixels) -> bool:
    """Whether most pixels are as their neighbours.

    Drawn text and figures, which JPEG would blur and not make smaller.
    """
    rows = pixels[::_STEP].reshape(len(pixels[::_STEP]), pixels.shape[1], -1)
    same = (rows[:, 1:] == rows[:, :-1]).all(axis=2)
    return bool(same.size) and float(np.mean(same)) >= _FLAT
