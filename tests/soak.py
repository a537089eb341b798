"""Send mutated photos through the pool's locked workers, and tell what became of each.

    python -m tests.soak [--minutes 1] [--seed 1] [--folder FOLDER]... [--keep FOLDER]

The photos are those of `../shared/eval/{hostile,formats,masks_small}` where they are at hand, and generated ones in every
format that can be written. Each is sent as it is, then mutated: bits flipped, bytes replaced, pieces cut out, doubled,
exchanged or taken from another file, lengths and dimensions overwritten. The order depends on the seed alone. Exit code 1
if the pool stops working, if a file is neither answered nor refused with a reason of a file, if a worker was killed for a
refused call, or if one died of a file that was not mutated.
"""

from __future__ import annotations

import argparse
import io
import itertools
import random
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

import pillow_heif
import skimage.data
from PIL import Image
from tests.documents import FONT, WORD, one_page
from tests.mutations import mutated

from facewarden.errors import DEADLINE, REFUSED_CALL, FileRefused, Reason
from facewarden.pool import LocalPool, Pool, default_size
from facewarden.values import Limits, Recipe

EVAL = Path(__file__).resolve().parents[2] / "shared" / "eval"
FOLDERS = [EVAL / name for name in ("hostile", "formats", "masks_small/images")]
GENERATED = ("BMP", "GIF", "JPEG", "JPEG2000", "PCX", "PNG", "PPM", "TGA", "TIFF", "WEBP", "AVIF")
LARGEST = 300_000
"""Bytes: larger files make few rounds and no other mutations."""

RECIPE = Recipe({"blazeface": 0.3, "centerface": 0.1}, smallest_face=80, limits=Limits(pixels=1_000_000, frames=20))
"""Both detectors, and limits that keep one file from taking the time of a hundred."""
SECONDS = 60.0


def main() -> int:
    """Parse the arguments and run. Returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, action="append", help="take photos from here instead")
    parser.add_argument(
        "--keep", type=Path, help="write each file that a worker or the pool failed at into this folder"
    )
    given = parser.parse_args()
    originals = [*read(given.folder or FOLDERS), *generated()]
    soak = Soak(given.keep)
    soak.run(files(originals, random.Random(given.seed)), given.minutes * 60)
    sys.stdout.write(soak.report(len(originals)))
    return int(bool(soak.faults))


def read(folders: list[Path]) -> Iterator[bytes]:
    """The files of these folders, in the order of their names; folders that are not at hand are passed over."""
    for folder in folders:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            if file.is_file() and 0 < file.stat().st_size <= LARGEST:
                yield file.read_bytes()


def generated() -> Iterator[bytes]:
    """A small portrait in each format, and documents."""
    portrait = Image.fromarray(skimage.data.astronaut()).crop((96, 0, 352, 256)).resize((128, 128))
    for name in GENERATED:
        buffer = io.BytesIO()
        portrait.save(buffer, name)
        yield buffer.getvalue()
    yield from pages(portrait)
    yield from heics(portrait)


def pages(portrait: Image.Image) -> Iterator[bytes]:
    """Documents: scanned, faxed, written, and a TIFF with JPEG inside."""
    for image in (portrait, portrait.convert("1")):
        buffer = io.BytesIO()
        image.save(buffer, "PDF", save_all=True, append_images=[image.rotate(180)], resolution=150)
        yield buffer.getvalue()
    yield one_page(WORD, FONT)
    yield one_page(b"q 1 0 0 RG 5 w 0 0 m 50 200 250 0 300 200 c S Q " + WORD, FONT, box=b"0 0 120 90")
    buffer = io.BytesIO()
    portrait.save(buffer, "TIFF", save_all=True, append_images=[portrait.convert("L")], compression="jpeg")
    yield buffer.getvalue()


def heics(portrait: Image.Image) -> Iterator[bytes]:
    """HEIC of 8 bits, with alpha, and of several pictures."""
    clear = portrait.convert("RGBA")
    clear.putalpha(128)
    for images in ([portrait], [clear], [portrait, portrait.rotate(90)]):
        file = pillow_heif.HeifFile()
        for image in images:
            file.add_from_pillow(image)
        buffer = io.BytesIO()
        file.save(buffer)
        yield buffer.getvalue()


def files(originals: list[bytes], chance: random.Random) -> Iterator[tuple[bytes, bool]]:
    """Each original in a random order and whether it is mutated; first a few as they are, then mutated without end."""
    untouched = chance.sample(originals, min(60, len(originals)))
    yield from ((original, False) for original in untouched)
    while True:
        yield mutated(chance.choice(originals), chance.choice(originals), chance), True


class Soak:
    """The counts of one run, filled by several threads."""

    def __init__(self, keep: Path | None = None) -> None:
        """`keep` is a folder for the files that a worker or the pool failed at."""
        self._keep = keep
        self.outcomes: Counter[str] = Counter()
        self.deaths: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._lock = threading.Lock()

    def run(self, sent: Iterator[tuple[bytes, bool]], seconds: float) -> None:
        """Send files for so many seconds."""
        pool = LocalPool(default_size(), self._died)
        pool.start()
        end = time.monotonic() + seconds
        running: set[Future[None]] = set()
        try:
            with ThreadPoolExecutor(pool.size) as carriers:
                while time.monotonic() < end:
                    new = itertools.islice(sent, pool.size + 1 - len(running))
                    running |= {carriers.submit(self._send, pool, *one) for one in new}
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    for one in done:
                        one.result()
        finally:
            pool.stop()

    def _send(self, pool: Pool, original: bytes, touched: bool) -> None:
        try:
            pool.treat(original, RECIPE, SECONDS, owner="soak")
        except FileRefused as refused:
            self._count(refused.reason, touched=touched)
            if 20 <= refused.reason.number < 30:
                self._put_aside(original, refused.reason.name)
        except Exception as failure:  # noqa: BLE001 - whatever it is, it is what the soak looks for
            with self._lock:
                self.faults[f"the pool failed: {type(failure).__name__}"] += 1
        else:
            with self._lock:
                self.outcomes["redacted"] += 1

    def _count(self, reason: Reason, *, touched: bool) -> None:
        with self._lock:
            self.outcomes[f"{reason.number} {reason.name}"] += 1
            if reason is REFUSED_CALL:
                self.faults["a worker was killed for a refused call"] += 1
            elif 20 <= reason.number < 30 and (not touched or reason is DEADLINE):
                self.faults[f"{reason.name} by a file {'that was mutated' if touched else 'as it was'}"] += 1

    def _put_aside(self, original: bytes, name: str) -> None:
        if self._keep:
            self._keep.mkdir(parents=True, exist_ok=True)
            (self._keep / f"{name}-{zlib.crc32(original):08x}").write_bytes(original)

    def _died(self, reason: Reason) -> None:
        with self._lock:
            self.deaths[reason.name] += 1

    def report(self, originals: int) -> str:
        """Tables of outcomes, deaths of workers and faults, as text."""
        lines = [f"{self.outcomes.total()} files made of {originals}"]
        for title, counts in (("outcomes", self.outcomes), ("deaths of workers", self.deaths), ("faults", self.faults)):
            lines += ["", title, *(f"{count:8} {what}" for what, count in sorted(counts.items()))]
            lines += [] if counts else ["       0"]
        return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
