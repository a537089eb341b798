"""Decode: every limit is checked before the memory it guards is taken."""

from __future__ import annotations

import dataclasses
import io
import os
import pathlib
import struct
import subprocess
import sys
import zlib
from typing import Any

import pytest
from PIL import Image

from facewarden.errors import (
    EMPTY,
    SIDE_TOO_LONG,
    TOO_MANY_BYTES,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    FileRefused,
    Reason,
)
from facewarden.sandbox.decode import decode
from facewarden.values import Limits

LIMITS = Limits()


def file_of(image: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, container, **options)
    return target.getvalue()


def refusal(data: bytes, limits: Limits = LIMITS) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, limits)
    return caught.value.reason


def png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_of(width: int, height: int) -> bytes:
    """A PNG that announces a size and has no pixels for it."""
    head = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", zlib.compress(b"")) + png_chunk(b"IEND", b"")


def icon_of(png: bytes) -> bytes:
    """An icon that says 16 by 16 and holds a PNG of any size."""
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(png), 22) + png


def gif_of(canvas: tuple[int, int], *extents: tuple[int, int]) -> bytes:
    """A GIF of black frames, each with an extent of its own that may go beyond the canvas; all pixels only where few."""
    data = b"GIF89a" + struct.pack("<HHBBB", *canvas, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    for width, height in extents:
        # Clearing the table before each pixel keeps LZW's codes at three bits.
        codes = [4, 0] * min(width * height, 300) + [5]
        packed = sum(code << 3 * place for place, code in enumerate(codes)).to_bytes(len(codes) * 3 // 8 + 1, "little")
        data += b"," + struct.pack("<HHHHBBB", 0, 0, width, height, 0, 2, len(packed)) + packed + b"\0"
    return data + b";"


def webp_of(width: int, height: int) -> bytes:
    """A WebP animation that announces a canvas and has no frames for it."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x02\0\0\0" + canvas + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def test_an_empty_file_is_named_so() -> None:
    """A file without a byte must be refused as empty."""
    assert refusal(b"") == EMPTY


def test_a_file_over_the_limit_of_bytes_is_not_looked_at() -> None:
    """The number of bytes must decide before any decoder sees them."""
    data = file_of(Image.new("L", (8, 8)), "BMP")
    assert refusal(data, Limits(bytes=len(data) - 1)) == TOO_MANY_BYTES
    decode(data, Limits(bytes=len(data)))


def test_a_side_may_be_as_long_as_the_limit_and_no_longer() -> None:
    """The limit of a side must hold for width and height, to the pixel."""
    limits = Limits(side=40)
    decode(file_of(Image.new("L", (40, 1)), "PNG"), limits)
    assert refusal(file_of(Image.new("L", (41, 1)), "PNG"), limits) == SIDE_TOO_LONG
    assert refusal(file_of(Image.new("L", (1, 41)), "PNG"), limits) == SIDE_TOO_LONG


@pytest.mark.parametrize("pixels", [1, 2, 7, 99, 100])
def test_a_frame_may_have_as_many_pixels_as_the_limit_and_no_more(pixels: int) -> None:
    """The limit of pixels must hold to the pixel, for even numbers and odd ones."""
    decode(file_of(Image.new("L", (pixels, 1)), "PNG"), Limits(pixels=pixels))
    assert refusal(file_of(Image.new("L", (pixels + 1, 1)), "PNG"), Limits(pixels=pixels)) == TOO_MANY_PIXELS


BOMBS = {
    "png": png_of(29_000, 29_000),
    "ico": icon_of(png_of(29_000, 29_000)),
    "gif": gif_of((29_000, 29_000), (1, 1)),
    "gif frame": gif_of((1, 1), (29_000, 29_000)),
    "gif second frame": gif_of((1, 1), (1, 1), (29_000, 29_000)),
    "webp": webp_of(16_000, 16_000),
    "ppm": b"P6 29000 29000 255\n",
    "deep ppm": b"P6 29000 29000 65535\n",
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 29_000, 29_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "psd": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 29_000, 29_000, 8, 3) + bytes(14),
    "qoi": b"qoif" + struct.pack(">IIBB", 29_000, 29_000, 3, 0),
    "tga": struct.pack("<BBBHHBHHHHBB", 0, 0, 2, 0, 0, 0, 0, 0, 29_000, 29_000, 24, 0),
}
IN_LITTLE_MEMORY = """
import pathlib, resource, sys
from facewarden.errors import FileRefused
from facewarden.sandbox import decode
from facewarden.values import Limits
decode.preload()
held = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (64 << 20), held + (64 << 20)))
for path in sys.argv[1:]:
    try:
        decode.decode(pathlib.Path(path).read_bytes(), Limits())
    except FileRefused as refusal:
        print(refusal.reason.name)
    except MemoryError:
        print("MemoryError")
"""


def with_little_memory(folder: pathlib.Path, files: dict[str, bytes]) -> list[str]:
    """What becomes of each file in a process that has 64 MB to spare."""
    for name, data in files.items():
        (folder / name).write_bytes(data)
    outcome = subprocess.run(
        [sys.executable, "-c", IN_LITTLE_MEMORY, *(str(folder / name) for name in files)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    return outcome.stdout.split()


def test_a_small_file_with_a_huge_picture_takes_no_memory(tmp_path: pathlib.Path) -> None:
    """Headers that announce hundreds of megapixels must be refused before memory for them is asked for."""
    assert with_little_memory(tmp_path, BOMBS) == [TOO_MANY_PIXELS.name] * len(BOMBS)


def test_running_out_of_memory_is_not_the_files_fault(tmp_path: pathlib.Path) -> None:
    """MemoryError must pass through for a picture within the limits: the worker answers it and ends."""
    photo = Image.new("L", (9_000, 9_000))
    files = {
        "photo.png": file_of(photo, "PNG", compress_level=1),
        "photo.tif": file_of(photo, "TIFF", compression="tiff_lzw"),
    }
    assert with_little_memory(tmp_path, files) == ["MemoryError"] * 2


def test_a_bomb_within_a_later_page_is_refused() -> None:
    """Each page of a TIFF must be checked before it is decoded, not only the first."""
    pages = [Image.new("1", (10, 10)), Image.new("1", (1000, 1000))]
    data = file_of(pages[0], "TIFF", save_all=True, append_images=pages[1:], compression="group4")
    assert refusal(data, Limits(pixels=999_999)) == TOO_MANY_PIXELS
    assert refusal(data, Limits(side=999)) == SIDE_TOO_LONG


ANIMATED: dict[str, dict[str, Any]] = {"GIF": {}, "PNG": {}, "WEBP": {"lossless": True}, "AVIF": {}, "TIFF": {}}


@pytest.mark.parametrize("container", ANIMATED)
def test_frames_are_counted(container: str) -> None:
    """As many frames as the limit must pass, one more must not; the same for their pixels together."""
    frames = [Image.new("RGB", (16, 16), (60 * number, 0, 0)) for number in range(4)]
    data = file_of(frames[0], container, save_all=True, append_images=frames[1:], duration=50, **ANIMATED[container])
    assert len(decode(data, Limits(frames=4, all_pixels=1024)).frames) == 4
    assert refusal(data, Limits(frames=3)) == TOO_MANY_FRAMES
    assert refusal(data, Limits(all_pixels=1023, document_pixels=1023)) == TOO_MANY_PIXELS


def test_a_frame_beyond_the_canvas_is_cut_and_counts_as_it_was() -> None:
    """What no viewer shows of a GIF must not come out; but Pillow makes it, so its pixels must be counted."""
    data = gif_of((1, 1), (1, 1), (20, 10))
    assert [frame.pixels.shape for frame in decode(data, Limits(all_pixels=400)).frames] == [(1, 1, 3), (1, 1, 3)]
    assert refusal(data, Limits(all_pixels=399)) == TOO_MANY_PIXELS


def test_a_promise_of_countless_frames_is_refused_at_once() -> None:
    """An APNG that announces two billion frames must be refused by its header."""
    whole = file_of(Image.new("L", (4, 4)), "PNG")
    data = whole[:33] + png_chunk(b"acTL", struct.pack(">II", 2_000_000_000, 0)) + whole[33:]
    assert refusal(data) == TOO_MANY_FRAMES


def test_pillows_own_limit_is_left_as_it_was() -> None:
    """Decoding must not change what other users of Pillow in the process rely on, whether it succeeds or not."""
    before = Image.MAX_IMAGE_PIXELS
    decode(file_of(Image.new("L", (4, 4)), "PNG"), dataclasses.replace(LIMITS, pixels=16))
    assert before == Image.MAX_IMAGE_PIXELS
    refusal(b"no picture at all")
    assert before == Image.MAX_IMAGE_PIXELS
