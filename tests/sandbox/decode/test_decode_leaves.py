"""Each page of a PDF is whole, or the document is refused with the page's number; ordinary documents pass."""

from __future__ import annotations

import io
import random
import zlib
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from PIL import Image
from tests.damage import photo
from tests.documents import FONT, WORD, one_page, pdf, scanned, stream
from tests.locked import outcome

from facewarden.config import Profile
from facewarden.errors import DOCUMENT_DAMAGED, FileRefused
from facewarden.pool import Pool
from facewarden.sandbox.decode import decode
from facewarden.treat import named_files
from facewarden.values import Limits, Recipe

LIMITS = Limits()
IMAGE = b"/Type/XObject/Subtype/Image/Width 460/Height 420/ColorSpace/DeviceRGB/BitsPerComponent 8"
SHOWN = b"q 200 0 0 200 0 0 cm /I Do Q"


def jpeg() -> bytes:
    target = io.BytesIO()
    photo().save(target, "JPEG", quality=90)
    return target.getvalue()


def fax(side: int = 420) -> bytes:
    """A page of one strip in CCITT group 4, taken out of the TIFF that libtiff wrote."""
    target = io.BytesIO()
    photo("1", side).save(target, "TIFF", compression="group4")
    with Image.open(target) as image:
        ((start,), (length,)) = image.tag_v2[273], image.tag_v2[279]  # type: ignore[attr-defined]
    return target.getvalue()[start : start + length]


def document(
    picture: bytes, drawing: bytes = SHOWN, resources: bytes = b"<</XObject<</I 8 0 R>>>>", *more: bytes
) -> bytes:
    """Three pages, of which the second draws this picture."""
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents %d 0 R/Resources%s>>"
    plain = b"<<>>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R 4 0 R 5 0 R]/Count 3>>",
        page % (6, plain),
        page % (7, resources),
        page % (6, plain),
        stream(b"0 0 50 50 re f"),
        stream(drawing),
        picture,
        *more,
    )


def deflated(data: bytes, entries: bytes = b"") -> bytes:
    return stream(zlib.compress(data), entries + b"/Filter/FlateDecode")


def flipped(data: bytes) -> bytes:
    """One bit of the middle is another one."""
    at = len(data) // 2
    return data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


def holed(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes(4096) + data[len(data) // 2 + 4096 :]


MASK = b"/Type/XObject/Subtype/Image/Width 9/Height 9/ColorSpace/DeviceGray/BitsPerComponent 8"
DCT = IMAGE + b"/Filter/DCTDecode"
FLATE = IMAGE + b"/Filter/FlateDecode"
CCITT = (
    b"/Type/XObject/Subtype/Image/Width 460/Height 420/ColorSpace/DeviceGray/BitsPerComponent 1/Filter/CCITTFaxDecode"
)
PARAMETERS = b"/DecodeParms<</K -1/Columns 460/Rows 420>>"
WHOLE = {
    "JPEG": lambda: document(stream(jpeg(), DCT)),
    "JPEG in letters": lambda: document(
        stream(jpeg().hex().encode() + b">", IMAGE + b"/Filter[/ASCIIHexDecode/DCTDecode]")
    ),
    "JPEG, deflated": lambda: document(stream(zlib.compress(jpeg()), IMAGE + b"/Filter[/FlateDecode/DCTDecode]")),
    "deflated": lambda: document(stream(zlib.compress(photo().tobytes()), FLATE)),
    "rows as they are": lambda: document(stream(photo().tobytes(), IMAGE)),
    "fax": lambda: document(stream(fax(), CCITT + PARAMETERS)),
    "drawn": lambda: document(b"null", b"q 1 0 0 1 9 9 cm 0 0 9 9 re W n Q"),
    "a word between BX and EX": lambda: document(b"null", b"BX later EX"),
    "an image in the drawing": lambda: document(b"null", b"q BI /W 4 /H 4 /BPC 8 /CS /G ID 0123456789abcdef EI Q"),
    "a form with the page's resources": lambda: document(
        stream(b"/I gs", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]"),
        b"/I Do",
        b"<</XObject<</I 8 0 R>>/ExtGState<</I<<>>>>>>",
    ),
}
DAMAGED = {
    "a JPEG cut in half": lambda: document(stream(jpeg()[: len(jpeg()) // 2], DCT)),
    "a JPEG with a hole": lambda: document(stream(holed(jpeg()), DCT)),
    "a deflated JPEG with a hole": lambda: document(
        stream(holed(zlib.compress(jpeg())), IMAGE + b"/Filter[/FlateDecode/DCTDecode]")
    ),
    "a JPEG of nothing": lambda: document(stream(b"nothing", DCT)),
    "deflated, a bit flipped": lambda: document(stream(flipped(zlib.compress(photo().tobytes())), FLATE)),
    "deflated, cut in half": lambda: document(stream(zlib.compress(photo().tobytes())[:90_000], FLATE)),
    "deflated, too few rows": lambda: document(stream(zlib.compress(photo().tobytes()[:90_000]), FLATE)),
    "too few rows": lambda: document(stream(photo().tobytes()[:90_000], IMAGE)),
    "a fax with a hole": lambda: document(stream(holed(fax()), CCITT + PARAMETERS)),
    "no picture": lambda: document(b"null"),
    "no name for it": lambda: document(stream(jpeg(), DCT), SHOWN, b"<<>>"),
    "garbage in the drawing": lambda: document(stream(jpeg(), DCT), b"q BT garbage ((( <<< >>> "),
    "a drawing that ends in a word": lambda: document(b"null", b"BT (Words and more wor"),
    "a drawing of noise": lambda: document(b"null", random.Random(5).randbytes(400)),
    "no font": lambda: document(b"null", b"BT /F 9 Tf (Word) Tj ET"),
    "a form of garbage": lambda: document(
        stream(b"garbage here", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]"), b"/I Do"
    ),
    "a mask that is damaged": lambda: document(
        stream(jpeg(), DCT + b"/SMask 9 0 R"), SHOWN, b"<</XObject<</I 8 0 R>>>>", stream(b"too short", MASK)
    ),
}


def refused_page(data: bytes) -> int:
    with pytest.raises(FileRefused) as caught:
        decode(data, LIMITS)
    assert caught.value.reason is DOCUMENT_DAMAGED
    return caught.value.page


@pytest.mark.parametrize("kind", WHOLE)
def test_pages_that_are_whole_pass(kind: str) -> None:
    """Each way to put something on a page."""
    assert len(decode(WHOLE[kind](), LIMITS).frames) == 3


@pytest.mark.parametrize("kind", DAMAGED)
def test_the_damaged_page_is_named(kind: str) -> None:
    """The second of three: PDFium would draw it white, half or shifted."""
    assert refused_page(DAMAGED[kind]()) == 2


@pytest.mark.parametrize("name", ["p_trunc_image.pdf", "p_badcontent.pdf"])
def test_documents_that_were_delivered_once(trials: Path, name: str) -> None:
    """The second page of each is damaged."""
    assert refused_page((trials / name).read_bytes()) == 2


def matplotlib() -> bytes:
    pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    figure, axes = pyplot.subplots(2, 2)
    axes[0, 0].imshow([[1, 2], [3, 4]])
    axes[0, 1].plot(range(999))
    axes[1, 0].hist([1, 2, 2, 3], hatch="/", alpha=0.4)
    axes[1, 1].tripcolor([0, 1, 0, 1], [0, 0, 1, 1], [1, 2, 3, 4], shading="gouraud")
    target = io.BytesIO()
    figure.savefig(target, format="pdf")
    pyplot.close(figure)
    return target.getvalue()


ORDINARY: dict[str, Callable[[], bytes]] = {
    **{mode: lambda mode=mode: scanned(photo(mode), dpi=150) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")},  # type: ignore[misc]
    "two scans": lambda: scanned(photo(), photo("L"), dpi=150),
    "words": lambda: one_page(WORD, FONT),
    "an empty page": lambda: one_page(b""),
    "a drawing in parts": lambda: document(stream(b"Q 9 9 9 9 re f")).replace(b"/Contents 6 0 R", b"/Contents [6 0 R]"),
    "a diagram": matplotlib,
}


@pytest.mark.parametrize("kind", ORDINARY)
def test_ordinary_documents_pass(kind: str) -> None:
    """Scanners, word processors and programs that draw."""
    assert decode(ORDINARY[kind](), LIMITS).frames


def test_a_blank_page_is_whole() -> None:
    """One without contents, and one whose deflated contents have no bytes, as some writers have it."""
    made = pikepdf.new()
    for _ in range(2):
        made.add_blank_page(page_size=(200, 200))
    made.pages[1].Contents = made.make_stream(b"")
    target = io.BytesIO()
    made.save(target)
    assert b"/FlateDecode" in target.getvalue()
    assert len(decode(target.getvalue(), LIMITS).frames) == 2


def test_a_locked_worker_goes_through_them_too() -> None:
    """Qpdf asks for no file, thread or program, whatever it meets."""
    code = f"""
    sys.path.insert(0, {str(Path(__file__).resolve().parents[3])!r})
    from tests.sandbox.decode.test_decode_leaves import DAMAGED, WHOLE
    made = [make() for make in (*WHOLE.values(), *DAMAGED.values())]
    from facewarden.errors import FileRefused
    from facewarden.sandbox import decode, lockdown
    from facewarden.values import Limits
    protection = lockdown.before_imports()
    decode.preload()
    lockdown.before_photos(512 << 20, protection)
    lockdown.verify(protection)
    pages = []
    for data in made:
        try:
            pages.append(len(decode.decode(data, Limits()).frames))
        except FileRefused as refused:
            pages.append(-refused.page)
    print(pages)
    """
    assert outcome(code) == (0, str([3] * len(WHOLE) + [-2] * len(DAMAGED)))


def test_redact_tells_the_page(pool: Pool, tmp_path: Path) -> None:
    """The number comes through the pipe, beside the reason."""
    file = tmp_path / "document.pdf"
    file.write_bytes(DAMAGED["a JPEG cut in half"]())
    (tmp_path / "out").mkdir()
    (done,) = named_files.redact(
        [named_files.Source(file, b"document.pdf")], tmp_path / "out", Profile(), Recipe({}), pool
    )
    assert (done.reason, done.page) == (DOCUMENT_DAMAGED, 2)
