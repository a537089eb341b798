"""The first layer for a folded picture: the same numbers from 12 channels of half the size, in a third of the time.

The first layer takes three channels and every second pixel, three pixels at a time: too few numbers in a row for a
processor. Folded, two by two pixels lie side by side as channels (known as space to depth), and the layer takes two by
two of those; where its window of three reaches over one pixel of four only, the other weights are zero.
"""

from __future__ import annotations

import cv2
import numpy as np

from facewarden.sandbox.detect.network import graph
from facewarden.sandbox.detect.network.graph import Floats
from facewarden.sandbox.detect.network.protobuf import contents, counted, fields
from facewarden.values import Pixels

TAPS = {(0, 1): 0, (1, 0): 1, (1, 1): 2}
"""Which pixel of a folded layer's window (which fold, which half of it) is which of the three that the layer takes."""


def folded(pixels: Pixels) -> Pixels:
    """An RGB picture of even sides as (height / 2, width / 2, 12): both pixels of the upper row, then of the lower."""
    height, width = pixels.shape[:2]
    pairs = pixels.reshape(height, width // 2, 6).view(np.uint16)  # six bytes move as three numbers
    rows = [pairs[row::2, :, part] for row in (0, 1) for part in range(3)]
    return np.asarray(cv2.merge(rows)).view(np.uint8)


def taking_folded(model: bytes, image: str) -> bytes:
    """The model whose first layer takes `image` folded: a convolution of three by three at every second pixel.

    Raises ValueError where it has no such layer.
    """
    return graph.with_graph(model, lambda content: _taking_folded(content, image.encode()))


def _taking_folded(content: bytes, image: bytes) -> bytes:
    (first,) = (node for node in contents(content, graph.NODE) if image in contents(node, graph.NODE_INPUT))
    _, weight, _ = inputs = contents(first, graph.NODE_INPUT)
    weights = _folded_weights(graph.floats(graph.constants(content)[weight]))
    (output,) = contents(first, graph.NODE_OUTPUT)
    layer = graph.node(b"Conv", inputs, output, kernel_shape=(2, 2), pads=(1, 1, 0, 0), strides=(1, 1))
    changed = {first: layer, graph.constants(content)[weight]: graph.tensor(weight, weights)}
    return b"".join(
        counted(field.number, changed[field.content]) if field.content in changed else field.raw
        for field in fields(content)
    )


def _folded_weights(weights: Floats) -> Floats:
    """Weights (given, 3, 3, 3) as (given, 12, 2, 2)."""
    if weights.shape[1:] != (3, 3, 3):
        raise ValueError("a first layer of another kind")
    result = np.zeros((weights.shape[0], 2, 2, 3, 2, 2), np.float32)
    for (down, row), tap_down in TAPS.items():
        for (across, column), tap_across in TAPS.items():
            result[:, row, column, :, down, across] = weights[:, :, tap_down, tap_across]
    return result.reshape(-1, 12, 2, 2)
