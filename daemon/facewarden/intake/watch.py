"""Watch: hints that something changed in an inbox, from inotify through watchdog. The scan and the journal are the truth.

Network file systems send no events for what other machines do, so there the periodic scan alone sees files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from watchdog.events import (
    DirCreatedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer

Hint = Callable[[str, bytes | None], None]
"""Called with an inbox's name and a path relative to it, or None where the whole folder should be scanned again."""

_WITHOUT_EVENTS = (
    "nfs",
    "cifs",
    "smb",
    "fuse",
    "9p",
    "afs",
    "ceph",
    "gluster",
    "lustre",
    "vboxsf",
    "vmhgfs",
    "virtiofs",
)
"""Types of file system on which inotify does not see the changes of other machines (inotify(7), Limitations)."""


class Watch:
    """Watches inboxes by events until stopped."""

    def __init__(self, hint: Hint) -> None:
        self._hint = hint
        self._observer = Observer()
        self._observer.start()

    def add(self, inbox: str, path: Path, *, deep: bool) -> None:
        """Begin to watch. Raises OSError where the system refuses (no such folder, watch limit reached)."""
        events = [DirCreatedEvent, DirMovedEvent, FileClosedEvent, FileCreatedEvent, FileModifiedEvent, FileMovedEvent]
        handler = _Handler(inbox, os.fsencode(path), self._hint)
        self._observer.schedule(handler, os.fspath(path), recursive=deep, event_filter=events)

    def stop(self) -> None:
        self._observer.stop()
        self._observer.join(5)


class _Handler(FileSystemEventHandler):
    """Turns watchdog's events into hints. Runs in watchdog's thread."""

    def __init__(self, inbox: str, root: bytes, hint: Hint) -> None:
        self._inbox, self._root, self._hint = inbox, root, hint

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = os.fsencode(event.dest_path or event.src_path)
        relative = path[len(self._root) :].lstrip(b"/")
        # A new folder may already hold files whose events came before the watch on it did.
        self._hint(self._inbox, None if event.is_directory or not path.startswith(self._root) else relative)


def way_of(path: Path, wanted: Literal["auto", "events", "poll"]) -> Literal["events", "poll"]:
    """How an inbox at this path is to be watched; `auto` looks at its type of file system."""
    if wanted != "auto":
        return wanted
    return "poll" if _file_system(path).startswith(_WITHOUT_EVENTS) else "events"


def _file_system(path: Path) -> str:
    """Type of the file system that holds a folder, from /proc/self/mountinfo (proc_pid_mountinfo(5))."""
    status = path.stat()
    device = f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}"
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        fields = line.split(" ")
        if fields[2] == device:
            return fields[fields.index("-") + 1]
    return ""
