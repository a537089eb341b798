"""Encode: pixels become a clean file that holds them and nothing else, or a refusal; names follow the container."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.pictures import flat, frame, opened, seen

from facewarden.delivery.containers import SUFFIXES, container_of, result_format, result_name
from facewarden.delivery.encode import encode
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.values import FORMATS, Frame, Picture, Pixels

EXACT = ("PNG", "TIFF", "BMP", "PPM", "TGA")
ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
PICTURES = [container for container in FORMATS if container != "PDF"]
"""Containers that Pillow reads too; PDF has a file of tests of its own."""


SIDES = st.integers(1, 70)
CHANNELS = st.sampled_from([1, 3, 4])


@given(container=st.sampled_from(EXACT), height=SIDES, width=SIDES, channels=CHANNELS, seed=st.integers(0, 99))
def test_exact_containers_give_each_pixel_back(
    container: str, height: int, width: int, channels: int, seed: int
) -> None:
    """Where nothing is lost by design nothing is lost: size, order, and each value, transparency where it can be held."""
    assume(channels < 4 or container not in ("PPM", "BMP"))  # see below; and Pillow writes BMP's fourth and reads three
    pixels = frame(height, width, channels, seed).pixels
    (back,) = seen(encode(Picture("PNG", (Frame(pixels),)), container, 90))
    np.testing.assert_array_equal(back, pixels)


@given(container=st.sampled_from(PICTURES), height=SIDES, width=SIDES, channels=CHANNELS, seed=st.integers(0, 99))
@settings(max_examples=60)
def test_every_container_takes_every_frame(container: str, height: int, width: int, channels: int, seed: int) -> None:
    """Grey, colour and transparency of any size, down to one pixel, become a file of that very container and size."""
    data = encode(Picture("PNG", (frame(height, width, channels, seed),), (72.5, 300.0)), container, 90)
    with opened(data) as image:
        assert image.format == container
        assert image.size == (width, height)
        image.load()


def test_lossy_containers_look_the_same(astronaut: Pixels) -> None:
    """At the default quality a photo is off by little, so that what was redacted stays what is seen."""
    for container in ("JPEG", "WEBP", "AVIF", "JPEG2000"):
        (back,) = seen(encode(Picture("PNG", (Frame(astronaut),)), container, 90))
        assert np.abs(back.astype(int) - astronaut).mean() < 3, container


@pytest.mark.parametrize("container", ["JPEG", "PPM"])
def test_transparency_is_laid_on_white_where_it_cannot_be_held(container: str) -> None:
    """What was transparent is white, what was opaque keeps its colour, and half is in the middle."""
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0, :, 3] = (0, 255, 128)
    pixels = pixels.repeat(16, axis=0).repeat(16, axis=1)
    (back,) = seen(encode(Picture("PNG", (Frame(pixels),)), container, 95))
    assert np.abs(back[8, 8::16, 0].astype(int) - (255, 0, 127)).max() <= 2


def test_the_resolution_is_kept(astronaut: Pixels) -> None:
    """Dots per inch come back, to a whole number where the container knows no others."""
    for container in ("JPEG", "PNG", "TIFF", "BMP"):
        data = encode(Picture("PNG", (Frame(astronaut[:8, :8]),), (300.0, 150.0)), container, 90)
        assert opened(data).info["dpi"] == pytest.approx((300, 150), abs=0.1), container
    assert "dpi" not in opened(encode(Picture("PNG", (Frame(astronaut),)), "PNG", 90)).info


# Nothing but pixels


def png_chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while place < len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        yield kind
        place += 12 + length


def jpeg_segments(data: bytes) -> Iterator[int]:
    place = 2
    while data[place + 1] != 0xDA:
        marker, length = struct.unpack_from(">xBH", data, place)
        yield marker
        place += 2 + length


def test_files_hold_nothing_but_what_pixels_need(astronaut: Pixels) -> None:
    """No chunk, segment or tag for text, comments, EXIF, XMP, profiles or thumbnails is in any container."""
    still = Picture("PNG", (Frame(astronaut),), (300.0, 300.0))
    moving = Picture("PNG", (flat(1, 100), flat(200, 100)), None, 0)
    assert set(png_chunks(encode(still, "PNG", 90))) == {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert set(png_chunks(encode(moving, "PNG", 90))) == {b"IHDR", b"acTL", b"fcTL", b"IDAT", b"fdAT", b"IEND"}
    # APP0 (JFIF), tables, start of frame: no APP1 (EXIF, XMP), APP2 (ICC), APP13 (IPTC), FE (comment)
    assert set(jpeg_segments(encode(still, "JPEG", 90))) == {0xE0, 0xDB, 0xC0, 0xC4}
    # size, depth, compression, photometric, strips, samples, resolution, planes, predictor
    image = {256, 257, 258, 259, 262, 273, 277, 278, 279, 282, 283, 284, 296, 317}
    assert set(opened(encode(still, "TIFF", 90)).tag_v2) <= image  # type: ignore[attr-defined]
    files = [(container, encode(still, container, 90)) for container in PICTURES]
    files += [(container, encode(moving, container, 90)) for container in ANIMATED]
    for container, data in files:
        told = dict(opened(data).info)
        comment = told.pop("comment", b"")
        # OpenJPEG signs what it writes and cannot be kept from it.
        assert not comment or (container == "JPEG2000" and comment.startswith(b"Created by OpenJPEG"))
        assert not set(told) & {"exif", "xmp", "icc_profile", "photoshop", "Software"}, container


def test_encoding_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """No library writes to the service's stderr, not even native code that meets a picture it cannot hold."""
    for container in FORMATS:
        try:
            encode(Picture("PNG", (frame(1, 65_535, 3),)), container, 90)
        except FileRefused as refused:
            assert refused.reason is NOT_ENCODED  # noqa: PT017 - some hold it and some do not
    assert capfd.readouterr() == ("", "")


# Containers and names


@pytest.mark.parametrize("wanted", ["same", "jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("original", FORMATS)
def test_the_container_is_the_one_wanted(original: str, wanted: str) -> None:
    """One frame goes into whatever is wanted; `same` is the original's."""
    picture = Picture(original, (flat(1, 0),))
    assert result_format(picture, wanted) == (original if wanted == "same" else wanted.upper())


@given(
    st.one_of(
        st.binary(min_size=1, max_size=255).map(lambda name: name.replace(b"/", b"_")),
        st.tuples(
            st.text("aé.", max_size=8),
            st.sampled_from([s for own in SUFFIXES.values() for s in own] + [b".heic", b".x"]),
        ).map(lambda parts: parts[0].encode() + parts[1]),
    ),
    st.sampled_from(FORMATS),
)
def test_a_result_s_name_tells_its_container(name: bytes, container: str) -> None:
    """It keeps the original's stem, ends as its container says, keeps a right ending as it was, and is never just one."""
    made = result_name(name, container)
    assert container_of(made) == container
    assert made.startswith(name.rpartition(b".")[0] or name)
    stem, _, suffix = made.rpartition(b".")
    assert stem
    if b"." + name.rpartition(b".")[2].lower() in SUFFIXES[container] and name.rpartition(b".")[0]:
        assert made == name
    else:
        assert b"." + suffix == SUFFIXES[container][0]


@pytest.mark.parametrize(
    ("name", "container", "expected"),
    [
        (b"a.jpg", "JPEG", b"a.jpg"),
        (b"A.JPEG", "JPEG", b"A.JPEG"),
        (b"a.heic", "PNG", b"a.png"),
        (b"a.jpg", "PNG", b"a.png"),
        (b"Dr. Who", "PNG", b"Dr. Who.png"),
        (b"2024.12.24", "JPEG", b"2024.12.24.jpg"),
        (b".jpg", "JPEG", b".jpg.jpg"),
        (b"a.tar.gz", "PNG", b"a.tar.gz.png"),
        (b"deep/a.webp", "JPEG", b"deep/a.jpg"),
    ],
)
def test_names_as_people_expect_them(name: bytes, container: str, expected: bytes) -> None:
    """Only the ending of a picture format gives way."""
    assert result_name(name, container) == expected


def test_a_name_with_dots_in_its_folder() -> None:
    """A dot in a folder's name is no ending of the file."""
    assert result_name(b"v1.jpg/photo", "JPEG") == b"v1.jpg/photo.jpg"
    assert result_name(b"v1.png/photo", "JPEG") == b"v1.png/photo.jpg"
