"""The date of capture: read as six numbers that make a date, and written anew from them alone."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facewarden.delivery.encode import encode
from facewarden.sandbox.decode import decode
from facewarden.values import Frame, Limits, Moment, Picture

MOMENT: Moment = (2024, 2, 29, 23, 59, 58)
TEXT = "2024:02:29 23:59:58"
DATED = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")


def moment_of(
    original: object = None, changed: object = None, container: str = "JPEG", digitized: object = None
) -> Moment | None:
    """What a file says whose EXIF has these values for DateTimeOriginal, DateTime and DateTimeDigitized."""
    exif = Image.Exif()
    if digitized is not None:
        exif.get_ifd(0x8769)[0x9004] = digitized
    if original is not None:
        exif.get_ifd(0x8769)[0x9003] = original
    if changed is not None:
        exif[0x0132] = changed
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, container, exif=exif.tobytes())
    return decode(buffer.getvalue(), Limits()).captured


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_date_of_capture_is_read(container: str) -> None:
    """That of the original counts, and that of the last change only where it is missing."""
    assert moment_of(TEXT, "1999:01:01 00:00:00", container) == MOMENT
    assert moment_of(None, TEXT, container) == MOMENT
    assert moment_of(container=container) is None


@pytest.mark.parametrize("container", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_the_date_of_scanning_comes_before_that_of_the_last_change(container: str) -> None:
    """Phones and scanners that write no DateTimeOriginal write DateTimeDigitized; what edited the photo, DateTime."""
    later = "2025:01:01 00:00:00"
    assert moment_of(None, later, container, TEXT) == MOMENT
    assert moment_of(TEXT, later, container, later) == MOMENT
    assert moment_of("    :  :     :  :  ", later, container, TEXT) == MOMENT
    assert moment_of(None, TEXT, container, "0000:00:00 00:00:00") == MOMENT


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "    :  :     :  :  ",
        "0000:00:00 00:00:00",
        "2023:02:29 00:00:00",
        "2024:13:01 00:00:00",
        "2024:01:01 24:00:00",
        "2024:01:01 00:00:60",
        "2024-01-01 00:00:00",
        "2024:01:01 00:00:00 Anna",
        "٢٠٢٤:01:01 00:00:00",
        b"\xff" * 19,
        7,
        "9" * 5000,
    ],
)
def test_what_is_no_date_is_none(nonsense: Any) -> None:
    """A clock that was never set, words, numbers of another script: none of it costs the photo or gets through."""
    assert moment_of(nonsense) is None
    assert moment_of(nonsense, TEXT) == MOMENT


@given(st.datetimes().map(lambda when: when.timetuple()[:6]), st.sampled_from(DATED), st.integers(1, 3))
def test_what_is_written_is_read_back(captured: Moment, container: str, count: int) -> None:
    """Any date there is, in each container that has a place for it, with one frame and with several."""
    frames = tuple(Frame(np.full((8, 8, 3), 60 * number, dtype=np.uint8), 100) for number in range(count))
    if container == "JPEG":
        frames = frames[:1]
    data = encode(Picture(container, frames, captured=captured), container, 90)
    back = decode(data, Limits())
    assert (back.captured, len(back.frames)) == (captured, len(frames))
    assert b"%04d:%02d:%02d %02d:%02d:%02d" % captured in data


def test_without_a_date_none_is_written() -> None:
    """Nor in a container that has no place for it."""
    frame = Frame(np.zeros((8, 8, 3), dtype=np.uint8))
    for container in DATED:
        assert decode(encode(Picture(container, (frame,)), container, 90), Limits()).captured is None
    for container in ("GIF", "BMP", "JPEG2000", "PPM", "TGA"):
        assert encode(Picture(container, (frame,), captured=MOMENT), container, 90) == encode(
            Picture(container, (frame,)), container, 90
        )
