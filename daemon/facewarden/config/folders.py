"""Sense of the configured folders: they exist, the service may use them, and none lies in another of a different role.

Compared by (device, inode) and not by name, so that a link or a bind mount cannot hide that two folders are one.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

from facewarden import files
from facewarden.config.models import Configuration, Inbox, Role
from facewarden.errors import FOLDER, CannotStart
from facewarden.files import failing, mounts

# Folders of these roles may be shared by several inboxes; an inbox or the state folder never is.
_SHARED = {"outbox", "quarantine", "hold", "archive", "preview"}


class Place(NamedTuple):
    """One configured folder: the key that names it, its role, its path, and whether the service may create it."""

    key: str
    role: str
    path: Path
    created: bool


def places(configuration: Configuration, away: Collection[str] = ()) -> Iterator[Place]:
    """Every folder that this configuration uses, but those of inboxes that are away and of policies that are off."""
    yield Place("state", "state", configuration.state, created=True)
    for index, inbox in enumerate(configuration.inboxes):
        if inbox.name in away:
            continue
        yield Place(f"inboxes[{index}].path", "inbox", inbox.path, created=False)
        for role in _roles(inbox):
            yield Place(f"inboxes[{index}].{role}", role, inbox.folder(role), created=role != "outbox")


def folders_of(inbox: Inbox) -> list[tuple[failing.Role, Path]]:
    """All folders that an inbox uses, with their roles, its own first."""
    return [("inbox", inbox.path), *((role, inbox.folder(role)) for role in _roles(inbox))]


def _roles(inbox: Inbox) -> list[Role]:
    roles: list[Role] = ["outbox", "quarantine"]
    if inbox.preview:
        roles.append("preview")
    if inbox.without_face == "hold":
        roles.append("hold")
    if inbox.originals == "archive":
        roles.append("archive")
    return roles


def create_missing(configuration: Configuration, away: Collection[str] = ()) -> None:
    """Make the folders that need no decision of the operator: state (0700), and those beside the inbox with its rights.

    Raises CannotStart(FOLDER) naming the keys that could not be made.
    """
    faults = []
    inbox_mode = 0o700
    for place in places(configuration, away):
        if place.role == "inbox" and place.path.is_dir():
            inbox_mode = place.path.stat().st_mode & 0o7777
        if not place.created or place.path.exists():
            continue
        try:
            if place.role == "state":
                place.path.mkdir(mode=0o700, parents=True)
            else:
                _make(place.path, inbox_mode)
        except OSError as error:
            faults.append(f"{place.key}: cannot be created ({os.strerror(error.errno or 0)})")
    if faults:
        raise CannotStart(FOLDER, tuple(faults))


def _make(folder: Path, mode: int) -> None:
    """Make a folder with these rights, whatever the umask.

    Under systemd's RestrictSUIDSGID= nobody may ask for the set-group-ID bit, and a chmod without it would take it
    away. So it comes from the folder above, where that has it, or from the chmod where that is allowed.
    """
    umask = os.umask(0)
    try:
        folder.mkdir(mode & 0o777)
    finally:
        os.umask(umask)
    if stat.S_IMODE(folder.stat().st_mode) != mode:
        with contextlib.suppress(PermissionError):  # it stays without the bit
            folder.chmod(mode)


def faults(configuration: Configuration, away: Collection[str] = ()) -> list[str]:
    """One line for each folder that is missing, unusable, or overlaps another; empty if all is well.

    Those of inboxes that are away are not looked at.
    """
    found = []
    usable = []
    for place in places(configuration, away):
        try:
            fault = _unusable(place)
        except OSError as error:
            fault = "another folder stands there while what was mounted there is away: mount it, or use another path"
            if error.errno not in files.UNPROVED:
                fault = f"it cannot be reached ({os.strerror(error.errno or 0)}): mend the path, or give the service the right"
        if fault:
            found.append(f"{place.key}: {fault}")
        else:
            usable.append(place)
    for number, place in enumerate(usable):
        found += [overlap for other in usable[:number] if (overlap := _overlap(place, other))]
    return found + list(_served(configuration, usable))


def _served(configuration: Configuration, places: Collection[Place]) -> Iterator[str]:
    """One line for each file of the operator's that lies where photos come and go.

    In an inbox it would be taken for a photo; elsewhere whoever fetches results would take it away.
    """
    folders = {_identity(place.path): place.key for place in places if place.role != "state"}
    for key, file in _given_files(configuration):
        with contextlib.suppress(OSError):  # one that cannot be reached is told by who reads it
            steps = {*_ancestors(file), *_ancestors(file.parent.resolve() / file.name)}
            yield from (f"{key}: the file lies inside {folders[step]}: move it out" for step in steps & set(folders))


def _given_files(configuration: Configuration) -> Iterator[tuple[str, Path]]:
    """Every file that the configuration names, by its key."""
    if configuration.metrics:
        yield "metrics", configuration.metrics
    if configuration.weights.yunet:
        yield "weights.yunet.path", configuration.weights.yunet.path
    for index, inbox in enumerate(configuration.inboxes):
        files = {
            "hooks.delivered": inbox.hooks.delivered,
            "hooks.quarantined": inbox.hooks.quarantined,
            "redact.emblem": inbox.redact.emblem,
        }
        yield from ((f"inboxes[{index}].{key}", file) for key, file in files.items() if file)


def _unusable(place: Place) -> str | None:
    if place.created and not place.path.exists():
        mounts.require_room(place.path)
        return _uncreatable(place)
    if not place.path.is_dir():
        return "the folder is missing: create it, or mend the path" if not place.path.exists() else "is not a folder"
    if not _may(place.path, os.R_OK | os.X_OK):
        return "the service may not read this folder: give it the right"
    if place.role != "inbox" and not _may(place.path, os.W_OK):
        return "the service may not write to this folder: give it the right"
    with files.folder(place.path):
        return None


def _uncreatable(place: Place) -> str | None:
    if any(step.is_symlink() and not step.exists() for step in (place.path, *place.path.parents)):
        return "a link on the way leads nowhere: mend it"
    above = place.path.parents if place.role == "state" else [place.path.parent]
    parent = next((folder for folder in above if folder.exists()), None)
    if parent and _may(parent, os.W_OK | os.X_OK):
        return None
    return "it is missing, and the service cannot create it there: create it and give it to the service"


def _may(path: Path, rights: int) -> bool:
    return os.access(path, rights, effective_ids=True)


def _overlap(one: Place, other: Place) -> str | None:
    if one.role == other.role and one.role in _SHARED:
        return None
    if _identity(one.path) == _identity(other.path):
        return f"{one.key} and {other.key} are the same folder: use two"
    if _identity(other.path) in _ancestors(one.path):
        return f"{one.key} lies inside {other.key}: move it out"
    if _identity(one.path) in _ancestors(other.path):
        return f"{other.key} lies inside {one.key}: move it out"
    return None


def _identity(path: Path) -> tuple[int | str, ...]:
    """(device, inode); of a folder that is still to be made, those of the one it will be in, and its name."""
    real = path.resolve()
    if not real.exists():
        return *_identity(real.parent), real.name
    status = real.stat()
    return status.st_dev, status.st_ino


def _ancestors(path: Path) -> set[tuple[int | str, ...]]:
    return {_identity(folder) for folder in path.resolve().parents}
