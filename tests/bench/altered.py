"""Write altered copies of labelled photos, with their labels, for `facewarden evaluate`: darker and flatter, or turned.

    python -m tests.bench.altered dark LABELS.json FOLDER      # a quarter of the light, half of the contrast
    python -m tests.bench.altered 90 LABELS.json FOLDER        # turned counter-clockwise, without EXIF; also 180, 270, and 0

`0` writes plain copies in the same file format (PNG), so that the altered ones are compared with their like.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from facewarden.sandbox.detect.pyramid import turned
from facewarden.sandbox.detect.turning import turned_back
from facewarden.values import Pixels, Region

LIGHT, CONTRAST = 0.25, 0.5

Rectangle = list[float]


def main() -> None:
    """Write `labels.json` and one PNG a photo."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("how", choices=["dark", "0", "90", "180", "270"])
    parser.add_argument("labels", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    alter = darkened if given.how == "dark" else turning(int(given.how) // 90)
    given.folder.mkdir(parents=True, exist_ok=True)
    entries = []
    for number, entry in enumerate(json.loads(given.labels.read_text())):
        with Image.open(given.labels.parent / entry["file"]) as photo:
            upright = np.asarray(ImageOps.exif_transpose(photo).convert("RGB"))
        pixels, changed = alter(upright, entry)
        name = f"{number}.png"
        Image.fromarray(pixels).save(given.folder / name, compress_level=1)
        entries.append(changed | {"file": name})
    (given.folder / "labels.json").write_text(json.dumps(entries))


def darkened(pixels: Pixels, entry: dict[str, Any]) -> tuple[Pixels, dict[str, Any]]:
    """Contrast halved round the photo's own mean, then a quarter of the light, each rounded to whole numbers."""
    flat = np.round(pixels.mean() + (pixels - pixels.mean()) * CONTRAST)
    return np.round(flat * LIGHT).astype(np.uint8), entry


def turning(quarters: int) -> Callable[[Pixels, dict[str, Any]], tuple[Pixels, dict[str, Any]]]:
    """Turn photo and labels by so many quarters counter-clockwise."""

    def turn(pixels: Pixels, entry: dict[str, Any]) -> tuple[Pixels, dict[str, Any]]:
        lying = turned(pixels, quarters)
        height, width = lying.shape[:2]

        def moved(rectangle: Rectangle) -> Rectangle:
            # Turning on by the missing quarters is turning back from these.
            x, y, wide, high = rectangle
            place = turned_back(Region(x, y, wide, high, 1.0, "fixed"), -quarters % 4, width, height)
            return [place.x, place.y, place.width, place.height]

        return lying, entry | {key: [moved(one) for one in entry.get(key, [])] for key in ("faces", "ignore")}

    return turn


if __name__ == "__main__":
    main()
