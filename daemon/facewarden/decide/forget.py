"""Forgetting: rows of the journal leave some days after their job ended; names are kept no longer than they are of use.

A row stays while its photo still needs it: an original that is kept in its inbox would be taken for a new drop without
it, and a held result could not be released.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from facewarden import config, files
from facewarden.delivery.original import is_there
from facewarden.intake.doors import Door, by_name, doors
from facewarden.journal import Job, ended_before, forget

DAY = 86_400.0
BATCH = 500
"""Rows that are looked at together and leave in one transaction, so that the service never waits long for it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went, and which inboxes (by name) kept theirs because a folder of them could not be looked into."""

    count: int
    out_of_reach: dict[str, OSError]


def forget_old(configuration: config.Configuration, days: float, now: float) -> Forgotten:
    """Remove the rows of jobs that ended so many days before. Raises CannotStart where the journal is out of reach.

    An inbox that is out of reach, or not the folder that the service took last, keeps its rows, and no other inbox's.
    Of one that left the configuration nobody knows the folders any more: its rows leave by their age alone, owed
    originals too.
    """
    inboxes, opened = by_name(configuration), doors(configuration)
    out_of_reach: dict[str, OSError] = {}
    count = 0

    def is_old(job: Job) -> bool:
        inbox = inboxes.get(job.inbox)
        if inbox is None or inbox.name in out_of_reach:
            return inbox is None
        try:
            return not _needed(job, inbox, opened)
        except OSError as error:
            out_of_reach[inbox.name] = error
            return False

    for ended in ended_before(configuration.state, now - days * DAY, BATCH):
        old = list(filter(is_old, ended))
        count += forget(configuration.state, old, left=[job for job in old if job.inbox not in inboxes])
        for job in old:
            (configuration.state / "results" / job.id).unlink(missing_ok=True)
    return Forgotten(count, out_of_reach)


def _needed(job: Job, inbox: config.Inbox, opened: Mapping[str, Door]) -> bool:
    if job.owed:
        return True
    if job.outcome == "held" and _stands(inbox.folder("hold"), job.target or b""):
        return True
    if job.gone or job.outcome == "vanished":
        return False
    with opened[inbox.name]() as root:
        return _may_be_there(job, root)


def _may_be_there(job: Job, root: int) -> bool:
    """Whether the original stands in the inbox.

    In doubt it does, for without its row it would be taken for a new drop.
    """
    try:
        return is_there(job, root)
    except OSError as error:
        if error.errno not in files.UNPROVED:
            raise
        return True


def _stands(folder: Path, target: bytes) -> bool:
    with files.folder(folder) as root:
        return files.status_of(target, root) is not None
