"""The pool: one answer a photo, every death of a worker named, and never fewer workers than asked for."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.daemon import wait_until

import facewarden
from facewarden import protocol
from facewarden.errors import (
    CRASHED,
    DEADLINE,
    NOT_A_PICTURE,
    OUT_OF_MEMORY,
    WEIGHTS_ALTERED,
    WEIGHTS_MISSING,
    Exit,
    FileRefused,
    Reason,
)
from facewarden.pool import Pool
from facewarden.pool.process import WorkerProcess
from facewarden.values import Pixels, Recipe, Terms

RECIPE = Recipe(thresholds={"blazeface": 0.3}, smallest_face=40)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    it = Pool(1)
    it.start()
    yield it
    it.stop()


@pytest.fixture(scope="module")
def photo(astronaut: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(astronaut).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_photo_comes_back_with_its_face_hidden(pool: Pool, photo: bytes, astronaut: Pixels) -> None:
    """The answer holds the picture's pixels, changed where the face was, and says where that is."""
    reply = pool.treat(photo, RECIPE, 60)
    (frame,) = reply.picture.frames
    assert frame.pixels.shape == astronaut.shape
    assert reply.region_count >= 1
    assert np.abs(frame.pixels[90:160, 180:260].astype(int) - astronaut[90:160, 180:260]).mean() > 25
    assert set(reply.seconds) == {"decode", "detect", "redact"}


def test_regions_alone_can_be_asked_for(pool: Pool, photo: bytes) -> None:
    """A FIND answer has the sizes and regions of the frames and none of their pixels."""
    reply = pool.treat(photo, RECIPE, 60, protocol.FIND)
    assert reply.sizes == ((512, 512),)
    assert reply.region_count >= 1
    assert all(not frame.pixels.size for frame in reply.picture.frames)


def test_a_refused_file_leaves_the_worker_alive(pool: Pool, photo: bytes) -> None:
    """A file that is no picture is refused by its reason, and the same worker takes the next photo."""
    before = pool.pids()
    with pytest.raises(FileRefused) as refusal:
        pool.treat(b"no picture at all", RECIPE, 60)
    assert refusal.value.reason is NOT_A_PICTURE
    assert pool.treat(photo, RECIPE, 60).region_count
    assert pool.pids() == before


@pytest.mark.parametrize(("number", "reason"), [(signal.SIGSEGV, CRASHED), (signal.SIGKILL, OUT_OF_MEMORY)])
def test_a_death_in_mid_work_is_named_and_mended(photo: bytes, number: int, reason: Reason) -> None:
    """A worker that dies while it works gives the reason of its signal; a fresh one takes the next photo."""
    deaths: list[Reason] = []
    pool = Pool(1, deaths.append)
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
        assert pool.pids() != [victim]
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


def test_a_worker_that_hangs_is_ended_at_the_deadline(photo: bytes) -> None:
    """A stopped worker is killed when the time is over, and its place is taken by a fresh one."""
    pool = Pool(1)
    pool.start()
    try:
        (victim,) = pool.pids()
        os.kill(victim, signal.SIGSTOP)
        start = time.monotonic()
        with pytest.raises(FileRefused) as refusal:
            pool.treat(photo, RECIPE, 1.0)
        assert refusal.value.reason is DEADLINE
        assert time.monotonic() - start < 30
        assert pool.treat(photo, RECIPE, 60).region_count
        assert not Path(f"/proc/{victim}").exists()
    finally:
        pool.stop()


def test_stopping_ends_every_worker() -> None:
    """After a stop no worker process is left."""
    pool = Pool(2)
    pool.start()
    pids = pool.pids()
    assert len(pids) == 2
    pool.stop()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_a_worker_ends_with_its_parent() -> None:
    """A worker whose input is closed, as at its parent's death, ends by itself."""
    worker = WorkerProcess(Terms())
    worker.wait_ready()
    worker.stop()
    assert not worker.alive()


@pytest.mark.parametrize(
    ("harm", "reason"), [(Path.unlink, WEIGHTS_MISSING), (lambda file: file.write_bytes(b"other"), WEIGHTS_ALTERED)]
)
def test_a_worker_without_its_weights_refuses(tmp_path: Path, harm: Callable[[Path], object], reason: Reason) -> None:
    """Missing or altered weights are the worker's first and last word, with the exit code of a failed start."""
    shutil.copytree(Path(facewarden.__file__).parent, tmp_path / "facewarden")
    harm(tmp_path / "facewarden/weights/centerface.onnx")
    start = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from facewarden.sandbox.worker import main; sys.exit(main(['99999999']))"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert done.stdout == protocol.TAG.pack(protocol.FAILED) + protocol.FAILURE.pack(reason.number)
    assert done.returncode == reason.exit == Exit.CANNOT_START
