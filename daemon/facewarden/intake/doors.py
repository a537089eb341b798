"""Doors: how those beside the service come to an inbox: by a name that it has or had, through its proved folder.

An inbox is known by its folder, not by its name: the journal notes the folder that the service took, and one that is
called otherwise in the configuration now is still that inbox.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

from facewarden import config, files
from facewarden.errors import CannotStart
from facewarden.files import mounts
from facewarden.intake.root import absent, require_marker
from facewarden.journal import KnownFolder, has_jobs, read_folders
from facewarden.journal.known import Role

Door = Callable[[], AbstractContextManager[int]]
"""Opens an inbox's folder. Raises OSError where what stands there is not proved to be that folder: nothing is absent
then."""


def renames(inboxes: Collection[config.Inbox], known: Collection[KnownFolder]) -> dict[str, str]:
    """Which inboxes of the journal (by their old name) have another name in the configuration."""
    old = [folder for folder in known if folder.role == "inbox"]
    found = {}
    for inbox in inboxes:
        before = [folder.inbox for folder in old if _is_same(inbox, folder)]
        if before and inbox.name not in before:
            found[before[0]] = inbox.name
    return found


def by_name(configuration: config.Configuration) -> dict[str, config.Inbox]:
    """The inboxes by name, also by one that the journal still calls them by.

    Raises CannotStart where it cannot be read.
    """
    renamed = renames(configuration.inboxes, read_folders(configuration.state))
    inboxes = {inbox.name: inbox for inbox in configuration.inboxes}
    return inboxes | {old: inboxes[new] for old, new in renamed.items()}


def doors(configuration: config.Configuration) -> dict[str, Door]:
    """How each inbox's folder is opened by those beside the service: proved to be the one that it took last.

    Raises CannotStart.
    """
    known = read_folders(configuration.state)
    renamed = renames(configuration.inboxes, known)
    own = {renamed.get(folder.inbox, folder.inbox): folder for folder in known if folder.role == "inbox"}
    return {inbox.name: _door(configuration, inbox, own.get(inbox.name)) for inbox in configuration.inboxes}


def _door(configuration: config.Configuration, inbox: config.Inbox, own: KnownFolder | None) -> Door:
    if own is None and not has_jobs(configuration.state, inbox.name):
        return functools.partial(
            files.folder, inbox.path
        )  # the service never took it: nothing is known, so nothing can be mistaken
    return functools.partial(known_inbox, inbox.path, inbox.marker, own)


def take_known(configuration: config.Configuration) -> None:
    """The folders beside the inboxes are believed from now on only where they are those that the service took last.

    Under another path the operator means another folder. Of a journal that cannot be read whoever opens it tells.
    """
    try:
        known = read_folders(configuration.state)
    except CannotStart:
        return
    for folder in known:
        if folder.role != "inbox" and folder.mount_point:
            mounts.take(folder.path, folder.number, folder.mount_point)


def names_of(inbox: config.Inbox, inboxes: Mapping[str, config.Inbox]) -> list[str]:
    """All names under which the journal may know an inbox (`by_name`)."""
    return [name for name, other in inboxes.items() if other.name == inbox.name]


@contextlib.contextmanager
def known_inbox(path: Path, marker: str | None, known: KnownFolder | None) -> Iterator[int]:
    """Descriptor of an inbox's folder, for those beside the service: see `Door`.

    The marker proves it, where one is configured; otherwise it must be the folder that the service took last.
    """
    with files.folder(path) as root:
        if marker:
            require_marker(marker, root)
        elif known is None or files.folder_id(root) != known.number:
            raise absent()
        yield root


def known_as(inbox: config.Inbox, role: Role) -> KnownFolder | None:
    """A configured folder as the journal notes it; None where it is not there."""
    path = path_of(inbox, role)
    try:
        with files.folder(path) as folder:
            device, number = os.fstat(folder).st_dev, files.folder_id(folder)
            mount_point = mounts.mount_of(folder).point
    except OSError:
        return None
    return KnownFolder(inbox.name, role, os.fsencode(path), device, number, mount_point)


def path_of(inbox: config.Inbox, role: Role) -> Path:
    """The configured folder of this role."""
    return inbox.path if role == "inbox" else inbox.folder(role)


def _is_same(inbox: config.Inbox, folder: KnownFolder) -> bool:
    """Whether it is the configured inbox: by its path, or moved as a whole, by device and inode."""
    if folder.path == os.fsencode(inbox.path):
        return True
    now = known_as(inbox, "inbox")
    return now is not None and (now.device, now.number) == (folder.device, folder.number)
