"""The workers of this machine: hands them photos, replaces what died, recycles what is old."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator

from facewarden import protocol
from facewarden.errors import NO_WORKER, CannotStart, FileRefused, Reason
from facewarden.pool.memory import close_memory
from facewarden.pool.process import PoolStopped, WorkerProcess
from facewarden.protocol import Protection
from facewarden.replies import Receiver, Reply
from facewarden.values import Recipe, Terms

START_TRIES = 3
"""A start may fail once, under memory pressure say; this many in a row mean that no worker can work here."""

RECYCLE_AFTER = 500
"""Photos after which a worker is replaced, so that no leak of a native library grows without bound."""


class Pool:
    """Treats up to `size` photos at a time, each in a worker of this machine. Thread-safe.

    A worker that was broken into could carry one photo into the answer to the next. So each worker has one owner, the
    inbox whose photos it may see, and without an owner it sees one photo. `size` workers wait or serve an owner; for
    each that has one photo alone its successor is started at once, so that there may be twice as many.

    One thread of the pool, the nursery, starts all workers: a worker is killed by the kernel when the thread that
    started it ends (PR_SET_PDEATHSIG, prctl(2)), so that thread lives until the pool is stopped.
    """

    def __init__(
        self, size: int, on_death: Callable[[Reason], None] = lambda reason: None, terms: Terms | None = None
    ) -> None:
        self.size = size
        self.protection: Protection | None = None
        self._on_death = on_death
        self._terms = terms or Terms()
        self._seats = threading.Semaphore(size)
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._all: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        """Who served last stands last."""
        self._leaving: list[WorkerProcess] = []
        """Idle ones that the nursery shall end."""
        self._ordered = size
        self._hungry = 0
        self._failure: CannotStart | None = None
        self._closed = False
        self._failures = 0
        self._nursery = threading.Thread(target=self._raise_workers, name="nursery", daemon=True)

    def start(self) -> None:
        """Start all workers and wait for them. Raises CannotStart where one cannot start: its peers could not either."""
        close_memory()
        self._nursery.start()
        with self._changed:
            self._changed.wait_for(lambda: self._failure or len(self._idle) == self.size)
        if self._failure:
            self.stop()
            raise self._failure

    def treat(
        self,
        original: bytes | bytearray,
        recipe: Recipe,
        seconds: float,
        kind: bytes = protocol.HIDE,
        owner: str | None = None,
        receiver: Receiver | None = None,
        begin: Callable[[], None] = lambda: None,
    ) -> Reply:
        """Have one photo treated, by a worker that has seen photos of this `owner` only, or None: no photo at all.

        `receiver` takes the frames as they come; `begin` is called when a worker is there and is about to get the photo.

        Raises what `begin` does, FileRefused, CannotStart where no worker starts any more, PoolStopped where the pool is stopped.
        """
        with self._seats:
            worker = self._take(owner)
            worker.due = time.monotonic() + seconds
            try:
                begin()
                return worker.ask(kind, original, recipe, seconds, receiver)
            except FileRefused as refusal:
                if not worker.alive():
                    self._on_death(refusal.reason)
                raise
            finally:
                worker.due = math.inf
                self._give_back(worker)

    def pids(self) -> list[int]:
        """Process ids of the living workers."""
        with self._changed:
            return [worker.pid for worker in self._all if worker.alive()]

    @property
    def due(self) -> float:
        """By when something must have moved, on the monotonic clock: a deadline, or infinite where workers wait for photos.

        Minus infinite where there is none: an idle worker does not count while photos wait, for it has another owner.
        """
        with self._changed:
            if self._idle and not self._hungry:
                return math.inf
            return max((worker.due for worker in self._all if worker.due < math.inf), default=-math.inf)

    def stop(self) -> None:
        """End all workers: idle ones gently, busy ones at once; whoever waits for one meets PoolStopped."""
        with self._changed:
            self._closed = True
            idle = self._idle + self._leaving
            self._idle, self._leaving = [], []
            busy = self._all - set(idle)
            self._changed.notify_all()
        for worker in busy:
            worker.abandon()
        for worker in idle:
            self._retire(worker)
        if self._nursery.is_alive():
            self._nursery.join()

    def _take(self, owner: str | None) -> WorkerProcess:
        """An idle worker for this owner that is well: what befell one while it waited is not charged to the next photo."""
        with self._changed:
            self._hungry += 1
            try:
                while not (worker := self._pick(owner)):
                    self._changed.wait()
            finally:
                self._hungry -= 1
            if owner is None:
                self._order()
            worker.owner = owner
            return worker

    def _pick(self, owner: str | None) -> WorkerProcess | None:
        if self._closed:
            raise PoolStopped
        if self._failure:
            raise self._failure
        for worker in self._idle.copy():
            if not worker.waits():
                self._send_away(worker)
        fitting = [worker for worker in self._idle if worker.owner in (None, owner)]
        if fitting:
            # One that serves this owner already, so that the others stay free for others.
            chosen = max(fitting, key=lambda worker: worker.owner == owner)
            self._idle.remove(chosen)
            return chosen
        if self._idle and self._ordered < self._hungry:
            self._send_away(self._idle[0])
        return None

    def _send_away(self, worker: WorkerProcess) -> None:
        self._idle.remove(worker)
        self._leaving.append(worker)
        self._order()

    def _order(self) -> None:
        self._ordered += 1
        self._changed.notify_all()

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._changed:
            stays = worker.owner is not None
            if stays and not self._closed and worker.alive() and worker.handled < RECYCLE_AFTER:
                self._idle.append(worker)
                self._changed.notify_all()
                return
            if stays:
                self._order()
        self._retire(worker)

    def _retire(self, worker: WorkerProcess) -> None:
        with self._changed:
            self._all.discard(worker)
        worker.stop()

    def _raise_workers(self) -> None:
        """The nursery's thread: ends who must leave, starts what is ordered, several at the same time."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._leaving or (self._ordered and not self._failure))
                if self._closed:
                    return
                leaving, self._leaving = self._leaving, []
                count = 0 if self._failure else self._ordered
            for worker in leaving:
                self._retire(worker)
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
            self._all.add(worker)
            if self._closed:
                worker.abandon()
        return worker

    def _see_ready(self, worker: WorkerProcess) -> None:
        try:
            self.protection = worker.wait_ready()
        except (CannotStart, PoolStopped):
            self._retire(worker)
            raise
        with self._changed:
            self._failures = 0
            if not self._closed:
                self._ordered -= 1
                self._idle.insert(0, worker)
                self._changed.notify_all()
                return
        self._retire(worker)

    @contextlib.contextmanager
    def _failures_counted(self) -> Iterator[None]:
        """A start that fails is tried again, until START_TRIES in a row did; then all who wait for a worker are told."""
        try:
            yield
        except PoolStopped:
            return
        except CannotStart as refusal:
            self._failures += 1
            if self._failures >= START_TRIES:
                with self._changed:
                    self._failure = refusal
                    self._changed.notify_all()


def default_size() -> int:
    """One worker a core that this process may use: inference is single-threaded."""
    return len(os.sched_getaffinity(0))
