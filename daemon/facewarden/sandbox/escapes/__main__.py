"""Run one attempt, or all: `python -I -m facewarden.sandbox.escapes [NAME [--locked | --bare | --control]]`.

Prints a line for each: its name and what became of it in each mode, with tabs between; without a mode, locked and
control. Exit code 1 if a locked attempt got out or could not be made.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import sys

from facewarden.sandbox.escapes import ATTEMPTS
from facewarden.sandbox.escapes.runner import NOT_TRIED, OUT, run


def main() -> int:
    """Parse the arguments and run. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Try to break out of a locked worker.")
    parser.add_argument("name", nargs="?", choices=sorted(ATTEMPTS), metavar="NAME", help="one attempt (default: all)")
    for mode, what in (("locked", "in a worker"), ("bare", "locked, no libraries"), ("control", "without a lock")):
        parser.add_argument(f"--{mode}", dest="modes", action="append_const", const=mode, help=what)
    given = parser.parse_args()
    modes = given.modes or ["locked", "control"]
    failed = False
    names = [given.name] if given.name else list(ATTEMPTS)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        for name, outcomes in threads.map(lambda name: (name, [run(name, mode) for mode in modes]), names):
            sys.stdout.write("\t".join((name, *outcomes)) + "\n")
            sys.stdout.flush()
            failed |= any(
                mode != "control" and outcome in (OUT, NOT_TRIED) for mode, outcome in zip(modes, outcomes, strict=True)
            )
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
