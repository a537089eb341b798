"""A JPEG's segments (ITU-T T.81, annex B): whether it is of a kind that is read, and whether only its end is missing.

A file without its last two bytes is shown whole by every viewer, and told damaged by libjpeg. It is taken for whole
only where nothing else can be missing: libjpeg tells of each bit that it misses in a scan (`listening`), and here it
is seen to that no scan is missing as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Segment = tuple[int, int, int]
"""The second byte of its mark, where its content begins, and where it ends."""

_START, _END = b"\xff\xd8\xff", b"\xff\xd9"
_MARK = re.compile(rb"\xff+([^\x00\x01\xd0-\xd7\xff])", re.DOTALL)
"""What is no mark in coded data: a stuffed byte, and the marks at which decoding may restart."""
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Each stands for a process of coding."""
_UNDECODED = frozenset({0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF})
"""Pictures on top of smaller ones, and lossless ones in arithmetic codes: libjpeg never knew them."""
_BITS, _CHANNELS = frozenset({*range(2, 9), 12, 16}), frozenset({1, 3, 4})
_COEFFICIENTS = 64


def is_unusual(data: bytes) -> bool:
    """Whether the picture has another depth than 8 bits, channels that have no meaning, or a process nobody decodes."""
    if not data.startswith(_START):
        return False
    mark, start, stop = next((each for each in _segments(data) if each[0] in _FRAMES | {_SOS, _EOI}), (_EOI, 0, 0))
    if mark not in _FRAMES or not start + 6 <= stop <= len(data):
        return False
    bits, channels = data[start], data[start + 5]
    is_possible = bits in _BITS and 8 + 3 * channels == stop - start + 2
    return is_possible and (bits != 8 or channels not in _CHANNELS or mark in _UNDECODED)


def ended(data: bytes) -> bytes:
    """The file with the mark of its end, where that alone can be missing; else the file as it is."""
    return data + _END if data.startswith(_START) and not data.endswith(_END) and _has_every_scan(data) else data


def _has_every_scan(data: bytes) -> bool:
    """Whether all coefficients of all channels are announced to their last bit, and the file ends in the last scan.

    Arithmetic codes are never complete: of these libjpeg does not tell what it misses.
    """
    missing: dict[tuple[int, int], int] | None = None
    mark = 0
    for mark, start, stop in _segments(data):
        content = data[start:stop]
        if mark in (_SOI, _EOI) or stop > len(data):
            return False
        if mark in _FRAMES:
            if missing is not None or mark not in (_BASELINE, _EXTENDED, _PROGRESSIVE) or len(content) < 6:
                return False
            channels = content[6 : 6 + 3 * content[5] : 3]
            missing = {(channel, number): -1 for channel in channels for number in range(_COEFFICIENTS)}
        elif mark == _SOS and not _scanned(content, missing):
            return False
    return mark == _SOS and missing is not None and not any(missing.values())


def _scanned(content: bytes, missing: dict[tuple[int, int], int] | None) -> bool:
    """Note how many bits of which coefficients are still to come after a scan; False where its head cannot be."""
    if missing is None or not content or len(content) != 4 + 2 * content[0]:
        return False
    first, last, bits = content[-3:]
    for channel in content[1 : 1 + 2 * content[0] : 2]:
        for number in range(first, last + 1):
            if (channel, number) not in missing:
                return False
            missing[channel, number] = bits & 15
    return True


def _segments(data: bytes) -> Iterator[Segment]:
    """Each mark with its content, up to the first that ends the picture or begins another one."""
    at = 2
    while found := _MARK.search(data, at):
        mark, at = found[1][0], found.end()
        if mark in (_SOI, _EOI):
            yield mark, at, at
            return
        stop = at + max(int.from_bytes(data[at : at + 2], "big"), 2)
        yield mark, at + 2, stop
        at = stop
