"""A job as the journal knows it: one original's journey."""

from __future__ import annotations

import dataclasses
from typing import Literal

from facewarden.files import Signature

State = Literal["claimed", "placing", "placed", "done"]
Outcome = Literal["published", "held", "quarantined", "vanished"]


@dataclasses.dataclass(frozen=True, slots=True)
class Job:
    """One original's journey as the journal knows it. `source` and `target` are relative to their folders.

    `gone`: the original left the inbox with its outcome, so that whatever stands there under its name is a new drop.
    """

    id: str
    inbox: str
    source: bytes
    signature: Signature
    state: State
    attempts: int
    outcome: Outcome | None
    reason: int
    target: bytes | None
    target_inode: int | None
    regions: int
    gone: bool = False


COLUMNS = (
    "id, inbox, source, inode, size, mtime_ns, state, attempts, outcome, reason, target, target_inode, regions, gone"
)


def job_of(row: tuple[object, ...]) -> Job:
    """A row of these columns as a job."""
    identity, inbox, source, inode, size, mtime_ns, *rest, gone = row
    return Job(identity, inbox, source, Signature(inode, size, mtime_ns), *rest, bool(gone))  # type: ignore[arg-type, call-arg]
