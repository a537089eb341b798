"""Starts facewarden as `python -m facewarden` does, in the company of a library that tells everything it sees.

    python -m tests.telltale run -c FILE

An audit hook (sys.addaudithook) hears of every path that the process opens, renames, links or removes. It logs each of them at
every level in every way a library could: through logging, structlog and warnings, with the path as text, argument and key.
Everything is logged from DEBUG on. When a carrier opens a name that holds EXPLODING, it raises an error that nobody foresaw,
with the path in its text. So the promise does not hang on what today's libraries happen to log.

With TELLTALE_WITHOUT=allow-list or TELLTALE_WITHOUT=foreign one of the two guards at the sink is taken away: a search for canaries
that then finds none would be worth nothing.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from typing import Any, Literal

import structlog

EXPLODING = "exploding"
HEARD = ("open", "os.link", "os.listdir", "os.mkdir", "os.remove", "os.rename", "os.scandir")

_inside = threading.local()


def tell(event: str, arguments: tuple[Any, ...]) -> None:
    """The audit hook."""
    paths = [os.fsdecode(path) for path in arguments if isinstance(path, str | bytes)]
    if event not in HEARD or not paths or getattr(_inside, "busy", False):
        return
    _inside.busy = True  # what is logged may open files in its turn
    try:
        for path in paths:
            _tell(path)
    finally:
        _inside.busy = False
    if EXPLODING in paths[0] and threading.current_thread().name.startswith("carrier"):
        raise RuntimeError(paths[0])


def _tell(path: str) -> None:
    failure = OSError(2, "no", path)
    library, log = logging.getLogger("watchdog"), structlog.get_logger()
    for level in (logging.DEBUG, logging.WARNING, logging.CRITICAL):
        library.log(level, "opened %s", path, exc_info=failure)
        log.log(level, path, path=path, job=path, error=failure, exc_info=failure)
    logging.getLogger(path).debug(path)
    log.info("job", inbox=path, outcome=[path])
    warnings.warn(path, ResourceWarning, stacklevel=2)


def be_loud() -> None:
    """Once logging is set up, which is the program's first act, all is taken from DEBUG on and the telltale speaks."""
    from facewarden import logs

    hooked: list[bool] = []
    without = os.environ.get("TELLTALE_WITHOUT")
    quiet = logs.configure

    def loud(style: Literal["json", "console"] | None = None, level: int = logging.DEBUG) -> None:
        quiet(style, min(level, logging.DEBUG))
        logging.root.setLevel(logging.DEBUG)
        if without == "foreign":
            logging.root.handlers = [logging.StreamHandler()]
        if not hooked:
            hooked.append(True)
            sys.addaudithook(tell)  # never to be taken away again
        warnings.simplefilter("always")

    logs.configure = loud
    if without == "allow-list":
        logs.only_allowed = lambda _logger, _method, entry: {key: str(value) for key, value in entry.items()}


def main() -> None:
    """Run facewarden's command line beside the telltale."""
    from facewarden.cli import main as facewarden

    be_loud()
    sys.argv[0] = "facewarden"
    facewarden()


if __name__ == "__main__":
    main()
