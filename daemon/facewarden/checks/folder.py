"""Folder: whether a folder can serve as an inbox or outbox, and how it is to be watched.

Tried on the folder itself, in a hidden subfolder that is gone afterwards. Whether events of other machines arrive over
a network cannot be tried from here: there the type of the file system decides, as it does for `watch: auto`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from facewarden import files
from facewarden.files.newfile import new_file
from facewarden.intake.watch import Watch, way_of

PATIENCE = 3.0
"""Seconds in which an event must arrive."""

ROOM = 1 << 30
"""Bytes of free space under which a warning is given."""

WATCHES = 10_000
"""Watches that a user should be allowed at least: a subfolder takes one."""


@dataclasses.dataclass(frozen=True, slots=True)
class Probe:
    """What one trial found. `fault`: the folder cannot serve for that at all."""

    kind: Literal["fine", "warning", "fault"]
    what: str
    found: str


@dataclasses.dataclass(frozen=True, slots=True)
class Advice:
    """The keys to write for an inbox on this folder."""

    watch: Literal["events", "poll"]
    settle: float
    scan_every: float


def probe(folder: Path) -> Iterator[Probe]:
    """Each trial in turn; after one that nothing can go on without, the rest is left out."""
    if not folder.is_dir():
        yield Probe("fault", "folder", "is missing, or is not a folder")
        return
    if not os.access(folder, os.R_OK | os.X_OK, effective_ids=True):
        yield Probe("fault", "rights", "may not be read: give the service the right")
        return
    yield _limits()
    room = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield _space(room)
        name = f".facewarden-probe-{secrets.token_hex(4)}"
        try:
            os.mkdir(name, 0o700, dir_fd=room)
        except OSError as error:
            yield Probe(
                "warning",
                "rights",
                f"may be read, not written ({os.strerror(error.errno or 0)}): good for originals: keep alone, no outbox",
            )
            return
        yield Probe("fine", "rights", "may be read and written")
        try:
            yield from _trials(folder / name)
        finally:
            shutil.rmtree(folder / name, ignore_errors=True)
    finally:
        os.close(room)


def advise(found: list[Probe]) -> Advice:
    """What the trials mean for the configuration of an inbox."""
    kinds = {probe.what: probe.kind for probe in found}
    way: Literal["events", "poll"] = "poll" if kinds.get("events") == "warning" else "events"
    # Coarse timestamps hide a change that follows within their step.
    coarse = kinds.get("timestamps") == "warning"
    return Advice(way, (5.0 if coarse else 2.0) if way == "events" else 10.0, 30.0 if way == "events" else 5.0)


def _trials(room: Path) -> Iterator[Probe]:
    trials: tuple[Callable[[Path], Probe], ...] = (_events, _rename, _unnamed, _locks, _timestamps, _case, _durable)
    for trial in trials:
        try:
            yield trial(room)
        except OSError as error:
            yield Probe("warning", trial.__name__.strip("_"), f"cannot be tried ({os.strerror(error.errno or 0)})")


class _Ear:
    """Takes in what the watch tells."""

    def __init__(self) -> None:
        self.heard = threading.Event()

    def hint(self, path: bytes | None, *, renamed: bool) -> None:
        """Whatever it is about: nothing else happens in there."""
        del path, renamed
        self.heard.set()

    def events_lost(self) -> None:
        self.heard.set()

    def watches_lacking(self) -> None:
        """The trial fails by itself then."""


def _events(room: Path) -> Probe:
    if way_of(room, "auto") == "poll":
        return Probe(
            "warning", "events", "a network file system: what other machines do sends none, so it is to be polled"
        )
    ear = _Ear()
    watch = Watch(ear)
    try:
        watch.add(room, deep=True)
        (room / "event").write_bytes(b"x")
        arrived = ear.heard.wait(PATIENCE)
    finally:
        watch.stop()
    return (
        Probe("fine", "events", "arrive")
        if arrived
        else Probe("warning", "events", "do not arrive: it is to be polled")
    )


def _rename(room: Path) -> Probe:
    (room / "one").write_bytes(b"1")
    (room / "two").write_bytes(b"2")
    with files.folder(room) as here:
        with contextlib.suppress(FileExistsError):
            files.rename_no_replace(b"one", here, b"two", here)
        if (room / "two").read_bytes() != b"2":
            return Probe("fault", "rename", "replaces a file that is there: results could be lost")
        files.rename_no_replace(b"one", here, b"three", here)
    if (room / "one").exists() or (room / "three").read_bytes() != b"1":
        return Probe("fault", "rename", "does not move a file")
    return Probe("fine", "rename", "in one step, and replaces nothing")


def _unnamed(room: Path) -> Probe:
    with files.folder(room) as here, new_file(here, b".new") as made:
        made.write(b"x")
        hidden = any(room.glob(".new"))
        made.give(b"named")
    if hidden:
        return Probe("fine", "new files", "hidden until they are complete (no O_TMPFILE here)")
    return Probe("fine", "new files", "nameless until they are complete")


def _locks(room: Path) -> Probe:
    with files.folder(room) as here:
        try:
            fcntl.flock(here, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return Probe("warning", "locks", "are not to be had: nothing keeps a second service from this inbox")
    return Probe("fine", "locks", "keep a second service away")


def _timestamps(room: Path) -> Probe:
    file = room / "stamp"
    file.write_bytes(b"x")
    wanted = 1_700_000_001_123_456_789
    os.utime(file, ns=(wanted, wanted))
    step = next(
        (step for step in (1, 1_000, 1_000_000, 1_000_000_000) if file.stat().st_mtime_ns == wanted // step * step), 0
    )
    names = {
        1: "to the nanosecond",
        1_000: "to the microsecond",
        1_000_000: "to the millisecond",
        1_000_000_000: "to the second",
    }
    fine = 0 < step < 1_000_000_000
    return Probe("fine" if fine else "warning", "timestamps", names.get(step, "coarser than a second"))


def _case(room: Path) -> Probe:
    (room / "case").write_bytes(b"x")
    alike = (room / "CASE").exists()
    return Probe("fine", "names", "upper and lower case are the same" if alike else "upper and lower case differ")


def _durable(room: Path) -> Probe:
    with files.folder(room) as here:
        try:
            os.fsync(here)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EBADF):
                raise
            return Probe("warning", "durability", "a folder cannot be written through to the disk here")
    return Probe("fine", "durability", "files and folders are written through")


def _space(room: int) -> Probe:
    system = os.statvfs(room)
    free = system.f_bavail * system.f_frsize
    return Probe("fine" if free >= ROOM else "warning", "free space", f"{free / 1e9:.1f} GB")


def _limits() -> Probe:
    most = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
    return Probe(
        "fine" if most >= WATCHES else "warning",
        "limits",
        f"{most} folders can be watched (fs.inotify.max_user_watches)",
    )
