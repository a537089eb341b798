"""CenterFace's published ONNX file, mended in memory so that ONNX Runtime computes it at any size and without detours.

The file declares one input size, lists each of its trained tensors as an input that a caller might replace, which keeps
ONNX Runtime from folding them into one another and costs half the speed, and answers more than is asked of it. The file
itself stays as published: its SHA-256 is what anybody can compare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from facewarden.sandbox.detect.network.graph import INPUT, NODE, NODE_INPUT, NODE_OUTPUT, OUTPUT, declared, with_graph
from facewarden.sandbox.detect.network.protobuf import contents, counted, fields


def mended(model: bytes, image: str, outputs: Collection[str]) -> bytes:
    """The model with `image` as its only input, these outputs alone, the sizes of both left open, and no other work.

    Raises ValueError where the bytes are no such model.
    """
    wanted = {name.encode() for name in outputs}
    return with_graph(model, lambda graph: _mended(graph, image.encode(), wanted))


def _mended(graph: bytes, image: bytes, wanted: set[bytes]) -> bytes:
    unused = set(_unused(graph, wanted))
    kept = [
        raw
        for number, content, _, raw in fields(graph)
        if number not in (INPUT, OUTPUT) and not (number == NODE and content in unused)
    ]
    kept += [counted(INPUT, declared(image)), *(counted(OUTPUT, declared(name)) for name in sorted(wanted))]
    return b"".join(kept)


def _unused(graph: bytes, wanted: set[bytes]) -> Iterator[bytes]:
    """The nodes that nothing wanted depends on; in an ONNX file each node stands after those whose outputs it takes."""
    needed = set(wanted)
    for node in reversed(contents(graph, NODE)):
        if needed.isdisjoint(contents(node, NODE_OUTPUT)):
            yield node
        else:
            needed.update(contents(node, NODE_INPUT))
