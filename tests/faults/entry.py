"""Starts facewarden as `python -m facewarden` does, and stops or kills its own process at a named point.

    FAULT_POINT='before journal:Journal.placed' FAULT_ACT=kill python -m tests.faults.entry run -c FILE

A point is `before` or `after`, a module below facewarden with a function in it, and, where a call that this function
makes of the system is meant, `/` and its name: `before newfile:place/fsync`. It is reached in the threads that carry photos
alone, so that the recovery of an earlier kill does not set it off. `kill` is SIGKILL, as a power cut or the kernel's
memory shortage would be; `stop` is SIGSTOP, and the test goes on with SIGCONT.

Why so: the product has no switch for faults that an operator could find, and no debugger has to be there. Python tells a
profile function (sys.setprofile) of every call and return, of functions written in C too; nothing of the service is replaced.

    FAULT_ERRNO=116 FAULT_FOLDER=/srv/share FAULT_FLAG=/tmp/broken python -m tests.faults.entry …

makes os.scandir and os.open fail in that folder as long as the flag's file exists: errors that no file system at hand gives.

    FAULT_ERRNO=36 FAULT_NAME=odd python -m tests.faults.entry …

makes each call fail that would give a file or folder a name with that word in it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path
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


def break_folder(folder: str, flag: str, number: int) -> None:
    """From now on the system's calls on a folder fail while the flag is there."""

    def breaking(call: Any) -> Any:
        def broken(path: Any, *more: Any, **named: Any) -> Any:
            place = str(Path(f"/proc/self/fd/{path}").readlink()) if isinstance(path, int) else os.fsdecode(path)
            if place == folder and Path(flag).exists():
                raise OSError(number, os.strerror(number))
            return call(path, *more, **named)

        return broken

    os.scandir, os.open = breaking(os.scandir), breaking(os.open)


def refuse_names(word: str, number: int) -> None:
    """From now on nothing gets a name with this word in it, as on a file system that does not take it."""

    def refusing(call: Any) -> Any:
        def refused(source: Any, *names: Any, **named: Any) -> Any:
            wanted = names[0] if names and isinstance(names[0], (str, bytes)) else source
            if word in os.fsdecode(wanted):
                raise OSError(number, os.strerror(number))
            return call(source, *names, **named)

        return refused

    os.link, os.mkdir = refusing(os.link), refusing(os.mkdir)


def main() -> None:
    """Run facewarden's command line with the faults set."""
    from facewarden.cli import main as facewarden

    number = os.environ.get("FAULT_ERRNO")
    if number and "FAULT_NAME" in os.environ:
        refuse_names(os.environ["FAULT_NAME"], int(number))
    elif number:
        break_folder(os.environ["FAULT_FOLDER"], os.environ["FAULT_FLAG"], int(number))

    point = os.environ.get("FAULT_POINT")
    if point:
        act = signal.SIGKILL if os.environ.get("FAULT_ACT", "kill") == "kill" else signal.SIGSTOP
        threading.setprofile(hook(point, act))
    sys.argv[0] = "facewarden"
    facewarden()


if __name__ == "__main__":
    main()
