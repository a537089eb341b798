"""Failures that name their place.

A folder that cannot be used is no photo's fault, and which folder it is must be said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

Role = Literal["inbox", "outbox", "hold", "quarantine", "archive", "preview", "state"]


class FolderFailedError(OSError):
    """The folder of this role cannot be used now: full, read-only, away.

    Whatever was to be done there is tried again.
    """

    def __init__(self, role: Role, error: OSError) -> None:
        super().__init__(error.errno or 0, error.strerror or "")
        self.role: Role = role


@contextlib.contextmanager
def failing_as(role: Role) -> Iterator[None]:
    """What the system answers inside is raised as FolderFailedError; failures that have a name already pass."""
    try:
        yield
    except OSError as error:
        if type(error).__module__ != "builtins":
            raise
        raise FolderFailedError(role, error) from None


def role_of(error: OSError) -> Role:
    """Which folder failed; of those that nobody named, the inbox."""
    return error.role if isinstance(error, FolderFailedError) else "inbox"
