"""Drives the real service process for tests: writes its configuration, starts, kills, waits for conditions."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from facewarden.values import Pixels

PATIENCE = 45.0
"""Seconds until a condition that does not come true fails the test; a loaded machine is slow."""


def wait_until(condition: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait for a condition by looking again and again; returns what it returned."""
    deadline = time.monotonic() + patience
    while not (result := condition()):
        assert time.monotonic() < deadline, f"waited {patience} s in vain: {what}"
        select.select([], [], [], 0.02)
    return result


def pixels_of(file: Path) -> Pixels:
    """A picture file's first frame, decoded completely."""
    with Image.open(file) as image:
        return np.array(image)


class Daemon:
    """One inbox `photos` in `folder`, and the service on it when it was started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox, self.outbox = folder / "inbox", folder / "outbox"
        self.quarantine, self.hold, self.archive = (
            folder / f"inbox-{role}" for role in ("quarantine", "hold", "archive")
        )
        self.file = folder / "facewarden.yaml"
        self.inbox.mkdir()
        self.outbox.mkdir()
        self.process: subprocess.Popen[bytes] | None = None
        self.log: list[str] = []
        self.environment: dict[str, str] = {}
        """Variables that the service is given besides the tests' own."""
        self.launcher: list[str] = []
        """A command that starts the service as its last act, given the service's own command."""
        self.module = "facewarden"
        """What Python runs: the program itself, or a test's way into it."""
        self.configure()

    def configure(self, top: dict[str, Any] | None = None, **profile: Any) -> None:
        """Write the configuration: fast settling, one worker for all, no CenterFace for speed, and whatever is given."""
        fast = {"settle": 0.2, "scan_every": 0.5, "detect": {"centerface": None, "smallest_face": 40}}
        settings = fast | {"worker_for": "inbox"} | profile
        inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"}
        whole = {"state": "state", "workers": 1, "defaults": settings, "inboxes": [inbox]} | (top or {})
        self.file.write_text(yaml.safe_dump(whole))

    def start(self) -> None:
        """Start `facewarden run` and wait until it has taken its inboxes."""
        self.spawn()
        wait_until(lambda: self.told("started") or self.exited(), "the service starts")
        assert self.told("started"), self.log

    def spawn(self, command: str = "run") -> subprocess.Popen[bytes]:
        """Start a command on this configuration without waiting; its log is collected line by line."""
        self.log = []
        environment = os.environ | self.environment
        arguments = self.command(command)
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        threading.Thread(target=self._collect, args=(self.process, self.log), daemon=True).start()
        return self.process

    def command(self, name: str) -> list[str]:
        """The command line that runs a command on this configuration."""
        return [*self.launcher, sys.executable, "-m", self.module, name, "-c", str(self.file)]

    def once(self) -> int:
        """Run `facewarden once` to its end; returns its exit code."""
        process = self.spawn("once")
        code = process.wait(PATIENCE * 3)
        wait_until(lambda: process.stderr is None or process.stderr.closed, "its log is read to the end")
        return code

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)

    def exited(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def told(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one event so far."""
        entries = [json.loads(line) for line in list(self.log) if line.startswith("{")]
        return [entry for entry in entries if entry["event"] == event]

    def results(self) -> list[Path]:
        """Files that are visible in the outbox, as a person or a program would list them."""
        return sorted(path for path in self.outbox.rglob("*") if path.is_file())

    def drop(self, name: str, data: bytes) -> Path:
        """Put a file into the inbox, complete at once."""
        target = self.inbox / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    @staticmethod
    def _collect(process: subprocess.Popen[bytes], log: list[str]) -> None:
        assert process.stderr
        with process.stderr:
            for line in process.stderr:
                log.append(line.decode().rstrip())  # noqa: PERF401 - each line must be seen as it comes
