"""Part e: what the service costs while nothing happens: the real process with its workers, as it is shipped.

Inboxes are empty, or hold originals that had their result and are kept. Once the work of a start is done, processor time and
wake-ups of the service and of its workers are counted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.old_files import keep_files
from tests.bench.processes import Cost, children_of, costs_over, wait_calm
from tests.bench.table import Given, Line, progress
from tests.daemon import Daemon, wait_until

WINDOW, SHORT_WINDOW = 60.0, 3.0
"""Seconds that are watched: two scans fall into the long one."""
GOAL = 0.2
"""Per cent of a core with ten empty inboxes and events."""

Case = tuple[int, int, tuple[str, ...]]
LONG: list[Case] = [(inboxes, old, ("events", "poll")) for inboxes in (1, 10, 100) for old in (0, 100_000)]
SHORT: list[Case] = [(1, 0, ("events",)), (10, 2_000, ("poll",))]
"""How many inboxes, how many old files in all of them together, and how they are watched."""


def measure(given: Given) -> Iterator[Line]:
    """One line for each number of inboxes, of old files, and each way of watching."""
    for inboxes, old, ways in SHORT if given.short else LONG:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            service = Daemon(Path(folder))
            names = _furnish(service, inboxes, old)
            for way in ways:
                progress(f"   {inboxes} inboxes, {way}, {old} old files")
                yield _line(inboxes, way, old, *_watched(service, names, way, SHORT_WINDOW if given.short else WINDOW))


def _furnish(service: Daemon, inboxes: int, old: int) -> list[str]:
    names = [f"inbox{number}" for number in range(inboxes)]
    for name in names:
        (service.folder / name).mkdir()
        (service.folder / f"{name}-out").mkdir()
    keep_files(service.folder / "state", [(name, service.folder / name) for name in names], old)
    return names


def _watched(service: Daemon, names: list[str], way: str, window: float) -> list[Cost]:
    """What all processes took, and the workers alone, after the work of the start was done."""
    configure_as_shipped(service, names, watch=way)
    try:
        service.start()
        assert service.process
        pid = service.process.pid
        wait_until(lambda: service.told("forgotten"), "the work of the start is done", 120)
        wait_calm(pid, window / 6)
        workers = children_of(pid)
        costs = costs_over([[pid, *workers], workers], window)
        assert not service.told("job"), "an old file was taken for a new one"
        assert service.stop() == 0, service.log
    finally:
        service.kill()
    return costs


def configure_as_shipped(service: Daemon, names: list[str], top: dict[str, Any] | None = None, **profile: Any) -> None:
    """Inboxes of these names, and the defaults in all that is not named."""
    inboxes = [{"name": name, "path": name, "outbox": f"{name}-out"} for name in names]
    service.configure({"workers": "auto", "inboxes": inboxes, "defaults": profile} | (top or {}))


def _line(inboxes: int, way: str, old: int, every: Cost, workers: Cost) -> Line:
    goal = inboxes == 10 and way == "events" and not old
    return Line(
        f"idle: {inboxes} inboxes, {way}, {old} old files",
        f"{every.core:.3f} % of a core, {every.wakes_a_minute:.0f} wake-ups a minute",
        f"of which workers {workers.core:.3f} %, {workers.wakes_a_minute:.0f}",
        goal=f"< {GOAL} % of a core" if goal else "",
        met=every.core < GOAL if goal else None,
    )
