"""Compare the throughput of a locked worker with that of the same stages without any lock, photo by photo in turn.

    python -m tests.bench.locked_throughput [--photos FOLDER] [--megapixels 2] [--count 12] [--rounds 2]

Both are warm processes that take photos over pipes; each photo goes to one and then to the other, who is first changes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.photos import arguments, photos

from facewarden import protocol
from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.pool.process import WorkerProcess
from facewarden.values import Recipe, Terms

RECIPE = Recipe({"blazeface": None, "centerface": None})
"""The default plan."""

UNLOCKED = """
from facewarden.errors import FileRefused
from facewarden.sandbox import bench, wire
stages = bench.Bench(wire.read_prologue())
wire.write_ready(0, seccomp=False)
while request := wire.read_request():
    try:
        stages.treat(request)
    except FileRefused as refusal:
        wire.write_failure(refusal.reason)
"""


def main() -> None:
    """Print the seconds of both for each round, then the ratio of all."""
    given = arguments(__doc__).parse_args()
    originals = photos(given)
    total = {"locked": 0.0, "unlocked": 0.0}
    with both() as workers:
        for number in range(given.rounds):
            took = dict.fromkeys(total, 0.0)
            for place, original in enumerate(originals):
                names = list(took) if (place + number) % 2 else list(took)[::-1]
                for name in names:
                    took[name] += seconds(workers[name], original)
            for name, value in took.items():
                total[name] += value
                sys.stdout.write(f"{name:8} {len(originals) / value:.3f} photos/s\n")
            sys.stdout.flush()
    sys.stdout.write(f"locked: {total['unlocked'] / total['locked']:.3f} of the throughput without a lock\n")


@contextmanager
def both() -> Iterator[dict[str, WorkerProcess]]:
    """A worker, and a process with the same stages and pipes that is not locked."""
    workers = {"locked": WorkerProcess(Terms()), "unlocked": WorkerProcess(Terms(), ("-c", UNLOCKED))}
    try:
        for worker in workers.values():
            worker.wait_ready()
        yield workers
    finally:
        for worker in workers.values():
            worker.stop()


def seconds(worker: WorkerProcess, original: bytes) -> float:
    """How long one photo takes; one in which a face remains counts as well."""
    start = time.monotonic()
    try:
        worker.ask(protocol.HIDE, original, RECIPE, 300)
    except FileRefused as refused:
        if refused.reason is not FACE_REMAINS:
            raise
    return time.monotonic() - start


if __name__ == "__main__":
    main()
