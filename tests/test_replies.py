"""The border: what a worker sends comes through whole, and whatever else comes is refused before room is made for it."""

from __future__ import annotations

import dataclasses
import io
import os
import struct
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewarden import protocol
from facewarden.errors import (
    ALREADY_RUNNING,
    BAD_REPLY,
    CRASHED,
    DAMAGED,
    REASONS,
    WEIGHTS_ALTERED,
    FileRefused,
    Reason,
)
from facewarden.replies import Reply, read_reply, read_start
from facewarden.sandbox import wire
from facewarden.values import DETECTORS, FORMATS, SHAPES, Frame, Limits, Moment, Picture, Recipe, Region

LIMITS = Limits(bytes=1000, pixels=600, side=50, frames=5, all_pixels=2000)
NEAR = st.floats(-1000, 1000, width=32)
LONG = st.floats(0.5, 1000, width=32)
REGIONS = st.builds(
    Region,
    x=NEAR,
    y=NEAR,
    width=LONG,
    height=LONG,
    score=st.floats(0, 1, width=32),
    detector=st.sampled_from(DETECTORS),
    shape=st.sampled_from(SHAPES),
)


@dataclasses.dataclass
class Sent:
    """One frame as a worker sends it."""

    frame: Frame
    regions: list[Region]
    second_look: int


@st.composite
def frames(draw: st.DrawFn) -> Sent:
    height, width = draw(st.integers(1, 20)), draw(st.integers(1, 20))
    shape = draw(st.sampled_from([(height, width), (height, width, 3), (height, width, 4)]))
    pixels = np.random.default_rng(draw(st.integers(0, 9))).integers(0, 256, shape, dtype=np.uint8)
    if draw(st.booleans()):
        pixels = np.asfortranarray(pixels)  # a view whose bytes are not in reading order
    regions = draw(st.lists(REGIONS, max_size=4))
    return Sent(Frame(pixels, draw(st.integers(0, 2**31 - 1))), regions, draw(st.integers(0, len(regions))))


PICTURES = st.tuples(
    st.sampled_from(FORMATS),
    st.lists(frames(), min_size=1, max_size=5),
    st.one_of(st.none(), st.tuples(st.floats(1, 10_000, width=32), st.floats(1, 10_000, width=32))),
    st.one_of(st.none(), st.integers(0, 0xFFFF)),
    st.one_of(st.none(), st.datetimes().map(lambda when: when.timetuple()[:6])),
)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Callable[[], None]], Callable[[int], bytearray]]]:
    """Gives what is written by `wire` to a real pipe, byte by byte as a pipe gives it, to a reader."""
    ends: list[int] = []

    def run(write: Callable[[], None]) -> Callable[[int], bytearray]:
        reader, writer = os.pipe()
        ends.append(reader)
        monkeypatch.setattr(wire, "REPLIES_FD", writer)

        def work() -> None:
            write()
            os.close(writer)

        threading.Thread(target=work).start()
        return lambda length: exactly(length, reader)

    yield run
    for end in ends:
        os.close(end)


def exactly(length: int, reader: int) -> bytearray:
    data = bytearray()
    while len(data) < length:
        part = os.read(reader, length - len(data))
        if not part:
            raise FileRefused(CRASHED)
        data += part
    return data


def send(picture: Picture, sent: list[Sent], *, with_pixels: bool) -> None:
    wire.write_picture(picture)
    for one in sent:
        wire.write_frame(one.frame.pixels, one.frame.duration, one.regions, one.second_look, with_pixels=with_pixels)
    wire.write_done(0.25, 1.5, 10_000.0)


@given(PICTURES, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_a_worker_writes_is_read_back(
    pipe: Callable[[Callable[[], None]], Callable[[int], bytearray]],
    it: tuple[str, list[Sent], tuple[float, float] | None, int | None, Moment | None],
    with_pixels: bool,
) -> None:
    """Frames to the byte, regions, times, resolution, loop and date come through a real pipe as they were sent."""
    container, sent, dpi, loop, captured = it
    picture = Picture(container, tuple(one.frame for one in sent), dpi, loop, captured)
    reply = read_reply(pipe(lambda: send(picture, sent, with_pixels=with_pixels)), LIMITS, with_pixels=with_pixels)
    assert (reply.picture.format, reply.picture.dpi, reply.picture.loop) == (container, dpi, loop)
    assert reply.picture.captured == captured
    assert reply.regions == tuple(tuple(one.regions) for one in sent)
    assert reply.second_look == sum(one.second_look for one in sent)
    assert reply.sizes == tuple(one.frame.pixels.shape[1::-1] for one in sent)
    assert reply.seconds == {"decode": 0.25, "detect": 1.5, "redact": pytest.approx(4294.967295)}
    for got, one in zip(reply.picture.frames, sent, strict=True):
        assert got.duration == one.frame.duration
        if with_pixels:
            np.testing.assert_array_equal(got.pixels, one.frame.pixels)
        else:
            assert got.pixels.size == 0


@pytest.mark.parametrize("reason", [reason for reason in REASONS.values() if reason.number < 40], ids=str)
def test_a_files_reason_comes_through(
    pipe: Callable[[Callable[[], None]], Callable[[int], bytearray]], reason: Reason
) -> None:
    """A worker's failure is raised as the reason it named, at the beginning and in the middle of an answer."""

    def in_the_middle() -> None:
        wire.write_picture(Picture("PNG", (Frame(np.zeros((2, 2), np.uint8)),)))
        wire.write_failure(reason)

    for write in (lambda: wire.write_failure(reason), in_the_middle):
        with pytest.raises(FileRefused) as refused:
            read_reply(pipe(write), LIMITS, with_pixels=True)
        assert refused.value.reason is reason


def test_a_start_comes_through(pipe: Callable[[Callable[[], None]], Callable[[int], bytearray]]) -> None:
    """The first word tells of the lock, or the reason why there is no start."""
    protection = read_start(pipe(lambda: wire.write_ready(7, seccomp=True)))
    assert (protection.landlock, protection.seccomp, protection.complete) == (7, True, True)
    assert not read_start(pipe(lambda: wire.write_ready(0, seccomp=True))).complete
    with pytest.raises(FileRefused) as refused:
        read_start(pipe(lambda: wire.write_failure(WEIGHTS_ALTERED)))
    assert refused.value.reason is WEIGHTS_ALTERED


def test_requests_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request is read as it was written, one after the other; the closed pipe ends them; half a one is an error."""
    reader, writer = os.pipe()
    monkeypatch.setattr(wire, "REQUESTS_FD", reader)
    recipe = Recipe({"blazeface": 0.3}, growth=1.25, emblem=b"emblem", limits=LIMITS)
    text = recipe.to_json().encode()
    for kind, original in ((protocol.HIDE, b"original" * 99), (protocol.FIND, b"")):
        os.write(writer, protocol.REQUEST.pack(kind, len(text), 6, len(original)) + text + b"emblem" + original)
        assert wire.read_request() == wire.Request(recipe, original, kind == protocol.HIDE)
    os.write(writer, protocol.REQUEST.pack(protocol.HIDE, len(text), 0, 9) + text + b"half")
    os.close(writer)
    with pytest.raises(EOFError):
        wire.read_request()
    assert wire.read_request() is None
    os.close(reader)


# Hostile answers


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
    count: int = 1,
    dpi: tuple[float, float] = (0, 0),
    loop: int = -1,
    captured: tuple[int, ...] = (0,) * 6,
) -> bytes:
    return bytes([protocol.PICTURE]) + protocol.PICTURE_HEAD.pack(container, count, *dpi, loop, *captured)


def frame(
    width: int = 2, height: int = 2, channels: int = 1, duration: int = 0, found: int = 0, again: int = 0
) -> bytes:
    return bytes([protocol.FRAME]) + protocol.FRAME_HEAD.pack(width, height, channels, duration, found, again)


def region(
    x: float = 0, y: float = 0, w: float = 1, h: float = 1, score: float = 0.5, detector: int = 0, shape: int = 0
) -> bytes:
    return protocol.REGION.pack(x, y, w, h, score, detector, shape)


def failed(number: int) -> bytes:
    return bytes([protocol.FAILED]) + protocol.FAILURE.pack(number)


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
    "no frame": [head(count=0), DONE],
    "too many frames": [head(count=6), (frame() + bytes(4)) * 6, DONE],
    "most frames": [head(count=2**32 - 1), REST],
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
    "the end before the last frame": [head(count=2), frame(), bytes(4), DONE],
    "a frame too many": [head(), frame(), bytes(4), REST],
    "a reason that is none": [failed(9999)],
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
    assert len(read_reply(Answer(head(count=3), full * 3, DONE).read, LIMITS, with_pixels=True).sizes) == 3
    answer = Answer(head(count=4), full * 4, DONE)
    with pytest.raises(FileRefused) as refused:
        read_reply(answer.read, LIMITS, with_pixels=True)
    assert refused.value.reason is BAD_REPLY
    assert answer.most == 600


def test_regions_together_are_bounded() -> None:
    """Many frames of one pixel cannot fill the memory with regions, though each is within its limit."""
    many = frame(1, 1, found=protocol.MAX_REGIONS) + region() * protocol.MAX_REGIONS + bytes(1)
    limits = dataclasses.replace(LIMITS, frames=500)
    with pytest.raises(FileRefused) as refused:
        read_reply(Answer(head(count=500), many * 11).read, limits, with_pixels=True)
    assert refused.value.reason is BAD_REPLY


@pytest.mark.parametrize("number", [0, DAMAGED.number, 9999])
def test_only_a_reason_of_the_service_stops_a_start(number: int) -> None:
    """A file's reason, or none at all, is no word of a worker that starts; nor is any other message."""
    for answer in (Answer(failed(number)), Answer(head()), Answer(bytes([0]))):
        with pytest.raises(FileRefused) as refused:
            read_start(answer.read)
        assert refused.value.reason is BAD_REPLY


def valid() -> bytes:
    """A whole good answer of two frames."""
    first = frame(3, 2, 3, 40, found=2, again=1) + region() + region(x=5, shape=1) + bytes(range(18))
    return head(count=2, dpi=(72, 72), loop=0) + first + frame(2, 2, 4) + bytes(16) + DONE


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
            st.sampled_from([head(), head(count=3), frame(), frame(found=1), region(), bytes(4), DONE, failed(12)]),
            max_size=8,
        ).map(b"".join),
        st.builds(
            lambda fields: head() + struct.pack("<BIIBIII", protocol.FRAME, *fields) + bytes(3000) + DONE,
            st.tuples(*[st.integers(0, high) for high in (60, 60, 5, 2**32 - 1, 3, 3)]),
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
        assert refused.reason.number < 40  # noqa: PT017 - an answer may be good as well
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
