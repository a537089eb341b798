"""The service as a process: signals, reload, its journal, its twin, its workers, and what it says of people."""

from __future__ import annotations

import errno
import functools
import io
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault
from tests.faults.test_faults_mounts import two_inboxes
from tests.portraits import portrait, portrait_pixels
from tests.systemd import Ear

from facewarden.errors import Exit
from facewarden.journal import schema


def children(service: Harness) -> list[int]:
    """Process ids of the workers, whichever thread started them."""
    assert service.process
    tasks = Path(f"/proc/{service.process.pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


@fault("errors of a share")
@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EHOSTDOWN])
def test_errors_that_only_a_share_has(service: Harness, ledger: Ledger, number: int) -> None:
    """EIO, ESTALE and EHOSTDOWN put one inbox aside; what cannot be listed is not taken for vanished, and comes out later."""
    other, outbox = two_inboxes(service)
    flag = service.folder / "broken"
    service.module = "tests.faults.entry"
    service.environment |= {"FAULT_ERRNO": str(number), "FAULT_FOLDER": str(service.inbox), "FAULT_FLAG": str(flag)}
    service.start()
    ledger.drop(service.inbox, 1)
    wait_until(service.results, "all is well")
    flag.touch()
    name = ledger.drop(service.inbox, 2)
    (other / "other.jpg").write_bytes(portrait(50))
    wait_until((outbox / "other.jpg").exists, "the other inbox goes on")
    wait_until(lambda: service.told("folder_out_of_reach"), "the trouble is told")
    assert {line["error"] for line in service.told("folder_out_of_reach")} == {number}
    flag.unlink()
    wait_until((service.outbox / name).exists, "its photo comes out")
    assert not [job for job in service.told("job") if job["outcome"] == "vanished"]
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("errors of a share")
@pytest.mark.parametrize("closed", ["inbox", "outbox"])
def test_rights_that_are_taken_away(service: Harness, ledger: Ledger, closed: str) -> None:
    """A folder without its rights is out of reach and not empty; with them again its photos come out, no attempt charged."""
    if not os.geteuid():  # root's rights would open everything
        service.launcher = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
    service.start()
    folder = service.folder / closed
    folder.chmod(0)
    ledger.drop(service.inbox, 1)
    wait_until(lambda: service.told("folder_out_of_reach"), "the trouble is told")
    assert {line["error"] for line in service.told("folder_out_of_reach")} == {errno.EACCES}
    folder.chmod(0o755)
    (job,) = wait_until(lambda: service.told("job"), "the photo comes out")
    assert job["attempt"] == 1
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("SIGTERM, SIGINT, SIGHUP")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_mid_work(service: Harness, ledger: Ledger, number: signal.Signals) -> None:
    """The photos under way end, the rest waits for the next start, and the exit code is 0."""
    for photo in range(10):
        ledger.drop(service.inbox, photo)
    service.start()
    wait_until(service.results, "the first result")
    assert service.process
    service.process.send_signal(number)
    assert service.process.wait(40) == 0
    ledger.check_results()
    service.reconciled(10)
    assert service.once() == 0
    ledger.check_all_delivered()


def told(service: Harness, event: str, times: int) -> bool:
    return len(service.told(event)) >= times


@fault("SIGTERM, SIGINT, SIGHUP")
def test_a_reload_with_good_and_bad_files(service: Harness, ledger: Ledger) -> None:
    """SIGHUP takes a good file whole and keeps the running one on a bad file, in one and the same process."""
    service.start()
    assert service.process
    good = service.file.read_text()
    for bad, reason in (
        ("inboxes: 7", "configuration"),
        (good.replace("outbox: outbox", "outbox: away"), "folder_unusable"),
    ):
        service.file.write_text(bad)
        before = len(service.told("reload_refused"))
        service.process.send_signal(signal.SIGHUP)
        wait_until(functools.partial(told, service, "reload_refused", before + 1), "the refusal is told")
        assert service.told("reload_refused")[before]["reason_name"] == reason
    ledger.drop(service.inbox, 1)
    wait_until(service.results, "the running configuration goes on")
    other, outbox = two_inboxes(service)
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(service.told("started")) == 2, "the good file is taken")
    (other / "other.jpg").write_bytes(portrait(50))
    ledger.drop(service.inbox, 2)
    wait_until((outbox / "other.jpg").exists, "the new inbox works")
    wait_until(lambda: len(service.results()) == 2, "the old one too")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("SIGTERM, SIGINT, SIGHUP")
def test_a_reload_that_fails_only_at_the_start(service: Harness, ledger: Ledger) -> None:
    """A file that passes every check and cannot be started with (its emblem is no picture) brings the old one back."""
    service.start()
    assert service.process
    (service.folder / "emblem.png").write_bytes(b"no picture")
    service.configure(redact={"style": "image", "emblem": str(service.folder / "emblem.png")})
    service.process.send_signal(signal.SIGHUP)
    wait_until(lambda: service.told("reload_refused"), "the refusal is told")
    ledger.drop(service.inbox, 1)
    wait_until(service.results, "the old configuration goes on")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("journal corrupt, absent, older")
@pytest.mark.parametrize("harm", ["garbage", "one page", "absent", "state folder absent"])
def test_a_lost_journal_redoes_nothing(service: Harness, harm: str) -> None:
    """With a journal that is damaged or gone the service refuses: what was kept is not delivered a second time."""
    for number in range(3):
        service.drop(f"{number}.jpg", portrait(number))
    assert service.once() == 0
    before = {path: path.stat().st_mtime_ns for path in service.results()}
    journal = service.folder / "state/journal.sqlite"
    if harm == "garbage":
        journal.write_bytes(b"garbage" * 1000)
    elif harm == "one page":
        _spoil_a_page(journal)
    elif harm == "absent":
        journal.unlink()
    else:
        shutil.rmtree(journal.parent)
    for _ in range(2):
        assert service.once() == Exit.JOURNAL
    assert {path: path.stat().st_mtime_ns for path in service.results()} == before
    shutil.rmtree(journal.parent, ignore_errors=True)
    command = [*service.command("once"), "--anew"]
    assert subprocess.run(command, stderr=subprocess.DEVNULL, check=False).returncode == 0
    assert len(service.results()) == 6


@fault("journal corrupt, absent, older")
@pytest.mark.parametrize("harm", ["state folder renamed", "journal deleted", "journal replaced"])
def test_a_journal_that_is_taken_away_ends_the_service(service: Harness, ledger: Ledger, harm: str) -> None:
    """It ends by itself, with the journal's exit code: what it noted from now on would be lost."""
    service.configure(originals="archive")
    service.start()
    ledger.drop(service.inbox, 1)
    wait_until(lambda: service.ended(1), "the photo is done")
    state = service.folder / "state"
    if harm == "state folder renamed":
        state.rename(state.with_name("away"))
    elif harm == "journal deleted":
        (state / "journal.sqlite").unlink()
    else:
        shutil.copy(state / "journal.sqlite", state / "older")
        (state / "older").rename(state / "journal.sqlite")
    wait_until(service.exited, "the service ends")
    assert service.process
    assert service.process.returncode == 5
    if harm == "state folder renamed":
        assert service.tell("status").returncode == 1
        assert service.reconcile().returncode == 1
        state.with_name("away").rename(state)
        service.reconciled(1)


def _spoil_a_page(journal: Path) -> None:
    """One that is not read before a photo asks for it; only a proof of the whole file finds it at the start."""
    with closing(sqlite3.connect(journal)) as database:
        (size,) = database.execute("PRAGMA page_size").fetchone()
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'jobs_by_content'"
        (page,) = database.execute(query).fetchone()
    with journal.open("r+b") as file:
        file.seek(size * (page - 1))
        file.write(bytes(size))


@fault("journal corrupt, absent, older")
def test_a_journal_of_an_older_version_is_taken_over(service: Harness) -> None:
    """What an older facewarden delivered is known: nothing is done again, and new photos are."""
    service.drop("old.jpg", portrait(1))
    assert service.once() == 0
    with closing(sqlite3.connect(service.folder / "state/journal.sqlite", isolation_level=None)) as database:
        for trigger in ("jobs_counted_new", "jobs_counted", "jobs_uncounted", "jobs_forgotten"):
            database.execute(f"DROP TRIGGER {trigger}")
        for index in ("jobs_ended", "jobs_owed", "jobs_by_target", "jobs_quarantined", "jobs_held"):
            database.execute(f"DROP INDEX {index}")
        for table in ("totals", "tallies", "days", "ledger"):
            database.execute(f"DROP TABLE {table}")
        database.execute("ALTER TABLE jobs DROP COLUMN ctime_ns")
        for column in (
            "gone",
            "root",
            "target_size",
            "target_mtime_ns",
            "target_content",
            "faceless",
            "owed",
            "elsewhere",
            "failures",
        ):
            database.execute(f"ALTER TABLE jobs DROP COLUMN {column}")
        database.execute("DROP TABLE folders")
        database.execute("PRAGMA user_version = 1")
    told = service.tell("explain", str(service.outbox / "old.jpg"))
    assert (told.returncode, "older facewarden" in told.stderr) == (5, True)
    service.drop("new.jpg", portrait(2))
    assert service.once() == 0
    assert [path.name for path in service.results()] == ["new.jpg", "old.jpg"]
    with closing(sqlite3.connect(service.folder / "state/journal.sqlite")) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (schema.SCHEMA_VERSION,)
    service.reconciled(2)


@fault("two daemons")
def test_a_running_service_is_not_called_a_lost_journal(service: Harness, ledger: Ledger) -> None:
    """Another state folder beside it knows of no result: told is who has the inbox, and not how to begin anew."""
    service.start()
    for number in (1, 2):
        ledger.drop(service.inbox, number)
    wait_until(lambda: service.ended(2), "two photos are kept with their results")
    second = Harness.beside(service, "second")
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"}
    second.configure({"state": "second-state", "inboxes": [inbox]})
    assert second.once() == Exit.ALREADY_RUNNING
    assert service.stop() == 0
    assert second.once() == Exit.JOURNAL


@fault("two daemons")
def test_two_services_on_one_inbox(service: Harness, ledger: Ledger) -> None:
    """A second service with a state folder of its own is refused as long as the first lives, and no longer."""
    second = Harness.beside(service, "second")
    service.start()
    ledger.drop(service.inbox, 1)
    wait_until(service.results, "the first one works")
    assert second.once() == Exit.ALREADY_RUNNING
    service.kill()
    ledger.drop(service.inbox, 2)
    assert second.once() == Exit.FINE
    assert (service.folder / "second-outbox/photo-2.jpg").exists()
    assert not (service.outbox / "photo-2.jpg").exists()


@fault("two daemons")
def test_two_services_on_one_state_folder(service: Harness) -> None:
    """The state folder belongs to one service."""
    service.start()
    second = Harness.beside(service, "second", state="state")
    assert second.once() == Exit.ALREADY_RUNNING
    assert service.stop() == 0


@fault("inbox and outbox the same or nested")
def test_folders_that_are_one_through_a_bind_mount(service: Harness) -> None:
    """An outbox that is the inbox under another name is refused by device and inode."""
    with mounts.in_memory(service.inbox):
        mounts.bind(service.inbox, service.outbox)
        try:
            assert service.once() == Exit.CANNOT_START
        finally:
            mounts.unmount(service.outbox)
    (service.inbox / "out").mkdir()
    service.configure({"inboxes": [{"name": "photos", "path": "inbox", "outbox": "inbox/out"}]})
    assert service.once() == Exit.CANNOT_START


@fault("a worker that dies, hangs or lies")
@pytest.mark.parametrize(("attempts", "outcome"), [(2, "published"), (1, "quarantined")])
def test_a_worker_killed_in_mid_photo(service: Harness, attempts: int, outcome: str) -> None:
    """An attempt that a worker did not survive is counted; the next worker has the next one, until they are used up."""
    service.configure({"limits": {"attempts": attempts}})
    service.drop("photo.jpg", portrait(1))
    service.start_at("after pool.local:LocalPool._take", "stop")
    service.wait_stopped()
    for worker in children(service):
        os.kill(worker, signal.SIGKILL)
    service.go_on()
    (job,) = wait_until(lambda: service.told("job"), "the photo ends")
    assert job["outcome"] == outcome
    assert job.get("reason_name") == ("out_of_memory" if outcome == "quarantined" else None)
    service.drop("next.jpg", portrait(2))
    wait_until(lambda: len(service.told("job")) == 2, "the pool is full again")
    assert service.told("job")[1]["outcome"] == "published"
    assert service.stop() == 0


@fault("a worker that dies, hangs or lies")
def test_a_worker_that_hangs(service: Harness) -> None:
    """A worker that stands still is ended at the photo's deadline, and the next one does the photo."""
    service.configure({"limits": {"seconds": 2}})
    service.drop("photo.jpg", portrait(1))
    service.start_at("after pool.local:LocalPool._take", "stop")
    service.wait_stopped()
    for worker in children(service):
        os.kill(worker, signal.SIGSTOP)
    service.go_on()
    (job,) = wait_until(lambda: service.told("job"), "the photo ends")
    assert (job["outcome"], job["attempt"]) == ("published", 2)
    assert service.stop() == 0


@fault("a worker that cannot start")
def test_workers_that_cannot_start(service: Harness) -> None:
    """Where no worker can start the service ends with its exit code instead of trying for ever, and reads nothing."""
    libraries = service.folder / "libraries"
    libraries.mkdir()
    (libraries / "libEGL.so.1").write_bytes(b"no library")
    service.environment["LD_LIBRARY_PATH"] = str(libraries)
    original = service.drop("photo.jpg", portrait(1))
    assert service.once() == Exit.CANNOT_START
    assert original.exists()
    assert not service.results()


@fault("weights missing or changed")
@pytest.mark.parametrize("content", [b"other weights", b""])
def test_weights_that_are_not_the_ones(service: Harness, content: bytes) -> None:
    """With altered or empty weights in the package's place the service refuses to start; nothing passes through."""
    import facewarden

    weights = Path(facewarden.__file__).parent / "sandbox/weights/face_detection_full_range_sparse.tflite"
    altered = service.folder / "altered"
    altered.write_bytes(content)
    script = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'
    service.launcher = [*mounts.require_namespace("--mount"), "sh", "-c", script, "sh", str(altered), str(weights)]
    service.drop("photo.jpg", portrait(1))
    assert service.once() == Exit.CANNOT_START
    assert not service.results()


def png_head(width: int, height: int) -> bytes:
    """A PNG that announces this size and has next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@fault("huge file, pixel bomb, 65,000 px wide")
def test_what_is_over_a_limit_names_it(service: Harness) -> None:
    """A huge file, a picture of 841 megapixels and one 65,000 pixels wide are quarantined, each with its limit named."""
    service.configure({"limits": {"megabytes": 1}})
    with (service.inbox / "huge.jpg").open("wb") as file:
        file.truncate(2 << 30)
    service.drop("bomb.png", png_head(29_000, 29_000))
    service.drop("wide.png", png_head(65_000, 10))
    assert service.once() == Exit.SOME_FAILED
    names = sorted(job["reason_name"] for job in service.told("job"))
    assert names == ["side_too_long", "too_many_bytes", "too_many_pixels"]
    assert not service.results()


CANARY = "Anna-Kowalska-1971"


def marked_photos() -> Iterator[tuple[str, bytes]]:
    """Photos, good and damaged, with the canary in name, EXIF, comment and text, and written behind the picture."""
    exif = Image.Exif()
    exif[0x010E] = CANARY
    jpeg, png = io.BytesIO(), io.BytesIO()
    image = Image.fromarray(portrait_pixels(1))
    image.save(jpeg, "JPEG", exif=exif, comment=CANARY)
    text = PngInfo()
    text.add_text("Comment", CANARY)
    image.save(png, "PNG", pnginfo=text, exif=exif)
    for number, data in enumerate((jpeg.getvalue(), png.getvalue())):
        suffix = ("jpg", "png")[number]
        yield f"{CANARY}/{CANARY}.{suffix}", data + CANARY.encode()
        yield f"{CANARY}-cut.{suffix}", data[: len(data) // 2]
    yield f"{CANARY}.txt", CANARY.encode()


@fault("canaries")
def test_no_canary_comes_out(service: Harness) -> None:
    """Name, EXIF, comment and text are in no log line, status, command line, report, and in no byte of a result."""
    address = str(service.folder / "notify")
    service.environment["NOTIFY_SOCKET"] = address
    with closing(Ear(address)) as ear:
        for name, data in marked_photos():
            service.drop(name, data)
        service.start()
        wait_until(lambda: len(service.told("job")) == 5, "all photos end")
        assert service.process
        lines = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in (service.process.pid, *children(service))]
        assert service.stop() == 0
        ear.clear()
        said = "\n".join([*service.log, *("\n".join(message.lines) for message in ear.heard), *map(repr, lines)])
    accounts = service.reconcile()
    said += accounts.stdout + accounts.stderr
    assert "job" in said
    assert CANARY not in said
    results = [path for path in service.outbox.rglob("*") if path.is_file()]
    assert len(results) == 2
    reports = list(service.quarantine.rglob("*.txt"))
    assert len(reports) == 3
    assert not any(CANARY.encode() in path.read_bytes() for path in [*results, *reports])


@fault("fairness")
def test_a_flood_does_not_starve_another_inbox(service: Harness) -> None:
    """While 400 photos wait in one inbox, one in the other comes out among the first; each inbox goes oldest first."""
    other, outbox = two_inboxes(service)
    for number in range(400):
        path = service.drop(f"{number}.jpg", portrait(number % 40))
        os.utime(path, (1_700_000_000 - number, 1_700_000_000 - number))
    (other / "other.jpg").write_bytes(portrait(50))
    service.start()
    wait_until((outbox / "other.jpg").exists, "the other inbox's photo comes out")
    assert len(service.results()) < 60
    numbers = sorted(int(path.stem) for path in service.results())
    assert not numbers or numbers[0] > 300
    assert service.stop() == 0


@fault("SIGTERM, SIGINT, SIGHUP")
def test_reloads_one_after_the_other(service: Harness, ledger: Ledger) -> None:
    """SIGHUP again and again, also while one service follows the other: the last file is the one that counts."""
    service.start()
    assert service.process
    for times in range(4):
        service.configure(settle=0.2 + times / 100)
        service.process.send_signal(signal.SIGHUP)
        wait_until(functools.partial(told, service, "reload", times + 1), "the file is read")
    other, outbox = two_inboxes(service)
    service.process.send_signal(signal.SIGHUP)
    (other / "other.jpg").write_bytes(portrait(50))
    wait_until((outbox / "other.jpg").exists, "the last file is taken")
    assert service.stop() == 0
