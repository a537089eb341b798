"""Decode: whatever the bytes are, the answer is a picture or a named refusal; nothing is opened, started or printed."""

from __future__ import annotations

import io
import os
import pathlib
import struct
import subprocess
import sys
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from facewarden.errors import DAMAGED, NOT_A_PICTURE, NOT_ACCEPTED, TRUNCATED, FileRefused, Reason
from facewarden.sandbox import decode as stage
from facewarden.sandbox.decode import decode, recognise
from facewarden.values import Limits, Picture

LIMITS = Limits()
SMALL = Limits(pixels=4_000_000, all_pixels=16_000_000, frames=50)
"""So that a flipped bit in a header does not cost seconds."""


def file_of(image: Image.Image, container: str, **options: Any) -> bytes:
    target = io.BytesIO()
    image.save(target, container, **options)
    return target.getvalue()


def refusal(data: bytes) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    return caught.value.reason


def pattern(shift: int = 0) -> Image.Image:
    """A picture that compresses neither to nothing nor to noise."""
    return Image.radial_gradient("L").resize((48, 40)).rotate(shift).convert("RGB")


MORE: dict[str, Any] = {"save_all": True, "append_images": [pattern(20), pattern(70)], "duration": 50}
FILES: dict[str, bytes] = {
    "jpeg": file_of(pattern(), "JPEG"),
    "progressive jpeg": file_of(pattern(), "JPEG", progressive=True),
    "cmyk jpeg": file_of(pattern().convert("CMYK"), "JPEG"),
    "png": file_of(pattern(), "PNG"),
    "apng": file_of(pattern(), "PNG", **MORE),
    "gif": file_of(pattern(), "GIF"),
    "animated gif": file_of(pattern(), "GIF", **MORE),
    "webp": file_of(pattern(), "WEBP"),
    "animated webp": file_of(pattern(), "WEBP", **MORE),
    "avif": file_of(pattern(), "AVIF"),
    "animated avif": file_of(pattern(), "AVIF", **MORE),
    "tiff": file_of(pattern(), "TIFF"),
    "lzw tiff": file_of(pattern(), "TIFF", compression="tiff_lzw"),
    "jpeg tiff": file_of(pattern(), "TIFF", compression="jpeg"),
    "fax tiff": file_of(pattern().convert("1"), "TIFF", compression="group4"),
    "pages tiff": file_of(pattern(), "TIFF", **MORE),
    "bmp": file_of(pattern(), "BMP"),
    "jpeg 2000": file_of(pattern(), "JPEG2000"),
    "ppm": file_of(pattern(), "PPM"),
    "tga": file_of(pattern(), "TGA", compression="tga_rle"),
    "ico": file_of(pattern(), "ICO"),
    "qoi": file_of(pattern(), "QOI"),
    "sgi": file_of(pattern(), "SGI"),
    "pcx": file_of(pattern(), "PCX"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_in_half_is_refused_as_truncated(name: str) -> None:
    """A half-copied file must be told from a damaged one, and never be delivered with the rest in grey."""
    data = FILES[name]
    for part in (0.3, 0.5, 0.7, 0.85):
        assert refusal(data[: int(len(data) * part)]) == TRUNCATED


@pytest.mark.parametrize("name", ["gif", "animated gif", "webp", "avif", "bmp", "ppm", "tiff", "animated webp"])
def test_a_file_that_lacks_its_last_byte_is_refused(name: str) -> None:
    """Formats whose last byte belongs to the picture must be refused without it."""
    assert refusal(FILES[name][:-1]) == TRUNCATED


def test_an_animation_that_ends_between_two_frames_is_refused() -> None:
    """A GIF without the end that it must have, and an APNG with fewer frames than announced, are not whole."""
    whole = FILES["animated gif"]
    assert refusal(whole[:-1]) == TRUNCATED
    apng = FILES["apng"]
    last = apng.rindex(b"fcTL") - 4
    assert refusal(apng[:last] + apng[-12:]) == TRUNCATED


def outcome(data: bytes) -> Picture | Reason:
    try:
        return decode(data, SMALL)
    except FileRefused as refused:
        return refused.reason


def is_fair(result: Picture | Reason) -> bool:
    """A picture within the limits, or one of the reasons that belong to files."""
    if isinstance(result, Reason):
        return result.number in (*range(10, 19), 55, 56)
    return all(frame.pixels.shape[0] * frame.pixels.shape[1] <= SMALL.pixels for frame in result.frames)


@settings(deadline=None)
@given(name=st.sampled_from(sorted(FILES)), length=st.floats(0, 1))
def test_any_cut_gives_a_picture_or_a_refusal(name: str, length: float) -> None:
    """Wherever a file is cut, nothing but FileRefused may come out of decode."""
    data = FILES[name]
    assert is_fair(outcome(data[: int(len(data) * length)]))


@settings(deadline=None)
@given(
    name=st.sampled_from(sorted(FILES)), changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1)
)
def test_any_change_gives_a_picture_or_a_refusal(name: str, changes: list[tuple[float, int]]) -> None:
    """Whichever bytes are changed, nothing but FileRefused may come out of decode."""
    data = bytearray(FILES[name])
    for place, value in changes:
        data[int(place * (len(data) - 1))] = value
    assert is_fair(outcome(bytes(data)))


@settings(deadline=None)
@given(st.binary(min_size=1, max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    """Random bytes must be refused by name (or be one of the formats that need no signature)."""
    assert is_fair(outcome(data))


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"\xc5\xd0\xd3\xc6" + bytes(40),
        b"\xd7\xcd\xc6\x9a" + bytes(40),
        b"\x01\x00\x00\x00" + bytes(36) + b" EMF" + bytes(40),
        b"BUFR" + bytes(40),
        b"GRIB\x00\x00\x00\x01" + bytes(40),
        b"\x89HDF\r\n\x1a\n" + bytes(40),
        b"\x00\x00\x00\x18ftypcrx " + bytes(40),
        b"\x00\x00\x00\x18ftypmif1\x00\x00\x00\x00mif1heic" + bytes(40),
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
        b"\xff\x0a" + bytes(40),
        b"FUJIFILMCCD-RAW " + bytes(40),
    ],
)
def test_known_formats_that_are_not_accepted_are_named_so(data: bytes) -> None:
    """A person who drops an EPS, an SVG or a camera's raw file must be told that it is the format."""
    assert refusal(data) == NOT_ACCEPTED


@pytest.mark.parametrize("tag", [{50706: b"\x01\x06\x00\x00"}, {254: 1, 330: 8}])
def test_a_cameras_raw_file_is_not_taken_for_its_thumbnail(tag: dict[int, Any]) -> None:
    """DNG and NEF are TIFFs whose first page is tiny: delivering that in the photo's place would lose the photo."""
    assert refusal(file_of(pattern(), "TIFF", tiffinfo=tag)) == NOT_ACCEPTED


@pytest.mark.parametrize("data", [b"Hello, world.\n" * 50, b"PK\x03\x04" + bytes(99), b"\x00", b"\x7fELF" + bytes(999)])
def test_what_is_no_picture_is_named_so(data: bytes) -> None:
    """Text, archives and programs must be refused as no picture."""
    assert refusal(data) == NOT_A_PICTURE


def test_the_accepted_formats_are_those_that_run_in_this_process() -> None:
    """No decoder that starts a program, or hands the file to another, may ever be asked."""
    forbidden = {"EPS", "IPTC", "WMF", "EMF", "BUFR", "GRIB", "HDF5", "MPEG", "FPX", "MIC"}
    assert not forbidden & set(recognise.ACCEPTED)


def test_a_picture_with_damage_inside_is_refused_as_damaged() -> None:
    """A whole file whose pixels cannot be decoded must be told from a truncated one."""
    png = bytearray(FILES["png"])
    start = png.index(b"IDAT") + 4
    png[start : start + 20] = bytes(20)
    assert refusal(bytes(png)) == DAMAGED


def test_a_picture_without_area_is_refused() -> None:
    """A width of zero must be refused."""
    bmp = b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 0, 9, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(99)
    assert refusal(bmp) == DAMAGED


def test_warnings_and_logs_of_odd_metadata_go_nowhere(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What Pillow warns and logs holds words of the file, so none of it may be heard."""
    stage.preload()
    exif = b"Exif\0\0II*\0\x08\0\0\0\x02\0" + struct.pack("<HHII", 0x010E, 2, 99_999, 99_999)
    with warnings.catch_warnings(record=True) as heard, caplog.at_level(0):
        warnings.simplefilter("always")
        decode(file_of(pattern(), "JPEG", exif=exif), LIMITS)
        decode(FILES["tiff"], LIMITS)
    assert not heard
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


WATCHED = """
import pathlib, sys
from facewarden.errors import FileRefused
from facewarden.sandbox import decode
from facewarden.values import Limits
decode.preload()
originals = [path.read_bytes() for folder in sys.argv[1:] for path in sorted(pathlib.Path(folder).iterdir())]
sys.addaudithook(lambda event, arguments: seen.append(event) if watching else None)
seen, watching, pictures = [], True, 0
for data in originals:
    try:
        decode.decode(data, Limits())
        pictures += 1
    except FileRefused:
        continue
watching = False
forbidden = ("open", "import", "os.", "socket.", "subprocess.", "ctypes.", "mmap.", "shutil.", "tempfile.")
print(pictures, sorted({event for event in seen if event.startswith(forbidden)}))
"""


def watched(*folders: pathlib.Path) -> list[str]:
    """How many files decode in a fresh process, and which events of the forbidden kinds happened meanwhile."""
    outcome = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, folders)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libtiff complains there
        text=True,
        check=True,
    )
    return outcome.stdout.split(maxsplit=1)


def test_after_preload_no_file_is_opened_and_nothing_imported(tmp_path: pathlib.Path) -> None:
    """A locked worker may open nothing: every module and table must be there after preload."""
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / f"half a {name}").write_bytes(data[: len(data) // 2])
    assert watched(tmp_path) == [str(len(FILES)), "[]\n"]


def test_nor_for_files_from_the_wild(eval_set: pathlib.Path) -> None:
    """The same must hold for hundreds of odd and hostile files, of which those that are pictures decode."""
    pictures, events = watched(eval_set / "formats", eval_set / "hostile")
    assert int(pictures) >= 312
    assert events == "[]\n"


def test_nothing_is_refused_that_pillow_opens(eval_set: pathlib.Path) -> None:
    """Of all odd files that Pillow loads, only those may be refused that are cut, damaged, too large, or refused on purpose."""
    on_purpose = {
        "01f96087_id:000306,src:000000,op:havoc,rep:2.gif",  # 59,168 pixels high
        "c4b2cd23_decompression_bomb_extents.gif",  # a later frame of gigapixels
        "1395d8df_id:001525,src:000134+001494,op:splice,rep:16.gif",  # these three end without GIF's end
        "1404e883_id:000678,src:000131,op:havoc,rep:16.gif",
        "14d54fe1_id:001516,src:000134+001494,op:splice,rep:64.gif",
        # Of these decoders say that pixels are missing or wrong; Pillow does not listen.
        "00071514_1af1b837279ef78eea1c74a5c4cc528f333633dc-1",
        "000f30f4_id:001690,src:000677,op:flip4,pos:287.jpg",
        "0106d862_b6ace6cb57b91554590608d29b1dd57984354eea-7",
        "017bfabd_id:000250,src:000000,op:flip32,pos:224.jpg",
        "04e96936_id:001673,src:001333,op:int8,pos:164,val:+64.jpg",
        "0590c77d_id:002901,src:002499,op:havoc,rep:1.jpg",
        "07003767_id:000750,sync:jpeg9,src:001993.jpg",
        "0c12d072_28c74d9284d9836017fd519f6932efd8.jpg",
        "3747dfc9_id_002005,src_001056,op_flip2,pos_175.jpg",
        "3954d51d_crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif",
        "685f58d5_hopper_bad_exif.jpg",
        "8161064d_partial_progressive.jpg",
        "88eea266_1cbb1bb37d62c44f67374cd451643dc4.jpg",
        "e29bdc43_crash-74d2a78403a5a59db1fb0a2b8735ac068a75f6e3.tif",
        "fcf7fa42_progressive-missing-dc.jpg",
    }
    refused = set()
    for folder in ("formats", "hostile", "unlabelled"):
        for path in sorted((eval_set / folder).iterdir()):
            try:
                decode(path.read_bytes(), LIMITS)
            except FileRefused:
                if loads_in_pillow(path.read_bytes()):
                    refused.add(path.name)
    assert refused == on_purpose


def loads_in_pillow(data: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.format == "EPS":  # refused on purpose: it needs Ghostscript, which may be installed here
                    return False
                image.load()
        except Exception:  # noqa: BLE001 - the question is only whether it fails
            return False
    return True
