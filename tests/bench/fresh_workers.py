"""Compare throughput with a fresh worker for each photo and with workers that serve one inbox, in turn.

    python -m tests.bench.fresh_workers [--photos FOLDER] [--megapixels 2] [--count 12] [--rounds 2]

Photos a second through the pool with one worker a core, the workers' first start not counted; and processor seconds of
all workers, first start included, which other work on the machine disturbs less.
"""

from __future__ import annotations

import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.photos import arguments, photos

from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.pool import LocalPool, default_size
from facewarden.values import Recipe

RECIPE = Recipe({"blazeface": None, "centerface": None})
"""The default plan."""


def main() -> None:
    """Print a line for each run, then the ratio of all fresh ones to all others."""
    given = arguments(__doc__).parse_args()
    originals = photos(given)
    seconds = {"inbox": 0.0, "photo": 0.0}
    computed = {"inbox": 0.0, "photo": 0.0}
    for _ in range(given.rounds):
        for form in seconds:
            before = processor_seconds()
            took = run(originals, None if form == "photo" else form)
            spent = processor_seconds() - before
            seconds[form] += took
            computed[form] += spent
            each = f"{len(originals) / took:.3f} photos/s, {spent / len(originals):.2f} processor seconds a photo"
            sys.stdout.write(f"worker_for: {form} {each}\n")
            sys.stdout.flush()
    ratios = (what["inbox"] / what["photo"] for what in (seconds, computed))
    sys.stdout.write("fresh workers: {:.3f} of the throughput, {:.3f} by processor seconds\n".format(*ratios))


def processor_seconds() -> float:
    """Of all workers that have ended so far."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def run(originals: list[bytes], owner: str | None) -> float:
    """Seconds for all photos."""

    def treat(original: bytes) -> None:
        try:
            pool.treat(original, RECIPE, 300, owner=owner)
        except FileRefused as refused:
            if refused.reason is not FACE_REMAINS:
                raise

    pool = LocalPool(default_size())
    pool.start()
    try:
        start = time.monotonic()
        with ThreadPoolExecutor(pool.size + 1) as carriers:
            list(carriers.map(treat, originals))
        return time.monotonic() - start
    finally:
        pool.stop()


if __name__ == "__main__":
    main()
