"""Write docs/formats.md: what is read, and what becomes of it, each row from a run of decoder and encoder.

python -m tests.formats > docs/formats.md
"""

from __future__ import annotations

import dataclasses
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pillow_heif
import pypdfium2
from PIL import Image, ImageSequence
from tests import damage
from tests.documents import FONT, WORD, encrypted, one_page, scanned
from tests.tiffs import one_strip

from facewarden.config.profile import Output
from facewarden.delivery.binding import Binding
from facewarden.errors import FileRefused
from facewarden.replies import Reply
from facewarden.sandbox.decode import decode
from facewarden.values import Frame, Limits

SIZE = (60, 40)
Make = Callable[[list[Image.Image]], bytes]


@dataclasses.dataclass(frozen=True)
class Row:
    """A format: how to make files of it, in which of Pillow's modes, and what a person should know."""

    name: str
    make: Make
    modes: Sequence[str]
    several: bool = False
    note: str = ""


def pillow(container: str, *, one: bool = False, **options: Any) -> Make:
    """Files by Pillow's own writers."""

    def make(images: list[Image.Image]) -> bytes:
        target = io.BytesIO()
        more = {} if len(images) == 1 or one else {"save_all": True, "append_images": images[1:]}
        images[0].save(target, container, **options, **more)
        return target.getvalue()

    return make


def heic(images: list[Image.Image]) -> bytes:
    file = pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    target = io.BytesIO()
    file.save(target)
    return target.getvalue()


def pdf(images: list[Image.Image]) -> bytes:
    return scanned(*images, dpi=72)


DEEP = ("I;16",)
ROWS = (
    Row("JPEG", pillow("JPEG"), ("L", "RGB", "CMYK"), note="an MPO's or motion photo's main picture"),
    Row("HEIC, HEIF", heic, ("L", "RGB", "RGBA"), several=True, note="the main picture; turned as the container says"),
    Row("AVIF", pillow("AVIF"), ("RGB", "RGBA"), several=True),
    Row("PNG, APNG", pillow("PNG"), ("1", "L", "LA", "P", "RGB", "RGBA", *DEEP), several=True),
    Row("WebP", pillow("WEBP"), ("RGB", "RGBA"), several=True),
    Row("GIF", pillow("GIF"), ("L", "P", "RGB"), several=True),
    Row(
        "TIFF",
        pillow("TIFF"),
        ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", *DEEP, "F"),
        several=True,
        note="strips, tiles, planes, BigTIFF; LZW, deflate, PackBits, Zstandard, LZMA, JPEG, WebP, JPEG 2000, PNG; "
        "black and white stays one bit; 8, 16, 32 bits with a sign or without and floats of 32 and 64 bits of grey, "
        "Lab in 16 bits, grey and alpha in 16",
    ),
    Row("TIFF, CCITT group 4 (fax)", pillow("TIFF", compression="group4"), ("1",), several=True, note="group 3 too"),
    Row(
        "TIFF with JPEG inside",
        pillow("TIFF", compression="jpeg"),
        ("L", "RGB", "CMYK"),
        several=True,
        note="stays JPEG inside",
    ),
    Row(
        "PDF",
        pdf,
        ("1", "L", "RGB", "CMYK"),
        several=True,
        note="pages drawn at the resolution of their scan, else 300 dpi",
    ),
    Row("JPEG 2000", pillow("JPEG2000"), ("L", "LA", "RGB", "RGBA"), note="without loss"),
    Row("BMP", pillow("BMP"), ("1", "L", "P", "RGB")),
    Row("PBM, PGM, PPM", pillow("PPM"), ("1", "L", "RGB", "I")),
    Row("TGA", pillow("TGA"), ("L", "LA", "P", "RGB", "RGBA")),
    Row("ICO", pillow("ICO"), ("RGB", "RGBA"), note="the largest picture"),
    Row("PCX", pillow("PCX"), ("1", "L", "P", "RGB")),
    Row("SGI", pillow("SGI"), ("L", "RGB", "RGBA")),
    Row("DDS", pillow("DDS"), ("L", "RGB", "RGBA")),
    Row("QOI", pillow("QOI"), ("RGB", "RGBA")),
)


def picture(mode: str, number: int = 0) -> Image.Image:
    """A gradient in this mode, which neither compresses to nothing nor is alike for two numbers."""
    colours = Image.merge(
        "RGB", [Image.radial_gradient("L").resize(SIZE).rotate(turn + number) for turn in (0, 40, 80)]
    )
    if mode.startswith("I;16") or mode in ("F", "I"):
        return (
            colours.convert("I").point(lambda level: level * 257) if mode == "I" else colours.convert("L").convert(mode)
        )
    made = colours.convert(mode)
    if mode in ("LA", "RGBA"):
        made.putalpha(Image.linear_gradient("L").resize(SIZE))
    return made


def run(row: Row) -> str:
    """One line of the table."""
    kinds: dict[str, list[str]] = {}
    delivered = ""
    for mode in row.modes:
        frames, delivered_as, data = through(row.make([picture(mode)]))
        shown = {2: "grey", 3: "colour", 4: "colour and alpha"}[
            frames[0].pixels.ndim + (frames[0].pixels.shape[2:] == (4,))
        ]
        assert len(reread(data)) == 1, row.name
        kinds.setdefault(shown, []).append(mode)
        delivered = delivered or delivered_as
        if delivered_as != delivered and delivered_as not in delivered:
            delivered += f", or {delivered_as}"
    colours = "; ".join(f"{', '.join(modes)} → {shown}" for shown, modes in kinds.items())
    return f"| {row.name} | {delivered} | {frames_of(row)} | {colours} | {refusal(half(row))} | {row.note} |"


def frames_of(row: Row) -> str:
    """How many of three frames come out."""
    if not row.several:
        return "one"
    mode = "RGB" if "RGB" in row.modes else row.modes[0]
    made = row.make([picture(mode, 30 * number) for number in range(3)])
    frames, _, data = through(made)
    assert len(reread(data)) == len(frames), row.name
    return {3: "all", 1: "the main one"}[len(frames)]


def half(row: Row) -> bytes:
    data = row.make([picture(row.modes[-1] if "RGB" not in row.modes else "RGB")])
    return data[: len(data) // 2]


def through(data: bytes) -> tuple[tuple[Frame, ...], str, bytes]:
    """Decoded frames, and container and bytes of the result without any face."""
    whole = decode(data, Limits())
    binding = Binding(Output())
    binding.begin(dataclasses.replace(whole, frames=()))
    kept = tuple(binding.take(frame, 0) for frame in whole.frames)
    sizes = tuple(frame.pixels.shape[1::-1] for frame in whole.frames)
    reply = Reply(dataclasses.replace(whole, frames=kept), sizes, ((),) * len(sizes), 0, {})
    container, result = binding.result(reply)
    return whole.frames, container, result


def reread(data: bytes) -> list[tuple[int, int]]:
    """The frames of a result as another reader sees them."""
    if data.startswith(b"%PDF"):
        with pypdfium2.PdfDocument(data) as document:
            return [(1, 1)] * len(document)
    with Image.open(io.BytesIO(data)) as image:
        return [frame.size for frame in ImageSequence.Iterator(image)]


def refusal(data: bytes, limits: Limits | None = None) -> str:
    """The reason for which a file is refused."""
    try:
        decode(data, limits or Limits())
    except FileRefused as refused:
        return f"{refused.reason.number} `{refused.reason.name}`"
    raise AssertionError("the file was not refused")


LIMITS = Limits()
SMALL = scanned(*[picture("L")] * 3, dpi=72)
BOUNDS: tuple[tuple[str, str, str, bytes, Limits], ...] = (
    ("size of a file", "megabytes", f"{LIMITS.bytes >> 20} MB", SMALL, Limits(bytes=100)),
    (
        "pixels of a frame",
        "megapixels",
        f"{LIMITS.pixels // 10**6} million",
        pillow("PNG")([picture("RGB")]),
        Limits(pixels=999),
    ),
    ("longest side", "side", f"{LIMITS.side} pixels", pillow("PNG")([picture("RGB")]), Limits(side=59)),
    (
        "frames of an animation or TIFF",
        "frames",
        f"{LIMITS.frames}",
        pillow("TIFF")([picture("L")] * 3),
        Limits(frames=2),
    ),
    ("pages of a PDF", "frames", f"{LIMITS.frames}", SMALL, Limits(frames=2)),
    (
        "pixels of an animation",
        "all_megapixels",
        f"{LIMITS.all_pixels // 10**6} million",
        pillow("GIF")([picture("L", n) for n in (0, 30, 60)]),
        Limits(all_pixels=4799),
    ),
    (
        "pixels of a document",
        "document_megapixels",
        f"{LIMITS.document_pixels // 10**6} million",
        SMALL,
        Limits(document_pixels=4799),
    ),
)
DEEP_JPEG = b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x08\0\x08\x01\x01\x11\0" + bytes(99)
FLOATS = bytes(9 * 9 * 3 * 4)
REFUSED: tuple[tuple[str, bytes], ...] = (
    ("PostScript, EPS (they are programs)", b"%!PS-Adobe-3.0 EPSF-3.0\n"),
    ("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ("WMF, EMF", b"\xd7\xcd\xc6\x9a" + bytes(40)),
    ("cameras' raw files (CR2, CR3, NEF, DNG, RAF, …)", b"FUJIFILMCCD-RAW " + bytes(40)),
    ("JPEG XL, JPEG XR", b"\xff\x0a" + bytes(40)),
    ("JPEG of 12 or 16 bits, of two channels, or on top of a smaller one", DEEP_JPEG),
    ("TIFF with JPEG XL, LERC, JBIG or 12-bit JPEG inside", one_strip(bytes(99), (9, 9), 50002)),
    (
        "TIFF of floats in colour, of CMYK with alpha, of grey and alpha in planes",
        one_strip(FLOATS, (9, 9), 1, _258=32, _339=3),
    ),
    ("TIFF with a page that is a mask, or with slices (`ImageDepth`)", one_strip(bytes(999), (9, 9), 1, 1, _32997=4)),
    ("films in HEIF's container", b"\0\0\0\x18ftyphevc\0\0\0\0hevcmsf1" + bytes(40)),
    ("BigTIFF with the high byte first", b"MM\0\x2b\0\x08\0\0" + bytes(40)),
    ("a PDF that opens with a password only", encrypted()),
    ("a PDF whose pages cannot be had", b"%PDF-1.7\nnothing\n%%EOF"),
    ("a PDF that was cut off", one_page(WORD, FONT)[:300]),
    ("anything that is no picture", b"Dear all,"),
)
PROSE = """# Formats: what is read, and what becomes of it

Made by `python -m tests.formats`, which runs each row through decoder and encoder; a test holds this page equal to what that
prints. What counts is a file's content, never its name. Delivered is what `output.format: same` gives.

| read | delivered as | frames | colours (Pillow's modes → what comes out) | cut in half | |
|---|---|---|---|---|---|
{rows}

A few more are read and delivered as PNG: PSD, ICNS, CUR, BLP, FITS, FLI, FTEX, GBR, IM, MCIDAS, MSP, PCD, PIXAR, SPIDER, Sun raster, XBM,
XPM, XV thumbnails; DCX gives a TIFF.

## Limits

| of | key in `limits` | default | over it |
|---|---|---|---|
{bounds}

A page of a PDF is never refused for its size: it is drawn coarser. Whatever the file, one worker takes at most
`limits.worker_megabytes` and `limits.seconds` for it.

## Damage

A whole picture or none: what a decoder warns of is damage (12 `damaged`, 13 `truncated`, 35 `document_damaged` with the page). Each line below was run.

| | {damages} |
|---|{rule}
{damaged}

A JPEG that lacks but the mark of its end (FF D9, or the last byte of it) is whole: each scan is there and libjpeg
missed no bit of the last one. With one byte less it is refused as truncated, and so is one in a PDF without that
mark, which PDFium draws a little differently.

An intact file that is not read here is not called damaged: 55 `coding_not_accepted` for compressions, depths and
channels, 56 `page_not_accepted` for pages that are no pictures. Both go by the numbers in its tags, so that in a TIFF
with a number that nobody registered it is damage.

What cannot be told:

- Rows that are stored as they are (BMP, raw TIFF, PPM, TGA, SGI, DDS, raw PDF pictures of full length). Zeros are black there, and other bytes are other
  colours. Before a file is taken the service asks the file system for holes and waits longer for one that ends in zeros; a file
  that is then still black below is delivered as a plausible photo of a dark scene.
- Something else in place of coded data of AVIF, JPEG 2000, QOI and Zstandard: these have no checksum, and any bytes decode.
- A few changed bytes in a JPEG or a fax that decode to as many rows as before: some blocks, or the colours from there on, are others.
- Anything in a JPEG in arithmetic codes, which no browser shows: any bytes decode.
- In JPEG up to 8 bytes too many at the end of the codes are taken for what cameras leave there.
- A hole in JPEG 2000, or in JPEG 2000 and JBIG2 inside PDF, of less than 4096 bytes; in AVIF and QOI of less than 64.
- Alpha that is stored as it is in WebP, and whatever is no pixel: metadata, thumbnails, second pictures.

## What a viewer does not show

It does not come out. HEIC's and AVIF's clean aperture and a PDF's crop box are cut; a clean aperture that cannot be
is refused as damaged (and a HEIC from which more than 64 pixels were cut each way, by a limit of libheif). Hidden
layers of a PDF are not drawn. Of an icon, MPO and layered PSD the main picture alone is looked at. GIF frames are cut
to the canvas of the first. A TIFF page that is the mask of another one is refused (56 `page_not_accepted`), for what
it hides would be seen; so are the slices of a volume, of which one alone is read. Smaller views of a TIFF's page (a
pyramid's levels, thumbnails: NewSubfileType 1, SubIFDs) are no pages, unless the file has nothing else.

## Refused

| what | reason |
|---|---|
{refused}

## Colour

An embedded profile is applied (perceptual intent, Little CMS), CMYK through its own, and the result is sRGB without a
profile. Alpha is kept, and the colour of what is fully transparent is not. 16 bits a channel become 8: grey is
rounded, of colour Pillow hands on the upper half, which is at most one level less. Signed 8 bits are -128 to 127 (0
to 127 where nothing is negative); grey of 32 bits and floats have no white of their own, see `decode/picture/depth.py`.
HEIC's 10 bits are scaled by libheif. A test compares with Little CMS and with ImageMagick where it is installed: less
than one level apart on average.
Not followed: HDR curves (PQ, HLG), gain maps, and HEIC's colours told by numbers alone (nclx) where they are not sRGB's.

## Animations

Each frame is searched, and what is found in one is hidden in the two before and after it too, so that no face flashes up where
a detector missed it once; and beyond them for as long as a part of what was found still shows, as where a person is built up row by
row or out of transparency. Times and repeats are kept. Frames that are alike are joined by the GIF and PNG writers, and shown as long
as before. What an APNG shows where animations are not known is dropped.

An animation is decoded three times: to see whether it is whole and how many channels it has, to search it, and to redact it; a fourth
time where what was found in one frame shows in the four before it too, was found in none of them, and may show in earlier ones. A
worker holds six frames or so at a time and a sample of each area that is on its way, however long the animation is. The service
holds all frames of the result, for Pillow's writers want them all.

## Documents

Pages are read, searched and written one at a time. A PDF's page keeps its size in points and becomes one picture: in one bit where
it is black and white, deflated where it is drawn, else JPEG. There is no text layer, link, form, attachment, script, outline or metadata. Annotations and
filled-in fields are part of the picture. One page on which a face is left after redaction (reason 30) sends the whole document to quarantine.
A TIFF's pages keep their own resolution and size, and JPEG inside where they had it.

## Quality

{quality}
"""
QUALITY = """JPEG results keep their original's subsampling and are written at `output.jpeg_quality` (90). Photos in which nothing was hidden
can be had at their original's quality (`output.untouched: match`) or with the decoded pixels as they are (`lossless`: PNG for JPEG and AVIF, lossless WebP,
deflated pages). What is lost outside hidden areas, against the decoded original (`python -m tests.bench.generation_loss`, 20
group photos, JPEG of several qualities):

| written as | PSNR, dB | SSIM |
|---|---|---|
| JPEG, the default | 48.6 | 0.9968 |
| JPEG, `match` | 54.6 | 0.9977 |
| JPEG, `lossless` (PNG) | nothing is lost | 1 |
| WebP, the default | 41.9 | 0.9844 |
| AVIF, the default | 44.7 | 0.9926 |
| a PDF's page, the default | 47.2 | 0.9948 |"""


def damaged(kind: str) -> str:
    """What becomes of one kind of file with each kind of damage."""
    whole = damage.KINDS[kind]()
    return f"| {kind} | {' | '.join(fate(harm(whole)) for harm in damage.DAMAGES.values())} |"


def fate(data: bytes) -> str:
    """The reason for which a damaged file is refused, if it is."""
    try:
        decode(data, Limits())
    except FileRefused as refused:
        return f"{refused.reason.number}{f', page {refused.page}' if refused.page else ''}"
    return "**delivered**"


def page() -> str:
    """The whole page."""
    bounds = [
        f"| {what} | `{key}` | {default} | {refusal(data, limits)} |" for what, key, default, data, limits in BOUNDS
    ]
    return PROSE.format(
        rows="\n".join(map(run, ROWS)),
        bounds="\n".join(bounds),
        damages=" | ".join(damage.DAMAGES),
        rule="---|" * len(damage.DAMAGES),
        damaged="\n".join(map(damaged, damage.KINDS)),
        refused="\n".join(f"| {what} | {refusal(data)} |" for what, data in REFUSED),
        quality=QUALITY,
    )


if __name__ == "__main__":
    sys.stdout.write(page())
