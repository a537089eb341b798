"""TIFF whose strips or tiles are WebP, JPEG 2000 or PNG files."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests import damage
from tests.tiffs import of_parts

from facewarden.errors import CODING_NOT_ACCEPTED, DAMAGED, TRUNCATED, FileRefused, Reason
from facewarden.pool import Pool
from facewarden.sandbox.decode import decode
from facewarden.values import Limits, Recipe

LIMITS = Limits()
CODINGS: dict[str, tuple[int, dict[str, Any]]] = {
    "WEBP": (50001, {"lossless": True}),
    "JPEG2000": (34712, {"no_jp2": True}),
    "PNG": (34933, {}),
}
MODES = {"WEBP": ("RGB", "RGBA"), "JPEG2000": ("L", "RGB", "RGBA"), "PNG": ("L", "LA", "RGB", "RGBA")}
EACH = [(container, mode) for container, modes in MODES.items() for mode in modes]
SAMPLES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}


def picture(mode: str) -> Image.Image:
    """120 x 100, opaque nowhere."""
    image = damage.photo("RGB", 100).resize((120, 100)).convert(mode)
    if mode.endswith("A"):
        image.putalpha(damage.photo("L", 100).resize((120, 100)).point(lambda level: level // 2 + 9))
    return image


def parts(image: Image.Image, container: str, width: int, height: int, *, padded: bool) -> list[bytes]:
    made = []
    for upper in range(0, image.height, height):
        for left in range(0, image.width, width):
            right, lower = left + width, upper + height
            if not padded:
                right, lower = min(right, image.width), min(lower, image.height)
            target = io.BytesIO()
            image.crop((left, upper, right, lower)).save(target, container, **CODINGS[container][1])
            made.append(target.getvalue())
    return made


def file(container: str, mode: str, way: str = "strips", /, **tags: int) -> bytes:
    image = picture(mode)
    if way == "tiles":
        made, tags = parts(image, container, 64, 64, padded=True), {"_322": 64, "_323": 64} | tags
    else:
        made, tags = parts(image, container, 120, 32, padded=False), {"_278": 32} | tags
    return of_parts(made, image.size, CODINGS[container][0], SAMPLES[mode], **tags)


def refusal(data: bytes) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    return caught.value.reason


@pytest.mark.parametrize("way", ["strips", "tiles"])
@pytest.mark.parametrize(("container", "mode"), EACH)
def test_each_part_comes_to_its_place(container: str, mode: str, way: str) -> None:
    """Pixel by pixel."""
    (frame,) = decode(file(container, mode, way), LIMITS).frames
    expected = picture(mode).convert({"LA": "RGBA"}.get(mode, mode))
    np.testing.assert_array_equal(frame.pixels, np.asarray(expected))


@pytest.mark.parametrize("container", CODINGS)
def test_it_is_turned_as_any_page(container: str) -> None:
    """Orientation 6."""
    (frame,) = decode(file(container, "RGB", _274=6), LIMITS).frames
    np.testing.assert_array_equal(frame.pixels, np.asarray(picture("RGB").transpose(Image.Transpose.ROTATE_270)))


@pytest.mark.parametrize("container", CODINGS)
def test_half_of_it_is_refused(container: str) -> None:
    """Cut off, a strip missing, a hole in a part, a part of another size or kind."""
    whole = file(container, "RGB")
    assert refusal(whole[: len(whole) * 2 // 3]) is TRUNCATED
    hole = len(whole) * 3 // 4
    assert refusal(whole[:hole] + bytes(5000) + whole[hole + 5000 :]) in (DAMAGED, TRUNCATED)
    image = picture("RGB")
    good = parts(image, container, 120, 32, padded=False)
    coding = CODINGS[container][0]
    other = parts(image.resize((119, 32)), container, 119, 32, padded=False)
    grey = parts(picture("RGBA" if container == "WEBP" else "L"), container, 120, 32, padded=False)
    for wrong in (good[:3], [*good, good[0]], [*good[:3], good[0]], [*good[:2], *other, good[3]], [grey[0], *good[1:]]):
        assert refusal(of_parts(wrong, image.size, coding, 3, _278=32)) is DAMAGED
    foreign = parts(image, "PNG" if container != "PNG" else "WEBP", 120, 32, padded=False)
    assert refusal(of_parts(foreign, image.size, coding, 3, _278=32)) is DAMAGED


def test_an_opaque_part_of_webp_among_others() -> None:
    """It has no alpha then, and the page has."""
    image = picture("RGBA")
    image.paste(picture("RGB").crop((0, 32, 120, 64)), (0, 32))
    made = parts(image, "WEBP", 120, 32, padded=False)
    (frame,) = decode(of_parts(made, image.size, 50001, 4, _278=32), LIMITS).frames
    np.testing.assert_array_equal(frame.pixels, np.asarray(image))


def test_an_animation_is_no_part() -> None:
    """Of several frames one would come out."""
    target = io.BytesIO()
    frames = [Image.new("RGB", (120, 100), colour) for colour in ("red", "blue")]
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    assert refusal(of_parts([target.getvalue()], (120, 100), 50001, 3, _278=100)) is DAMAGED


@pytest.mark.parametrize("tags", [{"_262": 6}, {"_317": 2}, {"_284": 2}, {"_258": 16}, {"_339": 2}, {"_266": 2}])
def test_parts_that_mean_something_else_are_not_read(tags: dict[str, int]) -> None:
    """Colours of another kind, differences, planes, other depths."""
    assert refusal(file("PNG", "RGB", "strips", **tags)) is CODING_NOT_ACCEPTED


def test_a_tile_beyond_the_limit_is_refused() -> None:
    """A page of one pixel may not cost a tile of gigapixels."""
    target = io.BytesIO()
    Image.new("RGB", (4000, 4000)).save(target, "PNG")
    data = of_parts([target.getvalue()], (1, 1), 34933, 3, _322=4000, _323=4000)
    with pytest.raises(FileRefused):
        decode(data, Limits(pixels=1_000_000))


@pytest.mark.parametrize("container", CODINGS)
def test_a_worker_reads_them(pool: Pool, container: str) -> None:
    """No file is opened, nothing more loaded."""
    assert pool.treat(file(container, "RGB"), Recipe({}), 60).sizes == ((120, 100),)
