"""Print the areas that deface draws on labelled photos, as lines that `facewarden evaluate --against` reads.

deface 1.5.0 at its defaults: CenterFace at the photo's own size, threshold 0.2, boxes grown by 30 % of their size on each
side, ellipses. It runs as a user would run it: its own choice of backend and threads. Needs the `bench` extra, and
onnxruntime beside it: under OpenCV 4.14 and 5.0 deface finds next to nothing from the second size of photo on.

    python tests/bench/deface_areas.py LABELS.json... >areas.jsonl
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
from deface.centerface import CenterFace
from deface.deface import scale_bb

THRESHOLD, SCALE = 0.2, 1.3


def main(labels: list[str]) -> None:
    """One line a photo; `seconds` is the detection alone, after one call to warm up."""
    with contextlib.redirect_stdout(sys.stderr):  # it says which backend it runs on
        detector = CenterFace(in_shape=None, backend="auto")
    warm = False
    for label in map(Path, labels):
        for entry in json.loads(label.read_text()):
            file = label.parent / entry["file"]
            pixels = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB)
            if not warm:
                detector(pixels, threshold=THRESHOLD)
                warm = True
            start = time.perf_counter()
            found, _ = detector(pixels, threshold=THRESHOLD)
            seconds = time.perf_counter() - start
            height, width = pixels.shape[:2]
            areas = [_area(scale_bb(*map(int, box[:4]), SCALE), width, height) for box in found]
            line = {"file": str(file), "width": width, "height": height, "regions": areas, "seconds": seconds}
            sys.stdout.write(json.dumps(line) + "\n")


def _area(corners: Iterable[int], width: int, height: int) -> dict[str, float | str]:
    """The ellipse that deface draws: in the grown box, which it first clips to the photo."""
    left, top, right, bottom = map(int, corners)
    left, top, right, bottom = max(0, left), max(0, top), min(width - 1, right), min(height - 1, bottom)
    return {"x": left, "y": top, "width": right - left, "height": bottom - top, "shape": "ellipse"}


if __name__ == "__main__":
    main(sys.argv[1:])
