"""The encoder's own process: the same bytes as in ours, and an end at the deadline."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import time
from pathlib import Path

import numpy as np
import pytest
from tests.daemon import wait_until

from facewarden.delivery import encoder
from facewarden.delivery.encode import Order, carry_out
from facewarden.delivery.encoder import encode_in_time
from facewarden.errors import DEADLINE, NOT_ENCODED, FileRefused
from facewarden.values import Frame, Picture

NOISE = np.random.default_rng(1).integers(0, 256, (2400, 2400, 3), np.uint8)


def children() -> set[int]:
    """Process ids of this process's children, those that ended and were not collected included."""
    told = [path.read_text() for path in Path("/proc/self/task").glob("*/children")]
    return {int(number) for line in told for number in line.split()}


def order(container: str, pixels: np.ndarray = NOISE) -> Order:
    return Order(Picture("PNG", (Frame(pixels), Frame(pixels[::-1].copy()))), container, 90)


@pytest.mark.parametrize("container", ["GIF", "WEBP", "PNG"])
def test_a_process_of_its_own_gives_the_same_bytes(container: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a picture is encoded here or aside, its file is the same."""
    small = order(container, NOISE[:300, :300].copy())
    monkeypatch.setattr(encoder, "ASIDE_SECONDS", 0.0)
    assert encode_in_time(small, 60) == carry_out(small)


def test_it_ends_at_the_deadline() -> None:
    """No process stays, and the reason says what to do."""
    slow = order("GIF")
    assert encoder.expected_seconds(slow) > encoder.ASIDE_SECONDS
    before, start = children(), time.monotonic()
    with pytest.raises(FileRefused) as caught:
        encode_in_time(slow, 1.0)
    assert caught.value.reason is DEADLINE
    assert time.monotonic() - start < 10
    assert children() == before


def test_what_a_container_cannot_hold_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal comes back as it would from our own process."""
    monkeypatch.setattr(encoder, "ASIDE_SECONDS", 0.0)
    frames = (Frame(NOISE[:9, :9].copy()), Frame(NOISE[:5, :5].copy()))
    with pytest.raises(FileRefused) as caught:
        encode_in_time(Order(Picture("WEBP", frames), "WEBP", 90), 60)
    assert caught.value.reason is NOT_ENCODED


def test_it_dies_with_the_service() -> None:
    """A service that is killed leaves no encoder behind that works on."""
    read, write = os.pipe()
    parent = os.fork()
    if not parent:
        os.close(read)
        try:
            with contextlib.suppress(ValueError):  # only root may raise it
                resource.setrlimit(resource.RLIMIT_CORE, (1 << 20, 1 << 20))
            encode_in_time(order("GIF"), 300)
        finally:
            os._exit(0)
    os.close(write)
    try:
        (child,) = wait_until(lambda: Path(f"/proc/{parent}/task/{parent}/children").read_text().split(), "it encodes")
        wait_until(lambda: b"encoder" in Path(f"/proc/{child}/cmdline").read_bytes(), "it is the encoder")
        wait_until(lambda: cpu_ticks(int(child)) > 100, "it is at work")
        assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{child}/limits").read_text())
    finally:
        os.kill(parent, 9)
        os.waitpid(parent, 0)
        os.close(read)
    wait_until(lambda: not Path(f"/proc/{child}").exists() or state(int(child)) == "Z", "it has gone")


def cpu_ticks(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
