"""Encode: pixels become the bytes of a clean new file. Pillow serves here to write, never to open, a picture."""

from __future__ import annotations

import dataclasses
import io
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from facewarden.config.profile import Keep, Output
from facewarden.delivery.book import Book, TiffBook
from facewarden.delivery.containers import LOSSLESS, result_format
from facewarden.delivery.pdf import PdfBook
from facewarden.errors import NOT_ENCODED, FileRefused
from facewarden.values import DOCUMENTS, SUBSAMPLINGS, Frame, Moment, Picture

_WITHOUT_ALPHA = {"JPEG", "PPM", "PDF"}
_LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 32_768}
"""Pixels: what libjpeg and libwebp write at most, and libavif reads again at most (it writes more)."""
_LONGEST_SHOWN = 655_350
"""Milliseconds that a GIF can show a frame, the shortest such limit; nobody means more."""

FAILURES = (OSError, ValueError, OverflowError, RuntimeError, struct.error)
"""What Pillow raises where a container cannot hold a picture."""

_EXIF_IFD, _DATE_TIME_ORIGINAL, _DATE_TIME = 0x8769, 0x9003, 0x0132
"""Tags of EXIF 2.32; the last is TIFF's own."""


@dataclasses.dataclass(frozen=True, slots=True)
class Order:
    """A picture to be encoded, and how; lossy containers at `quality` (1 to 100)."""

    picture: Picture
    container: str
    quality: int
    lossless: bool = False


def result_of(picture: Picture, output: Output, *, untouched: bool = False) -> tuple[str, bytes]:
    """Container and bytes of the result that `output` wants, see `ordered`. Raises FileRefused(NOT_ENCODED)."""
    order = ordered(picture, output, untouched=untouched)
    return order.container, carry_out(order)


def carry_out(order: Order) -> bytes:
    """The bytes of the ordered file. Raises FileRefused(NOT_ENCODED)."""
    return encode(order.picture, order.container, order.quality, lossless=order.lossless)


def ordered(picture: Picture, output: Output, *, untouched: bool = False) -> Order:
    """The result that `output` wants, with no number that it does not keep. `untouched`: nothing was hidden in it."""
    kept = without(picture, output.keep)
    container = result_format(kept, output.format)
    lossless = untouched and output.untouched == "lossless"
    if lossless:
        container = LOSSLESS.get(container, container)
    quality = output.jpeg_quality
    if untouched and output.untouched == "match":
        quality = kept.quality or quality
    return Order(kept, container, quality, lossless)


def without(picture: Picture, keep: Keep) -> Picture:
    """The picture without the numbers that are not kept. A PDF's dots per inch are its pages' size, and stay."""
    if not keep.capture_date:
        picture = dataclasses.replace(picture, captured=None)
    if keep.dpi or picture.format == "PDF":
        return picture
    frames = tuple(dataclasses.replace(frame, dpi=None) for frame in picture.frames)
    return dataclasses.replace(picture, frames=frames, dpi=None)


def book(container: str, picture: Picture, quality: int) -> Book:
    """An empty document of this container (one of DOCUMENTS)."""
    if container == "PDF":
        return PdfBook(quality)
    # libtiff writes no EXIF directory, but TIFF has a tag of its own for the date.
    tags = {_DATE_TIME: _text(picture.captured)} if picture.captured else {}
    return TiffBook(tags, quality if picture.format == "TIFF" and picture.quality else None)


def encode(picture: Picture, container: str, quality: int, *, lossless: bool = False) -> bytes:
    """The picture as a file of this container; lossy ones at `quality` (1 to 100).

    Nothing but pixels, dpi, date of capture, durations and loop goes in. Raises FileRefused(NOT_ENCODED).
    """
    try:
        if container in DOCUMENTS:
            return _bound(picture, container, quality, lossless=lossless)
        return _saved(picture, container, quality, lossless=lossless)
    except FAILURES as error:
        # The container cannot hold this picture: frames of different sizes in a WebP, more than 4 GB in a TIFF.
        raise FileRefused(NOT_ENCODED) from error


def _bound(picture: Picture, container: str, quality: int, *, lossless: bool) -> bytes:
    made = book(container, picture, quality)
    for frame in picture.frames:
        made.add(page(frame, picture, container), lossless=lossless)
    return made.finished()


def page(frame: Frame, picture: Picture, container: str) -> Frame:
    """A frame as a page of this container: with the picture's resolution where it has none of its own."""
    pixels = np.asarray(on_white(Image.fromarray(frame.pixels))) if container in _WITHOUT_ALPHA else frame.pixels
    return dataclasses.replace(frame, pixels=pixels, dpi=frame.dpi or picture.dpi)


def _saved(picture: Picture, container: str, quality: int, *, lossless: bool) -> bytes:
    longest = max(side for frame in picture.frames for side in frame.pixels.shape[:2])
    if longest > _LONGEST_SIDE.get(container, longest):
        raise FileRefused(NOT_ENCODED)
    options = _options(picture, container, quality)
    if lossless and container == "WEBP":
        options["lossless"] = True
    if len(picture.frames) > 1:
        options |= {"save_all": True, "append_images": _Images(picture.frames[1:], container)}
    buffer = io.BytesIO()
    _image(picture.frames[0], container).save(buffer, format=container, **options)
    return buffer.getvalue()


class _Images:
    """Frames as Pillow's pictures, each made when it is due.

    That of a coloured frame takes a third more memory than the frame.

    No iterator, for Pillow's writer of PNG goes through them twice, and would write the first frame alone. Those of
    WebP and AVIF make a list of them.
    """

    def __init__(self, frames: Sequence[Frame], container: str) -> None:
        self._frames, self._container = frames, container

    def __iter__(self) -> Iterator[Image.Image]:
        return (_image(frame, self._container) for frame in self._frames)


def _image(frame: Frame, container: str) -> Image.Image:
    image = Image.fromarray(frame.pixels)
    return on_white(image) if container in _WITHOUT_ALPHA else image


def on_white(image: Image.Image) -> Image.Image:
    """The picture without alpha. The sandbox has searched what is seen then (sandbox/refine/transparency.py)."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, "white")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _options(picture: Picture, container: str, quality: int) -> dict[str, Any]:
    options: dict[str, Any] = {}
    dpi = picture.dpi or picture.frames[0].dpi
    if dpi and container in ("JPEG", "PNG", "BMP"):
        options["dpi"] = dpi
    if container in ("JPEG", "WEBP", "AVIF"):
        options["quality"] = quality
    if container == "AVIF":
        options["speed"] = _avif_speed(picture)
    if container == "JPEG" and picture.subsampling is not None:
        options["subsampling"] = SUBSAMPLINGS[picture.subsampling]
    if picture.captured:
        options |= _date(picture.captured, container)
    if len(picture.frames) > 1 and container in ("PNG", "GIF", "WEBP", "AVIF"):
        options["duration"] = _durations(picture.frames)
        if container != "AVIF" and picture.loop is not None:
            options["loop"] = picture.loop
    if container == "GIF":
        options["disposal"] = 2  # each frame stands alone: no pixel of an earlier one shows through
    return options


def _avif_speed(picture: Picture) -> int:
    """6 is the usual one, 10 the fastest: five times as fast for 7 % more bytes, for what would take minutes."""
    pixels = sum(frame.pixels.shape[0] * frame.pixels.shape[1] for frame in picture.frames)
    return 6 if pixels <= 8_000_000 else 8 if pixels <= 32_000_000 else 10


def _date(captured: Moment, container: str) -> dict[str, Any]:
    """Options that write the date, made from its numbers alone; for containers without a place for it, none."""
    if container not in ("JPEG", "PNG", "WEBP", "AVIF"):
        return {}
    exif = Image.Exif()
    exif.get_ifd(_EXIF_IFD)[_DATE_TIME_ORIGINAL] = _text(captured)
    return {"exif": exif.tobytes()}


def _text(captured: Moment) -> str:
    """A date as EXIF and TIFF write it."""
    year, month, day, hour, minute, second = captured
    return f"{year:04}:{month:02}:{day:02} {hour:02}:{minute:02}:{second:02}"


def _durations(frames: Sequence[Frame]) -> list[int]:
    return [min(frame.duration, _LONGEST_SHOWN) for frame in frames]
