"""Decode: bytes of an unknown file → upright 8-bit sRGB frames. The first stage that looks at what was dropped.

The order: known by content → opened → each frame checked against the limits, loaded, turned upright, brought to sRGB.
Nothing but pixels, resolution, date of capture, frame times, the number of repeats and how a JPEG was written is taken
along. What Pillow reads goes through `picture`, PDF through `pdf`, with the same `read`. Pages and frames are given one
by one as they are asked for, so that memory is bounded by one of them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterable, Iterator

from PIL import Image

from facewarden.errors import DAMAGED, TOO_MANY_PIXELS, TRUNCATED, FileRefused
from facewarden.sandbox.decode import listening, pdf, recognise, samples
from facewarden.sandbox.decode.limits import check_bytes, pillow_limit
from facewarden.sandbox.decode.picture import reading, whole
from facewarden.sandbox.decode.picture.colour import Canvas
from facewarden.values import Frame, Limits, Picture

__all__ = ["Reel", "decode", "opened", "preload"]


def preload() -> None:
    """Use every decoder once, so that none opens a file or imports a module when the right to do so is gone."""
    samples.preload(lambda data: decode(data, Limits()))


def decode(data: bytes, limits: Limits) -> Picture:
    """The picture in `data` with all its frames, see `opened`."""
    head, frames = opened(data, limits)
    return dataclasses.replace(head, frames=tuple(frames))


class Reel(Iterable[Frame]):
    """The frames of an animation, decoded anew each time they are gone through, so that none need be held for another time.

    Each step raises as those of `opened` do, and so does the beginning.
    """

    def __init__(self, data: bytes, limits: Limits, shape: Canvas) -> None:
        self._data, self._limits, self._shape = data, limits, shape

    def __iter__(self) -> Iterator[Frame]:
        # Opened anew and not wound back: then nothing of the last frame can be left in the first.
        source = recognise.Source(self._data)
        with _refusing(source, self._limits):
            image = recognise.open_picture(source)
        return _guarded(reading.again(image, source, self._limits, self._shape), source, self._limits)


def opened(data: bytes, limits: Limits) -> tuple[Picture, Iterator[Frame] | Reel]:
    """The picture in `data`, whatever the file was called, as yet without frames.

    And these, each decoded when it is due.

    Only an animation's can be gone through again. Frames are contiguous, writable and own their memory. Both this and
    each step of the iterator raise FileRefused with one of the reasons 10 to 18, 34 to 36, 55 and 56. MemoryError
    passes through: it is the caller's to answer.
    """
    check_bytes(data, limits)
    recognise.check_kind(data)
    source = recognise.Source(data)
    listening.forget()
    frames: Iterator[Frame] | Canvas
    with _refusing(source, limits):
        # A photo may speak of a PDF in its first words, as what it was made from.
        if pdf.is_pdf(data) and not recognise.is_signed(data):
            head, frames = pdf.read(data, limits)
        else:
            head, frames = reading.read(recognise.open_picture(source), source, limits)
    if isinstance(frames, tuple):
        return head, Reel(data, limits, frames)
    return head, _guarded(frames, source, limits)


def _guarded(frames: Iterator[Frame], source: recognise.Source, limits: Limits) -> Iterator[Frame]:
    while True:
        with _refusing(source, limits):
            frame = next(frames, None)
        if frame is None:
            return
        yield frame
        del frame  # while the next one is decoded this one must be gone


@contextlib.contextmanager
def _refusing(source: recognise.Source, limits: Limits) -> Iterator[None]:
    """Whatever a decoder fails with becomes a refusal, and what it warns of is not heard."""
    # Pillow warns of odd metadata in words taken from the file, and metadata is thrown away here in any case.
    with warnings.catch_warnings(), pillow_limit(limits):
        warnings.simplefilter("ignore")
        try:
            yield
        except (FileRefused, MemoryError):
            raise
        except Image.DecompressionBombError:
            raise FileRefused(TOO_MANY_PIXELS) from None
        except Exception:  # noqa: BLE001 - Pillow's plugins fail on hostile files in every way there is; each is the file's fault
            early = source.ends_early() or whole.ends_in_zeros(source.data)
            raise FileRefused(TRUNCATED if early else DAMAGED) from None
