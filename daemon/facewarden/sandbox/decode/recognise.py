"""Know a file by its first bytes, and open it with the decoders that are allowed to see unknown data."""

from __future__ import annotations

import io

from PIL import AvifImagePlugin, Image, ImageFile, UnidentifiedImageError

from facewarden.errors import CODING_NOT_ACCEPTED, NOT_A_PICTURE, NOT_ACCEPTED, FileRefused
from facewarden.sandbox.decode import listening
from facewarden.sandbox.decode.picture import heif, jpeg, layouts, netpbm

# One thread each: a locked worker can start none, and the pool already has a process per core.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

ACCEPTED: tuple[str, ...] = (
    *(
        "JPEG",
        "PNG",
        "TIFF",
        "GIF",
        "WEBP",
        "BMP",
        "JPEG2000",
        "AVIF",
        heif.NAME,
        "PPM",
        "PSD",
        "QOI",
        "DDS",
        "ICO",
        "ICNS",
    ),
    *("SGI", "SUN", "FITS", "BLP", "FTEX", "GBR", "DCX", "PCX", "FLI", "MSP", "XPM", "XBM", "XVTHUMB", "PIXAR"),
    # No or nearly no signature: these are asked last, so that they cannot claim a better known file.
    *("MCIDAS", "CUR", "DIB", "PCD", "IM", "SPIDER", "TGA"),
)
"""Pillow's names of what may be decoded. Absent on purpose: EPS (runs Ghostscript), IPTC (opens whatever it finds
inside with every plugin), IMT (takes any words for a header), WMF, EMF, BUFR, GRIB, HDF5 and MPEG (stubs that hand the
file to others), and any plugin that a later Pillow or an installed package may bring."""

Image.init()
heif.register()
layouts.register()
listening.listen()
Image.register_decoder("ppm", netpbm.Decoder)
_DECODERS = tuple(name for name in ACCEPTED if name in Image.OPEN)
"""Those that this Pillow has: it drops old ones (IM will go) and may be built without others."""
_UNSIGNED = tuple(name for name in _DECODERS if Image.OPEN[name][1] is None)
"""Formats without a signature, which can only be tried: IM, PCD, SPIDER and TGA."""

_REFUSED_PREFIXES: tuple[bytes, ...] = (
    *(b"%!PS", b"\xc5\xd0\xd3\xc6"),  # PostScript and EPS
    *(b"\xd7\xcd\xc6\x9a", b"\x01\x00\x09\x00\x00\x03"),  # Windows metafiles
    *(b"BUFR", b"GRIB", b"\x89HDF\r\n\x1a\n", b"\x00\x00\x01\xb3", b"\x00\x00\x01\xba"),  # Pillow's stubs, MPEG
    b"MM\x00\x2b",  # BigTIFF with the high byte first: Pillow 13 takes it for a small one
    *(b"\xff\x0a", b"\x00\x00\x00\x0cJXL \r\n\x87\n", b"II\xbc\x01", b"FLIF"),  # JPEG XL, JPEG XR, FLIF
    *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"gimp xcf", b"AT&TFORM"),  # FlashPix and other OLE, GIMP, DjVu
    *(b"IIRO", b"IIRS", b"MMOR", b"IIU\x00", b"FUJIFILMCCD-RAW", b"FOVb", b"\x00MRM"),  # cameras' raw files
    *(b"II\x1a\x00\x00\x00HEAPCCDR", b"II*\x00\x10\x00\x00\x00CR"),
)
_REFUSED_BRANDS = (b"crx ",)
"""Brands of ISO media files: Canon's CR3."""


class Source(io.BytesIO):
    """The file's bytes, which remembers whether a decoder asked for more than there was.

    A JPEG that lacks the mark of its end gets one where no more than that can be missing (`jpeg`). What libjpeg then
    misses all the same was cut off.
    """

    def __init__(self, data: bytes) -> None:
        self.data = jpeg.ended(data)  # some decoders close what they read from
        super().__init__(self.data)
        self.ran_dry = False
        self.was_cut = len(self.data) > len(data)

    def read(self, size: int | None = -1, /) -> bytes:
        chunk = super().read(size)
        # Decoders read whole blocks without knowing how much is left, so only a precise wish counts.
        if size is not None and size > 0 and (not chunk or len(chunk) < size != ImageFile.MAXBLOCK):
            self.ran_dry = True
        return chunk

    def ends_early(self) -> bool:
        """Whether the file seems to be cut off: something in it promises more bytes than it has."""
        return self.ran_dry or self.was_cut or _container_length(self.data) > len(self.data)


def check_kind(data: bytes) -> None:
    """Raise FileRefused for formats, and kinds of JPEG, that are known but not accepted."""
    if data.startswith(_REFUSED_PREFIXES) or _brand(data) in _REFUSED_BRANDS or _is_emf(data) or _is_svg(data):
        raise FileRefused(NOT_ACCEPTED)
    if jpeg.is_unusual(data):
        raise FileRefused(CODING_NOT_ACCEPTED)


def open_picture(source: Source) -> Image.Image:
    """Open with the first decoder that knows the content; pixels are not decoded yet (icons excepted).

    Raises FileRefused for what no decoder knows; passes on whatever a decoder raises for a picture it knows.
    """
    signed = _signed_by(source.data[:16])
    try:
        return Image.open(source, formats=signed)
    except UnidentifiedImageError as failure:
        ran_dry = source.ran_dry
        try:
            return Image.open(source, formats=_UNSIGNED)
        except (MemoryError, Image.DecompressionBombError):
            raise
        except Exception:  # noqa: BLE001 - whatever a guess fails with, the file is not of that format
            # Here the picture may be coded in any way, or be a film alone.
            if _brand(source.data) in heif.SHARED_BRANDS + heif.SEQUENCES and _container_length(source.data) <= len(
                source.data
            ):
                raise FileRefused(NOT_ACCEPTED) from None
            if not signed:
                raise FileRefused(NOT_A_PICTURE) from None
            # What counts is how the decoder of the signature failed, not how those did that were merely tried.
            source.ran_dry = ran_dry
            raise failure from None


def is_signed(data: bytes) -> bool:
    """Whether the content begins as a known picture format does."""
    return bool(_signed_by(data[:16]))


def _signed_by(prefix: bytes) -> tuple[str, ...]:
    """The formats whose signature these first 16 bytes are, the best known first."""
    whole = prefix.ljust(16, b"\0")
    tests = ((name, Image.OPEN[name][1]) for name in _DECODERS)
    return tuple(name for name, test in tests if test is not None and test(whole))


def _brand(data: bytes) -> bytes:
    """The major brand of an ISO media file (ISO/IEC 14496-12, 4.3), or nothing."""
    return data[8:12] if data[4:8] == b"ftyp" else b""


def _is_emf(data: bytes) -> bool:
    return data.startswith(b"\x01\x00\x00\x00") and data[40:44] == b" EMF"


def _is_svg(data: bytes) -> bool:
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start.startswith(b"<") and b"<svg" in start


def _container_length(data: bytes) -> int:
    """How long a RIFF or ISO media file says that it is, in bytes; 0 where it does not say."""
    if data.startswith(b"RIFF"):
        return 8 + int.from_bytes(data[4:8], "little")
    if not _brand(data):
        return 0
    position = 0
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if length < 8:  # 0 and 1 mean "to the end" and "64 bits": neither is worth more code here
            break
        position += length
    return position
