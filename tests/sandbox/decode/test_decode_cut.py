"""What the owner cut away, hid or masked stays away: nothing comes out that a viewer does not show."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image
from tests.documents import pdf, stream

from facewarden.errors import DAMAGED, PAGE_NOT_ACCEPTED, FileRefused, Reason
from facewarden.sandbox.decode import decode
from facewarden.sandbox.decode.picture import boxes
from facewarden.values import Limits, Pixels

LIMITS = Limits()
SECRET = 200
"""The grey of what was cut away; the rest is black."""


def picture(left: int, upper: int, right: int, lower: int, size: tuple[int, int] = (128, 96)) -> Image.Image:
    """Black where it may be seen, light around."""
    image = Image.new("RGB", size, (SECRET,) * 3)
    image.paste((0, 0, 0), (left, upper, right, lower))
    return image


def avif(image: Image.Image, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, "AVIF", quality=100, speed=9, subsampling="4:4:4", **options)
    return target.getvalue()


def heic(image: Image.Image) -> bytes:
    target = io.BytesIO()
    pillow_heif.from_pillow(image).save(target, quality=95)
    return target.getvalue()


def clap(*numbers: int) -> bytes:
    """The box: width, height, across and down, each a numerator and a denominator."""
    return struct.pack(">I4s2I2IiIiI", 40, b"clap", *numbers)


def with_property(data: bytes, box: bytes) -> bytes:
    """The file with one more property of its main item; the first entry of `ipma` is that item's."""
    ((meta, meta_end),) = boxes.find(data, (0, len(data)), b"meta")
    inner = dict(boxes.walk(data, meta + 4, meta_end))
    properties = dict(boxes.walk(data, *inner[b"iprp"]))
    number = len(list(boxes.walk(data, *properties[b"ipco"]))) + 1
    entry = properties[b"ipma"][0] + 8
    total = entry + (4 if data[properties[b"ipma"][0]] else 2)
    grown = bytearray(data)
    for (start, _), more in (
        ((meta, 0), len(box) + 1),
        (inner[b"iprp"], len(box) + 1),
        (properties[b"ipco"], len(box)),
        (properties[b"ipma"], 1),
    ):
        (length,) = struct.unpack_from(">I", grown, start - 8)
        struct.pack_into(">I", grown, start - 8, length + more)
    _shift(grown, inner[b"iloc"], len(box) + 1)
    end = total + 1 + data[total]
    grown[total] += 1
    grown[end:end] = bytes([0x80 | number])
    grown[properties[b"ipco"][1] : properties[b"ipco"][1]] = box
    return bytes(grown)


def _shift(data: bytearray, span: boxes.Span, more: int) -> None:
    """Add to every place in the file that an item begins at."""
    start = span[0]
    version, (sizes, bases) = data[start], data[start + 4 : start + 6]
    at = start + 8
    for _ in range(struct.unpack_from(">H", data, start + 6)[0]):
        at += 2 + (2 if version else 0) + 2 + (bases >> 4)
        (extents,) = struct.unpack_from(">H", data, at)
        at += 2
        for _ in range(extents):
            (place,) = struct.unpack_from(">I", data, at)
            struct.pack_into(">I", data, at, place + more)
            at += (sizes >> 4) + (sizes & 15)


def refusal(data: bytes) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    return caught.value.reason


def is_dark(pixels: Pixels) -> bool:
    """Whether nothing of what was cut away is in it."""
    return bool((pixels < SECRET // 2).all())


@pytest.mark.parametrize("write", [avif, heic], ids=["AVIF", "HEIC"])
def test_a_clean_aperture_is_all_that_comes_out(write: object) -> None:
    """What is left is 96 x 72, 8 to the left of the middle and 4 below it. Less of a HEIC pi-heif refuses to decode."""
    data = with_property(write(picture(8, 16, 104, 88)), clap(96, 1, 72, 1, -8, 1, 4, 1))  # type: ignore[operator]
    (frame,) = decode(data, LIMITS).frames
    assert frame.pixels.shape[:2] == (72, 96)
    assert is_dark(frame.pixels)


def test_it_is_cut_before_it_is_turned() -> None:
    """MIAF's order: clean aperture, rotation, mirror. Here a quarter turn follows (EXIF 6, which Pillow writes as `irot`)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    data = with_property(avif(picture(0, 0, 32, 24), exif=exif), clap(32, 1, 24, 1, -48, 1, -36, 1))
    (frame,) = decode(data, LIMITS).frames
    assert frame.pixels.shape[:2] == (32, 24)
    assert is_dark(frame.pixels)


@pytest.mark.parametrize(
    "numbers",
    [
        (32, 0, 24, 1, 0, 1, 0, 1),
        (0, 1, 24, 1, 0, 1, 0, 1),
        (129, 1, 24, 1, 0, 1, 0, 1),
        (32, 1, 24, 1, 60, 1, 0, 1),
        (31, 1, 24, 1, 0, 1, 0, 1),
        (65, 2, 24, 1, 0, 1, 0, 1),
    ],
    ids=["no denominator", "nothing", "too wide", "beyond the edge", "between pixels", "half a pixel"],
)
def test_a_clean_aperture_that_cannot_be_is_refused(numbers: tuple[int, ...]) -> None:
    """Otherwise what was cut away would come out after all."""
    assert refusal(with_property(avif(picture(0, 0, 32, 24)), clap(*numbers))) is DAMAGED


def test_the_file_that_showed_what_was_cut_away(trials: Path) -> None:
    """A picture cropped to 200 x 200 came out at 512 x 512."""
    (frame,) = decode((trials / "v_clap_noface.avif").read_bytes(), LIMITS).frames
    assert frame.pixels.shape == (200, 200, 3)


def test_the_mask_of_a_tiff_is_no_page_and_is_not_left_out() -> None:
    """What it hides on the page before would be seen: Pillow does not apply masks."""
    target = io.BytesIO()
    pages = Image.new("L", (32, 32), 9), Image.new("1", (32, 32))
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:], tiffinfo={254: 4})
    assert refusal(target.getvalue()) is PAGE_NOT_ACCEPTED


def test_a_tiff_with_a_mask_that_pillow_does_not_know(trials: Path) -> None:
    """Not accepted, rather than damaged: another copy would not help."""
    assert refusal((trials / "p2.tif").read_bytes()) is PAGE_NOT_ACCEPTED


def test_hidden_layers_of_a_document_stay_hidden() -> None:
    """A layer that readers do not show (ISO 32000-1, 8.11) is not drawn."""
    drawing = b"/OC /Hidden BDC 0 g 0 0 300 200 re f EMC 0 g 0 0 30 20 re f"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R/Resources<</Properties<</Hidden 5 0 R>>>>>>"
    layers = b"/OCProperties<</OCGs[5 0 R]/D<</OFF[5 0 R]/Order[5 0 R]>>>>"
    data = pdf(
        b"<</Type/Catalog/Pages 2 0 R%s>>" % layers,
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page,
        stream(drawing),
        b"<</Type/OCG/Name(secret)>>",
    )
    (frame,) = decode(data, LIMITS).frames
    assert 0 < (frame.pixels < 128).mean() < 0.02


def test_of_an_icon_a_layered_picture_and_two_photos_one_comes_out() -> None:
    """The smaller icons, and the second photo of an MPO, are not what a viewer shows."""
    icon, both = io.BytesIO(), io.BytesIO()
    large, small = Image.new("RGBA", (64, 64), "black"), Image.new("RGBA", (16, 16), "white")
    large.save(icon, "ICO", sizes=[(64, 64), (16, 16)], append_images=[small])
    first, second = Image.new("L", (64, 64)), Image.new("L", (64, 64), SECRET)
    first.save(both, "MPO", save_all=True, append_images=[second])
    for data in (icon.getvalue(), both.getvalue()):
        (frame,) = decode(data, LIMITS).frames
        assert frame.pixels.shape[:2] == (64, 64)
        assert np.all(frame.pixels.reshape(64, 64, -1)[..., 0] < SECRET // 2)
