"""Read an opened picture frame by frame, each one checked before it is decoded."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator
from typing import Any

from PIL import Image

from facewarden.errors import NOT_ACCEPTED, TRUNCATED, FileRefused
from facewarden.sandbox.decode import listening
from facewarden.sandbox.decode.limits import check_frame, check_frames
from facewarden.sandbox.decode.picture import aperture, heif, tiff, upright, whole
from facewarden.sandbox.decode.picture.captured import captured
from facewarden.sandbox.decode.picture.colour import Canvas, canvas, like, to_srgb
from facewarden.sandbox.decode.picture.tables import written
from facewarden.sandbox.decode.recognise import Source
from facewarden.values import FORMATS, Frame, Limits, Picture

_ANIMATIONS = frozenset({"GIF", "PNG", "WEBP", "AVIF", "FLI"})
_PAGES = frozenset({"TIFF", "DCX"})
"""Of every other format only the main picture is taken: the largest icon, the photo of an MPO, the whole of a PSD."""
_COUNTED = frozenset({"PNG", "WEBP", "AVIF", "FLI", "DCX"})
"""Formats whose header tells the number of frames; in the others it shows only by going through."""
_DELIVERED = {"MPO": "JPEG", "DIB": "BMP", "DCX": "TIFF"}
_LONGEST = 655_350
"""Milliseconds: the longest time that GIF can hold a frame; the other containers can hold it too."""


def read(image: Image.Image, source: Source, limits: Limits) -> tuple[Picture, Iterator[Frame] | Canvas]:
    """What survives of `image` besides its frames, and these, upright and in sRGB; pages are decoded when they are due.

    Of an animation, all of whose frames have been decoded once then, there is its canvas, with which `again` gives
    them. Raises FileRefused, and whatever Pillow does.
    """
    if tiff.is_camera_raw(image):
        raise FileRefused(NOT_ACCEPTED)
    quality, subsampling = written(image)
    frames = _frames(image, source, limits)
    first = next(frames)
    whole.check(image, source.data)
    head = Picture(_format(image), (), first.dpi, None, captured(image), quality, subsampling)
    if image.format not in _ANIMATIONS:
        return head, itertools.chain((first,), frames) if image.format in _PAGES else iter((first,))
    shape = canvas(first, frames)
    if shape is None:
        return head, iter((Frame(first.pixels),))
    return dataclasses.replace(head, loop=_loop(image)), shape


def again(image: Image.Image, source: Source, limits: Limits, shape: Canvas) -> Iterator[Frame]:
    """The frames of an animation, which has been opened anew, each decoded when it is due and brought to the canvas."""
    for frame in _frames(image, source, limits):
        yield like(frame, shape)
        del frame  # while the next one is decoded this one must be gone


def _frames(image: Image.Image, source: Source, limits: Limits) -> Iterator[Frame]:
    cut = aperture.clean(source.data, image.size) if image.format == "AVIF" else None
    for turned in _load_frames(image, source, limits):
        duration = _duration(image) if image.format in _ANIMATIONS else 0
        seen = image.crop(cut) if cut else image
        yield Frame(to_srgb(seen, 1 if image.format == "TIFF" else turned), duration, _dpi(image, turned))


def _load_frames(image: Image.Image, source: Source, limits: Limits) -> Iterator[int]:
    """Load one frame after the other into `image` and give each one's orientation."""
    promised: int = getattr(image, "n_frames", 1) if image.format in _COUNTED else 1
    check_frame(image.size, limits)
    check_frames(promised, promised * math.prod(image.size), _format(image), limits)
    # What an APNG shows where animations are not known is no part of the animation.
    first = 1 if getattr(image, "default_image", False) and promised > 1 else 0
    total = largest = 0
    is_left_out: bool | None = None
    for number in itertools.count(first):
        if not _seek(image, number, promised, source):
            return
        count = number - first + 1
        if tiff.is_reduced(image):
            # A smaller view of another page is no page; where there are such views alone, each is.
            if is_left_out is None:
                is_left_out = number > first or _is_followed_by_whole(image, number, limits)
            if is_left_out:
                check_frames(count, total, _format(image), limits)
                continue
        area = math.prod(image.size)
        largest = max(largest, area)
        # A frame beyond the canvas is cut in the end, but until then it is there.
        total = count * largest if image.format in _ANIMATIONS else total + area
        check_frame(image.size, limits)
        check_frames(count, total, _format(image), limits)
        turned = tiff.orientation(image)
        _load(image, source)
        # Some icons show their size only now.
        check_frame(image.size, limits)
        yield turned if image.format == "TIFF" else _orientation(image)


def _is_followed_by_whole(image: Image.Image, number: int, limits: Limits) -> bool:
    """Whether a page behind this one is more than a smaller view of another."""
    try:
        for later in range(number + 1, limits.frames + 1):
            image.seek(later)
            if not tiff.is_reduced(image):
                return True
    except EOFError:
        pass
    finally:
        image.seek(number)
    return False


def _orientation(image: Image.Image) -> int:
    """How to turn a loaded picture; HEIF is turned by its container alone, and has been."""
    return 1 if image.format == heif.NAME else upright.orientation(image)


def _seek(image: Image.Image, number: int, promised: int, source: Source) -> bool:
    """Go to a frame; False where the file says that there are no more. Refuse one that just stops."""
    if image.format not in _ANIMATIONS | _PAGES:
        return number == 0
    source.ran_dry = False
    listening.forget()
    try:
        image.seek(number)
    except EOFError:
        if source.ran_dry or number < promised:
            raise FileRefused(TRUNCATED) from None
        return False
    return True


def _load(image: Image.Image, source: Source) -> None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception:
        # libtiff is given the whole file, so what it misses does not show at the source.
        if tiff.ends_early(image, len(source.data)):
            raise FileRefused(TRUNCATED) from None
        raise
    if listening.heard():
        raise FileRefused(TRUNCATED if source.was_cut else whole.failure(source.data))
    whole.check_page(image, source.data)


def _format(image: Image.Image) -> str:
    name = _DELIVERED.get(image.format or "", image.format or "")
    if image.format == heif.NAME:
        name = "PNG" if image.has_transparency_data else "JPEG"
    return name if name in FORMATS else "PNG"


def _dpi(image: Image.Image, orientation: int) -> tuple[float, float] | None:
    """Dots per inch across and down the upright picture, where the file gives two plausible numbers."""
    # A page of a TIFF without a resolution keeps in `info` that of the page before.
    stated = image.info.get("dpi") if image.format != "TIFF" or tiff.has_resolution(image) else None
    try:
        x, y = (float(value) for value in stated)  # type: ignore[union-attr]
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        # Absent, or any nonsense: metadata is not worth refusing a picture for.
        return None
    if not (1 <= x <= 10_000 and 1 <= y <= 10_000):
        return None
    return (y, x) if upright.is_sideways(orientation) else (x, y)


def _duration(image: Image.Image) -> int:
    return _whole(image.info.get("duration"), _LONGEST) or 0


def _loop(image: Image.Image) -> int | None:
    """Repeats as the format itself counts them; FLI has no number and is played for ever."""
    return 0 if image.format == "FLI" else _whole(image.info.get("loop"), 0xFFFF)


def _whole(value: Any, most: int) -> int | None:
    """A number from a file as a whole one in 0..`most`; None where it is no number."""
    if not isinstance(value, int | float) or math.isnan(value):
        return None
    return round(min(max(value, 0), most))
