"""Half a picture is never delivered: what a copier left out or a disk lost is damage, also where decoders go on."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests import damage
from tests.damage import photo, saved

from facewarden.errors import DAMAGED, DOCUMENT_DAMAGED, TRUNCATED, FileRefused, Reason
from facewarden.pool import Pool
from facewarden.sandbox.decode import decode, listening
from facewarden.values import Limits, Recipe

LIMITS = Limits()
END = b"\xff\xd9"
SHORT = [kind for kind in damage.KINDS if kind not in damage.RAW]


def refusal(data: bytes) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    return caught.value.reason


@pytest.mark.parametrize("kind", damage.KINDS)
def test_a_whole_file_is_no_damaged_one(kind: str) -> None:
    """Each kind is read as it was written."""
    assert decode(damage.KINDS[kind](), LIMITS).frames


@pytest.mark.parametrize("kind", SHORT)
def test_zeros_at_the_end_and_holes_are_never_delivered(kind: str) -> None:
    """Reserved but never written room: at the end, or a block in the middle."""
    whole = damage.KINDS[kind]()
    assert refusal(damage.zero_tail(whole)) in (TRUNCATED, DAMAGED, DOCUMENT_DAMAGED)
    assert refusal(damage.hole(whole)) in (TRUNCATED, DAMAGED, DOCUMENT_DAMAGED)


@pytest.mark.parametrize("kind", [kind for kind in SHORT if kind not in damage.UNTOLD])
def test_nor_are_bytes_of_another_file(pool: Pool, kind: str) -> None:
    """Where the format or its decoder can tell; in a worker, for tests load a second libheif to write with."""
    with pytest.raises(FileRefused) as caught:
        pool.treat(damage.overwritten(damage.KINDS[kind]()), Recipe({"blazeface": 0.5}), 60)
    assert caught.value.reason in (TRUNCATED, DAMAGED, DOCUMENT_DAMAGED)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("zerotail_heic_60.heic", TRUNCATED), ("zerotail_webp_60.webp", TRUNCATED), ("hole_base.jpg", DAMAGED)],
)
def test_files_that_were_delivered_once(trials: Path, name: str, reason: Reason) -> None:
    """Green, smeared, and shifted and grey."""
    assert refusal((trials / name).read_bytes()) is reason


def test_a_copy_that_ends_in_zeros_was_cut_off() -> None:
    """The reason says to copy it again, which is what helps."""
    for kind in ("JPEG", "HEIC", "AVIF", "WebP, lossy", "WebP, lossless", "PNG", "JPEG 2000"):
        assert refusal(damage.zero_tail(damage.KINDS[kind]())) is TRUNCATED, kind


@pytest.mark.parametrize(
    "harmless",
    [
        lambda data: data + b"more" * 99,
        lambda data: data[:-2] + bytes(4) + END,
        lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\7", 1),
        lambda data: data.replace(b"\xff\xda", bytes(4) + b"\xff\xda", 1),
    ],
    ids=["behind the end", "padding before the end", "unknown version", "padding in the head"],
)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_what_cameras_leave_in_a_jpeg_is_no_damage(harmless: Callable[[bytes], bytes], mode: str) -> None:
    """Libjpeg may warn of it, but no pixel is missing."""
    whole = saved("JPEG", mode, quality=90)
    expected = decode(whole, LIMITS).frames[0].pixels
    np.testing.assert_array_equal(decode(harmless(whole), LIMITS).frames[0].pixels, expected)


def test_a_jpeg_without_its_last_two_bytes_is_truncated() -> None:
    """As before: Pillow misses the mark of its end."""
    assert refusal(saved("JPEG", quality=90)[:-2]) is TRUNCATED


@pytest.mark.parametrize("options", [{"quality": 100, "method": 0}, {"quality": 20}, {"lossless": True, "method": 0}])
def test_white_paper_in_webp_is_whole(options: dict[str, object]) -> None:
    """It has thousands of zeros in a row, so these are no sign of a hole."""
    paper = Image.new("RGB", (1240, 1754), "white")
    ImageDraw.Draw(paper).text((100, 100), "words", "black", font_size=90)
    target = io.BytesIO()
    paper.save(target, "WEBP", **options)
    assert decode(target.getvalue(), LIMITS).frames[0].pixels.shape == (1754, 1240, 3)


def test_alpha_in_webp_with_a_hole() -> None:
    """It is coded apart from the colours."""
    image = photo()
    image.putalpha(photo("L"))
    target = io.BytesIO()
    image.save(target, "WEBP", quality=80)
    whole = target.getvalue()
    assert decode(whole, LIMITS).frames[0].pixels.shape[2] == 4
    middle = whole.index(b"ALPH") + int.from_bytes(whole[whole.index(b"ALPH") + 4 :][:4], "little") // 2
    assert refusal(whole[:middle] + bytes(4096) + whole[middle + 4096 :]) in (DAMAGED, TRUNCATED)


@pytest.mark.parametrize("container", ["AVIF", "QOI", "JPEG2000", "PNG"])
def test_a_white_page_is_whole(container: str) -> None:
    """Nothing in it, hence nothing missing."""
    target = io.BytesIO()
    Image.new("RGB", (1240, 1754), "white").save(target, container)
    assert (decode(target.getvalue(), LIMITS).frames[0].pixels > 250).all()


def test_a_wrong_checksum_in_a_png_is_damage() -> None:
    """Pillow looks at those of short pieces only."""
    whole = saved("PNG")
    at = whole.index(b"IDAT")
    length = int.from_bytes(whole[at - 4 : at], "big")
    wrong = (zlib.crc32(whole[at : at + 4 + length]) ^ 1).to_bytes(4, "big")
    assert refusal(whole[: at + 4 + length] + wrong + whole[at + 8 + length :]) is DAMAGED


def test_what_was_heard_of_one_photo_is_forgotten_with_the_next() -> None:
    """A worker takes many."""
    assert refusal(damage.hole(saved("JPEG", quality=95))) is DAMAGED
    assert listening.heard()
    assert decode(saved("JPEG", quality=95), LIMITS).frames
    assert not listening.heard()
