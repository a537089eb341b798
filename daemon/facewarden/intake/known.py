"""Known: versions of files that had their outcome, remembered so that a full inbox costs no query a file at each scan.

What a scan meets is what is remembered after it: files that left the folder leave the memory too, and of more files
than there is room for the rest is asked of the journal each time.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from facewarden.files import Signature

ROOM = 200_000
"""Versions of one inbox that are remembered, each by a hash."""


class Known:
    """Used by its inbox's thread alone."""

    def __init__(self, finished: Callable[[bytes, Signature], bool], amended: Callable[[], int]) -> None:
        """`finished` asks the journal.

        `amended` gives a number that changes when such a version was forgotten there.
        """
        self._finished, self._amended = finished, amended
        self._amendment = 0
        self._versions: set[int] = set()
        self._met: set[int] = set()
        """Those of them that the present scan met."""

    def scan_begins(self) -> None:
        """What another process changed in the journal is believed from here on."""
        self._met = set()
        if self._amendment != (amendment := self._amended()):
            self._amendment = amendment
            self._versions = set()

    def scan_ended(self) -> None:
        """The whole folder was met."""
        self._versions = self._met

    def remembers(self, path: bytes, status: os.stat_result) -> bool:
        """Whether this version is known to have ended, without asking. A scan does little else with old files."""
        version = hash((path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        if version in self._versions:
            self._met.add(version)
            return True
        return False

    def has_ended(self, path: bytes, signature: Signature) -> bool:
        """Whether this version had its outcome."""
        version = hash((path, signature.inode, signature.size, signature.mtime_ns, signature.ctime_ns))
        if version not in self._versions:
            if not self._finished(path, signature):
                return False
            if len(self._versions) >= ROOM:
                return True
            self._versions.add(version)
        self._met.add(version)
        return True
