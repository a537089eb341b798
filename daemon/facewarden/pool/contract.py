"""What every pool promises to those who have photos treated, wherever its workers live.

`tests/pool/contract.py` holds each promise, and every pool must pass it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from facewarden import protocol
from facewarden.protocol import Protection
from facewarden.replies import Receiver, Reply
from facewarden.values import Recipe


class PoolStopped(Exception):
    """The service itself is ending its workers: the photo is not at fault, and is treated at the next start."""


class Pool(Protocol):
    """Treats photos in workers without rights, up to `size` at a time. Thread-safe.

    All work is given by value, so that a worker needs to see nothing of this machine:

    - Each photo has one answer: a reply of its own, or one failure.
    - Each failure has a name: FileRefused is the photo's, CannotStart the pool's, PoolStopped the service's.
    - A worker's death is charged to the photo it was treating, and to no other.
    - A worker sees the photos of one owner only; without an owner it sees one photo.
    - No photo takes much longer than it was granted.
    """

    @property
    def size(self) -> int:
        """How many photos are treated at a time."""

    @property
    def alive(self) -> int:
        """How many workers live."""

    @property
    def protection(self) -> Protection | None:
        """How its workers are locked in; None before the first one is ready."""

    @property
    def due(self) -> float:
        """By when something must have moved, on the monotonic clock.

        A deadline, or infinite where workers wait for photos.

        Minus infinite where there is none: an idle worker does not count while photos wait, for it has another owner.
        """

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
        """Have one photo treated within so many seconds, by a worker that has seen photos of this `owner` only, or None: no photo at all.

        A document has some more time with each page. `receiver` takes the frames as they come. `begin` is called once, when
        a worker is there and is about to get the photo, and not while the photo waits for one.

        Raises what `begin` does, and then no worker gets the photo; FileRefused; CannotStart where no worker starts any
        more; PoolStopped where the pool is stopped.
        """

    def stop(self) -> None:
        """End all workers; whoever waits for one, or for its answer, meets PoolStopped, as does whoever asks later."""
