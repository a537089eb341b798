"""TIFF in unusual layouts: right pixels, or a refusal that does not call an intact file damaged."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from skimage.color import rgb2lab
from tests.tiffs import one_strip

from facewarden.errors import (
    CODING_NOT_ACCEPTED,
    DAMAGED,
    PAGE_NOT_ACCEPTED,
    TOO_MANY_FRAMES,
    TRUNCATED,
    FileRefused,
    Reason,
)
from facewarden.pool import Pool
from facewarden.sandbox.decode import decode
from facewarden.values import Limits, Pixels, Recipe

LIMITS = Limits()
WAYS = ["strips", "tiles", "planes"]
ORDERS = ["<", ">"]
CODINGS = [None, "zlib"]


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> Pixels:
    """With true black and white in it, so that what is stretched comes out as it was."""
    part = np.ascontiguousarray(astronaut[:90, 150:230])
    part[0, 0], part[0, 1] = 0, 255
    return part


def tiff(
    pixels: npt.NDArray[Any], order: str = "<", way: str = "strips", coding: str | None = None, **more: Any
) -> bytes:
    options: dict[str, dict[str, Any]] = {
        "strips": {"rowsperstrip": 16},
        "tiles": {"tile": (64, 64)},
        "planes": {"planarconfig": "separate"},
    }
    if way == "planes":
        pixels = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    target = io.BytesIO()
    with tifffile.TiffWriter(target, byteorder=order) as writer:  # type: ignore[arg-type]
        writer.write(pixels, metadata=None, software=False, compression=coding, **options[way], **more)
    return target.getvalue()


def decoded(data: bytes) -> Pixels:
    (frame,) = decode(data, LIMITS).frames
    return frame.pixels


def refusal(data: bytes) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    return caught.value.reason


def signed(pixels: Pixels) -> npt.NDArray[np.int8]:
    return (pixels.astype(np.int16) - 128).astype(np.int8)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS[:2])
@pytest.mark.parametrize(
    "kind", ["signed 8", "whole 32", "16 negative", "signed 16", "signed 32", "float 32", "float 64"]
)
def test_grey_of_each_kind(photo: Pixels, kind: str, way: str, order: str, coding: str | None) -> None:
    """Pixel by pixel, in both orders of bytes, by Pillow's own reader and by libtiff."""
    grey = photo[..., 1]
    made: dict[str, npt.NDArray[Any]] = {
        "signed 8": signed(grey),
        "whole 32": grey.astype(np.uint32) * 0x1010101,
        "16 negative": 65535 - grey.astype(np.uint16) * 257,
        "signed 16": grey.astype(np.int16) - 100,
        "signed 32": grey.astype(np.int32),
        "float 32": (grey / 255).astype(np.float32),
        "float 64": grey / 255,
    }
    photometric = "miniswhite" if kind == "16 negative" else "minisblack"
    np.testing.assert_array_equal(decoded(tiff(made[kind], order, way, coding, photometric=photometric)), grey)


def test_signed_grey_without_anything_negative(photo: Pixels) -> None:
    """Its white is 127."""
    grey = photo[..., 1] // 2
    shown = decoded(tiff(grey.astype(np.int8), photometric="minisblack"))
    np.testing.assert_array_equal(shown, np.rint(grey * (255 / 127)))


def test_the_signed_file_whose_seventh_bit_was_flipped(trials: Path) -> None:
    """-128 is black."""
    data = (trials / "grp_i8.tif").read_bytes()
    stored = tifffile.imread(io.BytesIO(data))
    np.testing.assert_array_equal(decoded(data), stored.astype(np.int16) + 128)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS)
def test_colour_of_each_kind(photo: Pixels, way: str, order: str, coding: str | None) -> None:
    """With a sign, of 16 bits, of CIE L*a*b* in 8 and 16 bits (which rounds): in planes too."""
    lab = rgb2lab(photo)
    scaled = lab * (255 / 100, 1, 1)
    narrow = np.rint(scaled).astype(np.int16).astype(np.uint8)
    wide = np.rint(scaled * (257, 256, 256)).astype(np.int32).astype(np.uint16)
    for made, photometric, most in (
        (signed(photo), "rgb", 0),
        (photo.astype(np.uint16) * 257, "rgb", 0),
        (narrow, "cielab", 8),
        (wide, "cielab", 8),
    ):
        shown = decoded(tiff(made, order, way, coding, photometric=photometric)).astype(int)
        assert np.abs(shown - photo).max() <= most, (made.dtype, photometric)


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS[:2])
def test_grey_and_alpha_of_16_bits(photo: Pixels, way: str, order: str, coding: str | None) -> None:
    """Both come out."""
    both = np.maximum(photo[..., :2], 1)
    data = tiff(both.astype(np.uint16) * 257, order, way, coding, photometric="minisblack", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(decoded(data), both[..., [0, 0, 0, 1]])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("coding", CODINGS)
def test_layouts_that_are_not_read(photo: Pixels, way: str, coding: str | None) -> None:
    """Floats of colour have no white, and Pillow can take no alpha beside CMYK: neither is damage."""
    floats = (photo / 255).astype(np.float32)
    five = np.dstack([photo, photo[..., :2]])
    assert refusal(tiff(floats, "<", way, coding, photometric="rgb")) is CODING_NOT_ACCEPTED
    with_alpha = tiff(five, "<", way, coding, photometric="separated", extrasamples=["unassalpha"])
    assert refusal(with_alpha) is CODING_NOT_ACCEPTED


@pytest.mark.parametrize("coding", CODINGS)
def test_grey_and_alpha_in_planes(photo: Pixels, coding: str | None) -> None:
    """Pillow would take the first plane for both."""
    data = tiff(photo[..., :2], "<", "planes", coding, photometric="minisblack", extrasamples=["unassalpha"])
    assert refusal(data) is CODING_NOT_ACCEPTED


CODED = {"LERC": 34887, "JPEG XL": 50002, "JPEG XL in DNG": 52546, "JBIG": 34661, "JPEG XR": 34934, "Aperio": 33005}


@pytest.mark.parametrize("name", CODED)
def test_compressions_that_are_not_read(name: str) -> None:
    """Registered, and unknown to the libraries."""
    assert refusal(one_strip(bytes(range(256)), (16, 16), CODED[name])) is CODING_NOT_ACCEPTED


def test_a_number_that_damage_left_is_damage() -> None:
    """No compression, depth or colours of that number are known."""
    strip = bytes(range(256)) * 3
    assert decoded(one_strip(strip, (16, 16), 1)).shape == (16, 16, 3)
    for broken in (
        one_strip(strip, (16, 16), 12345),
        one_strip(strip, (16, 16), 1, _262=999),
        one_strip(strip, (16, 16), 1, _258=200),
        one_strip(strip, (16, 16), 1, _339=77),
    ):
        assert refusal(broken) in (DAMAGED, TRUNCATED)


def test_jpeg_of_12_bits_inside(photo: Pixels) -> None:
    """Libtiff would need another libjpeg."""
    assert refusal(one_strip(b"\xff\xd8", (16, 16), 7, 1, _258=12)) is CODING_NOT_ACCEPTED


def test_slices_of_a_volume() -> None:
    """One of 16 came out without a word (tag ImageDepth)."""
    assert refusal(one_strip(bytes(16 * 16 * 16), (16, 16), 1, 1, _32997=16)) is PAGE_NOT_ACCEPTED
    assert decoded(one_strip(bytes(16 * 16), (16, 16), 1, 1, _32997=1)).shape == (16, 16)


def test_a_page_of_another_layout_behind_a_good_one(photo: Pixels) -> None:
    """The whole file is refused with the reason of that page."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(photo, photometric="rgb")
        writer.write((photo / 255).astype(np.float32), photometric="rgb")
    assert refusal(target.getvalue()) is CODING_NOT_ACCEPTED


def test_pages_of_two_layouts(photo: Pixels) -> None:
    """What one page's bytes are is not remembered for the next."""
    pages: list[npt.NDArray[Any]] = [
        signed(photo),
        photo,
        signed(photo[..., 0]),
        photo[..., 0].astype(np.uint32) * 0x1010101,
    ]
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for page in pages:
            writer.write(page, photometric="rgb" if page.ndim == 3 else "minisblack")
    shown = [frame.pixels for frame in decode(target.getvalue(), LIMITS).frames]
    for one, expected in zip(shown, (photo, photo, photo[..., 0], photo[..., 0]), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_a_worker_may_give_these_reasons(pool: Pool, photo: Pixels) -> None:
    """They cross the border, as a file's failure."""
    for data, reason in (
        (tiff((photo / 255).astype(np.float32), photometric="rgb"), CODING_NOT_ACCEPTED),
        (one_strip(bytes(16 * 16 * 16), (16, 16), 1, 1, _32997=16), PAGE_NOT_ACCEPTED),
    ):
        with pytest.raises(FileRefused) as caught:
            pool.treat(data, Recipe({"blazeface": 0.5}), 60)
        assert caught.value.reason is reason


def test_a_worker_reads_them_too(pool: Pool, photo: Pixels) -> None:
    """Locked in, nothing more is asked for."""
    both = np.maximum(photo[..., :2], 1).astype(np.uint16) * 257
    data = tiff(both, ">", "strips", "zlib", photometric="minisblack", extrasamples=["unassalpha"])
    reply = pool.treat(data, Recipe({}), 60)
    assert reply.picture.frames[0].pixels.shape == (90, 80, 4)


def pyramid(*kinds: int, old: bool = False) -> bytes:
    """Pages of falling size, each with this NewSubfileType, or SubfileType."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for number, kind in enumerate(kinds):
            grey = np.full((64 >> number, 64 >> number), 50 + number, np.uint8)
            if old:
                writer.write(grey, photometric="minisblack", metadata=None, extratags=[(255, "H", 1, kind, True)])
            else:
                writer.write(grey, photometric="minisblack", metadata=None, subfiletype=kind)
    return target.getvalue()


@pytest.mark.parametrize(
    ("kinds", "shown"),
    [
        ((0, 1, 1), [50]),
        ((1, 0, 1), [51]),
        ((2, 3, 2, 3), [50, 52]),
        ((1, 1), [50, 51]),
        ((1,), [50]),
        ((0, 2), [50, 51]),
    ],
    ids=["a pyramid", "a thumbnail first", "pages with thumbnails", "smaller views alone", "one of them", "two pages"],
)
def test_smaller_views_of_a_page_are_no_pages(kinds: tuple[int, ...], shown: list[int]) -> None:
    """Levels of a pyramid came out as pages of a document."""
    assert [int(frame.pixels[0, 0]) for frame in decode(pyramid(*kinds), LIMITS).frames] == shown


def test_smaller_views_by_the_older_tag() -> None:
    """SubfileType, of which 2 is a smaller view and 3 a page."""
    assert [int(frame.pixels[0, 0]) for frame in decode(pyramid(1, 2, 2, old=True), LIMITS).frames] == [50]
    assert [int(frame.pixels[0, 0]) for frame in decode(pyramid(3, 3, old=True), LIMITS).frames] == [50, 51]


def test_levels_in_directories_of_their_own(photo: Pixels) -> None:
    """SubIFDs, as microscopes write them, are no pages either."""
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        writer.write(photo, photometric="rgb", subifds=2)
        writer.write(photo[::2, ::2], photometric="rgb", subfiletype=1)
        writer.write(photo[::4, ::4], photometric="rgb", subfiletype=1)
    np.testing.assert_array_equal(decoded(target.getvalue()), photo)


def test_smaller_views_count_against_the_limit() -> None:
    """Nobody buys time with a million of them."""
    with pytest.raises(FileRefused) as caught:
        decode(pyramid(0, 1, 1, 1, 1), Limits(frames=3))
    assert caught.value.reason is TOO_MANY_FRAMES
