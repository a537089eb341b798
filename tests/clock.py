"""Starts facewarden as `python -m facewarden` does, with another clock on the wall.

    CLOCK_SHIFT=-86400 python -m tests.clock once -c FILE

runs it as if it were yesterday. The dates that the kernel gives to files stay true, as on a share whose server has the right time.
"""

from __future__ import annotations

import os
import sys
import time


def main() -> None:
    """Run facewarden's command line by the shifted clock."""
    shift, true = float(os.environ["CLOCK_SHIFT"]), time.time
    time.time = lambda: true() + shift
    from facewarden.cli import main as facewarden

    sys.argv[0] = "facewarden"
    facewarden()


if __name__ == "__main__":
    main()
