"""The process that makes one attempt: `python -I -m facewarden.sandbox.escapes.inside NAME MODE FOLDER ADDRESS`.

It writes READY to fd 1, makes the attempt, and writes one word: `out`, or how it was refused.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from facewarden.sandbox import lockdown
from facewarden.sandbox.escapes import ATTEMPTS
from facewarden.sandbox.escapes.nuisances import HEADROOM
from facewarden.sandbox.escapes.runner import READY
from facewarden.sandbox.escapes.scene import Scene, set_up


def main(name: str, mode: str, folder: str, address: str) -> None:
    """`mode` is `locked` (a worker as it takes photos), `bare` (locked without libraries) or `control` (not locked)."""
    scene = set_up(Path(folder), int(address))
    if mode != "control":
        protection = lockdown.before_imports()
        if mode == "locked":
            _load_libraries()
        lockdown.before_photos(HEADROOM, protection)
        lockdown.verify(protection)
    os.write(1, READY)
    os.write(1, _outcome(name, scene).encode())
    os._exit(0)


def _load_libraries() -> None:
    """All that a worker loads, with the threads that come with it."""
    from facewarden.sandbox import bench  # noqa: PLC0415 - as in a worker, only after the first lock

    bench.Bench()


def _outcome(name: str, scene: Scene) -> str:
    try:
        ATTEMPTS[name](scene)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except Exception as error:  # noqa: BLE001 - whatever was raised, the attempt did not get out
        return type(error).__name__
    return "out"


if __name__ == "__main__":
    main(*sys.argv[1:])
