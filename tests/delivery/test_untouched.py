"""How a result is written: like its original where that is wanted and nothing was hidden, and never by its tables."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from facewarden.config.profile import Output
from facewarden.delivery.encode import result_of
from facewarden.sandbox.decode import decode
from facewarden.values import SUBSAMPLINGS, Frame, Limits, Picture, Pixels

LIMITS = Limits()
MATCH, LOSSLESS = Output(untouched="match"), Output(untouched="lossless")


def file_of(pixels: Pixels, container: str = "JPEG", **options: Any) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, container, **options)
    return target.getvalue()


def jpeg(data: bytes) -> Any:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("quality", [1, 10, 25, 49, 50, 51, 75, 85, 92, 95, 99, 100])
def test_the_quality_is_read_from_the_tables(astronaut: Pixels, quality: int) -> None:
    """What libjpeg wrote at a quality is known by that quality, and only the number is kept."""
    assert decode(file_of(astronaut, quality=quality), LIMITS).quality == quality


@pytest.mark.parametrize("container", ["PNG", "WEBP", "TIFF"])
def test_other_containers_have_no_quality(astronaut: Pixels, container: str) -> None:
    """Nothing is guessed where there are no tables."""
    picture = decode(file_of(astronaut, container), LIMITS)
    assert (picture.quality, picture.subsampling) == (None, None)


def test_odd_tables_give_the_nearest_quality(astronaut: Pixels) -> None:
    """A camera's own tables, flat ones and ones of 1 and 255 all give a number from 1 to 100."""
    for table in ([1] * 64, [255] * 64, [16] * 64, list(range(1, 65))):
        picture = decode(file_of(astronaut, qtables=[table, table]), LIMITS)
        assert picture.quality is not None
        assert 1 <= picture.quality <= 100


@pytest.mark.parametrize("code", range(3))
@pytest.mark.parametrize("untouched", [True, False])
def test_colours_are_stored_as_finely_as_they_were(astronaut: Pixels, code: int, untouched: bool) -> None:
    """The result's subsampling is the original's, redacted or not."""
    picture = decode(file_of(astronaut, subsampling=SUBSAMPLINGS[code]), LIMITS)
    assert picture.subsampling == code
    _, data = result_of(picture, Output(), untouched=untouched)
    assert get_sampling(jpeg(data)) == code


@pytest.mark.parametrize("quality", [60, 75, 97])
def test_a_matching_quality_gives_the_same_tables(astronaut: Pixels, quality: int) -> None:
    """Where nothing was hidden a result is compressed as its original was; where something was, as the profile says."""
    original = file_of(astronaut, quality=quality)
    picture = decode(original, LIMITS)
    assert jpeg(result_of(picture, MATCH, untouched=True)[1]).quantization == jpeg(original).quantization
    default = jpeg(file_of(astronaut, quality=90)).quantization
    assert jpeg(result_of(picture, MATCH, untouched=False)[1]).quantization == default
    assert jpeg(result_of(picture, Output(), untouched=True)[1]).quantization == default
    unknown = dataclasses.replace(picture, quality=None)
    assert jpeg(result_of(unknown, MATCH, untouched=True)[1]).quantization == default


@pytest.mark.parametrize(
    ("container", "delivered"), [("JPEG", "PNG"), ("WEBP", "WEBP"), ("AVIF", "PNG"), ("PNG", "PNG"), ("TIFF", "TIFF")]
)
def test_lossless_loses_nothing(astronaut: Pixels, container: str, delivered: str) -> None:
    """The decoded pixels come out, each of them, in a container that can hold them."""
    picture = decode(file_of(astronaut, container), LIMITS)
    made, data = result_of(picture, LOSSLESS, untouched=True)
    assert made == delivered
    np.testing.assert_array_equal(decode(data, LIMITS).frames[0].pixels, picture.frames[0].pixels)
    assert result_of(picture, LOSSLESS, untouched=False)[0] == container


def test_a_grey_jpeg_stays_one(astronaut: Pixels) -> None:
    """Grey has no colours to subsample; it is written all the same."""
    picture = decode(file_of(np.ascontiguousarray(astronaut[..., 0])), LIMITS)
    _, data = result_of(picture, MATCH, untouched=True)
    assert jpeg(data).mode == "L"
    assert (
        result_of(Picture("JPEG", (Frame(astronaut[..., 0].copy()),), subsampling=2), MATCH, untouched=True)[0]
        == "JPEG"
    )
