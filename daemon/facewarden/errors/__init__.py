"""Foreseeable failures by name.

`failure` what one is, `refusals` why a photo is refused, `obstacles` why the service cannot go on.

Of a failure inside the sandbox only the number crosses the border; the sentences live here. A sentence never holds a
file name, a path or anything read from a file.
"""

from __future__ import annotations

from facewarden.errors import obstacles, refusals
from facewarden.errors.failure import CannotStart, Exit, FacewardenError, FileRefused, Reason
from facewarden.errors.obstacles import (
    ALREADY_RUNNING,
    CONFIGURATION,
    FOLDER,
    JOURNAL_DAMAGED,
    JOURNAL_NEWER,
    JOURNAL_OLDER,
    NO_WORKER,
    PYTHON_LIBRARY,
    RECALL_LOST,
    SANDBOX_LEAKS,
    SANDBOX_MISSING,
    SUPPLIED_WEIGHTS,
    SYSTEM_LIBRARY,
    WEIGHTS_ALTERED,
    WEIGHTS_MISSING,
)
from facewarden.errors.refusals import (
    BAD_REPLY,
    CODING_NOT_ACCEPTED,
    CRASHED,
    DAMAGED,
    DEADLINE,
    DOCUMENT_DAMAGED,
    DOCUMENT_LOCKED,
    DOCUMENT_TOO_LONG,
    EMPTY,
    FACE_REMAINS,
    NAME_REFUSED,
    NO_REGULAR_FILE,
    NOT_A_PICTURE,
    NOT_ACCEPTED,
    NOT_ENCODED,
    NOT_WRITTEN,
    OUT_OF_MEMORY,
    PAGE_NOT_ACCEPTED,
    REFUSED_CALL,
    SEARCH_FAILED,
    SERVICE_ENDED,
    SIDE_TOO_LONG,
    TOO_MANY_BYTES,
    TOO_MANY_FRAMES,
    TOO_MANY_PIXELS,
    TRUNCATED,
    UNREADABLE,
    ZONE_OUTSIDE,
)

__all__ = [
    "ALREADY_RUNNING",
    "BAD_REPLY",
    "CODING_NOT_ACCEPTED",
    "CONFIGURATION",
    "CRASHED",
    "DAMAGED",
    "DEADLINE",
    "DOCUMENT_DAMAGED",
    "DOCUMENT_LOCKED",
    "DOCUMENT_TOO_LONG",
    "EMPTY",
    "FACE_REMAINS",
    "FOLDER",
    "JOURNAL_DAMAGED",
    "JOURNAL_NEWER",
    "JOURNAL_OLDER",
    "NAME_REFUSED",
    "NOT_ACCEPTED",
    "NOT_A_PICTURE",
    "NOT_ENCODED",
    "NOT_WRITTEN",
    "NO_REGULAR_FILE",
    "NO_WORKER",
    "OUT_OF_MEMORY",
    "PAGE_NOT_ACCEPTED",
    "PYTHON_LIBRARY",
    "REASONS",
    "RECALL_LOST",
    "REFUSED_CALL",
    "SANDBOX_LEAKS",
    "SANDBOX_MISSING",
    "SEARCH_FAILED",
    "SERVICE_ENDED",
    "SIDE_TOO_LONG",
    "SUPPLIED_WEIGHTS",
    "SYSTEM_LIBRARY",
    "TOO_MANY_BYTES",
    "TOO_MANY_FRAMES",
    "TOO_MANY_PIXELS",
    "TRUNCATED",
    "UNREADABLE",
    "WEIGHTS_ALTERED",
    "WEIGHTS_MISSING",
    "ZONE_OUTSIDE",
    "CannotStart",
    "Exit",
    "FacewardenError",
    "FileRefused",
    "Reason",
]


def _numbered() -> dict[int, Reason]:
    found: dict[int, Reason] = {}
    for reason in (*vars(refusals).values(), *vars(obstacles).values()):
        if isinstance(reason, Reason) and found.setdefault(reason.number, reason) is not reason:
            raise ValueError(f"two reasons have the number {reason.number}")
    return found


REASONS = _numbered()
"""Every reason by its number, as it crosses the border and stands in the journal."""
