"""The loop: recover, run, drain. The one place that knows the whole order of a photo's journey.

One thread runs the loop (scan, settle, hand out); a few more carry one photo each through claim, treat, encode, publish
and retire. What they tell the loop goes through one queue, which is also what signals use.
"""

from __future__ import annotations

import contextlib
import functools
import os
import queue
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from facewarden import __version__, config
from facewarden.config import folders
from facewarden.delivery.results import Results
from facewarden.errors import FOLDER, CannotStart, Reason
from facewarden.intake.inbox import Inbox
from facewarden.intake.settle import Settled
from facewarden.intake.watch import Watch, way_of
from facewarden.journal import Journal
from facewarden.journey import Ending, Journey
from facewarden.key import read_key
from facewarden.notify import Notifier
from facewarden.pool import Pool, default_size, require_emblems
from facewarden.pulse import Pulse
from facewarden.recovery import recover

log = structlog.get_logger()

DRAIN_SECONDS = 30.0
"""How long a stop waits for photos under way; what is not done by then is done again at the next start."""

GIVE_UP_SECONDS = 60.0
"""How long `once` waits for files that never become quiet, when nothing else is left to do."""

LONGEST_WAIT = 5.0

T = TypeVar("T")
Message = Ending | tuple[str, bytes | None] | BaseException | None
"""What the loop is told: a journey's ending, a hint (inbox, path), a carrier's failure, or None: stop."""


class Service:
    """Everything that runs between start and stop. Raises CannotStart where it could not keep its promises."""

    def __init__(
        self, configuration: config.Configuration, on_ending: Callable[[Ending], None] = lambda _: None
    ) -> None:
        found = folders.faults(configuration)
        if found:
            raise CannotStart(FOLDER, tuple(found))
        folders.create_missing(configuration)
        self._on_ending = on_ending
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._under_way = 0
        self._stopping = False
        self._last_outcome = 0.0
        with contextlib.ExitStack() as opened:
            self._open(configuration, opened)
            self._opened = opened.pop_all()

    def _open(self, configuration: config.Configuration, opened: contextlib.ExitStack) -> None:
        journal = Journal(configuration.state)
        opened.callback(journal.close)
        key = read_key(configuration.state)
        recover(journal, key, {inbox.name: inbox for inbox in configuration.inboxes})
        self.inboxes = {
            settings.name: self._inbox(settings, configuration, journal) for settings in configuration.inboxes
        }
        self._order = deque(self.inboxes.values())
        size = default_size() if configuration.workers == "auto" else configuration.workers
        # One more than workers: while one photo is encoded, its worker already searches the next.
        self._most = size + 1
        self._carriers = ThreadPoolExecutor(self._most, "carrier")
        opened.callback(self._carriers.shutdown, cancel_futures=True)
        pool = Pool(size, _worker_died, config.terms_of(configuration))
        pool.start()
        opened.callback(pool.stop)
        require_emblems(pool, {f"inboxes[{n}].": inbox.recipe for n, inbox in enumerate(self.inboxes.values())})
        results = Results(configuration.state / "results", key, configuration.results_megabytes << 20)
        self._journey = Journey(journal, pool, results, key, configuration.limits)
        self._pulse = Pulse(Notifier.of(os.environ), journal, pool, self.inboxes.values())
        assert pool.protection
        locked = {"landlock": pool.protection.landlock, "seccomp": pool.protection.seccomp}
        tell = log.info if pool.protection.complete else log.warning
        tell("started", version=__version__, workers=size, **locked)

    def _inbox(self, settings: config.Inbox, configuration: config.Configuration, journal: Journal) -> Inbox:
        way = way_of(settings.path, settings.watch)
        log.info("inbox", inbox=settings.name, watch=way)
        recipe = config.recipe_of(settings, configuration.limits.for_worker())
        # A long walk is felt file by file.
        return Inbox(settings, recipe, way, journal.finished, lambda: self._pulse.walked(time.monotonic()))

    def run(self) -> None:
        """Work until `stop`, then drain. Raises CannotStart where the service cannot go on."""
        with contextlib.ExitStack() as watching:
            watch = Watch(lambda inbox, path: self._messages.put((inbox, path)))
            watching.callback(watch.stop)
            for inbox in self.inboxes.values():
                self._begin_to_watch(watch, inbox)
            self._pulse.ready(time.monotonic())
            while not self._stopping:
                self._step(time.monotonic())
            self._drain()

    def once(self) -> None:
        """Work off what is there, then drain. Files that never become quiet are left where they are."""
        patience = max(GIVE_UP_SECONDS, *(3 * inbox.settings.settle for inbox in self.inboxes.values()))
        self._last_outcome = time.monotonic()
        while not self._stopping and (self._under_way or self._waiting()):
            self._step(time.monotonic())
            if not self._under_way and time.monotonic() - self._last_outcome > patience:
                log.warning("still_growing", waiting=self.waiting)
                break
        self._drain()

    def stop(self) -> None:
        """Ask for a stop; may be called from a signal handler (SimpleQueue.put is reentrant)."""
        self._messages.put(None)

    def close(self) -> None:
        """End the workers and let go of the state folder."""
        self._opened.close()

    @property
    def waiting(self) -> int:
        """Files that were seen and have not ended."""
        return self._under_way + sum(inbox.waiting for inbox in self.inboxes.values())

    def _waiting(self) -> bool:
        return any(not inbox.scanned or inbox.waiting or inbox.more for inbox in self.inboxes.values())

    def _begin_to_watch(self, watch: Watch, inbox: Inbox) -> None:
        if inbox.way == "poll":
            return
        try:
            watch.add(inbox.name, inbox.path, deep=inbox.settings.subfolders != "ignore")
        except OSError as error:
            # The watch limit, or a file system without inotify: the scan sees the files all the same.
            log.warning("events_unavailable", inbox=inbox.name, error=error.errno or 0)

    def _step(self, now: float) -> None:
        """Scan what is due, hand out what is settled, then wait for news."""
        for inbox in self.inboxes.values():
            if now >= inbox.next_scan or (inbox.more and not inbox.waiting):
                self._guarded(inbox, now, inbox.scan)
        self._hand_out(now)
        self._pulse.beat(now)
        self._listen()

    def _hand_out(self, now: float) -> None:
        """Give settled files to idle carriers, one inbox after the other so that a flood in one starves no other."""
        hungry = len(self._order)
        while hungry and self._under_way < self._most:
            inbox = self._order[0]
            self._order.rotate(-1)
            settled = self._guarded(inbox, now, inbox.take)
            if settled is None:
                hungry -= 1
                continue
            hungry = len(self._order)
            self._under_way += 1
            self._carriers.submit(self._carry, inbox, settled)

    def _guarded(self, inbox: Inbox, now: float, step: Callable[[float], T]) -> T | None:
        """Take a step with an inbox's folder; one that is out of reach is left alone for a while."""
        try:
            return step(now)
        except OSError as error:
            log.warning("folder_out_of_reach", inbox=inbox.name, error=error.errno or 0)
            inbox.failed(now)
            return None

    def _carry(self, inbox: Inbox, settled: Settled) -> None:
        """Run in a carrier's thread."""
        try:
            self._messages.put(self._journey.carry(inbox.settings, inbox.recipe, settled))
        except BaseException as failure:  # noqa: BLE001 - the loop raises it again in its own thread
            self._messages.put(failure)

    def _listen(self) -> None:
        """Wait for news until the next inbox is due, and take in all that has come."""
        now = time.monotonic()
        idle = self._under_way < self._most
        due = min(inbox.next_due(now) for inbox in self.inboxes.values()) if idle else now + LONGEST_WAIT
        hints: dict[str, set[bytes]] = {}
        with contextlib.suppress(queue.Empty):
            patience = min(max(min(due, self._pulse.due) - now, 0.0), LONGEST_WAIT)
            self._take_in(self._messages.get(timeout=patience), hints)
            while True:
                self._take_in(self._messages.get_nowait(), hints)
        now = time.monotonic()
        for name, paths in hints.items():
            inbox = self.inboxes[name]
            self._guarded(inbox, now, functools.partial(inbox.hint, paths))

    def _take_in(self, message: Message, hints: dict[str, set[bytes]]) -> None:
        if message is None:
            self._stopping = True
        elif isinstance(message, BaseException):
            raise message
        elif isinstance(message, Ending):
            self._ended(message)
        elif message[1] is None:
            self.inboxes[message[0]].scan_soon()
        else:
            hints.setdefault(message[0], set()).add(message[1])

    def _ended(self, ending: Ending) -> None:
        self._under_way -= 1
        inbox = self.inboxes[ending.inbox]
        inbox.ended(ending.path)
        if ending.outcome == "out_of_reach":
            inbox.failed(time.monotonic())
        else:
            inbox.recovered()
            self._last_outcome = time.monotonic()
        self._pulse.ended(ending.outcome)
        if ending.outcome == "again":
            self._messages.put((ending.inbox, ending.path))
        self._on_ending(ending)

    def _drain(self) -> None:
        """Let the photos under way end, at most DRAIN_SECONDS; the rest is done again at the next start."""
        self._pulse.stopping()
        deadline = time.monotonic() + DRAIN_SECONDS
        with contextlib.suppress(queue.Empty):
            while self._under_way:
                message = self._messages.get(timeout=max(0.0, deadline - time.monotonic()))
                if isinstance(message, Ending):
                    self._ended(message)
                elif isinstance(message, BaseException):
                    raise message
        log.info("stopped", open=self._under_way)


def _worker_died(reason: Reason) -> None:
    log.warning("worker_died", reason=reason.number, reason_name=reason.name)
