"""Accounts: does what came into each inbox equal what became of it? Read from journal and folders, changing neither.

The journal tells what came and how it ended; the folders tell whether what has not ended is still there. While the service
runs both move, so a difference counts only where it stays.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from facewarden import config, files
from facewarden.config.models import Role
from facewarden.delivery.publish import PREFIX, is_placed
from facewarden.delivery.retire import unchanged
from facewarden.intake.scan import Names, scan
from facewarden.journal import Job, read_jobs

LOOKS = 3
"""How often a difference is looked at again: a photo that moved between two looks is no difference."""

_ENDS = {"published": "delivered", "held": "held", "quarantined": "quarantined", "vanished": "vanished"}
_FOLDERS: dict[str | None, Role] = {"published": "outbox", "held": "hold", "quarantined": "quarantine"}


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """One inbox's photos.

    `missing`: they left the inbox without an outcome. `twice`: outcomes beyond the first of one original. `stray`: temp files that belong to no open job. `vanished` ones were taken away by someone else.
    """

    inbox: str
    delivered: int = 0
    held: int = 0
    quarantined: int = 0
    waiting: int = 0
    missing: int = 0
    twice: int = 0
    stray: int = 0
    vanished: int = 0

    @property
    def came(self) -> int:
        """Photos that came in and were not taken away again."""
        return self.delivered + self.held + self.quarantined + self.waiting + self.missing - self.twice

    @property
    def agrees(self) -> bool:
        return self.came == self.delivered + self.held + self.quarantined + self.waiting and not self.stray


def accounts(configuration: config.Configuration) -> list[Account]:
    """Each inbox's account. Raises OSError where a folder is out of reach, CannotStart where the journal is."""
    for _ in range(LOOKS):
        found = _look(configuration)
        if all(account.agrees for account in found):
            break
    return found


def _look(configuration: config.Configuration) -> list[Account]:
    temporary = {inbox.name: set(_temporary(inbox)) for inbox in configuration.inboxes}
    jobs: dict[str, list[Job]] = defaultdict(list)
    for job in read_jobs(configuration.state):
        jobs[job.inbox].append(job)
    return [_account(inbox, jobs[inbox.name], temporary[inbox.name]) for inbox in configuration.inboxes]


def _account(inbox: config.Inbox, jobs: list[Job], temporary: set[Path]) -> Account:
    counts: Counter[str] = Counter()
    stand: set[int] = set()
    """Originals that are kept where they were dropped, as hashes of name and version."""
    open_paths = set()
    with files.folder(inbox.path) as root:
        for job in jobs:
            if job.state != "done":
                open_paths.add(job.source)
                counts[_standing(job, inbox, root)] += 1
                continue
            counts[_ENDS[job.outcome or "vanished"]] += 1
            version = hash((job.source, job.signature))
            if job.outcome != "vanished" and not job.gone:
                counts["twice"] += version in stand
                stand.add(version)
        for path, signature in scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore"):
            counts["waiting"] += path not in open_paths and hash((path, signature)) not in stand
    ours = {PREFIX + job.id for job in jobs if job.state != "done"}
    counts["stray"] = sum(path.exists() and path.stem not in ours for path in temporary)
    return Account(inbox.name, **counts)


def _standing(job: Job, inbox: config.Inbox, root: int) -> str:
    """What an open job is at this moment."""
    if job.state == "placed" or (job.state == "placing" and is_placed(job, inbox.folder(_FOLDERS[job.outcome]))):
        return _ENDS[job.outcome or "vanished"]
    return "waiting" if unchanged(job, root) else "missing"


def _temporary(inbox: config.Inbox) -> Iterator[Path]:
    for role in get_args(Role):
        if role == "preview" and not inbox.preview:
            continue
        yield from inbox.folder(role).rglob(f"{PREFIX}*.part")
