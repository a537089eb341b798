"""Decode: any container, any orientation, all frames; nothing but pixels, resolution and times survives."""

from __future__ import annotations

import io
import pathlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from facewarden.sandbox.decode import decode
from facewarden.sandbox.decode.picture import colour
from facewarden.values import FORMATS, Limits, Pixels

LIMITS = Limits()


def file_of(image: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, container, **options)
    return target.getvalue()


def with_orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


@pytest.fixture
def photo(astronaut: Pixels) -> Image.Image:
    """A photo whose sides differ, so that a wrong turn shows in its shape."""
    return Image.fromarray(astronaut[:90, 150:270])


LOSSLESS: dict[str, dict[str, Any]] = {
    "PNG": {},
    "TIFF": {"compression": "tiff_lzw"},
    "WEBP": {"lossless": True},
    "BMP": {},
    "JPEG2000": {},
    "PPM": {},
    "TGA": {},
    "DIB": {},
    "QOI": {},
    "SGI": {},
    "PCX": {},
    "DDS": {},
}
LOSSY: dict[str, dict[str, Any]] = {"JPEG": {"quality": 95}, "WEBP": {"quality": 95}, "AVIF": {"quality": 95}}


@pytest.mark.parametrize("container", LOSSLESS)
def test_lossless_containers_give_the_same_pixels(photo: Image.Image, container: str) -> None:
    """What was stored without loss must be decoded without loss, as one frame of an array that the caller owns."""
    picture = decode(file_of(photo, container, **LOSSLESS[container]), LIMITS)
    (frame,) = picture.frames
    assert np.array_equal(frame.pixels, np.asarray(photo))
    assert frame.pixels.flags.c_contiguous
    assert frame.pixels.flags.owndata
    assert frame.pixels.flags.writeable
    assert frame.duration == 0


@pytest.mark.parametrize("container", LOSSY)
def test_lossy_containers_give_nearly_the_same_pixels(photo: Image.Image, container: str) -> None:
    """A photo stored at high quality must look the same after decoding."""
    (frame,) = decode(file_of(photo, container, **LOSSY[container]), LIMITS).frames
    assert frame.pixels.shape == (90, 120, 3)
    assert np.abs(frame.pixels.astype(int) - np.asarray(photo)).mean() < 4


@pytest.mark.parametrize(
    ("container", "delivered"),
    [
        *(("JPEG", "JPEG"), ("MPO", "JPEG"), ("PNG", "PNG"), ("TIFF", "TIFF"), ("GIF", "GIF"), ("WEBP", "WEBP")),
        *(("BMP", "BMP"), ("DIB", "BMP"), ("JPEG2000", "JPEG2000"), ("AVIF", "AVIF"), ("PPM", "PPM"), ("TGA", "TGA")),
        *(("QOI", "PNG"), ("SGI", "PNG"), ("ICO", "PNG"), ("PCX", "PNG"), ("DDS", "PNG")),
    ],
)
def test_the_container_decides_what_is_delivered(photo: Image.Image, container: str, delivered: str) -> None:
    """Each container must be named as one that results can have."""
    picture = decode(file_of(photo, container), LIMITS)
    assert picture.format == delivered
    assert picture.format in FORMATS


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("container", ["PNG", "WEBP", "AVIF", "JPEG", "TIFF"])
def test_every_orientation_comes_out_upright(photo: Image.Image, container: str, orientation: int) -> None:
    """A picture stored turned or mirrored, with EXIF saying so, must decode to the upright one."""
    back: dict[int, Image.Transpose] = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = photo.transpose(back[orientation]) if orientation in back else photo
    options = {**LOSSLESS, **LOSSY}[container]
    upright, turned = (
        decode(file_of(image, container, exif=with_orientation(value), **options), LIMITS).frames[0].pixels.astype(int)
        for image, value in ((photo, 1), (stored, orientation))
    )
    assert turned.shape == upright.shape
    assert np.abs(turned - upright).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_turned_picture_is_put_together_from_its_strips(orientation: int) -> None:
    """Pictures that are converted in several strips must be seamless in every orientation."""
    wide = np.random.default_rng(0).integers(0, 256, (700, 1100, 3), np.uint8)
    upright = {
        1: wide,
        2: wide[:, ::-1],
        3: wide[::-1, ::-1],
        4: wide[::-1],
        5: wide.swapaxes(0, 1),
        6: np.rot90(wide, -1),
        7: wide[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(wide, 1),
    }
    assert np.array_equal(colour.to_srgb(Image.fromarray(wide), orientation), upright[orientation])


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_an_orientation_that_does_not_exist_is_harmless(photo: Image.Image, value: int) -> None:
    """Values outside 1 to 8 must leave the picture as it is stored."""
    (frame,) = decode(file_of(photo, "PNG", exif=with_orientation(value)), LIMITS).frames
    assert np.array_equal(frame.pixels, np.asarray(photo))


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0nonsense", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_broken_exif_is_harmless(photo: Image.Image, exif: bytes) -> None:
    """Metadata that cannot be read must cost neither the picture nor a warning."""
    for container in ("JPEG", "PNG", "WEBP"):
        options = {**LOSSY, **LOSSLESS}[container]
        assert decode(file_of(photo, container, exif=exif, **options), LIMITS).frames[0].pixels.shape == (90, 120, 3)


def test_orientation_in_xmp_counts_where_exif_has_none(photo: Image.Image) -> None:
    """An orientation that is given in XMP alone must be applied, as Pillow does."""
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    (frame,) = decode(file_of(photo, "WEBP", lossless=True, xmp=xmp), LIMITS).frames
    assert np.array_equal(frame.pixels, np.rot90(np.asarray(photo), -1))


@pytest.mark.parametrize("container", ["JPEG", "PNG", "TIFF", "BMP"])
def test_resolution_is_kept(photo: Image.Image, container: str) -> None:
    """Dots per inch across and down must survive."""
    assert decode(file_of(photo, container, dpi=(300, 150)), LIMITS).dpi == pytest.approx((300, 150), abs=0.1)


@pytest.mark.parametrize("container", ["JPEG", "TIFF"])
def test_resolution_turns_with_the_picture(photo: Image.Image, container: str) -> None:
    """A fax of 204 by 98 dpi that lies on its side must be 98 by 204 when it stands."""
    data = file_of(photo, container, dpi=(204, 98), exif=with_orientation(6))
    assert decode(data, LIMITS).dpi == pytest.approx((98, 204), abs=0.1)


def test_centimetres_become_inches(photo: Image.Image) -> None:
    """A TIFF that counts dots per centimetre must come out in dots per inch."""
    data = file_of(photo, "TIFF", resolution_unit="cm", resolution=100)
    assert decode(data, LIMITS).dpi == pytest.approx((254, 254))


@pytest.mark.parametrize("dpi", [(0, 0), (72, 0), (60_000, 60_000)])
def test_an_impossible_resolution_is_left_out(photo: Image.Image, dpi: tuple[int, int]) -> None:
    """A resolution that no printer has must become none at all."""
    assert decode(file_of(photo, "JPEG", dpi=dpi), LIMITS).dpi is None


def test_nothing_else_survives(photo: Image.Image) -> None:
    """No byte of EXIF, XMP, comment or text may reach what decode returns."""
    exif = with_orientation(1)
    exif[0x010E] = "SECRET"
    data = file_of(photo, "JPEG", exif=exif, comment=b"SECRET", xmp=b"SECRET") + b"SECRET"
    assert data.count(b"SECRET") == 4
    picture = decode(data, LIMITS)
    assert "SECRET" not in repr(picture)
    assert b"SECRET" not in picture.frames[0].pixels.tobytes()


ANIMATED: dict[str, dict[str, Any]] = {"GIF": {}, "PNG": {}, "WEBP": {"lossless": True}, "AVIF": {"quality": 95}}


@pytest.mark.parametrize("container", ANIMATED)
def test_every_frame_of_an_animation_is_decoded(astronaut: Pixels, container: str) -> None:
    """All frames must come out with their times, in the same shape, and in order."""
    views = [Image.fromarray(astronaut[:64, x : x + 80]) for x in (100, 160, 220)]
    options = {
        "save_all": True,
        "append_images": views[1:],
        "duration": [100, 200, 300],
        "loop": 3,
        **ANIMATED[container],
    }
    picture = decode(file_of(views[0], container, **options), LIMITS)
    assert [frame.duration for frame in picture.frames] == [100, 200, 300]
    assert picture.loop == (None if container == "AVIF" else 3)
    assert len({frame.pixels.shape for frame in picture.frames}) == 1
    for frame, view in zip(picture.frames, views, strict=True):
        assert np.abs(frame.pixels[..., :3].astype(int) - np.asarray(view)).mean() < 12


def test_a_grey_first_frame_gets_the_channels_of_the_others() -> None:
    """Frames of one animation must have one number of channels, even where the format lets them differ."""
    frames = [Image.new("L", (8, 8), 77), Image.new("RGB", (8, 8), "red")]
    picture = decode(file_of(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=20), LIMITS)
    assert [frame.pixels[0, 0].tolist() for frame in picture.frames] == [[77, 77, 77], [255, 0, 0]]


def test_the_stand_in_of_an_apng_is_no_frame() -> None:
    """The picture for viewers that know no animation is not part of the animation and must be left out."""
    stand_in, *frames = (Image.new("RGB", (8, 8), colour) for colour in ("black", "red", "blue"))
    data = file_of(stand_in, "PNG", save_all=True, append_images=frames, default_image=True, duration=50)
    picture = decode(data, LIMITS)
    assert [frame.pixels[0, 0].tolist() for frame in picture.frames] == [[255, 0, 0], [0, 0, 255]]


def test_pages_may_differ_in_size_and_kind(astronaut: Pixels) -> None:
    """Each page of a TIFF must come out in its own size and colours, without times."""
    photo = Image.fromarray(astronaut)
    pages = [
        photo.crop((0, 0, 60, 40)),
        photo.crop((0, 0, 30, 50)).convert("L"),
        photo.crop((9, 9, 29, 19)).convert("1"),
    ]
    picture = decode(file_of(pages[0], "TIFF", save_all=True, append_images=pages[1:], duration=50), LIMITS)
    assert [frame.pixels.shape for frame in picture.frames] == [(40, 60, 3), (50, 30), (10, 20)]
    assert {frame.duration for frame in picture.frames} == {0}
    assert picture.loop is None


def test_only_the_main_picture_of_an_mpo_is_taken(photo: Image.Image) -> None:
    """The second view that a camera puts behind the photo must be dropped."""
    data = file_of(photo, "MPO", save_all=True, append_images=[photo.rotate(90)], quality=95)
    (frame,) = decode(data, LIMITS).frames
    assert np.abs(frame.pixels.astype(int) - np.asarray(photo)).mean() < 4


@pytest.mark.parametrize("kind", ["Landscape", "Portrait"])
def test_photos_in_all_orientations_look_alike(eval_set: pathlib.Path, kind: str) -> None:
    """The same scene photographed in each orientation must come out as the same picture (each is a JPEG of its own)."""

    def pixels(number: int) -> npt.NDArray[np.int16]:
        data = (eval_set / "orientation" / f"{kind}_{number}.jpg").read_bytes()
        return decode(data, LIMITS).frames[0].pixels.astype(np.int16)

    first = pixels(1)
    for number in range(9):
        other = pixels(number)
        assert other.shape == first.shape
        assert np.abs(other - first).mean() < 5
