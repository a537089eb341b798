"""Half a picture is never delivered: what a copier left out or a disk lost is damage, also where decoders go on."""

from __future__ import annotations

import io
import re
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from tests import damage
from tests.damage import photo, saved

from facewarden.errors import CODING_NOT_ACCEPTED, DAMAGED, DOCUMENT_DAMAGED, TRUNCATED, FileRefused, Reason
from facewarden.pool import Pool
from facewarden.sandbox.decode import decode, listening
from facewarden.sandbox.decode.picture import jpeg
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


JPEGS: tuple[dict[str, object], ...] = (
    {},
    {"progressive": True},
    {"restart_marker_blocks": 4},
    {"restart_marker_rows": 1, "progressive": True},
    {"optimize": True},
)


@pytest.mark.parametrize("options", JPEGS)
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_without_the_mark_of_its_end_is_whole(mode: str, options: dict[str, object]) -> None:
    """Every viewer shows it, and libjpeg misses no bit of it. One byte less, and it does."""
    whole = saved("JPEG", mode, 90, quality=90, **options)
    expected = decode(whole, LIMITS).frames[0].pixels
    for missing in (1, 2):
        np.testing.assert_array_equal(decode(whole[:-missing], LIMITS).frames[0].pixels, expected)
    for missing in range(3, 40):
        assert refusal(whole[:-missing]) is TRUNCATED, missing


@pytest.mark.parametrize("options", JPEGS)
def test_a_jpeg_that_ends_anywhere_else_is_truncated(options: dict[str, object]) -> None:
    """In the midst of a scan, between two scans, in a table, at a mark to restart at."""
    whole = saved("JPEG", "RGB", 60, quality=90, **options)
    marks = [found.start() for found in re.finditer(rb"\xff[^\0]", whole)]
    for length in {place + step for place in marks for step in range(3)} | set(range(700, len(whole) - 2, 37)):
        if 700 < length < len(whole) - 2:
            assert refusal(whole[:length]) is TRUNCATED, length


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 100), st.integers(0, 2**32), st.booleans())
@settings(max_examples=60)
def test_its_last_byte_is_always_needed(width: int, height: int, quality: int, seed: int, progressive: bool) -> None:
    """Flat or noisy, of any size: the last byte of the codes holds at least one bit of the picture."""
    spread = seed % 256
    pixels = np.random.default_rng(seed).integers(0, spread + 1, (height, width, 3), np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=quality, progressive=progressive)
    whole = target.getvalue()
    np.testing.assert_array_equal(decode(whole[:-2], LIMITS).frames[0].pixels, decode(whole, LIMITS).frames[0].pixels)
    assert refusal(whole[:-3]) is TRUNCATED


@pytest.mark.parametrize(
    "harm",
    [
        lambda data: damage.hole(data)[:-2],
        damage.zero_tail,
        lambda data: data[:-2] + bytes(40),
        lambda data: data[:-2] + b"\xff\xd8\xff" + bytes(40),
    ],
    ids=["a hole", "zeros in place of its end", "zeros behind it", "another picture behind it"],
)
def test_what_else_is_wrong_with_a_jpeg_without_end_counts(harm: Callable[[bytes], bytes]) -> None:
    """In doubt it is refused."""
    assert refusal(harm(saved("JPEG", quality=95))) in (TRUNCATED, DAMAGED)


def test_arithmetic_codes_get_no_end() -> None:
    """Of these libjpeg does not tell what it misses."""
    whole = saved("JPEG", quality=90)[:-2]
    assert jpeg.ended(whole) == whole + END
    arithmetic = whole.replace(b"\xff\xc0", b"\xff\xc9", 1)
    assert jpeg.ended(arithmetic) == arithmetic


def test_a_worker_delivers_a_jpeg_without_the_mark_of_its_end(pool: Pool) -> None:
    """As photo, at its own size; and refuses it with a byte less."""
    whole = saved("JPEG", quality=90)
    recipe = Recipe({"blazeface": 0.5})
    assert pool.treat(whole[:-2], recipe, 60).sizes == ((460, 420),)
    with pytest.raises(FileRefused) as caught:
        pool.treat(whole[:-3], recipe, 60)
    assert caught.value.reason is TRUNCATED


def of_kind(mark: int, bits: int, channels: int) -> bytes:
    """The head of a JPEG of this process, depth and number of channels."""
    frame = bytes((8 + 3 * channels >> 8, 8 + 3 * channels, bits, 0, 8, 0, 8, channels)) + bytes((1, 17, 0)) * channels
    return b"\xff\xd8\xff" + bytes((mark,)) + frame + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(99) + END


@pytest.mark.parametrize(
    ("mark", "bits", "channels"),
    [(0xC1, 12, 3), (0xC2, 12, 1), (0xC3, 16, 1), (0xC3, 12, 3), (0xC5, 8, 3), (0xC0, 8, 2)],
    ids=["12 bits", "12 bits, progressive", "16 bits, lossless", "12 bits, lossless", "differential", "two channels"],
)
def test_kinds_of_jpeg_that_are_not_read_are_not_damaged(mark: int, bits: int, channels: int) -> None:
    """Medical 12 bits, lossless ones and the like."""
    assert refusal(of_kind(mark, bits, channels)) is CODING_NOT_ACCEPTED


def test_a_depth_that_damage_left_is_damage() -> None:
    """No JPEG has 77 bits, nor 9 channels in a frame's head that has room for one."""
    whole = saved("JPEG", quality=90)
    at = whole.index(b"\xff\xc0") + 4
    for place, value in ((at, 77), (at, 0), (at + 5, 9)):
        assert refusal(whole[:place] + bytes((value,)) + whole[place + 1 :]) in (DAMAGED, TRUNCATED)


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
