"""A network computed in integers of eight bits instead of floats: twice as fast, a quarter of the bytes between layers.

Each tensor that passes from layer to layer is written as a number from 0 to 255 with a step and a zero of its own,
known from photos; weights as numbers of seven or eight bits with a step for each channel (Jacob et al., Quantization
and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference, 2018, arXiv:1712.05877). ONNX has two
operators for it, QuantizeLinear and DequantizeLinear; where a layer stands between such a pair, ONNX Runtime computes
it in integers.

Most weights have seven bits, because processors without VNNI add two products in sixteen bits, which could overflow:
255 * 63 * 2 cannot. So every processor finds the same faces, only not as fast. Depthwise layers, which take one channel
for each that they give, are added up in 32 bits everywhere (MLAS, qdwconv.cpp) and keep eight.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from facewarden.sandbox.detect.network import graph
from facewarden.sandbox.detect.network.graph import Floats
from facewarden.sandbox.detect.network.protobuf import contents, counted, fields, numbered

Ranges = Mapping[str, tuple[float, float]]
"""The least and the greatest value of a tensor, by its name in the ONNX file."""

OPERATORS = 13
"""The first version of ONNX's operators whose steps may differ from channel to channel."""

LEVELS, WEIGHT_LEVELS, DEPTHWISE_LEVELS = 255, 63, 127
"""The greatest number: of what passes from layer to layer, and of weights (the least is its opposite)."""

CHANNELS_FIRST = (0, 3, 1, 2)
"""From (1, height, width, channels), how pictures lie in memory, to what the network takes."""


def quantised(model: bytes, image: str, ranges: Ranges) -> bytes:
    """A mended model with a picture of bytes, (1, height, width, channels), as its input, and integers inside.

    `ranges` names every tensor that becomes one of integers; convolutions that take such a tensor are computed in them.
    """
    changed = graph.with_graph(model, lambda content: _Quantiser(content, image.encode(), ranges).graph())
    version = counted(graph.OPERATOR_SET, numbered(graph.VERSION, OPERATORS))
    return b"".join(version if field.number == graph.OPERATOR_SET else field.raw for field in fields(changed))


class _Quantiser:
    """One graph while its nodes are rewritten.

    Of a tensor NAME, NAME_q are the integers and NAME_dq what they stand for.
    """

    def __init__(self, content: bytes, image: bytes, ranges: Ranges) -> None:
        self._content, self._image = content, image
        self._constants = graph.constants(content)
        self._steps = {name.encode(): _step(*limits) for name, limits in ranges.items()} | {image: (np.float32(1), 0)}
        self._added: dict[bytes, bytes] = {}
        """New constants by name."""

    def graph(self) -> bytes:
        """The graph's fields, its input a picture of bytes."""
        kept = [counted(graph.NODE, node) for node in self._picture()]
        for number, content, _, raw in fields(self._content):
            if number == graph.NODE:
                kept += [counted(graph.NODE, node) for node in self._nodes(content)]
            elif number == graph.INPUT:
                kept.append(counted(graph.INPUT, graph.declared(self._image, "uint8")))
            else:
                kept.append(raw)
        return b"".join(kept + [counted(graph.INITIALIZER, constant) for constant in self._added.values()])

    def _picture(self) -> Iterator[bytes]:
        yield graph.node(b"Transpose", [self._image], self._image + b"_q", perm=CHANNELS_FIRST)
        yield self._shown(self._image)

    def _nodes(self, node: bytes) -> Iterator[bytes]:
        """The node, taking what integers stand for where there are such, and its output turned into integers."""
        inputs, (output,) = contents(node, graph.NODE_INPUT), contents(node, graph.NODE_OUTPUT)
        taken = [name + b"_dq" if name in self._steps else name for name in inputs]
        if graph.operator(node) == b"Conv" and inputs[0] in self._steps:
            yield from self._weights(*inputs)
            taken[1:] = [name + b"_dq" for name in inputs[1:]]
        rest = b"".join(field.raw for field in fields(node) if field.number != graph.NODE_INPUT)
        yield b"".join(counted(graph.NODE_INPUT, name) for name in taken) + rest
        if output in self._steps:
            yield graph.node(b"QuantizeLinear", [output, *self._scale(output)], output + b"_q")
            yield self._shown(output)

    def _shown(self, name: bytes) -> bytes:
        return graph.node(b"DequantizeLinear", [name + b"_q", *self._scale(name)], name + b"_dq")

    def _scale(self, name: bytes) -> list[bytes]:
        """The names of a tensor's step and zero."""
        step, zero = self._steps[name]
        return [self._add(name + b"_step", step), self._add(name + b"_zero", np.uint8(zero))]

    def _weights(self, taken: bytes, weight: bytes, bias: bytes) -> Iterator[bytes]:
        """A convolution's weights and biases as integers, with a step for each channel that it gives."""
        floats = graph.floats(self._constants[weight])
        per_channel = floats.reshape(floats.shape[0], -1)
        levels = DEPTHWISE_LEVELS if floats.shape[1] == 1 else WEIGHT_LEVELS
        steps = np.maximum(np.abs(per_channel).max(axis=1) / levels, np.finfo(np.float32).tiny)
        integers = np.rint(per_channel / steps[:, None]).reshape(floats.shape)
        yield self._by_channel(weight, integers.astype(np.int8), steps)
        fine = steps * self._steps[taken][0]
        yield self._by_channel(bias, np.rint(graph.floats(self._constants[bias]) / fine).astype(np.int32), fine)

    def _by_channel(self, name: bytes, integers: npt.NDArray[np.signedinteger], steps: Floats) -> bytes:
        zeros = np.zeros(steps.shape, integers.dtype)
        parts = {b"_q": integers, b"_step": steps.astype(np.float32), b"_zero": zeros}
        names = [self._add(name + ending, values) for ending, values in parts.items()]
        return graph.node(b"DequantizeLinear", names, name + b"_dq", axis=0)

    def _add(self, name: bytes, values: npt.NDArray[np.generic] | np.generic) -> bytes:
        self._added[name] = graph.tensor(name, values)
        return name


def _step(least: float, greatest: float) -> tuple[np.float32, int]:
    """The distance between two levels, and the level that means zero.

    It is exact, because layers add zeros at their edges.
    """
    step = (max(greatest, 0.0) - min(least, 0.0)) / LEVELS
    return np.float32(step), round(-min(least, 0.0) / step)
