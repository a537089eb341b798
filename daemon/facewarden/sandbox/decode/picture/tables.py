"""How a JPEG was written: its quality, guessed from its quantisation tables, and how it stores colours."""

from __future__ import annotations

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from facewarden.sandbox.decode.picture import tiff
from facewarden.values import SUBSAMPLINGS

_TABLE_MARK = b"\xff\xdb"
"""Begins quantisation tables (ITU-T T.81, B.2.4.1); their length follows, then the number of the first."""

# fmt: off
_STANDARD = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)
# fmt: on
"""The luminance table of ITU-T T.81, K.1, row by row: libjpeg scales it to a quality of 1 to 100, and most cameras do
alike."""


def written(image: Image.Image) -> tuple[int | None, int | None]:
    """The quality (1 to 100) whose luminance table is nearest to the file's, and the index into SUBSAMPLINGS.

    A TIFF has a quality where it has JPEG inside. None for what cannot be told. Only these two numbers leave the
    worker, never a table.
    """
    if tiff.is_jpeg_inside(image):
        return _inside(tiff.jpeg_tables(image)), None
    if not isinstance(image, JpegImageFile):
        return None, None
    subsampling = get_sampling(image)
    table = image.quantization.get(0)
    quality = _nearest(list(table)) if table and len(table) == 64 and 0 not in table else None
    return quality, subsampling if 0 <= subsampling < len(SUBSAMPLINGS) else None


def _inside(tables: bytes) -> int | None:
    """The quality of JPEG in a TIFF; 75, libtiff's own, where its tables stand elsewhere than they should."""
    start = tables.find(_TABLE_MARK) + len(_TABLE_MARK) + 2
    table = sorted(tables[start + 1 : start + 65])
    if start < len(_TABLE_MARK) + 2 or len(table) != 64:
        return 75
    # In these tags the order is another one, in which no two qualities have the same numbers either.
    return min(
        range(1, 101), key=lambda quality: sum(abs(a - b) for a, b in zip(table, sorted(_scaled(quality)), strict=True))
    )


def _nearest(table: list[int]) -> int:
    return min(range(1, 101), key=lambda quality: sum(abs(a - b) for a, b in zip(table, _scaled(quality), strict=True)))


def _scaled(quality: int) -> list[int]:
    """The table of libjpeg for this quality (jcparam.c)."""
    factor = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((step * factor + 50) // 100, 1), 255) for step in _STANDARD]
