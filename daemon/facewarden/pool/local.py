"""The workers of this machine: hands them photos, replaces what died, recycles what is old."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

from facewarden import protocol
from facewarden.errors import CannotStart, FileRefused, Reason
from facewarden.pool.process import WorkerProcess
from facewarden.replies import Reply
from facewarden.values import Recipe

START_TRIES = 3
RECYCLE_AFTER = 500
"""Photos after which a worker is replaced, so that no leak of a native library grows without bound."""


class Pool:
    """`size` workers, each taken by one thread for one photo. Thread-safe."""

    def __init__(self, size: int, on_death: Callable[[Reason], None] = lambda reason: None) -> None:
        self.size = size
        self._on_death = on_death
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        self._all: set[WorkerProcess] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self) -> None:
        """Spawn all workers and wait for them. Raises CannotStart where one cannot start: its peers could not either."""
        workers = [self._spawn() for _ in range(self.size)]
        for worker in workers:
            self._idle.put(worker)
        try:
            for worker in workers:
                worker.wait_ready()
        except CannotStart:
            self.stop()
            raise

    def treat(self, original: bytes | bytearray, recipe: Recipe, seconds: float, kind: bytes = protocol.HIDE) -> Reply:
        """Have one photo treated by the next idle worker. Raises FileRefused, or CannotStart where no worker starts."""
        worker = self._take()
        try:
            return worker.ask(kind, original, recipe, seconds)
        except FileRefused as refusal:
            if not worker.alive():
                self._on_death(refusal.reason)
            raise
        finally:
            self._give_back(worker)

    def _take(self) -> WorkerProcess:
        """An idle worker that lives: one that died while it waited must not be charged to the next photo."""
        worker = self._idle.get()
        if not worker.alive():
            self._give_back(worker)
            worker = self._idle.get()
        return worker

    def pids(self) -> list[int]:
        """Process ids of the living workers."""
        with self._lock:
            return [worker.pid for worker in self._all if worker.alive()]

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
            busy.discard(worker)
            self._retire(worker)
        for worker in busy:
            worker.kill()

    def _spawn(self) -> WorkerProcess:
        worker = WorkerProcess()
        with self._lock:
            self._all.add(worker)
        return worker

    def _retire(self, worker: WorkerProcess) -> None:
        with self._lock:
            self._all.discard(worker)
        worker.stop()

    def _give_back(self, worker: WorkerProcess) -> None:
        if not self._closed and worker.alive() and worker.handled < RECYCLE_AFTER:
            self._idle.put(worker)
            return
        self._retire(worker)
        if not self._closed:
            self._idle.put(self._replacement())

    def _replacement(self) -> WorkerProcess:
        """A fresh, ready worker. A start may fail once under memory pressure; thrice means that it cannot work."""
        for _ in range(START_TRIES - 1):
            worker = self._spawn()
            try:
                worker.wait_ready()
                return worker
            except CannotStart:
                self._retire(worker)
        worker = self._spawn()
        worker.wait_ready()
        return worker


def default_size() -> int:
    """One worker a core that this process may use: inference is single-threaded."""
    return len(os.sched_getaffinity(0))
