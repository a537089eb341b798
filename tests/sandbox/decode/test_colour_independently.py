"""Colours compared with converters that are not ours: Little CMS called by itself, and ImageMagick where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms
from tests.sandbox.decode.test_decode_colour import WIDE_PRIMARIES, profile

from facewarden.errors import FileRefused
from facewarden.sandbox.decode import decode
from facewarden.values import Limits, Pixels

LIMITS = Limits()
MAGICK = shutil.which("magick") or shutil.which("convert-im6.q16") or shutil.which("convert-im6")


def decoded(data: bytes) -> Pixels:
    return decode(data, LIMITS).frames[0].pixels


def by_little_cms(image: Image.Image) -> Pixels:
    """Perceptual, as Little CMS itself converts the whole picture at once."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    result = ImageCms.profileToProfile(
        image, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.PERCEPTUAL, outputMode="RGB"
    )
    assert result
    return np.asarray(result)


@pytest.mark.parametrize("container", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_photos_with_profiles(astronaut: Pixels, container: str, gamma: float) -> None:
    """Each container's profile gives what Little CMS gives: on average less than one level apart."""
    options: dict[str, Any] = {"quality": 95} if container in ("JPEG", "WEBP") else {}
    target = io.BytesIO()
    Image.fromarray(astronaut).save(target, container, icc_profile=profile(gamma, WIDE_PRIMARIES), **options)
    with Image.open(target) as image:
        expected = by_little_cms(image)
        plain = np.asarray(image)
    shown = decoded(target.getvalue())
    assert np.abs(shown.astype(int) - expected).mean() < 1
    assert np.abs(shown.astype(int) - plain).mean() > 2  # the profile did something


@pytest.mark.filterwarnings("ignore")  # Pillow warns of odd metadata in what it opens for the comparison
def test_real_files_with_profiles(eval_set: Path) -> None:
    """Files of others, CMYK among them, through their own profiles."""
    compared = 0
    for path in sorted((eval_set / "formats").iterdir()):
        try:
            with Image.open(path) as image:
                if (
                    not image.info.get("icc_profile")
                    or image.mode not in ("RGB", "CMYK")
                    or image.getexif().get(0x0112, 1) != 1
                ):
                    continue
                expected = by_little_cms(image)
            shown = decoded(path.read_bytes())
        except (OSError, ImageCms.PyCMSError, FileRefused):
            continue
        compared += 1
        assert np.abs(shown.astype(int) - expected).mean() < 1, path.name
    assert compared >= 5


def by_magick(data: bytes, folder: Path, *options: str) -> Pixels:
    if MAGICK is None:
        pytest.skip("ImageMagick is not installed")
    source, target = folder / "source", folder / "target.png"
    source.write_bytes(data)
    subprocess.run([MAGICK, f"{source}[0]", *options, "-depth", "8", target], check=True, capture_output=True)
    with Image.open(target) as image:
        return np.asarray(image)


def test_imagemagick_agrees_on_profiles(astronaut: Pixels, tmp_path: Path) -> None:
    """Another program, another way to call the same formulas."""
    target = io.BytesIO()
    Image.fromarray(astronaut).save(target, "PNG", icc_profile=profile(1.8, WIDE_PRIMARIES))
    srgb = tmp_path / "srgb.icc"
    srgb.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    theirs = by_magick(target.getvalue(), tmp_path, "-intent", "Perceptual", "-profile", str(srgb))
    assert np.abs(decoded(target.getvalue()).astype(int) - theirs).mean() < 1


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "1", "P"])
@pytest.mark.parametrize("container", ["PNG", "TIFF", "GIF", "BMP"])
def test_imagemagick_agrees_without_profiles(astronaut: Pixels, tmp_path: Path, container: str, mode: str) -> None:
    """Palettes, grey, one bit and alpha come out as another program shows them."""
    if mode == "RGBA" and container in ("GIF", "BMP"):
        pytest.skip("they hold no alpha that both would read")
    image = Image.fromarray(astronaut).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size).point(lambda level: max(level, 1)))
    target = io.BytesIO()
    image.save(target, container)
    theirs = by_magick(target.getvalue(), tmp_path, "-define", "png:color-type=6")
    shown = decoded(target.getvalue())
    opaque = np.full((*shown.shape[:2], 1), 255)
    colours = shown[..., None].repeat(3, axis=2) if shown.ndim == 2 else shown
    whole = colours if colours.shape[2] == 4 else np.concatenate([colours, opaque], axis=2)
    assert np.abs(whole.astype(int) - theirs).mean() < 1


def test_imagemagick_agrees_on_sixteen_bits(astronaut: Pixels, tmp_path: Path) -> None:
    """16 bits a channel, in PNG: less than one level apart."""
    deep = (astronaut.astype(np.uint16) * 257)[..., 0]
    target = io.BytesIO()
    Image.fromarray(deep).save(target, "PNG")
    theirs = by_magick(target.getvalue(), tmp_path, "-colorspace", "Gray")
    assert np.abs(decoded(target.getvalue()).astype(int) - theirs).mean() < 1
