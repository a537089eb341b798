"""What decoders warn of while they go on: libjpeg, libtiff and libde265 fill what is missing with grey and say so to nobody.

Each is made to tell it here, by the slots through which Pillow and libheif call them (`linking`), so that nothing is decoded
twice. The functions are made once, at import: a locked worker can make none. A warning that cannot change a pixel is not
counted.
"""

from __future__ import annotations

import ctypes
import os
import re
from typing import Any

from facewarden.sandbox.decode import linking

_Address = ctypes.c_void_p
_EMIT, _CODE, _NUMBERS, _TEXTS, _LAST = 8, 40, 44, 136, 144
"""Places in libjpeg's `jpeg_error_mgr` (jpeglib.h): emit_message, msg_code, msg_parm, jpeg_message_table, last_jpeg_message."""
_ROOM = 1024
"""Bytes, more than that structure has."""
_STARTS = (b"Start of Image", b"Start Of Scan")
_LEFT_OVER = b"Corrupt JPEG data: %u extraneous"
_DAMAGE = re.compile(rb"Corrupt JPEG data(?!: bad ICC)|Premature end of JPEG|Inconsistent progression")
_EXPECTED = 8
"""Messages of these kinds that libjpeg has had since 1998."""
_PADDING = 8
"""Bytes behind the last block of a scan that count for nothing: some cameras leave a few before the mark that ends the photo."""
_HARMLESS_TIFF = re.compile(rb"TIFFFetch|TIFFReadDir|.*Setup")
"""libtiff's functions that read metadata and prepare: where these fail over pixels, Pillow does too."""
_HARMLESS_HEVC = re.compile(rb"WPP|threads|SEI", re.IGNORECASE)

_faults = 0
_in_scan = False


def forget() -> None:
    """Before a frame is decoded."""
    global _faults, _in_scan  # noqa: PLW0603 - one decoder runs at a time, and C calls functions without an owner
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
        if not sum(one(os.fsencode(os.path.basename(file)), ctypes.CDLL(file)) for file in files):
            raise ImportError(f"{name.decode()} is not called as expected")


def _lead(library: bytes, function: bytes, target: Any) -> int:
    _kept.append(target)
    return linking.redirect(library, function, ctypes.cast(target, _Address).value or 0)


_kept: list[object] = []
"""What C calls must not be collected."""


def _listen_to_jpeg(name: bytes, library: ctypes.CDLL) -> int:
    """Every user of libjpeg fetches its standard error handlers first; of these `emit_message` becomes ours."""
    prepare = library.jpeg_std_error
    prepare.restype, prepare.argtypes = _Address, [_Address]
    codes: dict[int, bytes] = {}

    @ctypes.CFUNCTYPE(None, _Address, ctypes.c_int)
    def emit(decoder: int, level: int) -> None:
        error = _pointer(decoder)
        text = codes.get(_number(error + _CODE))
        if text:
            _hear_jpeg(text, level, _number(error + _NUMBERS))

    @ctypes.CFUNCTYPE(_Address, _Address)
    def prepared(error: int) -> int | None:
        result: int | None = prepare(error)
        if not codes:
            codes.update(_texts(error))
        _Address.from_address(error + _EMIT).value = ctypes.cast(emit, _Address).value
        return result

    _kept.append(emit)
    room = ctypes.create_string_buffer(_ROOM)
    prepared(ctypes.addressof(room))
    return _lead(name, b"jpeg_std_error", prepared) if len(codes) >= _EXPECTED else 0


def _texts(error: int) -> dict[int, bytes]:
    """libjpeg's messages that matter here, by their number."""
    table = _pointer(error + _TEXTS)
    texts = (ctypes.c_char_p.from_address(table + 8 * code).value or b"" for code in range(_number(error + _LAST) + 1))
    return {code: text for code, text in enumerate(texts) if text.startswith(_STARTS) or _DAMAGE.match(text)}


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

    @handler
    def error(file: int, function: bytes | None, text: bytes | None, values: int) -> None:
        if not _HARMLESS_TIFF.match(function or b""):
            _count()

    @handler
    def warning(file: int, function: bytes | None, text: bytes | None, values: int) -> None:
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
    library.TIFFSetErrorHandlerExt(error)
    library.TIFFSetWarningHandlerExt(warning)
    _kept.extend((error, warning))
    return led


def _listen_to_hevc(name: bytes, library: ctypes.CDLL) -> int:
    """libheif never asks libde265 what it had to say; it is asked when its decoder is given up."""
    free, ask, text = library.de265_free_decoder, library.de265_get_warning, library.de265_get_error_text
    free.argtypes = ask.argtypes = [_Address]
    text.restype = ctypes.c_char_p

    @ctypes.CFUNCTYPE(ctypes.c_int, _Address)
    def freed(decoder: int) -> int:
        while code := ask(decoder):
            if not _HARMLESS_HEVC.search(text(code) or b""):
                _count()
        return int(free(decoder))

    return _lead(name, b"de265_free_decoder", freed)


def _pointer(at: int) -> int:
    return ctypes.c_size_t.from_address(at).value


def _number(at: int) -> int:
    return ctypes.c_int.from_address(at).value
