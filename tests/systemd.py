"""Stands in for systemd where none runs: hears what the service tells it, and reads the unit."""

from __future__ import annotations

import re
import select
import shutil
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.daemon import PATIENCE

FOLDER = Path(__file__).resolve().parents[1] / "systemd"
UNIT = FOLDER / "facewarden.service"


class Message(NamedTuple):
    """One datagram: when it came (monotonic), from which process, and its lines."""

    time: float
    pid: int
    lines: list[str]


class Ear:
    """The end of the notification socket that systemd holds."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.heard: list[Message] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def next(self, patience: float = PATIENCE) -> Message | None:
        """The next message; None where none comes in time."""
        if not select.select([self._socket], [], [], patience)[0]:
            return None
        text, control, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(12))
        pid, _, _ = struct.unpack("3i", control[0][2])
        self.heard.append(Message(time.monotonic(), pid, text.decode().split("\n")))
        return self.heard[-1]

    def hear(self, word: str) -> Message:
        """The next message with this word; fails where it does not come."""
        deadline = time.monotonic() + PATIENCE
        while message := self.next(max(0.0, deadline - time.monotonic())):
            if word in message.lines:
                return message
        raise AssertionError(f"waited {PATIENCE} s in vain for {word}")

    def clear(self) -> None:
        """Hear what has come until now."""
        while self.next(0):
            pass

    def close(self) -> None:
        self._socket.close()


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze; skips the test where there is none."""
    program = shutil.which("systemd-analyze")
    if not program:
        pytest.skip("there is no systemd-analyze: on Debian and Ubuntu, apt-get install systemd")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


class Line(NamedTuple):
    """One setting of the unit with the comment right above it, empty where there is none."""

    key: str
    value: str
    comment: str


def settings(unit: Path = UNIT) -> Iterator[Line]:
    """The unit's settings of the service, in their order."""
    comment = ""
    _, _, section = unit.read_text().partition("[Service]\n")
    for line in section.partition("[Install]\n")[0].splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            yield Line(match[1], match[2], comment)
            comment = ""
        else:
            comment = f"{comment} {line.removeprefix('#').strip()}" if line.startswith("#") else ""


def allowed_calls() -> set[str]:
    """The system calls that the unit's filter lets through, by name; systemd.exec(5) says how its lines add up."""
    allowed: set[str] = set()
    for line in settings():
        if line.key == "SystemCallFilter":
            named = {call for name in line.value.removeprefix("~").split() for call in _expanded(name)}
            allowed = allowed - named if line.value.startswith("~") else allowed | named
    return allowed


def _expanded(name: str) -> Iterator[str]:
    """The calls of a group, with those of the groups in it; or the call itself."""
    if not name.startswith("@"):
        yield name
        return
    for line in analyze("syscall-filter", name).stdout.splitlines()[1:]:
        if line.strip() and not line.strip().startswith("#"):
            yield from _expanded(line.strip())
