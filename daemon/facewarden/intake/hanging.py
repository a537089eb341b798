"""Hanging: which inboxes' folders do not answer.

It is told once when one stops to answer, and taken back once it does.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog

from facewarden.intake.rounds import Rounds

log = structlog.get_logger()


class Hanging:
    """Used by the loop's thread alone."""

    def __init__(self, rounds: Collection[Rounds]) -> None:
        self._rounds = rounds
        self._names: set[str] = set()

    def __contains__(self, inbox: str) -> bool:
        """As of the last look."""
        return inbox in self._names

    def look(self, now: float) -> None:
        """Ask each inbox's thread how it is; none is waited for."""
        for rounds in self._rounds:
            inbox, hangs = rounds.inbox, rounds.hangs(now)
            if hangs and inbox.name not in self._names:
                inbox.troubles.hang(hanging=True)
                self._names.add(inbox.name)
                log.error("folder_hangs", inbox=inbox.name)
            elif not hangs and inbox.name in self._names:
                inbox.troubles.hang(hanging=False)
                self._names.discard(inbox.name)
