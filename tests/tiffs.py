"""TIFF written tag by tag, for what no library at hand writes."""

from __future__ import annotations

import struct


def one_strip(strip: bytes, size: tuple[int, int], coding: int, samples: int = 3, **tags: int) -> bytes:
    """One strip of any compression; further tags by their number behind an underscore."""
    entries = {256: size[0], 257: size[1], 258: 8, 259: coding, 262: 2 if samples == 3 else 1, 273: 512}
    entries |= {277: samples, 278: size[1], 279: len(strip)} | {int(key[1:]): value for key, value in tags.items()}
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items()))
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + rows + bytes(4)
    return head.ljust(512, b"\0") + strip
