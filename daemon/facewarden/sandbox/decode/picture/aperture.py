"""The clean aperture of an AVIF (ISO/IEC 14496-12, `clap`).

What its owner cut away is decoded too, and must not come out. Pillow does not look at it; libheif does for HEIC. MIAF
has a picture cut first, then turned and mirrored.
"""

from __future__ import annotations

from fractions import Fraction

from facewarden.errors import DAMAGED, FileRefused
from facewarden.sandbox.decode.picture import boxes

Box = tuple[int, int, int, int]
"""Left, upper, right and lower edge."""

_NUMBERS = 8
"""Width, height, and how far the middle lies to the right and below the picture's: each a fraction of two numbers."""
_ENTRY_HEAD = 78
"""Bytes of a film's sample entry before its boxes."""
_FILM = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")


def clean(data: bytes, size: tuple[int, int]) -> Box | None:
    """What is to be seen of a picture of `size`; None where nothing was cut away.

    Raises FileRefused for what cannot be.
    """
    wanted = {_box(data[start:end], size) for start, end in _stated(data)}
    if len(wanted) > 1:  # a still and a film that are cut differently: which of them Pillow took is not told
        raise FileRefused(DAMAGED)
    return next(iter(wanted), None)


def _stated(data: bytes) -> list[boxes.Span]:
    items = boxes.items(data)
    stated = [span for kind, span in items.properties.get(items.main, []) if kind == b"clap"]
    for start, end in boxes.find(data, (0, len(data)), *_FILM):
        for _, entry in boxes.walk(data, start + 8, end):
            stated += boxes.find(data, (entry[0] + _ENTRY_HEAD, entry[1]), b"clap")
    return stated


def _box(content: bytes, size: tuple[int, int]) -> Box:
    if len(content) < 4 * _NUMBERS:
        raise FileRefused(DAMAGED)
    numbers = [int.from_bytes(content[4 * n : 4 * n + 4], "big", signed=n in (4, 6)) for n in range(_NUMBERS)]
    if not all(numbers[1::2]):
        raise FileRefused(DAMAGED)
    width, height, across, down = (Fraction(*numbers[n : n + 2]) for n in range(0, _NUMBERS, 2))
    left, upper = across + (size[0] - width) / 2, down + (size[1] - height) / 2
    edges = (left, upper, left + width, upper + height)
    inside = 0 <= left < edges[2] <= size[0] and 0 <= upper < edges[3] <= size[1]
    if not inside or any(edge.denominator != 1 for edge in edges):
        raise FileRefused(DAMAGED)
    return int(edges[0]), int(edges[1]), int(edges[2]), int(edges[3])
