"""Decode: bytes of an unknown file → upright 8-bit sRGB frames. The first stage that looks at what was dropped.

The order: known by content → opened → each frame checked against the limits, loaded, turned upright, brought to sRGB.
Nothing but pixels, resolution, date of capture, frame times and the number of repeats is taken along. What Pillow reads
goes through `picture`; a container that it does not read gets a twin of that module, with the same `read`.
"""

from __future__ import annotations

import warnings

from PIL import Image

from facewarden.errors import DAMAGED, TOO_MANY_PIXELS, TRUNCATED, FileRefused
from facewarden.sandbox.decode import picture, recognise, samples
from facewarden.sandbox.decode.limits import check_bytes, pillow_limit
from facewarden.values import Limits, Picture

__all__ = ["decode", "preload"]


def preload() -> None:
    """Use every decoder once, so that none opens a file or imports a module when the right to do so is gone."""
    samples.preload(lambda data: decode(data, Limits()))


def decode(data: bytes, limits: Limits) -> Picture:
    """The picture in `data`, whatever the file was called. Frames are contiguous, writable and own their memory.

    Raises FileRefused with one of the reasons 10 to 18. MemoryError passes through: it is the caller's to answer.
    """
    check_bytes(data, limits)
    recognise.check_kind(data)
    source = recognise.Source(data)
    # Pillow warns of odd metadata in words taken from the file, and metadata is thrown away here in any case.
    with warnings.catch_warnings(), pillow_limit(limits):
        warnings.simplefilter("ignore")
        try:
            return picture.read(recognise.open_picture(source), source, limits)
        except (FileRefused, MemoryError):
            raise
        except Image.DecompressionBombError:
            raise FileRefused(TOO_MANY_PIXELS) from None
        except Exception:  # noqa: BLE001 - Pillow's plugins fail on hostile files in every way there is; each is the file's fault
            raise FileRefused(TRUNCATED if source.ends_early() else DAMAGED) from None
