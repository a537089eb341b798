"""What decoders warn of while they go on: libjpeg, libtiff and libde265 fill what is missing with grey, in silence.

Each is made to tell it here, by the slots through which Pillow and libheif call them (`linking`), so that nothing is
decoded twice. The functions are made once, at import: a locked worker can make none. A warning that cannot change a
pixel is not counted.
"""

from __future__ import annotations

import ctypes
import os
import re
from pathlib import Path
from typing import Any, ClassVar

from facewarden.sandbox.decode import linking

_Address = ctypes.c_void_p


class _Errors(ctypes.Structure):
    """libjpeg's `jpeg_error_mgr` (jpeglib.h): functions, the last message with its numbers, all messages by number."""

    _fields_: ClassVar = [
        ("error_exit", _Address),
        ("emit_message", _Address),
        ("other", _Address * 3),
        ("code", ctypes.c_int),
        ("numbers", ctypes.c_int * 20),
        ("trace_level", ctypes.c_int),
        ("warnings", ctypes.c_long),
        ("texts", ctypes.POINTER(ctypes.c_char_p)),
        ("last", ctypes.c_int),
    ]


class _Decoder(ctypes.Structure):
    """The beginning of libjpeg's `jpeg_decompress_struct`, the same for all versions."""

    _fields_: ClassVar = [("errors", ctypes.POINTER(_Errors))]


_STARTS = (b"Start of Image", b"Start Of Scan")
_LEFT_OVER = b"Corrupt JPEG data: %u extraneous"
_DAMAGE = re.compile(rb"Corrupt JPEG data(?!: bad ICC)|Premature end of JPEG|Inconsistent progression")
_EXPECTED = 8
"""At least so many messages of these kinds are in the libjpeg that Pillow brings (9)."""
_PADDING = 8
"""Bytes behind the last block of a scan that count for nothing: some cameras are said to leave a few before the mark
that ends the photo."""
_HARMLESS_TIFF = re.compile(rb"TIFFFetch|TIFFReadDir|.*Setup")
"""libtiff's functions that read metadata and prepare: where these fail over pixels, Pillow does too."""
_HARMLESS_HEVC = re.compile(rb"WPP|threads|SEI", re.IGNORECASE)

_faults = 0
_in_scan = False


def forget() -> None:
    """Before a frame is decoded."""
    global _faults, _in_scan
    _faults, _in_scan = 0, False


def heard() -> bool:
    """Whether a decoder told of damage since `forget`."""
    return _faults > 0


def _count() -> None:
    global _faults  # noqa: PLW0603 - see `forget`
    _faults += 1


def listen() -> None:
    """Lead the three libraries' words here. Raises ImportError where one does not speak as expected."""
    for name, one in ((b"libjpeg", _listen_to_jpeg), (b"libtiff", _listen_to_tiff), (b"libde265", _listen_to_hevc)):
        files = linking.files_of(name)
        if not files:
            raise ImportError(f"{name.decode()} is not loaded")
        if not sum(one(os.fsencode(Path(file).name), ctypes.CDLL(file)) for file in files):
            raise ImportError(f"{name.decode()} is not called as expected")


def _lead(library: bytes, function: bytes, target: Any) -> int:
    _kept.append(target)
    return linking.redirect(library, function, ctypes.cast(target, _Address).value or 0)


_kept: list[object] = []
"""What C calls must not be collected."""


def _listen_to_jpeg(name: bytes, library: ctypes.CDLL) -> int:
    """Every user of libjpeg fetches its standard error handlers first; of these `emit_message` becomes ours."""
    prepare = library.jpeg_std_error
    prepare.restype, prepare.argtypes = _Address, [ctypes.POINTER(_Errors)]
    texts: dict[int, bytes] = {}

    def emit(decoder: Any, level: int) -> None:
        errors = decoder.contents.errors.contents
        if text := texts.get(errors.code):
            _hear_jpeg(text, level, errors.numbers[0])

    def prepared(errors: Any) -> int | None:
        result: int | None = prepare(errors)
        errors.contents.emit_message = address
        return result

    emitting = ctypes.CFUNCTYPE(None, ctypes.POINTER(_Decoder), ctypes.c_int)(emit)
    preparing = ctypes.CFUNCTYPE(_Address, ctypes.POINTER(_Errors))(prepared)
    address = ctypes.cast(emitting, _Address).value
    room = (_Errors * 2)()  # twice, for a version in which it is longer
    prepare(room)
    texts |= {code: text for code in range(room[0].last + 1) if _matters(text := room[0].texts[code] or b"")}
    _kept.append(emitting)
    return _lead(name, b"jpeg_std_error", preparing) if len(texts) >= _EXPECTED else 0


def _matters(text: bytes) -> bool:
    return text.startswith(_STARTS) or bool(_DAMAGE.match(text))


def _hear_jpeg(text: bytes, level: int, number: int) -> None:
    global _in_scan  # noqa: PLW0603 - see `forget`
    if text.startswith(_STARTS):
        _in_scan = text.startswith(_STARTS[1])
    elif level >= 0:
        return
    elif not text.startswith(_LEFT_OVER) or (_in_scan and number > _PADDING):
        # What is left over between the segments of a head is metadata whose length is wrong.
        _count()


def _listen_to_tiff(name: bytes, library: ctypes.CDLL) -> int:
    """Pillow switches libtiff's warnings off each time; that call is led to one that takes and changes nothing."""
    handler = ctypes.CFUNCTYPE(None, _Address, ctypes.c_char_p, ctypes.c_char_p, _Address)

    def error(file: int | None, function: bytes | None, text: bytes | None, values: int | None) -> None:  # noqa: ARG001 - libtiff's
        if not _HARMLESS_TIFF.match(function or b""):
            _count()

    def warning(file: int | None, function: bytes | None, text: bytes | None, values: int | None) -> None:  # noqa: ARG001
        # Fax lines may do without their mark, which libtiff only remarks upon.
        if (
            b"Decode" in (function or b"")
            and not _HARMLESS_TIFF.match(function or b"")
            and b"without EOL" not in (text or b"")
        ):
            _count()

    switches = (b"TIFFSetWarningHandler", b"TIFFSetWarningHandlerExt")
    led = sum(_lead(name, switch, library.TIFFGetVersion) for switch in switches)
    library.TIFFSetErrorHandler(None)
    library.TIFFSetWarningHandler(None)
    handlers = handler(error), handler(warning)
    library.TIFFSetErrorHandlerExt(handlers[0])
    library.TIFFSetWarningHandlerExt(handlers[1])
    _kept.extend(handlers)
    return led


def _listen_to_hevc(name: bytes, library: ctypes.CDLL) -> int:
    """What libde265 had to say is never asked for by libheif; it is when its decoder is given up."""
    free, ask, text = library.de265_free_decoder, library.de265_get_warning, library.de265_get_error_text
    free.argtypes = ask.argtypes = [_Address]
    text.restype = ctypes.c_char_p

    def freed(decoder: int) -> int:
        while code := ask(decoder):
            if not _HARMLESS_HEVC.search(text(code) or b""):
                _count()
        return int(free(decoder))

    return _lead(name, b"de265_free_decoder", ctypes.CFUNCTYPE(ctypes.c_int, _Address)(freed))
