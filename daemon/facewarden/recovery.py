"""Recovery: what an earlier run left open is brought to its end before new work begins.

The journal says how far each job came; the files themselves decide the one doubtful case, a rename that a crash may
have interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import structlog

from facewarden import config, files, logs
from facewarden.config.models import Role
from facewarden.delivery.naming import report_path, target_path
from facewarden.delivery.publish import is_placed, sweep, withdraw
from facewarden.delivery.retire import retire, unchanged
from facewarden.journal import Job, Journal

log = structlog.get_logger()

_ROLE: dict[str | None, Role] = {"published": "outbox", "held": "hold", "quarantined": "quarantine"}


def recover(journal: Journal, key: bytes, inboxes: Mapping[str, config.Inbox]) -> None:
    """Finish or reopen every unfinished job. One whose folders are out of reach is left for the next start.

    `key` is the service's secret, from which pseudonyms are made.
    """
    for job in journal.unfinished():
        inbox = inboxes.get(job.inbox)
        if inbox is None:
            continue  # its inbox left the configuration; should it come back, so does the job
        try:
            _recover(journal, key, job, inbox)
        except OSError as error:
            logs.out_of_reach(inbox.name, error)


def resume(journal: Journal, key: bytes, inbox: config.Inbox, path: bytes) -> None:
    """The same for the one file at this path, before it is claimed again.

    An error may have cut off its last journey between a step and the journal's note of it. Raises OSError where a
    folder is out of reach.
    """
    for job in journal.cut_off(inbox.name, path):
        _recover(journal, key, job, inbox)


def _recover(journal: Journal, key: bytes, job: Job, inbox: config.Inbox) -> None:
    _sweep(job, inbox, key)
    with files.folder(inbox.path) as root:
        there = unchanged(job, root)
    if job.state == "placed" or (job.state == "placing" and _has_its_name(job, inbox, there=there)):
        _finish(journal, job, inbox)
    elif not there:
        journal.vanished(job)
    elif job.state == "placing":
        journal.again(job)
    # A file that is still there is found by the scan and claimed under the same id.


def _has_its_name(job: Job, inbox: config.Inbox, *, there: bool) -> bool:
    """Whether a placing that was cut off had come through all the same."""
    folder = inbox.folder(_ROLE[job.outcome])
    if not is_placed(job, folder):
        return False
    if job.outcome == "quarantined" and inbox.originals != "keep" and there:
        # Copied, and not removed yet. Taken back: of an original there is one, and whether the copy is one we only believe.
        withdraw(job, folder)
        return False
    return True


def _finish(journal: Journal, job: Job, inbox: config.Inbox) -> None:
    journal.placed(job)
    if job.outcome == "quarantined":
        gone = inbox.originals != "keep"
    else:
        gone = retire(job, inbox.path, inbox.originals, inbox.folder("archive"))
    journal.done(job, gone=gone)
    log.info("job_recovered", job=job.id, inbox=inbox.name, outcome=job.outcome)


def _sweep(job: Job, inbox: config.Inbox, key: bytes) -> None:
    """Remove a temp file wherever an attempt of this job may have left one."""
    paths = (job.source, target_path(inbox, key, job.source), report_path(inbox, key, job.source))
    subfolders = {path.rpartition(b"/")[0] for path in paths} | {b""}
    for role in get_args(Role):
        for subfolder in subfolders:
            sweep(job, inbox.folder(role), subfolder)
