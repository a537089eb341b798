"""The border under attack: whatever a worker sends is within all limits or refused, before room is made for it."""

from __future__ import annotations

import dataclasses
import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facewarden import protocol
from facewarden.errors import (
    ALREADY_RUNNING,
    BAD_REPLY,
    CODING_NOT_ACCEPTED,
    CRASHED,
    DAMAGED,
    NO_REGULAR_FILE,
    WEIGHTS_ALTERED,
    FileRefused,
)
from facewarden.replies import Reply, read_reply, read_start
from facewarden.values import DETECTORS, FORMATS, SHAPES, Limits

LIMITS = Limits(bytes=1000, pixels=600, side=50, frames=5, all_pixels=2000)


class Answer:
    """An answer made of bytes, and how much room the reader asked for at most."""

    def __init__(self, *parts: bytes) -> None:
        self._data = io.BytesIO(b"".join(parts))
        self.most = 0

    def read(self, length: int) -> bytearray:
        self.most = max(self.most, length)
        part = self._data.read(length)
        if len(part) < length:
            raise FileRefused(CRASHED)
        return bytearray(part)


def head(
    container: int = 0,
    dpi: tuple[float, float] = (0, 0),
    loop: int = -1,
    captured: tuple[int, ...] = (0,) * 6,
    written: tuple[int, int] = (0, protocol.UNKNOWN),
) -> bytes:
    return bytes([protocol.PICTURE]) + protocol.PICTURE_HEAD.pack(container, *dpi, loop, *written, *captured)


def frame(
    width: int = 2,
    height: int = 2,
    channels: int = 1,
    duration: int = 0,
    found: int = 0,
    again: int = 0,
    dpi: tuple[float, float] = (0, 0),
) -> bytes:
    return bytes([protocol.FRAME]) + protocol.FRAME_HEAD.pack(width, height, channels, duration, *dpi, found, again)


def region(
    x: float = 0, y: float = 0, w: float = 1, h: float = 1, score: float = 0.5, detector: int = 0, shape: int = 0
) -> bytes:
    return protocol.REGION.pack(x, y, w, h, score, detector, shape)


def failed(number: int, page: int = 0) -> bytes:
    return bytes([protocol.FAILED]) + protocol.FAILURE.pack(number, page)


DONE = bytes([protocol.DONE]) + protocol.DONE_TIMES.pack(1, 2, 3)
NAN, INF = float("nan"), float("inf")

REST = frame() + bytes(4) + DONE
"""What makes an answer of one frame whole: of each hostile one all is right but one value."""


def found(hostile: bytes) -> list[bytes]:
    """A whole answer with this one region."""
    return [head(), frame(found=1), hostile, bytes(4), DONE]


HOSTILE: dict[str, list[bytes]] = {
    "no picture": [DONE],
    "a second start": [bytes([protocol.READY])],
    "a frame first": [REST],
    "an unknown tag": [head(), bytes([99]), REST[1:]],
    "a container that is none": [head(container=len(FORMATS)), REST],
    "no frame": [head(), DONE],
    "too many frames": [head(), (frame() + bytes(4)) * 6, DONE],
    "a quality above all": [head(written=(101, 0)), REST],
    "a subsampling that is none": [head(written=(90, 3)), REST],
    "a page's dpi of no number": [head(), frame(dpi=(NAN, 72)), bytes(4), DONE],
    "a page's dpi of one side": [head(), frame(dpi=(0, 72)), bytes(4), DONE],
    "dpi of no number": [head(dpi=(NAN, 72)), REST],
    "dpi without end": [head(dpi=(INF, 72)), REST],
    "dpi below one": [head(dpi=(72, 0.5)), REST],
    "dpi of one side": [head(dpi=(72, 0)), REST],
    "dpi below nothing": [head(dpi=(-72, -72)), REST],
    "dpi too fine": [head(dpi=(1e30, 72)), REST],
    "loop below none": [head(loop=-2), REST],
    "loop too often": [head(loop=0x10000), REST],
    "no width": [head(), frame(width=0), DONE],
    "no height": [head(), frame(height=0), DONE],
    "a side too long": [head(), frame(width=51, height=1), bytes(51), DONE],
    "a side too high": [head(), frame(width=1, height=51), bytes(51), DONE],
    "the longest side": [head(), frame(width=2**32 - 1, height=1)],
    "too many pixels": [head(), frame(width=50, height=13), bytes(650), DONE],
    "pixels past 32 bits": [head(), frame(width=2**16, height=2**16), DONE],
    "two channels": [head(), frame(channels=2), bytes(8), DONE],
    "no channel": [head(), frame(channels=0), DONE],
    "most channels": [head(), frame(channels=255), bytes(1020), DONE],
    "a frame shown for ever": [head(), frame(duration=2**31), bytes(4), DONE],
    "too many regions": [head(), frame(found=protocol.MAX_REGIONS + 1), region() * 20_001, bytes(4), DONE],
    "most regions": [head(), frame(found=2**32 - 1)],
    "more seen again than seen": [head(), frame(found=1, again=2), region(), bytes(4), DONE],
    "a region nowhere": found(region(x=NAN)),
    "a region without end": found(region(w=INF)),
    "a region far away": found(region(y=-1.1e6)),
    "a region of nothing": found(region(w=0)),
    "a region turned round": found(region(h=-1)),
    "a score above one": found(region(score=1.5)),
    "a score below nothing": found(region(score=-0.5)),
    "a score of no number": found(region(score=NAN)),
    "a detector that is none": found(region(detector=len(DETECTORS))),
    "a shape that is none": found(region(shape=len(SHAPES))),
    "a second picture": [head(), frame(), bytes(4), head(), REST],
    "a reason that is none": [failed(9999)],
    "a page beyond the limit": [failed(DAMAGED.number, 6)],
    "the last page of all": [head(), failed(DAMAGED.number, 2**32 - 1)],
    "the service's reason": [failed(ALREADY_RUNNING.number)],
    "the service's reason later": [head(), failed(WEIGHTS_ALTERED.number)],
}


@pytest.mark.parametrize("parts", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_value_out_of_bounds_is_refused_at_once(parts: list[bytes]) -> None:
    """It makes the answer a bad one as soon as it is read: no room is made for more than a header before that."""
    answer = Answer(*parts)
    with pytest.raises(FileRefused) as refused:
        read_reply(answer.read, LIMITS, with_pixels=True)
    assert refused.value.reason is BAD_REPLY
    assert answer.most <= max(protocol.PICTURE_HEAD.size, protocol.FRAME_HEAD.size, protocol.REGION.size)


def test_pixels_where_none_were_asked_for_are_refused() -> None:
    """An answer with regions alone has no channel, and so no room for pixels."""
    answer = Answer(head(), frame(channels=3), bytes(12), DONE)
    with pytest.raises(FileRefused) as refused:
        read_reply(answer.read, LIMITS, with_pixels=False)
    assert refused.value.reason is BAD_REPLY
    reply = read_reply(Answer(head(), frame(channels=0), DONE).read, LIMITS, with_pixels=False)
    assert reply.sizes == ((2, 2),)


def test_frames_together_are_bounded() -> None:
    """Frames that are each within their limit are refused where they exceed that of all together."""
    full = frame(width=40, height=15) + bytes(600)
    assert len(read_reply(Answer(head(), full * 3, DONE).read, LIMITS, with_pixels=True).sizes) == 3
    answer = Answer(head(), full * 4, DONE)
    with pytest.raises(FileRefused) as refused:
        read_reply(answer.read, LIMITS, with_pixels=True)
    assert refused.value.reason is BAD_REPLY
    assert answer.most == 600


def test_regions_together_are_bounded() -> None:
    """Many frames of one pixel cannot fill the memory with regions, though each is within its limit."""
    many = frame(1, 1, found=protocol.MAX_REGIONS) + region() * protocol.MAX_REGIONS + bytes(1)
    limits = dataclasses.replace(LIMITS, frames=500)
    with pytest.raises(FileRefused) as refused:
        read_reply(Answer(head(), many * 11).read, limits, with_pixels=True)
    assert refused.value.reason is BAD_REPLY


@pytest.mark.parametrize("number", [0, DAMAGED.number, CODING_NOT_ACCEPTED.number, NO_REGULAR_FILE.number, 9999])
def test_only_a_reason_of_the_service_stops_a_start(number: int) -> None:
    """A file's reason, or none at all, is no word of a worker that starts; nor is any other message."""
    for answer in (Answer(failed(number)), Answer(head()), Answer(bytes([0]))):
        with pytest.raises(FileRefused) as refused:
            read_start(answer.read)
        assert refused.value.reason is BAD_REPLY


def valid() -> bytes:
    """A whole good answer of two frames."""
    first = frame(3, 2, 3, 40, found=2, again=1) + region() + region(x=5, shape=1) + bytes(range(18))
    return head(dpi=(72, 72), loop=0) + first + frame(2, 2, 4) + bytes(16) + DONE


def within(reply: Reply, limits: Limits) -> bool:
    """Whether an accepted reply keeps all that the trusted side relies on."""
    pixels = [width * height for width, height in reply.sizes]
    return (
        len(reply.sizes) == len(reply.picture.frames) <= limits.frames
        and max(pixels) <= limits.pixels
        and sum(pixels) <= limits.all_pixels
        and all(one.pixels.shape[:2] == size[::-1] for one, size in zip(reply.picture.frames, reply.sizes, strict=True))
        and all(abs(one.x) <= 1e6 and one.width > 0 and 0 <= one.score <= 1 for found in reply.regions for one in found)
        and reply.second_look <= reply.region_count
    )


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.tuples(st.integers(0, len(valid()) - 1), st.sampled_from([0, 1, 3, 4, 127, 128, 255])), max_size=4
        ).map(lambda changes: _changed(valid(), changes)),
        st.lists(
            st.sampled_from([head(), head(loop=3), frame(), frame(found=1), region(), bytes(4), DONE, failed(12)]),
            max_size=8,
        ).map(b"".join),
        st.builds(
            lambda fields: head() + struct.pack("<BIIBIffII", protocol.FRAME, *fields) + bytes(3000) + DONE,
            st.tuples(
                *[st.integers(0, high) for high in (60, 60, 5, 2**32 - 1)],
                *[st.floats(width=32)] * 2,
                *[st.integers(0, 3)] * 2,
            ),
        ),
    )
)
@settings(max_examples=300)
def test_no_bytes_at_all_do_harm(data: bytes) -> None:
    """Any answer is within all limits or refused, and never is more room asked for than one frame may take."""
    answer = Answer(data)
    try:
        reply = read_reply(answer.read, LIMITS, with_pixels=True)
    except FileRefused as refused:
        assert refused.reason.number in (*range(10, 40), 55, 56)  # noqa: PT017 - an answer may be good as well
    else:
        assert within(reply, LIMITS)
    assert answer.most <= LIMITS.pixels * 4


def _changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(data)
    for place, value in changes:
        changed[place] = value
    return bytes(changed)


def test_an_answer_cut_short_is_the_worker_s_death() -> None:
    """Wherever an answer ends early, the reader learns from the pipe that the worker died."""
    for length in range(len(valid())):
        with pytest.raises(FileRefused) as refused:
            read_reply(Answer(valid()[:length]).read, LIMITS, with_pixels=True)
        assert refused.value.reason is CRASHED
    assert within(read_reply(Answer(valid()).read, LIMITS, with_pixels=True), LIMITS)


def test_a_page_that_is_at_fault_is_told_within_the_limit() -> None:
    """Its number stands beside the reason, before or amid an answer; a worker that does not start has no pages."""
    for parts in ([failed(DAMAGED.number, 5)], [head(), failed(DAMAGED.number, 5)]):
        with pytest.raises(FileRefused) as refused:
            read_reply(Answer(*parts).read, LIMITS, with_pixels=True)
        assert (refused.value.reason, refused.value.page) == (DAMAGED, 5)
    with pytest.raises(FileRefused) as refused:
        read_start(Answer(failed(WEIGHTS_ALTERED.number, 1)).read)
    assert (refused.value.reason, refused.value.page) == (BAD_REPLY, 0)
