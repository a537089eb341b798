"""The fault harness: the real `facewarden run` on real folders, stopped and killed at named points, and its accounts checked.

Points are named to `tests.faults.entry`, which says how it stops the service there without a switch in the product. What
must hold whatever happened is in `Ledger`: each original is accounted for exactly once, each file of an outbox is complete
and redacted and holds none of an original's coded data, no temp file stays, and `facewarden reconcile` agrees.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from tests.daemon import PATIENCE, Daemon, pixels_of, wait_until
from tests.portraits import FACE, SIDE, STRIP, portrait, portrait_pixels

from facewarden.values import Pixels

WINDOW = 24
"""Bytes of coded data that are looked for as one piece; by chance so many are never the same."""


class Harness(Daemon):
    """A daemon that can be stopped and killed at named points."""

    @classmethod
    def beside(cls, first: Harness, name: str, state: str | None = None) -> Harness:
        """A second service on the same inbox, with an outbox and, if no other is named, a state folder of its own."""
        second = cls.__new__(cls)
        second.__dict__ |= first.__dict__ | {"process": None, "log": [], "file": first.folder / f"{name}.yaml"}
        (first.folder / f"{name}-outbox").mkdir()
        inbox = {"name": "photos", "path": "inbox", "outbox": f"{name}-outbox"}
        second.configure({"state": state or f"{name}-state", "inboxes": [inbox]})
        return second

    def start_at(self, point: str, act: str = "kill") -> None:
        """Start the service with a point set; whether it is reached is the caller's to wait for."""
        self.module = "tests.faults.entry"
        self.environment |= {"FAULT_POINT": point, "FAULT_ACT": act}
        try:
            self.spawn()
        finally:
            self.module = "facewarden"
            del self.environment["FAULT_POINT"], self.environment["FAULT_ACT"]

    def wait_killed(self) -> None:
        """Until the point is reached, and the process has died of it and of nothing else."""
        wait_until(self.exited, "the service reaches the point")
        assert self.process
        assert self.process.returncode == -signal.SIGKILL, self.log

    def wait_stopped(self) -> None:
        """Until the point is reached, and all of the process stands."""
        wait_until(lambda: self.state() == "T", "the service reaches the point")

    def go_on(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGCONT)

    def state(self) -> str:
        """One letter as in proc_pid_stat(5): R, S, D, T or Z."""
        assert self.process
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def watches(self) -> bool:
        """Whether it hears of what happens in a folder (proc_pid_fdinfo(5), inotify)."""
        assert self.process
        for file in Path(f"/proc/{self.process.pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                if "inotify wd:" in file.read_text():
                    return True
        return False

    def peak(self) -> int:
        """The most resident memory that the service itself had so far, in bytes, without its workers."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) << 10

    def reconcile(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `facewarden reconcile` on this configuration."""
        return self.tell("reconcile", *arguments)

    def tell(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command beside the service on this configuration."""
        whole = [sys.executable, "-m", "facewarden", command, *arguments, "-c", str(self.file)]
        return subprocess.run(whole, capture_output=True, text=True, check=False)

    def owed(self) -> int:
        """How many originals `status` says are still to be archived or deleted."""
        (inbox,) = json.loads(self.tell("status", "--json").stdout)["inboxes"]
        return int(inbox["owed"])

    def reconciled(self, count: int) -> None:
        """The accounts agree, and so many photos are in them."""
        told = self.reconcile("--json")
        assert told.returncode == 0, told.stdout + told.stderr
        assert sum(row["in"] for row in json.loads(told.stdout)["inboxes"]) == count

    def ended(self, count: int) -> bool:
        """Whether so many jobs have ended in this run."""
        return len(self.told("job")) + len(self.told("job_recovered")) >= count


@dataclasses.dataclass
class Ledger:
    """Which portrait was dropped under which name, and what must have become of each."""

    outbox: Path
    elsewhere: tuple[Path, ...] = ()
    """Folders beside the outbox in which no temp file may stay."""
    dropped: dict[str, int] = dataclasses.field(default_factory=dict)

    def drop(self, inbox: Path, number: int) -> str:
        """Put a portrait into an inbox as a program that writes to a temp name and renames does; returns its name."""
        name = f"photo-{number}.jpg"
        (inbox / f"{name}.part").write_bytes(portrait(number))
        (inbox / f"{name}.part").rename(inbox / name)
        self.dropped[name] = number
        return name

    def check_results(self) -> set[str]:
        """Every visible result is whole, redacted and of one drop; returns their names. True at any moment, also after a kill."""
        visible = {path.name: path for path in self.outbox.rglob("*") if path.is_file() and path.name[0] != "."}
        assert set(visible) <= set(self.dropped), "a result that nobody dropped, or a second one"
        for name, path in visible.items():
            check_redacted(path, self.dropped[name])
        return set(visible)

    def check_all_delivered(self) -> None:
        """Nothing lost, nothing twice, no temp file."""
        assert self.check_results() == set(self.dropped)
        for folder in (self.outbox, *self.elsewhere):
            assert not list(folder.rglob(".facewarden-*")), "a temp file stayed"


def check_redacted(path: Path, number: int) -> None:
    """A result of this portrait: complete, its face hidden, the rest the same, and none of the original's coded data in it."""
    check_pixels(pixels_of(path), number)
    coded, data = coded_data(portrait(number)), path.read_bytes()
    assert not any(coded[start : start + WINDOW] in data for start in range(0, len(coded) - WINDOW, WINDOW))


def check_pixels(result: Pixels, number: int) -> None:
    """This portrait's pixels: complete, the face hidden, the rest the same."""
    assert result.shape == (SIDE, SIDE, 3)
    change = np.abs(portrait_pixels(number).astype(np.int16) - result.astype(np.int16))
    assert change[FACE].mean() > 25, "the face is there"
    assert change[STRIP].mean() < 12, "it is another photo"


def coded_data(jpeg: bytes) -> bytes:
    """The entropy-coded part of a JPEG file: what follows its start of scan (ITU-T T.81, B.2.3)."""
    start = jpeg.index(b"\xff\xda")
    return jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") : -2]


def write_slowly(path: Path, data: bytes, pieces: int, pause: float) -> float:
    """Write a file in place in bursts, on a clock of its own; returns when the last was written (monotonic)."""
    size = -(-len(data) // pieces)
    with path.open("wb", buffering=0) as file:
        for start in range(0, len(data), size):
            file.write(data[start : start + size])
            if start + size < len(data):
                select.select([], [], [], pause)
    return time.monotonic()


def mounted(command: list[str], folder: Path) -> None:
    """Run a command that mounts, and wait until something is mounted at this folder."""
    subprocess.run(command, check=True, capture_output=True)
    wait_until(lambda: os.path.ismount(folder), "the file system is mounted", PATIENCE)
