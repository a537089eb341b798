"""Raises workers and ends them: orders are carried out by one thread, starts that fail are counted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from facewarden.errors import NO_WORKER, CannotStart
from facewarden.pool.contract import PoolStopped
from facewarden.pool.process import WorkerProcess
from facewarden.protocol import Protection
from facewarden.values import Terms

START_TRIES = 3
"""A start may fail once, under memory pressure say; this many in a row mean that no worker can work here."""


class Nursery:
    """Starts what is ordered, several at the same time, and ends who must leave.

    One thread starts all workers: a worker is killed by the kernel when the thread that started it ends
    (PR_SET_PDEATHSIG, prctl(2)), so that thread lives until the pool is stopped.
    """

    def __init__(self, terms: Terms, changed: threading.Condition, ready: Callable[[WorkerProcess], None]) -> None:
        """`changed` is the pool's, guards all that is here, and tells of it.

        `ready` is called under it with each new worker.
        """
        self._terms, self._changed, self._ready = terms, changed, ready
        self.protection: Protection | None = None
        self.workers: set[WorkerProcess] = set()
        """All that were started and not ended yet."""
        self.ordered = 0
        """Workers that are wanted and not ready yet."""
        self.failure: CannotStart | None = None
        """Why no worker starts any more."""
        self.closed = False
        self._leaving: list[WorkerProcess] = []
        """Idle ones that shall be ended."""
        self._failures = 0
        self._thread = threading.Thread(target=self._run, name="nursery", daemon=True)

    def start(self, count: int) -> None:
        self.ordered = count
        self._thread.start()

    def order(self) -> None:
        """Have one more worker raised."""
        with self._changed:
            self.ordered += 1
            self._changed.notify_all()

    def send_away(self, worker: WorkerProcess) -> None:
        """Have an idle worker ended and another raised in its place."""
        with self._changed:
            self._leaving.append(worker)
            self.order()

    def require(self) -> None:
        """Raises PoolStopped or CannotStart where no worker will come any more."""
        if self.closed:
            raise PoolStopped
        if self.failure:
            raise self.failure

    def retire(self, worker: WorkerProcess) -> None:
        """End one now, in the thread of the caller."""
        with self._changed:
            self.workers.discard(worker)
        worker.stop()

    def stop(self, idle: list[WorkerProcess]) -> None:
        """End all workers: those that are `idle` gently, after which it is empty, and busy ones at once."""
        with self._changed:
            self.closed = True
            gently = idle + self._leaving
            idle.clear()
            self._leaving = []
            busy = self.workers - set(gently)
            self._changed.notify_all()
        for worker in busy:
            worker.abandon()
        for worker in gently:
            self.retire(worker)
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.closed or self._leaving or (self.ordered and not self.failure))
                if self.closed:
                    return
                leaving, self._leaving = self._leaving, []
                count = 0 if self.failure else self.ordered
            for worker in leaving:
                self.retire(worker)
            self._raise_workers(count)

    def _raise_workers(self, count: int) -> None:
        starting: list[WorkerProcess] = []
        with self._failures_counted():
            for _ in range(count):
                starting.append(self._spawn())  # noqa: PERF401 - those before a failure must be known
        for worker in starting:
            with self._failures_counted():
                self._see_ready(worker)

    def _spawn(self) -> WorkerProcess:
        try:
            worker = WorkerProcess(self._terms)
        except OSError:  # no memory, no descriptor, no further process
            raise CannotStart(NO_WORKER) from None
        with self._changed:
            self.workers.add(worker)
            if self.closed:
                worker.abandon()
        return worker

    def _see_ready(self, worker: WorkerProcess) -> None:
        try:
            self.protection = worker.wait_ready()
        except (CannotStart, PoolStopped):
            self.retire(worker)
            raise
        with self._changed:
            self._failures = 0
            if not self.closed:
                self.ordered -= 1
                self._ready(worker)
                self._changed.notify_all()
                return
        self.retire(worker)

    @contextlib.contextmanager
    def _failures_counted(self) -> Iterator[None]:
        """A start that fails is tried again, until START_TRIES in a row did.

        Then all who wait for a worker are told.
        """
        try:
            yield
        except PoolStopped:
            return
        except CannotStart as refusal:
            self._failures += 1
            if self._failures >= START_TRIES:
                with self._changed:
                    self.failure = refusal
                    self._changed.notify_all()
