"""Part g: what more workers bring: the throughput of `once` with 1, 2 and 4 of them, without start-up, in turns."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.originals import of_size
from tests.bench.runs import once
from tests.bench.table import Given, Line, median, progress

from facewarden.pool import default_size

GOAL = 1.8
"""Speed-up at two workers, where there are two cores."""
MEGAPIXELS, COUNT, ROUNDS = 2.0, 24, 3
SHORT_MEGAPIXELS, SHORT_COUNT = 0.05, 6


def measure(given: Given) -> Iterator[Line]:
    """One line for each number of workers beside one worker."""
    megapixels, count = (SHORT_MEGAPIXELS, SHORT_COUNT) if given.short else (MEGAPIXELS, COUNT)
    what, originals = of_size(given, megapixels, count)
    rates: dict[int, list[float]] = {workers: [] for workers in ((1, 2) if given.short else (1, 2, 4))}
    for number in range(1 if given.short else ROUNDS):
        for workers, measured in rates.items():
            progress(f"   round {number + 1}, {workers} workers")
            run = once(given.folder / f"{number}-{workers}", originals, workers, settle=0.2)
            measured.append(run.rate(workers))
    one = median(rates.pop(1))
    for workers, measured in rates.items():
        yield _line(
            given,
            f"{workers} workers on {default_size()} cores, {what}, {megapixels:g} MP",
            workers,
            median(measured),
            one,
        )


def _line(given: Given, measured: str, workers: int, rate: float, one: float) -> Line:
    ours, beside, ratio = f"{rate:.3g} photos/s", f"{one:.3g} photos/s with one worker", rate / one
    if workers != 2:
        return Line(measured, ours, beside, ratio)
    if default_size() < 2:
        return Line(measured, ours, beside, ratio, f"≥ {GOAL}, not asked of fewer than two cores")
    return Line(measured, ours, beside, ratio, f"≥ {GOAL}", given.met(ratio >= GOAL))
