"""Encoder: large pictures are encoded in a process of their own.

Nothing can end an encoder within ours at a deadline, and an AVIF of 400 megapixels takes minutes, a GIF a quarter of an
hour. The pixels go over a pipe, so that no second copy of them lies in the service.
"""

from __future__ import annotations

import ctypes
import pickle
import resource
import signal
import subprocess
import sys
import threading

from facewarden.delivery.encode import Order, carry_out
from facewarden.errors import DEADLINE, NOT_ENCODED, FileRefused

ENTRY = ("-m", "facewarden.delivery.encoder")
"""The interpreter's arguments that make it an encoder."""

ASIDE_SECONDS = 10.0
"""What is expected to take longer goes to a process of its own, whose start takes half a second."""

_SECONDS = {"AVIF": 2.7, "GIF": 2.0, "WEBP": 1.8, "JPEG2000": 0.8, "PNG": 0.25, "TIFF": 0.15}
"""A million pixels on one core of 2020, measured with 12 MP of a photo; lossless for WebP.

All others take less than 0.05.
"""

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def encode_in_time(order: Order, seconds: float) -> bytes:
    """The ordered file, made within `seconds`. Raises FileRefused(NOT_ENCODED), FileRefused(DEADLINE)."""
    if expected_seconds(order) <= min(ASIDE_SECONDS, seconds):
        return carry_out(order)
    process = subprocess.Popen(
        [sys.executable, "-I", *ENTRY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    late = threading.Event()
    timer = threading.Timer(seconds, _ended, (process, late))
    timer.start()
    try:
        with process:  # closes its pipes, however it ended
            data = _asked(process, order)
            process.kill()
    finally:
        timer.cancel()
    if late.is_set():
        raise FileRefused(DEADLINE)
    if process.returncode or not data:
        raise FileRefused(NOT_ENCODED)
    return data


def expected_seconds(order: Order) -> float:
    """How long it takes, to the order of magnitude."""
    pixels: int = sum(frame.pixels.shape[0] * frame.pixels.shape[1] for frame in order.picture.frames)
    return _SECONDS.get(order.container, 0.05) * pixels / 1e6


def _ended(process: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    process.kill()


def _asked(process: subprocess.Popen[bytes], order: Order) -> bytes:
    """The answer of an encoder; empty or in part where it was ended meanwhile."""
    assert process.stdin
    assert process.stdout
    try:
        with process.stdin as requests:
            pickle.dump(order, requests, protocol=5)
    except BrokenPipeError:
        return b""
    data = process.stdout.read()
    process.wait()
    return data


def main() -> None:
    """Encode one picture from stdin to stdout.

    It ends with the thread that asked for it (prctl(2)), and leaves no core file.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    order = pickle.load(sys.stdin.buffer)  # noqa: S301 - the service's own
    try:
        data = carry_out(order)
    except FileRefused:
        sys.exit(1)
    sys.stdout.buffer.write(data)


if __name__ == "__main__":
    main()
