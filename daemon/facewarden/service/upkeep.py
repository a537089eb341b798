"""Upkeep: what is done at every step of the loop for those who look after the service.

Status and metrics are written; days that ended get their line in the ledger, and the journal forgets what is old; once
a day drawn faces are searched anew, and where one is missed, delivery stops.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Protocol

import structlog

from facewarden import config, logs
from facewarden.audit.chaining import write_days
from facewarden.audit.ledger import today
from facewarden.checks.recall import require_recall
from facewarden.decide.forget import forget_old
from facewarden.errors import CannotStart
from facewarden.intake.inbox import Inbox
from facewarden.journal import Journal
from facewarden.observe.hooks import Hooks
from facewarden.observe.metrics import Metrics
from facewarden.observe.status import Status
from facewarden.pool import Pool, PoolStopped
from facewarden.service.retiring import Retiring
from facewarden.service.returning import Returning

log = structlog.get_logger()

IN_PLACE_SECONDS = 5.0
"""Between two looks whether the state folder is still there."""

DAY = 86_400.0
HOUR = 3_600.0
"""Between two looks whether a day has ended, and whether rows are old."""


class _Part(Protocol):
    """`beat` is called at each step and does what is due; `due` says when there is something to do next."""

    due: float

    def beat(self, now: float) -> None: ...


@contextlib.contextmanager
def beside(
    configuration: config.Configuration, journal: Journal, pool: Pool, inboxes: Collection[Inbox]
) -> Iterator[Callable[[float], float]]:
    """What the loop must call at each step; it returns until when the loop may rest.

    Raises CannotStart(RECALL_LOST) before the first step, or at any of them.
    """
    status = Status(configuration, pool, inboxes)
    recall = _Recall(pool, inboxes, status, journal)
    with contextlib.ExitStack() as opened:
        opened.callback(lambda: status.write(time.monotonic(), "stopped"))
        opened.enter_context(logs.heard_by(status.hear))
        metrics = configuration.metrics and Metrics(configuration.metrics, inboxes, status)
        if metrics:
            opened.callback(lambda: metrics.write(time.monotonic()))
            opened.enter_context(logs.heard_by(metrics.hear))
        hooks = Hooks(configuration)
        opened.enter_context(hooks.running())
        opened.enter_context(logs.heard_by(hooks.hear))
        retiring = Retiring(journal, inboxes)
        opened.enter_context(logs.heard_by(retiring.hear))
        returning = Returning(journal, inboxes)
        opened.enter_context(logs.heard_by(returning.hear))
        recall.prove(fresh=True)
        daily = _Daily(configuration)
        parts: list[_Part] = [
            _InPlace(journal),
            recall,
            daily,
            retiring,
            returning,
            status,
            *([metrics] if metrics else []),
        ]

        def beat(now: float) -> float:
            for part in parts:
                part.beat(now)
            return min(part.due for part in parts)

        yield beat


class _InPlace:
    """The state folder is where it was: a service whose journal was taken away must not go on."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.due = 0.0

    def beat(self, now: float) -> None:
        """Raises CannotStart(JOURNAL_DAMAGED)."""
        if now >= self.due:
            self.due = now + IN_PLACE_SECONDS
            with contextlib.suppress(OSError):  # a disk that does not answer for a moment took nothing away
                self._journal.require_in_place()


class _Recall:
    """The daily self-test: in a thread of its own, for it takes a worker's time like a photo."""

    def __init__(self, pool: Pool, inboxes: Collection[Inbox], status: Status, journal: Journal) -> None:
        self._pool, self._inboxes, self._status, self._journal = pool, inboxes, status, journal
        self.due = 0.0
        self._failure: CannotStart | None = None

    def prove(self, *, fresh: bool = False) -> None:
        """Search the drawn faces now; `fresh` as long as no photo was seen. Raises CannotStart(RECALL_LOST)."""
        self.due = time.monotonic() + DAY
        try:
            require_recall(self._pool, [(inbox.recipe, _owner(inbox)) for inbox in self._inboxes], fresh=fresh)
        except CannotStart as failure:
            log.critical("recall_failed", reason=failure.reason.number, reason_name=failure.reason.name)
            self._note(passed=False)
            raise
        self._note(passed=True)
        log.info("recall_passed")

    def _note(self, *, passed: bool) -> None:
        """For the status, and for the day's line in the ledger. A journal out of reach is told by those who need it."""
        self._status.recall = {"passed": passed, "at": time.time()}
        with contextlib.suppress(OSError, CannotStart):
            self._journal.note_test(today(), passed=passed)

    def beat(self, now: float) -> None:
        """Begin the next one when it is time. Raises CannotStart where the last one failed."""
        if self._failure:
            raise self._failure
        if now >= self.due:
            self.due = now + DAY
            threading.Thread(target=self._prove_aside, name="recall", daemon=True).start()

    def _prove_aside(self) -> None:
        try:
            self.prove()
        except PoolStopped:
            pass  # the service is stopping: the next start searches them again
        except CannotStart as failure:
            self._failure = failure


def _owner(inbox: Inbox) -> str | None:
    return inbox.name if inbox.settings.worker_for == "inbox" else None


class _Daily:
    """What is written and forgotten at the start and then daily, in a thread of its own: an inbox's folder may hang."""

    def __init__(self, configuration: config.Configuration) -> None:
        self._configuration = configuration
        self.due = 0.0
        self._thread: threading.Thread | None = None

    def beat(self, now: float) -> None:
        if now < self.due:
            return
        self.due = now + HOUR
        if self._thread and self._thread.is_alive():
            return
        self._thread = threading.Thread(target=self._work, name="daily", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        self._write_days()
        if self._configuration.journal_days is not None:
            self._forget(self._configuration.journal_days)

    def _write_days(self) -> None:
        try:
            noted = write_days(self._configuration)
        except _TROUBLES as trouble:
            log.warning("days_not_written", **_why(trouble))
            return
        if noted.torn:
            log.warning("ledger_torn")
        if noted.days:
            log.info("days_written", days=noted.days)

    def _forget(self, days: float) -> None:
        try:
            forgotten = forget_old(self._configuration, days, time.time())
        except _TROUBLES as trouble:
            log.warning("not_forgotten", **_why(trouble))
            return
        for inbox, error in forgotten.out_of_reach.items():
            log.warning("not_forgotten", inbox=inbox, error=error.errno or 0)
        log.info("forgotten", forgotten=forgotten.count)


_TROUBLES = (OSError, ValueError, CannotStart)
"""What may keep a day from the ledger or a row in the journal.

Neither keeps the other, or the service, from its work.
"""


def _why(trouble: BaseException) -> dict[str, int | str]:
    if isinstance(trouble, CannotStart):
        return {"reason": trouble.reason.number, "reason_name": trouble.reason.name}
    return {"error": getattr(trouble, "errno", 0) or 0}
