"""Compare throughput with a fresh worker for each photo and with workers that serve one inbox, in turn.

    python -m tests.bench.fresh_workers [--photos FOLDER] [--megapixels 2] [--count 12] [--rounds 2]

Photos a second through the pool with one worker a core; the first start of the workers is not counted.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.photos import arguments, photos

from facewarden.errors import FACE_REMAINS, FileRefused
from facewarden.pool import Pool, default_size
from facewarden.values import Recipe

RECIPE = Recipe({"blazeface": None, "centerface": None})
"""The default plan."""


def main() -> None:
    """Print a line for each run, then the ratio of all fresh ones to all others."""
    given = arguments(__doc__).parse_args()
    originals = photos(given)
    seconds = {"inbox": 0.0, "photo": 0.0}
    for _ in range(given.rounds):
        for form in seconds:
            took = run(originals, None if form == "photo" else form)
            seconds[form] += took
            sys.stdout.write(f"worker_for: {form:6} {len(originals) / took:.3f} photos/s\n")
            sys.stdout.flush()
    sys.stdout.write(f"fresh workers: {seconds['inbox'] / seconds['photo']:.3f} of the throughput\n")


def run(originals: list[bytes], owner: str | None) -> float:
    """Seconds for all photos."""

    def treat(original: bytes) -> None:
        try:
            pool.treat(original, RECIPE, 300, owner=owner)
        except FileRefused as refused:
            if refused.reason is not FACE_REMAINS:
                raise

    pool = Pool(default_size())
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
