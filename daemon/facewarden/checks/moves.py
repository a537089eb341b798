"""Moves: what a changed configuration means for what the journal knows.

An inbox is known by its folder, not by its name. One that is called otherwise now takes its rows along. One whose hold,
quarantine or outbox folder is another one now must not leave behind what still waits there: the configuration is
refused until that was moved too.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from facewarden import config, files
from facewarden.errors import FOLDER, CannotStart
from facewarden.files import mounts
from facewarden.intake.doors import known_as, path_of, renames
from facewarden.journal import Job, Journal, KnownFolder, read_folders, waiting_jobs
from facewarden.journal.known import Role

BESIDE: tuple[Role, ...] = ("outbox", "hold", "quarantine", "archive")
"""Roles of folders that are noted at each start; the inbox itself is noted when it is taken."""


def faults(configuration: config.Configuration, away: Collection[str] = ()) -> list[str]:
    """One line for each folder that is another one now and would leave something behind, but of inboxes that are away.

    A journal that cannot be read is told of by who opens it.
    """
    try:
        known = read_folders(configuration.state)
    except CannotStart:
        return []
    names = renames([inbox for inbox in configuration.inboxes if inbox.name not in away], known)
    moved = [
        (index, inbox, folder)
        for index, inbox in enumerate(configuration.inboxes)
        for folder in known
        if inbox.name not in away
        if names.get(folder.inbox, folder.inbox) == inbox.name and folder.role in _WHAT and not _stays(inbox, folder)
    ]
    if not moved:
        return []
    jobs = waiting_jobs(configuration.state)
    return [fault for index, inbox, folder in moved for fault in _fault(f"inboxes[{index}]", inbox, folder, jobs)]


def carry_along(inboxes: Collection[config.Inbox], journal: Journal) -> None:
    """What the journal knows of inboxes that have another name now goes under that name. Their folders are noted.

    Raises CannotStart where the journal cannot be written.
    """
    try:
        journal.rename_inboxes(renames(inboxes, journal.known_folders()))
        before = {(folder.inbox, folder.role): folder for folder in journal.known_folders()}
        for folder in (known_as(inbox, role) for inbox in inboxes for role in BESIDE):
            if folder:
                if folder.role == "outbox" and _is_another(folder, before.get((folder.inbox, folder.role))):
                    journal.results_elsewhere(folder.inbox)
                journal.note_folder(folder)
                mounts.take(folder.path, folder.number, folder.mount_point)
    except OSError:
        raise CannotStart(FOLDER, ("state: the journal cannot be written: make room",)) from None


def _is_another(folder: KnownFolder, before: KnownFolder | None) -> bool:
    """Whether another path was configured, and not the same folder by another way."""
    return before is not None and folder.path != before.path and folder.number != before.number


def _stays(inbox: config.Inbox, folder: KnownFolder) -> bool:
    now = known_as(inbox, folder.role)
    same_path = folder.path == os.fsencode(path_of(inbox, folder.role))
    return same_path or (now is not None and (now.device, now.number) == (folder.device, folder.number))


def _fault(key: str, inbox: config.Inbox, folder: KnownFolder, jobs: Sequence[Job]) -> Iterator[str]:
    waiting = [job for job in jobs if job.inbox == folder.inbox and _lies_in(job, folder.role)]
    left = sum(_is_left(job, inbox, folder) for job in waiting)
    if left:
        yield (
            f"{key}.{folder.role}: {left} {_WHAT[folder.role]} in the folder that it was before: "
            "move them into the new one first, or take the old path back"
        )


_WHAT = {
    "outbox": "results were cut off while they were placed",
    "hold": "held results wait",
    "quarantine": "quarantined originals lie",
}


def _lies_in(job: Job, role: Role) -> bool:
    if role == "outbox":
        return job.state == "placing" and job.outcome == "published"
    if role == "hold":
        return job.outcome == "held" and job.state in ("placing", "placed", "done")
    return job.outcome == "quarantined" and (job.gone or job.state == "placing")


def _is_left(job: Job, inbox: config.Inbox, folder: KnownFolder) -> bool:
    """Whether its file stands in the old folder, as far as that can be seen, and not in the new one."""
    assert job.target is not None
    new = path_of(inbox, folder.role)
    return not _stands(job.target, new) and _stands(job.target, Path(os.fsdecode(folder.path)), unseen=True)


def _stands(target: bytes, folder: Path, *, unseen: bool = False) -> bool:
    """Whether a file is there; `unseen` is said of a folder that cannot be looked into."""
    try:
        with files.folder(folder) as root:
            return files.status_of(target, root) is not None
    except OSError as error:
        return unseen and error.errno not in files.GONE
