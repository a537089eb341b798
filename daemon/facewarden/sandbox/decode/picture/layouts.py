"""How a page of a TIFF stores its samples: Pillow's reader, taught what it gets wrong, kept from what it cannot read.

What is whole but stored in a way that is not read here is not told to be damaged: another copy would not help. It is
known by registered numbers alone; any other number is what damage leaves in a tag. Numbers: TIFF 6.0, its supplements,
and libtiff's tiff.h.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
from collections.abc import Iterator
from typing import Any

from PIL import Image, ImageFile, TiffImagePlugin

from facewarden.errors import CODING_NOT_ACCEPTED, NOT_ACCEPTED, PAGE_NOT_ACCEPTED, FileRefused, Reason
from facewarden.sandbox.decode import linking
from facewarden.sandbox.decode.picture import parts, tiff

_BITS, _COMPRESSION, _PHOTOMETRIC, _SAMPLES, _PLANES, _EXTRA, _FORMAT = 258, 259, 262, 277, 284, 338, 339
_FILL_ORDER, _PREDICTOR, _DEPTH = 266, 317, 32997
_OFFSETS = (273, 324)
_JPEG, _SEPARATE = 7, 2
_UINT, _INT, _FLOAT = 1, 2, 3
_CODINGS = frozenset(
    (*range(1, 11), 32766, 32771, 32773, 32809, 32895, 32908, 32909, 32946, 32947, 33003, 33004, 33005, 34661, 34676)
) | {34677, 34712, 34887, 34892, 34925, 34926, 34933, 34934, 50000, 50001, 50002, 52546}
"""Compressions there are: JPEG 2000 is 33003 to 33005 and 34712, LERC 34887, PNG 34933, WebP 50001, JPEG XL 50002."""
_SENSOR = frozenset({32803, 34892})
"""Photometrics of what a camera's sensor saw: no colours as yet."""
_PHOTOMETRICS = frozenset({*range(7), 8, 9, 10, 32844, 32845, 51177, 52527}) | _SENSOR

SIGNED, WHOLE_32, LAB = "i1", "u4", "lab"
ALPHA = ("<u2", ">u2")
"""What the bytes are that Pillow hands out as something else, see `samples`; the last stands for grey and alpha."""

_LAYOUTS: tuple[tuple[int, int, tuple[int, ...], tuple[int, ...], str, str, str], ...] = (
    (0, _UINT, (16,), (), "I;16", "I;16", ""),
    (0, _UINT, (16,), (), "I;16B", "", "I;16B"),
    (0, _FLOAT, (64,), (), "F", "F;64F", "F;64BF"),
    (1, _FLOAT, (64,), (), "F", "F;64F", "F;64BF"),
    (1, _UINT, (32,), (), "I", "I;32", "I;32B"),
    (1, _INT, (8,), (), "L", "L", "L"),
    (2, _INT, (8, 8, 8), (), "RGB", "RGB", "RGB"),
    # Pillow would forget the sign of a* and b* where they are in planes.
    (8, _UINT, (8, 8, 8), (), "RGB", "RGB", "RGB"),
    (8, _UINT, (16, 16, 16), (), "RGB", "RGB;16L", "RGB;16B"),
    # Grey and alpha: four bytes a pixel, carried through as they are and taken apart later.
    (1, _UINT, (16, 16), (2,), "I", "I;32N", "I;32N"),
)
"""Photometric, format, bits, extra samples → mode, and how it is unpacked with the low byte first or the high one."""
_NATIVE = {
    "I;16S": "I;16NS",
    "I;16BS": "I;16NS",
    "I;32": "I;32N",
    "I;32B": "I;32N",
    "I;32S": "I;32NS",
    "I;32BS": "I;32NS",
    "F;32F": "F;32NF",
    "F;32BF": "F;32NF",
    "F;64F": "F;64NF",
    "F;64BF": "F;64NF",
}
"""libtiff gives samples in the machine's order of bytes, which Pillow remembers of 16 bits without a sign alone."""


class Tiff(TiffImagePlugin.TiffImageFile):
    """A TIFF that refuses a page whose pixels would be missing, wrong or not what a viewer shows."""

    samples = ""
    _container: str | None = None
    """See the function of this name."""

    def _setup(self) -> None:
        """Raises FileRefused, besides what Pillow does."""
        _check(self)
        is_odd = max(_numbers(self, _BITS), default=1) > 8 or bool(_numbers(self, _EXTRA))
        with _by_libtiff(wanted=_in_planes(self) and is_odd):
            try:
                super()._setup()
            except SyntaxError:
                if _is_registered(self):
                    raise FileRefused(_refusal(self)) from None
                raise
        self.samples = _samples(self)
        if self.use_load_libtiff:
            self.tile = [_native(tile) for tile in self.tile]
        self._container = parts.FORMATS.get(self.tag_v2.get(_COMPRESSION, 1))

    def load(self) -> Any:
        """As Pillow does, but of parts that are files themselves."""
        if self.tile and self._container:
            assert isinstance(self.fp, io.BytesIO)
            self.load_prepare()
            parts.put_together(self, self.fp.getvalue(), self._container, self._tile_size)
            self.tile = []
            self.load_end()
        return super().load()


def register() -> None:
    """Make Pillow open TIFF so. Raises ImportError where its libtiff is not loaded."""
    file = linking.file_of(b"libtiff")
    if not file:
        raise ImportError("libtiff is not loaded")
    library = ctypes.CDLL(file)
    TiffImagePlugin.COMPRESSION_INFO.update(parts.FORMATS)
    _coded.update(parts.FORMATS)
    _coded.update(number for number in TiffImagePlugin.COMPRESSION_INFO if library.TIFFIsCODECConfigured(number))
    for photometric, form, bits, extra, mode, *raw in _LAYOUTS:
        for order, name in zip((b"II", b"MM"), raw, strict=True):
            if name:
                TiffImagePlugin.OPEN_INFO[order, photometric, (form,), 1, bits, extra] = (mode, name)
    Image.register_open(Tiff.format, Tiff, Image.OPEN[Tiff.format][1])


_coded: set[int] = set()
"""Compressions that Pillow knows and its libtiff was built with."""


def samples(image: Image.Image) -> str:
    """What the page's bytes are where Pillow's mode does not tell: SIGNED, WHOLE_32, LAB or one of ALPHA; else ""."""
    return image.samples if isinstance(image, Tiff) else ""


def _check(image: Tiff) -> None:
    if tiff.is_mask(image) or any(depth > 1 for depth in _numbers(image, _DEPTH)):
        raise FileRefused(PAGE_NOT_ACCEPTED)
    (coding, *_) = *_numbers(image, _COMPRESSION), 1
    bits = _numbers(image, _BITS)
    is_deep_jpeg = coding == _JPEG and any(depth != 8 for depth in bits)
    # Of these planes Pillow takes the first for all, or none.
    is_scattered = _in_planes(image) and any(_numbers(image, _EXTRA)) and not 3 <= len(bits) <= 4
    is_of_files = coding in parts.FORMATS
    is_odd = is_of_files and (_in_planes(image) or not _suits_parts(image))
    if _is_registered(image) and (coding not in _coded or is_deep_jpeg or is_scattered or is_odd):
        raise FileRefused(_refusal(image))


def _suits_parts(image: Tiff) -> bool:
    """Whether a page of files inside is 8 bits of grey or colour, with or without alpha, and stored as it is shown."""
    is_plain = set(_numbers(image, _BITS)) == {8} and _numbers(image, _FORMAT)[:1] in ((), (_UINT,))
    return (
        is_plain
        and _numbers(image, _PHOTOMETRIC) in ((1,), (2,))
        and _numbers(image, _EXTRA) in ((), (2,))
        and _numbers(image, _PREDICTOR) in ((), (1,))
        and _numbers(image, _FILL_ORDER) in ((), (1,))
    )


def _refusal(image: Tiff) -> Reason:
    is_sensor = tiff.is_camera_raw(image) or not _SENSOR.isdisjoint(_numbers(image, _PHOTOMETRIC))
    return NOT_ACCEPTED if is_sensor else CODING_NOT_ACCEPTED


def _is_registered(image: Tiff) -> bool:
    """Whether each number that says how the page is stored is one that there is; otherwise the tags are damaged."""
    bits, samples = _numbers(image, _BITS), _numbers(image, _SAMPLES)
    return (
        any(offsets in image.tag_v2 for offsets in _OFFSETS)
        and _CODINGS.issuperset(_numbers(image, _COMPRESSION))
        and _PHOTOMETRICS.issuperset(_numbers(image, _PHOTOMETRIC))
        and all(1 <= form <= 6 for form in _numbers(image, _FORMAT))
        and all(1 <= depth <= 64 for depth in bits)
        and len(bits) in (0, 1, *samples)
    )


def _samples(image: Tiff) -> str:
    photometric, bits = _numbers(image, _PHOTOMETRIC), _numbers(image, _BITS)
    if _numbers(image, _FORMAT)[:1] == (_INT,):
        return SIGNED if set(bits) == {8} else ""
    if photometric == (8,):
        return LAB
    if image.mode == "I" and set(bits) == {16}:
        # What libtiff gives is in the machine's order; the high byte first is not known of any that this runs on.
        return ALPHA[0] if image.use_load_libtiff else ALPHA[image.tag_v2.prefix == b"MM"]
    return WHOLE_32 if image.mode == "I" else ""


def _in_planes(image: Tiff) -> bool:
    """Whether each channel is stored by itself."""
    return _numbers(image, _PLANES) == (_SEPARATE,)


def _numbers(image: Tiff, number: int) -> tuple[int, ...]:
    """A tag's whole numbers; none where it is missing or anything else."""
    value = image.tag_v2.get(number, ())
    return tuple(each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, int))


def _native(tile: ImageFile._Tile) -> ImageFile._Tile:
    assert isinstance(tile.args, tuple)
    name, *more = tile.args
    return tile._replace(args=(_NATIVE.get(name, name), *more))


@contextlib.contextmanager
def _by_libtiff(*, wanted: bool) -> Iterator[None]:
    """Let libtiff read a page also where it is not compressed: of planes Pillow itself knows 8 bits of colour alone."""
    TiffImagePlugin.READ_LIBTIFF = wanted
    try:
        yield
    finally:
        TiffImagePlugin.READ_LIBTIFF = False
