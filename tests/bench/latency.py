"""Part c: from the close of a file in the inbox of a running service to its result's appearance, beyond the settle time.

The inbox is watched by events. When a result appeared is the kernel's own stamp of the step that made it visible, exact to
a clock tick (some milliseconds): nobody has to watch the outbox for it. A photo in which a face remains has no result, and
its time does not count.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Sequence

from tests.bench.originals import Original, of_size
from tests.bench.table import Given, Line, progress
from tests.daemon import Daemon, wait_until

from facewarden import config
from facewarden.pool import default_size

GOAL = 0.1
"""Seconds of the median beyond settling and the pipeline's own time, for single photos."""
MEGAPIXELS, SINGLE, FLOOD = 1.0, 40, 60
SHORT_MEGAPIXELS, SHORT_SINGLE, SHORT_FLOOD = 0.05, 3, 5
SETTLE = 0.5
PATIENCE = 600.0
STAGES = ("decode_s", "detect_s", "redact_s", "encode_s")


@dataclasses.dataclass(frozen=True, slots=True)
class Passage:
    """One photo's way: seconds from its close to its result, without settling, and what its pipeline took of them."""

    seconds: float
    pipeline: float


def measure(given: Given) -> Iterator[Line]:
    """Single photos, each after the last one's end, then a flood of photos dropped at once."""
    megapixels, single, flood = (
        (SHORT_MEGAPIXELS, SHORT_SINGLE, SHORT_FLOOD) if given.short else (MEGAPIXELS, SINGLE, FLOOD)
    )
    what, originals = of_size(given, megapixels, 1 + single + flood)
    what = f"{what}, {megapixels:g} MP"
    service = Daemon(given.folder)
    service.configure({"workers": "auto", "defaults": {"watch": "events", "settle": SETTLE}})
    try:
        service.start()
        progress("   one after the other")
        dropped = list(enumerate(originals))
        _passed(service, dropped[:1])  # the first one finds everything cold
        alone = [passage for one in dropped[1 : 1 + single] for passage in _passed(service, [one])]
        yield from _single(given, f"{len(alone)} {what}, one after the other", alone)
        progress("   a flood")
        yield _flooded(f"{flood} {what}, dropped at once", _passed(service, dropped[1 + single :]))
    finally:
        service.kill()


def _passed(service: Daemon, dropped: Sequence[tuple[int, Original]]) -> list[Passage]:
    """Drop these and wait for the ends of all; the passages of those that have a result, in the order of their ends."""
    before, ended = len(service.log), len(service.told("job"))
    closed = {}
    for number, original in dropped:
        name = f"{number:04}.jpg"
        service.drop(name, original.content(number))
        closed[name] = time.time()
    everything = ended + len(dropped)

    def all_ended() -> bool:
        # Lines are counted first: they would all have to be parsed at each look.
        return len(service.log) - before >= len(dropped) and len(service.told("job")) >= everything

    wait_until(all_ended, "all photos have come to their end", PATIENCE)
    settle = config.load(service.file).inboxes[0].settle
    pipeline = [sum(job[stage] for stage in STAGES) for job in service.told("job")[ended:] if "publish_s" in job]
    stamps = sorted(
        ((service.outbox / name).stat().st_ctime, since)
        for name, since in closed.items()
        if (service.outbox / name).exists()
    )
    return [Passage(seen - since - settle, own) for (seen, since), own in zip(stamps, pipeline, strict=True)]


def _single(given: Given, measured: str, passages: Sequence[Passage]) -> Iterator[Line]:
    beyond = [passage.seconds - passage.pipeline for passage in passages]
    own = _told([passage.pipeline for passage in passages])
    yield Line(
        f"close to result beyond settling: {measured}", _told([it.seconds for it in passages]), f"pipeline: {own}"
    )
    met = given.met(percentile(beyond, 0.5) < GOAL)
    yield Line(
        f"beyond settling and the pipeline: {measured}", _told(beyond), goal=f"p50 < {1000 * GOAL:g} ms", met=met
    )


def _flooded(measured: str, passages: Sequence[Passage]) -> Line:
    """A flood waits for its turn: beside it stands when the last would be out if the pipelines alone took time."""
    seconds = [passage.seconds for passage in passages]
    alone = sum(passage.pipeline for passage in passages) / default_size()
    beside = f"the last after {max(seconds):.2f} s; all pipelines by {default_size()} workers: {alone:.2f} s"
    return Line(f"close to result beyond settling: {measured}", _told(seconds), beside, max(seconds) / alone)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def _told(seconds: Sequence[float]) -> str:
    return f"p50 {1000 * percentile(seconds, 0.5):.0f} ms, p95 {1000 * percentile(seconds, 0.95):.0f} ms"
