"""Finding a job by its id, or by the path of its original, its result or its report: what an operator has at hand."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Collection
from pathlib import Path

from facewarden import config
from facewarden.config.models import Role
from facewarden.intake.doors import by_name, names_of
from facewarden.journal import (
    Job,
    jobs_in_quarantine,
    jobs_of_source,
    jobs_of_target,
    read_job,
)
from facewarden.outcomes import FOLDERS

_ID = re.compile(r"[0-9a-f]{16}")
_REPORT = re.compile(rb"(?s)(.*)\.facewarden-([0-9a-f]{16})\.txt")


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """Where a path lies: which folder of which inbox, and the rest of it."""

    inbox: config.Inbox
    role: Role | None
    """None: the inbox itself."""
    relative: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A job with its inbox."""

    job: Job
    inbox: config.Inbox


def places(configuration: config.Configuration, path: Path) -> list[Place]:
    """Every folder of the configuration that a path lies in; its last step may be a link and is not followed."""
    real = path.parent.resolve() / path.name
    found = []
    for inbox in configuration.inboxes:
        roles: tuple[Role, ...] = ("outbox", "hold", "quarantine", "archive")
        folders = [(None, inbox.path), *((role, inbox.folder(role)) for role in roles)]
        for role, folder in folders:
            if real != folder.resolve() and real.is_relative_to(folder.resolve()):
                found.append(Place(inbox, role, os.fsencode(real.relative_to(folder.resolve()))))
    return found


def find(configuration: config.Configuration, what: str) -> list[Found]:
    """The jobs of this id or path, oldest first. Raises CannotStart where the journal cannot be read."""
    inboxes = by_name(configuration)
    if _ID.fullmatch(what):
        job = read_job(configuration.state, what)
        return [Found(job, inboxes[job.inbox])] if job and job.inbox in inboxes else []
    found: dict[str, Found] = {}
    for place in places(configuration, Path(what)):
        for job in _candidates(configuration, place, names_of(place.inbox, inboxes)):
            if job.inbox in inboxes and _is_at(job, place, inboxes[job.inbox]):
                found.setdefault(job.id, Found(job, inboxes[job.inbox]))
    return list(found.values())


def quarantined(configuration: config.Configuration) -> list[Found]:
    """Every job that ended in quarantine, of inboxes that are configured."""
    inboxes = by_name(configuration)
    jobs = jobs_in_quarantine(configuration.state)
    return [Found(job, inboxes[job.inbox]) for job in jobs if job.inbox in inboxes]


def _candidates(configuration: config.Configuration, place: Place, names: Collection[str]) -> list[Job]:
    """The few jobs that may be at this place."""
    if place.role in (None, "archive"):
        return jobs_of_source(configuration.state, names, place.relative)
    report = _REPORT.fullmatch(place.relative)
    if report is None:
        return jobs_of_target(configuration.state, place.relative)
    job = read_job(configuration.state, report[2].decode())
    return [job] if job else []


def _is_at(job: Job, place: Place, inbox: config.Inbox) -> bool:
    if place.role is None:
        return inbox.name == place.inbox.name and job.source == place.relative
    if place.role == "archive":
        return inbox.name == place.inbox.name and job.gone and job.source == place.relative
    # Several inboxes may share such a folder.
    same = inbox.folder(place.role).resolve() == place.inbox.folder(place.role).resolve()
    if not same or FOLDERS.get(job.outcome, "outbox") != place.role:
        return False
    report = _REPORT.fullmatch(place.relative)
    return job.id.encode() == report[2] if report else job.target == place.relative
