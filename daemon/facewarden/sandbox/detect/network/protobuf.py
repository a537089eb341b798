"""Protobuf's wire format, as far as ONNX files use it: fields read one by one, and written.

The encoding is that of protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, COUNTED = 0, 2
"""Wire types: a number of seven bits a byte, and bytes with their length before them. ONNX's messages need no others
here."""


class Field(NamedTuple):
    """One field of a message: its number, content (empty for a number), value (0 for a content) and all its bytes."""

    number: int
    content: bytes
    value: int
    raw: bytes


def fields(message: bytes) -> Iterator[Field]:
    """Each field of a message in its order. Raises ValueError where the bytes are none."""
    here = 0
    while here < len(message):
        start = here
        key, here = _read_varint(message, here)
        value, here = _read_varint(message, here)
        content = b""
        if key & 7 == COUNTED:
            content, here, value = message[here : here + value], here + value, 0
        elif key & 7 != VARINT:
            raise ValueError("a field of a kind that ONNX models do not have here")
        if here > len(message):
            raise ValueError("a field that ends after its message")
        yield Field(key >> 3, content, value, message[start:here])


def contents(message: bytes, number: int) -> list[bytes]:
    """The contents of all fields of this number."""
    return [field.content for field in fields(message) if field.number == number]


def counted(number: int, content: bytes) -> bytes:
    """A field that holds bytes, a text or another message."""
    return _varint(number << 3 | COUNTED) + _varint(len(content)) + content


def numbered(number: int, value: int) -> bytes:
    """A field that holds a number, from 0."""
    return _varint(number << 3 | VARINT) + _varint(value)


def _read_varint(message: bytes, here: int) -> tuple[int, int]:
    """A number, lowest seven bits first, and where it ends."""
    number = 0
    for place, byte in enumerate(message[here : here + 10]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, here + place + 1
    raise ValueError("a number without an end")


def _varint(number: int) -> bytes:
    lowest_first = []
    while number >= 0x80:
        lowest_first.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes((*lowest_first, number))
