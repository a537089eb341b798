"""Part a: from folder to folder beside deface 1.5.0, each as its users run it: `facewarden once` and `deface FILES...`.

Both at their defaults, on the same photos in the same order, in turns. Throughput is told twice: without start-up, as a
service has it all day, which the goals are about; and over the whole run, start-up and our two seconds of settling included.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.bench.originals import LARGE, SMALL, Original, enough, sets, write
from tests.bench.peaks import Peaks
from tests.bench.photos import crowd
from tests.bench.runs import End, Run, collected, once
from tests.bench.table import Given, Line, median, progress

from facewarden.pool import default_size

PEER = "1.5.0"
FASTER_LARGE, FASTER_SMALL = 4.0, 1.0
"""Times deface's photos a second, for photos of LARGE megapixels and more, and for those under SMALL."""
ROUNDS = 3
SHORT_COUNT = 3 * default_size()
PEAKS: dict[float, int] = {12.0: 350, 24.0: 600}
"""By megapixels of a photo, the MB that a worker may have resident at most."""
SHORT_PEAKS = {0.5: 350}


def measure(given: Given) -> Iterator[Line]:
    """For each set four lines, then the peaks of memory."""
    require_peer()
    # The labelled photos take minutes, however few of them.
    for name, originals in sets(dataclasses.replace(given, photos=None) if given.short else given):
        yield from _beside(given, name, originals[:SHORT_COUNT] if given.short else originals)
    for megapixels, most in (SHORT_PEAKS if given.short else PEAKS).items():
        yield _peak(given, megapixels, most)


def require_peer() -> None:
    """End with a sentence where there is nothing to compare with."""
    try:
        version = importlib.metadata.version("deface")
    except importlib.metadata.PackageNotFoundError:
        version = "missing"
    if version != PEER:
        sys.exit(f"part a compares with deface {PEER}, which is {version} here: `make bench` installs it and measures")
    if not importlib.util.find_spec("onnx"):
        sys.exit("part a: without onnx, deface falls back on a slower way: `make bench` installs it and measures")


def deface(folder: Path, originals: Sequence[Original]) -> Run:
    """Its own command line at its defaults; it writes its results beside the photos."""
    folder.mkdir()
    files = write(originals, folder)
    begin = time.monotonic()
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([Path(sys.executable).with_name("deface"), *files], stdout=said, stderr=said)
        with Peaks(process.pid) as peaks:
            usage, seconds = collected(process), time.monotonic() - begin
    results = [file.with_stem(f"{file.stem}_anonymized") for file in files]
    if process.returncode or not all(result.exists() for result in results):
        raise RuntimeError(f"deface ended with {process.returncode}: {(folder / 'said').read_text()[-2000:]}")
    ends = [End(result.stat().st_mtime) for result in results]
    return Run(ends, seconds, usage.ru_utime + usage.ru_stime, peaks)


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """What both did with the same photos, round by round."""

    originals: Sequence[Original]
    ours: list[Run]
    theirs: list[Run]

    def median(self, figure: Callable[[Run], float]) -> tuple[float, float]:
        return median([figure(run) for run in self.ours]), median([figure(run) for run in self.theirs])


def _beside(given: Given, name: str, originals: Sequence[Original]) -> Iterator[Line]:
    ours, theirs = [], []
    for number in range(1 if given.short else ROUNDS):
        progress(f"   {name}, round {number + 1}")
        folder = given.folder / f"{name}-{number}"
        folder.mkdir()
        ours.append(once(folder / "ours", originals))
        theirs.append(deface(folder / "theirs", originals))
    yield from _lines(given, name, Beside(originals, ours, theirs))


def _lines(given: Given, name: str, both: Beside) -> Iterator[Line]:
    sizes = [original.megapixels for original in both.originals]
    mean = sum(sizes) / len(sizes)
    what = f"{name} ({len(sizes)} photos, {mean:.2g} MP in the mean)"
    faster = FASTER_LARGE if min(sizes) >= LARGE else FASTER_SMALL if max(sizes) < SMALL else None
    our, their = both.median(lambda run: run.rate(default_size()))
    yield Line(
        f"{what}: without start-up",
        _throughput(our, mean),
        f"deface: {_throughput(their, mean)}",
        our / their,
        f"≥ {faster:g}" if faster else "",
        given.met(our / their >= faster) if faster else None,
    )
    our, their = both.median(lambda run: len(sizes) / run.seconds)
    measured = f"{what}: with start-up and settling"
    yield Line(measured, _throughput(our, mean), f"deface: {_throughput(their, mean)}", our / their)
    our, their = both.median(lambda run: run.processor / len(sizes))
    yield Line(f"{what}: processor seconds a photo", f"{our:.3g} s", f"deface: {their:.3g} s", our / their)
    yield _resident(f"{what}: most resident memory", both.ours[-1].peaks, both.theirs[-1].peaks)


def _throughput(photos: float, megapixels: float) -> str:
    return f"{photos:.3g} photos/s, {photos * megapixels:.3g} MP/s"


def _peak(given: Given, megapixels: float, most: int) -> Line:
    """Of a worker that sees two photos full of faces, one after the other."""
    progress(f"   memory, {megapixels:g} MP")
    data, faces = crowd(megapixels)
    originals = enough([Original(data, megapixels)], 2)
    ours = once(given.folder / f"peak-{megapixels:g}", originals, 1).peaks
    theirs = deface(given.folder / f"peak-{megapixels:g}-deface", originals).peaks
    line = _resident(f"most resident memory, {megapixels:g} MP, {faces} faces", ours, theirs)
    return dataclasses.replace(line, goal=f"≤ {most} MB a worker", met=given.met(ours.child <= most << 20))


def _resident(measured: str, ours: Peaks, theirs: Peaks) -> Line:
    told = f"{ours.child >> 20} MB a worker, {ours.own >> 20} MB the service"
    return Line(measured, told, f"deface: {theirs.own >> 20} MB", ours.child / theirs.own)
