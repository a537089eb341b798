"""Heartbeat: tells systemd that the service lives, only while scans, journal and pool get on with their work.

It is taken in the loop itself, so a loop that hangs is silent without further ado. What it does not feel: carriers that
all hang in one outbox, on a share that is gone, say. There a restart would not help, and the share's return does.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Callable, Collection

import structlog

from facewarden.intake.inbox import Inbox
from facewarden.journal import Journal
from facewarden.observe.systemd import Notifier, Word
from facewarden.pool import Pool

log = structlog.get_logger()

MARGIN = 30.0
"""Seconds by which a scan or a worker may be late on a loaded machine before that counts as a standstill."""

RETRY = 5.0
"""Seconds until the next look where a part stood still: a worker that is being replaced is back by then."""


@dataclasses.dataclass(frozen=True, slots=True)
class Signs:
    """How far the parts are at one moment; times in seconds on the monotonic clock.

    `walked`: files that scans have met since the start. `scan_due`: when the inbox that is furthest on wants its next
    scan, or its next try where it is out of reach; one whose mount hangs would not be helped by a restart. `journal`:
    whether it answered just now. `pool_due`: see `Pool.due`.
    """

    walked: int
    scan_due: float
    journal: bool
    pool_due: float


def standing_still(signs: Signs, walked_before: int, now: float) -> list[str]:
    """The log's event for each part that got nowhere since the last sign of life although it has work.

    Empty if all is well.
    """
    moving = {
        # A walk through a million files is late for the next one, and gets on all the same.
        "scan_stands_still": signs.walked != walked_before or now < signs.scan_due + MARGIN,
        "journal_stands_still": signs.journal,
        "pool_stands_still": now < signs.pool_due + MARGIN,
    }
    return [event for event, moves in moving.items() if not moves]


class Heartbeat:
    """Used by the loop's thread alone. It beats from `ready` until `stopping`, where somebody listens."""

    def __init__(
        self,
        notifier: Notifier,
        journal: Journal,
        pool: Pool,
        inboxes: Collection[Inbox],
        beside: Callable[[float], float] = lambda now: math.inf,
    ) -> None:
        """`beside` is done at every beat as well, whether somebody listens or not (service/upkeep.py).

        It tells when it is due again.
        """
        self._due = math.inf
        """When systemd is told next."""
        self._notifier, self._journal, self._pool, self._inboxes = notifier, journal, pool, inboxes
        self._beside = beside
        self._ended: Counter[str] = Counter()
        self._open = 0
        self._walked_before = 0

    def ready(self, now: float) -> None:
        """Work begins."""
        self._tell("READY=1")
        self._due = now + self._notifier.interval

    def beat(self, now: float) -> float:
        """Tell that the service lives, if it is time and if it does; to be called at every step.

        Returns when it is due next.
        """
        beside_due = self._beside(now)
        if now >= self._due:
            self._tell_life(now)
        return min(self._due, beside_due)

    def _tell_life(self, now: float) -> None:
        still = standing_still(self._signs(), self._walked_before, now)
        for event in still:
            log.error(event)
        if still:
            self._due = now + min(RETRY, self._notifier.interval)
            return
        self._walked_before = self._walked()
        self._tell("WATCHDOG=1" if self._notifier.watched else None)
        self._due = now + self._notifier.interval

    def ended(self, outcome: str) -> None:
        """Count a photo that ended, for the status line."""
        self._ended[outcome] += 1

    def reloading(self) -> None:
        """Another service follows in this process, and says when it is ready."""
        self._tell("RELOADING=1")
        self._due = math.inf

    def stopping(self) -> None:
        """No more work is taken; from here on systemd waits for the end and not for the pulse."""
        self._tell("STOPPING=1")
        self._due = math.inf

    def _signs(self) -> Signs:
        scan_due = max(inbox.next_scan for inbox in self._inboxes)
        return Signs(self._walked(), scan_due, self._journal_answers(), self._pool.due)

    def _walked(self) -> int:
        return sum(inbox.walked for inbox in self._inboxes)

    def _journal_answers(self) -> bool:
        try:
            self._open = len(self._journal.unfinished())
        except OSError:  # told as a part that stands still
            return False
        return True

    def _tell(self, word: Word | None) -> None:
        counts: dict[str, int] = {
            **self._ended,
            "waiting": sum(inbox.waiting for inbox in self._inboxes),
            "open": self._open,
            "out of reach": sum(inbox.failing for inbox in self._inboxes),
        }
        self._notifier.tell(word, counts)
