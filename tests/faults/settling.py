"""Measure when photos are read: one written in bursts for a while, and one renamed into place.

    python -m tests.faults.settling [--seconds 30] [--settle 2]

The bursts are 0.75 of the quiet time apart. Exit code 1 where the slow photo was read before its last byte was written and
quiet, or where the renamed one had to settle.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.daemon import wait_until
from tests.faults.harness import Harness, check_redacted, write_slowly
from tests.portraits import portrait


def measure(folder: Path, seconds: float, settle: float) -> tuple[float, float]:
    """Seconds from the last byte of the slow photo to its result, and from the rename to that of the renamed one."""
    service = Harness(folder)
    service.configure(settle=settle, scan_every=1.0, watch="events")
    service.start()
    try:
        slow, pause = service.inbox / "slow.jpg", 0.75 * settle
        writer = threading.Thread(target=write_slowly, args=(slow, portrait(1), round(seconds / pause) + 1, pause))
        writer.start()
        while writer.is_alive():
            assert not service.results(), "it was read early"
            assert not service.told("job"), "it was read early"
            writer.join(0.02)
        written = time.monotonic()
        wait_until(service.results, "the slow photo comes out")
        settled = time.monotonic() - written
        (service.inbox / ".quick").write_bytes(portrait(2))
        (service.inbox / ".quick").rename(service.inbox / "quick.jpg")
        renamed = time.monotonic()
        wait_until((service.outbox / "quick.jpg").exists, "the renamed photo comes out")
        quick = time.monotonic() - renamed
        assert service.stop() == 0
    finally:
        service.kill()
    check_redacted(service.outbox / "slow.jpg", 1)
    check_redacted(service.outbox / "quick.jpg", 2)
    return settled, quick


def main() -> int:
    """Parse the arguments and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--settle", type=float, default=2.0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settled, quick = measure(Path(folder), given.seconds, given.settle)
    sys.stdout.write(
        f"written in bursts over {given.seconds:.0f} s, quiet time {given.settle} s: out {settled:.2f} s after the last byte; "
        f"renamed into place: out after {quick:.2f} s\n"
    )
    return int(settled < given.settle * 0.9 or quick >= given.settle)


if __name__ == "__main__":
    sys.exit(main())
