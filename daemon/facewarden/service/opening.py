"""Opening: what a service needs before its loop turns, in the order that keeps its promises.

Folders first, then the journal, workers that find drawn faces, and what an earlier run left open. Each raises
CannotStart where a promise could not be kept.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import structlog

from facewarden import __version__, config, logs
from facewarden.checks import moves
from facewarden.checks.absent import Trouble, away_at_start
from facewarden.checks.emblems import require_emblems
from facewarden.checks.lost_journal import require_known_results
from facewarden.config import folders
from facewarden.config.identity import hashes
from facewarden.decide.release import tidy_released
from facewarden.delivery.results import Results
from facewarden.errors import ALREADY_RUNNING, FOLDER, CannotStart, Reason
from facewarden.intake.doors import take_known
from facewarden.intake.inbox import Inbox
from facewarden.intake.rhythm import SHARE
from facewarden.intake.root import root_of
from facewarden.intake.watch import way_of
from facewarden.journal import Journal, KnownFolder
from facewarden.observe.heartbeat import Heartbeat
from facewarden.observe.systemd import Notifier
from facewarden.pool import LocalPool, Pool, default_size
from facewarden.service.carriers import Carriers
from facewarden.service.journey import Journey
from facewarden.service.recovery import recover
from facewarden.service.upkeep import beside

log = structlog.get_logger()


class Parts(NamedTuple):
    """What the loop works with."""

    inboxes: dict[str, Inbox]
    carriers: Carriers
    heartbeat: Heartbeat


def require_folders(configuration: config.Configuration, *, anew: bool = False) -> dict[str, Trouble]:
    """The inboxes that must be done without; folders that may be made are made.

    `anew`: begin with a new journal also where that would do kept originals a second time.
    """
    take_known(configuration)
    away = away_at_start(configuration)
    found = folders.faults(configuration, away) or moves.faults(configuration, away)
    if found:
        raise CannotStart(FOLDER, tuple(found))
    if not anew:
        require_known_results(configuration, away)
    folders.create_missing(configuration, away)
    return away


def open_parts(
    configuration: config.Configuration,
    away: Mapping[str, Trouble],
    tell: Callable[[Any], None],
    opened: contextlib.ExitStack,
) -> Parts:
    """Open everything; `opened` closes it again. Carriers `tell` how each journey ended."""
    journal = Journal(configuration.state, proved=False)
    opened.callback(journal.close)
    inboxes = _inboxes(configuration, away, journal)
    for inbox in inboxes.values():
        opened.callback(inbox.root.close)
    reached = {name: (inbox.settings, inbox.root.proved) for name, inbox in inboxes.items() if _first_look(inbox)}
    size = default_size() if configuration.workers == "auto" else configuration.workers
    pool = LocalPool(size, _worker_died, config.terms_of(configuration))
    results = Results(configuration.state / "results", journal.key, configuration.results_megabytes << 20)
    journey = Journey(journal, pool, results, configuration.limits, json.dumps(hashes(configuration)))
    opened.enter_context(logs.heard_by(journey.hear))
    # One more than workers: while one photo is encoded, its worker already searches the next.
    carriers = Carriers(journey, size + 1, tell)
    opened.callback(carriers.close)
    # A million rows take their time to be proved: meanwhile workers start and search drawn faces, which need no row.
    with ThreadPoolExecutor(1, "proof") as aside:
        proof = aside.submit(journal.prove)
        pool.start()
        opened.callback(pool.stop)
        require_emblems(pool, {f"inboxes[{n}].": inbox.recipe for n, inbox in enumerate(inboxes.values())})
        beat = opened.enter_context(beside(configuration, journal, pool, inboxes.values()))
        proof.result()
    for name, trouble in away.items():
        logs.absent(name, trouble)
    recover(journal, reached)
    tidy_released(configuration, [inbox.settings for inbox in inboxes.values()])
    _tell_started(pool)
    return Parts(inboxes, carriers, Heartbeat(Notifier.of(os.environ), journal, pool, inboxes.values(), beat))


def _inboxes(configuration: config.Configuration, away: Mapping[str, Trouble], journal: Journal) -> dict[str, Inbox]:
    served = [settings for settings in configuration.inboxes if settings.name not in away]
    moves.carry_along(served, journal)
    known = {folder.inbox: folder for folder in journal.known_folders() if folder.role == "inbox"}
    return {settings.name: _inbox(settings, configuration, journal, known.get(settings.name)) for settings in served}


def _inbox(
    settings: config.Inbox, configuration: config.Configuration, journal: Journal, known: KnownFolder | None
) -> Inbox:
    way = way_of(settings.path, settings.watch)
    log.info("inbox", inbox=settings.name, watch=way)
    recipe = config.recipe_of(settings, configuration.limits.for_worker())
    share = SHARE / len(configuration.inboxes)
    root = root_of(settings, journal, known)
    return Inbox(settings, recipe, way, journal.finished, journal.amended, share, root)


def _first_look(inbox: Inbox) -> bool:
    """Open its folder for the first time, and lock it; False where it is away: it is tried again later.

    Raises CannotStart(ALREADY_RUNNING) where another service has it.
    """
    try:
        with inbox.root.opened():
            if not inbox.root.locked:
                log.warning("inbox_not_locked", inbox=inbox.name)
        return True
    except BlockingIOError:
        raise CannotStart(ALREADY_RUNNING) from None
    except OSError as error:
        logs.out_of_reach(inbox.name, error)
        return False


def _tell_started(pool: Pool) -> None:
    assert pool.protection
    locked = {"landlock": pool.protection.landlock, "seccomp": pool.protection.seccomp}
    tell = log.info if pool.protection.complete else log.warning
    tell("started", version=__version__, workers=pool.size, **locked)


def _worker_died(reason: Reason) -> None:
    log.warning("worker_died", reason=reason.number, reason_name=reason.name)
