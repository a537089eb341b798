"""Accounts: does what came into each inbox equal what became of it? Read from journal and folders, changing neither.

The journal tells what came and how it ended; the folders tell whether what has not ended is still there. While the
service runs both move, so a difference counts only where it stays.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from facewarden import config
from facewarden.config.models import Role
from facewarden.delivery.original import is_there
from facewarden.delivery.placing import came_through, stands
from facewarden.files.newfile import PREFIX
from facewarden.intake.doors import Door, by_name, doors, names_of
from facewarden.intake.names import Names
from facewarden.intake.scan import scan
from facewarden.journal import Job, finished, open_jobs, read_jobs
from facewarden.key import known_key
from facewarden.outcomes import FOLDERS, WORDS

LOOKS = 3
"""How often a difference is looked at again: a photo that moved between two looks is no difference."""


@dataclasses.dataclass(frozen=True, slots=True)
class Account:
    """One inbox's photos.

    `missing`: they left the inbox without an outcome. `twice`: outcomes beyond the first of one original. `stray`: temp
    files that belong to no open job. `owed`: originals that are still to be archived or deleted. `superseded`: results
    of originals that were changed after they were read. `vanished` ones were taken away by someone else.
    """

    inbox: str
    delivered: int = 0
    held: int = 0
    quarantined: int = 0
    waiting: int = 0
    missing: int = 0
    twice: int = 0
    stray: int = 0
    owed: int = 0
    superseded: int = 0
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


def waiting(configuration: config.Configuration, inbox: config.Inbox) -> int:
    """How many photos of an inbox wait, without a look at all rows. Raises as `accounts` does."""
    inboxes, opened = by_name(configuration), doors(configuration)
    names, key = names_of(inbox, inboxes), known_key(configuration.state)
    jobs = [job for job in open_jobs(configuration.state) if job.inbox in names]
    open_paths = {job.source for job in jobs}
    with opened[inbox.name]() as root, finished(configuration.state) as had:
        there = scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore")
        fresh = sum(path not in open_paths and not had(names, path, signature) for path, signature in there)
        return fresh + sum(_standing(job, inbox, root, key) == "waiting" for job in jobs)


def _look(configuration: config.Configuration) -> list[Account]:
    temporary = {inbox.name: set(_temporary(inbox)) for inbox in configuration.inboxes}
    jobs: dict[str, list[Job]] = defaultdict(list)
    inboxes, opened, key = by_name(configuration), doors(configuration), known_key(configuration.state)
    for job in read_jobs(configuration.state):
        if job.inbox in inboxes:
            jobs[inboxes[job.inbox].name].append(job)
    return [
        _account(inbox, jobs[inbox.name], temporary[inbox.name], opened[inbox.name], key)
        for inbox in configuration.inboxes
    ]


def _account(inbox: config.Inbox, jobs: list[Job], temporary: set[Path], door: Door, key: bytes | None) -> Account:
    counts: Counter[str] = Counter()
    stand: set[int] = set()
    """Originals that are kept where they were dropped, as hashes of name and version."""
    outcomes: set[int] = set()
    """The same, of name, version and content."""
    open_paths = set()
    with door() as root:
        for job in jobs:
            if job.state == "retrying":  # cut off: what is back in the inbox counts as what it is there
                counts["quarantined"] += job.gone and stands(job, inbox.folder("quarantine"), key)
                continue
            if job.state != "done":
                open_paths.add(job.source)
                counts[_standing(job, inbox, root, key)] += 1
                continue
            counts[WORDS[job.outcome or "vanished"]] += 1
            counts["owed"] += job.owed
            if job.outcome not in ("vanished", "superseded") and not job.gone:
                stand.add(hash((job.source, job.signature)))
                # Other content with the same size and date was a drop of its own.
                outcome = hash((job.source, job.signature, job.content))
                counts["twice"] += outcome in outcomes
                outcomes.add(outcome)
        for path, signature in scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore"):
            counts["waiting"] += path not in open_paths and hash((path, signature)) not in stand
    ours = {PREFIX + job.id for job in jobs if job.state != "done"}
    counts["stray"] = sum(path.exists() and path.stem not in ours for path in temporary)
    return Account(inbox.name, **counts)


def _standing(job: Job, inbox: config.Inbox, root: int, key: bytes | None) -> str:
    """What an open job is at this moment."""
    if job.state == "placed" or (job.state == "placing" and came_through(job, inbox.folder(FOLDERS[job.outcome]), key)):
        return WORDS[job.outcome or "vanished"]
    return "waiting" if is_there(job, root) else "missing"


def _temporary(inbox: config.Inbox) -> Iterator[Path]:
    for role in get_args(Role):
        if role == "preview" and not inbox.preview:
            continue
        yield from inbox.folder(role).rglob(f"{PREFIX}*.part")
