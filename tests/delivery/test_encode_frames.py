"""Encode, where a picture has several frames or pages, or is larger than its container: all of it, or a refusal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pictures import flat, frame, opened, seen

from facewarden.delivery.containers import result_format
from facewarden.delivery.encode import encode
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.values import FORMATS, Frame, Picture

ANIMATED = ("PNG", "GIF", "WEBP", "AVIF")
SIDES = st.integers(1, 70)
CHANNELS = st.sampled_from([1, 3, 4])


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
    container = result_format(picture, wanted)
    data = encode(picture, container, 90)
    if container == "PDF":
        assert data.count(b"/Subtype /Image") == 2
        return
    with opened(data) as image:
        assert getattr(image, "n_frames", 1) == 2
