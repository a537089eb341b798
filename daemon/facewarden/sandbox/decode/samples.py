"""One small picture per format, made in memory, to warm every decoder before the worker is locked."""

from __future__ import annotations

import base64
import contextlib
import io
import logging
from collections.abc import Callable, Iterator
from typing import Any

from PIL import Image, ImageCms

from facewarden.errors import FileRefused

_SIDE = 16
_HEIC = base64.b85decode(
    r"""0000SW^{RQXk}?*00000ZE0pPXk}?*ZE0a<0004KZDn*}000000000XXk=`10000000000aA{+700000000000000000000B57=IV*mgE07O6l0RRC20000
1i~s=u00000001HY001LtX>Mi!000000RR916=`l}WdZ;I000310BCk&F#rGn01j|zbZr0t000010002!X>f9I0002VX>en20001WXm(>m0RwOV0058x00000
9`FGC{rLC*01pFT0096PKmiN^|NjGU00093kN^M!000939=ZZRVE_RDDMA4O18@KU0|1Z!00RI30{|YNAb|yz>aLpR;31&EfB*mtfB*mk0EA)y0RRR>0l{;@i
2wiq6lrsCWdHyG00000KmY&$KmY&$C}V74Z~y=R5C8xG0RR915C8xG0ssI1&;S4c0{{R2&;S4c0ssI25O8UDX#fBK00RgJ2mk;87in;9VE_OC000000RRC6fdT
}B0000gZDe6|0000UC;_ho5)w?{_ykU4{^?Xz0U)gCv~;1!mk^V?YQO""".replace("\n", "")
)
"""16 × 16 black pixels, written by libheif: Pillow writes none itself."""
_PDF = b"""%PDF-1.4
1 0 obj <</Type/Catalog/Pages 2 0 R>> endobj
2 0 obj <</Type/Pages/Kids[3 0 R]/Count 1>> endobj
3 0 obj <</Type/Page/Parent 2 0 R/MediaBox[0 0 16 16]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>>> endobj
4 0 obj <</Length 58>> stream
q 8 0 0 8 0 0 cm /I Do Q BT /F 8 Tf 0 8 Td (Ag) Tj ET     \nendstream endobj
5 0 obj <</Type/Font/Subtype/Type1/BaseFont/Helvetica>> endobj
6 0 obj <</Type/XObject/Subtype/Image/Width 1/Height 1/ColorSpace/DeviceRGB/BitsPerComponent 8/Length 3>> stream
RGB\nendstream endobj
trailer <</Root 1 0 R/Size 7>>
startxref
0
%%EOF
"""
"""A page with a word and a picture. PDFium mends the missing table, which it must be able to do."""
_MODES = {"MSP": "1", "XBM": "1", "SPIDER": "F"}
_WRITABLE = (
    *("JPEG", "PNG", "TIFF", "GIF", "WEBP", "BMP", "JPEG2000", "AVIF", "PPM", "QOI", "DDS", "ICO", "SGI", "PCX", "MSP"),
    *("XBM", "DIB", "SPIDER", "TGA"),
)
_TIFF_KINDS: tuple[dict[str, Any], ...] = (
    *({"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
    {"compression": "group4", "mode": "1"},
    {"mode": "I;16"},
    {"mode": "LAB"},
)


def preload(decode: Callable[[bytes], object]) -> None:
    """Pass each sample, and then garbage, through `decode`."""
    # Pillow logs tag values, which are the file's, for debugging.
    logging.getLogger("PIL").setLevel(logging.CRITICAL)
    for data in samples():
        decode(data)
    for garbage in (b"\x00" * 64, b"\x89PNG\r\n\x1a\n" + b"\x00" * 64):
        with contextlib.suppress(FileRefused):  # it is; so is the way to say so warm too
            decode(garbage)


def samples() -> Iterator[bytes]:
    """A file of every format that Pillow can also write, and of the kinds that take a way of their own."""
    for name in _WRITABLE:
        yield _file(name, mode=_MODES.get(name, "RGB"))
    for kind in _TIFF_KINDS:
        yield _file("TIFF", **kind)
    yield _file("PNG", mode="P", transparency=0)
    yield _file("GIF", save_all=True, append_images=[Image.new("RGB", (_SIDE, _SIDE), "red")])
    yield _file("JPEG", mode="CMYK", progressive=True)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x0112] = 6
    yield _file("JPEG", icc_profile=profile, exif=exif)
    yield from (_HEIC, _PDF)


def _file(name: str, mode: str = "RGB", **options: Any) -> bytes:
    target = io.BytesIO()
    Image.new(mode, (_SIDE, _SIDE)).save(target, name, **options)
    return target.getvalue()
