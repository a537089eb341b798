"""The suite that every pool must pass: one check for each promise of `facewarden/pool/contract.py`.

A check asks a pool of the kind under test for work, from threads of its own, and looks at what came back and at what the
workers got. It waits for what must come, and for nothing else.
"""

from __future__ import annotations

import abc
import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future
from typing import Literal, NamedTuple

from tests.daemon import wait_until

from facewarden import protocol
from facewarden.errors import DEADLINE, NO_WORKER, NOT_A_PICTURE, NOT_ENCODED, CannotStart, FileRefused, Reason
from facewarden.pool import Pool, PoolStopped
from facewarden.replies import Receiver, Reply
from facewarden.values import Frame, Picture, Recipe

RECIPE = Recipe({})
"""Searches nothing: what a worker finds is not the pool's concern."""

HEIGHT = 20
NO_PHOTO = b"no picture at all"


def photo(width: int) -> bytes:
    """A photo whose answer tells it from all others, by its width."""
    return b"P6 %d %d 255\n" % (width, HEIGHT) + bytes(3 * width * HEIGHT)


class Event(NamedTuple):
    """A photo was `begun` by who asked, or `given` to a worker."""

    what: Literal["begun", "given"]
    photo: bytes
    worker: int = 0


class Witness:
    """What happened to photos, in its order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._events: list[Event] = []

    def note(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()

    def of(self, original: bytes) -> list[str]:
        with self._changed:
            return [event.what for event in self._events if event.photo == original]

    def by_worker(self) -> dict[int, list[bytes]]:
        """The photos that each worker got."""
        got = defaultdict(list)
        with self._changed:
            for event in self._events:
                if event.what == "given":
                    got[event.worker].append(event.photo)
        return got

    def worker_of(self, original: bytes, patience: float) -> int:
        """Who has got this photo, as soon as somebody has."""

        def given() -> list[int]:
            return [event.worker for event in self._events if (event.what, event.photo) == ("given", original)]

        with self._changed:
            assert self._changed.wait_for(given, patience), "no worker got the photo"
            return given()[0]


class Bench(abc.ABC):
    """A pool of one kind, hands that make its workers hang and die, and eyes on what these get."""

    def __init__(self, patience: float = 60.0) -> None:
        """`patience` is how many seconds may go by until what must come counts as lost."""
        self.patience = patience
        self.witness = Witness()
        self.deaths: list[Reason] = []
        """Of which deaths the pool told."""

    @abc.abstractmethod
    def open(self, size: int) -> Pool:
        """A pool whose workers are ready."""

    @abc.abstractmethod
    def workers(self) -> set[int]:
        """Those that live."""

    @abc.abstractmethod
    def freeze(self) -> None:
        """Make all that live hang."""

    @abc.abstractmethod
    def thaw(self) -> None:
        """Let all go on."""

    @abc.abstractmethod
    def kill(self, workers: set[int]) -> None:
        """Make these die; they are dead afterwards."""

    @abc.abstractmethod
    def delay(self) -> None:
        """From now on workers are raised and do not get ready."""

    @abc.abstractmethod
    def exhaust(self) -> None:
        """From now on no worker starts."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the pool and whoever waits for it."""

    def ask(
        self,
        pool: Pool,
        original: bytes,
        owner: str | None,
        seconds: float = 60.0,
        kind: bytes = protocol.FIND,
        receiver: Receiver | None = None,
        begin: Callable[[], None] = lambda: None,
    ) -> Future[Reply]:
        """Have a photo treated, in a thread of its own."""
        asked = Future[Reply]()

        def begun() -> None:
            self.witness.note(Event("begun", original))
            begin()

        def treat() -> None:
            try:
                asked.set_result(pool.treat(original, RECIPE, seconds, kind, owner, receiver, begun))
            except Exception as failure:  # noqa: BLE001 - whatever it is, the check must see it
                asked.set_exception(failure)

        threading.Thread(target=treat, daemon=True).start()
        return asked

    def failure(self, asked: Future[Reply]) -> BaseException | None:
        """What was raised instead of an answer."""
        try:
            return asked.exception(self.patience)
        except TimeoutError:
            raise AssertionError("no answer came") from None

    def refusal(self, asked: Future[Reply]) -> Exception:
        """The named failure that came instead of an answer."""
        failure = self.failure(asked)
        assert failure, "an answer where a failure was due"
        assert isinstance(failure, (FileRefused, CannotStart, PoolStopped)), f"no name: {failure!r}"
        return failure

    def require_answer(self, asked: Future[Reply], width: int) -> Reply:
        """The reply to the photo of this width, and to no other."""
        failure = self.failure(asked)
        assert failure is None, f"charged with {failure!r}"
        assert asked.result().sizes == ((width, HEIGHT),), "the answer to another photo"
        return asked.result()

    def stop(self, pool: Pool) -> None:
        stopping = threading.Thread(target=pool.stop, daemon=True)
        stopping.start()
        stopping.join(self.patience)
        assert not stopping.is_alive(), "stop does not come back"


def each_photo_has_its_own_answer(bench: Bench) -> None:
    """Many threads with photos of several owners, and of none, all get their answers from few workers."""
    pool = bench.open(2)
    assert pool.size == 2
    owners = ["one", "two", None, "three"] * 2
    asked = {width: bench.ask(pool, photo(width), owner) for width, owner in enumerate(owners, 30)}
    for width, answer in asked.items():
        bench.require_answer(answer, width)
        assert bench.witness.of(photo(width)).count("given") == 1, "treated twice"
    wait_until(lambda: len(bench.workers()) == pool.alive == 2, "nobody is left but the two that wait")


class Keeper:
    """A receiver that keeps all frames from the reply, or gives up at the first one."""

    def __init__(self, *, gives_up: bool = False) -> None:
        self.taken: list[str | tuple[int, ...]] = []
        self._gives_up = gives_up

    def begin(self, picture: Picture) -> None:
        self.taken.append("begin")

    def take(self, frame: Frame, hidden: int) -> Frame:
        if self._gives_up:
            raise FileRefused(NOT_ENCODED)
        self.taken.append(frame.pixels.shape)
        return Frame(frame.pixels[:0])


def a_photo_comes_back_as_it_was_asked_for(bench: Bench) -> None:
    """Its pixels where it is to be hidden, none where it is searched; a receiver takes frames first, and may give up."""
    pool = bench.open(1)
    found = bench.require_answer(bench.ask(pool, photo(30), "one", kind=protocol.FIND), 30)
    assert not found.picture.frames[0].pixels.size, "pixels that nobody asked for"
    hidden = bench.require_answer(bench.ask(pool, photo(31), "one", kind=protocol.HIDE), 31)
    assert hidden.picture.frames[0].pixels.shape == (HEIGHT, 31, 3), "no pixels"
    keeper = Keeper()
    kept = bench.require_answer(bench.ask(pool, photo(32), "one", kind=protocol.HIDE, receiver=keeper), 32)
    assert keeper.taken == ["begin", (HEIGHT, 32, 3)], "the receiver got something else"
    assert not kept.picture.frames[0].pixels.size, "the reply holds what the receiver kept"
    asked = bench.ask(pool, photo(33), "one", kind=protocol.HIDE, receiver=Keeper(gives_up=True))
    refusal = bench.refusal(asked)
    assert isinstance(refusal, FileRefused)
    assert refusal.reason is NOT_ENCODED
    bench.require_answer(bench.ask(pool, photo(34), "one"), 34)


def a_failure_has_a_name(bench: Bench) -> None:
    """A file that is no photo is refused for its reason, and the next one has its answer."""
    pool = bench.open(1)
    refusal = bench.refusal(bench.ask(pool, NO_PHOTO, "one"))
    assert isinstance(refusal, FileRefused)
    assert refusal.reason is NOT_A_PICTURE
    bench.require_answer(bench.ask(pool, photo(30), "one"), 30)
    assert not bench.deaths


def a_death_is_charged_to_one_photo(bench: Bench) -> None:
    """Whose worker dies is refused; the next photo is answered, also after a worker that died while it waited."""
    pool = bench.open(1)
    bench.freeze()
    asked = bench.ask(pool, photo(30), "one")
    victim = bench.witness.worker_of(photo(30), bench.patience)
    bench.kill({victim})
    refusal = bench.refusal(asked)
    assert isinstance(refusal, FileRefused)
    assert bench.deaths == [refusal.reason], "nobody was told of the death"
    bench.require_answer(bench.ask(pool, photo(31), "one"), 31)
    assert victim not in bench.workers()
    bench.kill(bench.workers())
    bench.require_answer(bench.ask(pool, photo(32), "one"), 32)
    assert len(bench.deaths) == 1


def what_hangs_is_ended_at_its_deadline(bench: Bench) -> None:
    """A photo whose worker hangs is refused when its time is over; the worker is gone, and the next photo is answered."""
    pool = bench.open(1)
    (victim,) = bench.workers()
    bench.freeze()
    start = time.monotonic()
    refusal = bench.refusal(bench.ask(pool, photo(30), "one", seconds=1.0))
    assert isinstance(refusal, FileRefused)
    assert refusal.reason is DEADLINE
    assert 1.0 <= time.monotonic() - start < 30
    bench.require_answer(bench.ask(pool, photo(31), "one"), 31)
    assert victim not in bench.workers()


def a_worker_sees_photos_of_one_owner(bench: Bench) -> None:
    """One owner's photos go to workers of its own, be they refused or not; without an owner each goes to a fresh one."""
    pool = bench.open(1)
    owners: dict[bytes, str | None] = {photo(30): "one", NO_PHOTO: "one", photo(31): "other", photo(32): "one"}
    owners |= {photo(33): None, b"no picture either": None, photo(34): None, photo(35): "one"}
    for original, owner in owners.items():
        failure = bench.failure(bench.ask(pool, original, owner))
        assert isinstance(failure, FileRefused) == original.startswith(b"no picture")
        if owner is None:
            assert bench.witness.worker_of(original, 0) not in bench.workers(), "it has seen a photo and lives on"
    for got in bench.witness.by_worker().values():
        assert len({owners[original] for original in got}) == 1, "a worker has seen photos of several owners"
        assert len(got) == 1 or owners[got[0]], "a worker has seen several photos without an owner"


def begin_is_called_when_a_worker_is_there(bench: Bench) -> None:
    """Once, just before a worker gets the photo; where it raises, that passes through and no worker gets the photo."""
    pool = bench.open(1)
    bench.require_answer(bench.ask(pool, photo(30), "one"), 30)
    assert bench.witness.of(photo(30)) == ["begun", "given"], "begin has another place"
    for trouble in (OSError("the journal's disk is full"), FileRefused(NOT_ENCODED)):

        def fails(trouble: Exception = trouble) -> None:
            raise trouble

        assert bench.failure(bench.ask(pool, photo(31), "one", begin=fails)) is trouble, "begin was not heard"
    assert bench.witness.of(photo(31)) == ["begun"] * 2, "a worker got the photo"
    bench.require_answer(bench.ask(pool, photo(32), "one"), 32)


def begin_is_not_called_for_a_photo_that_waits(bench: Bench) -> None:
    """A photo that waits behind another one, of its owner or not, and never gets a worker, is never begun."""
    pool = bench.open(1)
    asked = _one_at_work_others_behind(bench, pool)
    bench.stop(pool)
    for one in asked:
        bench.refusal(one)
    assert bench.witness.of(photo(30)) == ["begun", "given"], "begin has another place"
    for width in (31, 32, 33):
        assert not bench.witness.of(photo(width)), "begun while it waits"


def a_stop_ends_whoever_waits(bench: Bench) -> None:
    """Who waits for a worker, or for its answer, or asks later, learns of the stop; no death is told, no worker is left."""
    pool = bench.open(1)
    asked = _one_at_work_others_behind(bench, pool)
    bench.stop(pool)
    assert not bench.workers(), "a worker lives on"
    for one in [*asked, bench.ask(pool, photo(34), "one"), bench.ask(pool, b"", None)]:
        assert isinstance(bench.refusal(one), PoolStopped), "a photo is charged with the stop"
    assert not bench.deaths
    assert pool.alive == 0


def _one_at_work_others_behind(bench: Bench, pool: Pool) -> list[Future[Reply]]:
    bench.freeze()
    first = bench.ask(pool, photo(30), "one")
    bench.witness.worker_of(photo(30), bench.patience)
    return [first, *(bench.ask(pool, photo(width), owner) for width, owner in ((31, "one"), (32, "other"), (33, None)))]


def a_stop_ends_who_waits_for_a_fresh_worker(bench: Bench) -> None:
    """Where the idle worker is another owner's, a photo waits for one that is being raised: it is not begun, and learns of a stop."""
    pool = bench.open(1)
    bench.require_answer(bench.ask(pool, photo(30), "one"), 30)
    unfit = bench.witness.worker_of(photo(30), bench.patience)
    bench.delay()
    asked = bench.ask(pool, photo(31), "other")
    wait_until(lambda: unfit not in bench.workers(), "it makes room for the one that is raised")
    assert not bench.witness.of(photo(31)), "begun while it waits"
    bench.stop(pool)
    assert isinstance(bench.refusal(asked), PoolStopped)
    assert not bench.witness.of(photo(31)), "begun while it waits"
    assert not bench.workers(), "a worker lives on"


def a_stop_ends_idle_workers(bench: Bench) -> None:
    """After a stop no worker is left of those that waited."""
    pool = bench.open(2)
    assert len(bench.workers()) == pool.alive == 2
    bench.stop(pool)
    assert not bench.workers(), "a worker lives on"
    assert isinstance(bench.refusal(bench.ask(pool, photo(30), None)), PoolStopped)


def a_busy_pool_is_due_at_its_deadline(bench: Bench) -> None:
    """A pool that waits for photos may be silent for ever; one that is at work, until the photo's deadline."""
    pool = bench.open(1)
    assert pool.protection
    assert pool.due == math.inf, "due without work"
    bench.freeze()
    start = time.monotonic()
    asked = bench.ask(pool, photo(30), "one", seconds=50.0)
    bench.witness.worker_of(photo(30), bench.patience)
    assert start + 50 <= pool.due <= time.monotonic() + 50, "not due at the deadline"
    bench.thaw()
    bench.require_answer(asked, 30)
    assert pool.due == math.inf, "due without work"


def without_further_workers_who_asks_is_told(bench: Bench) -> None:
    """Where no further worker starts, those that ask meet CannotStart unbegun; one that is at work gives its answer all the same."""
    pool = bench.open(2)
    bench.freeze()
    first = bench.ask(pool, photo(30), "one")
    worker = bench.witness.worker_of(photo(30), bench.patience)
    bench.exhaust()
    bench.kill(bench.workers() - {worker})
    refusal = bench.refusal(bench.ask(pool, photo(31), "two"))
    assert isinstance(refusal, CannotStart), f"another failure: {refusal!r}"
    assert refusal.reason is NO_WORKER
    assert not bench.witness.of(photo(31)), "begun while it waits"
    bench.thaw()
    bench.require_answer(first, 30)


Check = Callable[[Bench], None]

CHECKS: tuple[Check, ...] = (
    each_photo_has_its_own_answer,
    a_photo_comes_back_as_it_was_asked_for,
    a_failure_has_a_name,
    a_death_is_charged_to_one_photo,
    what_hangs_is_ended_at_its_deadline,
    a_worker_sees_photos_of_one_owner,
    begin_is_called_when_a_worker_is_there,
    begin_is_not_called_for_a_photo_that_waits,
    a_stop_ends_whoever_waits,
    a_stop_ends_who_waits_for_a_fresh_worker,
    a_stop_ends_idle_workers,
    a_busy_pool_is_due_at_its_deadline,
    without_further_workers_who_asks_is_told,
)
