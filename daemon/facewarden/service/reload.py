"""Reload: the service from its first configuration to its last. SIGHUP has the file read again.

A file with a fault changes nothing. A good one is taken whole: the photos under way end, the workers leave, and a new
service begins with it in the same process. Where that one cannot start after all, the old configuration goes on.
"""

from __future__ import annotations

import threading
from pathlib import Path

import structlog

from facewarden import config
from facewarden.checks import moves
from facewarden.checks.absent import away_at_start
from facewarden.config import folders
from facewarden.errors import FOLDER, CannotStart
from facewarden.service.loop import Service
from facewarden.values import Limits

log = structlog.get_logger()


class Running:
    """`stop` and `reload` may be called from signal handlers."""

    def __init__(self, file: Path, *, anew: bool = False) -> None:
        self._file = file
        self._anew = anew
        self._stop_asked = False
        self._service: Service | None = None
        self._wanted: config.Configuration | None = None
        """What was read last and has not been taken yet: it may come while one service follows the other."""

    def run(self) -> None:
        """Work until `stop`. Raises CannotStart."""
        configuration = config.load(self._file)
        successor: config.Configuration | None = configuration
        while successor:
            service, configuration = self._started(successor, configuration)
            self._service = service
            if self._stop_asked:
                service.stop()
            elif self._wanted and self._wanted is not successor:
                service.succeed(self._wanted)
            try:
                service.run()
            finally:
                service.close()
            successor = None if self._stop_asked else service.successor

    def stop(self) -> None:
        self._stop_asked = True
        if self._service:
            self._service.stop()

    def reload(self) -> None:
        """Read the file again, in a thread of its own: a folder that hangs must not hold up the service."""
        threading.Thread(target=self._reload, name="reload", daemon=True).start()

    def _reload(self) -> None:
        try:
            configuration = _checked(self._file)
        except CannotStart as refusal:
            _refused(refusal)
            return
        log.info("reload")
        self._wanted = configuration
        if self._service:
            self._service.succeed(configuration)

    def _started(
        self, wanted: config.Configuration, running: config.Configuration
    ) -> tuple[Service, config.Configuration]:
        """A service with the wanted configuration, or with the one that ran before.

        Raises CannotStart where neither can.
        """
        try:
            return Service(wanted, anew=self._anew), wanted
        except CannotStart as refusal:
            if wanted is running:
                raise
            _refused(refusal)
            return Service(running), running


def _checked(file: Path) -> config.Configuration:
    """The file's configuration, as far as it can be proved without starting. Raises CannotStart."""
    configuration = config.load(file)
    away = away_at_start(configuration)
    found = folders.faults(configuration, away) or moves.faults(configuration, away)
    if found:
        raise CannotStart(FOLDER, tuple(found))
    config.terms_of(configuration)
    for inbox in configuration.inboxes:
        config.recipe_of(inbox, Limits())
    return configuration


def _refused(refusal: CannotStart) -> None:
    """The faults are lines for a terminal: `facewarden check` tells them there."""
    log.error("reload_refused", reason=refusal.reason.number, reason_name=refusal.reason.name)
