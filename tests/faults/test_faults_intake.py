"""Files that grow, change, arrive in odd ways or are none at all: each photo is read once, whole, and nothing else is."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger, check_redacted, write_slowly
from tests.faults.table import fault
from tests.portraits import portrait
from tests.rooms import NASTY, contents

HOUR = 3600.0
"""Seconds between scans where a test shows that nothing waits for the next one."""


@fault("queue overflow, watch limit")
def test_events_that_were_lost_are_made_up_by_a_scan(service: Harness, ledger: Ledger) -> None:
    """The kernel's queue runs over while the service stands: the loss is told, and a scan finds what nobody was told of."""
    service.configure(scan_every=HOUR, watch="events")
    service.start()
    ledger.drop(service.inbox, 0)
    wait_until(service.results, "events are heard")
    assert service.process
    service.process.send_signal(signal.SIGSTOP)
    service.wait_stopped()  # what it still read would be missing from the queue
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(limit // 2 + 1):  # a name that does not count, created and closed: two events or more
        (service.inbox / f".{number}").touch()
    ledger.drop(service.inbox, 1)
    service.go_on()
    wait_until(lambda: service.told("events_lost"), "the loss is told")
    wait_until(lambda: len(service.results()) == 2, "the scan finds the photo")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("queue overflow, watch limit")
def test_without_a_watch_left_the_folder_is_polled(service: Harness, ledger: Ledger) -> None:
    """Where the system has no watches left that is told, and scans come often though an hour was configured."""
    limit = "/proc/sys/user/max_inotify_watches"
    script = f'echo 3 >{limit} && exec "$@"'
    service.launcher = [*mounts.require_namespace("--user", "--map-root-user"), "sh", "-c", script, "sh"]
    for number in range(6):
        (service.inbox / f"folder-{number}").mkdir()
    service.configure(scan_every=HOUR, watch="events")
    service.start()
    wait_until(lambda: service.told("watch_limit_reached"), "the limit is told")
    for number in range(6):
        ledger.drop(service.inbox / f"folder-{number}", number)
    wait_until(lambda: len(service.results()) == 6, "all photos come out")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("half-written, appended, stalled, reopened")
def test_bursts_are_never_read_early(service: Harness) -> None:
    """A photo written in bursts that are shorter apart than the quiet time is read once, after the last of them."""
    service.configure(settle=1.0, scan_every=0.3)
    service.start()
    target = service.inbox / "slow.jpg"
    writer = threading.Thread(target=write_slowly, args=(target, portrait(1), 12, 0.5))
    writer.start()
    while writer.is_alive():
        assert not service.results()
        assert not service.told("job")
        writer.join(0.05)
    written = time.monotonic()
    (job,) = wait_until(lambda: service.told("job"), "the photo comes out")
    assert time.monotonic() - written >= 0.9
    assert job["outcome"] == "published"
    check_redacted(service.outbox / "slow.jpg", 1)
    assert not list(service.quarantine.iterdir())


@fault("half-written, appended, stalled, reopened")
def test_half_a_file_that_is_there_at_the_start(service: Harness) -> None:
    """A file found half written at the start settles like any other: it is read when its writer has come back."""
    service.configure(settle=1.5)
    data = portrait(1)
    target = service.drop("half.jpg", data[:4000])
    service.start()
    wait_until(lambda: service.told("started"), "the service runs")
    with target.open("ab") as file:
        file.write(data[4000:])
    (job,) = wait_until(lambda: service.told("job"), "the photo comes out")
    assert job["outcome"] == "published"
    check_redacted(service.outbox / "half.jpg", 1)


@fault("half-written, appended, stalled, reopened")
def test_a_file_that_grows_for_long_is_told_of(service: Harness) -> None:
    """A file that still changes after ten quiet times is told of once, without its name, and read in the end."""
    service.configure(settle=0.3, scan_every=0.2)
    service.start()
    write_slowly(service.inbox / "someone.jpg", portrait(1), 40, 0.12)
    wait_until(lambda: service.told("job"), "the photo comes out")
    assert len(service.told("still_growing")) == 1
    assert "someone" not in "".join(service.log)
    check_redacted(service.outbox / "someone.jpg", 1)


@fault("half-written, appended, stalled, reopened")
def test_a_done_marker_is_awaited(service: Harness, ledger: Ledger) -> None:
    """With `photos.done` a photo is read once the scanner has put its marker beside it, however quiet it was before."""
    service.configure(photos={"done": ".done"}, settle=0.1, scan_every=0.2)
    service.start()
    waits = ledger.drop(service.inbox, 1)
    done = ledger.drop(service.inbox, 2)
    service.drop(f"{done}.done", b"")
    wait_until(service.results, "the photo with a marker comes out")
    assert [path.name for path in service.results()] == [done]
    service.drop(f"{waits}.done", b"")
    wait_until(lambda: len(service.results()) == 2, "the other one follows its marker")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("half-written, appended, stalled, reopened")
def test_a_rename_into_place_starts_at_once(service: Harness, ledger: Ledger) -> None:
    """A photo renamed into place is not made to settle, though one that is written in place would wait a minute."""
    service.configure(settle=60.0, scan_every=HOUR, watch="events")
    service.start()
    wait_until(service.watches, "it hears of what is dropped")
    name = ledger.drop(service.inbox, 1)
    wait_until(lambda: service.told("job"), "the photo comes out, sooner than it would have settled")
    outside = service.folder / "made"
    outside.write_bytes(portrait(2))
    outside.rename(service.inbox / "photo-2.jpg")
    ledger.dropped["photo-2.jpg"] = 2
    wait_until(lambda: len(service.results()) == 2, "one that is moved in from elsewhere comes out")
    assert name in ledger.check_results()
    assert service.stop() == 0


@fault("clock jump, mtime in the future")
@pytest.mark.parametrize("when", [0, 4_000_000_000, 253_402_300_000])
def test_dates_mean_nothing(service: Harness, ledger: Ledger, when: int) -> None:
    """A photo from 1970, from the next century or from the year 9999 settles as any other does."""
    name = f"photo-{when}.jpg"
    service.drop(f".{name}", portrait(1))
    os.utime(service.inbox / f".{name}", (when, when))
    (service.inbox / f".{name}").rename(service.inbox / name)
    ledger.dropped[name] = 1
    assert service.once() == 0
    ledger.check_all_delivered()


@fault("clock jump, mtime in the future")
def test_a_clock_that_jumps_changes_nothing(service: Harness, ledger: Ledger) -> None:
    """The service in a time of its own, hours before or after the files' (timens cannot move that clock, so files move)."""
    service.configure(settle=1.0, scan_every=0.2)
    service.start()
    target = service.drop("photo-1.jpg", portrait(1))
    ledger.dropped["photo-1.jpg"] = 1
    begin = time.monotonic()
    for when in (10_000, 4_000_000_000, 20_000):
        os.utime(target, (when, when))
    wait_until(lambda: service.told("job"), "the photo comes out")
    assert time.monotonic() - begin >= 0.9
    assert service.stop() == 0
    ledger.check_all_delivered()


def _swap_for_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def _replace(path: Path, data: bytes) -> None:
    path.with_name(".new").write_bytes(data)
    path.with_name(".new").rename(path)


CHANGES: dict[str, Callable[[Path], object]] = {
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "rewritten": lambda path: path.write_bytes(portrait(2)),
    "replaced": lambda path: _replace(path, portrait(2)),
    "deleted": lambda path: path.unlink(),
    "swapped for a link": _swap_for_link,
    "given a second name": lambda path: os.link(path, path.parent.parent / "second"),
}


@fault("changed, replaced or deleted while read")
@pytest.mark.parametrize("change", CHANGES)
def test_changed_while_it_is_read(service: Harness, change: str) -> None:
    """Whatever happens to a file between the service's open and its last look, no mixture and no old version comes out."""
    target = service.drop("photo.jpg", portrait(1))
    service.start_at("before intake.claim:_read", "stop")
    service.wait_stopped()
    CHANGES[change](target)
    service.go_on()
    if change in ("rewritten", "replaced"):
        wait_until(service.results, "the new version comes out")
        check_redacted(service.outbox / "photo.jpg", 2)
    elif change == "appended":
        wait_until(service.results, "the longer version comes out")
        check_redacted(service.outbox / "photo.jpg", 1)
    else:
        (service.inbox / "last.jpg").write_bytes(portrait(3))
        wait_until(service.results, "the next photo comes out")
        assert [path.name for path in service.results()] == ["last.jpg"]
    assert service.stop() == 0


@fault("changed, replaced or deleted while read")
def test_taken_away_after_it_was_read(service: Harness) -> None:
    """A damaged photo that its owner takes away before the quarantine is `vanished`: nothing of it is kept."""
    service.configure(originals="archive")
    target = service.drop("photo.jpg", b"no photo at all")
    service.start_at("before delivery.quarantine:quarantine", "stop")
    service.wait_stopped()
    target.unlink()
    service.go_on()
    (job,) = wait_until(lambda: service.told("job"), "the journey ends")
    assert job["outcome"] == "vanished"
    assert service.stop() == 0
    assert not list(service.quarantine.iterdir())


@fault("truncated but stable")
def test_a_truncated_photo_is_quarantined(service: Harness) -> None:
    """A photo whose end is missing for good is never delivered in part."""
    service.drop("cut.jpg", portrait(1)[:-900])
    assert service.once() == 1
    assert not service.results()
    (job,) = service.told("job")
    assert job["reason_name"] == "truncated"


@fault("same name, same content, name taken")
def test_one_name_after_another(service: Harness) -> None:
    """New content under an old name is a new job; names that differ in case alone are two; nothing is overwritten."""
    service.configure(originals="delete")
    for number in (1, 2):
        service.drop("photo.jpg", portrait(number))
        assert service.once() == 0
    service.drop("PHOTO.JPG", portrait(3))
    assert service.once() == 0
    assert {path.name for path in service.results()} == {"photo.jpg", "photo-2.jpg", "PHOTO.JPG"}
    for name, number in (("photo.jpg", 1), ("photo-2.jpg", 2), ("PHOTO.JPG", 3)):
        check_redacted(service.outbox / name, number)


@fault("same name, same content, name taken")
def test_the_same_file_again_under_the_same_inode(service: Harness) -> None:
    """An original that was deleted and is dropped again, same in name, time, size and inode, is a new drop."""
    service.configure(originals="delete", duplicates="deliver")
    for _ in range(4):
        target = service.drop("photo.jpg", portrait(1))
        os.utime(target, (1_000_000, 1_000_000))
        assert service.once() == 0
    assert len(service.results()) == 4
    service.reconciled(4)


@fault("odd names")
def test_odd_names(service: Harness) -> None:
    """Names that are no UTF-8, 255 bytes long, or full of escape codes go in and out byte for byte, and are never told."""
    names = [*NASTY, "caf\u00e9.jpg".encode(), "cafe\u0301.jpg".encode()]
    for number, name in enumerate(names):
        (service.inbox / os.fsdecode(name)).write_bytes(portrait(number))
    assert service.once() == 0
    assert {name.removesuffix(b".jpg") for name in contents(service.outbox)} >= {
        name.removesuffix(b".jpg") for name in names if len(name) < 250
    }
    assert len(service.results()) == len(names)
    log = "\n".join(service.log).encode()
    assert not any(name[:20] in log for name in names)
    assert b"\x1b" not in log


@fault("links, pipes, devices, sockets")
def test_what_is_no_file_of_its_own_is_not_read(service: Harness, ledger: Ledger) -> None:
    """Links of both kinds, pipes, sockets and devices are left alone; the photo beside them comes out."""
    secret = service.folder / "secret.jpg"
    secret.write_bytes(portrait(66))
    (service.inbox / "symbolic.jpg").symlink_to(secret)
    os.link(secret, service.inbox / "hard.jpg")
    os.mkfifo(service.inbox / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(service.inbox / "socket.jpg"))
    with contextlib.suppress(PermissionError):  # root's alone, and not in every container
        os.mknod(service.inbox / "device.jpg", 0o020666, os.makedev(1, 5))
    ledger.drop(service.inbox, 1)
    assert service.once() == 0
    ledger.check_all_delivered()
    assert secret.read_bytes() == portrait(66)
    (line,) = service.told("hard_links_passed_over")
    assert line["waiting"] == 1


@fault("links, pipes, devices, sockets")
def test_a_name_given_with_link_is_a_drop(service: Harness, ledger: Ledger) -> None:
    """A program that gives a finished file its name with link(2) and removes the old one has dropped a photo."""
    service.configure(scan_every=HOUR, watch="events")
    service.start()
    hidden = service.drop(".writing", portrait(1))
    os.link(hidden, service.inbox / "photo-1.jpg")
    ledger.dropped["photo-1.jpg"] = 1
    hidden.unlink()
    wait_until(service.results, "the photo comes out")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("links, pipes, devices, sockets")
def test_a_folder_swapped_for_a_link(service: Harness) -> None:
    """A subfolder that becomes a link between the look and the open leads nowhere."""
    outside = service.folder / "outside"
    outside.mkdir()
    (outside / "photo.jpg").write_bytes(portrait(66))
    service.drop("album/photo.jpg", portrait(1))
    service.start_at("before intake.claim:_opened", "stop")
    service.wait_stopped()
    (service.inbox / "album").rename(service.folder / "album")
    (service.inbox / "album").symlink_to(outside)
    service.go_on()
    (service.inbox / "last.jpg").write_bytes(portrait(3))
    wait_until(service.results, "the next photo comes out")
    assert [path.name for path in service.results()] == ["last.jpg"]
    assert service.stop() == 0
