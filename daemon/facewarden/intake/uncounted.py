"""Uncounted: what scans leave alone, as numbers. Names and places are told to nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import structlog

log = structlog.get_logger()


class Uncounted:
    """Of one inbox; used by its thread alone, `names` may be read by any."""

    def __init__(self, inbox: str) -> None:
        self._inbox = inbox
        self.links = self.names = 0
        """In the last scan: files with a second name (a hard link), files and folders left alone for their name."""
        self._links = self._names = 0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """A scan is done inside, to its end."""
        self._links = self._names = 0
        yield
        self._tell()
        self.links, self.names = self._links, self._names

    def link(self) -> None:
        self._links += 1

    def name(self) -> None:
        self._names += 1

    def _tell(self) -> None:
        """Links are told whenever their number is another one: they may be photos. Other names once."""
        if self._links != self.links:
            log.warning("hard_links_passed_over", inbox=self._inbox, waiting=self._links)
        if self._names and not self.names:
            log.info("left_alone", inbox=self._inbox, waiting=self._names)
