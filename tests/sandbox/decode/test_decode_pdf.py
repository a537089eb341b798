"""PDF in: each page as it is seen, at the resolution it was scanned at, one page at a time; else a reason of its own."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.documents import FONT, WORD, encrypted, one_page, pdf, scanned, stream
from tests.locked import outcome
from tests.mutations import mutated

from facewarden.errors import (
    DOCUMENT_DAMAGED,
    DOCUMENT_LOCKED,
    DOCUMENT_TOO_LONG,
    NOT_A_PICTURE,
    SIDE_TOO_LONG,
    TOO_MANY_PIXELS,
    TRUNCATED,
    FileRefused,
    Reason,
)
from facewarden.sandbox.decode import decode, opened
from facewarden.values import Limits, Pixels

LIMITS = Limits()


def refusal(data: bytes, limits: Limits = LIMITS) -> Reason:
    with pytest.raises(FileRefused) as caught:
        decode(data, limits)
    return caught.value.reason


def test_a_scan_comes_out_at_its_own_resolution(astronaut: Pixels) -> None:
    """As many pixels as the scanner made, the same ones, and dots per inch that give the page its size."""
    photo = Image.fromarray(astronaut[:400, :300])
    for dpi in (100, 200, 413):
        picture = decode(scanned(photo, dpi=dpi, quality=95), LIMITS)
        (frame,) = picture.frames
        assert picture.format == "PDF"
        assert frame.pixels.shape == (400, 300, 3)
        assert frame.dpi == pytest.approx((dpi, dpi), rel=1e-4)
        assert np.abs(frame.pixels.astype(int) - np.asarray(photo)).mean() < 3


def test_a_faxed_page_stays_black_and_white(astronaut: Pixels) -> None:
    """One bit a pixel gives a grey frame of nothing but black and white, pixel by pixel the one that was scanned."""
    bits = Image.fromarray(astronaut[..., 0]).convert("1")
    (frame,) = decode(scanned(bits), LIMITS).frames
    np.testing.assert_array_equal(frame.pixels, np.asarray(bits) * np.uint8(255))


def test_text_becomes_pixels(astronaut: Pixels) -> None:
    """A page that nothing was scanned for is drawn at 300 dots per inch, grey where it has no colour."""
    (frame,) = decode(one_page(WORD, FONT), LIMITS).frames
    assert frame.pixels.shape == (833, 1250)
    assert (frame.pixels[300:600, :700] < 50).mean() > 0.05
    assert (frame.pixels[:, 900:] == 255).all()
    (coloured,) = decode(one_page(b"1 0 0 rg " + WORD, FONT), LIMITS).frames
    assert coloured.pixels.ndim == 3
    small = scanned(Image.fromarray(astronaut), dpi=400)
    assert decode(small, LIMITS).frames[0].pixels.shape[:2] == (512, 512)


def test_a_small_picture_on_a_page_does_not_set_its_resolution() -> None:
    """A logo of few dots must not make the text around it unreadable."""
    logo = stream(bytes(3), b"/Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceRGB/BitsPerComponent 8")
    data = one_page(b"q 50 0 0 50 0 0 cm /I Do Q", b"/Resources<</XObject<</I 5 0 R>>>>", logo)
    assert decode(data, LIMITS).frames[0].pixels.shape[:2] == (833, 1250)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_page_stands_upright(turn: int) -> None:
    """The page's own rotation counts, as in every reader."""
    data = one_page(b"0 g 0 150 300 50 re f", b"/Rotate %d" % turn)
    (frame,) = decode(data, LIMITS).frames
    dark = np.rot90(frame.pixels, turn // 90) < 128
    assert dark.shape == (833, 1250)
    assert dark[:200].all()
    assert not dark[220:].any()


def test_what_lies_outside_the_page_stays_outside() -> None:
    """Only the crop box is shown, and it is the page's size."""
    (frame,) = decode(one_page(b"0 g 0 0 100 200 re f", b"/CropBox[100 50 250 150]"), LIMITS).frames
    assert frame.pixels.shape == (417, 625)
    assert (frame.pixels == 255).all()


def test_stamps_and_filled_in_forms_are_seen() -> None:
    """What a reader shows is what is searched and delivered: annotations and fields too."""
    look = stream(b"0 g 0 0 60 40 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 60 40]")
    stamp = b"<</Type/Annot/Subtype/Stamp/Rect[20 20 80 60]/AP<</N 5 0 R>>/F 4>>"
    (frame,) = decode(one_page(b"", b"/Annots[6 0 R]", look, stamp), LIMITS).frames
    assert (frame.pixels[600:740, 100:320] == 0).all()
    field = b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(x)/Rect[20 20 80 60]/AP<</N 5 0 R>>/F 4>>"
    data = one_page(b"", b"/Annots[6 0 R]", look, field)
    data = data.replace(b"/Pages 2 0 R>>", b"/Pages 2 0 R/AcroForm<</Fields[6 0 R]>>>>", 1)
    assert (decode(data, LIMITS).frames[0].pixels[610:730, 110:300] < 100).mean() > 0.9


def test_pages_are_decoded_when_they_are_due(astronaut: Pixels) -> None:
    """The first page is there before the second is looked at, and a limit that a later page breaks refuses all."""
    data = scanned(*[Image.fromarray(astronaut)] * 3)
    head, frames = opened(data, Limits(document_pixels=2 * 512 * 512))
    pages = iter(frames)
    assert head.frames == ()
    assert next(pages).pixels.shape == next(pages).pixels.shape == (512, 512, 3)
    with pytest.raises(FileRefused) as refused:
        next(pages)
    assert refused.value.reason is TOO_MANY_PIXELS


def test_pages_are_as_fine_as_the_limits_allow(astronaut: Pixels) -> None:
    """A page too fine or too large is drawn coarser, never refused: it keeps its size in points."""
    photo = scanned(Image.fromarray(astronaut), dpi=300)
    for limits, most in ((Limits(pixels=100_000), 316), (Limits(side=99), 99)):
        (frame,) = decode(photo, limits).frames
        assert frame.pixels.shape == (most, most, 3)
        assert frame.dpi == pytest.approx((most / (512 / 300),) * 2, rel=1e-3)
    (frame,) = decode(one_page(WORD, FONT, box=b"0 0 14400 14400"), LIMITS).frames
    assert LIMITS.pixels * 0.99 < frame.pixels.size <= LIMITS.pixels


def test_a_scan_that_cannot_be_decoded_is_not_delivered_white(astronaut: Pixels) -> None:
    """PDFium would leave the page white and say nothing, or a small picture out."""
    data = scanned(Image.fromarray(astronaut), dpi=72)
    broken = data.replace(b"\xff\xd8\xff", b"\0\0\0", 1)
    assert refusal(broken) is DOCUMENT_DAMAGED
    logo = stream(
        b"nothing",
        b"/Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/DCTDecode",
    )
    page = one_page(b"q 20 0 0 20 0 0 cm /I Do Q", b"/Resources<</XObject<</I 5 0 R>>>>", logo)
    assert refusal(page) is DOCUMENT_DAMAGED


def test_pictures_of_every_kind_are_no_damage(astronaut: Pixels) -> None:
    """Masks, palettes, CMYK, 16 bits, Lab and JPEG 2000 are decoded, and none is taken for a broken one."""
    colours = io.BytesIO()
    Image.fromarray(astronaut).save(colours, "JPEG2000")
    kinds = {
        b"/Width 16/Height 16/ImageMask true/BitsPerComponent 1": b"\x55" * 32,
        b"/Width 16/Height 16/ColorSpace[/Indexed/DeviceRGB 1 (ABCDEF)]/BitsPerComponent 1": b"\x55" * 32,
        b"/Width 16/Height 16/ColorSpace/DeviceCMYK/BitsPerComponent 8": b"\x55" * 1024,
        b"/Width 16/Height 16/ColorSpace/DeviceGray/BitsPerComponent 16": b"\x55" * 512,
        b"/Width 4/Height 4/ColorSpace[/Lab<</WhitePoint[.95 1 1.08]>>]/BitsPerComponent 8": b"\x55" * 48,
        b"/Width 512/Height 512/Filter/JPXDecode": colours.getvalue(),
    }
    for entries, content in kinds.items():
        picture = stream(content, b"/Type/XObject/Subtype/Image" + entries)
        data = one_page(b"q 300 0 0 200 0 0 cm /I Do Q", b"/Resources<</XObject<</I 5 0 R>>>>", picture)
        assert (decode(data, LIMITS).frames[0].pixels < 255).any(), entries


def test_a_page_finer_than_any_scanner_is_drawn_coarser(astronaut: Pixels) -> None:
    """A photo on a page of one point, and one on a page of kilometres, give dots per inch that a reply can tell."""
    photo = Image.fromarray(astronaut)
    for dpi in (30_000, 36_864):
        (frame,) = decode(scanned(photo, dpi=dpi), LIMITS).frames
        assert frame.dpi is not None
        assert max(frame.dpi) <= 10_000
    assert refusal(one_page(WORD, FONT, box=b"0 0 9999999 9999999")) is SIDE_TOO_LONG
    (frame,) = decode(one_page(WORD, FONT, box=b"0 0 500000 3"), LIMITS).frames
    assert frame.dpi is not None
    assert min(frame.dpi) >= 1


def test_a_photo_that_speaks_of_a_pdf_is_a_photo(astronaut: Pixels) -> None:
    """What a file begins with counts, not what else its first words hold."""
    target = io.BytesIO()
    Image.fromarray(astronaut).save(target, "JPEG", comment=b"made from %PDF-1.7")
    assert decode(target.getvalue(), LIMITS).format == "JPEG"
    junk = b"\xef\xbb\xbf\r\n" + one_page(WORD, FONT)
    assert decode(junk, LIMITS).format == "PDF"


def test_each_fault_of_a_document_has_its_reason(astronaut: Pixels) -> None:
    """Encrypted, damaged, too long and cut documents are told apart."""
    data = scanned(*[Image.fromarray(astronaut).resize((60, 60))] * 4)
    assert refusal(data, Limits(frames=3)) is DOCUMENT_TOO_LONG
    assert len(decode(data, Limits(frames=4)).frames) == 4
    for part in (0.2, 0.5, 0.9):
        assert refusal(data[: int(len(data) * part)]) is TRUNCATED
    assert refusal(b"%PDF-1.7\nnothing\n%%EOF") is DOCUMENT_DAMAGED
    assert refusal(pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>")) is DOCUMENT_DAMAGED
    nowhere = pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[9 0 R]/Count 1>>")
    assert refusal(nowhere) is DOCUMENT_DAMAGED
    assert refusal(encrypted()) is DOCUMENT_LOCKED
    assert refusal(b"Dear all, %PDF- is how they begin.") in (TRUNCATED, NOT_A_PICTURE)


def test_scripts_attachments_and_actions_do_nothing() -> None:
    """A page with all of them is drawn, and nothing of them is run or kept."""
    script = b"<</S/JavaScript/JS(app.alert\\(1\\); while\\(1\\){})>>"
    file = stream(b"SECRET ATTACHMENT", b"/Type/EmbeddedFile")
    data = one_page(WORD, FONT + b"/AA<</O 5 0 R>>", script, file)
    catalog = b"/OpenAction 5 0 R/Names<</JavaScript<</Names[(a)5 0 R]>>/EmbeddedFiles<</Names[(a)<</Type/Filespec/F(a)/EF<</F 6 0 R>>>>]>>>>>>"
    data = data.replace(b"/Pages 2 0 R>>", b"/Pages 2 0 R" + catalog, 1)
    picture = decode(data, LIMITS)
    assert picture.frames[0].pixels.shape == (833, 1250)
    assert (picture.loop, picture.captured, picture.dpi) == (None, None, None)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=150)
def test_any_damage_gives_pages_or_a_refusal(seed: int) -> None:
    """Whatever is done to a document, nothing but FileRefused comes out."""
    whole = [one_page(WORD, FONT), scanned(Image.radial_gradient("L").resize((48, 40)), dpi=72)]
    chance = random.Random(seed)
    try:
        picture = decode(mutated(chance.choice(whole), whole[0], chance), Limits(pixels=1_000_000, frames=20))
    except FileRefused as refused:
        assert refused.reason.number in (*range(10, 19), 34, 35, 36)  # noqa: PT017 - both outcomes are right
    else:
        assert all(frame.pixels.size for frame in picture.frames)


LOCKED = """
    from facewarden.sandbox import lockdown
    protection = lockdown.before_imports()
    from facewarden.sandbox import decode
    from facewarden.values import Limits
    decode.preload()
    data = DATA
    lockdown.before_photos(256 << 20, protection)
    lockdown.verify(protection)
    for one in data:
        print([frame.pixels.shape for frame in decode.opened(one, Limits())[1]], flush=True)
    import os
    os._exit(0)
"""


def test_a_locked_worker_reads_it() -> None:
    """Text without its font, a foreign script, pictures and forms: none needs a file that the lock refuses."""
    foreign = FONT.replace(b"Helvetica", b"SomeFontThatIsNotEmbedded")
    documents = [one_page(WORD, foreign), scanned(Image.new("RGB", (40, 30)), dpi=72), one_page(WORD, FONT)]
    shapes = "[(833, 1250)]\n[(30, 40)]\n[(833, 1250)]"
    assert outcome(LOCKED.replace("DATA", repr(documents))) == (0, shapes)
