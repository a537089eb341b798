"""Whether a stream of a PDF is whole.

Deflated data tells by its checksum, pictures by as many bytes as they need, JPEG and fax by decoding.
"""

from __future__ import annotations

import base64
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
from PIL import Image

from facewarden.sandbox.decode import listening

_FLATE = ("/FlateDecode", "/Fl")
_DCT, _FAX, _JPX, _JBIG2 = ("/DCTDecode", "/DCT"), ("/CCITTFaxDecode", "/CCF"), ("/JPXDecode",), ("/JBIG2Decode",)
_SCALED = 8
"""A JPEG's codes can be read without making all of its pixels: only every eighth."""
_CHANNELS = {
    **dict.fromkeys(("/DeviceGray", "/G", "/CalGray", "/Indexed", "/I", "/Separation"), 1),
    **dict.fromkeys(("/DeviceRGB", "/RGB", "/CalRGB", "/Lab"), 3),
    **dict.fromkeys(("/DeviceCMYK", "/CMYK"), 4),
}
_BLOCK = bytes(4096)
"""No whole block of a file system is empty in coded data."""
_TIFF_HEAD = 256
"""More bytes than the tags take."""


def whole(stream: Any) -> bool:
    """Whether a stream's filters can be undone to its end, and a picture then has all of its rows."""
    filters = _listed(stream, "/Filter", "/F")
    is_picture = stream.get("/Subtype") == "/Image"
    last = filters[-1] if filters else ""
    raw = stream.read_raw_bytes()
    if not raw and not is_picture:
        return True  # a blank page, as some writers have it: deflated, and of no bytes
    if not filters or (filters == [last] and last in _FLATE):
        length = _inflated(raw) if filters else len(raw)
        return length is not None and (not is_picture or length >= _needed(stream, predicted=bool(filters)))
    if last not in _CODED:
        length = len(stream.read_bytes())
        return not is_picture or length >= _needed(stream, predicted=False)
    try:
        for name in filters[:-1]:
            raw = _undone(raw, name)
    except zlib.error:
        return False
    return _CODED[last](stream, raw)


def _listed(stream: Any, *keys: str) -> list[Any]:
    """One value or several, as both may stand for filters and for what these are told."""
    value = next((stream.get(key) for key in keys if stream.get(key) is not None), None)
    if value is None:
        return []
    values = list(value) if isinstance(value, pikepdf.Array) else [value]
    return [str(each) if isinstance(each, pikepdf.Name) else each for each in values]


def _parameters(stream: Any, number: int) -> Any:
    """What one of the filters is told."""
    told = _listed(stream, "/DecodeParms", "/DP")
    return told[number] if told and isinstance(told[number], pikepdf.Dictionary) else {}


def _inflated(raw: bytes) -> int | None:
    """How many bytes it gives; None where it does not end as it should, its checksum included."""
    inflater, left, length = zlib.decompressobj(), raw, 0
    try:
        while left and not inflater.eof:
            length += len(inflater.decompress(left, 1 << 20))
            left = inflater.unconsumed_tail
    except zlib.error:
        return None
    return length if inflater.eof else None


def _undone(raw: bytes, name: str) -> bytes:
    """Undo a filter that lies around a coded picture. Raises ValueError for those that nobody puts there."""
    if name in _FLATE:
        return zlib.decompress(raw)
    if name in ("/ASCII85Decode", "/A85"):
        return base64.a85decode(raw.split(b"~>")[0].replace(b"\0", b""))
    if name in ("/ASCIIHexDecode", "/AHx"):
        digits = b"".join(raw.split(b">")[0].split())
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    raise ValueError("an unusual filter around a picture")


def _needed(stream: Any, *, predicted: bool) -> int:
    """Bytes of a picture's rows (ISO 32000-1, 8.9.5); 0 where its colours cannot be told."""
    width, height = int(stream.get("/Width", stream.get("/W", 0))), int(stream.get("/Height", stream.get("/H", 0)))
    bits, channels = int(stream.get("/BitsPerComponent", 8)), _channels(stream.get("/ColorSpace"))
    if stream.get("/ImageMask", False):
        bits = channels = 1
    row = -(-width * bits * channels // 8)
    is_png = predicted and _parameters(stream, 0).get("/Predictor", 1) >= 10
    return (row + (is_png and row > 0)) * height


def _channels(colours: Any) -> int:
    if isinstance(colours, pikepdf.Array):
        kind, *more = list(colours)
        if str(kind) == "/ICCBased":
            return int(more[0].get("/N", 0))
        if str(kind) == "/DeviceN":
            return len(more[0])
        return _CHANNELS.get(str(kind), 0)
    return _CHANNELS.get(str(colours), 0)


def _jpeg(_: Any, raw: bytes) -> bool:
    # Other readers do without the mark at its end, and so does Pillow for a photo.
    # It may be larger than the limit for a page, which is drawn coarser then.
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        return _is_loaded(raw, "JPEG")
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _fax(stream: Any, raw: bytes) -> bool:
    """Put into a TIFF, which libtiff decodes.

    Where it could not (rows on whole bytes, rows unknown) there is no rule.
    """
    told = _parameters(stream, -1)
    width, height = int(told.get("/Columns", 1728)), int(told.get("/Rows", 0)) or int(stream.get("/Height", 0))
    kind = int(told.get("/K", 0))
    if told.get("/EncodedByteAlign", False) or not (0 < width < 1 << 16 and 0 < height < 1 << 16):
        return _BLOCK not in raw
    tags = ((256, width), (257, height), (258, 1), (259, 4 if kind < 0 else 3), (262, 0), (273, _TIFF_HEAD), (277, 1))
    more = ((278, height), (279, len(raw)), (292, 1 if kind > 0 else 0))
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags + more)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(tags + more)) + rows
    try:
        return _is_loaded(head.ljust(_TIFF_HEAD, b"\0") + raw, "TIFF")
    except Image.DecompressionBombError:
        return _BLOCK not in raw


def _is_loaded(data: bytes, container: str) -> bool:
    """Whether Pillow decodes it without a word of complaint."""
    listening.forget()
    try:
        with Image.open(io.BytesIO(data), formats=[container]) as image:
            image.draft(image.mode, (image.width // _SCALED, image.height // _SCALED))
            image.load()
    except (OSError, SyntaxError, ValueError, struct.error):
        return False
    return not listening.heard()


_CODED: dict[str, Callable[[Any, bytes], bool]] = {
    **dict.fromkeys(_DCT, _jpeg),
    **dict.fromkeys(_FAX, _fax),
    # What decodes these is PDFium alone.
    **dict.fromkeys((*_JPX, *_JBIG2), lambda _, raw: _BLOCK not in raw),
}
