"""When a photo was taken, as six numbers: EXIF 2.32's DateTimeOriginal, else DateTimeDigitized, else DateTime.

The second is the scanner's for a slide, and a camera's own where it writes no other. The third is when the file was
last changed; it is asked last and not left out, for scanners write nothing else into TIFF, where it means when it was
made.
"""

from __future__ import annotations

import datetime
import re

from PIL import ExifTags, Image

from facewarden.values import Moment

_FORM = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)\0*", re.ASCII)

_TAKEN = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)


def captured(image: Image.Image) -> Moment | None:
    """The date and time of an opened picture's first frame; None where it says nothing, or nothing that can be."""
    try:
        exif = image.getexif()
        inner = exif.get_ifd(ExifTags.IFD.Exif)
        stated = [*map(inner.get, _TAKEN), exif.get(ExifTags.Base.DateTime)]
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - broken metadata in all its ways must not cost the picture
        return None
    return next(filter(None, map(_moment, stated)), None)


def _moment(stated: object) -> Moment | None:
    """Six numbers from text in EXIF's form; cameras whose clock was never set write blanks or zeros."""
    match = _FORM.fullmatch(stated) if isinstance(stated, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = map(int, match.groups())
    try:
        datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a camera's clock knows no zone
    except ValueError:
        return None
    return year, month, day, hour, minute, second
