"""A job as the journal knows it: one original's journey."""

from __future__ import annotations

import dataclasses
from typing import Literal

from facewarden.files import Identity, Signature

State = Literal["claimed", "placing", "placed", "done", "retrying"]
"""`retrying`: a quarantined one on its way back into the inbox; the row leaves with the note that lay beside it."""
Outcome = Literal["published", "held", "quarantined", "vanished", "superseded"]

HAD = "state = 'done' AND outcome NOT IN ('vanished', 'superseded') AND NOT gone"
"""SQL: a job whose original had its outcome and stands where it was."""


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One original's journey as the journal knows it. `source` and `target` are relative to their folders.

    `attempts` were begun, of which `failures` ended by a failure. `content` is the original's HMAC under the journal's
    key, `root` the number of the folder that it was dropped into (None: an older facewarden did not note it), `placed`
    which file got the name `target`. `faceless`: pages (or photos: 1) without a face. `gone`: the original left the
    inbox with its outcome, so that whatever stands there under its name is a new drop. `owed`: it is still to be
    archived or deleted.
    """

    id: str
    inbox: str
    source: bytes
    signature: Signature
    content: bytes = b""
    root: int | None = None
    state: State = "claimed"
    attempts: int = 0
    outcome: Outcome | None = None
    reason: int = 0
    target: bytes | None = None
    placed: Identity | None = None
    regions: int = 0
    faceless: int = 0
    gone: bool = False
    owed: bool = False
    elsewhere: bool = False
    """Its result was put into a folder that is no longer the outbox: what became of it there nobody knows."""
    failures: int = 0


COLUMNS = (
    "id, inbox, source, inode, size, mtime_ns, content, root, state, attempts, outcome, reason, target,"
    " target_inode, target_size, target_mtime_ns, target_content, regions, faceless, gone, owed, elsewhere, failures"
)


def job_of(row: tuple[object, ...]) -> Job:
    """A row of these columns as a job."""
    identity, inbox, source, inode, size, mtime_ns, *rest = row
    content, root, state, attempts, outcome, reason, target, *placed = rest[:11]
    file = Identity(*placed) if placed[0] is not None else None  # type: ignore[arg-type]
    counts = (file, *rest[11:13], *map(bool, rest[13:-1]), rest[-1])
    signature = Signature(inode, size, mtime_ns)  # type: ignore[arg-type]
    return Job(identity, inbox, source, signature, content, root, state, attempts, outcome, reason, target, *counts)  # type: ignore[arg-type]
