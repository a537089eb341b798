"""TIFF as scanners, fax machines and laboratories write it: every page, coding, depth and layout, and the same out again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageSequence

from facewarden.config.profile import Output
from facewarden.delivery.binding import Binding
from facewarden.errors import NOT_ACCEPTED, FileRefused
from facewarden.replies import Reply
from facewarden.sandbox.decode import decode
from facewarden.values import Frame, Limits, Picture, Pixels

LIMITS = Limits()


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> Pixels:
    return np.ascontiguousarray(astronaut[:130, 150:270])


def by_pillow(*pages: Image.Image, **options: Any) -> bytes:
    target = io.BytesIO()
    pages[0].save(target, "TIFF", save_all=True, append_images=pages[1:], **options)
    return target.getvalue()


def by_tifffile(pixels: npt.NDArray[Any], *, bigtiff: bool = False, byteorder: Any = "<", **options: Any) -> bytes:
    target = io.BytesIO()
    with tifffile.TiffWriter(target, bigtiff=bigtiff, byteorder=byteorder) as writer:
        writer.write(pixels, metadata=None, software=False, **options)
    return target.getvalue()


def decoded(data: bytes) -> Pixels:
    (frame,) = decode(data, LIMITS).frames
    return frame.pixels


@pytest.mark.parametrize(
    "compression", [None, "tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd", "lzma"]
)
@pytest.mark.parametrize("mode", ["L", "RGB", "1"])
def test_each_lossless_coding_is_read(photo: Pixels, compression: str | None, mode: str) -> None:
    """Pixel by pixel, in grey, colour and one bit."""
    image = Image.fromarray(photo).convert(mode)
    expected = np.asarray(image.convert("L" if mode == "1" else mode))
    np.testing.assert_array_equal(decoded(by_pillow(image, compression=compression)), expected)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_faxes_are_read(photo: Pixels, compression: str) -> None:
    """CCITT group 3, group 4 and its older form give each bit."""
    bits = Image.fromarray(photo).convert("1")
    np.testing.assert_array_equal(decoded(by_pillow(bits, compression=compression)), np.asarray(bits.convert("L")))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_inside_is_read(photo: Pixels, mode: str) -> None:
    """As scanners write colour; near the photo."""
    image = Image.fromarray(photo).convert(mode)
    shown = decoded(by_pillow(image, compression="jpeg", quality=95))
    assert np.abs(shown.astype(int) - np.asarray(image.convert("L" if mode == "L" else "RGB"))).mean() < 3


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("layout", ["strips", "one strip", "tiles", "planes"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_each_layout_is_read(
    photo: Pixels, byteorder: str, bigtiff: bool, layout: str, compression: str | None
) -> None:
    """Strips, tiles, separate planes, BigTIFF, both orders of bytes."""
    layouts: dict[str, dict[str, Any]] = {
        "strips": {"rowsperstrip": 16},
        "one strip": {},
        "tiles": {"tile": (64, 64)},
        "planes": {"planarconfig": "separate"},
    }
    pixels = photo.transpose(2, 0, 1) if layout == "planes" else photo
    options = layouts[layout] | {"photometric": "rgb", "compression": compression}
    data = by_tifffile(np.ascontiguousarray(pixels), bigtiff=bigtiff, byteorder=byteorder, **options)
    if bigtiff and byteorder == ">":  # nothing writes it but laboratories, and Pillow cannot read it
        with pytest.raises(FileRefused) as refused:
            decoded(data)
        assert refused.value.reason is NOT_ACCEPTED
        return
    np.testing.assert_array_equal(decoded(data), photo)


@pytest.mark.parametrize("layout", [{}, {"tile": (64, 64)}, {"compression": "zlib", "predictor": True}])
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_sixteen_bits_become_eight(photo: Pixels, layout: dict[str, Any], channels: int, byteorder: str) -> None:
    """Grey is rounded to the nearest level; colour is off by less than one, for Pillow drops its lower half."""
    exact = photo[..., 0] if channels == 1 else np.dstack([photo, photo[..., 0]])[..., :channels]
    noise = np.random.default_rng(1).integers(-128, 129, exact.shape)
    deep = np.clip(exact.astype(np.int64) * 257 + noise, 0, 65535).astype(np.uint16)
    kind: dict[int, dict[str, Any]] = {
        1: {"photometric": "minisblack"},
        3: {"photometric": "rgb"},
        4: {"photometric": "rgb", "extrasamples": ["unassalpha"]},
    }
    shown = decoded(by_tifffile(deep, byteorder=byteorder, **kind[channels], **layout))
    expected = np.rint(deep / 257)
    seen = shown[..., 3] > 0 if channels == 4 else np.ones(shown.shape[:2], bool)
    difference = np.abs(shown.astype(int) - expected)[seen]
    assert difference.max() <= (0 if channels == 1 else 1)
    assert difference.mean() < 0.6


def test_black_and_white_stays_so_unless_a_face_was_found(photo: Pixels) -> None:
    """A page of one bit leaves as one; where a veil or a frame was drawn it is grey, and as wide and high as before."""
    bits = Image.fromarray(photo).convert("1")
    picture = decode(by_pillow(bits, bits, compression="group4", dpi=(204, 196)), LIMITS)
    grey = picture.frames[1].pixels.copy()
    grey[10:20, 10:20] = 128
    data = bound(picture, [picture.frames[0].pixels, grey])
    with Image.open(io.BytesIO(data)) as result:
        assert (result.mode, result.info["compression"], result.info["dpi"]) == ("1", "group4", (204, 196))
        np.testing.assert_array_equal(np.asarray(result), np.asarray(bits))
        result.seek(1)
        assert (result.mode, result.info["dpi"]) == ("L", (204, 196))
        np.testing.assert_array_equal(np.asarray(result), grey)


def test_jpeg_inside_stays_so(photo: Pixels) -> None:
    """A scan of photos does not grow tenfold; where nothing was hidden it can be had without loss."""
    pages = [Image.fromarray(photo), Image.fromarray(photo[..., 0].copy())]
    for quality in (50, 75, 95):
        original = by_pillow(*pages, compression="jpeg", quality=quality)
        picture = decode(original, LIMITS)
        assert picture.quality == quality
        data = bound(picture, [frame.pixels for frame in picture.frames])
        assert codings(data) == ["jpeg", "jpeg"]
        near = decode(data, LIMITS)
        for before, after in zip(picture.frames, near.frames, strict=True):
            assert np.abs(before.pixels.astype(int) - after.pixels).mean() < 3
    exact = bound(picture, [frame.pixels for frame in picture.frames], Output(untouched="lossless"))
    assert codings(exact) == ["tiff_adobe_deflate"] * 2
    assert decode(by_pillow(*pages, compression="tiff_lzw"), LIMITS).quality is None


def codings(data: bytes) -> list[str]:
    with Image.open(io.BytesIO(data)) as image:
        return [page.info["compression"] for page in ImageSequence.Iterator(image)]


def bound(picture: Picture, pages: list[Pixels], output: Output | None = None) -> bytes:
    """The delivered file of these pages."""
    binding = Binding(output or Output())
    binding.begin(picture)
    frames = [Frame(pixels, 0, frame.dpi) for pixels, frame in zip(pages, picture.frames, strict=True)]
    kept = tuple(binding.take(frame, 0) for frame in frames)
    sizes = tuple(pixels.shape[1::-1] for pixels in pages)
    container, data = binding.result(Reply(Picture("TIFF", kept), sizes, ((),) * len(pages), 0, {}))
    assert container == "TIFF"
    return data


def test_each_page_keeps_its_size_resolution_and_kind(photo: Pixels) -> None:
    """A cover in colour, a letter in grey and a fax, each of its own size and dots per inch, one without any."""
    pages = [Image.fromarray(photo), Image.fromarray(photo[:50, :, 0]), Image.fromarray(photo[:, :80]).convert("1")]
    target = io.BytesIO()
    with tifffile.TiffWriter(target) as writer:
        for page, dpi in zip(pages, (300, None, 204), strict=True):
            pixels = np.asarray(page)
            more: dict[str, Any] = {"resolution": (dpi, dpi), "resolutionunit": "INCH"} if dpi else {}
            photometric = "rgb" if pixels.ndim == 3 else "minisblack"
            writer.write(pixels, metadata=None, software=False, photometric=photometric, **more)
    picture = decode(target.getvalue(), LIMITS)
    assert [frame.pixels.shape for frame in picture.frames] == [(130, 120, 3), (50, 120), (130, 80)]
    assert [frame.dpi and round(frame.dpi[0]) for frame in picture.frames] == [300, None, 204]
    with Image.open(io.BytesIO(bound(picture, [frame.pixels for frame in picture.frames]))) as result:
        seen = []
        for number, page in enumerate(pages):
            result.seek(number)
            seen.append((result.mode, result.size))
            np.testing.assert_array_equal(np.asarray(result), np.asarray(page))
        assert seen == [("RGB", (120, 130)), ("L", (120, 50)), ("1", (80, 130))]
