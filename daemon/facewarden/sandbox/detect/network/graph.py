"""The parts of an ONNX file, read and written: nodes, tensors, declarations.

Field numbers and element types are those of onnx.proto3 (github.com/onnx/onnx).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from facewarden.sandbox.detect.network.protobuf import contents, counted, fields, numbered

OPERATOR_SET, GRAPH = 8, 7
"""In ModelProto."""

VERSION = 2
"""In OperatorSetIdProto."""

NODE, INITIALIZER, INPUT, OUTPUT = 1, 5, 11, 12
"""In GraphProto; the last two are ValueInfoProto."""

NODE_INPUT, NODE_OUTPUT, OPERATOR, ATTRIBUTE = 1, 2, 4, 5
"""In NodeProto; the first two are names of tensors."""

ATTRIBUTE_NAME, ATTRIBUTE_INT, ATTRIBUTE_INTS, ATTRIBUTE_TYPE = 1, 3, 8, 20
"""In AttributeProto."""

INT, INTS = 2, 7
"""In AttributeProto.AttributeType."""

NAME, TYPE, TENSOR, ELEMENT, SHAPE, SHAPE_DIMENSION = 1, 2, 1, 1, 2, 1
"""In ValueInfoProto (two), TypeProto, TypeProto.Tensor (two) and TensorShapeProto."""

DIMENSION, DATA_TYPE, FLOATS, TENSOR_NAME, RAW = 1, 2, 4, 8, 9
"""In TensorProto."""

ELEMENTS = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}
"""TensorProto.DataType."""

Floats = npt.NDArray[np.float32]


def with_graph(model: bytes, changed: Callable[[bytes], bytes]) -> bytes:
    """The model with another graph. Raises ValueError where the bytes are no model."""
    return b"".join(
        counted(field.number, changed(field.content)) if field.number == GRAPH else field.raw for field in fields(model)
    )


def declared(name: bytes, element: str = "float32") -> bytes:
    """An input or output of four dimensions whose lengths are left open."""
    shape = counted(SHAPE, 4 * counted(SHAPE_DIMENSION, b""))
    return counted(NAME, name) + counted(TYPE, counted(TENSOR, numbered(ELEMENT, ELEMENTS[element]) + shape))


def node(operator: bytes, inputs: Iterable[bytes], output: bytes, **attributes: int | tuple[int, ...]) -> bytes:
    """A node with one output; attributes are whole numbers from 0 or rows of them."""
    names = b"".join(counted(NODE_INPUT, name) for name in inputs) + counted(NODE_OUTPUT, output)
    rest = b"".join(counted(ATTRIBUTE, _attribute(name.encode(), value)) for name, value in attributes.items())
    return names + counted(OPERATOR, operator) + rest


def operator(node_: bytes) -> bytes:
    """What a node does."""
    (name,) = contents(node_, OPERATOR)
    return name


def tensor(name: bytes, values: npt.NDArray[np.generic] | np.generic) -> bytes:
    """A constant of one of ELEMENTS."""
    array = np.asarray(values)
    dimensions = b"".join(numbered(DIMENSION, length) for length in array.shape)
    about = dimensions + numbered(DATA_TYPE, ELEMENTS[str(array.dtype)]) + counted(TENSOR_NAME, name)
    return about + counted(RAW, array.tobytes())


def constants(graph: bytes) -> dict[bytes, bytes]:
    """The graph's constants by name."""
    return {contents(constant, TENSOR_NAME)[0]: constant for constant in contents(graph, INITIALIZER)}


def floats(constant: bytes) -> Floats:
    """The numbers of a constant of floats."""
    shape = [field.value for field in fields(constant) if field.number == DIMENSION]
    (numbers,) = contents(constant, RAW) or contents(constant, FLOATS)
    return np.frombuffer(numbers, "<f4").reshape(shape)


def _attribute(name: bytes, value: int | tuple[int, ...]) -> bytes:
    if isinstance(value, int):
        return counted(ATTRIBUTE_NAME, name) + numbered(ATTRIBUTE_INT, value) + numbered(ATTRIBUTE_TYPE, INT)
    numbers = b"".join(numbered(ATTRIBUTE_INTS, number) for number in value)
    return counted(ATTRIBUTE_NAME, name) + numbers + numbered(ATTRIBUTE_TYPE, INTS)
