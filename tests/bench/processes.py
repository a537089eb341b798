"""What a process and its children cost, from outside: processor time, wake-ups and memory, as the kernel counts them."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterable
from pathlib import Path

from tests.daemon import wait_until

CALM = 0.1
"""Share of a core below which a service that has just started counts as calm."""
PATIENCE = 300.0


@dataclasses.dataclass(frozen=True, slots=True)
class Cost:
    """What some processes took in a span of time: processor seconds, and how often they were woken."""

    seconds: float
    cpu: float
    wakes: int

    @property
    def core(self) -> float:
        """Per cent of one core."""
        return 100 * self.cpu / self.seconds

    @property
    def wakes_a_minute(self) -> float:
        return 60 * self.wakes / self.seconds


def children_of(pid: int) -> list[int]:
    """Its living children, whichever of its threads started them."""
    told = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
        told = [_read(task / "children") for task in Path(f"/proc/{pid}/task").iterdir()]
    return sorted(int(child) for line in told for child in line.split())


def processor_seconds(pid: int) -> float:
    """Of a process so far, its ended threads included; 0 where it has gone (clock_getcpuclockid(3))."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def resident(pid: int) -> int:
    """Resident memory in bytes; 0 where the process has gone."""
    return _number(_read(Path(f"/proc/{pid}/status")), "VmRSS:") << 10


def costs_over(groups: Iterable[Iterable[int]], seconds: float) -> list[Cost]:
    """What each group of processes takes from now on, for so long."""
    pids = [list(group) for group in groups]
    begin, before = time.monotonic(), [_spent(group) for group in pids]
    wait_until(lambda: time.monotonic() - begin >= seconds, "the time is over", seconds + 60)
    took, after = time.monotonic() - begin, [_spent(group) for group in pids]
    return [
        Cost(took, now[0] - then[0], sum(count - then[1].get(task, 0) for task, count in now[1].items()))
        for then, now in zip(before, after, strict=True)
    ]


def wait_calm(pid: int, seconds: float) -> None:
    """Until a process has done nearly nothing for a span of time: what it had to do at its start is done."""
    wait_until(lambda: costs_over([[pid]], seconds)[0].cpu < CALM * seconds, "the service is calm", PATIENCE)


def _spent(pids: Iterable[int]) -> tuple[float, dict[Path, int]]:
    """Processor seconds, and how often each thread went to sleep of its own will, and so was woken (proc_pid_status(5))."""
    tasks = [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]
    wakes = {task: _number(_read(task / "status"), "voluntary_ctxt_switches:") for task in tasks}
    return sum(map(processor_seconds, pids)), wakes


def _number(text: str, name: str) -> int:
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith(name)), 0)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (FileNotFoundError, ProcessLookupError):  # that thread has just ended
        return ""
