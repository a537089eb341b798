"""The workers of this machine, beyond the contract of any pool: what they answer, every death named, locked and ended for certain."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.daemon import wait_until
from tests.locked import NOBODY, PATIENCE, interpreter_of_nobody, start

import facewarden
from facewarden import protocol
from facewarden.errors import (
    BAD_REPLY,
    CRASHED,
    DAMAGED,
    DEADLINE,
    NOT_ENCODED,
    OUT_OF_MEMORY,
    REFUSED_CALL,
    WEIGHTS_ALTERED,
    WEIGHTS_MISSING,
    Exit,
    FileRefused,
    Reason,
)
from facewarden.pool import LocalPool
from facewarden.pool.process import WorkerProcess
from facewarden.values import Frame, Picture, Pixels, Recipe, Terms

RECIPE = Recipe(thresholds={"blazeface": 0.3}, smallest_face=40)

FAKE = (
    "import os; from facewarden import protocol; from facewarden.errors import obstacles, refusals; from facewarden.sandbox import wire; "
    "wire.read_prologue(); wire.write_ready(0, seccomp=False); wire.read_request()"
)
"""A process that takes a photo as a worker does; what it does then is the test's."""


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_photo_comes_back_with_its_face_hidden(pool: LocalPool, photo: bytes, astronaut: Pixels) -> None:
    """The answer holds the picture's pixels, changed where the face was, and says where that is."""
    reply = pool.treat(photo, RECIPE, 60)
    (frame,) = reply.picture.frames
    assert frame.pixels.shape == astronaut.shape
    assert reply.region_count >= 1
    assert np.abs(frame.pixels[90:160, 180:260].astype(int) - astronaut[90:160, 180:260]).mean() > 25
    assert set(reply.seconds) == {"decode", "detect", "redact"}


def test_regions_alone_can_be_asked_for(pool: LocalPool, photo: bytes) -> None:
    """A FIND answer has the sizes and regions of the frames and none of their pixels."""
    reply = pool.treat(photo, RECIPE, 60, protocol.FIND)
    assert reply.sizes == ((512, 512),)
    assert reply.region_count >= 1
    assert all(not frame.pixels.size for frame in reply.picture.frames)


def test_an_owner_keeps_its_worker(photo: bytes) -> None:
    """One owner's photos go through the same worker, also after a refusal: its models are loaded once."""
    pool = LocalPool(1)
    pool.start()
    try:
        first = pool.pids()
        assert pool.treat(photo, RECIPE, 60, owner="one").region_count
        with pytest.raises(FileRefused):
            pool.treat(b"no picture at all", RECIPE, 60, owner="one")
        assert pool.treat(photo, RECIPE, 60, owner="one").region_count
        assert pool.pids() == first
    finally:
        pool.stop()


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGSEGV, CRASHED), (signal.SIGKILL, OUT_OF_MEMORY)])
def test_a_death_in_mid_work_is_named_and_mended(photo: bytes, number: int, reason: Reason) -> None:
    """A worker that dies while it works gives the reason of its signal; a fresh one takes the next photo."""
    deaths: list[Reason] = []
    pool = LocalPool(1, deaths.append)
    pool.start()
    try:
        (victim,) = pool.pids()
        os.kill(victim, signal.SIGSTOP)  # so that it is certainly still at work when it dies
        killer = threading.Thread(target=_kill_once_fed, args=(victim, number))
        killer.start()
        with pytest.raises(FileRefused) as refusal:
            pool.treat(photo, RECIPE, 60)
        killer.join()
        assert refusal.value.reason is reason
        assert deaths == [reason]
        assert pool.treat(photo, RECIPE, 60).region_count
        assert victim not in pool.pids()
    finally:
        pool.stop()


def _kill_once_fed(victim: int, number: int) -> None:
    """Send the signal once the request waits in the victim's input."""
    descriptor = os.open(f"/proc/{victim}/fd/0", os.O_RDONLY | os.O_NONBLOCK)
    try:
        wait_until(lambda: _bytes_waiting(descriptor), "the request reaches the worker")
        os.kill(victim, number)
        os.kill(victim, signal.SIGCONT)
    finally:
        os.close(descriptor)


def _bytes_waiting(descriptor: int) -> int:
    import array
    import fcntl
    import termios

    count = array.array("i", [0])
    fcntl.ioctl(descriptor, termios.FIONREAD, count)
    return count[0]


@pytest.mark.parametrize(
    ("last_act", "reason"),
    [
        ("import os; os._exit(0)", CRASHED),
        ("import os; os._exit(3)", CRASHED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSYS)", REFUSED_CALL),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", CRASHED),
        ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", DEADLINE),
        ("wire.write_failure(refusals.OUT_OF_MEMORY)", OUT_OF_MEMORY),
        ("wire.write_failure(obstacles.ALREADY_RUNNING)", BAD_REPLY),
        ("os.write(1, bytes(99)); input()", BAD_REPLY),
        ("os.write(1, protocol.TAG.pack(protocol.PICTURE)); os.close(1); wire.read_request()", BAD_REPLY),
        ("os.write(2, bytes(10_000_000)); wire.write_failure(refusals.DAMAGED)", DAMAGED),
    ],
)
def test_each_cause_has_its_reason(photo: bytes, last_act: str, reason: Reason) -> None:
    """However a process answers or ends in the middle of a photo, its reason is named; none lives that lied or died."""
    worker = WorkerProcess(Terms(), ("-c", f"{FAKE}; {last_act}"))
    try:
        worker.wait_ready()
        with pytest.raises(FileRefused) as refusal:
            worker.ask(protocol.HIDE, photo, RECIPE, 30)
        assert refusal.value.reason is reason
        assert reason is DAMAGED or not worker.alive()
    finally:
        worker.stop()


def test_a_worker_that_speaks_unasked_is_noticed(photo: bytes) -> None:
    """What a worker says after its answer makes it unfit for the next photo, and is no part of that one's answer."""
    more = "wire.write_failure(refusals.DAMAGED); os.write(1, b'more'); wire.read_request()"
    worker = WorkerProcess(Terms(), ("-c", f"{FAKE}; {more}"))
    try:
        worker.wait_ready()
        assert worker.waits()
        with pytest.raises(FileRefused):
            worker.ask(protocol.HIDE, photo, RECIPE, 30)
        wait_until(lambda: not worker.waits(), "it speaks")
        assert worker.alive()
    finally:
        worker.stop()


@pytest.mark.timeout(150)
def test_a_worker_that_waited_long_still_answers(photo: bytes) -> None:
    """A worker without work for more than a minute, after which MediaPipe would end its thread, takes the next photo."""
    worker = WorkerProcess(Terms())
    try:
        worker.wait_ready()
        ready = time.monotonic()
        wait_until(lambda: time.monotonic() - ready > 66, "a minute goes by", patience=90)
        assert worker.ask(protocol.HIDE, photo, RECIPE, 30).region_count
    finally:
        worker.stop()


def test_a_worker_that_ignores_its_end_is_killed() -> None:
    """A process that does not end when its input does is killed after a while, and a stop comes back."""
    stubborn = "import signal; from facewarden.sandbox import wire; wire.write_ready(0, seccomp=False); signal.pause()"
    worker = WorkerProcess(Terms(), ("-c", stubborn))
    worker.wait_ready()
    worker.stop()
    assert not worker.alive()


def test_a_worker_ends_with_its_parent() -> None:
    """A worker whose input is closed, as at its parent's death, ends by itself."""
    worker = WorkerProcess(Terms())
    worker.wait_ready()
    worker.stop()
    assert not worker.alive()


@pytest.mark.parametrize(("closing", "seen"), [("", b"looked"), ("memory.close_memory()", b"PermissionError")])
def test_nobody_of_the_same_user_looks_into_the_service(closing: str, seen: bytes) -> None:
    """Once the memory is closed, a process of the same user without root's rights can neither read nor trace it."""
    look = "import os; open(f'/proc/{os.getppid()}/mem', 'rb'); print('looked')"
    code = f"""
        import subprocess
        from facewarden.pool import memory
        {closing}
        subprocess.run([sys.executable, "-I", "-c", {look!r}], check=False)
    """
    with start(code, interpreter_of_nobody(), NOBODY) as process:
        said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert seen in said + errors


@pytest.mark.parametrize(
    ("harm", "reason"), [(Path.unlink, WEIGHTS_MISSING), (lambda file: file.write_bytes(b"other"), WEIGHTS_ALTERED)]
)
def test_a_worker_without_its_weights_refuses(tmp_path: Path, harm: Callable[[Path], object], reason: Reason) -> None:
    """Missing or altered weights are the worker's first and last word, with the exit code of a failed start."""
    shutil.copytree(Path(facewarden.__file__).parent, tmp_path / "facewarden")
    harm(tmp_path / "facewarden/sandbox/weights/centerface.onnx")
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from facewarden.sandbox.worker import main; sys.exit(main(['99999999']))"
    done = subprocess.run(
        [sys.executable, "-c", start], capture_output=True, check=False, input=protocol.PROLOGUE.pack(0)
    )
    assert done.stdout == protocol.TAG.pack(protocol.FAILED) + protocol.FAILURE.pack(reason.number, 0)
    assert done.returncode == reason.exit == Exit.CANNOT_START


SLOW = """
import sys, time
sys.path[:] += PLACES
from facewarden import protocol
from facewarden.sandbox import wire
from facewarden.values import Frame, Picture
import numpy as np
wire.read_prologue()
wire.write_ready(1, seccomp=True)
while wire.read_request():
    wire.write_picture(Picture(FORMAT, ()))
    for number in range(20):
        time.sleep(0.15)
        wire.write_frame(Frame(np.zeros((SIDE, SIDE), np.uint8)), (), 0, with_pixels=True)
    wire.write_done(0, 0, 0)
"""
"""A worker whose frames take 0.15 seconds each, three in all."""


@pytest.mark.parametrize(
    ("container", "side", "gets_through"),
    [("TIFF", 1000, True), ("PDF", 1000, True), ("GIF", 1000, False), ("TIFF", 2, False), ("PDF", 2, False)],
)
def test_a_long_document_has_more_time(container: str, side: int, gets_through: bool) -> None:
    """Each page of a million pixels adds a tenth of a photo's time; pages of no size buy none, and an animation does without."""
    places = [place for place in sys.path if Path(place).is_absolute()]
    code = SLOW.replace("PLACES", repr(places)).replace("FORMAT", repr(container)).replace("SIDE", str(side))
    worker = WorkerProcess(Terms(), ("-c", code))
    try:
        worker.wait_ready()
        if gets_through:
            assert len(worker.ask(protocol.HIDE, b"a file", RECIPE, 2.0).sizes) == 20
            return
        with pytest.raises(FileRefused) as refusal:
            worker.ask(protocol.HIDE, b"a file", RECIPE, 2.0)
        assert refusal.value.reason is DEADLINE
    finally:
        worker.stop()


class Weary:
    """A receiver that gives up at the second frame."""

    def begin(self, picture: Picture) -> None:
        self.taken = 0

    def take(self, frame: Frame, hidden: int) -> Frame:
        self.taken += 1
        if self.taken == 2:
            raise FileRefused(NOT_ENCODED)
        return frame


def test_an_answer_that_nobody_can_write_ends_its_worker() -> None:
    """What is left of the answer must not be taken for the next photo's."""
    places = [place for place in sys.path if Path(place).is_absolute()]
    code = SLOW.replace("PLACES", repr(places)).replace("FORMAT", repr("TIFF")).replace("SIDE", "2")
    worker = WorkerProcess(Terms(), ("-c", code))
    try:
        worker.wait_ready()
        with pytest.raises(FileRefused) as refusal:
            worker.ask(protocol.HIDE, b"a file", RECIPE, 30.0, Weary())
        assert refusal.value.reason is NOT_ENCODED
        assert not worker.alive()
    finally:
        worker.stop()
