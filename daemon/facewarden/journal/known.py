"""Folders as the journal knows them: an inbox is known by its folder, whatever the configuration calls it.

Noted is which folder stood at the path when the service last took it, so that another one there (an empty mount point,
a folder that a changed configuration names) is not taken for it.
"""

from __future__ import annotations

import dataclasses
from typing import Literal

Role = Literal["inbox", "outbox", "hold", "quarantine", "archive"]


@dataclasses.dataclass(frozen=True, slots=True)
class KnownFolder:
    """One folder of one inbox: its path, device, number (`files.folder_id`), and where its file system was mounted."""

    inbox: str
    role: Role
    path: bytes
    device: int
    number: int
    mount_point: bytes


COLUMNS = "inbox, role, path, device, number, mount_point"
