"""What the service tells systemd: that it is ready, that it lives, that it stops, and a line of counts.

The protocol is sd_notify(3): datagrams of `NAME=value` lines to the unix socket that $NOTIFY_SOCKET names. Without one
nobody listens and nothing is told. Only the words below and numbers can go out, never a name.
"""

from __future__ import annotations

import dataclasses
import math
import os
import socket
import time
from collections.abc import Iterator, Mapping
from typing import Literal

import structlog

log = structlog.get_logger()

Word = Literal["READY=1", "RELOADING=1", "WATCHDOG=1", "STOPPING=1"]
COUNTED = ("published", "held", "quarantined", "waiting", "open", "out of reach")
"""What the status tells of: photos ended since the start by outcome, files that wait, open jobs, inboxes out of
reach."""

SECONDS = 5.0
"""How long a message may wait where systemd is busy; then it is lost, and the log says so."""

RELOAD_SECONDS = 600.0
"""How long the service may be silent between RELOADING=1 and READY=1, as for a start (TimeoutStartSec= of the unit)."""

STATUS_SECONDS = 30.0
"""How often the line of counts is told."""


@dataclasses.dataclass(frozen=True, slots=True)
class Notifier:
    """`address` of systemd's socket, empty where nobody listens.

    `watchdog`: seconds of silence after which it kills.
    """

    address: str = ""
    watchdog: float = math.inf

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Notifier:
        """As the environment says. A watchdog that is meant for another process (sd_watchdog_enabled(3)) is none."""
        address = environment.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):  # systemd has others (vsock) for virtual machines, not for services
            return cls()
        microseconds = environment.get("WATCHDOG_USEC", "")
        meant = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = meant and microseconds.isdecimal() and int(microseconds) > 0
        return cls(address, int(microseconds) / 1_000_000 if watched else math.inf)

    @property
    def watched(self) -> bool:
        return self.watchdog < math.inf

    @property
    def interval(self) -> float:
        """Seconds between two messages: half of what the watchdog allows, as sd_watchdog_enabled(3) advises."""
        return min(self.watchdog / 2, STATUS_SECONDS) if self.address else math.inf

    def tell(self, word: Word | None, counts: Mapping[str, int]) -> None:
        """Send one message, with those of the counts that are COUNTED.

        A socket that is gone or full is logged and never stops the service.
        """
        if not self.address:
            return
        status = "STATUS=" + ", ".join(f"{name} {counts.get(name, 0):d}" for name in COUNTED)
        message = "\n".join([*([word] if word else []), *self._more(word), status])
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as outlet:
                outlet.settimeout(SECONDS)
                outlet.sendto(message.encode(), _address(self.address))
        except OSError as error:
            log.warning("systemd_out_of_reach", error=error.errno or 0)

    def _more(self, word: Word | None) -> Iterator[str]:
        """What goes with a word.

        A reload lasts longer than the watchdog's time, which is its own again when it is over.
        """
        if word == "RELOADING=1":
            yield f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}"
        if self.watched and word in ("READY=1", "RELOADING=1"):
            seconds = self.watchdog if word == "READY=1" else max(self.watchdog, RELOAD_SECONDS)
            yield f"WATCHDOG_USEC={round(seconds * 1_000_000)}"


def _address(address: str) -> str:
    """A leading @ stands for the zero byte of the abstract namespace (unix(7))."""
    return "\0" + address[1:] if address.startswith("@") else address
