"""Encode: pixels become a clean file that holds them and nothing else, or a refusal; names follow the container."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from facewarden.delivery.encode import SUFFIXES, container_of, encode, result_format, result_name
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.values import FORMATS, Frame, Picture, Pixels

EXACT = ("PNG", "TIFF", "BMP", "PPM", "TGA")
ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")


def frame(height: int, width: int, channels: int, seed: int = 0, duration: int = 0) -> Frame:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Frame(np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8), duration)


def flat(value: int, duration: int, size: int = 8) -> Frame:
    return Frame(np.full((size, size, 3), value, np.uint8), duration)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def seen(data: bytes) -> list[Pixels]:
    with opened(data) as image:
        return [np.array(page) for page in ImageSequence.Iterator(image)]


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


@given(container=st.sampled_from(FORMATS), height=SIDES, width=SIDES, channels=CHANNELS, seed=st.integers(0, 99))
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
    files = [(container, encode(still, container, 90)) for container in FORMATS]
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


# Several frames


@pytest.mark.parametrize("container", ANIMATED)
@pytest.mark.parametrize("loop", [None, 0, 3])
def test_an_animation_keeps_its_frames_and_their_times(container: str, loop: int | None) -> None:
    """As many frames, each shown as long, repeated as often, whatever the container counts in."""
    times = [20, 500, 70, 1000]
    picture = Picture(container, tuple(flat(60 * n, time, 64) for n, time in enumerate(times)), None, loop)
    with opened(encode(picture, container, 90)) as image:
        assert getattr(image, "n_frames", 1) == 4
        shown = []
        for number in range(4):
            image.seek(number)
            image.load()
            shown.append(image.info["duration"])
        assert [round(time) for time in shown] == times
        if loop is not None and container != "AVIF":
            assert image.info["loop"] == loop


def test_no_frame_shows_through_the_next() -> None:
    """A transparent pixel of a later frame is transparent, whatever stood there before: nothing old is left to see."""
    first = np.full((8, 8, 4), 255, np.uint8)
    second = first.copy()
    second[:4] = 0
    for container in ("PNG", "WEBP", "GIF"):
        with opened(encode(Picture(container, (Frame(first, 100), Frame(second, 100))), container, 90)) as image:
            image.seek(1)
            if container == "GIF":  # Pillow shows its first colour where browsers show nothing
                assert image.disposal_method == 2  # type: ignore[attr-defined]
            else:
                assert np.array(image.convert("RGBA"))[1, 4, 3] == 0, container


@pytest.mark.parametrize("container", ANIMATED)
@pytest.mark.parametrize("duration", [65_536, 655_360, 65_535_000, 0x7FFF_FFFF])
def test_a_frame_shown_for_hours_is_shown_for_long(container: str, duration: int) -> None:
    """No duration that a worker can send makes a container fail: a picture is not refused for it."""
    picture = Picture(container, (flat(1, duration), flat(200, 100)), None, 0xFFFF)
    with opened(encode(picture, container, 90)) as image:
        assert getattr(image, "n_frames", 1) == 2


def test_frames_that_a_container_cannot_join_are_refused() -> None:
    """Frames of different sizes, as only a broken worker sends, end in a refusal and in no other exception."""
    frames = (frame(5, 7, 3, duration=10), frame(9, 11, 4, duration=10), frame(4, 4, 1, duration=10))
    for container in (*ANIMATED, "TIFF"):
        try:
            encode(Picture(container, frames), container, 90)
        except FileRefused as refused:
            assert refused.reason is NOT_ENCODED  # noqa: PT017 - some hold it and some do not


@given(
    container=st.sampled_from([*ANIMATED, "TIFF"]),
    shapes=st.lists(st.tuples(SIDES, SIDES, CHANNELS, st.integers(0, 2**31 - 1)), min_size=2, max_size=4),
    loop=st.one_of(st.none(), st.integers(0, 0xFFFF)),
    dpi=st.one_of(st.none(), st.tuples(st.floats(1, 10_000), st.floats(1, 10_000))),
)
@settings(max_examples=60)
def test_whatever_a_worker_may_send_is_encoded_or_refused(
    container: str, shapes: list[tuple[int, int, int, int]], loop: int | None, dpi: tuple[float, float] | None
) -> None:
    """Any frames, times, loops and resolutions that pass the checks of a reply raise nothing but a refusal."""
    frames = tuple(frame(height, width, channels, 0, time) for height, width, channels, time in shapes)
    try:
        data = encode(Picture(container, frames, dpi, loop), container, 90)
    except FileRefused as refused:
        assert refused.reason is NOT_ENCODED  # noqa: PT017 - some hold it and some do not
    else:
        assert opened(data).format == container


@pytest.mark.parametrize(
    ("container", "side", "fits"),
    [
        ("JPEG", 65_500, True),
        ("JPEG", 65_501, False),
        ("WEBP", 16_383, True),
        ("WEBP", 16_384, False),
        ("AVIF", 32_768, True),
        ("AVIF", 32_769, False),
        ("PNG", 65_535, True),
        ("TIFF", 65_535, True),
        ("GIF", 65_535, True),
    ],
)
def test_a_long_side_fits_or_is_refused(container: str, side: int, fits: bool) -> None:
    """What is written can be read again; what a container cannot hold is refused by its reason."""
    picture = Picture("PNG", (Frame(np.zeros((2, side), np.uint8)),))
    if not fits:
        with pytest.raises(FileRefused) as refused:
            encode(picture, container, 90)
        assert refused.value.reason is NOT_ENCODED
        return
    with opened(encode(picture, container, 90)) as image:
        assert image.size == (side, 2)
        image.load()


# Containers and names


@pytest.mark.parametrize("wanted", ["same", "jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("original", FORMATS)
def test_the_container_is_the_one_wanted(original: str, wanted: str) -> None:
    """One frame goes into whatever is wanted; `same` is the original's."""
    picture = Picture(original, (flat(1, 0),))
    assert result_format(picture, wanted) == (original if wanted == "same" else wanted.upper())


@pytest.mark.parametrize("wanted", ["same", "jpeg", "png", "webp", "tiff"])
def test_pages_stay_pages(wanted: str) -> None:
    """A document of several pages keeps each page in its own size: it never becomes an animation or a single page."""
    pages = (frame(5, 7, 3), frame(9, 11, 1), frame(9, 11, 1))
    picture = Picture("TIFF", pages)
    back = seen(encode(picture, result_format(picture, wanted), 90))
    assert len(back) == 3
    for page, original in zip(back, pages, strict=True):
        np.testing.assert_array_equal(page, original.pixels)


@pytest.mark.parametrize("wanted", ["same", "jpeg", "png", "webp", "tiff"])
@pytest.mark.parametrize("original", FORMATS)
def test_no_frame_is_dropped_by_a_wish(original: str, wanted: str) -> None:
    """Several frames go into a container that holds several, also where a still one is wanted."""
    picture = Picture(original, (flat(1, 100), flat(200, 100)), None, 0)
    with opened(encode(picture, result_format(picture, wanted), 90)) as image:
        assert getattr(image, "n_frames", 1) == 2


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
