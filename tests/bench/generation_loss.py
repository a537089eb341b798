"""What is lost outside hidden areas when a result is written: PSNR and SSIM against the decoded original.

    python -m tests.bench.generation_loss [--photos FOLDER] [--count 20]

One line for each way of writing: the profile's default, `untouched: match` as if nothing had been hidden, WebP, and the pages
of a PDF. PSNR over the pixels outside all areas, the mean over photos; SSIM as the mean of its map there.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from skimage.metrics import structural_similarity

from facewarden import config, protocol, regions
from facewarden.config.profile import Output
from facewarden.delivery.encode import result_of
from facewarden.errors import FileRefused
from facewarden.pool import LocalPool
from facewarden.regions import Coverage
from facewarden.sandbox.decode import decode
from facewarden.values import Limits, Picture

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "eval" / "groups" / "images"
WAYS: dict[str, tuple[str, Output, bool]] = {
    "JPEG, the default (quality 90)": ("JPEG", Output(), False),
    "JPEG, untouched: match": ("JPEG", Output(untouched="match"), True),
    "JPEG, untouched: lossless (PNG)": ("JPEG", Output(untouched="lossless"), True),
    "WebP, the default (quality 90)": ("WEBP", Output(), False),
    "AVIF, the default (quality 90)": ("AVIF", Output(), False),
    "a PDF's page, the default (quality 90)": ("PDF", Output(), False),
}


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, default=FOLDER)
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    photos = list(searched(sorted(given.photos.glob("*.jpg"))[: given.count]))
    sys.stdout.write(f"{len(photos)} photos\n| written as | PSNR, dB | SSIM |\n|---|---|---|\n")
    for name, (container, output, untouched) in WAYS.items():
        scores = [loss(dataclasses.replace(it, format=container), seen, output, untouched) for it, seen in photos]
        psnr, ssim = np.mean(scores, axis=0)
        sys.stdout.write(f"| {name} | {psnr:.1f} | {ssim:.4f} |\n")
        sys.stdout.flush()


def searched(paths: list[Path]) -> Iterator[tuple[Picture, Coverage]]:
    """Each photo decoded, and which of its pixels lie outside all areas."""
    pool = LocalPool(1)
    pool.start()
    recipe = config.recipe_of(config.Profile(), Limits())
    try:
        for path in paths:
            with contextlib.suppress(FileRefused):
                reply = pool.treat(path.read_bytes(), recipe, 300, protocol.FIND, owner="bench")
                width, height = reply.sizes[0]
                outside = ~regions.coverage(reply.regions[0], height, width)
                yield decode(path.read_bytes(), Limits()), outside
    finally:
        pool.stop()


def loss(picture: Picture, outside: Coverage, output: Output, untouched: bool) -> tuple[float, float]:
    """PSNR in dB (99 where nothing is lost) and SSIM."""
    before = picture.frames[0].pixels
    after = decode(result_of(picture, output, untouched=untouched)[1], Limits()).frames[0].pixels
    if after.ndim != before.ndim:
        after = after[..., None].repeat(3, axis=2)
    error = float(np.mean((before.astype(float) - after)[outside] ** 2))
    psnr = min(99.0, 10 * np.log10(255**2 / error)) if error else 99.0
    axis = 2 if before.ndim == 3 else None
    _, local = structural_similarity(before, after, channel_axis=axis, full=True, data_range=255)
    return psnr, float(np.mean(local[outside]))


if __name__ == "__main__":
    main()
