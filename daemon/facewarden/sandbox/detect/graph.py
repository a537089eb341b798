"""CenterFace's published ONNX file, mended in memory so that ONNX Runtime computes it at any size and without detours.

The file declares one input size, and lists each of its trained tensors as an input that a caller might replace, which keeps
ONNX Runtime from folding them into one another and costs half the speed. The file itself stays as published: its SHA-256 is
what anybody can compare.

ONNX is protobuf: field numbers are those of onnx.proto3, the encoding is that of protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

GRAPH = 7
"""In ModelProto."""

INPUT, OUTPUT = 11, 12
"""In GraphProto; each is a ValueInfoProto."""

NAME, TYPE = 1, 2
"""In ValueInfoProto."""

TENSOR, ELEMENT, FLOAT = 1, 1, 1
"""In TypeProto, TypeProto.Tensor and TensorProto.DataType: a tensor of floats whose shape is left open."""

VARINT, COUNTED = 0, 2
"""Wire types; the file has no others on these levels."""


def mended(model: bytes, image: str) -> bytes:
    """The model with `image` as its only input, and with the sizes of its inputs and outputs left open.

    Raises ValueError where the bytes are no such model.
    """
    return b"".join(
        _counted(number, _mended_graph(content, image.encode())) if number == GRAPH else raw
        for number, content, raw in _fields(model)
    )


def _mended_graph(graph: bytes, image: bytes) -> bytes:
    kept = []
    for number, content, raw in _fields(graph):
        if number not in (INPUT, OUTPUT):
            kept.append(raw)
        elif number == OUTPUT or _name(content) == image:
            kept.append(_counted(number, _of_open_size(_name(content))))
    return b"".join(kept)


def _name(value: bytes) -> bytes:
    for number, content, _ in _fields(value):
        if number == NAME:
            return content
    raise ValueError("a value without a name")


def _of_open_size(name: bytes) -> bytes:
    floats = _counted(TENSOR, _varint(ELEMENT << 3 | VARINT) + _varint(FLOAT))
    return _counted(NAME, name) + _counted(TYPE, floats)


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Each field of a message: its number, its content (empty for a number), and all its bytes."""
    here = 0
    while here < len(message):
        start = here
        key, here = _read_varint(message, here)
        length, after = _read_varint(message, here)
        if key & 7 == COUNTED:
            here, after = after, after + length
        elif key & 7 != VARINT:
            raise ValueError("a field of a kind that ONNX models do not have here")
        if after > len(message):
            raise ValueError("a field that ends after its message")
        yield key >> 3, message[here:after] if key & 7 == COUNTED else b"", message[start:after]
        here = after


def _read_varint(message: bytes, here: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and where it ends."""
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


def _counted(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | COUNTED) + _varint(len(content)) + content
