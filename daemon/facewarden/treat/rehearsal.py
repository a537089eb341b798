"""Rehearsal: what a run would do with each file that is in the inboxes now.

Nothing is written anywhere, not even a folder.

The same claim rules and the same worker, asked for areas alone; the journal is read from outside, so that a service may
run.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

from facewarden import config, protocol
from facewarden.errors import FileRefused, Reason
from facewarden.files import Signature
from facewarden.intake.doors import Door, by_name, doors, names_of
from facewarden.intake.names import Names
from facewarden.intake.scan import SHARED, scan
from facewarden.journal import finished
from facewarden.pool import Pool
from facewarden.treat import named_files


@dataclasses.dataclass(frozen=True, slots=True)
class Rehearsed:
    """What would become of one file.

    `outcome` as in the journal, or `done` (it had its outcome) or `left` (hard link).
    """

    inbox: str
    path: bytes
    outcome: str
    reason: Reason | None = None
    regions: int = 0


def rehearse(configuration: config.Configuration, pool: Pool) -> Iterator[Rehearsed]:
    """Each file that counts, one after the other. Raises OSError where an inbox is out of reach, CannotStart."""
    inboxes, opened = by_name(configuration), doors(configuration)
    with finished(configuration.state) as had:
        for inbox in configuration.inboxes:
            names = names_of(inbox, inboxes)
            for path, signature in _there(inbox, opened[inbox.name]):
                if signature == SHARED:
                    yield Rehearsed(inbox.name, path, "left")
                elif had(names, path, signature):
                    yield Rehearsed(inbox.name, path, "done")
                else:
                    yield _tried(configuration, inbox, path, pool)


def _there(inbox: config.Inbox, door: Door) -> list[tuple[bytes, Signature]]:
    with door() as root:
        return sorted(scan(root, Names(inbox, inbox.marker), deep=inbox.subfolders != "ignore"))


def _tried(configuration: config.Configuration, inbox: config.Inbox, path: bytes, pool: Pool) -> Rehearsed:
    recipe = config.recipe_of(inbox, configuration.limits.for_worker())
    try:
        original = named_files.read(inbox.path / os.fsdecode(path), recipe.limits.bytes)
        reply = pool.treat(original, recipe, configuration.limits.seconds, protocol.FIND, owner=inbox.name)
    except FileRefused as refused:
        return Rehearsed(inbox.name, path, "quarantined", refused.reason)
    held = inbox.without_face == "hold" and bool(reply.faceless)
    return Rehearsed(inbox.name, path, "held" if held else "published", None, reply.region_count)
