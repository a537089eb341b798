"""The loop: hand out, listen, drain.

The one place that knows the whole order of the service (opening.py: what must stand before it).

One thread runs the loop and hands out; each inbox has a thread that scans and settles (intake/rounds.py), and each
photo under way one that carries it (carriers.py). What they tell the loop goes through one queue, which is also what
signals use.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections import deque
from collections.abc import Callable, Iterator

import structlog

from facewarden import config
from facewarden.checks.absent import Latecomers
from facewarden.intake.hanging import Hanging
from facewarden.intake.inbox import Inbox
from facewarden.intake.rounds import Rounds
from facewarden.outcomes import FOLDERS
from facewarden.service.journey import Ending
from facewarden.service.opening import open_parts, require_folders

log = structlog.get_logger()

DRAIN_SECONDS = 30.0
"""How long a stop waits for photos under way; what is not done by then is done again at the next start."""

GIVE_UP_SECONDS = 60.0
"""How long `once` waits for files that never become quiet, when nothing else is left to do."""

LONGEST_WAIT = 5.0
"""Seconds after which the loop looks round also where nothing woke it: for folders that hang, which cannot wake it."""

Message = Ending | config.Configuration | BaseException | str | None
"""What the loop is told: a journey's ending, a configuration to go on with, a thread's failure, an inbox that has
something for it, or None: stop."""


class Service:
    """Everything that runs between start and stop. Raises CannotStart where it could not keep its promises."""

    def __init__(
        self,
        configuration: config.Configuration,
        on_ending: Callable[[Ending], None] = lambda _: None,
        *,
        anew: bool = False,
    ) -> None:
        """`anew`: begin with a new journal also where that would do kept originals a second time."""
        self.away = require_folders(configuration, anew=anew)
        """Inboxes that are not served, because their folders were away at the start."""
        self._latecomers = Latecomers(configuration, self.away, lambda: self.succeed(configuration))
        self.successor: config.Configuration | None = None
        """The configuration to go on with after `run`, where one was given meanwhile."""
        self._on_ending = on_ending
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._stopping = False
        self._last_outcome = 0.0
        with contextlib.ExitStack() as opened:
            parts = open_parts(configuration, self.away, self._messages.put, opened)
            self._opened = opened.pop_all()
        self.inboxes, self._carriers, self._heartbeat = parts.inboxes, parts.carriers, parts.heartbeat
        self._rounds = {name: self._rounds_of(inbox) for name, inbox in self.inboxes.items()}
        self._order = deque(self._rounds.values())
        self._hanging = Hanging(self._rounds.values())

    def _rounds_of(self, inbox: Inbox) -> Rounds:
        return Rounds(inbox, lambda: self._messages.put(inbox.name), self._messages.put)

    def run(self) -> None:
        """Work until `stop`, then drain. Raises CannotStart where the service cannot go on."""
        with self._walking(watching=True):
            self._heartbeat.ready(time.monotonic())
            self._latecomers.start()
            while not self._stopping:
                self._step(time.monotonic())
            self._drain()

    def once(self) -> None:
        """Work off what is there, then drain. Files that never become quiet are left where they are."""
        patience = max(GIVE_UP_SECONDS, *(3 * inbox.settings.settle for inbox in self.inboxes.values()))
        self._last_outcome = time.monotonic()
        with self._walking(watching=False):
            while not self._stopping and not self._all_done():
                self._step(time.monotonic())
                if not self._carriers.under_way and time.monotonic() - self._last_outcome > patience:
                    log.warning("still_growing", waiting=self.waiting)
                    break
            self._drain()

    def stop(self) -> None:
        """Ask for a stop; may be called from a signal handler (SimpleQueue.put is reentrant)."""
        self._messages.put(None)

    def succeed(self, configuration: config.Configuration) -> None:
        """Ask for a stop after which another service goes on with this configuration; from any thread."""
        self._messages.put(configuration)

    def close(self) -> None:
        """End the workers and let go of the state folder and the inboxes."""
        self._latecomers.stop()
        self._opened.close()

    @property
    def waiting(self) -> int:
        """Files that were seen and have not ended."""
        return self._carriers.under_way + sum(inbox.waiting for inbox in self.inboxes.values())

    @contextlib.contextmanager
    def _walking(self, *, watching: bool) -> Iterator[None]:
        """The inboxes' threads go their rounds inside."""
        for rounds in self._order:
            rounds.start(watching=watching)
        try:
            yield
        finally:
            for rounds in self._order:
                rounds.ask_to_stop()
            for rounds in self._order:
                rounds.stop()

    def _all_done(self) -> bool:
        return not self._carriers.under_way and all(rounds.at_rest() for rounds in self._order)

    def _step(self, now: float) -> None:
        """Hand out what is settled, then wait for news.

        The pulse first: where drawn faces are missed no photo goes any more.
        """
        self._hanging.look(now)
        due = self._heartbeat.beat(now)
        self._hand_out(now)
        self._listen(now, due)

    def _hand_out(self, now: float) -> None:
        """Give settled files to idle carriers, one inbox after the other so that a flood in one starves no other."""
        hungry = len(self._order)
        while hungry:
            rounds = self._order[0]
            self._order.rotate(-1)
            settled = rounds.take(now) if self._carriers.free_for(rounds.inbox.name) else None
            if settled is None:
                hungry -= 1
                continue
            hungry = len(self._order)
            self._carriers.carry(rounds.inbox, settled)

    def _listen(self, now: float, due: float) -> None:
        """Wait for news, or until something is due or an inbox that was left alone may be tried again.

        Take in all that has come.
        """
        waking = [inbox.not_before for inbox in self.inboxes.values() if inbox.ready and inbox.not_before > now]
        due = min([due, now + LONGEST_WAIT, *waking])
        with contextlib.suppress(queue.Empty):
            self._take_in(self._messages.get(timeout=max(due - now, 0.0)))
            while True:
                self._take_in(self._messages.get_nowait())

    def _take_in(self, message: Message) -> None:
        if message is None or isinstance(message, config.Configuration):
            self._stopping, self.successor = True, message
        elif isinstance(message, BaseException):
            raise message
        elif isinstance(message, Ending):
            self._ended(message)

    def _ended(self, ending: Ending) -> None:
        self._carriers.ended(ending.inbox)
        rounds = self._rounds[ending.inbox]
        if ending.outcome == "out_of_reach":
            rounds.inbox.failed(time.monotonic(), ending.folder or "inbox", ending.path)
        elif ending.outcome != "again":
            rounds.inbox.succeeded(ending.path, FOLDERS.get(ending.outcome))
            self._last_outcome = time.monotonic()
        rounds.note(lambda _: rounds.inbox.ended(ending.path))
        if ending.outcome in ("again", "vanished"):  # what stands under that name by now is a drop of its own
            rounds.hint(ending.path, renamed=False)
        self._heartbeat.ended(ending.outcome)
        self._on_ending(ending)

    def _drain(self) -> None:
        """Let the photos under way end, at most DRAIN_SECONDS, and none that waits for a folder that hangs."""
        if self.successor is None:
            self._heartbeat.stopping()
        else:
            self._heartbeat.reloading()
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._awaited() and (now := time.monotonic()) < deadline:
            self._hanging.look(now)
            with contextlib.suppress(queue.Empty):
                self._take_in(self._messages.get(timeout=min(1.0, deadline - now)))
        log.info("stopped", open=self._carriers.under_way)

    def _awaited(self) -> int:
        return sum(self._carriers.of(name) for name in self.inboxes if name not in self._hanging)
