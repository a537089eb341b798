"""Starts facewarden as `python -m facewarden` does, and stops or kills its own process at a named point.

    FAULT_POINT='before journal:Journal.placed' FAULT_ACT=kill python -m tests.faults.entry run -c FILE

A point is `before` or `after`, a module below facewarden with a function in it, and, where a call that this function
makes of the system is meant, `/` and its name: `before newfile:place/fsync`. It is reached in the threads that carry photos
alone, so that the recovery of an earlier kill does not set it off. `kill` is SIGKILL, as a power cut or the kernel's
memory shortage would be; `stop` is SIGSTOP, and the test goes on with SIGCONT.

Why so: the product has no switch for faults that an operator could find, and no debugger has to be there. Python tells a
profile function (sys.setprofile) of every call and return, of functions written in C too; nothing of the service is replaced.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Callable
from typing import Any

THREADS = "carrier"
"""How the names of the threads begin that carry photos."""

Hook = Callable[[types.FrameType, str, Any], None]


def hook(point: str, act: signal.Signals) -> Hook:
    """A profile function that sends this process a signal where the point is reached for the first time."""
    when, _, wanted = point.partition(" ")
    place, _, call = wanted.partition("/")
    module, _, function = place.partition(":")
    module = f"facewarden.{module}"
    prefix = "c_" if call else ""
    events = {"before": (f"{prefix}call",), "after": (f"{prefix}return",)}[when]
    reached = threading.Event()

    def watch(frame: types.FrameType, event: str, what: Any) -> None:
        if event not in events or frame.f_code.co_qualname != function or frame.f_globals.get("__name__") != module:
            return
        if call and getattr(what, "__name__", "") != call:
            return
        if threading.current_thread().name.startswith(THREADS) and not reached.is_set():
            reached.set()
            # To this very thread: another one that took the signal would let this one go on for a moment.
            signal.pthread_kill(threading.get_ident(), act)

    return watch


def main() -> None:
    """Run facewarden's command line with the point set."""
    from facewarden.cli import main as facewarden

    point = os.environ.get("FAULT_POINT")
    if point:
        act = signal.SIGKILL if os.environ.get("FAULT_ACT", "kill") == "kill" else signal.SIGSTOP
        threading.setprofile(hook(point, act))
    sys.argv[0] = "facewarden"
    facewarden()


if __name__ == "__main__":
    main()
