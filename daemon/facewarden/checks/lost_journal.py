"""Lost journal: a service without a journal does not know what it delivered.

It must not deliver all of it again in silence.

That happens where the state folder was lost, or lies on a disk that is not mounted. The sign: no journal, and of the
originals that are kept in an inbox at least half, and more than one, have results under their names in its outbox. One
alone may be chance.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

from facewarden import config, files
from facewarden.checks.absent import Trouble
from facewarden.errors import ALREADY_RUNNING, FOLDER, JOURNAL_DAMAGED, CannotStart
from facewarden.files import filename
from facewarden.intake.names import Names
from facewarden.intake.scan import scan
from facewarden.journal import is_there

LOOKED_AT = 1000
"""Originals of each inbox that are looked at."""

_SUFFIXES = (b".jpg", b".png", b".webp", b".tiff")


def require_known_results(configuration: config.Configuration, away: Mapping[str, Trouble]) -> None:
    """Raises CannotStart(JOURNAL_DAMAGED), with the keys of the inboxes, where results are there and no journal is.

    Of an inbox that is away nobody can tell, unless its outbox is there and empty. Raises CannotStart(FOLDER).
    """
    if is_there(configuration.state):
        return
    keeping = [(index, inbox) for index, inbox in enumerate(configuration.inboxes) if inbox.originals == "keep"]
    try:
        unknown = any(
            away[inbox.name] == "silent" or _holds(inbox.outbox) for _, inbox in keeping if inbox.name in away
        )
        faults = tuple(_fault(index) for index, inbox in keeping if inbox.name not in away and _has_results(inbox))
    except OSError:
        unknown, faults = True, ()
    for _, inbox in keeping:
        if inbox.name not in away:
            _require_free(inbox)  # its service is running: it has the journal
    if unknown:
        fault = (
            "an inbox or outbox cannot be read: without a journal nobody can tell what was delivered from it. "
            "Bring it back, or start once with --anew to do its originals a second time"
        )
        raise CannotStart(FOLDER, (fault,))
    if faults:
        raise CannotStart(JOURNAL_DAMAGED, faults)


def _fault(index: int) -> str:
    return (
        f"inboxes[{index}]: originals that are kept there have results in the outbox already, and the state folder knows "
        "of none. Bring the state folder back, or start once with --anew to do them a second time"
    )


def _holds(folder: Path) -> bool:
    """Whether anything is in a folder. Raises OSError where it is missing too."""
    return any(folder.iterdir())


def _has_results(inbox: config.Inbox) -> bool:
    """Whether the first originals have results. With `names: pseudonym` nobody can tell without the key."""
    looked_at = found = 0
    with files.folder(inbox.path) as root, files.folder(inbox.outbox) as outbox:
        walk = scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore")
        for path, _ in itertools.islice(walk, LOOKED_AT):
            looked_at += 1
            found += any(files.status_of(name, outbox) for name in _names(inbox, path))
    return found > 1 and found * 2 >= looked_at


def _names(inbox: config.Inbox, path: bytes) -> Iterator[bytes]:
    subfolder, slash, name = path.rpartition(b"/")
    prefix = subfolder + slash if inbox.subfolders == "mirror" else b""
    yield prefix + name
    stem, _ = filename.split_suffix(name)
    yield from (prefix + filename.with_ending(stem, suffix) for suffix in _SUFFIXES)


def _require_free(inbox: config.Inbox) -> None:
    """Raises CannotStart(ALREADY_RUNNING) where another service has this inbox, and so the missing journal."""
    with contextlib.suppress(OSError), files.folder(inbox.path) as root:
        try:
            fcntl.flock(root, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(ALREADY_RUNNING) from None
