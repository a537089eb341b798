"""Every pool keeps the contract; and the suite that says so notices each promise that a pool breaks."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.pool import contract
from tests.pool.contract import CHECKS, Bench, Check, Event
from tests.pool.faulty import Fault, ThreadBench

from facewarden.pool import LocalPool, Pool
from facewarden.pool.process import ENTRY, WorkerProcess
from facewarden.replies import Receiver, Reply
from facewarden.values import Recipe, Terms


class Watched(WorkerProcess):
    """A worker that is seen by its bench."""

    def __init__(self, bench: LocalBench, terms: Terms, entry: Sequence[str]) -> None:
        super().__init__(terms, entry)
        self._bench = bench
        bench.raised.append(self)

    def ask(
        self,
        kind: bytes,
        original: bytes | bytearray,
        recipe: Recipe,
        seconds: float,
        receiver: Receiver | None = None,
    ) -> Reply:
        self._bench.witness.note(Event("given", bytes(original), self.pid))
        return super().ask(kind, original, recipe, seconds, receiver)


class LocalBench(Bench):
    """Of pools of this machine, with real workers that are stopped and killed by signals."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self._monkeypatch = monkeypatch
        self.raised: list[WorkerProcess] = []
        self._pool: LocalPool | None = None

    def open(self, size: int) -> Pool:
        self._raise_as(ENTRY)
        self._pool = LocalPool(size, self.deaths.append)
        self._pool.start()
        return self._pool

    def _raise_as(self, entry: Sequence[str]) -> None:
        self._monkeypatch.setattr("facewarden.pool.nursery.WorkerProcess", lambda terms: Watched(self, terms, entry))

    def workers(self) -> set[int]:
        return {worker.pid for worker in self.raised.copy() if Path(f"/proc/{worker.pid}").exists()}

    def freeze(self) -> None:
        for pid in self.workers():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.workers():
            os.kill(pid, signal.SIGCONT)

    def kill(self, workers: set[int]) -> None:
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        dying = [worker for worker in self.raised if worker.pid in workers]
        wait_until(lambda: not any(worker.alive() for worker in dying), "they are dead")

    def delay(self) -> None:
        self._raise_as(("-c", "import sys; sys.stdin.buffer.read()"))

    def exhaust(self) -> None:
        self._raise_as(("-c", "pass"))

    def close(self) -> None:
        if self._pool:
            self._pool.stop()


@pytest.fixture(params=["local", "threads"])
def bench(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """One of each kind of pool; a new kind is one more line here."""
    makers: dict[str, Callable[[], Bench]] = {"local": lambda: LocalBench(monkeypatch), "threads": ThreadBench}
    it = makers[request.param]()
    yield it
    it.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_pool_keeps_the_contract(bench: Bench, check: Check) -> None:
    """Each promise, as its check tells."""
    check(bench)


LOST = "no answer came"

CAUGHT: tuple[tuple[Fault, Check, str], ...] = (
    (Fault.LOSES_ANSWERS, contract.each_photo_has_its_own_answer, LOST),
    (Fault.MIXES_ANSWERS, contract.each_photo_has_its_own_answer, "the answer to another photo"),
    (Fault.TREATS_TWICE, contract.each_photo_has_its_own_answer, "treated twice"),
    (Fault.IGNORES_KIND, contract.a_photo_comes_back_as_it_was_asked_for, "pixels that nobody asked for"),
    (Fault.IGNORES_RECEIVER, contract.a_photo_comes_back_as_it_was_asked_for, "the receiver got something else"),
    (Fault.FAILS_WITHOUT_NAME, contract.a_failure_has_a_name, "no name: ValueError"),
    (Fault.FAILS_WITHOUT_NAME, contract.without_further_workers_who_asks_is_told, "no name: RuntimeError"),
    (Fault.CHARGES_THE_NEXT, contract.a_death_is_charged_to_one_photo, "charged with FileRefused"),
    (Fault.HIDES_DEATHS, contract.a_death_is_charged_to_one_photo, "nobody was told of the death"),
    (Fault.IGNORES_DEADLINES, contract.what_hangs_is_ended_at_its_deadline, LOST),
    (Fault.MIXES_OWNERS, contract.a_worker_sees_photos_of_one_owner, "photos of several owners"),
    (Fault.KEEPS_WORKERS, contract.a_worker_sees_photos_of_one_owner, "it has seen a photo and lives on"),
    (Fault.SKIPS_BEGIN, contract.begin_is_called_when_a_worker_is_there, "begin has another place"),
    (Fault.BEGINS_LATE, contract.begin_is_called_when_a_worker_is_there, "begin has another place"),
    (Fault.SWALLOWS_BEGIN, contract.begin_is_called_when_a_worker_is_there, "begin was not heard"),
    (Fault.BEGINS_IN_THE_QUEUE, contract.begin_is_not_called_for_a_photo_that_waits, "begun while it waits"),
    (Fault.BEGINS_IN_THE_QUEUE, contract.without_further_workers_who_asks_is_told, "begun while it waits"),
    (Fault.HANGS_WAITERS, contract.a_stop_ends_whoever_waits, LOST),
    (Fault.WAKES_NOBODY, contract.a_stop_ends_who_waits_for_a_fresh_worker, LOST),
    (Fault.BEGINS_IN_THE_QUEUE, contract.a_stop_ends_who_waits_for_a_fresh_worker, "begun while it waits"),
    (Fault.HANGS_IN_STOP, contract.a_stop_ends_whoever_waits, "stop does not come back"),
    (Fault.CHARGES_A_STOP, contract.a_stop_ends_whoever_waits, "charged with the stop"),
    (Fault.LEAVES_WORKERS, contract.a_stop_ends_whoever_waits, "a worker lives on"),
    (Fault.LEAVES_WORKERS, contract.a_stop_ends_idle_workers, "a worker lives on"),
    (Fault.IS_NEVER_DUE, contract.a_busy_pool_is_due_at_its_deadline, "not due at the deadline"),
)
"""Which check notices which fault, and what it says."""


@pytest.mark.parametrize(("fault", "check", "says"), CAUGHT)
def test_the_suite_notices_a_broken_promise(fault: Fault, check: Check, says: str) -> None:
    """A pool with a fault fails the check of the promise that it breaks, for that reason."""
    hangs = says == LOST or fault is Fault.HANGS_IN_STOP
    bench = ThreadBench(fault, patience=2.0 if hangs else 60.0)
    try:
        with pytest.raises(AssertionError, match=says):
            check(bench)
    finally:
        bench.close()


def test_no_check_passes_whatever_a_pool_does() -> None:
    """Each check notices a fault at least, and each fault is noticed."""
    assert {check for _, check, _ in CAUGHT} == set(CHECKS)
    assert {fault for fault, _, _ in CAUGHT} == set(Fault)
