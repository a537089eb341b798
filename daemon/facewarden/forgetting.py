"""Forgetting: rows of the journal leave some days after their job ended; names are kept no longer than they are of use.

A row stays while its photo still needs it: an original that is kept in its inbox would be taken for a new drop without it,
and a held result could not be released.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from facewarden import config, files
from facewarden.delivery.original import is_there
from facewarden.finding import by_name, doors
from facewarden.intake.root import Door
from facewarden.journal import Job, ended_before, forget

DAY = 86_400.0
BATCH = 500
"""Rows that are looked at together and leave in one transaction, so that the service never waits long for it."""


def forget_old(configuration: config.Configuration, days: float, now: float) -> int:
    """Remove the rows of jobs that ended so many days before; returns how many.

    Raises OSError where an inbox is out of reach, or is not the folder that the service took last; CannotStart where the journal is.
    """
    inboxes, opened = by_name(configuration), doors(configuration)
    count = 0
    for ended in ended_before(configuration.state, now - days * DAY, BATCH):
        old = [job for job in ended if job.inbox in inboxes and not _needed(job, inboxes[job.inbox], opened)]
        if old:
            count += forget(configuration.state, old)
        for job in old:
            (configuration.state / "results" / job.id).unlink(missing_ok=True)
    return count


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
    """Whether the original stands in the inbox; in doubt it does, for without its row it would be taken for a new drop."""
    try:
        return is_there(job, root)
    except OSError as error:
        if error.errno not in files.UNPROVED:
            raise
        return True


def _stands(folder: Path, target: bytes) -> bool:
    with files.folder(folder) as root:
        return files.status_of(target, root) is not None
