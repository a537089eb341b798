"""Part h: what each command beside the service costs with few and with very many rows in the journal.

Each journal is a real one: the service had its inbox once, refused a file and held a photo; then rows of the past were added.
`reconcile` is left out: it is there to look at every row. So is `check`, which proves the whole journal, as a start does.
"""

from __future__ import annotations

import resource
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from tests.bench.old_files import rows_of_the_past, write_rows
from tests.bench.table import Given, Line, progress
from tests.daemon import Daemon

ROWS = (1, 200_000, 1_000_000)
TIMES = 9
MORE_SECONDS = 0.05
COMMANDS = {
    "explain, an original": ["explain", "inbox/0.jpg"],
    "explain, a result": ["explain", "outbox/0.jpg"],
    "find by an id that is unknown: retry": ["retry", "0123456789abcdef"],
    "find by an id that is unknown: release": ["release", "0123456789abcdef"],
    "report": ["report", "--json"],
    "forget": ["forget"],
    "status, stopped": ["status", "--json"],
}
ONCE = {"retry": ["retry", "--all"], "release": ["release", "inbox-hold/nobody.png"]}
"""What can be done one time only."""


def measure(given: Given) -> Iterator[Line]:
    """Every command on each journal in turn, then the status beside a service that runs."""
    rows = (1, 500) if given.short else ROWS
    times = 1 if given.short else TIMES
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        services = [_worked(Path(folder), count) for count in rows]
        for name, command in COMMANDS.items():
            yield _line(name, rows, _fastest(services, command, times))
        for name, command in ONCE.items():
            yield _line(name, rows, _fastest(services, command, 1), goal=False)
        yield _line("status, running", rows, _beside_running(services, times))


def _worked(folder: Path, rows: int) -> Daemon:
    progress(f"   writing {rows} rows")
    (folder / str(rows)).mkdir()
    service = Daemon(folder / str(rows))
    service.configure(without_face="hold", originals="archive")
    service.drop("words.jpg", b"words" * 20)
    Image.new("RGB", (200, 160), "grey").save(service.inbox / "nobody.png")
    service.once()
    write_rows(service.folder / "state", rows_of_the_past("photos", rows))
    return service


def _fastest(services: list[Daemon], command: list[str], times: int) -> list[float]:
    """Processor seconds of the fastest of several processes on each journal, in turns: what else the machine does only adds."""
    took: list[list[float]] = [[] for _ in services]
    for _ in range(times):
        for service, seconds in zip(services, took, strict=True):
            name, *more = (str(service.folder / word) if "/" in word else word for word in command)
            begin = _processor()
            ended = subprocess.run([*service.command(name), *more], capture_output=True, text=True, check=False)
            seconds.append(_processor() - begin)
            assert "Traceback" not in ended.stderr, ended.stderr
    return [min(seconds) for seconds in took]


def _processor() -> float:
    """Processor seconds of all processes so far that this one started and saw end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _beside_running(services: list[Daemon], times: int) -> list[float]:
    try:
        for service in services:
            service.start()
        return _fastest(services, COMMANDS["status, stopped"], times)
    finally:
        for service in services:
            service.kill()


def _line(name: str, rows: tuple[int, ...], took: list[float], *, goal: bool = True) -> Line:
    few, *many = took
    figures = ", ".join(f"{count} rows {seconds:.3f} s" for count, seconds in zip(rows[1:], many, strict=True))
    said = f"<= {MORE_SECONDS * 1000:.0f} ms more" if goal else ""
    return Line(
        f"command: {name}",
        figures,
        f"{rows[0]} row {few:.3f} s",
        goal=said,
        met=max(many) - few <= MORE_SECONDS if goal else None,
    )
