"""Absent: inboxes whose folders are missing or do not answer when the service starts. The others are served meanwhile.

Folders are touched in threads of their own, for a mount that hangs lets nobody go who does.
"""

from __future__ import annotations

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

log = structlog.get_logger()

ANSWER_SECONDS = 5.0
"""How long the folders of an inbox may take to answer at a start."""

LOOK_SECONDS = 5.0
"""Between two looks whether an absent inbox is back."""

Trouble = Literal["missing", "silent"]


def absent(inboxes: Collection[config.Inbox]) -> dict[str, Trouble]:
    """The names of those inboxes of which a folder is missing, or does not answer in time."""
    answers: dict[str, bool] = {}
    threads = [threading.Thread(target=_ask, args=(inbox, answers), daemon=True) for inbox in inboxes]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + ANSWER_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    found: dict[str, Trouble] = {}
    for inbox in inboxes:
        if not answers.get(inbox.name):
            found[inbox.name] = "missing" if inbox.name in answers else "silent"
    return found


def away_at_start(configuration: config.Configuration) -> dict[str, Trouble]:
    """The inboxes that a start must do without; none where all are missing, which whoever looks at the folders tells better.

    Raises CannotStart where none is left and one of them is silent.
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


def _ask(inbox: config.Inbox, answers: dict[str, bool]) -> None:
    made = {inbox.folder("quarantine"), inbox.folder("hold"), inbox.folder("archive"), inbox.preview or inbox.path}
    # One that is missing is made, but not on a bare mount point; one that hangs keeps this thread.
    made_or_there = all(_is_there(folder) or _may_be_made(folder) for folder in made - {inbox.path})
    answers[inbox.name] = _is_there(inbox.path) and _is_there(inbox.outbox) and made_or_there


def _is_there(folder: Path) -> bool:
    """Whether it answers as a folder. It is listed, for what a mount tells of its root may come from a cache of the kernel."""
    try:
        with files.folder(folder) as there, os.scandir(there) as entries:
            next(entries, None)
    except PermissionError:
        return True  # the check of folders tells which right is missing
    except OSError:
        return False
    return True


def _may_be_made(folder: Path) -> bool:
    if folder.exists():
        return False
    try:
        mounts.require_room(folder)
    except OSError:
        return False
    return True
