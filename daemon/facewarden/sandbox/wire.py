"""The worker's end of the two pipes: read a request, write the answer. The format is `facewarden.protocol`'s."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

from facewarden import protocol
from facewarden.errors import Reason
from facewarden.values import DETECTORS, FORMATS, SHAPES, Frame, Picture, Recipe, Region

REQUESTS_FD = 0
REPLIES_FD = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One photo to treat. `with_pixels` is False where only the regions are asked for."""

    recipe: Recipe
    original: bytes
    with_pixels: bool


def read_prologue() -> bytes:
    """The content of supplied weights, empty where there are none. Read once, before all requests."""
    (length,) = protocol.PROLOGUE.unpack(_read(protocol.PROLOGUE.size))
    return _read(length)


def read_request() -> Request | None:
    """Wait for the next request; None when the trusted side has closed the pipe."""
    head = _read(protocol.REQUEST.size, may_end=True)
    if not head:
        return None
    kind, recipe_length, emblem_length, original_length = protocol.REQUEST.unpack(head)
    recipe = Recipe.from_json(_read(recipe_length).decode(), _read(emblem_length))
    return Request(recipe, _read(original_length), kind == protocol.HIDE)


def write_ready(landlock: int, *, seccomp: bool) -> None:
    """The first word: this worker is locked so far, and takes photos."""
    _write(protocol.TAG.pack(protocol.READY) + protocol.PROTECTION.pack(landlock, seccomp))


def write_failure(reason: Reason, page: int = 0) -> None:
    """Of a failure only its number leaves, and a page's."""
    _write(protocol.TAG.pack(protocol.FAILED) + protocol.FAILURE.pack(reason.number, page))


def write_picture(picture: Picture) -> None:
    """Announce a picture: its container, resolution, date of capture and how it was written. Its frames follow."""
    dpi = picture.dpi or (0.0, 0.0)
    loop = -1 if picture.loop is None else min(picture.loop, 0xFFFF)
    captured = picture.captured or (0,) * 6
    subsampling = protocol.UNKNOWN if picture.subsampling is None else picture.subsampling
    written = (picture.quality or 0, subsampling)
    head = protocol.PICTURE_HEAD.pack(FORMATS.index(picture.format), *dpi, loop, *written, *captured)
    _write(protocol.TAG.pack(protocol.PICTURE) + head)


def write_frame(frame: Frame, regions: Sequence[Region], second_look: int, *, with_pixels: bool) -> None:
    """Send one frame's regions (grown, as hidden) and, where asked for, its redacted pixels."""
    pixels = frame.pixels
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    height, width = pixels.shape[:2]
    duration, dpi = min(frame.duration, 0x7FFF_FFFF), frame.dpi or (0.0, 0.0)
    head = protocol.FRAME_HEAD.pack(
        width, height, channels if with_pixels else 0, duration, *dpi, len(regions), second_look
    )
    _write(protocol.TAG.pack(protocol.FRAME) + head + b"".join(_region(region) for region in regions))
    if with_pixels:
        _write(pixels.reshape(-1).data)


def write_done(decode: float, detect: float, redact: float) -> None:
    """Close the answer with the seconds spent in each stage."""
    microseconds = (min(int(seconds * 1e6), 0xFFFF_FFFF) for seconds in (decode, detect, redact))
    _write(protocol.TAG.pack(protocol.DONE) + protocol.DONE_TIMES.pack(*microseconds))


def _region(region: Region) -> bytes:
    numbers = (region.x, region.y, region.width, region.height, region.score)
    return protocol.REGION.pack(*numbers, DETECTORS.index(region.detector), SHAPES.index(region.shape))


def _read(length: int, *, may_end: bool = False) -> bytes:
    chunks = bytearray()
    while len(chunks) < length:
        chunk = os.read(REQUESTS_FD, min(length - len(chunks), 1 << 20))
        if not chunk:
            if may_end and not chunks:
                return b""
            raise EOFError("the request ended early")
        chunks += chunk
    return bytes(chunks)


def _write(data: bytes | memoryview) -> None:
    view = memoryview(data).cast("B")
    while view:
        view = view[os.write(REPLIES_FD, view) :]
