"""Measure the service with very many files waiting: its memory beyond an idle one's, and the time to the first result.

    python -m tests.faults.flood [--files 100000] [--seconds 30] [--folder FOLDER]

The files are tiny photos, all different, and older the higher their number: what comes out first must be among the oldest.
A second inbox gets one photo while the flood waits, and must not wait for it. Exit code 1 where a limit is not kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from tests.daemon import wait_until
from tests.faults.harness import Harness
from tests.portraits import portrait

MEMORY = 200 << 20
"""Bytes of resident memory beyond the idle service's."""
FIRST_SECONDS = 10.0
"""From the start of the process to the first result."""


@dataclasses.dataclass(frozen=True)
class Measured:
    """What was seen; sizes in bytes, times in seconds."""

    files: int
    idle: int
    full: int
    first: float
    other: float
    results: int
    youngest: int
    seconds: float

    @property
    def kept(self) -> bool:
        return self.full - self.idle < MEMORY and self.first < FIRST_SECONDS

    def __str__(self) -> str:
        return (
            f"{self.files} files waiting: {(self.full - self.idle) / 2**20:.0f} MB beyond the idle service's "
            f"{self.idle / 2**20:.0f} MB at the peak of {self.seconds:.0f} s, first result {self.first:.1f} s after the "
            f"start; a photo in another inbox came out after {self.other:.1f} s; {self.results} results, of the oldest "
            f"{self.youngest}\n"
        )


def tiny(number: int) -> bytes:
    """A small JPEG file whose comment makes it different from all others."""
    comment = str(number).encode()
    return TINY[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + TINY[2:]


def _tiny() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (32, 32), "teal").save(file, "JPEG")
    return file.getvalue()


TINY = _tiny()


def measure(folder: Path, files: int, seconds: float) -> Measured:
    """Run the service idle, then with so many files; returns what was seen."""
    service = Harness(folder)
    other = folder / "other"
    other.mkdir()
    (folder / "other-outbox").mkdir()
    inboxes = [
        {"name": "photos", "path": "inbox", "outbox": "outbox"},
        {"name": "other", "path": "other", "outbox": "other-outbox"},
    ]
    service.configure({"inboxes": inboxes}, settle=2.0, scan_every=30.0)
    try:
        (other / "one.jpg").write_bytes(portrait(1))
        service.start()
        wait_until(lambda: service.told("job"), "the idle service has done one photo")
        idle = service.peak()
        service.stop()
        for number in range(files):
            path = service.inbox / f"{number}.jpg"
            path.write_bytes(tiny(number))
            os.utime(path, (1_700_000_000 - number, 1_700_000_000 - number))
        return _flooded(service, files, seconds, idle)
    finally:
        service.kill()


def _flooded(service: Harness, files: int, seconds: float, idle: int) -> Measured:
    begin = time.monotonic()
    service.spawn()
    wait_until(service.results, "the first result", 120)
    first = time.monotonic() - begin
    other = service.folder / "other"
    (other / ".two.jpg").write_bytes(portrait(2))
    (other / ".two.jpg").rename(other / "two.jpg")
    dropped = time.monotonic()
    wait_until((service.folder / "other-outbox/two.jpg").exists, "the other inbox's photo", 120)
    waited = time.monotonic() - dropped
    wait_until(lambda: time.monotonic() - begin > seconds, "the time is over", seconds + 60)
    full = service.peak()
    service.stop()
    numbers = [int(path.stem) for path in service.results()]
    return Measured(files, idle, full, first, waited, len(numbers), files - min(numbers), seconds)


def main() -> int:
    """Parse the arguments and measure. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        measured = measure(Path(folder), given.files, given.seconds)
    sys.stdout.write(str(measured))
    return int(not measured.kept)


if __name__ == "__main__":
    sys.exit(main())
