"""PDF: each page drawn as a picture by PDFium, of the resolution that it was scanned at.

Nothing but what a page shows is looked at: its crop box, with annotations and what forms are filled in with. Text
becomes pixels, attachments and hidden layers stay behind, and scripts are never run: this PDFium has no engine for
them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

from facewarden.errors import (
    DOCUMENT_DAMAGED,
    DOCUMENT_LOCKED,
    DOCUMENT_TOO_LONG,
    SIDE_TOO_LONG,
    TOO_MANY_PIXELS,
    TRUNCATED,
    FileRefused,
)
from facewarden.sandbox.decode.pdf.leaves import Leaves
from facewarden.values import Frame, Limits, Picture, Pixels

_HEAD, _TAIL = 1024, 4096
"""Where readers look for a PDF's first and last words."""
_POINTS = 72
"""To the inch."""
_DRAWN_DPI = 300
"""For pages that are drawn or written rather than scanned."""
_COARSEST_DPI, _FINEST_DPI = 72, 2400
"""What a scanner may have: finer ones are a picture's that is shown much smaller than it is."""
_SCANNED, _MISSED = 0.5, 0.05
"""Shares of a page that pictures cover: where it was scanned, and where one would be missed."""
_DEEPEST = 3
"""Levels of forms in forms in which pictures are looked for."""
_FLAGS = pdfium.FPDF_ANNOT | pdfium.FPDF_REVERSE_BYTE_ORDER | pdfium.FPDF_RENDER_LIMITEDIMAGECACHE


def is_pdf(data: bytes) -> bool:
    """Whether a reader would take it for a PDF; a few bytes may stand before its signature."""
    return b"%PDF-" in data[:_HEAD]


def read(data: bytes, limits: Limits) -> tuple[Picture, Iterator[Frame]]:
    """A document, and its pages, drawn when they are due.

    Raises FileRefused, and PdfiumError where a page cannot be had.
    """
    # PDFium mends what was cut off by leaving out pages, which nobody would notice.
    if not any(word in data[-_TAIL:] for word in (b"%%EOF", b"startxref")):
        raise FileRefused(TRUNCATED)
    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as failure:
        locked = failure.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY)
        raise FileRefused(DOCUMENT_LOCKED if locked else DOCUMENT_DAMAGED) from None
    with contextlib.suppress(pypdfium2.PdfiumError):  # a broken form is no form: the pages are drawn without its fields
        document.init_forms()
    if len(document) > limits.frames:
        raise FileRefused(DOCUMENT_TOO_LONG)
    leaves = _leaves(data)
    if not 0 < len(document) == len(leaves):
        raise FileRefused(DOCUMENT_DAMAGED)
    return Picture("PDF", ()), _pages(document, leaves, limits)


def _leaves(data: bytes) -> Leaves:
    try:
        return Leaves(data)
    except pikepdf.PdfError:
        raise FileRefused(DOCUMENT_DAMAGED) from None


def _pages(document: Any, leaves: Leaves, limits: Limits) -> Iterator[Frame]:
    left = limits.document_pixels
    for number in range(len(document)):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            raise FileRefused(DOCUMENT_DAMAGED, page=number + 1) from None
        if not leaves.whole(number):
            raise FileRefused(DOCUMENT_DAMAGED, page=number + 1)
        points = page.get_size()
        try:
            width, height = _size(page, points, limits)
        except FileRefused as refused:
            raise FileRefused(refused.reason, page=number + 1) from None
        left -= width * height
        if left < 0:
            raise FileRefused(TOO_MANY_PIXELS)
        pixels = _drawn(page, width, height)
        page.close()
        yield Frame(pixels, 0, (width * _POINTS / points[0], height * _POINTS / points[1]))
        del pixels


def _size(page: Any, points: tuple[float, float], limits: Limits) -> tuple[int, int]:
    """Width and height in pixels; coarser than wanted where the limits say so."""
    if not all(1 <= side < float("inf") for side in points):
        raise FileRefused(DOCUMENT_DAMAGED)
    scale = _dpi(page, points, limits) / _POINTS
    scale = min(scale, limits.side / max(points), (limits.pixels / (points[0] * points[1])) ** 0.5)
    width, height = (max(round(side * scale), 1) for side in points)
    while width * height > limits.pixels:  # by rounding, a row at most
        width, height = (max(width - 1, 1), height) if width > height else (width, max(height - 1, 1))
    if scale * _POINTS < 2:  # less than what can be told as dots per inch, once rounded to whole pixels
        raise FileRefused(SIDE_TOO_LONG)
    return width, height


def _dpi(page: Any, points: tuple[float, float], limits: Limits) -> float:
    """The dots per inch of a page's largest picture, where pictures cover half of it: then it was scanned.

    Otherwise 300. A scan may come in strips or in layers, of which one is finer than the others. Raises FileRefused
    where a picture that would be missed cannot be decoded: PDFium says nothing of it and leaves the page white.
    """
    covered, most, finest = 0.0, 0, 0.0
    for picture, told in _pictures(page):
        across, down, size = told.horizontal_dpi, told.vertical_dpi, told.width * told.height
        if not (across > 0 and down > 0):
            continue
        share = told.width / across * told.height / down * _POINTS**2 / (points[0] * points[1])
        if share > _MISSED and size <= limits.pixels and not _decodes(picture):
            raise FileRefused(DOCUMENT_DAMAGED)
        covered += share
        most, finest = max((most, finest), (size, max(across, down)))
    return min(max(finest, _COARSEST_DPI), _FINEST_DPI) if covered >= _SCANNED else _DRAWN_DPI


def _pictures(page: Any) -> Iterator[tuple[Any, Any]]:
    """Each picture on a page with what PDFium tells of it, as far as it tells anything."""
    with contextlib.suppress(pypdfium2.PdfiumError):
        for picture in page.get_objects([pdfium.FPDF_PAGEOBJ_IMAGE], _DEEPEST):
            yield picture, picture.get_metadata()


def _decodes(picture: Any) -> bool:
    bitmap = pdfium.FPDFImageObj_GetBitmap(picture)
    if bitmap:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return bool(bitmap)


def _drawn(page: Any, width: int, height: int) -> Pixels:
    """The page on white, grey where it shows no colour."""
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, pdfium.FPDFBitmap_BGR, rev_byteorder=True)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    where = (bitmap, page, 0, 0, width, height, 0, _FLAGS)
    pdfium.FPDF_RenderPageBitmap(*where)
    if page.formenv:
        pdfium.FPDF_FFLDraw(page.formenv, *where)
    shown = bitmap.to_numpy()
    is_grey = np.array_equal(shown[..., 0], shown[..., 1]) and np.array_equal(shown[..., 1], shown[..., 2])
    pixels: Pixels = np.array(shown[..., 0] if is_grey else shown, order="C")
    bitmap.close()
    return pixels
