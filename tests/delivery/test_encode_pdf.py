"""PDF out: pictures alone, each page of its size, read back by a reader that is not ours."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.pictures import frame

from facewarden.config.profile import Keep, Output
from facewarden.delivery import binding
from facewarden.delivery.binding import Binding
from facewarden.delivery.book import is_black_and_white
from facewarden.delivery.encode import encode
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.replies import Reply
from facewarden.values import Frame, Picture, Pixels, Region

FACE = Region(0, 0, 2, 2, 0.9, "blazeface")


def pages_of(data: bytes) -> list[tuple[tuple[float, float], Pixels]]:
    """Size in points and pixels of each page, drawn at the resolution of its picture."""
    found = []
    with pypdfium2.PdfDocument(data) as document:
        for page in document:
            (picture,) = page.get_objects()
            scale = picture.get_px_size()[0] / page.get_width()
            shown = page.render(scale=scale - 1e-6, rev_byteorder=True).to_numpy()
            found.append((page.get_size(), shown.copy()))
            page.close()
    return found


def bound(frames: list[Frame], output: Output, hidden: int = 0, container: str = "PDF") -> tuple[str, bytes]:
    """What a Binding makes of these pages, each with so many hidden areas."""
    it = Binding(output)
    it.begin(Picture(container, ()))
    kept = tuple(it.take(one, hidden) for one in frames)
    sizes = tuple(one.pixels.shape[1::-1] for one in frames)
    picture = Picture(container, kept)
    return it.result(Reply(picture, sizes, ((FACE,) * hidden,) * len(frames), 0, {}))


@pytest.fixture
def drawn() -> Pixels:
    """A page of lines in four greys."""
    pixels = np.full((120, 90), 255, np.uint8)
    pixels[20:30, 10:80], pixels[50:55, 10:40], pixels[80:100, 60:70] = 0, 100, 200
    return pixels


def test_pages_keep_their_size_and_order(astronaut: Pixels, drawn: Pixels) -> None:
    """Each page is as large in points as its pixels and dots per inch say, whatever the others are."""
    frames = [Frame(astronaut, 0, (150.0, 300.0)), Frame(drawn, 0, (72.0, 72.0)), Frame(astronaut[:100])]
    container, data = bound(frames, Output())
    assert container == "PDF"
    (first, _), (second, lines), (third, _) = pages_of(data)
    assert first == pytest.approx((512 * 72 / 150, 512 * 72 / 300), abs=0.001)
    assert (second, third) == ((90, 120), (512, 100))
    np.testing.assert_array_equal(lines[..., 0] if lines.ndim == 3 else lines, drawn)


def test_photos_are_jpegs_and_what_is_drawn_loses_nothing(astronaut: Pixels, drawn: Pixels) -> None:
    """By content: a photo is compressed as one, lines stay exact, and black on white takes one bit a pixel."""
    black = np.where(drawn > 150, 255, 0).astype(np.uint8)
    _, data = bound([Frame(astronaut), Frame(drawn), Frame(black)], Output())
    assert re.findall(rb"/Filter /(\w+)", data) == [b"DCTDecode", b"FlateDecode", b"CCITTFaxDecode"]
    (_, photo), (_, lines), (_, bits) = pages_of(data)
    assert np.abs(photo.astype(int) - astronaut).mean() < 3
    for shown, sent in ((lines, drawn), (bits, black)):
        np.testing.assert_array_equal(shown.reshape(*sent.shape, -1)[..., 0], sent)


def test_untouched_pages_can_be_had_without_loss(astronaut: Pixels) -> None:
    """Where the profile says so, a page in which nothing was hidden keeps each pixel; one with a face does not need to."""
    output = Output(untouched="lossless")
    pages = [Frame(astronaut), Frame(astronaut[:200])]
    for (_, shown), sent in zip(pages_of(bound(pages, output)[1]), pages, strict=True):
        np.testing.assert_array_equal(shown, sent.pixels)
    assert bound(pages, output, hidden=1)[1].count(b"DCTDecode") == 2


def test_nothing_but_pictures_is_written(astronaut: Pixels) -> None:
    """No dates, no producer, no names, no identifiers; the same pages always give the same bytes."""
    pages = [Frame(astronaut), Frame(astronaut[..., 0].copy())]
    _, data = bound(pages, Output())
    assert data == bound(pages, Output())[1]
    kinds = set(re.findall(rb"/Type /(\w+)", data))
    assert kinds == {b"XObject", b"Page", b"Pages", b"Catalog"}
    for word in (b"/Info", b"/Producer", b"/CreationDate", b"/ID", b"/Metadata", b"Pillow", b"/Font", b"/Names"):
        assert word not in data
    assert pypdfium2.PdfDocument(data).get_metadata_dict(skip_empty=True) == {}


def test_page_sizes_are_no_metadata() -> None:
    """Where dots per inch are not kept, a PDF's pages keep their size all the same, and a TIFF's lose theirs."""
    pages = [Frame(frame(40, 30, 3).pixels, 0, (300.0, 300.0))] * 2
    output = Output(keep=Keep(dpi=False))
    assert pages_of(bound(pages, output)[1])[1][0] == pytest.approx((7.2, 9.6))
    resolution = b"\x1a\x01\x05\x00"  # tag 282 of type RATIONAL
    assert resolution not in bound(pages, output, container="TIFF")[1]
    assert resolution in bound(pages, Output(), container="TIFF")[1]


@pytest.mark.parametrize(
    ("wanted", "one", "many"), [("same", "PDF", "PDF"), ("tiff", "TIFF", "TIFF"), ("jpeg", "JPEG", "PDF")]
)
def test_a_document_of_one_page_may_become_a_photo(wanted: str, one: str, many: str) -> None:
    """Several pages stay a document."""
    output = Output.model_validate({"format": wanted})
    assert bound([frame(20, 20, 3)], output)[0] == one
    assert bound([frame(20, 20, 3)] * 3, output)[0] == many


def test_qpdf_finds_no_fault(astronaut: Pixels, drawn: Pixels, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A strict reader accepts the file's structure."""
    file = tmp_path_factory.mktemp("pdf") / "a.pdf"
    file.write_bytes(bound([Frame(astronaut), Frame(drawn), Frame(drawn // 255 * 255)], Output())[1])
    if not shutil.which("qpdf"):
        pytest.skip("qpdf is not installed")
    checked = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@given(height=st.integers(1, 60), width=st.integers(1, 60), channels=st.sampled_from([1, 3, 4]), bits=st.booleans())
@settings(max_examples=40)
def test_every_frame_makes_a_page(height: int, width: int, channels: int, bits: bool) -> None:
    """Any frame becomes a page that opens, black and white ones exactly."""
    pixels = frame(height, width, channels, height * width).pixels
    if bits:
        pixels = np.where(pixels > 127, 255, 0).astype(np.uint8)
    data = encode(Picture("PDF", (Frame(pixels),)), "PDF", 90)
    ((size, shown),) = pages_of(data)
    assert size == pytest.approx((width, height))
    if is_black_and_white(pixels):
        np.testing.assert_array_equal(shown.reshape(height, width, -1)[..., 0], pixels)


@pytest.mark.parametrize("container", ["PDF", "TIFF"])
def test_a_document_without_end_is_refused(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that was broken into may send noise for ever: the result's size is bounded, and told as not encoded."""
    monkeypatch.setattr(binding, "_LARGEST", 100_000)
    with pytest.raises(FileRefused) as refused:
        bound([frame(100, 100, 3, number) for number in range(50)], Output(), container=container)
    assert refused.value.reason is NOT_ENCODED
