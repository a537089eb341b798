"""Recovery: what an earlier run left open is brought to its end before new work begins.

The journal says how far each job came; the files themselves decide the one doubtful case, a rename that a crash may
have interrupted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import structlog

from facewarden import config, files
from facewarden.config.models import Role
from facewarden.delivery.publish import is_placed, sweep
from facewarden.delivery.retire import retire, unchanged
from facewarden.journal import Job, Journal

log = structlog.get_logger()

_ROLE: dict[str | None, Role] = {"published": "outbox", "held": "hold", "quarantined": "quarantine"}


def recover(journal: Journal, inboxes: Mapping[str, config.Inbox]) -> None:
    """Finish or reopen every unfinished job. One whose folders are out of reach is left for the next start."""
    for job in journal.unfinished():
        inbox = inboxes.get(job.inbox)
        if inbox is None:
            continue  # its inbox left the configuration; should it come back, so does the job
        try:
            _recover(journal, job, inbox)
        except OSError as error:
            log.warning("folder_out_of_reach", inbox=inbox.name, error=error.errno or 0)


def _recover(journal: Journal, job: Job, inbox: config.Inbox) -> None:
    _sweep(job, inbox)
    if job.state == "placing":
        if not is_placed(job, inbox.folder(_ROLE[job.outcome])):
            journal.again(job)
            return
        journal.placed(job)
    if job.state == "claimed":
        with files.folder(inbox.path) as root:
            # A file that is still there is found by the scan and claimed under the same id.
            if not unchanged(job, root):
                journal.vanished(job)
        return
    if job.outcome != "quarantined":
        retire(job, inbox.path, inbox.originals, inbox.folder("archive"))
    journal.done(job)
    log.info("job_recovered", job=job.id, inbox=inbox.name, outcome=job.outcome)


def _sweep(job: Job, inbox: config.Inbox) -> None:
    """Remove a temp file wherever an attempt of this job may have left one."""
    mirrored, _, _ = job.source.rpartition(b"/")
    for role in get_args(Role):
        for subfolder in {mirrored, b""}:
            sweep(job, inbox.folder(role), subfolder)
