"""Redoing: a service without a journal does not know what it delivered, and must not deliver all of it again in silence.

That happens where the state folder was lost, or lies on a disk that is not mounted. The sign: no journal, and of the originals
that are kept in an inbox at least half, and more than one, have results under their names in its outbox. One alone may be chance.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator

from facewarden import config, filename, files
from facewarden.errors import FOLDER, JOURNAL_DAMAGED, CannotStart
from facewarden.intake.names import Names
from facewarden.intake.scan import scan
from facewarden.journal import is_there

LOOKED_AT = 1000
"""Originals of each inbox that are looked at."""

_SUFFIXES = (b".jpg", b".png", b".webp", b".tiff")


def require_known_results(configuration: config.Configuration, away: Collection[str] = ()) -> None:
    """Raises CannotStart(JOURNAL_DAMAGED), with the keys of the inboxes, where results are there and no journal is.

    Inboxes that are away are not looked at: once they are back, the journal that was begun meanwhile speaks for them.
    """
    if is_there(configuration.state):
        return
    try:
        faults = _faults(configuration, away)
    except OSError:
        fault = "an inbox or outbox cannot be read: without a journal nobody can tell what was delivered from it"
        raise CannotStart(FOLDER, (fault,)) from None
    if faults:
        raise CannotStart(JOURNAL_DAMAGED, faults)


def _faults(configuration: config.Configuration, away: Collection[str]) -> tuple[str, ...]:
    return tuple(
        f"inboxes[{index}]: originals that are kept there have results in the outbox already, and the state folder knows "
        "of none. Bring the state folder back, or start once with --anew to do them a second time"
        for index, inbox in enumerate(configuration.inboxes)
        if inbox.name not in away and inbox.originals == "keep" and _has_results(inbox)
    )


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
