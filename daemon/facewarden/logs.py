"""Logs that tell nobody: an allow-list of keys and of value shapes, applied at the sink.

Whatever is not on the list is dropped, whoever logged it. Lines of other libraries (watchdog logs paths) reach the sink
through the standard library's root logger, and all that is kept of them is which library spoke and how loudly.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import re
import sys
import threading
import types
from collections.abc import Callable, Iterator
from typing import Any, Literal

import structlog

from facewarden.files.failing import role_of

ALLOWED: dict[str, str] = {
    "event": "what happened, one of our own constants",
    "level": "how grave",
    "timestamp": "when, UTC",
    "job": "random id of a job",
    "inbox": "an inbox's configured name",
    "folder": "which folder of an inbox: its role",
    "outcome": "published, held, quarantined or vanished",
    "reason": "number of a reason, see docs/reasons.md",
    "reason_name": "its name",
    "duplicate": "whether an earlier result was delivered again",
    "attempt": "which attempt this was",
    "frames": "frames or pages of the photo",
    "regions": "areas hidden",
    "second_look": "areas hidden only by the second look",
    "wait_s": "seconds from the first sight of the file to the claim",
    "decode_s": "seconds spent in decode",
    "detect_s": "seconds spent in detect",
    "redact_s": "seconds spent in redact",
    "encode_s": "seconds spent in encode",
    "publish_s": "seconds spent in publish",
    "preview_s": "seconds spent on the preview",
    "workers": "worker processes",
    "waiting": "files seen that wait",
    "open": "jobs that have not ended",
    "days": "days written to the ledger",
    "forgotten": "rows that left the journal",
    "watch": "events or poll",
    "landlock": "ABI of Landlock that locks the workers, 0 where the kernel has none",
    "seccomp": "whether the workers' system calls are filtered",
    "version": "version of facewarden",
    "library": "which library logged",
    "exception": "class of an unforeseen exception",
    "place": "module and line of our own code where it passed",
    "exit_code": "exit code of a hook",
    "error": "the operating system's error number",
}
"""Every key that may appear in a log line, and what it says. Documented in docs/logs.md, which a test compares."""

_TEXTS: dict[str, re.Pattern[str]] = {
    key: re.compile(shape)
    for key, shape in {
        "event": r"[a-z0-9_]{1,64}",
        "level": r"[a-z]{1,10}",
        "timestamp": r"[0-9TZ:.+-]{1,40}",
        "job": r"[0-9a-f]{1,16}",
        "inbox": r"[a-z0-9][a-z0-9_-]{0,31}",
        "folder": r"inbox|outbox|hold|quarantine|archive|preview|state",
        "outcome": r"published|held|quarantined|vanished",
        "reason_name": r"[a-z_]{1,64}",
        "watch": r"events|poll",
        "version": r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}[a-z0-9.+]{0,16}",
        "library": r"[A-Za-z0-9_]{1,64}",
        "exception": r"[A-Za-z_][A-Za-z0-9_]{0,63}",
        "place": r"facewarden[a-z0-9_.]{0,64}:[0-9]{1,6}",
    }.items()
}
"""The keys that may hold text, and its shape: a file name of one plain word (Anna.jpg) is none of them.

All other keys hold numbers.
"""


def configure(style: Literal["json", "console"] | None = None, level: int = logging.INFO) -> None:
    """Set up logging for this process: JSON lines, or coloured text where stderr is a terminal."""
    style = style or ("console" if sys.stderr.isatty() else "json")
    renderer = structlog.dev.ConsoleRenderer() if style == "console" else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            _told_to_listeners,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers = [_Foreign()]
    logging.root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
    sys.excepthook = _unforeseen
    threading.excepthook = lambda args: _unforeseen(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: _unforeseen(args.exc_type, args.exc_value, args.exc_traceback)


def out_of_reach(inbox: str, error: OSError) -> None:
    """A folder of an inbox cannot be used now. A full disk is an alarm: it stays full until somebody makes room."""
    log = structlog.get_logger()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        log.error("disk_full", inbox=inbox, folder=role_of(error), error=error.errno)
    else:
        log.warning("folder_out_of_reach", inbox=inbox, folder=role_of(error), error=error.errno or 0)


def absent(inbox: str, trouble: OSError | Literal["silent"]) -> None:
    """A folder of an inbox was missing, of no use, or did not answer at the start.

    It is not served until that is over.
    """
    if isinstance(trouble, OSError):
        out_of_reach(inbox, trouble)
    else:
        structlog.get_logger().error("folder_hangs", inbox=inbox)


def only_allowed(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Keep the keys of ALLOWED whose value is a number, a truth value or a text of that key's shape; drop all else."""
    return {key: value for key, value in entry.items() if key in ALLOWED and _harmless(key, value)}


Listener = Callable[[structlog.typing.EventDict], None]
_listeners: list[Listener] = []


@contextlib.contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, this is called with every line that is logged, in the thread that logs it.

    With what a line may hold, no more.
    """
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def _told_to_listeners(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for listener in _listeners.copy():
        listener(entry)
    return entry


def _harmless(key: str, value: object) -> bool:
    # Exact types: a subclass may print itself as anything.
    if type(value) is str:
        return key in _TEXTS and bool(_TEXTS[key].fullmatch(value))
    return type(value) in (bool, int, float)


class _Foreign(logging.Handler):
    """Turns a library's log record into a line that holds nothing of its text."""

    def emit(self, record: logging.LogRecord) -> None:
        name = record.name.partition(".")[0]
        library = name if name in sys.modules else "other"  # a logger may be named after anything, a module is not
        # structlog knows the five named levels only, a library may use any number.
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger().log(level, "library_message", library=library)


def _unforeseen(kind: type[BaseException], _value: object, trace: types.TracebackType | None) -> None:
    """Log an exception nobody caught: its class and the last place in our code, never its text."""
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger().critical("unforeseen", exception=kind.__name__, place=place_of(trace))


def place_of(trace: types.TracebackType | None) -> str:
    """`module:line` of the innermost frame that is our own code; empty where there is none."""
    place = ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.startswith("facewarden"):
            place = f"{module}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
