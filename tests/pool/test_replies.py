"""The border: what a worker sends comes through whole, and whatever else comes is refused before room is made for it."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facewarden import protocol
from facewarden.errors import CRASHED, REASONS, WEIGHTS_ALTERED, FileRefused, Reason
from facewarden.replies import read_reply, read_start
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
    dpi = draw(st.one_of(st.none(), st.tuples(*[st.floats(1, 10_000, width=32)] * 2)))
    return Sent(Frame(pixels, draw(st.integers(0, 2**31 - 1)), dpi), regions, draw(st.integers(0, len(regions))))


Dpi = tuple[float, float] | None

PICTURES = st.tuples(
    st.sampled_from(FORMATS),
    st.lists(frames(), min_size=1, max_size=5),
    st.one_of(st.none(), st.tuples(st.floats(1, 10_000, width=32), st.floats(1, 10_000, width=32))),
    st.one_of(st.none(), st.integers(0, 0xFFFF)),
    st.one_of(st.none(), st.datetimes().map(lambda when: when.timetuple()[:6])),
    st.tuples(st.one_of(st.none(), st.integers(1, 100)), st.one_of(st.none(), st.integers(0, 2))),
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
        wire.write_frame(one.frame, one.regions, one.second_look, with_pixels=with_pixels)
    wire.write_done(0.25, 1.5, 10_000.0)


@given(PICTURES, st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_what_a_worker_writes_is_read_back(
    pipe: Callable[[Callable[[], None]], Callable[[int], bytearray]],
    it: tuple[str, list[Sent], Dpi, int | None, Moment | None, tuple[int | None, int | None]],
    with_pixels: bool,
) -> None:
    """Frames to the byte, regions, times, resolution, loop and date come through a real pipe as they were sent."""
    container, sent, dpi, loop, captured, written = it
    picture = Picture(container, tuple(one.frame for one in sent), dpi, loop, captured, *written)
    reply = read_reply(pipe(lambda: send(picture, sent, with_pixels=with_pixels)), LIMITS, with_pixels=with_pixels)
    assert (reply.picture.format, reply.picture.dpi, reply.picture.loop) == (container, dpi, loop)
    assert reply.picture.captured == captured
    assert (reply.picture.quality, reply.picture.subsampling) == written
    assert reply.regions == tuple(tuple(one.regions) for one in sent)
    assert reply.second_look == sum(one.second_look for one in sent)
    assert reply.sizes == tuple(one.frame.pixels.shape[1::-1] for one in sent)
    assert reply.seconds == {"decode": 0.25, "detect": 1.5, "redact": pytest.approx(4294.967295)}
    for got, one in zip(reply.picture.frames, sent, strict=True):
        assert (got.duration, got.dpi) == (one.frame.duration, one.frame.dpi)
        if with_pixels:
            np.testing.assert_array_equal(got.pixels, one.frame.pixels)
        else:
            assert got.pixels.size == 0


@pytest.mark.parametrize(
    "reason", [reason for reason in REASONS.values() if reason.number in (*range(10, 40), 55, 56)], ids=str
)
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
