"""Recovery: what an earlier run left open is brought to its end before new work begins.

The journal says how far each job came; the files themselves decide the one doubtful case, a rename that a crash may
have interrupted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import structlog

from facewarden import config, logs
from facewarden.config.models import Role
from facewarden.decide.alone import NotThereError, alone
from facewarden.decide.retry import in_quarantine, remove_report
from facewarden.delivery.naming import report_path, target_path
from facewarden.delivery.original import give_back, is_there
from facewarden.delivery.placing import came_through, sweep, withdraw
from facewarden.intake.doors import Door
from facewarden.journal import Job, Journal
from facewarden.outcomes import FOLDERS
from facewarden.service.retiring import conclude

log = structlog.get_logger()


def recover(journal: Journal, inboxes: Mapping[str, tuple[config.Inbox, Door]]) -> None:
    """Finish or reopen every unfinished job. One whose folders are out of reach is left for the next start."""
    for job in journal.unfinished():
        if job.inbox not in inboxes:
            continue  # its inbox left the configuration; should it come back, so does the job
        inbox, door = inboxes[job.inbox]
        try:
            _recover(journal, job, inbox, door)
        except OSError as error:
            logs.out_of_reach(inbox.name, error)


def resume(journal: Journal, inbox: config.Inbox, door: Door, path: bytes) -> None:
    """The same for the one file at this path, before it is claimed again.

    An error may have cut off its last journey between a step and the journal's note of it. Raises OSError where a
    folder is out of reach.
    """
    for job in journal.cut_off(inbox.name, path):
        _recover(journal, job, inbox, door)


def _recover(journal: Journal, job: Job, inbox: config.Inbox, door: Door) -> None:
    if job.state == "retrying":
        _end_retry(journal, job, inbox)
        return
    _sweep(job, inbox, journal.key)
    with door() as root:
        there = is_there(job, root)
        ended = job.state == "placed" or (job.state == "placing" and _has_its_name(journal, job, inbox, there=there))
        if not ended:
            give_back(job, root)
    if ended:
        _finish(journal, job, inbox, door)
    elif not there:
        journal.vanished(job)
    elif job.state == "placing":
        journal.again(job)
    # A file that is still there is found by the scan and claimed under the same id.


def _end_retry(journal: Journal, job: Job, inbox: config.Inbox) -> None:
    """What a retry that was cut off had begun: its original went back, or lies in quarantine as before."""
    with contextlib.suppress(NotThereError, BlockingIOError), alone(journal.state, job, "quarantined", wait=False):
        back = not job.gone or not in_quarantine(job, inbox, journal.key)
        if back:
            remove_report(job, inbox)
        journal.retried(job, moved=back)


def _has_its_name(journal: Journal, job: Job, inbox: config.Inbox, *, there: bool) -> bool:
    """Whether a placing that was cut off had come through all the same."""
    folder: Path = inbox.folder(FOLDERS[job.outcome])
    if not came_through(job, folder, journal.key):
        return False
    if job.outcome == "quarantined" and inbox.originals != "keep" and there:
        # Copied, and not removed yet. Taken back: of an original there is one, and whether the copy is one we only
        # believe.
        withdraw(job, folder)
        return False
    return True


def _finish(journal: Journal, job: Job, inbox: config.Inbox, door: Door) -> None:
    journal.placed(job)
    if job.outcome == "quarantined":
        journal.done(job, gone=inbox.originals != "keep")
    else:
        conclude(journal, job, inbox, door)
    log.info("job_recovered", job=job.id, inbox=inbox.name, outcome=job.outcome)


def _sweep(job: Job, inbox: config.Inbox, key: bytes) -> None:
    """Remove a temp file wherever an attempt of this job may have left one."""
    paths = (job.source, target_path(inbox, key, job.source), report_path(inbox, key, job.source))
    subfolders = {path.rpartition(b"/")[0] for path in paths} | {b""}
    for role in get_args(Role):
        for subfolder in subfolders:
            sweep(job, inbox.folder(role), subfolder)
