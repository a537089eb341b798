"""Whether all of a picture is there, for formats whose decoders do not say so.

A hole in coded data decodes, to anything. Coded data is dense. Each rule below is either exact (a checksum, a byte
sequence that cannot be) or a run of zeros longer than any encoder writes; what was measured is in docs/formats.md. Rows
that are stored as they are have no rule: black is a colour.
"""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable, Iterator

from PIL import Image

from facewarden.errors import DAMAGED, TRUNCATED, FileRefused, Reason
from facewarden.sandbox.decode.picture import boxes, heif, tiff

_DENSE = bytes(64)
"""No run of zeros this long was found in AV1 and QOI: four at most. (WebP may have thousands.)"""
_BLOCK = bytes(4096)
"""JPEG 2000 may write a zero for each part of a picture in which nothing is (ten in a row were seen): only a file
system's whole block counts."""
_PNG = b"\x89PNG\r\n\x1a\n"
_CODED = (_PNG, b"\xff\xd8\xff", b"GIF8", b"RIFF")
_PNG_PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"fdAT", b"fcTL")
_EMULATED = re.compile(rb"\0\0[\0-\2]")
"""Never inside a NAL unit of HEVC: an encoder puts a 3 between (ITU-T H.265, 7.4.2)."""
_AV1, _HEVC = (b"av01",), (b"hvc1", b"hev1")
_WEBP_FRAME_HEAD = 16
_CUT, _SMALLEST = 16, 64
"""Bytes without which a part cannot be decoded (what libwebp wrote in 144 trials always needed them), and parts too
small for that rule."""


def check(image: Image.Image, data: bytes) -> None:
    """Raise FileRefused where an opened picture's file has a hole in its pixels, or zeros in place of its end."""
    rule = _RULES.get(image.format or "")
    if rule and not rule(data):
        raise FileRefused(failure(data))


def check_page(image: Image.Image, data: bytes) -> None:
    """The same for a page of a TIFF: libtiff stops when it has enough, before a deflated strip's checksum."""
    if tiff.is_deflated(image) and not all(
        _inflates(data[start:end]) for start, end in tiff.parts(image) if end > start
    ):
        raise FileRefused(failure(data))


def failure(data: bytes) -> Reason:
    """Why a picture is not whole: a copier that reserved room and was cut off leaves zeros at the end."""
    return TRUNCATED if data.endswith(_DENSE) else DAMAGED


def ends_in_zeros(data: bytes) -> bool:
    """Whether a file whose first words promise coded data ends in zeros. Raw rows may: they are black."""
    return data.endswith(_DENSE) and (data.startswith(_CODED) or data[4:8] == b"ftyp")


def _png(data: bytes) -> bool:
    return all(_chunks_hold(data, found.end()) for found in re.finditer(re.escape(_PNG), data))


def _chunks_hold(data: bytes, start: int) -> bool:
    """Whether each chunk that makes pixels fits its checksum, up to the picture's end or the file's."""
    while start + 12 <= len(data):
        length, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        end = start + 8 + length
        if kind == b"IEND" or end + 4 > len(data):  # what is cut off is told by Pillow
            return True
        if (
            kind in _PNG_PIXELS
            and zlib.crc32(memoryview(data)[start + 4 : end]).to_bytes(4, "big") != data[end : end + 4]
        ):
            return False
        start = end + 4
    return True


def _webp(data: bytes) -> bool:
    end = min(8 + int.from_bytes(data[4:8], "little"), len(data))
    return all(_is_needed(still) for still in _shortened(data, 12, end))


def _is_needed(shortened: bytes) -> bool:
    """Whether a picture without its last bytes is no picture.

    One that had a hole has been read to the end before its end.
    """
    try:
        with Image.open(io.BytesIO(shortened), formats=["WEBP"]) as image:
            image.load()
    except (OSError, EOFError, ValueError, SyntaxError):
        return True
    return False


def _shortened(data: bytes, start: int, end: int) -> Iterator[bytes]:
    """A still of each coded part of a WebP (RFC 9649, 2.7), without the last bytes of that part."""
    alpha = b""
    for kind, inner, stop in _webp_chunks(data, start, end):
        if kind == b"ANMF":
            yield from _shortened(data, inner + _WEBP_FRAME_HEAD, stop)
        elif kind == b"ALPH":
            alpha = data[inner:stop]
        elif kind in (b"VP8 ", b"VP8L") and stop - inner > _SMALLEST:
            yield _riff((kind, data[inner : stop - _CUT]))
            # Alpha that is not coded but stored as it is has no rule.
            if len(alpha) > _SMALLEST and alpha[0] & 3:
                size = _webp_size(data[inner:stop])
                yield _riff((b"VP8X", b"\x10\0\0\0" + size), (b"ALPH", alpha[:-_CUT]), (kind, data[inner:stop]))


def _webp_chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while start + 8 <= end:
        inner = start + 8
        stop = min(inner + int.from_bytes(data[start + 4 : inner], "little"), end)
        yield data[start : start + 4], inner, stop
        start = stop + stop % 2


def _webp_size(coded: bytes) -> bytes:
    """Width and height of lossy pixels (RFC 6386, 9.1), each less one in three bytes."""
    sides = (int.from_bytes(coded[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    return b"".join((side - 1).to_bytes(3, "little") for side in sides)


def _riff(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(kind + len(part).to_bytes(4, "little") + part + bytes(len(part) % 2) for kind, part in chunks)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _avif(data: bytes) -> bool:
    items = boxes.items(data)
    coded = [span for number, spans in items.spans.items() if items.kinds.get(number) in _AV1 for span in spans]
    if any(boxes.find(data, (0, len(data)), b"moov")):
        coded += _samples(data, items)
    return not any(_DENSE in data[start:end] for start, end in coded)


def _samples(data: bytes, items: boxes.Items) -> Iterator[boxes.Span]:
    """The films' part of the file's bulk: what belongs to no item, for metadata may hold zeros."""
    taken = sorted(span for spans in items.spans.values() for span in spans)
    for at, end in boxes.find(data, (0, len(data)), b"mdat"):
        start = at
        for first, last in taken:
            if start <= first < end:
                yield start, first
                start = max(start, last)
        yield start, end


def _heif(data: bytes) -> bool:
    items = boxes.items(data)
    shown = (number for number in items.shown() if items.kinds.get(number) in _HEVC)
    return all(_units_hold(b"".join(data[start:end] for start, end in items.spans.get(number, []))) for number in shown)


def _units_hold(coded: bytes) -> bool:
    """Whether a picture in HEVC is made of whole NAL units, each after its length in four bytes."""
    start = 0
    while start + 4 <= len(coded):
        end = start + 4 + int.from_bytes(coded[start : start + 4], "big")
        unit = coded[start + 4 : end]
        if not unit or end > len(coded) or unit[0] & 0x80 or not unit[-1] or _EMULATED.search(unit):
            return False
        start = end
    return start == len(coded) > 0


def _inflates(part: bytes) -> bool:
    """Whether a deflated part ends as it should, its checksum included; no more of it is held than a block."""
    inflater, left = zlib.decompressobj(), part
    try:
        while left and not inflater.eof:
            inflater.decompress(left, 1 << 20)
            left = inflater.unconsumed_tail
    except zlib.error:
        return False
    return inflater.eof


_RULES: dict[str, Callable[[bytes], bool]] = {
    "PNG": _png,
    "ICO": _png,
    "ICNS": _png,
    "WEBP": _webp,
    "AVIF": _avif,
    heif.NAME: _heif,
    "QOI": lambda data: _DENSE not in data[14:-8],
    "JPEG2000": lambda data: _BLOCK not in data[max(data.find(b"\xff\x4f\xff\x51"), 0) :],
}
