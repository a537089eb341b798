"""Ways to break a file, as transfers, disks and attackers do; each keeps enough of it that decoders go on reading."""

from __future__ import annotations

import random
import struct

KEPT = 16
"""Bytes at the beginning that most mutations spare, or nearly all files would end as of no known format."""


def mutated(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """The file after one to three mutations; `other` lends pieces."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, other, chance) or b"\0"
    return data


def flip_bits(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 4, 32))):
        changed[_place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(changed)


def replace_bytes(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 2, 8))):
        changed[_place(data, chance)] = chance.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, chance.randrange(256)))
    return bytes(changed)


def overwrite_number(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """A length, count or offset somewhere near the beginning becomes an extreme one."""
    form = chance.choice(("<H", ">H", "<I", ">I"))
    most = 2 ** (8 * struct.calcsize(form)) - 1
    number = struct.pack(
        form, chance.choice((0, 1, 2, most // 2, most // 2 + 1, most - 1, most, chance.randint(0, most)))
    )
    place = min(_place(data, chance), chance.choice((64, 512, len(data))))
    return data[:place] + number + data[place + len(number) :]


def swap_dimensions(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """Two neighbouring numbers of one size change places, as width and height stand in most formats."""
    size = chance.choice((1, 2, 4))
    place = min(_place(data, chance), chance.choice((32, 256)))
    first, second = data[place : place + size], data[place + size : place + 2 * size]
    return data[:place] + second + first + data[place + 2 * size :]


def cut_end(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    return data[: _place(data, chance)]


def cut_out(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    start, end = _piece(data, chance)
    return data[:start] + data[end:]


def double(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    start, end = _piece(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 1, 8)) + data[end:]


def splice(data: bytes, other: bytes, chance: random.Random) -> bytes:
    """A piece of another file takes a place."""
    start, end = _piece(data, chance)
    first, last = _piece(other, chance)
    return data[:start] + other[first:last] + data[end:]


def exchange(data: bytes, _other: bytes, chance: random.Random) -> bytes:
    """A piece moves to another place."""
    start, end = _piece(data, chance)
    rest = data[:start] + data[end:]
    place = _place(rest, chance) if rest else 0
    return rest[:place] + data[start:end] + rest[place:]


MUTATIONS = (
    flip_bits,
    replace_bytes,
    overwrite_number,
    swap_dimensions,
    cut_end,
    cut_out,
    double,
    splice,
    exchange,
)


def _place(data: bytes, chance: random.Random) -> int:
    """Somewhere in the file, half the time in its first 1,000 bytes, where the structure is; rarely in the first few."""
    first = 0 if len(data) <= KEPT or chance.random() < 0.1 else KEPT
    most = len(data) if chance.random() < 0.5 else min(len(data), 1000)
    return chance.randrange(first, max(first + 1, most)) if len(data) > first else 0


def _piece(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = _place(data, chance)
    return start, min(len(data), start + chance.choice((1, 4, 64, 1024, 65536)))
