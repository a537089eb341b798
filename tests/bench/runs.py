"""One run from folder to folder by the real `facewarden once`: when each photo's end stood, and what it all cost."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.originals import Original, write
from tests.bench.peaks import Peaks
from tests.bench.processes import children_of, processor_seconds
from tests.daemon import Daemon

from facewarden.errors import FACE_REMAINS


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """A photo's end: when, and the processor seconds that the service and its workers had taken by then."""

    time: float
    service: float = 0.0
    workers: float = 0.0
    told: dict[str, Any] = dataclasses.field(default_factory=dict)
    """Its line of the log."""


@dataclasses.dataclass(frozen=True, slots=True)
class Run:
    """Times in seconds."""

    ends: list[End]
    seconds: float
    """From the start of the process to its end."""
    processor: float
    """Of the process and all its children, start-up included."""
    peaks: Peaks

    def steady(self, skipped: int) -> tuple[End, End, int]:
        """The end of the first photo that counts, that of the last, and how many photos lie between.

        So many are left out at the beginning and as many at the end, so that the same number is under way at both.
        """
        inner = self.ends[skipped - 1 : len(self.ends) - skipped]
        assert len(inner) > 1, "too few photos to leave some out"
        return inner[0], inner[-1], len(inner) - 1

    def rate(self, skipped: int) -> float:
        """Photos a second without start-up and end."""
        first, last, count = self.steady(skipped)
        return count / (last.time - first.time)


def once(folder: Path, originals: Sequence[Original], workers: int | None = None, **profile: Any) -> Run:
    """Work them off with the defaults in all that is not given; `workers` None: as many as it chooses."""
    folder.mkdir()
    service = Daemon(folder)
    service.configure({"workers": workers or "auto", "defaults": profile})
    write(originals, service.inbox)
    begin = time.monotonic()
    process = subprocess.Popen(service.command("once"), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with Peaks(process.pid) as peaks:
            ends = _followed(process)
    except BaseException:
        process.kill()
        process.wait()
        raise
    usage, seconds = collected(process), time.monotonic() - begin
    failed = [end.told for end in ends if not _treated(end.told)]
    if failed or len(ends) != len(originals):
        raise RuntimeError(f"{len(ends)} of {len(originals)} photos came to an end, and these not well: {failed}")
    return Run(ends, seconds, usage.ru_utime + usage.ru_stime, peaks)


def collected(process: subprocess.Popen[bytes]) -> Any:
    """Wait for a process; returns what it and its children used (getrusage(2))."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _followed(process: subprocess.Popen[bytes]) -> list[End]:
    """Each photo's end as the log tells it."""
    ends: list[End] = []
    workers: list[int] = []
    assert process.stderr
    with process.stderr:
        for line in process.stderr:
            now = time.monotonic()
            if not line.startswith(b"{"):
                continue  # the sum of it all, for people
            entry = json.loads(line)
            if entry["event"] == "started":
                workers = children_of(process.pid)
            elif entry["event"] == "job":
                spent = processor_seconds(process.pid), sum(map(processor_seconds, workers))
                ends.append(End(now, *spent, entry))
    return ends


def _treated(told: dict[str, Any]) -> bool:
    """Whether all the work was done on it: one in which a face remains counts as well."""
    return told["outcome"] == "published" or told.get("reason") == FACE_REMAINS.number
