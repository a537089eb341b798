"""The most memory that a process and its children had resident, looked at from outside while they run."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Self

from tests.bench.processes import children_of

EVERY = 0.1
"""Seconds between two looks. The kernel keeps the peak, so only what grows in a process's last moment is missed; and what
the looks cost is the same for all that are compared."""


class Peaks:
    """Looks until left. In bytes: `own` of the process itself, `child` of the largest of its children.

    Not by wait4(2): there a process counts the memory of the one that started it, as it was in between.
    """

    def __init__(self, pid: int) -> None:
        self.own = self.child = 0
        self._pid = pid
        self._ended = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._looking.join()

    def _look(self) -> None:
        while not self._ended.wait(EVERY):
            self.own = max(self.own, most_resident(self._pid))
            self.child = max([self.child, *map(most_resident, children_of(self._pid))])


def most_resident(pid: int) -> int:
    """Of a process so far; 0 where it has gone (VmHWM, proc_pid_status(5))."""
    try:
        told = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(told.partition("VmHWM:")[2].split()[0]) << 10 if "VmHWM:" in told else 0
