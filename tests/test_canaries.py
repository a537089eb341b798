"""The canary proof: through every outcome, no word, pixel or hash of a photo is heard anywhere outside the folders.

One life of the real service beside a telltale library (tests/telltale.py), everything logged from DEBUG on. The same search
finds the canaries as soon as one of the two guards at the sink is taken away, so it can fail.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from tests.canaries import NAME, STRIP, file_of, frames, needles, noise, photo, plain, told
from tests.daemon import PATIENCE, Daemon, wait_until
from tests.documents import encrypted, scanned
from tests.systemd import Ear
from tests.telltale import EXPLODING

from facewarden import config
from facewarden.audit import chaining
from facewarden.errors import REASONS, Reason, refusals

SECONDS = 8
"""A photo's time; long enough for an honest one on a loaded machine."""

LIMITS = {"megabytes": 1, "megapixels": 1, "side": 17000, "frames": 3, "seconds": SECONDS, "attempts": 1}

FILES: dict[Reason, Callable[[], bytes]] = {
    refusals.NOT_A_PICTURE: lambda: NAME.encode() * 50,
    refusals.NOT_ACCEPTED: lambda: b"%!PS-Adobe-3.0 " + NAME.encode() * 50,
    refusals.DAMAGED: lambda: _damaged(photo(1, "PNG")),
    refusals.TRUNCATED: lambda: photo(2)[:-900],
    refusals.TOO_MANY_BYTES: lambda: photo(3) + NAME.encode() * 50_000,
    refusals.TOO_MANY_PIXELS: lambda: plain("PNG", (1100, 1100)),
    refusals.SIDE_TOO_LONG: lambda: plain("PNG", (17001, 4)),
    refusals.TOO_MANY_FRAMES: lambda: frames(4),
    refusals.EMPTY: lambda: b"",
    refusals.DOCUMENT_LOCKED: lambda: encrypted(NAME.encode()),
    refusals.DOCUMENT_DAMAGED: lambda: b"%PDF-1.7\n" + NAME.encode() * 50 + b"\n%%EOF",
    refusals.DOCUMENT_TOO_LONG: lambda: scanned(*[Image.new("RGB", (60, 60))] * 4, title=NAME),
}
"""What makes a file end for each reason, in an inbox of default settings."""

STRICT: dict[Reason, dict[str, Any]] = {
    refusals.NOT_ENCODED: {"output": {"format": "webp"}},
    refusals.ZONE_OUTSIDE: {"zones": {"always": [{"rectangle": [5000, 5000, 10, 10]}]}},
}
"""Settings under which a file ends for a reason that is none of its own."""

DEATHS = {
    refusals.CRASHED: signal.SIGSEGV,
    refusals.OUT_OF_MEMORY: signal.SIGKILL,
    refusals.REFUSED_CALL: signal.SIGSYS,
    refusals.DEADLINE: None,
}
"""What befalls a worker in the middle of a photo; None: it stands still."""

NOT_BY_A_FILE = {refusals.BAD_REPLY, refusals.SEARCH_FAILED, refusals.FACE_REMAINS, refusals.NOT_WRITTEN}
"""Reasons that no file at hand causes in a whole worker: for these it would have to be broken into, or be full of bugs.

They go the same way as the others from the moment at which the pool has the reason's number.
"""


def _damaged(data: bytes) -> bytes:
    """A PNG whose pixels are not the ones its checksum is of."""
    start = data.index(b"IDAT") + 40
    return data[:start] + bytes(byte ^ 0x55 for byte in data[start : start + 40]) + data[start + 40 :]


class Life:
    """A service with canaries in every inbox, and all that is heard of it."""

    def __init__(self, daemon: Daemon, ear: Ear, without: str = "") -> None:
        self.daemon, self.ear = daemon, ear
        self.stdout, self.stderr = daemon.folder / "stdout", daemon.folder / "stderr"
        self.names: list[str] = []
        self.contents: list[bytes] = []
        self.processes: dict[str, bytes] = {}
        daemon.module = "tests.telltale"
        daemon.environment = {"NOTIFY_SOCKET": ear.address, "WATCHDOG_USEC": "2000000", "TELLTALE_WITHOUT": without}
        if not os.geteuid() and shutil.which("setpriv"):
            daemon.launcher = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        self.configure()

    def configure(self, **more: Any) -> None:
        """An inbox for each way of ending, all of them in folders whose names are canaries."""
        fast = {"settle": 0.1, "scan_every": 0.5, "detect": {"centerface": None, "smallest_face": 40}}
        own: dict[str, dict[str, Any]] = {
            "plain": {"originals": "archive"},
            "hold": {"without_face": "hold"},
            "pseudonym": {"names": "pseudonym", "originals": "delete"},
            **{reason.name: settings for reason, settings in STRICT.items()},
        }
        inboxes = [
            {"name": name, "path": f"{NAME} {name}", "outbox": f"{NAME} {name} out", **settings}
            for name, settings in own.items()
        ]
        for inbox in inboxes:
            for key in ("path", "outbox"):
                (self.daemon.folder / str(inbox[key])).mkdir(exist_ok=True)
        whole = {
            "state": "state",
            "workers": 1,
            "metrics": "facewarden.prom",
            "limits": LIMITS,
            "defaults": fast,
            "inboxes": inboxes,
        }
        self.daemon.file.write_text(yaml.safe_dump(whole | more))

    @contextlib.contextmanager
    def lived(self) -> Iterator[None]:
        """Inside, the service runs and its processes are looked at all the time."""
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self.daemon.process = subprocess.Popen(
                self.daemon.command("run"), stdout=out, stderr=err, env=os.environ | self.daemon.environment
            )
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            self.ear.hear("READY=1")
            yield
        finally:
            over.set()
            watcher.join()
            self.daemon.kill()

    def drop(self, inbox: str, data: bytes, name: str = "") -> Path:
        """Put a file into a folder of an inbox, both named after somebody; returns where."""
        folder = self.daemon.folder / f"{NAME} {inbox}" / f"{NAME} {len(self.names)}"
        folder.mkdir()
        self.contents.append(data)
        file = folder / f"{NAME}{name} {len(self.names)}.jpg"
        self.names += [file.name, str(file), str(file.relative_to(folder.parent))]
        hidden = folder / f".{file.name}"
        hidden.write_bytes(data)
        hidden.rename(file)
        return file

    def drop_refused(self, data: bytes) -> None:
        """Drop a photo for whose folder there is no room in the outbox: a file has its name."""
        (self.daemon.folder / f"{NAME} plain out" / f"{NAME} {len(self.names)}").write_bytes(b"somebody's own")
        self.drop("plain", data)

    def drop_plain(self, data: bytes) -> None:
        """Put a file into an inbox whose name is one plain word, as a harmless value might be."""
        self.contents.append(data)
        self.names.append("Kowalska.jpg")
        file = self.daemon.folder / f"{NAME} plain" / "Kowalska.jpg"
        file.with_name(".new").write_bytes(data)
        file.with_name(".new").rename(file)

    def ended(self) -> list[tuple[Any, ...]]:
        """Outcome and reason of each job that has ended."""
        with contextlib.closing(sqlite3.connect(self.daemon.folder / "state/journal.sqlite")) as journal:
            return journal.execute("SELECT outcome, reason FROM jobs WHERE state = 'done'").fetchall()

    def wait_for(self, count: int, what: str) -> None:
        wait_until(lambda: len(self.ended()) >= count, what, 2 * PATIENCE)

    def heard(self) -> dict[str, bytes]:
        """All that came out of it, by the place where it did."""
        messages = [line.encode() for message in self.ear.heard for line in message.lines]
        return {
            "stdout": self.stdout.read_bytes(),
            "stderr": self.stderr.read_bytes(),
            "systemd": b"\n".join(messages),
            "status": self._of_state("status.json"),
            **self._journal(),
            **self.processes,
            **{f"facewarden {name}": self._printed(name) for name in ("status", "reconcile", "report")},
            "ledger": self._ledger(),
            "metrics": (self.daemon.folder / "facewarden.prom").read_bytes(),
        }

    def _of_state(self, name: str) -> bytes:
        return (self.daemon.folder / "state" / name).read_bytes()

    def _ledger(self) -> bytes:
        """The day of all this, as it is noted once it is over."""
        chaining.write_days(config.load(self.daemon.file), "2999-12-31")
        return self._of_state("ledger.jsonl")

    def _printed(self, command: str) -> bytes:
        """What a command prints that is for eyes other than the operator's, too."""
        environment = os.environ | {"COLUMNS": "250"}
        done = subprocess.run(self.daemon.command(command), capture_output=True, check=False, env=environment)
        return done.stdout + done.stderr

    def _journal(self) -> dict[str, bytes]:
        """Every column of the journal but those that may hold names and paths."""
        found = {}
        with contextlib.closing(sqlite3.connect(self.daemon.folder / "state/journal.sqlite")) as journal:
            for (table,) in journal.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
                for _, column, *_ in journal.execute(f"PRAGMA table_info({table})").fetchall():
                    if column not in ("source", "target", "path", "mount_point"):
                        rows = journal.execute(f"SELECT {column} FROM {table}").fetchall()
                        values = [value if isinstance(value, bytes) else str(value).encode() for (value,) in rows]
                        found[f"journal.{table}.{column}"] = b"\n".join(values)
        return found

    def _watch(self, over: threading.Event) -> None:
        """What everybody on this machine may see of the service and its workers, every 50 ms."""
        assert self.daemon.process
        seen: dict[str, set[bytes]] = {"cmdline": set(), "environ": set(), "comm": set()}
        while not over.wait(0.05):
            for pid in [self.daemon.process.pid, *workers_of(self.daemon.process.pid)]:
                for file in [
                    *(Path(f"/proc/{pid}/{name}") for name in seen),
                    *Path(f"/proc/{pid}/task").glob("*/comm"),
                ]:
                    with contextlib.suppress(OSError):  # it has just ended
                        seen[file.name].add(file.read_bytes())
        self.processes = {f"/proc/PID/{name}": b"\n".join(texts) for name, texts in seen.items()}


def workers_of(service: int) -> list[int]:
    found: list[int] = []
    for file in Path(f"/proc/{service}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has just ended
            found += map(int, file.read_text().split())
    return found


def every_outcome(life: Life) -> None:
    """Files through every outcome that a file can have, deaths of workers, reloads good and bad, an error nobody foresaw."""
    with life.lived():
        life.drop("plain", photo(10))
        life.drop("plain", photo(11, "PNG"))
        life.drop("plain", photo(10))
        life.drop("pseudonym", photo(12))
        life.drop("hold", plain("JPEG", (200, 160)))
        life.drop_plain(photo(15))
        for make in FILES.values():
            life.drop("plain", make())
        life.drop(refusals.NOT_ENCODED.name, file_of(Image.fromarray(noise(4, 16500, 1)), "PNG"))
        life.drop(refusals.ZONE_OUTSIDE.name, photo(13))
        life.drop_refused(photo(16))
        count = 7 + len(FILES) + len(STRICT)
        life.wait_for(count, "all files end")
        with hidden_from(life):
            life.wait_for(count + 1, "a file that cannot be read ends")
        for number, death in enumerate(DEATHS.values()):
            life.drop("plain", photo(40 + number))
            life.wait_for(count + 2 + 2 * number, "a worker is there and at rest")
            die(life, death, photo(20 + number))
            life.wait_for(count + 3 + 2 * number, "the worker's death is told")
        reload(life)
        life.drop("plain", photo(30))
        life.wait_for(count + 2 + 2 * len(DEATHS), "it goes on with the new configuration")
        life.ear.clear()
        life.drop("plain", photo(31), EXPLODING)
        assert life.daemon.process
        wait_until(life.daemon.exited, "an error that nobody foresaw ends the service")


@contextlib.contextmanager
def hidden_from(life: Life) -> Iterator[None]:
    """A file that may not be read from the moment at which it has its name."""
    folder = life.daemon.folder / f"{NAME} plain"
    file = folder / f".{NAME} closed.jpg"
    file.write_bytes(photo(14))
    file.chmod(0)
    file.rename(file.with_name(f"{NAME} closed.jpg"))
    life.names.append(f"{NAME} closed.jpg")
    yield


def die(life: Life, death: signal.Signals | None, data: bytes) -> None:
    """Let a worker take a photo, and die of it."""
    assert life.daemon.process
    service = life.daemon.process.pid
    workers = wait_until(lambda: workers_of(service), "there are workers")
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    life.drop("plain", data)
    wait_until(lambda: under_way(life), "the photo is under way")
    if death:
        for worker in workers:
            os.kill(worker, death)
            with contextlib.suppress(ProcessLookupError):  # SIGKILL does not wait for it
                os.kill(worker, signal.SIGCONT)


def under_way(life: Life) -> bool:
    with contextlib.closing(sqlite3.connect(life.daemon.folder / "state/journal.sqlite")) as journal:
        (count,) = journal.execute("SELECT count(*) FROM jobs WHERE state <> 'done' AND attempts > 0").fetchone()
    return bool(count)


def reload(life: Life) -> None:
    """A configuration whose fault is a canary, then a good one."""
    assert life.daemon.process
    life.configure(**{NAME: NAME, "limits": {"megabytes": NAME}})
    life.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: b'"reload_refused"' in life.stderr.read_bytes(), "the faulty configuration is refused")
    life.configure(workers=1, results_megabytes=512)
    before = life.stderr.read_bytes().count(b'"started"')
    life.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: life.stderr.read_bytes().count(b'"started"') > before, "the good one is taken")


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    with contextlib.closing(Ear(str(tmp_path / "notify"))) as it:
        yield it


@pytest.mark.timeout(300)
def test_nobody_is_told_of_anybody(daemon: Daemon, ear: Ear) -> None:
    """Through every outcome no canary is heard, and each outcome did happen."""
    life = Life(daemon, ear)
    every_outcome(life)
    heard = life.heard()
    assert told(heard, needles(life.names, life.contents)) == []
    _everything_happened(life, heard)


def _everything_happened(life: Life, heard: dict[str, bytes]) -> None:
    """Or the silence would prove nothing."""
    outcomes = {outcome for outcome, _ in life.ended()}
    reasons = {REASONS[reason] for outcome, reason in life.ended() if outcome == "quarantined"}
    possible = {*FILES, *STRICT, *DEATHS, refusals.UNREADABLE, refusals.NAME_REFUSED}
    assert outcomes == {"published", "held", "quarantined"}
    assert reasons == possible
    assert possible | NOT_BY_A_FILE == {reason for number, reason in REASONS.items() if number < 40}
    lines = [json.loads(line) for line in heard["stderr"].splitlines()]
    events = {line.get("event") for line in lines}
    assert {"job", "worker_died", "reload", "reload_refused", "unforeseen", "library_message"} <= events
    assert {line["level"] for line in lines} >= {"debug", "info", "warning", "critical"}
    assert [line["exception"] for line in lines if line.get("event") == "unforeseen"] == ["RuntimeError"]
    assert b"WATCHDOG=1" in heard["systemd"]
    assert b'outcome="published"} 1' in heard["metrics"]
    assert b'"not_a_picture": 1' in heard["facewarden report"]
    assert b"facewarden.sandbox.worker" in heard["/proc/PID/cmdline"]
    assert heard["journal.jobs.content"]
    assert b'"delivered"' in heard["ledger"]
    assert np.frombuffer(heard["/proc/PID/comm"], np.uint8).size


@pytest.mark.parametrize("guard", ["allow-list", "foreign"])
def test_the_search_finds_what_a_missing_guard_lets_through(daemon: Daemon, ear: Ear, guard: str) -> None:
    """Without the allow-list, or with libraries' text let through, the same search hears words on stderr."""
    life = Life(daemon, ear, without=guard)
    with life.lived():
        life.drop("plain", photo(10))
        life.wait_for(1, "the photo ends")
        life.ear.clear()
        assert life.daemon.stop() == 0
    found = told(life.heard(), needles(life.names, life.contents))
    assert any(line.startswith("stderr: a word") for line in found), found


@pytest.mark.parametrize("place", ["stdout", "systemd", "journal.jobs.content", "/proc/PID/cmdline"])
@pytest.mark.parametrize("canary", ["word", "pixels", "hash"])
def test_the_search_finds_canaries_anywhere(place: str, canary: str) -> None:
    """Each kind of canary is found in each place, between whatever else stands there."""
    content = photo(10)
    harm = {"word": "ŻANETA".encode(), "pixels": STRIP.tobytes(), "hash": hashlib.sha256(content).hexdigest().encode()}
    found = told({place: b"before" + harm[canary] + b"after"}, needles(["name.jpg"], [content]))
    assert found
