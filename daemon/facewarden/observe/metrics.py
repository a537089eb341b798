"""Metrics: counters and gauges for Prometheus, in a text file for node exporter's textfile collector. Off by default.

A listener on the lines that are logged, so that nothing can be told here that a line could not hold: labels are an
inbox's configured name, an outcome, a stage or a reason. Names and units follow Prometheus' conventions; counters begin
with the process.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

import structlog

from facewarden import __version__
from facewarden.intake.inbox import Inbox
from facewarden.observe.status import Status, write_private

log = structlog.get_logger()

EVERY = 15.0
"""Seconds between two writings, as often as Prometheus asks by default or more."""

STAGES = ("wait", "decode", "detect", "redact", "encode", "publish", "preview")

HELP = {
    "photos_total": ("counter", "Photos that ended, by outcome."),
    "quarantined_photos_total": ("counter", "Photos that ended in quarantine, by reason."),
    "hidden_regions_total": ("counter", "Areas hidden in photos."),
    "stage_seconds_total": ("counter", "Seconds that photos spent in each stage."),
    "worker_deaths_total": ("counter", "Workers that died over a photo, by reason."),
    "waiting_photos": ("gauge", "Files seen that wait."),
    "running_photos": ("gauge", "Photos under way."),
    "oldest_waiting_seconds": ("gauge", "Time since the file that waits longest was first seen."),
    "inbox_failing": ("gauge", "1 where an inbox or one of its folders is out of reach."),
    "workers": ("gauge", "Living worker processes."),
    "recall_passed": ("gauge", "1 where the last search of drawn faces found all of them."),
    "written_timestamp_seconds": ("gauge", "When this file was written."),
    "build_info": ("gauge", "Version of facewarden."),
}

Labels = tuple[tuple[str, str], ...]


class Metrics:
    """`hear` may be called by any thread, `beat` by the loop's."""

    def __init__(self, file: Path, inboxes: Collection[Inbox], status: Status) -> None:
        self._file, self._inboxes, self._status = file, inboxes, status
        self._guard = threading.Lock()
        self._counts: dict[tuple[str, Labels], float] = defaultdict(float)
        self.due = 0.0
        """When `beat` has something to do."""
        self._failing = False
        for inbox in inboxes:
            for outcome in ("published", "held", "quarantined"):
                self._counts["photos_total", _labels(inbox=inbox.name, outcome=outcome)] = 0

    def hear(self, entry: structlog.typing.EventDict) -> None:
        """Count what a line of the log tells, if it is of one of our inboxes: no other word becomes a label."""
        with self._guard:
            if entry.get("event") == "worker_died":
                self._counts["worker_deaths_total", _labels(reason=entry.get("reason_name", ""))] += 1
            if entry.get("event") != "job" or "outcome" not in entry:
                return
            inbox = str(entry.get("inbox"))
            if not any(inbox == known.name for known in self._inboxes):
                return
            self._counts["photos_total", _labels(inbox=inbox, outcome=entry["outcome"])] += 1
            if "reason_name" in entry:
                labels = _labels(inbox=inbox, reason=entry["reason_name"])
                self._counts["quarantined_photos_total", labels] += 1
            self._counts["hidden_regions_total", _labels(inbox=inbox)] += int(entry.get("regions", 0))
            for stage in STAGES:
                if f"{stage}_s" in entry:
                    self._counts["stage_seconds_total", _labels(stage=stage)] += float(entry[f"{stage}_s"])

    def beat(self, now: float) -> None:
        """Write, if it is time."""
        if now >= self.due:
            self.due = now + EVERY
            self.write(now)

    def write(self, now: float) -> None:
        """A folder that is full or away is told once and stops nothing."""
        try:
            # For the node exporter, which is another user.
            write_private(self._file, self.text(now).encode(), 0o644)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("metrics_not_written", error=error.errno or 0)
            self._failing = True

    def text(self, now: float) -> str:
        """All of it in Prometheus' text format, each family with its help and type."""
        with self._guard:
            samples = [(name, labels, value) for (name, labels), value in self._counts.items()]
        samples += self._gauges(now)
        lines = []
        for family, (kind, said) in HELP.items():
            lines += [f"# HELP facewarden_{family} {said}", f"# TYPE facewarden_{family} {kind}"]
            for name, labels, value in samples:
                if name == family:
                    inner = ",".join(f'{key}="{word}"' for key, word in labels)
                    lines.append(
                        f"facewarden_{name}{{{inner}}} {float(value)!r}"
                        if inner
                        else f"facewarden_{name} {float(value)!r}"
                    )
        return "\n".join(lines) + "\n"

    def _gauges(self, now: float) -> Iterator[tuple[str, Labels, float]]:
        for inbox in self._inboxes:
            labels, oldest = _labels(inbox=inbox.name), inbox.oldest
            yield "waiting_photos", labels, inbox.waiting
            yield "running_photos", labels, inbox.running
            yield "oldest_waiting_seconds", labels, 0 if oldest is None else now - oldest
            yield "inbox_failing", labels, inbox.failing
        yield "workers", (), self._status.alive
        if self._status.recall:
            yield "recall_passed", (), self._status.recall["passed"]
        yield "written_timestamp_seconds", (), time.time()
        yield "build_info", _labels(version=__version__), 1


def _labels(**given: str) -> Labels:
    return tuple(given.items())
