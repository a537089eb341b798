"""The worker process: takes photos one by one from a pipe and answers with redacted pixels. The sandbox's only entry.

Started by the pool as `python -I -m facewarden.sandbox.worker MEMORY [--degraded-allowed]`. It locks itself in before
its first photo (docs/sandbox.md). A failure that belongs to the file is answered by its number; anything else ends the
process, and the pool names the cause of death.
"""

from __future__ import annotations

import ctypes
import os
import sys

from facewarden import protocol
from facewarden.errors import OUT_OF_MEMORY, PYTHON_LIBRARY, SEARCH_FAILED, CannotStart, FileRefused, Reason
from facewarden.sandbox import lockdown

_PRIMED = ctypes.CFUNCTYPE(None)(lambda: None)
"""Made before the first lock: for its first function that C may call libffi reads its own file, and finds room for many
more."""


def main(arguments: list[str]) -> int:
    """Lock in, say so, and work until the pipe closes. Returns the exit code."""
    # Whatever a library prints must not mix with the replies on fd 1.
    sys.stdout = sys.stderr
    try:
        return _run(int(arguments[0]), degraded_allowed="--degraded-allowed" in arguments)
    except CannotStart as refusal:
        return _refuse(refusal.reason)
    except ImportError:
        return _refuse(PYTHON_LIBRARY)


def _run(memory: int, *, degraded_allowed: bool) -> int:
    """`memory` is the headroom in bytes for handling a photo.

    Raises CannotStart and ImportError before the first one.
    """
    protection = lockdown.before_imports(degraded_allowed=degraded_allowed)
    # Only now: these load the libraries of others, which must happen behind the first lock.
    from facewarden.sandbox import bench, wire  # noqa: PLC0415

    stages = bench.Bench(wire.read_prologue())
    lockdown.before_photos(memory, protection)
    lockdown.verify(protection)
    wire.write_ready(protection.landlock, seccomp=protection.seccomp)
    while request := wire.read_request():
        try:
            stages.treat(request)
        except FileRefused as refusal:
            wire.write_failure(refusal.reason, refusal.page)
        except MemoryError:
            # The heap may be left in any state, so this process takes no further photo.
            return _refuse(OUT_OF_MEMORY)
        except Exception:  # noqa: BLE001 - the process ends with it, and the failure is told
            # A fault of ours or of a library: the photo is not delivered, and a fresh process takes the next one.
            return _refuse(SEARCH_FAILED)
    return 0


def _refuse(reason: Reason) -> int:
    """The last word of this process; written without `wire`, whose libraries may be what is missing."""
    os.write(1, protocol.TAG.pack(protocol.FAILED) + protocol.FAILURE.pack(reason.number, 0))
    return int(reason.exit)


if __name__ == "__main__":
    # Without the interpreter's own end, in which libraries would try what a locked process may not.
    os._exit(main(sys.argv[1:]))
