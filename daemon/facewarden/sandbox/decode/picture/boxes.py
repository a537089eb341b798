"""The boxes of ISO media files (HEIC, AVIF), as far as it must be known what of them is pixels and how they are cut.

ISO/IEC 14496-12 for boxes and items, ISO/IEC 23008-12 for their properties. Nothing here is decoded. What is malformed
raises ValueError, IndexError or struct.error, and is the file's fault.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

Span = tuple[int, int]
"""First byte, and the one behind the last."""

_MOST = 10_000
"""Boxes beside each other, items, parts: a photo of gigapixels in tiles has fewer."""


@dataclasses.dataclass(slots=True)
class Items:
    """The items of a file: which is the main one, their kinds, bytes, properties, and of which parts they are made."""

    main: int = 0
    kinds: dict[int, bytes] = dataclasses.field(default_factory=dict)
    spans: dict[int, list[Span]] = dataclasses.field(default_factory=dict)
    properties: dict[int, list[tuple[bytes, Span]]] = dataclasses.field(default_factory=dict)
    parts: dict[int, list[int]] = dataclasses.field(default_factory=dict)

    def shown(self) -> list[int]:
        """The main item and what it is put together from."""
        wanted = [self.main]
        for number in wanted:
            wanted += [part for part in self.parts.get(number, []) if part not in wanted]
            _bounded(len(wanted))
        return wanted


def walk(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Kind and content of each box from `start` on; one that goes beyond `end` is cut there."""
    for _ in range(_MOST):
        if start + 8 > end:
            return
        length, head = int.from_bytes(data[start : start + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[start + 8 : start + 16], "big"), 16
        stop = end if length == 0 else start + length
        if length and length < head:
            raise ValueError("a box is shorter than its head")
        yield data[start + 4 : start + 8], (start + head, min(stop, end))
        start = stop


def find(data: bytes, span: Span, *path: bytes) -> Iterator[Span]:
    """The content of every box at the end of this path of kinds."""
    if not path:
        yield span
        return
    for kind, inner in walk(data, *span):
        if kind == path[0]:
            yield from find(data, inner, *path[1:])


def items(data: bytes) -> Items:
    """What the file's first `meta` box says; without one nothing is known."""
    found = Items()
    meta = next(find(data, (0, len(data)), b"meta"), None)
    if meta is None:
        return found
    inner = dict(walk(data, meta[0] + 4, meta[1]))
    if b"pitm" in inner:
        found.main = _numbers(data, inner[b"pitm"][0] + 4, _wide(data, inner[b"pitm"]), 1)[0]
    if b"iinf" in inner:
        found.kinds = dict(_kinds(data, inner[b"iinf"]))
    if b"iloc" in inner:
        found.spans = dict(_spans(data, inner[b"iloc"], inner.get(b"idat", (0, 0))[0]))
    if b"iref" in inner:
        _add_parts(data, inner[b"iref"], found)
    if b"iprp" in inner:
        _add_properties(data, inner[b"iprp"], found)
    return found


def _kinds(data: bytes, span: Span) -> Iterator[tuple[int, bytes]]:
    count = 4 if data[span[0]] else 2
    for kind, (start, _) in walk(data, span[0] + 4 + count, span[1]):
        version = data[start]
        if kind == b"infe" and version >= 2:
            width = 4 if version == 3 else 2
            yield _numbers(data, start + 4, width, 1)[0], data[start + 6 + width : start + 10 + width]


def _spans(data: bytes, span: Span, idat: int) -> Iterator[tuple[int, list[Span]]]:
    version, sizes = data[span[0]], _numbers(data, span[0] + 4, 1, 2)
    offset_size, length_size, base_size, index_size = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4, sizes[1] & 15
    width = 4 if version == 2 else 2
    at = span[0] + 6
    (count,) = _numbers(data, at, width, 1)
    at += width
    for _ in range(_bounded(count)):
        (number,) = _numbers(data, at, width, 1)
        at += width
        method = 0
        if version:
            method = data[at + 1] & 15
            at += 2
        at += 2
        (base,) = _numbers(data, at, base_size, 1)
        at += base_size
        (extents,) = _numbers(data, at, 2, 1)
        at += 2
        spans = []
        for _ in range(_bounded(extents)):
            at += index_size if version else 0
            start = int.from_bytes(data[at : at + offset_size], "big") + base + (idat if method == 1 else 0)
            length = int.from_bytes(data[at + offset_size : at + offset_size + length_size], "big")
            at += offset_size + length_size
            spans.append((start, start + length if length else len(data)))
        if sum(end - start for start, end in spans) > len(data):
            raise ValueError("an item is longer than its file")
        if method < 2:
            yield number, spans


def _add_parts(data: bytes, span: Span, found: Items) -> None:
    """`dimg` leads from a whole to its tiles."""
    width = 4 if data[span[0]] else 2
    for kind, (start, _) in walk(data, span[0] + 4, span[1]):
        (whole,) = _numbers(data, start, width, 1)
        (count,) = _numbers(data, start + width, 2, 1)
        others = _numbers(data, start + width + 2, width, _bounded(count))
        if kind == b"dimg":
            found.parts.setdefault(whole, []).extend(others)


def _add_properties(data: bytes, span: Span, found: Items) -> None:
    boxes = dict(walk(data, *span))
    known = list(walk(data, *boxes[b"ipco"]))
    for start, _ in (inner for kind, inner in walk(data, *span) if kind == b"ipma"):
        version, flags = data[start], data[start + 3]
        width, wide = 4 if version else 2, flags & 1
        (count,) = _numbers(data, start + 4, 4, 1)
        at = start + 8
        for _ in range(_bounded(count)):
            (number,) = _numbers(data, at, width, 1)
            total = data[at + width]
            at += width + 1
            step = 2 if wide else 1
            indices = [index & (0x7FFF if wide else 0x7F) for index in _numbers(data, at, step, total)]
            at += step * total
            found.properties[number] = [known[index - 1] for index in indices if 0 < index <= len(known)]


def _wide(data: bytes, span: Span) -> int:
    return 4 if data[span[0]] else 2


def _numbers(data: bytes, at: int, width: int, count: int) -> tuple[int, ...]:
    """So many numbers of so many bytes each; one of no bytes is 0. Raises ValueError beyond the file's end."""
    if at + width * count > len(data):
        raise ValueError("a number lies beyond the end")
    return tuple(int.from_bytes(data[at + width * n : at + width * (n + 1)], "big") for n in range(count))


def _bounded(count: int) -> int:
    if count > _MOST:
        raise ValueError("more than any photo has")
    return count
