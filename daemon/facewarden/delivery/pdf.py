"""PDF of pictures alone: each page one picture, of the size that the page had; nothing else is written.

Pillow's own writer would do, but knows one resolution for all pages and no lossless colour, and signs and dates what it
writes. Its objects and tables are used. ISO 32000-1: 7.4 filters, 8.9 images, 7.7 pages.
"""

from __future__ import annotations

import io
import zlib
from typing import Any

from PIL import Image
from PIL.PdfParser import IndirectReference, PdfDict, PdfName, PdfParser

from facewarden.delivery.book import LONGEST_JPEG, is_black_and_white, is_flat, one_bit
from facewarden.values import Frame, Pixels

_POINTS = 72
"""To the inch."""


class PdfBook:
    """A PDF of pictures: black and white in one bit, photos as JPEG, what is drawn or shall be lossless deflated."""

    def __init__(self, quality: int) -> None:
        self._quality = quality
        self._file = io.BytesIO()
        self._pdf = PdfParser(f=self._file, mode="w+b")
        self._pdf.start_writing()
        self._pdf.write_header()
        self._tree = self._pdf.next_object_id(0)

    def add(self, frame: Frame, *, lossless: bool) -> int:
        """A page as large as the frame is at its dots per inch; at 72 where it has none."""
        pdf, (height, width) = self._pdf, frame.pixels.shape[:2]
        across, down = frame.dpi or (_POINTS, _POINTS)
        size = (round(width * _POINTS / across, 3), round(height * _POINTS / down, 3))
        picture = self._picture(frame.pixels, lossless=lossless)
        drawing = pdf.write_obj(None, stream=b"q %.3f 0 0 %.3f 0 0 cm /P Do Q" % size)
        page = pdf.write_obj(
            None,
            Type=PdfName("Page"),
            Parent=self._tree,
            MediaBox=[0, 0, *size],
            Resources=PdfDict(XObject=PdfDict(P=picture)),
            Contents=drawing,
        )
        pdf.pages.append(page)
        return self._file.tell()

    def finished(self) -> bytes:
        pdf = self._pdf
        pdf.write_obj(self._tree, Type=PdfName("Pages"), Count=len(pdf.pages), Kids=pdf.pages)
        pdf.root_ref = pdf.write_obj(None, Type=PdfName("Catalog"), Pages=self._tree)
        pdf.write_xref_and_trailer()
        return self._file.getvalue()

    def _picture(self, pixels: Pixels, *, lossless: bool) -> IndirectReference:
        height, width = pixels.shape[:2]
        data, form = _stored(pixels, self._quality, lossless=lossless)
        colours = PdfName("DeviceGray" if pixels.ndim == 2 else "DeviceRGB")
        kind = {"Type": PdfName("XObject"), "Subtype": PdfName("Image"), "Width": width, "Height": height}
        return self._pdf.write_obj(None, stream=data, ColorSpace=colours, **kind, **form)


def _stored(pixels: Pixels, quality: int, *, lossless: bool) -> tuple[bytes, dict[str, Any]]:
    """The picture's data, and the entries that say how to read it."""
    if is_black_and_white(pixels):
        return _fax(pixels)
    lossless = lossless or max(pixels.shape) > LONGEST_JPEG
    deflated = zlib.compress(pixels.tobytes()) if lossless or is_flat(pixels) else None
    if not lossless:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality)
        if deflated is None or buffer.tell() < len(deflated):
            return buffer.getvalue(), {"Filter": PdfName("DCTDecode"), "BitsPerComponent": 8}
    assert deflated is not None
    return deflated, {"Filter": PdfName("FlateDecode"), "BitsPerComponent": 8}


def _fax(pixels: Pixels) -> tuple[bytes, dict[str, Any]]:
    """CCITT group 4: what libtiff writes between the eight bytes of a TIFF's head and its directory."""
    height, width = pixels.shape
    buffer = io.BytesIO()
    one_bit(pixels).save(buffer, "TIFF", compression="group4", strip_size=-(-width // 8) * height)
    data = buffer.getvalue()
    directory = int.from_bytes(data[4:8], "little")
    form = PdfDict({"K": -1, "BlackIs1": True, "Columns": width, "Rows": height})
    return data[8:directory], {"Filter": PdfName("CCITTFaxDecode"), "DecodeParms": form, "BitsPerComponent": 1}
