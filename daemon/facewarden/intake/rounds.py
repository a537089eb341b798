"""Rounds: each inbox has a thread of its own that scans it, follows hints and lays out what has settled.

A mount that hangs holds its own thread, and no other inbox nor the stop of the service: the thread is a daemon, and
nobody waits for it. The loop asks how it is and takes what lies ready.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from facewarden import logs
from facewarden.files.failing import role_of
from facewarden.intake.inbox import ROOM, Inbox
from facewarden.intake.settle import Settled
from facewarden.intake.watch import Watch

log = structlog.get_logger()

HANGS_AFTER = 10.0
"""Seconds in which a thread met no file and came to no end, after which its folder counts as hanging."""

LONGEST_REST = 60.0

STOP_SECONDS = 5.0
"""How long a thread may take to end its round; one that takes longer is left behind."""

Note = Callable[[float], None]
"""Something for the inbox's thread to do, given the time."""


class Rounds:
    """One inbox's thread. Its methods may be called from any thread, and none of them waits for the folder."""

    def __init__(self, inbox: Inbox, wake: Callable[[], None], fail: Callable[[BaseException], None]) -> None:
        """`wake` is called after each round that brought news.

        `fail` is called where a round raised what is no folder's fault.
        """
        self.inbox = inbox
        self._wake, self._fail = wake, fail
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._hints: dict[bytes, bool] = {}
        self._notes: list[Note] = []
        self._busy = True
        self._stopping = False
        self._moved = time.monotonic()
        self._walked = 0
        self._watching = False
        self._watch: Watch | None = None
        self._news = True
        self._last: tuple[object, ...] = ()
        self._armed = -1
        self._armer: threading.Thread | None = None
        self._thread = threading.Thread(target=self._go, name=f"rounds-{inbox.name}", daemon=True)

    def start(self, *, watching: bool) -> None:
        """Begin; without `watching` by scans alone."""
        self._watching = watching and self.inbox.way == "events"
        self._thread.start()

    def ask_to_stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()

    def stop(self) -> None:
        """End the thread and let go of the folder. A thread that hangs stays behind until the folder answers."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(0.1 if self.hangs(time.monotonic()) else STOP_SECONDS)
        if not self._thread.is_alive():
            self.inbox.root.close()
        watch, self._watch = self._watch, None
        if watch and not (self._armer and self._armer.is_alive()):
            watch.stop()

    def take(self, now: float) -> Settled | None:
        """The next settled file, for the loop; None while there is none or the inbox is left alone for a while."""
        if now < self.inbox.not_before or not self.inbox.ready:
            return None
        settled = self.inbox.ready.popleft()
        if not self.inbox.ready:
            self.note(lambda _: None)
        return settled

    def note(self, note: Note) -> None:
        """Have this done by the thread, between two looks at the folder."""
        with self._changed:
            self._notes.append(note)
            self._changed.notify()

    def hint(self, path: bytes | None, *, renamed: bool) -> None:
        """Told by the watch: see `watch.Listener`. More hints than there is room for are one scan."""
        with self._changed:
            if path is None or len(self._hints) >= ROOM:
                self._hints.clear()
                self._notes.append(lambda _: self.inbox.scan_soon())
            else:
                self._hints[path] = renamed or self._hints.get(path, False)
            self._changed.notify()

    def events_lost(self) -> None:
        log.warning("events_lost", inbox=self.inbox.name)
        self.note(self._scan_now)

    def watches_lacking(self) -> None:
        if not self.inbox.blind:
            log.warning("watch_limit_reached", inbox=self.inbox.name)
        self.inbox.blind = True
        self.note(self._scan_now)

    def hangs(self, now: float) -> bool:
        """Whether the folder does not answer. A scan that still meets files is long, and no standstill."""
        if self.inbox.walked != self._walked:
            self._walked, self._moved = self.inbox.walked, now
        return self._busy and now - self._moved > HANGS_AFTER

    def at_rest(self) -> bool:
        """Whether all that is there was seen and handed out, and nothing is to be done now."""
        with self._changed:
            busy = self._busy or self._notes or self._hints
            return not busy and self.inbox.scanned and not self.inbox.waiting and not self.inbox.more

    def _go(self) -> None:
        try:
            while not self._stopping:
                self._round(time.monotonic())
                self._rest()
        except BaseException as failure:  # noqa: BLE001 - the loop raises it again in its own thread
            self._fail(failure)

    def _round(self, now: float) -> None:
        """All that is to do now. A folder that is out of reach is left alone for a while."""
        inbox = self.inbox
        with self._changed:
            notes, self._notes = self._notes, []
            hints, self._hints = self._hints, {}
        for note in notes:
            note(now)
        try:
            if now >= inbox.next_scan or (inbox.more and not inbox.waiting and now >= inbox.not_before):
                inbox.scan(now)
            if hints:
                inbox.hint(hints, now)
            inbox.lay_out(time.monotonic())
        except OSError as error:
            logs.out_of_reach(inbox.name, error)
            inbox.failed(time.monotonic(), role_of(error))
        self._arm()
        state = (inbox.scanned, inbox.more, inbox.failing, inbox.blind, inbox.not_before)
        # A scan that found nothing new is no news: a hundred idle inboxes need not wake the loop.
        self._news = bool(notes or hints or inbox.waiting) or state != self._last
        self._last = state

    def _rest(self) -> None:
        with self._changed:
            more = self._notes or self._hints or self._stopping
            self._busy = bool(more)
            if self._news:
                self._wake()
            now = time.monotonic()
            if more:
                self._moved = now
                return
            due = self.inbox.next_scan if self.inbox.ready else self.inbox.next_due(now)
            self._changed.wait(min(max(due - now, 0.0), LONGEST_REST))
            self._busy = True
            self._moved = time.monotonic()

    def _scan_now(self, now: float) -> None:
        self.inbox.next_scan = min(self.inbox.next_scan, now)

    def _arm(self) -> None:
        """Watch the folder that is there now. In a thread of its own: a walk through all subfolders takes its time."""
        changes = self.inbox.root.changes
        if not self._watching or self._armed == changes or (self._armer and self._armer.is_alive()):
            return
        if not self.inbox.scanned:
            return  # its folder has not been seen yet
        self._armed = changes
        old, self._watch = self._watch, None
        self._armer = threading.Thread(target=self._watch_anew, args=(old,), name="armer", daemon=True)
        self._armer.start()

    def _watch_anew(self, old: Watch | None) -> None:
        if old:
            log.info("inbox_replaced", inbox=self.inbox.name)
            old.stop()
        self.inbox.blind = False
        try:
            watch = Watch(self)
            self._watch = watch
            watch.add(self.inbox.path, deep=self.inbox.settings.subfolders != "ignore")
        except OSError as error:
            # The watch limit, or a file system without inotify: the scan sees the files all the same.
            log.warning("events_unavailable", inbox=self.inbox.name, error=error.errno or 0)
            self.inbox.blind = True
        # What came between the last scan and the watch was told by nobody.
        self.note(self._scan_now)
