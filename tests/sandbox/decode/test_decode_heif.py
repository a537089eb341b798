"""HEIC as phones write it: one upright picture of 8 bits, whatever else the file carries, in a worker without threads."""

from __future__ import annotations

import ctypes
import io
import random
from typing import Any

import numpy as np
import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from tests.locked import outcome
from tests.mutations import mutated

from facewarden.delivery.containers import result_format, result_name
from facewarden.errors import DAMAGED, NOT_ACCEPTED, TOO_MANY_PIXELS, TRUNCATED, FileRefused
from facewarden.sandbox.decode import decode, linking
from facewarden.values import Limits, Picture, Pixels

LIMITS = Limits()
BACK: dict[int, Image.Transpose] = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a photo is stored that stands upright in this orientation."""


def heic(*images: Image.Image, primary: int = 0, **options: Any) -> bytes:
    """A HEIC file of these pictures, near lossless."""
    file = pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    target = io.BytesIO()
    file.save(target, **{"quality": 95, "chroma": 444, "primary_index": primary} | options)
    return target.getvalue()


@pytest.fixture
def photo(astronaut: Pixels) -> Image.Image:
    """Sides that differ and are no multiples of a block's."""
    return Image.fromarray(astronaut[:90, 150:272])


def oriented(value: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif.tobytes()


def decoded(data: bytes) -> Picture:
    return decode(data, LIMITS)


def difference(picture: Picture, photo: Image.Image) -> float:
    (frame,) = picture.frames
    assert frame.pixels.shape == np.asarray(photo).shape
    return float(np.abs(frame.pixels.astype(int) - np.asarray(photo)).mean())


def test_a_photo_comes_out_as_a_jpeg(photo: Image.Image) -> None:
    """A phone's photo is read, and its result is a JPEG with a fitting name."""
    picture = decoded(heic(photo))
    assert difference(picture, photo) < 2
    assert (picture.format, result_format(picture, "same")) == ("JPEG", "JPEG")
    assert result_name(b"IMG_0001.HEIC", "JPEG") == b"IMG_0001.jpg"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_once(photo: Image.Image, orientation: int) -> None:
    """The container tells the orientation and EXIF repeats it: applying both would turn a portrait twice."""
    stored = photo.transpose(BACK[orientation]) if orientation in BACK else photo
    assert difference(decoded(heic(stored, exif=oriented(orientation))), photo) < 2


def test_the_orientation_in_exif_alone_counts_for_nothing(photo: Image.Image) -> None:
    """HEIF says that EXIF's orientation is for information only: files whose container does not turn are upright."""
    data = heic(photo, exif=oriented(1))
    stated = oriented(1)[6:]
    assert data.count(stated) == 1
    assert difference(decoded(data.replace(stated, oriented(6)[6:])), photo) < 2


@pytest.mark.parametrize("primary", [0, 1, 2])
def test_the_main_picture_alone_is_taken(photo: Image.Image, primary: int) -> None:
    """The other pictures of a burst are dropped, wherever the main one stands."""
    others = [Image.new("RGB", photo.size, colour) for colour in ("red", "blue")]
    picture = decoded(heic(*others[:primary], photo, *others[primary:], primary=primary))
    assert difference(picture, photo) < 2


def test_a_thumbnail_is_no_picture(photo: Image.Image) -> None:
    """Embedded thumbnails neither come out nor stand in for the photo."""
    large = photo.resize((600, 400))
    file = pillow_heif.HeifFile()
    file.add_from_pillow(large)
    file[0].info["thumbnails"] = [64]
    target = io.BytesIO()
    file.save(target, quality=95)
    assert decoded(target.getvalue()).frames[0].pixels.shape == (400, 600, 3)


def test_ten_bits_become_eight(photo: Image.Image) -> None:
    """A picture of 10 bits a channel comes out as the same one of 8."""
    deep = np.asarray(photo).astype(np.uint16) * 257
    target = io.BytesIO()
    pillow_heif.encode("RGB;16", photo.size, deep.tobytes(), target, quality=-1, chroma=444)
    assert pillow_heif.open_heif(target.getvalue()).info["bit_depth"] == 10
    picture = decoded(target.getvalue())
    assert difference(picture, photo) < 1.5


def test_grey_stays_grey_and_alpha_stays(photo: Image.Image) -> None:
    """A grey picture has one channel; one with alpha leaves in a container that can hold it."""
    grey = decoded(heic(photo.convert("L")))
    assert grey.frames[0].pixels.ndim == 2
    clear = photo.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(photo.size))
    picture = decoded(heic(clear))
    assert picture.format == "PNG"
    assert picture.frames[0].pixels.shape[2] == 4
    alpha = picture.frames[0].pixels[..., 3].astype(int)
    assert np.abs(alpha - np.asarray(clear)[..., 3]).mean() < 2


def test_the_profile_is_applied(photo: Image.Image) -> None:
    """An iPhone writes Display P3: the embedded profile counts."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    place = profile.index(b"rXYZ") + 4
    start = int.from_bytes(profile[place : place + 4], "big")
    other = profile[: start + 8] + (30_000).to_bytes(4, "big") + profile[start + 12 :]
    marked = photo.copy()
    marked.info["icc_profile"] = other
    plain, converted = decoded(heic(photo)), decoded(heic(marked))
    source = ImageCms.ImageCmsProfile(io.BytesIO(other))
    target = ImageCms.createProfile("sRGB")
    expected = ImageCms.profileToProfile(Image.fromarray(plain.frames[0].pixels), source, target, outputMode="RGB")
    assert expected
    assert np.abs(converted.frames[0].pixels.astype(int) - np.asarray(expected)).mean() < 1
    assert difference(converted, photo) > 1.5 + difference(plain, photo)


def test_the_date_is_found(photo: Image.Image) -> None:
    """A phone's EXIF tells when the photo was taken, and nothing else of it is kept."""
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    assert decoded(heic(photo, exif=exif.tobytes())).captured == (2024, 5, 6, 7, 8, 9)


def test_what_follows_the_photo_is_dropped(photo: Image.Image) -> None:
    """A motion photo's film is appended to the picture, and stays behind."""
    film = b"\0\0\x10\0mpvd" + bytes(0x1000 - 8)
    assert difference(decoded(heic(photo) + film), photo) < 2


def test_limits_hold(photo: Image.Image) -> None:
    """The size is checked before the picture is decoded."""
    with pytest.raises(FileRefused) as refused:
        decode(heic(photo), Limits(pixels=90 * 122 - 1))
    assert refused.value.reason is TOO_MANY_PIXELS


def test_broken_ones_are_named(photo: Image.Image) -> None:
    """Cut files are told from damaged ones, films and unknown codings from both."""
    data = heic(photo)
    for part in (0.3, 0.6, 0.95):
        with pytest.raises(FileRefused) as refused:
            decoded(data[: int(len(data) * part)])
        assert refused.value.reason is TRUNCATED
    for data, reason in (
        (b"\0\0\0\x18ftypheic" + bytes(40), DAMAGED),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic" + bytes(40), NOT_ACCEPTED),
        (b"\0\0\0\x18ftyphevc\0\0\0\0hevcmsf1" + bytes(40), NOT_ACCEPTED),
    ):
        with pytest.raises(FileRefused) as refused:
            decoded(data)
        assert refused.value.reason is reason


@given(seed=st.integers(0, 2**32))
def test_any_damage_gives_a_picture_or_a_refusal(seed: int) -> None:
    """Whatever is done to a file, nothing but FileRefused comes out."""
    data = heic(Image.radial_gradient("L").resize((48, 40)).convert("RGB"))
    try:
        picture = decode(mutated(data, data, random.Random(seed)), Limits(pixels=4_000_000))
    except FileRefused as refused:
        assert 10 <= refused.reason.number <= 18  # noqa: PT017 - both outcomes are right
    else:
        assert all(frame.pixels.size for frame in picture.frames)


LOCKED = """
    import sys
    from pathlib import Path
    from facewarden.sandbox import lockdown
    protection = lockdown.before_imports()
    from facewarden.sandbox import decode
    from facewarden.values import Limits
    decode.preload()
    data = DATA
    lockdown.before_photos(256 << 20, protection)
    lockdown.verify(protection)
    print(decode.decode(data, Limits()).frames[0].pixels.shape, flush=True)
    import os
    os._exit(0)
"""


def test_a_locked_worker_reads_it_without_a_thread(photo: Image.Image) -> None:
    """The decoder asks for a thread for each picture, which the lock refuses: the picture must come out all the same."""
    assert outcome(LOCKED.replace("DATA", repr(heic(photo)))) == (0, "(90, 122, 3)")


def test_a_redirected_call_goes_elsewhere_and_an_unknown_one_nowhere() -> None:
    """The table that is changed is the one that calls go by; a name that nobody calls changes nothing."""
    assert linking.redirect(b"libde265", b"no_such_function_anywhere", 0) == 0
    file = linking.file_of(b"libheif")
    assert file is not None
    assert ctypes.CDLL(file).heif_get_version_number() > 0
