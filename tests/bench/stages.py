"""Part d: where a photo's time goes, stage by stage, beside the floor: decoder, encoder and the networks' own arithmetic."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator

import numpy as np
from PIL import Image
from tests.bench.bare import bare
from tests.bench.originals import of_size
from tests.bench.table import Given, Line, median, progress

from facewarden.sandbox import detect
from facewarden.sandbox.detect.plans import PLANS
from facewarden.sandbox.detect.pyramid import Pyramid
from facewarden.values import Recipe

MEGAPIXELS = (0.1, 1.0, 2.0, 12.0, 24.0, 48.0)
SHORT_MEGAPIXELS = (0.1, 1.0)
COUNT = 3
"""Photos of a size, after one that is not counted."""
STAGES = ("decode", "detect", "redact", "encode", "write")


def measure(given: Given) -> Iterator[Line]:
    """A line for each size of photo."""
    search = detect.load()
    try:
        for megapixels in SHORT_MEGAPIXELS if given.short else MEGAPIXELS:
            progress(f"{megapixels} MP")
            yield _line(given, search, megapixels)
    finally:
        search.close()


def _line(given: Given, search: detect.Search, megapixels: float) -> Line:
    what, originals = of_size(given, megapixels, COUNT + 1)
    done = bare(given.folder / f"stages-{megapixels}", originals).ends[1:]
    spent = {stage: median([end.told[stage] for end in done]) for stage in STAGES}
    networks = median([arithmetic(search, original.content(0)) for original in originals[1:]])
    floor, whole = spent["decode"] + spent["encode"] + networks, sum(spent.values())
    told = ", ".join(f"{stage} {seconds * 1e3:.3g}" for stage, seconds in spent.items())
    beside = f"floor {floor * 1e3:.3g} ms, {networks * 1e3:.3g} of it the networks"
    return Line(f"{megapixels:g} MP, {what}, one thread", f"{whole * 1e3:.3g} ms: {told}", beside, whole / floor)


def arithmetic(search: detect.Search, data: bytes) -> float:
    """Seconds that the detectors take for the windows of one photo's first search, each once, already cut."""
    pyramid = Pyramid(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
    smallest, plan = Recipe({}).smallest_face, PLANS["balanced"]
    cut = [
        (detector, look.cut(pyramid))
        for detector in search.detectors.values()
        for look in detector.looks(*pyramid.size, smallest, plan)
    ]
    start = time.monotonic()
    for detector, pixels in cut:
        detector.find(pixels)
    return time.monotonic() - start
