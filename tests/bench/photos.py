"""Photos of one size for the benchmarks: those of a folder, or scikit-image's portrait on different grounds."""

from __future__ import annotations

import argparse
import io
import math
from pathlib import Path

import skimage.data
from PIL import Image


def arguments(description: str | None) -> argparse.ArgumentParser:
    """What all benchmarks take."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, help="folder of JPEG photos to scale (default: a generated portrait)")
    parser.add_argument("--megapixels", type=float, default=2.0)
    parser.add_argument("--count", type=int, default=12, help="photos a round")
    parser.add_argument("--rounds", type=int, default=2)
    return parser


def photos(given: argparse.Namespace) -> list[bytes]:
    """So many JPEG photos, each scaled to the asked number of megapixels."""
    if given.photos:
        files = sorted(given.photos.glob("*.jpg"))[: given.count]
        return [_scaled(Image.open(file).convert("RGB"), given.megapixels) for file in files]
    return [_scaled(_portrait(number), given.megapixels) for number in range(given.count)]


def crowd(megapixels: float) -> tuple[bytes, int]:
    """One JPEG photo of this size filled with portraits, and how many they are."""
    portrait = Image.fromarray(skimage.data.astronaut())
    side = 256
    across, down = round(math.sqrt(megapixels * 1.5e6) / side), round(math.sqrt(megapixels / 1.5 * 1e6) / side)
    picture = Image.new("RGB", (across * side, down * side))
    for number in range(across * down):
        one = portrait.resize((side, side)).rotate(number % 7 - 3)
        picture.paste(one, (number % across * side, number // across * side))
    return _scaled(picture, megapixels), across * down


def _portrait(number: int) -> Image.Image:
    """The portrait twice, the second time in the mirror, on a grey ground that is different each time."""
    portrait = Image.fromarray(skimage.data.astronaut())
    picture = Image.new("RGB", (1024, 768), (128, 100 + 8 * number % 100, 128))
    picture.paste(portrait, (0, 128))
    picture.paste(portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (512, 128))
    return picture


def _scaled(picture: Image.Image, megapixels: float) -> bytes:
    factor = math.sqrt(megapixels * 1e6 / (picture.width * picture.height))
    buffer = io.BytesIO()
    picture.resize((round(picture.width * factor), round(picture.height * factor))).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
