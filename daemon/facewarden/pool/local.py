"""The workers of this machine: hands them photos, keeps owners apart, has those replaced that died or grew old."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable

from facewarden import protocol
from facewarden.errors import FileRefused, Reason
from facewarden.pool.memory import close_memory
from facewarden.pool.nursery import Nursery
from facewarden.pool.process import WorkerProcess
from facewarden.protocol import Protection
from facewarden.replies import Receiver, Reply
from facewarden.values import Recipe, Terms

RECYCLE_AFTER = 500
"""Photos after which a worker is replaced, so that no leak of a native library grows without bound."""


class LocalPool:
    """A Pool (see its contract) whose workers are processes of this machine.

    A worker that was broken into could carry one photo into the answer to the next. So each worker has one owner, the
    inbox whose photos it may see, and without an owner it sees one photo. `size` workers wait or serve an owner; for
    each that has one photo alone its successor is started at once, so that there may be twice as many.
    """

    def __init__(
        self, size: int, on_death: Callable[[Reason], None] = lambda reason: None, terms: Terms | None = None
    ) -> None:
        self.size = size
        self._on_death = on_death
        self._seats = threading.Semaphore(size)
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._idle: list[WorkerProcess] = []
        """Who served last stands last."""
        self._hungry = 0
        """Photos that have a seat and no worker yet."""
        self._nursery = Nursery(terms or Terms(), self._changed, lambda worker: self._idle.insert(0, worker))

    def start(self) -> None:
        """Start all workers and wait for them.

        Raises CannotStart where one cannot start: its peers could not either.
        """
        close_memory()
        self._nursery.start(self.size)
        with self._changed:
            self._changed.wait_for(lambda: self._nursery.failure or len(self._idle) == self.size)
        if self._nursery.failure:
            self.stop()
            raise self._nursery.failure

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
            return [worker.pid for worker in self._nursery.workers if worker.alive()]

    @property
    def alive(self) -> int:
        return len(self.pids())

    @property
    def protection(self) -> Protection | None:
        return self._nursery.protection

    @property
    def due(self) -> float:
        with self._changed:
            if self._idle and not self._hungry:
                return math.inf
            return max((worker.due for worker in self._nursery.workers if worker.due < math.inf), default=-math.inf)

    def stop(self) -> None:
        """End all workers: idle ones gently, busy ones at once; whoever waits for one meets PoolStopped."""
        self._nursery.stop(self._idle)

    def _take(self, owner: str | None) -> WorkerProcess:
        """An idle worker for this owner that is well.

        What befell one while it waited is not charged to the next photo.
        """
        with self._changed:
            self._hungry += 1
            try:
                while not (worker := self._pick(owner)):
                    self._changed.wait()
            finally:
                self._hungry -= 1
            if owner is None:
                self._nursery.order()
            worker.owner = owner
            return worker

    def _pick(self, owner: str | None) -> WorkerProcess | None:
        self._nursery.require()
        for worker in self._idle.copy():
            if not worker.waits():
                self._send_away(worker)
        fitting = [worker for worker in self._idle if worker.owner in (None, owner)]
        if fitting:
            # One that serves this owner already, so that the others stay free for others.
            chosen = max(fitting, key=lambda worker: worker.owner == owner)
            self._idle.remove(chosen)
            return chosen
        if self._idle and self._nursery.ordered < self._hungry:
            self._send_away(self._idle[0])
        return None

    def _send_away(self, worker: WorkerProcess) -> None:
        self._idle.remove(worker)
        self._nursery.send_away(worker)

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._changed:
            stays = worker.owner is not None
            if stays and not self._nursery.closed and worker.alive() and worker.handled < RECYCLE_AFTER:
                self._idle.append(worker)
                self._changed.notify_all()
                return
            if stays:
                self._nursery.order()
        self._nursery.retire(worker)


def default_size() -> int:
    """One worker a core that this process may use: inference is single-threaded."""
    return len(os.sched_getaffinity(0))
