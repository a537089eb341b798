"""Print the ranges of CenterFace's inner tensors on photos, as sandbox/detect/network/ranges.py has them.

    python -m tests.bench.ranges FOLDER... [--photos 30] [--outside 0.00001]

Every photo is seen at every scale of the plan, by the network as it was trained, in floats.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from facewarden.sandbox import weights
from facewarden.sandbox.detect.detectors.centerface import IMAGE, _padded, _session, scaled_looks
from facewarden.sandbox.detect.network import graph
from facewarden.sandbox.detect.network.mending import mended
from facewarden.sandbox.detect.network.protobuf import contents
from facewarden.sandbox.detect.plans import PLANS
from facewarden.sandbox.detect.pyramid import Pyramid
from facewarden.values import Pixels

TAKERS = {b"Conv", b"Add", b"ConvTranspose"}
"""Layers that are given integers."""


def main() -> None:
    """Read the photos and print a line for each tensor."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--photos", type=int, default=30, help="of each folder, the first by name")
    parser.add_argument(
        "--outside", type=float, default=0.00001, help="per cent of a photo's values left out at either end"
    )
    given = parser.parse_args()
    model = weights.read("centerface")
    names = list(tensors(model))
    session = _session(mended(model, IMAGE, names))
    reach = np.zeros((len(names), 2))
    for pixels in looks(given.folders, given.photos):
        answers = session.run(names, {IMAGE: cv2.dnn.blobFromImage(_padded(pixels))})
        for tensor, answer in enumerate(answers):
            # Every fourth value tells as much.
            low, high = np.percentile(answer[:, :, ::2, ::2], [given.outside, 100 - given.outside])
            reach[tensor] = min(reach[tensor, 0], low), max(reach[tensor, 1], high)
    for name, (low, high) in zip(names, reach.tolist(), strict=True):
        sys.stdout.write(f'    "{name}": ({float(f"{low:.3g}")}, {float(f"{high:.3g}")}),\n')


def tensors(model: bytes) -> Iterator[str]:
    """The names of what layers give to layers, without the picture."""
    (content,) = contents(model, graph.GRAPH)
    nodes = contents(content, graph.NODE)
    given = {name for node in nodes for name in contents(node, graph.NODE_OUTPUT)}
    taken = {name for node in nodes if graph.operator(node) in TAKERS for name in contents(node, graph.NODE_INPUT)}
    yield from sorted(name.decode() for name in given & taken)


def looks(folders: list[Path], photos: int) -> Iterator[Pixels]:
    """What CenterFace is shown of the photos."""
    plan = PLANS["balanced"]
    for file in (file for folder in folders for file in sorted(folder.iterdir())[:photos]):
        pyramid = Pyramid(np.asarray(Image.open(file).convert("RGB")))
        for look in scaled_looks(*pyramid.size, plan.enlarged / 20, plan.pixels, mirrored=False):
            yield look.cut(pyramid)


if __name__ == "__main__":
    main()
