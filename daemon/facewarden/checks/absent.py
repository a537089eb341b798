"""Absent: inboxes whose folders are missing or do not answer when the service starts. The others are served meanwhile.

Folders are touched in threads of their own, for a mount that hangs lets nobody go who does.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Literal

import structlog

from facewarden import config, files
from facewarden.checks import moves
from facewarden.config import folders
from facewarden.errors import FOLDER, CannotStart
from facewarden.files import mounts
from facewarden.files.failing import FolderFailedError, Role, failing_as

log = structlog.get_logger()

ANSWER_SECONDS = 5.0
"""How long the folders of an inbox may take to answer at a start."""

LOOK_SECONDS = 5.0
"""Between two looks whether an absent inbox is back."""

Trouble = FolderFailedError | Literal["silent"]
"""Which of its folders cannot be used, or that one of them does not answer."""


def absent(inboxes: Collection[config.Inbox]) -> dict[str, Trouble]:
    """The names of those inboxes of which a folder is missing or cannot be used, or does not answer in time."""
    answers: dict[str, FolderFailedError | None] = {}
    threads = [threading.Thread(target=_ask, args=(inbox, answers), daemon=True) for inbox in inboxes]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found: dict[str, Trouble] = {}
    for inbox in inboxes:
        if inbox.name not in answers:
            found[inbox.name] = "silent"
        elif trouble := answers[inbox.name]:
            found[inbox.name] = trouble
    return found


def away_at_start(configuration: config.Configuration) -> dict[str, Trouble]:
    """The inboxes that a start must do without.

    None where all are missing: whoever looks at the folders tells that better. Raises CannotStart where none is left
    and one of them is silent.
    """
    found = absent(configuration.inboxes)
    if len(found) < len(configuration.inboxes):
        return found
    silent = [number for number, inbox in enumerate(configuration.inboxes) if found[inbox.name] == "silent"]
    if silent:
        lines = (f"inboxes[{number}]: a folder of it does not answer: see to its mount" for number in silent)
        raise CannotStart(FOLDER, tuple(lines))
    return {}


class Latecomers:
    """Looks whether inboxes that were away are back; `back` is called once, when the first of them is."""

    def __init__(self, configuration: config.Configuration, away: Collection[str], back: Callable[[], None]) -> None:
        self._configuration, self._away, self._back = configuration, frozenset(away), back
        self._stopped = threading.Event()

    def start(self) -> None:
        if self._away:
            threading.Thread(target=self._look, name="latecomers", daemon=True).start()

    def stop(self) -> None:
        self._stopped.set()

    def _look(self) -> None:
        wanted = [inbox for inbox in self._configuration.inboxes if inbox.name in self._away]
        while not self._stopped.wait(LOOK_SECONDS):
            still = absent(wanted)
            if len(still) < len(wanted) and not self._faults(still):
                self._back()
                return

    def _faults(self, still: Collection[str]) -> list[str]:
        """What would keep the service from starting anew with those that are back."""
        return folders.faults(self._configuration, still) or moves.faults(self._configuration, still)


def _ask(inbox: config.Inbox, answers: dict[str, FolderFailedError | None]) -> None:
    try:
        for role, folder in folders.folders_of(inbox):
            with failing_as(role):
                _require_usable(folder, role)
    except FolderFailedError as trouble:
        answers[inbox.name] = trouble
    else:
        answers[inbox.name] = None


def _require_usable(folder: Path, role: Role) -> None:
    """Raises OSError where it does not answer as a folder that the service can use.

    One that is made is looked for above. It is listed, for what a mount tells of its root may come from a cache of the
    kernel.
    """
    if role not in ("inbox", "outbox") and not folder.exists():
        mounts.require_room(folder)
        return
    with files.folder(folder) as there, os.scandir(there) as entries:
        next(entries, None)
        if role != "inbox" and not os.access(".", os.W_OK, dir_fd=there, effective_ids=True):
            read_only = os.fstatvfs(there).f_flag & os.ST_RDONLY
            number = errno.EROFS if read_only else errno.EACCES
            raise OSError(number, os.strerror(number))
