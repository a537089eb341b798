"""Small PDF documents, drawn by hand or by writers that are not ours."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of these objects, of which the first is the catalog."""
    data, places = bytearray(b"%PDF-1.7\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = len(data)
    data += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    data += b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, table)
    return bytes(data)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%s>>\nstream\n%s\nendstream" % (len(content), entries, content)


def one_page(drawing: bytes, entries: bytes = b"", *more: bytes, box: bytes = b"0 0 300 200") -> bytes:
    """A document of one page; further objects are numbers 5 and up."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R%s>>" % (box, entries)
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, stream(drawing), *more)


def scanned(*pages: Image.Image, dpi: int = 200, **options: Any) -> bytes:
    """A document of scanned pages, by Pillow's writer, which is not ours."""
    target = io.BytesIO()
    pages[0].save(target, "PDF", save_all=True, append_images=pages[1:], resolution=dpi, **options)
    return target.getvalue()


WORD = b"BT /F 40 Tf 20 80 Td (Words) Tj ET"
FONT = b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"


def encrypted(title: bytes = b"") -> bytes:
    """A document that wants a password: RC4 of 40 bits with keys that no empty password opens (ISO 32000-1, 7.6)."""
    keys = b"/O<%s>/U<%s>" % (b"11" * 32, b"22" * 32)
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -4%s>>/ID[<00><00>]" % keys
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
        trailer=lock + b"/Info<</Title(%s)>>" % title,
    )
