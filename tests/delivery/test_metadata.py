"""No output holds any metadata of its original: files full of canaries, and real ones, come out as pixels alone."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms, PngImagePlugin
from tests.daemon import Daemon, pixels_of
from tests.delivery.test_encode import jpeg_segments, png_chunks
from tests.documents import pdf, stream

from facewarden.config.profile import Output
from facewarden.delivery.encode import result_of
from facewarden.errors import FileRefused
from facewarden.sandbox.decode import decode
from facewarden.values import Limits, Pixels

CANARY = b"CaNaRy"
CAPTURED = "2019:12:31 23:58:57"


class Plants:
    """Canaries, each with a number of its own; those that are not packed must be seen in the file."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []

    def __call__(self, *, packed: bool = False) -> bytes:
        canary = CANARY + b"%03d" % (len(self.seen) + 100)
        self.seen += [] if packed else [canary]
        return canary

    def text(self, *, packed: bool = False) -> str:
        return self(packed=packed).decode()


Maker = Callable[[Image.Image, Plants], bytes]


@pytest.fixture(scope="module")
def small(astronaut: Pixels) -> Image.Image:
    return Image.fromarray(astronaut).crop((96, 0, 352, 256)).resize((128, 128))


def saved(image: Image.Image, container: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, container, **options)
    return buffer.getvalue()


def exif_of(plant: Plants) -> Image.Exif:
    """EXIF with canaries in texts, serial numbers, maker note, comment and GPS, and a date."""
    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x0131, 0x013B, 0x013C, 0x8298):
        exif[tag] = plant.text()
    exif[0x0132] = CAPTURED
    inner, gps = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
    inner[0x927C], inner[0x9286] = plant(), b"ASCII\0\0\0" + plant()
    inner[0xA420], inner[0xA430], inner[0xA431] = plant.text(), plant.text(), plant.text()
    inner[0x9003] = CAPTURED
    gps[0x0001], gps[0x0002], gps[0x0003], gps[0x0004] = "N", (52.0, 13.0, 7.5), "E", (21.0, 0.0, 3.5)
    gps[0x001B], gps[0x001C], gps[0x001D] = plant(), plant(), "2019:12:31"
    return exif


def icc_of(plant: Plants, *, packed: bool = False) -> bytes:
    """A profile with canaries in its description and copyright, whose red is not sRGB's, so that it is applied."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for text in ("sRGB built-in", "No copyright, use freely"):
        word = text.encode("utf-16-be")
        assert word in data
        data = data.replace(word, plant(packed=True).decode().ljust(len(text)).encode("utf-16-be"))
    if not packed:
        plant.seen.append("CaNaRy".encode("utf-16-be"))
    start = struct.unpack(">I", data[(place := data.index(b"rXYZ")) + 4 : place + 8])[0]
    return data[: start + 8] + struct.pack(">i", 30_000) + data[start + 12 :]


def xmp_of(plant: Plants) -> bytes:
    return b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><d>" + plant() + b"</d></x:xmpmeta>"


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _jpeg(small: Image.Image, plant: Plants) -> bytes:
    data = saved(small, "JPEG", exif=exif_of(plant), comment=plant(), icc_profile=icc_of(plant), xmp=xmp_of(plant))
    records = b"".join(b"\x1c\x02" + bytes([kind, 0, 9]) + plant() for kind in (80, 90, 120))
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0" + struct.pack(">H", len(records)) + records
    thumbnail = b"JFXX\0\x13" + bytes([3, 1]) + plant()
    extended = b"http://ns.adobe.com/xmp/extension/\0" + bytes(40) + plant()
    more = segment(0xED, iptc) + segment(0xE0, thumbnail) + segment(0xE1, extended) + segment(0xE9, plant())
    return data[:2] + more + data[2:] + plant()


def _mpo(small: Image.Image, plant: Plants) -> bytes:
    """Two pictures, the second with a comment: the right eye's, or a phone's depth map."""
    data = saved(small, "MPO", save_all=True, append_images=[small.rotate(3)], exif=exif_of(plant))
    second = data.index(b"\xff\xd8\xff", 4 + data.index(b"MPF\0"))
    return data[: second + 2] + segment(0xFE, plant()) + data[second + 2 :] + plant()


def _png(small: Image.Image, plant: Plants) -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", plant.text())
    info.add_text("Comment", plant.text(packed=True), zip=True)
    info.add_itxt("XML:com.adobe.xmp", xmp_of(plant).decode())
    data = saved(small, "PNG", pnginfo=info, exif=exif_of(plant), icc_profile=icc_of(plant, packed=True))
    chunks = [b"prVt" + plant(), b"tIME" + struct.pack(">HBBBBB", 2019, 12, 31, 23, 58, 57)]
    first, last = (struct.pack(">I", len(it) - 4) + it + struct.pack(">I", zlib.crc32(it)) for it in chunks)
    return data[:33] + first + data[33:-12] + last + data[-12:] + plant()


def _tiff(small: Image.Image, plant: Plants) -> bytes:
    texts = {tag: plant.text() for tag in (269, 270, 271, 272, 285, 305, 315, 316, 33432, 65000)}
    blocks = {tag: plant() for tag in (700, 33723, 34377, 37724)}
    return saved(small, "TIFF", tiffinfo=texts | blocks | {306: CAPTURED}, icc_profile=icc_of(plant)) + plant()


def _gif(small: Image.Image, plant: Plants) -> bytes:
    pictures = [small.rotate(5), small.rotate(9)]
    data = saved(small, "GIF", comment=plant(), save_all=True, append_images=pictures, duration=80, loop=0)
    application = b"\x21\xff\x0bXMP DataXMP\x09" + plant() + b"\0"
    plain_text = b"\x21\x01\x0c" + bytes(12) + b"\x09" + plant() + b"\0"
    return data[:-1] + application + plain_text + b";" + plant()


def _webp(small: Image.Image, plant: Plants) -> bytes:
    data = saved(small, "WEBP", exif=exif_of(plant).tobytes(), xmp=xmp_of(plant), icc_profile=icc_of(plant))
    data += b"pRvT" + struct.pack("<I", 9) + plant() + b"\0"
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] + plant()


def _avif(small: Image.Image, plant: Plants) -> bytes:
    return saved(small, "AVIF", exif=exif_of(plant).tobytes(), xmp=xmp_of(plant), icc_profile=icc_of(plant)) + plant()


def _jpeg2000(small: Image.Image, plant: Plants) -> bytes:
    data = saved(small, "JPEG2000", comment=plant(), no_jp2=False)
    return data + struct.pack(">I4s", 17, b"xml ") + plant()


def _bmp(small: Image.Image, plant: Plants) -> bytes:
    return saved(small, "BMP") + plant()


def _heic(small: Image.Image, plant: Plants) -> bytes:
    """With EXIF, XMP, a profile, a second picture and what phones append."""
    file = pillow_heif.HeifFile()
    for picture in (small, small.rotate(3)):
        file.add_from_pillow(picture)
    file[0].info |= {"exif": exif_of(plant).tobytes(), "xmp": xmp_of(plant), "icc_profile": icc_of(plant)}
    target = io.BytesIO()
    file.save(target, quality=90)
    return target.getvalue() + b"\0\0\0\x11mpvd" + plant()


def _pdf(small: Image.Image, plant: Plants) -> bytes:
    """A scan with a text layer, author, XMP, script, attachment, note, link, outline and layer name."""
    photo = saved(small, "JPEG", comment=plant())
    image = b"/Type/XObject/Subtype/Image/Width 128/Height 128/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode"
    text = b"q 128 0 0 128 0 0 cm /I Do Q BT 3 Tr /F 9 Tf (%s) Tj ET" % plant()
    resources = b"/Resources<</XObject<</I 5 0 R>>/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
    note = (
        b"/Annots[<</Subtype/Text/Rect[0 0 1 1]/F 2/Contents(%s)>><</Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(%s)>>>>]"
    )
    names = b"/Names<</JavaScript<</Names[(a)<</S/JavaScript/JS(%s)>>]>>/EmbeddedFiles<</Names[(%s)6 0 R]>>>>"
    outline = b"/Outlines<</First<</Title(%s)>>>>/OCProperties<</OCGs[<</Type/OCG/Name(%s)>>]>>"
    catalog = b"<</Type/Catalog/Pages 2 0 R/Metadata 7 0 R" + names % (plant(), plant()) + outline % (plant(), plant())
    return (
        pdf(
            catalog + b">>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 128 128]/Contents 4 0 R"
            + resources
            + note % (plant(), plant())
            + b">>",
            stream(text),
            stream(photo, image),
            stream(plant(), b"/Type/EmbeddedFile"),
            stream(xmp_of(plant), b"/Type/Metadata/Subtype/XML"),
            b"<</Author(%s)/Producer(%s)/CreationDate(D:20191231)>>" % (plant(), plant()),
            trailer=b"/Info 8 0 R/ID[(%s)(0)]" % plant(),
        )
        + plant()
    )


MAKERS: dict[str, Maker] = {
    "a.jpg": _jpeg,
    "b.mpo": _mpo,
    "c.png": _png,
    "d.tif": _tiff,
    "e.gif": _gif,
    "f.webp": _webp,
    "g.avif": _avif,
    "h.jp2": _jpeg2000,
    "i.bmp": _bmp,
    "j.heic": _heic,
    "k.pdf": _pdf,
}
FORMS = [CANARY, CANARY.decode().encode("utf-16-be"), CANARY.decode().encode("utf-16-le"), CAPTURED[:10].encode()]
HARMLESS = {"dpi", "jfif", "jfif_version", "jfif_unit", "jfif_density", "loop", "duration", "version"}
HARMLESS |= {"background", "extension", "compression", "timestamp", "resolution", "transparency"}
HARMLESS |= {"orientation", "bbox", "disposal", "blend"}  # TGA's order of rows, and how APNG joins frames


def test_no_canary_leaves(daemon: Daemon, small: Image.Image) -> None:
    """Whatever a file tells besides its pixels is in no output, byte for byte, nor in the state folder or the log."""
    for name, make in MAKERS.items():
        plant = Plants()
        data = make(small, plant)
        assert plant.seen
        for canary in plant.seen:
            assert canary in data, f"{name} does not hold {canary!r}: the test would prove nothing"
        daemon.drop(name, data)
    assert daemon.once() == 0
    results = daemon.results()
    assert {path.name for path in results} == set(MAKERS) - {"b.mpo", "j.heic"} | {"b.jpg", "j.jpg"}
    for path in results:
        require_bare(path.read_bytes(), FORMS)
    assert not [path for path in (daemon.folder / "state").rglob("*") if path.is_file() and CANARY in path.read_bytes()]
    assert CANARY.decode() not in "\n".join(daemon.log)


def require_bare(data: bytes, told: list[bytes]) -> None:
    """A result holds none of what its original told, and nothing in which anything could be told."""
    for word in told:
        assert word not in data
    if data.startswith(b"%PDF"):
        kinds = set(re.findall(rb"/Type /(\w+)", data))
        assert kinds == {b"XObject", b"Page", b"Pages", b"Catalog"}
        assert set(jpeg_segments(data[data.index(b"\xff\xd8\xff") :])) <= {0xE0, 0xDB, 0xC0, 0xC4}
        return
    with Image.open(io.BytesIO(data)) as image:
        assert not image.getexif().get_ifd(0x8825)
        comment = image.info.pop("comment", b"")
        assert not comment or comment.startswith(b"Created by OpenJPEG")
        assert set(image.info) <= HARMLESS
        container = image.format
    if container == "JPEG":
        assert set(jpeg_segments(data)) <= {0xE0, 0xDB, 0xC0, 0xC4}
        assert data.count(b"\xff\xd8\xff") == 1
    elif container == "PNG":
        assert set(png_chunks(data)) <= {b"IHDR", b"pHYs", b"acTL", b"fcTL", b"IDAT", b"fdAT", b"IEND"}
        assert data.endswith(b"IEND\xaeB`\x82")
    elif container == "WEBP":
        assert set(_riff_chunks(data)) <= {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def _riff_chunks(data: bytes) -> Iterator[bytes]:
    place = 12
    while place < len(data):
        kind, length = struct.unpack_from("<4sI", data, place)
        yield kind
        place += 8 + length + length % 2


def test_numbers_are_kept_as_the_profile_says(daemon: Daemon, small: Image.Image) -> None:
    """The resolution of a scan stays, the date of capture goes; or the other way round, if that is wanted."""
    exif = exif_of(Plants())
    for suffix, container in (("jpg", "JPEG"), ("png", "PNG"), ("tif", "TIFF"), ("webp", "WEBP")):
        options = {"tiffinfo": {306: CAPTURED}} if suffix == "tif" else {"exif": exif.tobytes()}
        daemon.drop(f"scan.{suffix}", saved(small, container, dpi=(300, 300), **options))
    assert daemon.once() == 0
    for path in daemon.results():
        with Image.open(path) as image:
            kept = image.info.get("dpi", ())
        assert tuple(round(value) for value in kept) == (() if path.suffix == ".webp" else (300, 300))
        assert CAPTURED.encode() not in path.read_bytes()
        path.unlink()
    daemon.configure(originals="delete", output={"keep": {"dpi": False, "capture_date": True}})
    for path in daemon.inbox.iterdir():
        path.touch()
    assert daemon.once() == 0
    assert len(daemon.results()) == 4
    for path in daemon.results():
        data = path.read_bytes()
        assert data.count(CAPTURED.encode()) == 1
        assert CANARY not in data
        with Image.open(path) as image:
            assert round(image.info.get("dpi", (0, 0))[0]) != 300
            told = image.getexif()
            inner = dict(told.get_ifd(0x8769))
            assert inner == {} if path.suffix == ".tif" else {0x9003: CAPTURED}
            assert told.get(306) == (CAPTURED if path.suffix == ".tif" else None)


def thumbnail_exif(thumbnail: bytes) -> bytes:
    """EXIF as a camera writes it: no tags, then a second directory with nothing but a JPEG."""
    entries = [(0x0103, 3, 1, 6), (0x0201, 4, 1, 56), (0x0202, 4, 1, len(thumbnail))]
    directory = struct.pack("<H", 3) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"Exif\0\0II*\0" + struct.pack("<IHI", 8, 0, 14) + directory + thumbnail


def test_an_embedded_thumbnail_does_not_survive(daemon: Daemon, astronaut: Pixels, small: Image.Image) -> None:
    """A JPEG inside the EXIF block, which shows the face, is nowhere in the result."""
    thumbnail = saved(small.resize((64, 64)), "JPEG")
    data = saved(Image.fromarray(astronaut), "JPEG", exif=thumbnail_exif(thumbnail))
    assert thumbnail in data
    daemon.drop("thumb.jpg", data)
    assert daemon.once() == 0
    (result,) = daemon.results()
    require_bare(result.read_bytes(), [thumbnail[100:200]])
    assert np.abs(pixels_of(result)[90:160, 180:260].astype(int) - astronaut[90:160, 180:260]).mean() > 25


def told_by(file: Path) -> list[bytes]:
    """Pieces of all that a real file tells besides its pixels: JPEG's segments, and whatever texts Pillow finds."""
    data = file.read_bytes()
    told = []
    if data.startswith(b"\xff\xd8\xff"):
        place = 2
        while place + 4 <= len(data) and data[place] == 0xFF and data[place + 1] != 0xDA:
            marker, length = struct.unpack_from(">xBH", data, place)
            block = data[place + 4 : place + 2 + length] if marker >= 0xE1 else b""
            told += [block[start : start + 24] for start in range(0, len(block) - 24, 61)]
            place += 2 + length
    with Image.open(io.BytesIO(data)) as image:
        values = [*image.info.values(), *image.getexif().values()]
    told += [value.encode() if isinstance(value, str) else value for value in values if isinstance(value, str | bytes)]
    # Tables of a thumbnail that every JPEG has are no news.
    common = saved(Image.effect_noise((64, 64), 50).convert("RGB"), "JPEG")
    return [piece for piece in told if len(set(piece)) >= 8 and piece not in common]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", ["formats", "large/images", "orientation_invalid/images"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what is odd in these files, in `told_by`
def test_nothing_of_real_files_leaves(eval_set: Path, folder: str) -> None:
    """Odd formats and cameras' photos: no piece of their EXIF, thumbnails, profiles, comments is in what they become."""
    results = pieces = 0
    for file in sorted((eval_set / folder).iterdir()):
        try:
            picture = decode(file.read_bytes(), Limits())
            _, data = result_of(picture, Output())
        except FileRefused:
            continue
        told = told_by(file)
        require_bare(data, told)
        results += 1
        pieces += len(told)
    assert results >= 5
    assert pieces > 100
