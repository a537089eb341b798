"""The workers of this machine: hands them photos, replaces what died, recycles what is old."""

from __future__ import annotations

import math
import os
import queue
import threading
import time
from collections.abc import Callable

from facewarden import protocol
from facewarden.errors import CannotStart, FileRefused, Reason
from facewarden.pool.process import WorkerProcess
from facewarden.replies import Protection, Reply
from facewarden.values import Recipe, Terms

START_TRIES = 3
"""A start may fail once, under memory pressure say; this many in a row mean that no worker can work here."""

RECYCLE_AFTER = 500
"""Photos after which a worker is replaced, so that no leak of a native library grows without bound."""


class Pool:
    """`size` workers, each taken by one thread for one photo. Thread-safe.

    One thread of the pool, the nursery, starts all workers: a worker is killed by the kernel when the thread that
    started it ends (PR_SET_PDEATHSIG, prctl(2)), so that thread must live as long as the pool.
    """

    def __init__(
        self, size: int, on_death: Callable[[Reason], None] = lambda reason: None, terms: Terms | None = None
    ) -> None:
        self.size = size
        self.protection: Protection | None = None
        self._on_death = on_death
        self._terms = terms or Terms()
        self._idle: queue.LifoQueue[WorkerProcess | CannotStart] = queue.LifoQueue()
        # Each order is for one worker; 0 ends the nursery.
        self._orders: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._all: set[WorkerProcess] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._nursery = threading.Thread(target=self._raise_workers, name="nursery", daemon=True)

    def start(self) -> None:
        """Start all workers and wait for them. Raises CannotStart where one cannot start: its peers could not either."""
        for _ in range(self.size):
            self._orders.put(1)
        self._nursery.start()
        ready = []
        try:
            ready = [self._take() for _ in range(self.size)]
        except CannotStart:
            self.stop()
            raise
        finally:
            for worker in ready:
                self._idle.put(worker)

    def treat(self, original: bytes | bytearray, recipe: Recipe, seconds: float, kind: bytes = protocol.HIDE) -> Reply:
        """Have one photo treated by the next idle worker. Raises FileRefused, or CannotStart where no worker starts."""
        worker = self._take()
        worker.due = time.monotonic() + seconds
        try:
            return worker.ask(kind, original, recipe, seconds)
        except FileRefused as refusal:
            if not worker.alive():
                self._on_death(refusal.reason)
            raise
        finally:
            worker.due = math.inf
            self._give_back(worker)

    def pids(self) -> list[int]:
        """Process ids of the living workers."""
        with self._lock:
            return [worker.pid for worker in self._all if worker.alive()]

    @property
    def due(self) -> float:
        """When a worker is idle at the latest, on the monotonic clock: infinite if one is, minus infinite if none lives."""
        with self._lock:
            return max((worker.due for worker in self._all), default=-math.inf)

    def stop(self) -> None:
        """End all workers: idle ones gently, busy ones at once; their threads meet FileRefused."""
        with self._lock:
            self._closed = True
            busy = set(self._all)
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                break
            if isinstance(worker, WorkerProcess):
                busy.discard(worker)
                self._retire(worker)
        for worker in busy:
            worker.kill()
        self._orders.put(0)
        self._nursery.join()

    def _take(self) -> WorkerProcess:
        """An idle worker that lives: one that died while it waited must not be charged to the next photo."""
        while True:
            worker = self._idle.get()
            if isinstance(worker, CannotStart):
                self._idle.put(worker)  # for the other threads that wait
                raise worker
            if worker.alive():
                return worker
            self._replace(worker)

    def _give_back(self, worker: WorkerProcess) -> None:
        if not self._closed and worker.alive() and worker.handled < RECYCLE_AFTER:
            self._idle.put(worker)
        else:
            self._replace(worker)

    def _replace(self, worker: WorkerProcess) -> None:
        self._retire(worker)
        self._orders.put(0 if self._closed else 1)

    def _retire(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.stop()

    def _raise_workers(self) -> None:
        """The nursery's thread: for each order one ready worker, several starting at the same time."""
        while self._orders.get():
            ordered = 1 + sum(self._orders.get() for _ in range(self._orders.qsize()))
            failures = 0
            while ordered and not self._closed:
                starting = [self._spawn() for _ in range(ordered)]
                for worker in starting:
                    try:
                        self.protection = worker.wait_ready()
                    except CannotStart as refusal:
                        self._retire(worker)
                        failures += 1
                        failure = refusal
                    else:
                        self._idle.put(worker)
                        ordered -= 1
                if failures >= START_TRIES:
                    self._idle.put(failure)
                    return

    def _spawn(self) -> WorkerProcess:
        worker = WorkerProcess(self._terms)
        with self._lock:
            self._all.add(worker)
        return worker


def default_size() -> int:
    """One worker a core that this process may use: inference is single-threaded."""
    return len(os.sched_getaffinity(0))
