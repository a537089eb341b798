"""What TIFF says in its tags and Pillow does not act upon. Tag numbers: TIFF 6.0 and Adobe's DNG 1.6."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _BITS, _PHOTOMETRIC, _ORIENTATION, _SUB_IFDS, _DNG_VERSION = (
    254,
    255,
    258,
    262,
    274,
    330,
    50706,
)
_COMPRESSION, _JPEG_TABLES = 259, 347
_RESOLUTION, _UNITS = (282, 283, 296), (2, 3)
"""Across, down and their unit, which is 2 for inches and 3 for centimetres."""
_PARTS = ((273, 279), (324, 325))
"""Offsets and lengths of strips, and of tiles."""


def tag(image: Image.Image, number: int, default: Any = None) -> Any:
    """A tag of the current page, never checked; `default` where it is missing or the picture is no TIFF."""
    return image.tag_v2.get(number, default) if isinstance(image, TiffImageFile) else default


def is_reduced(image: Image.Image) -> bool:
    """Whether the current page is a smaller view of another one: a thumbnail, or a level of a pyramid."""
    subfile = tag(image, _SUBFILE_TYPE)
    if subfile is None:
        return bool(tag(image, _OLD_SUBFILE_TYPE) == 2)
    return isinstance(subfile, int) and subfile & 1 == 1


def is_camera_raw(image: Image.Image) -> bool:
    """Whether this is a camera's raw file (DNG, NEF, ARW): its first page is but a thumbnail of the photo."""
    return tag(image, _DNG_VERSION) is not None or (is_reduced(image) and tag(image, _SUB_IFDS) is not None)


def is_mask(image: Image.Image) -> bool:
    """Whether the current page is the mask of another one.

    What it hides there would come out: Pillow does not apply it.
    """
    subfile = tag(image, _SUBFILE_TYPE, 0)
    return (isinstance(subfile, int) and subfile & 4 == 4) or bool(tag(image, _PHOTOMETRIC) == 4)


def has_resolution(image: Image.Image) -> bool:
    """Whether the current page itself tells its dots per inch, or per centimetre."""
    across, down, unit = (tag(image, number) for number in _RESOLUTION)
    return bool(across and down) and unit in (None, *_UNITS)


def is_jpeg_inside(image: Image.Image) -> bool:
    """Whether the current page is compressed as JPEG (TIFF Technical Note 2)."""
    return bool(tag(image, _COMPRESSION) == 7)


def jpeg_tables(image: Image.Image) -> bytes:
    """The tables of JPEG inside, which all strips share; empty where there are none."""
    tables = tag(image, _JPEG_TABLES)
    return tables if isinstance(tables, bytes) else b""


def is_white_zero(image: Image.Image) -> bool:
    """Whether 0 means white. Pillow inverts such pages of up to 8 bits, but not deeper ones."""
    return bool(tag(image, _PHOTOMETRIC, 1) == 0)


def is_12_bit(image: Image.Image) -> bool:
    """Whether grey has 12 bits, which Pillow hands out unscaled in 16."""
    return bool(tag(image, _BITS) == (12,))


def orientation(image: Image.Image) -> Any:
    """The page's orientation before loading: Pillow turns a page while it loads, and forgets the tag."""
    return tag(image, _ORIENTATION, 1)


def ends_early(image: Image.Image, length: int) -> bool:
    """Whether a strip or tile lies beyond the file's `length` bytes."""
    return any(end > length for _, end in parts(image))


def is_deflated(image: Image.Image) -> bool:
    """Whether the current page is deflated (TIFF Technical Note 3, and what came before it)."""
    return tag(image, _COMPRESSION) in (8, 32946)


def parts(image: Image.Image) -> Iterator[tuple[int, int]]:
    """Where each strip or tile of the current page begins and ends."""
    for offset_tag, length_tag in _PARTS:
        offsets, lengths = tag(image, offset_tag, ()), tag(image, length_tag, ())
        if isinstance(offsets, tuple) and isinstance(lengths, tuple):
            yield from ((start, start + size) for start, size in zip(offsets, lengths, strict=False))
