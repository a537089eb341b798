"""No output holds any metadata of its original: files full of canaries go through the whole service."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from tests.daemon import Daemon, pixels_of

from facewarden.values import Pixels

CANARY = b"CaNaRy7f3"
TEXT = CANARY.decode()


@pytest.fixture(scope="module")
def small(astronaut: Pixels) -> Image.Image:
    return Image.fromarray(astronaut).crop((96, 0, 352, 256)).resize((128, 128))


def _exif(small: Image.Image) -> Image.Exif:
    """EXIF with canaries in texts, GPS, maker note, and a thumbnail that shows the unredacted face."""
    exif = Image.Exif()
    exif[0x010E] = exif[0x013B] = exif[0x8298] = TEXT
    exif.get_ifd(0x8769)[0x927C] = CANARY
    exif.get_ifd(0x8769)[0x9286] = CANARY
    exif.get_ifd(0x8825)[0x001B] = CANARY
    exif.get_ifd(0x8825)[0x0002] = (52.0, 13.0, 7.5)
    return exif


def _profile() -> bytes:
    """An sRGB profile with a canary in its description."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    place = data.find("sRGB".encode("utf-16-be"))
    if place < 0:
        place = data.find(b"sRGB")
    data[place : place + 4] = CANARY[:4]
    return bytes(data)


def _jpeg(small: Image.Image) -> bytes:
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", exif=_exif(small), comment=CANARY, icc_profile=_profile(), xmp=_xmp())
    data = buffer.getvalue()
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00\x00\x00\x00\x0e\x1c\x02\x78\x00\x09" + CANARY
    segment = b"\xff\xed" + (len(iptc) + 2).to_bytes(2, "big") + iptc
    return data[:2] + segment + data[2:] + CANARY


def _mpo(small: Image.Image) -> bytes:
    buffer = io.BytesIO()
    small.save(buffer, "MPO", save_all=True, append_images=[small.rotate(3)], exif=_exif(small))
    return buffer.getvalue() + CANARY


def _png(small: Image.Image) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", TEXT)
    info.add_text("Comment", TEXT, zip=True)
    info.add_itxt("XML:com.adobe.xmp", _xmp().decode())
    buffer = io.BytesIO()
    small.save(buffer, "PNG", pnginfo=info, exif=_exif(small), icc_profile=_profile())
    private = b"prVt" + CANARY
    data = buffer.getvalue()
    chunk = len(CANARY).to_bytes(4, "big") + private + zlib.crc32(private).to_bytes(4, "big")
    return data[:33] + chunk + data[33:] + CANARY


def _tiff(small: Image.Image) -> bytes:
    buffer = io.BytesIO()
    tags = {270: TEXT, 305: TEXT, 315: TEXT, 33432: TEXT, 700: CANARY, 33723: CANARY, 34377: CANARY, 65000: TEXT}
    small.save(buffer, "TIFF", tiffinfo=tags, icc_profile=_profile())
    return buffer.getvalue() + CANARY


def _gif(small: Image.Image) -> bytes:
    buffer = io.BytesIO()
    small.save(buffer, "GIF", comment=CANARY, save_all=True, append_images=[small.rotate(5)], duration=80, loop=0)
    return buffer.getvalue() + CANARY


def _webp(small: Image.Image) -> bytes:
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", exif=_exif(small).tobytes(), xmp=_xmp(), icc_profile=_profile())
    return buffer.getvalue() + CANARY


def _xmp() -> bytes:
    return b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><d>" + CANARY + b"</d></x:xmpmeta>"


MAKERS: dict[str, Callable[[Image.Image], bytes]] = {
    "a.jpg": _jpeg,
    "b.mpo": _mpo,
    "c.png": _png,
    "d.tif": _tiff,
    "e.gif": _gif,
    "f.webp": _webp,
}


def test_no_canary_leaves(daemon: Daemon, small: Image.Image) -> None:
    """Whatever a file tells besides its pixels is in no output, byte for byte, and not in the log either."""
    for name, make in MAKERS.items():
        data = make(small)
        assert data.count(CANARY) + data.count(CANARY[:4]) >= 2, f"{name} holds no canary: the test would prove nothing"
        daemon.drop(name, data)
    assert daemon.once() == 0
    results = daemon.results()
    assert {path.name for path in results} == {"a.jpg", "b.jpg", "c.png", "d.tif", "e.gif", "f.webp"}
    for path in results:
        data = path.read_bytes()
        assert CANARY not in data
        assert CANARY[:4] not in data
        assert TEXT.encode("utf-16-be") not in data
        with Image.open(path) as image:
            assert not image.getexif().get_ifd(0x8825)
            harmless = {"dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "duration", "version"}
            harmless |= {"background", "extension", "compression", "timestamp", "resolution"}
            assert set(image.info) <= harmless
    assert TEXT not in "\n".join(daemon.log)


def test_the_dpi_is_kept(daemon: Daemon, small: Image.Image) -> None:
    """The resolution of a scan is a harmless number and stays, written anew."""
    for suffix in ("jpg", "png", "tif"):
        buffer = io.BytesIO()
        small.save(buffer, {"jpg": "JPEG", "png": "PNG", "tif": "TIFF"}[suffix], dpi=(300, 300))
        daemon.drop(f"scan.{suffix}", buffer.getvalue())
    assert daemon.once() == 0
    for path in daemon.results():
        with Image.open(path) as image:
            assert tuple(round(value) for value in image.info["dpi"]) == (300, 300)


def test_an_embedded_thumbnail_does_not_survive(daemon: Daemon, astronaut: Pixels, small: Image.Image) -> None:
    """A JPEG inside the EXIF block, which shows the face, is nowhere in the result."""
    thumbnail = io.BytesIO()
    small.resize((64, 64)).save(thumbnail, "JPEG")
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x00\x00\x00\x00\x00\x00" + thumbnail.getvalue()
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "JPEG", exif=exif)
    assert thumbnail.getvalue() in buffer.getvalue()
    daemon.drop("thumb.jpg", buffer.getvalue())
    assert daemon.once() == 0
    (result,) = daemon.results()
    assert thumbnail.getvalue()[100:200] not in result.read_bytes()
    assert result.read_bytes().count(b"\xff\xd8\xff") == 1
    assert np.abs(pixels_of(result)[90:160, 180:260].astype(int) - astronaut[90:160, 180:260]).mean() > 25
