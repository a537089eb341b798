"""Part b: what the daemon itself costs: `once` with one worker beside the same stages without it, in one thread, in turns.

The daemon encodes one photo while its worker searches the next, so by the clock it may be ahead where there are two cores.
Its share is what it computes more.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from tests.bench.bare import bare
from tests.bench.originals import of_size
from tests.bench.runs import Run, once
from tests.bench.table import Given, Line, median, progress

GOAL = 1.05
"""Of what the bare pipeline takes."""
MEGAPIXELS, COUNT, ROUNDS = 2.0, 24, 3
SHORT_MEGAPIXELS, SHORT_COUNT = 0.1, 5
STAGES = ("decode", "detect", "redact")


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """Seconds a photo in one run, without its start and end: by the clock, computed by service and worker, and by stage.

    Of the bare pipeline `service` is what encoder and write computed.
    """

    clock: float
    service: float
    worker: float
    stages: float
    encode: float
    write: float

    @property
    def processor(self) -> float:
        return self.service + self.worker


def measure(given: Given) -> Iterator[Line]:
    """Processor seconds and time, then what the share consists of."""
    megapixels, count = (SHORT_MEGAPIXELS, SHORT_COUNT) if given.short else (MEGAPIXELS, COUNT)
    what, originals = of_size(given, megapixels, count)
    ours, theirs = [], []
    for number in range(1 if given.short else ROUNDS):
        progress(f"   round {number + 1}")
        ours.append(_share(once(given.folder / f"once-{number}", originals, 1, settle=0.2), "{}_s", "publish_s"))
        theirs.append(_share(bare(given.folder / f"bare-{number}", originals), "{}", "write"))
    where = f"{what}, {megapixels:g} MP"
    yield _line(
        given, f"the daemon's share: processor seconds a photo, {where}", ours, theirs, lambda one: one.processor
    )
    yield _line(given, f"the daemon's share: seconds a photo, {where}", ours, theirs, lambda one: one.clock)
    yield from _parts(ours, theirs)


def _share(run: Run, key: str, written: str) -> Share:
    """`key` and `written` are what stages and the last step are called where this run told of them."""
    first, last, count = run.steady(1)
    between = run.ends[1:-1]
    told = {
        name: sum(end.told.get(name, 0.0) for end in between) / len(between)
        for name in (*map(key.format, (*STAGES, "encode")), written)
    }
    return Share(
        (last.time - first.time) / count,
        (last.service - first.service) / count,
        (last.workers - first.workers) / count,
        sum(told[key.format(stage)] for stage in STAGES),
        told[key.format("encode")],
        told[written],
    )


Figure = Callable[[Share], float]


def _line(given: Given, measured: str, ours: Sequence[Share], theirs: Sequence[Share], figure: Figure) -> Line:
    # Round by round: what disturbed one of the two disturbed the other as well.
    ratio = median([figure(one) / figure(other) for one, other in zip(ours, theirs, strict=True)])
    our, their = (f"{median([figure(one) for one in shares]):.4f} s" for shares in (ours, theirs))
    return Line(measured, our, their, ratio, f"≤ {GOAL}", given.met(ratio <= GOAL))


def _parts(ours: Sequence[Share], theirs: Sequence[Share]) -> Iterator[Line]:
    """Where the time goes: by the clock, and as computed by the two sides."""
    parts: dict[str, Figure] = {
        "decode, detect, redact by the clock": lambda one: one.stages,
        "encode by the clock": lambda one: one.encode,
        "publish by the clock, beside a write that is not durable": lambda one: one.write,
        "processor time of the worker, beside decode to redact": lambda one: one.worker,
        "processor time of the service, beside encode and write": lambda one: one.service,
    }
    for name, part in parts.items():
        ms, beside = (1000 * median([part(one) for one in shares]) for shares in (ours, theirs))
        yield Line(f"of it: {name}", f"{ms:.3g} ms", f"{beside:.3g} ms")
