"""Part f: what grows: memory with photos, a start with the journal's rows, a scan with the files in the folder."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.idle import configure_as_shipped
from tests.bench.old_files import keep_files, rows_of_the_past, write_rows
from tests.bench.processes import children_of, processor_seconds, resident, wait_calm
from tests.bench.table import Given, Line, median, progress
from tests.daemon import Daemon, wait_until
from tests.faults.harness import Ledger
from tests.rooms import inbox_in

from facewarden.intake.inbox import Inbox
from facewarden.journal import Journal
from facewarden.values import Recipe

STEP, STEPS = 500, 6
"""Photos between two looks at the memory, and how many looks."""
FLAT = 1.05
ROWS = 1_000_000
START_SECONDS = 2.0
STARTS = 3
FILES = (1_000, 10_000, 100_000)
PATIENCE = 600.0


def measure(given: Given) -> Iterator[Line]:
    """Memory, then starts, then scans, each in a folder of its own."""
    with _folder(given) as folder:
        yield from _memory(folder, *((20, 2) if given.short else (STEP, STEPS)))
    with _folder(given) as folder:
        yield from _starts(folder, *((20_000, 1) if given.short else (ROWS, STARTS)))
    for files in FILES[:1] if given.short else FILES:
        with _folder(given) as folder:
            yield _scan(folder, files)


@contextlib.contextmanager
def _folder(given: Given) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        yield Path(folder)


def _memory(folder: Path, step: int, steps: int) -> Iterator[Line]:
    """Resident memory of the service at each look, and the most that its one worker had until then since the last."""
    service = Daemon(folder)
    configure_as_shipped(service, ["inbox"], {"workers": 1})
    (folder / "inbox-out").mkdir()
    ledger, seen = Ledger(folder / "inbox-out"), []
    try:
        service.start()
        for look in range(1, steps + 1):
            progress(f"   memory over photos {look * step}")
            for number in range((look - 1) * step, look * step):
                ledger.drop(service.inbox, number)
            seen.append(_look(service, look * step))
            yield Line(
                f"memory after {look * step} photos", _megabytes(seen[-1][0]), f"worker {_megabytes(seen[-1][1])}"
            )
        assert service.stop() == 0, service.log
    finally:
        service.kill()
    for name, sizes in zip(("service", "worker"), zip(*seen, strict=True), strict=True):
        growth = max(sizes[1:]) / sizes[0]
        text = f"memory of the {name}, most of all looks"
        yield Line(
            text, _megabytes(max(sizes)), f"the first {_megabytes(sizes[0])}", growth, f"<= {FLAT}", growth <= FLAT
        )


def _look(service: Daemon, photos: int) -> tuple[int, int]:
    """Wait for so many outcomes; the service's memory then, and the most of its worker meanwhile."""
    assert service.process
    pid, most = service.process.pid, 0

    def done() -> bool:
        nonlocal most
        most = max([most, *map(resident, children_of(pid))])
        return sum('"event": "job"' in line for line in service.log) >= photos

    wait_until(done, "the photos are done", PATIENCE)
    jobs = service.told("job")
    assert {job["outcome"] for job in jobs} == {"published"}, "a photo was not delivered"
    return resident(pid), most


def _starts(folder: Path, rows: int, times: int) -> Iterator[Line]:
    """From the process's start to its word that it has started, with an empty journal and a full one in turn."""
    services = {}
    for name, count in (("empty", 0), ("full", rows)):
        (folder / name).mkdir()
        services[name] = Daemon(folder / name)
        configure_as_shipped(services[name], ["inbox"])
        (folder / name / "inbox-out").mkdir()
        progress(f"   writing {count} rows")
        write_rows(folder / name / "state", rows_of_the_past("inbox", count))
    took: dict[str, list[tuple[float, float, float]]] = {name: [] for name in services}
    for _ in range(times):
        for name, service in services.items():
            progress(f"   start, {name} journal")
            took[name].append(_start(service))
    empty, full = ([median(list(part)) for part in zip(*took[name], strict=True)] for name in ("empty", "full"))
    due = full[0] - empty[0]
    text = f"start with {rows} rows"
    yield Line(
        text,
        f"{full[0]:.2f} s",
        f"empty journal {empty[0]:.2f} s",
        goal=f"< {START_SECONDS:.0f} s",
        met=full[0] < START_SECONDS,
    )
    yield Line(
        "of which the rows", f"{max(due, 0.0):.2f} s", f"opening the journal {full[1]:.2f} s, empty {empty[1]:.3f} s"
    )
    yield Line(
        f"processor time until calm, {rows} rows",
        f"{full[2]:.2f} s",
        f"empty journal {empty[2]:.2f} s",
        full[2] / empty[2],
    )


def _start(service: Daemon) -> tuple[float, float, float]:
    """Seconds of one start, of opening its journal alone, and processor seconds of the service until it is calm."""
    opening = time.monotonic()
    Journal(service.folder / "state").close()
    opening = time.monotonic() - opening
    begin = time.monotonic()
    try:
        service.start()
        took = time.monotonic() - begin
        assert service.process
        wait_until(lambda: service.told("forgotten"), "the work of the start is done", PATIENCE)
        wait_calm(service.process.pid, 0.5)
        cpu = processor_seconds(service.process.pid)
        assert service.stop() == 0, service.log
    finally:
        service.kill()
    return took, opening, cpu


def _scan(folder: Path, files: int) -> Line:
    """Processor time of one scan of kept originals, in this process: of a first one, and of one like all that follow."""
    settings = inbox_in(folder)
    progress(f"   scan of {files} files")
    keep_files(folder / "state", [(settings.name, settings.path)], files)
    with contextlib.closing(Journal(folder / "state")) as journal:
        inbox = Inbox(settings, Recipe({}), "poll", journal.finished, journal.amended)
        first, *later = [_cpu_of_scan(inbox, now) for now in (0.0, 30.0, 60.0, 90.0)]
        inbox.root.close()
    assert inbox.walked == 4 * files
    assert not inbox.waiting, "an old file was taken for a new one"
    return Line(f"scan of {files} kept originals", f"{median(later):.4f} s", f"the first after a start {first:.3f} s")


def _cpu_of_scan(inbox: Inbox, now: float) -> float:
    begin = time.thread_time()
    inbox.scan(now)
    return time.thread_time() - begin


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.1f} MB"
