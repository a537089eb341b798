"""`make bench`: how fast this program is and what it costs, beside what it is compared with. One table, one run.

    python -m tests.bench [--photos ../shared/eval] [--only a b] [--short] [--folder FOLDER]

Each part is a module of this folder and adds its own lines. Exit code 1 where a goal is not met.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bench import commands, growth, idle, latency, peer, scaling, share, stages
from tests.bench.machine import described
from tests.bench.table import Given, Line, Part, heading, progress, say

PARTS: Mapping[str, tuple[str, Part]] = {
    "a": ("beside deface 1.5.0, from folder to folder", peer.measure),
    "b": ("the daemon's own share", share.measure),
    "c": ("latency", latency.measure),
    "d": ("where the time goes", stages.measure),
    "e": ("idle cost", idle.measure),
    "f": ("growth with photos, rows and files", growth.measure),
    "g": ("more workers", scaling.measure),
    "h": ("commands with very many rows", commands.measure),
}
"""By letter: what is measured, and by whom."""

PHOTOS = Path("../shared/eval")


def main() -> int:
    """Parse the arguments and measure part after part. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="sets of photos, each a folder, or photos")
    parser.add_argument("--only", nargs="*", default=list(PARTS), choices=list(PARTS), help="some of the parts")
    parser.add_argument("--short", action="store_true", help="do little: to see that it works")
    parser.add_argument("--folder", type=Path, help="where its folders are made (default: the system's temporary one)")
    given = parser.parse_args()
    sys.stdout.write(described() + "\n\n")
    heading()
    lines = [line for letter in given.only for line in _measured(letter, given)]
    return int(any(line.met is False for line in lines))


def _measured(letter: str, given: argparse.Namespace) -> list[Line]:
    name, part = PARTS[letter]
    progress(f"{letter}: {name}")
    lines = []
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        photos = given.photos if given.photos.is_dir() else None
        for line in part(Given(photos, Path(folder), given.short)):
            say(letter, line)
            lines.append(line)
    return lines


if __name__ == "__main__":
    sys.exit(main())
