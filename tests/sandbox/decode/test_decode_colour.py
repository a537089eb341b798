"""Decode: every mode becomes 8-bit grey, RGB or RGBA in sRGB."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as numpy_st
from PIL import Image, ImageCms, PpmImagePlugin

from facewarden.sandbox.decode import decode
from facewarden.sandbox.decode.picture import colour, netpbm
from facewarden.values import Limits, Pixels

LIMITS = Limits()
SRGB = ImageCms.createProfile("sRGB")


def file_of(image: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, container, **options)
    return target.getvalue()


def pixels_of(image: Image.Image, container: str, **options: Any) -> Pixels:
    return decode(file_of(image, container, **options), LIMITS).frames[0].pixels


def profile(gamma: float, primaries: tuple[tuple[float, float, float], ...]) -> bytes:
    """A matrix profile (ICC.1:2022, 8.3) with one gamma for all channels; one row of XYZ makes it a profile for grey."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = struct.pack(">4sIIH2x", b"curv", 0, 1, round(gamma * 256))
    tags = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249)}
    if len(primaries) == 1:
        tags[b"kTRC"] = curve
    else:
        for letter, xyz in zip((b"r", b"g", b"b"), primaries, strict=True):
            tags[letter + b"XYZ"] = b"XYZ \0\0\0\0" + fixed(*xyz)
            tags[letter + b"TRC"] = curve
    table, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value
    space = b"GRAY" if len(primaries) == 1 else b"RGB "
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x02400000, b"mntr", space, b"XYZ ").ljust(36, b"\0") + b"acsp"
    head = head.ljust(68, b"\0") + fixed(0.9642, 1.0, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def srgb_of(xyz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """XYZ relative to D50 → sRGB, 0 to 255 (IEC 61966-2-1, its primaries adapted to D50)."""
    primaries = np.array([[0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]])
    linear = np.clip(xyz @ np.linalg.inv(primaries), 0, 1)
    encoded: npt.NDArray[np.float64] = np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * np.power(linear, 1 / 2.4) - 0.055
    )
    return encoded * 255


WIDE_PRIMARIES = ((0.7977, 0.2880, 0.0), (0.1352, 0.7119, 0.0), (0.0313, 0.0001, 0.8249))
"""ProPhoto's, so that a conversion that did not happen is seen at once."""
WIDE = profile(1.8, WIDE_PRIMARIES)
GREY = profile(1.0, ((0.9642, 1.0, 0.8249),))


@pytest.mark.parametrize(
    ("mode", "container", "options", "shape"),
    [
        ("1", "PNG", {}, (6, 5)),
        ("1", "TIFF", {"compression": "group4"}, (6, 5)),
        ("L", "PNG", {}, (6, 5)),
        ("L", "JPEG", {}, (6, 5)),
        ("LA", "PNG", {}, (6, 5, 4)),
        ("LA", "TIFF", {}, (6, 5, 4)),
        ("P", "PNG", {}, (6, 5)),
        ("PA", "TIFF", {}, (6, 5, 4)),
        ("RGB", "TIFF", {}, (6, 5, 3)),
        ("RGBA", "PNG", {}, (6, 5, 4)),
        ("RGBX", "TIFF", {}, (6, 5, 3)),
        ("CMYK", "JPEG", {}, (6, 5, 3)),
        ("CMYK", "TIFF", {}, (6, 5, 3)),
        ("YCbCr", "TIFF", {}, (6, 5, 3)),
        ("LAB", "TIFF", {}, (6, 5, 3)),
        ("I;16", "PNG", {}, (6, 5)),
        ("I;16B", "TIFF", {}, (6, 5)),
        ("I", "TIFF", {}, (6, 5)),
        ("F", "TIFF", {}, (6, 5)),
    ],
)
def test_every_mode_becomes_grey_rgb_or_rgba(
    mode: str, container: str, options: dict[str, Any], shape: tuple[int, ...]
) -> None:
    """Grey must stay grey, colour become RGB, and anything transparent RGBA."""
    assert pixels_of(Image.new(mode, (5, 6)), container, **options).shape == shape


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
)
@pytest.mark.parametrize(
    "extra", [{}, {"transparency": 0}, {"transparency": "text from a PNG"}, {"transparency": b"\x00\x80"}]
)
def test_no_mode_fails_whatever_its_transparency_says(mode: str, extra: dict[str, Any]) -> None:
    """Each of Pillow's modes must convert, with any value where a transparent colour should be."""
    image = Image.new(mode, (5, 6))
    image.info.update(extra)
    assert colour.to_srgb(image, 6).shape[:2] == (5, 6)


@settings(deadline=None)
@given(numpy_st.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3))))
def test_any_rgb_survives(values: Pixels) -> None:
    """Whatever the pixels are, a lossless file must give exactly them."""
    assert np.array_equal(pixels_of(Image.fromarray(values), "PNG"), values)


@settings(deadline=None)
@given(numpy_st.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(4))))
def test_any_rgba_survives(values: Pixels) -> None:
    """Each pixel that can be seen must stay; the colour of one that cannot must not leave."""
    expected = values.copy()
    if values[..., 3].any():
        expected[values[..., 3] == 0] = (255, 255, 255, 0)
    assert np.array_equal(pixels_of(Image.fromarray(values), "PNG"), expected)


@settings(deadline=None)
@given(numpy_st.arrays(np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20))))
def test_any_grey_survives(values: Pixels) -> None:
    """Grey must stay grey, level by level."""
    assert np.array_equal(pixels_of(Image.fromarray(values), "TIFF"), values)


def test_sixteen_bits_are_rounded() -> None:
    """Each of the 65,536 levels must become the nearest of 256."""
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    right = np.rint(levels / 257).astype(np.uint8)
    assert np.array_equal(pixels_of(Image.fromarray(levels), "PNG"), right)
    assert np.array_equal(pixels_of(Image.fromarray(levels), "TIFF"), right)
    big_endian = Image.frombytes("I;16B", (256, 256), levels.astype(">u2").tobytes())
    assert np.array_equal(pixels_of(big_endian, "TIFF"), right)


def test_a_transparent_level_of_sixteen_bits_is_transparent() -> None:
    """A deep grey PNG that names one level transparent must have alpha 0 there and nowhere else."""
    levels = np.array([[0, 1000, 1001, 65535]], np.uint16)
    pixels = pixels_of(Image.fromarray(levels), "PNG", transparency=1000)
    assert pixels.tolist() == [[[0, 0, 0, 255], [255, 255, 255, 0], [4, 4, 4, 255], [255, 255, 255, 255]]]


def tiff_of_grey(values: bytes, width: int, bits: int, photometric: int) -> bytes:
    """A little-endian TIFF of one row, written by hand because Pillow writes no such thing."""
    entries = [
        *((256, 4, width), (257, 4, 1), (258, 3, bits), (259, 3, 1), (262, 3, photometric), (273, 4, 110), (277, 3, 1)),
        (279, 4, len(values)),
    ]
    table = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return (struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + table + struct.pack("<I", 0)).ljust(110, b"\0") + values


def test_twelve_bits_fill_the_range() -> None:
    """A medical TIFF of 12 bits must be as bright as it is meant, not a sixteenth of it."""
    values = bytes([0xFF, 0xF8, 0x00])  # 4095 and 2048
    assert decode(tiff_of_grey(values, 2, 12, 1), LIMITS).frames[0].pixels.tolist() == [[255, 128]]


def test_a_deep_negative_is_turned_positive() -> None:
    """Where a TIFF says that 0 is white, 16-bit values must be inverted as 8-bit ones are: nobody finds faces in negatives."""
    values = struct.pack("<3H", 0, 257, 65535)
    assert decode(tiff_of_grey(values, 3, 16, 0), LIMITS).frames[0].pixels.tolist() == [[255, 254, 0]]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 127.6, 255.0], [0, 128, 255]),
        ([0.0, 32767.5, 65535.0], [0, 128, 255]),
        ([-1.0, 0.0, 1.0], [0, 128, 255]),
        ([0.0, 0.01, 0.02], [0, 128, 255]),
        ([0.0, 1e30, 2e30], [0, 128, 255]),
        ([float("nan"), 0.5, 1.0], [0, 128, 255]),
        ([float("-inf"), 0.5, float("inf")], [0, 128, 255]),
        ([float("nan"), float("inf"), float("-inf")], [0, 255, 0]),
        ([7e9, 7e9, 7e9], [0, 0, 0]),
    ],
)
def test_floats_are_scaled_by_their_range(values: list[float], expected: list[int]) -> None:
    """Floats must fill the range that they seem to mean, and no value may stop the decoder."""
    image = Image.fromarray(np.array([values], np.float32))
    assert decode(file_of(image, "TIFF"), LIMITS).frames[0].pixels[0].tolist() == pytest.approx(expected, abs=1)


@settings(deadline=None)
@given(numpy_st.arrays(np.int32, (2, 7)))
def test_any_whole_numbers_decode_in_order(values: npt.NDArray[np.int32]) -> None:
    """32-bit numbers must keep their order, whatever their range."""
    pixels = pixels_of(Image.fromarray(values), "TIFF").ravel()
    assert np.all(np.diff(pixels[np.argsort(values.ravel())].astype(int)) >= 0)


@pytest.mark.parametrize("magic", [b"P5", b"P6"])
@pytest.mark.parametrize("maxval", [1, 100, 254, 256, 4095, 65534, 65535])
def test_deep_netpbm_is_scaled_as_pillow_does(magic: bytes, maxval: int) -> None:
    """The faster decoder for PGM and PPM must give what Pillow's own gives, also for samples above the announced highest."""
    sample = np.dtype(">u2" if maxval > 255 else "u1")
    samples = np.random.default_rng(0).integers(0, maxval + 1, 90).astype(sample)
    samples[0] = np.iinfo(sample).max
    data = magic + b" %d 6 %d\n" % (15 if magic == b"P5" else 5, maxval) + samples.tobytes()
    with Image.open(io.BytesIO(data)) as ours:
        ours.load()
    try:
        Image.register_decoder("ppm", PpmImagePlugin.PpmDecoder)
        with Image.open(io.BytesIO(data)) as theirs:
            theirs.load()
    finally:
        Image.register_decoder("ppm", netpbm.Decoder)
    assert np.array_equal(np.asarray(ours), np.asarray(theirs))


@pytest.mark.parametrize("transparency", [3, bytes([255, 255, 255, 0])])
def test_a_transparent_palette_entry_becomes_alpha(transparency: int | bytes) -> None:
    """A palette with a transparent colour must give RGBA with alpha 0 in that place."""
    image = Image.frombytes("P", (4, 1), bytes(range(4)))
    image.putpalette([10, 10, 10, 20, 20, 20, 30, 30, 30, 40, 50, 60])
    pixels = pixels_of(image, "PNG", transparency=transparency)
    assert pixels[0, :, 3].tolist() == [255, 255, 255, 0]
    assert pixels[0, :, :3].tolist() == [[10, 10, 10], [20, 20, 20], [30, 30, 30], [255, 255, 255]]


@pytest.mark.parametrize(("mode", "clear"), [("L", 7), ("RGB", (7, 7, 7)), ("1", 0)])
def test_a_transparent_colour_becomes_alpha(mode: str, clear: int | tuple[int, ...]) -> None:
    """A PNG without alpha that names one colour transparent must give RGBA."""
    assert np.all(pixels_of(Image.new(mode, (3, 3), clear), "PNG", transparency=clear)[..., 3] == 0)


def test_a_palette_of_greys_is_grey_and_any_other_is_not(astronaut: Pixels) -> None:
    """Scans with a palette stay grey; one colour in it, or a profile for colours, and they do not."""
    grey = Image.fromarray(np.ascontiguousarray(astronaut[..., 0])).quantize(16)
    assert np.array_equal(pixels_of(grey, "PNG"), np.asarray(grey.convert("L")))
    assert pixels_of(grey, "PNG", icc_profile=WIDE).ndim == 3
    assert pixels_of(Image.fromarray(astronaut).quantize(16), "PNG").ndim == 3


def test_cmyk_without_profile_is_converted_plainly(astronaut: Pixels) -> None:
    """CMYK in JPEG and TIFF must look like the photo that it was made from, not like its negative."""
    photo = Image.fromarray(astronaut).resize((128, 128))
    for container, options in (("JPEG", {"quality": 95}), ("TIFF", {})):
        pixels = pixels_of(photo.convert("CMYK"), container, **options)
        assert np.abs(pixels.astype(int) - np.asarray(photo)).mean() < 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("container", ["PNG", "TIFF", "WEBP", "JPEG", "AVIF"])
def test_colours_are_brought_to_srgb(astronaut: Pixels, mode: str, container: str) -> None:
    """With an embedded profile the colours must be those that the ICC's formulas give; alpha stays as it was."""
    photo = Image.fromarray(astronaut).resize((96, 64))
    if mode == "RGBA" and container != "JPEG":
        photo.putalpha(Image.linear_gradient("L").resize((96, 64)))
    options = {"lossless": True} if container == "WEBP" else {}
    plain = pixels_of(photo, container, **options)
    pixels = pixels_of(photo, container, icc_profile=WIDE, **options)
    right = srgb_of((plain[..., :3] / 255) ** 1.8 @ np.array(WIDE_PRIMARIES))
    assert np.abs(pixels[..., :3] - right).mean() < 1
    assert np.abs(pixels[..., :3] - right).max() < 4
    assert np.abs(plain[..., :3] - right).mean() > 5
    assert np.array_equal(pixels[..., 3:], plain[..., 3:])


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_grey_with_a_profile_stays_grey(mode: str) -> None:
    """Linear grey must become sRGB's grey, in one channel where there was one."""
    levels = np.arange(256, dtype=np.uint8)
    right = srgb_of(levels[:, np.newaxis] / 255 * np.array([0.9642, 1.0, 0.8249]))[:, 1]
    image = Image.fromarray(levels[np.newaxis])
    if mode == "LA":
        image = Image.merge("LA", (image, Image.new("L", image.size, 9)))
    pixels = pixels_of(image, "PNG", icc_profile=GREY)
    assert pixels.shape == ((1, 256) if mode == "L" else (1, 256, 4))
    first = pixels[0] if mode == "L" else pixels[0, :, 0]
    assert np.abs(first - right).max() <= 1
    assert mode == "L" or set(pixels[0, :, 3].tolist()) == {9}


def test_srgb_itself_changes_nothing(astronaut: Pixels) -> None:
    """A photo with the profile that most photos have must come out bit by bit."""
    icc = ImageCms.ImageCmsProfile(SRGB).tobytes()
    assert np.array_equal(pixels_of(Image.fromarray(astronaut), "PNG", icc_profile=icc), astronaut)


@pytest.mark.parametrize("icc", [b"no profile", WIDE[:200], GREY, WIDE[:128] + b"\xff" * 300, b"\0" * 1000])
def test_a_profile_that_does_not_fit_is_left_aside(astronaut: Pixels, icc: bytes) -> None:
    """Broken profiles, and those for other colours, must not cost the picture."""
    assert np.array_equal(pixels_of(Image.fromarray(astronaut), "PNG", icc_profile=icc), astronaut)


@settings(deadline=None)
@given(st.data())
def test_damaged_profiles_are_harmless(data: st.DataObject) -> None:
    """A profile with any bytes changed must still let the picture be decoded."""
    icc = bytearray(WIDE)
    for _ in range(data.draw(st.integers(1, 8))):
        icc[data.draw(st.integers(0, len(icc) - 1))] = data.draw(st.integers(0, 255))
    image = Image.new("RGB", (4, 4), "teal")
    image.info["icc_profile"] = bytes(icc)
    assert colour.to_srgb(image, 1).shape == (4, 4, 3)


def test_a_page_does_not_inherit_the_profile_of_the_page_before() -> None:
    """Pillow keeps a TIFF page's profile for the next page; a page without one must be taken as sRGB."""
    first, second = Image.new("RGB", (4, 4), (200, 100, 50)), Image.new("RGB", (4, 4), (200, 100, 50))
    first.info["icc_profile"] = WIDE
    picture = decode(file_of(first, "TIFF", save_all=True, append_images=[second]), LIMITS)
    assert picture.frames[0].pixels[0, 0].tolist() != [200, 100, 50]
    assert picture.frames[1].pixels[0, 0].tolist() == [200, 100, 50]
