"""Read what a worker sent back, trusting none of it: every size and number is checked before a byte is allocated.

A worker that was broken into can say anything, so each value is `untrusted_…` until it has passed its check; one that
fails it makes the whole reply a `BAD_REPLY`. The pixels themselves cannot be checked: see docs/architecture.md.
"""

from __future__ import annotations

import dataclasses
import datetime
import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from facewarden import protocol
from facewarden.errors import BAD_REPLY, CODING_NOT_ACCEPTED, PAGE_NOT_ACCEPTED, REASONS, FileRefused
from facewarden.protocol import Protection
from facewarden.values import (
    DETECTORS,
    DOCUMENTS,
    FORMATS,
    SHAPES,
    SUBSAMPLINGS,
    Frame,
    Limits,
    Moment,
    Picture,
    Region,
)

_OF_A_FILE = frozenset((*range(10, 40), CODING_NOT_ACCEPTED.number, PAGE_NOT_ACCEPTED.number))
"""Failures that a worker may give for a photo; for not starting it may give the service's own alone (`errors`)."""
_OF_A_START = frozenset(range(40, 55))

Read = Callable[[int], bytearray]
"""Reads exactly so many bytes from the worker, or raises FileRefused."""

_MAX_SPAN = 1e6
"""Regions may reach past the frame, but no honest one is a million pixels away."""

_MAX_ALL_REGIONS = 10 * protocol.MAX_REGIONS
"""In all frames together: each is some 300 bytes here, and frames of one pixel could claim 200 GB of them."""


class Receiver(Protocol):
    """Who takes frames as they come, so that they need not all be held until the last one is there."""

    def begin(self, picture: Picture) -> None:
        """A picture begins, as yet without frames; whatever was taken before is void."""

    def take(self, frame: Frame, hidden: int) -> Frame:
        """Take one frame with so many hidden areas; returns what of it the reply shall keep. Raises FileRefused."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reply:
    """A checked answer: the redacted picture, the regions hidden in each frame, and seconds spent by stage.

    For a request of kind FIND the frames of `picture` are empty arrays, and a Receiver may leave less of them than
    there was; `sizes` still tells width and height.
    """

    picture: Picture
    sizes: tuple[tuple[int, int], ...]
    regions: tuple[tuple[Region, ...], ...]
    second_look: int
    seconds: dict[str, float]

    @property
    def region_count(self) -> int:
        return sum(len(found) for found in self.regions)

    @property
    def pages_without_face(self) -> tuple[int, ...]:
        """Pages, from 1, on which no face was found; of a photo or animation (1,) where none was. Zones are no faces."""
        found = [any(region.detector != "fixed" for region in regions) for regions in self.regions]
        if self.picture.format not in DOCUMENTS:
            return () if any(found) else (1,)
        return tuple(number for number, has_face in enumerate(found, 1) if not has_face)

    @property
    def faceless(self) -> int:
        return len(self.pages_without_face)


def read_start(read: Read) -> Protection:
    """Wait for READY. Raises FileRefused with the reason the worker gave for not starting, or BAD_REPLY."""
    _expect(_tag(read, believable=_OF_A_START, pages=0) == protocol.READY)
    landlock, seccomp = protocol.PROTECTION.unpack(read(protocol.PROTECTION.size))
    return Protection(landlock, bool(seccomp))


def read_reply(
    read: Read,
    limits: Limits,
    *,
    with_pixels: bool,
    receiver: Receiver | None = None,
    on_page: Callable[[int], None] = lambda pixels: None,
) -> Reply:
    """Read one whole answer; `on_page` is called for each page of a document that has come, with its pixels.

    Raises FileRefused: the worker's own reason, or BAD_REPLY where a value is out of bounds.
    """
    picture = _picture(read, limits)
    if receiver:
        receiver.begin(picture)
    frames: list[Frame] = []
    sizes: list[tuple[int, int]] = []
    regions: list[tuple[Region, ...]] = []
    second_look = 0
    pixels_left, regions_left = limits.together(picture.format), _MAX_ALL_REGIONS
    while (tag := _tag(read, pages=limits.frames)) == protocol.FRAME:
        _expect(len(frames) < limits.frames)
        frame, size, found, again = _frame(read, limits, pixels_left, regions_left, with_pixels=with_pixels)
        pixels_left -= size[0] * size[1]
        regions_left -= len(found)
        frames.append(receiver.take(frame, len(found)) if receiver else frame)
        del frame  # its pixels must be gone before the next one's come
        if picture.format in DOCUMENTS:
            on_page(size[0] * size[1])
        sizes.append(size)
        regions.append(found)
        second_look += again
    _expect(tag == protocol.DONE and len(frames) > 0)
    times = protocol.DONE_TIMES.unpack(read(protocol.DONE_TIMES.size))
    seconds = {stage: time / 1e6 for stage, time in zip(("decode", "detect", "redact"), times, strict=True)}
    picture = dataclasses.replace(picture, frames=tuple(frames))
    return Reply(picture, tuple(sizes), tuple(regions), second_look, seconds)


def _picture(read: Read, limits: Limits) -> Picture:
    """What is said of the picture before its frames."""
    _expect(_tag(read, pages=limits.frames) == protocol.PICTURE)
    untrusted = protocol.PICTURE_HEAD.unpack(read(protocol.PICTURE_HEAD.size))
    untrusted_format, across, down, untrusted_loop, untrusted_quality, untrusted_subsampling, *untrusted_moment = (
        untrusted
    )
    _expect(untrusted_format < len(FORMATS))
    _expect(untrusted_quality <= 100)
    _expect(untrusted_subsampling < len(SUBSAMPLINGS) or untrusted_subsampling == protocol.UNKNOWN)
    return Picture(
        FORMATS[untrusted_format],
        (),
        _checked_dpi([across, down]),
        _checked_loop(untrusted_loop),
        _checked_moment(untrusted_moment),
        untrusted_quality or None,
        None if untrusted_subsampling == protocol.UNKNOWN else untrusted_subsampling,
    )


def _tag(read: Read, believable: frozenset[int] = _OF_A_FILE, *, pages: int) -> int:
    """The next message's tag; a FAILED message is raised as the failure it names, if that is a believable one.

    At most so many `pages` can be at fault. A file's failure cannot pose as the service's, nor the other way.
    """
    (untrusted_tag,) = protocol.TAG.unpack(read(protocol.TAG.size))
    if untrusted_tag == protocol.FAILED:
        untrusted_number, untrusted_page = protocol.FAILURE.unpack(read(protocol.FAILURE.size))
        _expect(untrusted_number in believable and untrusted_number in REASONS and untrusted_page <= pages)
        raise FileRefused(REASONS[untrusted_number], page=untrusted_page)
    return int(untrusted_tag)


def _expect(plausible: bool, /) -> None:  # noqa: FBT001 - reads as `expect that …`
    if not plausible:
        raise FileRefused(BAD_REPLY)


def _checked_dpi(untrusted_dpi: list[float]) -> tuple[float, float] | None:
    if untrusted_dpi == [0.0, 0.0]:
        return None
    _expect(all(math.isfinite(value) and 1 <= value <= 10_000 for value in untrusted_dpi))
    return untrusted_dpi[0], untrusted_dpi[1]


def _checked_loop(untrusted_loop: int) -> int | None:
    _expect(-1 <= untrusted_loop <= 0xFFFF)
    return None if untrusted_loop < 0 else untrusted_loop


def _checked_moment(untrusted: list[int]) -> Moment | None:
    """A date and time that exist; EXIF has four digits for the year."""
    if not any(untrusted):
        return None
    year, month, day, hour, minute, second = untrusted
    try:
        datetime.datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - a camera's clock knows no zone
    except ValueError:
        raise FileRefused(BAD_REPLY) from None
    return year, month, day, hour, minute, second


def _frame(
    read: Read, limits: Limits, pixels_left: int, regions_left: int, *, with_pixels: bool
) -> tuple[Frame, tuple[int, int], tuple[Region, ...], int]:
    head = protocol.FRAME_HEAD.unpack(read(protocol.FRAME_HEAD.size))
    width, height, channels, duration, across, down, count, again = head
    _expect(1 <= width <= limits.side and 1 <= height <= limits.side)
    _expect(width * height <= min(limits.pixels, pixels_left))
    _expect(channels in ((1, 3, 4) if with_pixels else (0,)))
    _expect(duration <= 0x7FFF_FFFF and count <= min(protocol.MAX_REGIONS, regions_left) and again <= count)
    dpi = _checked_dpi([across, down])
    regions = tuple(_region(read(protocol.REGION.size)) for _ in range(count))
    shape = (height, width) if channels == 1 else (height, width, channels)
    pixels = np.frombuffer(read(width * height * channels), dtype=np.uint8).reshape(shape)
    return Frame(pixels, duration, dpi), (width, height), regions, again


def _region(untrusted: bytearray) -> Region:
    x, y, width, height, score, detector, shape = protocol.REGION.unpack(untrusted)
    _expect(all(math.isfinite(value) and abs(value) <= _MAX_SPAN for value in (x, y, width, height)))
    _expect(width > 0 and height > 0 and 0 <= score <= 1)
    _expect(detector < len(DETECTORS) and shape < len(SHAPES))
    return Region(x, y, width, height, score, DETECTORS[detector], SHAPES[shape])
