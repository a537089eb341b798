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


def of_parts(parts: list[bytes], size: tuple[int, int], coding: int, samples: int, **tags: int) -> bytes:
    """Several strips or tiles of one compression; `_322` and `_323` make them tiles."""
    offsets, lengths = (324, 325) if "_322" in tags else (273, 279)
    places = [4096 + sum(map(len, parts[:number])) for number in range(len(parts))]
    tables = struct.pack(f"<{len(parts)}I", *places), struct.pack(f"<{len(parts)}I", *map(len, parts))
    entries = {256: size[0], 257: size[1], 258: 8, 259: coding, 262: 2 if samples > 2 else 1, 277: samples}
    entries |= {int(key[1:]): value for key, value in tags.items()} | ({338: 2} if samples in (2, 4) else {})
    rows = {tag: struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries.items()}
    for tag, place, table in ((offsets, 1024, tables[0]), (lengths, 2048, tables[1])):
        rows[tag] = struct.pack("<HHI", tag, 4, len(parts)) + (struct.pack("<I", place) if len(parts) > 1 else table)
    head = struct.pack("<2sHIH", b"II", 42, 8, len(rows)) + b"".join(rows[tag] for tag in sorted(rows)) + bytes(4)
    return (head.ljust(1024, b"\0") + tables[0].ljust(1024, b"\0") + tables[1]).ljust(4096, b"\0") + b"".join(parts)
