"""A second kind of pool, without processes, that keeps the contract or breaks one promise of it on purpose."""

from __future__ import annotations

import enum
import itertools
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
from tests.pool.contract import Bench, Event

from facewarden import protocol
from facewarden.errors import CRASHED, DEADLINE, NO_WORKER, NOT_A_PICTURE, CannotStart, FileRefused
from facewarden.pool import Pool, PoolStopped
from facewarden.protocol import Protection
from facewarden.replies import Receiver, Reply
from facewarden.values import Frame, Picture, Recipe


class Fault(enum.Enum):
    """The promises that are broken."""

    LOSES_ANSWERS = enum.auto()
    MIXES_ANSWERS = enum.auto()
    TREATS_TWICE = enum.auto()
    IGNORES_KIND = enum.auto()
    IGNORES_RECEIVER = enum.auto()
    FAILS_WITHOUT_NAME = enum.auto()
    CHARGES_THE_NEXT = enum.auto()
    HIDES_DEATHS = enum.auto()
    IGNORES_DEADLINES = enum.auto()
    MIXES_OWNERS = enum.auto()
    KEEPS_WORKERS = enum.auto()
    SKIPS_BEGIN = enum.auto()
    BEGINS_LATE = enum.auto()
    BEGINS_IN_THE_QUEUE = enum.auto()
    SWALLOWS_BEGIN = enum.auto()
    HANGS_WAITERS = enum.auto()
    WAKES_NOBODY = enum.auto()
    HANGS_IN_STOP = enum.auto()
    CHARGES_A_STOP = enum.auto()
    LEAVES_WORKERS = enum.auto()
    IS_NEVER_DUE = enum.auto()


class ThreadPool:
    """A Pool whose workers are numbers: the thread that asks does the work. At most one promise is broken."""

    def __init__(self, size: int, bench: Bench, fault: Fault | None) -> None:
        self.size = size
        self.protection: Protection | None = Protection(0, seccomp=False)
        self._bench, self._fault = bench, fault
        self._changed = threading.Condition()
        """Guards all that follows."""
        self._numbers = itertools.count(1)
        self._owners: dict[int, str | None] = {}
        """Of each worker that lives."""
        self._free: list[int] = []
        self._deadlines: dict[int, float] = {}
        self._frozen: set[int] = set()
        self._delayed = self._exhausted = self._failed = self._stopped = self._over = False
        self._last = 0
        for _ in range(size):
            self._raise_one()

    @property
    def alive(self) -> int:
        return len(self.workers())

    @property
    def due(self) -> float:
        with self._changed:
            if self._free or self._fault is Fault.IS_NEVER_DUE:
                return math.inf
            return max(self._deadlines.values(), default=-math.inf)

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
        if self._fault is Fault.BEGINS_IN_THE_QUEUE:
            begin()
        with self._worker(owner, seconds) as worker:
            if self._fault not in (Fault.SKIPS_BEGIN, Fault.BEGINS_IN_THE_QUEUE, Fault.BEGINS_LATE):
                self._begin(begin)
            for _ in range(2 if self._fault is Fault.TREATS_TWICE else 1):
                self._bench.witness.note(Event("given", bytes(original), worker))
            if self._fault is Fault.BEGINS_LATE:
                begin()
            self._work(worker, seconds)
            return self._reply(bytes(original), kind, receiver)

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._free.clear()
            if self._fault is not Fault.LEAVES_WORKERS:
                self._owners.clear()
            if self._fault is not Fault.WAKES_NOBODY:
                self._changed.notify_all()
            if self._fault is Fault.HANGS_IN_STOP:
                self._changed.wait_for(lambda: self._over)

    def workers(self) -> set[int]:
        with self._changed:
            return set(self._owners)

    @contextmanager
    def change(self) -> Iterator[ThreadPool]:
        """The hands of the bench: change a pool, and tell its threads."""
        with self._changed:
            yield self
            self._changed.notify_all()

    def freeze(self) -> None:
        self._frozen = set(self._owners)

    def thaw(self) -> None:
        self._frozen.clear()

    def kill(self, workers: set[int]) -> None:
        for worker in workers:
            self._owners.pop(worker, None)

    def delay(self) -> None:
        self._delayed = True

    def exhaust(self) -> None:
        self._exhausted = True

    def release(self) -> None:
        """Whatever hangs ends."""
        self._over = True

    def _raise_one(self) -> None:
        self._failed |= self._exhausted
        if not self._exhausted and not self._delayed:
            worker = next(self._numbers)
            self._owners[worker] = None
            self._free.append(worker)

    @contextmanager
    def _worker(self, owner: str | None, seconds: float) -> Iterator[int]:
        with self._changed:
            while not (worker := self._pick(owner)):
                self._changed.wait()
            self._free.remove(worker)
            if worker in self._owners:
                self._owners[worker] = owner
            self._deadlines[worker] = time.monotonic() + seconds
        try:
            yield worker
        except FileRefused as refusal:
            if worker not in self.workers() and self._fault is not Fault.HIDES_DEATHS:
                self._bench.deaths.append(refusal.reason)
            raise
        finally:
            self._give_back(worker, owner)

    def _pick(self, owner: str | None) -> int | None:
        if self._over or (self._stopped and self._fault is not Fault.HANGS_WAITERS):
            raise PoolStopped
        if self._fault is not Fault.CHARGES_THE_NEXT:
            for worker in set(self._free) - set(self._owners):
                self._free.remove(worker)
                self._raise_one()
        if self._failed:
            raise RuntimeError if self._fault is Fault.FAILS_WITHOUT_NAME else CannotStart(NO_WORKER)
        owners = {worker: self._owners.get(worker) for worker in self._free}
        fitting = [worker for worker in self._free if owners[worker] in (None, owner)]
        if fitting or (self._fault is Fault.MIXES_OWNERS and self._free):
            return max(fitting or self._free, key=lambda worker: owners[worker] == owner)
        if self._free:
            self._owners.pop(self._free.pop(0))
            self._raise_one()
            return self._pick(owner)
        return None

    def _give_back(self, worker: int, owner: str | None) -> None:
        with self._changed:
            del self._deadlines[worker]
            if self._stopped:
                return
            stays = owner is not None or self._fault is Fault.KEEPS_WORKERS
            if stays and worker in self._owners:
                self._free.append(worker)
            else:
                self._owners.pop(worker, None)
                self._raise_one()
            self._changed.notify_all()

    def _begin(self, begin: Callable[[], None]) -> None:
        try:
            begin()
        except Exception:
            if self._fault is Fault.SWALLOWS_BEGIN:
                raise FileRefused(CRASHED) from None
            raise

    def _work(self, worker: int, seconds: float) -> None:
        """Takes no time, but where the worker is frozen."""

        def moves() -> bool:
            return self._over or self._stopped or worker not in self._owners or worker not in self._frozen

        with self._changed:
            in_time = self._changed.wait_for(moves, None if self._fault is Fault.IGNORES_DEADLINES else seconds)
            if self._fault is Fault.LOSES_ANSWERS:
                self._changed.wait_for(lambda: self._over)
            if self._over or self._stopped:
                raise FileRefused(CRASHED) if self._fault is Fault.CHARGES_A_STOP else PoolStopped
            if worker not in self._owners:
                raise FileRefused(CRASHED)
            if not in_time:
                del self._owners[worker]
                raise FileRefused(DEADLINE)

    def _reply(self, original: bytes, kind: bytes, receiver: Receiver | None) -> Reply:
        head = re.match(rb"P6 (\d+) (\d+) 255\n", original)
        if not head:
            raise ValueError if self._fault is Fault.FAILS_WITHOUT_NAME else FileRefused(NOT_A_PICTURE)
        width, height = int(head[1]), int(head[2])
        with self._changed:
            before, self._last = self._last, width
        if self._fault is Fault.MIXES_ANSWERS:
            width = before or width
        with_pixels = kind == protocol.HIDE or self._fault is Fault.IGNORES_KIND
        frame = Frame(np.zeros((height, width, 3) if with_pixels else (0, 0, 3), np.uint8))
        if receiver and self._fault is not Fault.IGNORES_RECEIVER:
            receiver.begin(Picture("PPM", ()))
            frame = receiver.take(frame, 0)
        return Reply(Picture("PPM", (frame,)), ((width, height),), ((),), 0, {})


class ThreadBench(Bench):
    """Of pools without processes."""

    def __init__(self, fault: Fault | None = None, patience: float = 60.0) -> None:
        super().__init__(patience)
        self._fault = fault

    def open(self, size: int) -> Pool:
        self._pool = ThreadPool(size, self, self._fault)
        return self._pool

    def workers(self) -> set[int]:
        return self._pool.workers()

    def freeze(self) -> None:
        with self._pool.change() as pool:
            pool.freeze()

    def thaw(self) -> None:
        with self._pool.change() as pool:
            pool.thaw()

    def kill(self, workers: set[int]) -> None:
        with self._pool.change() as pool:
            pool.kill(workers)

    def delay(self) -> None:
        with self._pool.change() as pool:
            pool.delay()

    def exhaust(self) -> None:
        with self._pool.change() as pool:
            pool.exhaust()

    def close(self) -> None:
        with self._pool.change() as pool:
            pool.release()
