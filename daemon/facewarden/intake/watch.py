"""Watch: hints that something changed in an inbox, from inotify through watchdog.

The scan and the journal are the truth. Network file systems send no events for what other machines do, so there the
periodic scan alone sees files. Where the kernel lost events, or has no watch left for a subfolder, watchdog keeps it to
itself: here the loss is told.
"""

from __future__ import annotations

import errno
import logging
import os
from pathlib import Path
from typing import Literal, Protocol

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
from watchdog.observers.api import BaseObserver
from watchdog.observers.inotify import InotifyFullEmitter
from watchdog.observers.inotify import logger as emitters_log
from watchdog.observers.inotify_c import CallbackId, InotifyEvent, InotifyFD, Mask, WatchCallback, WatchDescriptor

from facewarden import files
from facewarden.files import mounts


class Listener(Protocol):
    """Who is told, in watchdog's threads."""

    def hint(self, path: bytes | None, *, renamed: bool) -> None:
        """A file at this path relative to the inbox changed, or was renamed into place; None: scan the whole folder."""

    def events_lost(self) -> None:
        """The kernel's queue ran over: whatever happened meanwhile is known to a scan alone."""

    def watches_lacking(self) -> None:
        """The system's limit of watches is reached: some subfolders send no events."""


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


def _is_trouble(record: logging.LogRecord) -> bool:
    """Watchdog calls an event that arrives while its emitter stops an error.

    Whoever stops a watch wants none any more.
    """
    return record.funcName != "queue_events"


emitters_log.addFilter(_is_trouble)


class Watch:
    """Watches one inbox by events until stopped; several may run side by side."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._instance = _Instance(listener)
        self._instance.start()
        self._observer = BaseObserver(InotifyFullEmitter, inotify_fd=self._instance)
        self._observer.start()

    def add(self, path: Path, *, deep: bool) -> None:
        """Begin to watch. Raises OSError where the system refuses (no such folder, watch limit reached)."""
        events = [DirCreatedEvent, DirMovedEvent, FileClosedEvent, FileCreatedEvent, FileModifiedEvent, FileMovedEvent]
        handler = _Handler(os.fsencode(path), self._listener)
        self._observer.schedule(handler, os.fspath(path), recursive=deep, event_filter=events)

    def stop(self) -> None:
        self._observer.stop()
        self._observer.join(5)
        self._instance.stop()
        self._instance.join(5)


class _Instance(InotifyFD):
    """Watchdog's reader of one inotify instance, which tells what watchdog itself passes over in silence."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def handle_event(self, event: InotifyEvent) -> None:
        super().handle_event(event)
        if event.is_queue_overflow:
            self._listener.events_lost()

    def add_callback(self, path: bytes, mask: Mask, callback: WatchCallback, id_: CallbackId) -> WatchDescriptor:
        try:
            return super().add_callback(path, mask, callback, id_)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                self._listener.watches_lacking()
            raise


class _Handler(FileSystemEventHandler):
    """Turns watchdog's events into hints. Runs in watchdog's thread."""

    def __init__(self, root: bytes, listener: Listener) -> None:
        self._root, self._listener = root, listener

    def on_any_event(self, event: FileSystemEvent) -> None:
        path = os.fsencode(event.dest_path or event.src_path)
        relative = path[len(self._root) :].lstrip(b"/")
        if event.is_directory or not path.startswith(self._root):
            # A new folder may already hold files whose events came before the watch on it did.
            self._listener.hint(None, renamed=False)
        else:
            self._listener.hint(relative, renamed=isinstance(event, FileMovedEvent) and bool(event.dest_path))


def way_of(path: Path, wanted: Literal["auto", "events", "poll"]) -> Literal["events", "poll"]:
    """How an inbox at this path is to be watched; `auto` looks at its type of file system."""
    if wanted != "auto":
        return wanted
    with files.folder(path) as folder:
        kind = os.fsdecode(mounts.mount_of(folder).kind)
    return "poll" if kind.startswith(_WITHOUT_EVENTS) else "events"
