"""Inboxes whose folder goes away and comes back, breaks or hangs: nothing is lost, doubled, or held up by another's fault."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault
from tests.portraits import portrait

from facewarden.service.loop import DRAIN_SECONDS


def two_inboxes(service: Harness, **profile: Any) -> tuple[Path, Path]:
    """Configure a second inbox beside the first; returns its folder and outbox."""
    other, outbox = service.folder / "other", service.folder / "other-outbox"
    other.mkdir()
    outbox.mkdir()
    inboxes = [
        {"name": "photos", "path": "inbox", "outbox": "outbox"} | profile,
        {"name": "other", "path": "other", "outbox": "other-outbox"},
    ]
    service.configure({"inboxes": inboxes})
    return other, outbox


def delivered(outbox: Path, *names: str) -> bool:
    return {path.name for path in outbox.iterdir()} == set(names)


@fault("inbox unmounted, remounted, renamed, recreated")
def test_unmounted_and_mounted_again(service: Harness, ledger: Ledger) -> None:
    """What lies on the bare mount point is never read; the share's return is noticed, and its kept photos go once."""
    bare = service.drop("bare.jpg", portrait(99))
    share = service.folder / "share"
    share.mkdir()
    with mounts.in_memory(share), mounts.in_memory(service.inbox):
        mounts.unmount(service.inbox)
        mounts.bind(share, service.inbox)
        service.start()
        first = ledger.drop(service.inbox, 1)
        wait_until(lambda: delivered(service.outbox, first), "the first photo comes out")
        mounts.unmount(service.inbox)
        assert bare.exists()
        wait_until(lambda: service.told("folder_out_of_reach"), "the loss is noticed")
        mounts.bind(share, service.inbox)
        wait_until(lambda: service.told("folder_back"), "the return is noticed")
        second = ledger.drop(service.inbox, 2)
        wait_until(lambda: delivered(service.outbox, first, second), "the second photo comes out")
        assert service.stop() == 0
        mounts.unmount(service.inbox)
    ledger.check_all_delivered()


@fault("inbox unmounted, remounted, renamed, recreated")
def test_another_file_system_is_mounted_in_its_place(service: Harness, ledger: Ledger) -> None:
    """A fresh file system at the same mount point is the inbox again: watched anew, its photos delivered."""
    with mounts.in_memory(service.inbox):
        service.start()
        ledger.drop(service.inbox, 1)
        wait_until(service.results, "the first photo comes out")
        mounts.unmount(service.inbox)
        mounts.mount(service.inbox)
        wait_until(lambda: service.told("inbox_replaced"), "the change is noticed")
        ledger.drop(service.inbox, 2)
        wait_until(lambda: len(service.results()) == 2, "the second photo comes out")
        assert service.stop() == 0
        ledger.check_all_delivered()


@fault("inbox unmounted, remounted, renamed, recreated")
def test_other_inodes_after_a_remount(service: Harness, ledger: Ledger) -> None:
    """Where a share gives its files other inodes after a remount, a kept photo is known by its content and goes once."""
    with mounts.in_memory(service.inbox):
        name = ledger.drop(service.inbox, 1)
        assert service.once() == 0
        original = (service.inbox / name).stat()
        mounts.unmount(service.inbox)
        mounts.mount(service.inbox)
        for number in range(9):
            service.drop(f".{number}", b"")
        target = service.drop(name, portrait(1))
        os.utime(target, ns=(original.st_mtime_ns, original.st_mtime_ns))
        assert target.stat().st_ino != original.st_ino
        for _ in range(2):
            assert service.once() == 0
            ledger.check_all_delivered()
        service.reconciled(1)


@fault("inbox unmounted, remounted, renamed, recreated")
def test_renamed_away_and_back_and_recreated(service: Harness, ledger: Ledger) -> None:
    """A renamed inbox is out of reach and not empty; back again nothing goes twice; a new folder there is the inbox."""
    service.start()
    ledger.drop(service.inbox, 1)
    wait_until(service.results, "the first photo comes out")
    away = service.inbox.with_name("away")
    service.inbox.rename(away)
    wait_until(lambda: service.told("folder_out_of_reach"), "the loss is noticed")
    away.rename(service.inbox)
    wait_until(lambda: service.told("folder_back"), "the return is noticed")
    ledger.drop(service.inbox, 2)
    wait_until(lambda: len(service.results()) == 2, "the second photo comes out")
    service.inbox.rename(away)
    service.inbox.mkdir()
    wait_until(lambda: service.told("inbox_replaced"), "the new folder is noticed")
    ledger.drop(service.inbox, 3)
    wait_until(lambda: len(service.results()) == 3, "the third photo comes out")
    assert service.stop() == 0
    ledger.check_all_delivered()


@fault("inbox unmounted, remounted, renamed, recreated")
def test_events_are_heard_in_the_new_folder(service: Harness, ledger: Ledger) -> None:
    """After the inbox was replaced events are armed anew: a photo comes out long before the next scan."""
    service.configure(scan_every=15.0, watch="events")
    service.start()
    service.inbox.rename(service.inbox.with_name("away"))
    service.inbox.mkdir()
    wait_until(lambda: service.told("inbox_replaced"), "the new folder is noticed")
    # The scan that follows the arming has been; the next is fifteen seconds away.
    ledger.drop(service.inbox, 1)
    begin = time.monotonic()
    wait_until(service.results, "the photo comes out")
    assert time.monotonic() - begin < 14


@fault("inbox unmounted, remounted, renamed, recreated")
def test_without_its_marker_an_inbox_is_not_read(service: Harness, ledger: Ledger) -> None:
    """With `marker` set nothing is read while the marker file is missing, and the marker itself is no photo."""
    inbox = {"name": "photos", "path": "inbox", "outbox": "outbox", "marker": "this-is-the-inbox"}
    service.configure({"inboxes": [inbox]})
    name = ledger.drop(service.inbox, 1)
    service.start()
    wait_until(lambda: len(service.told("folder_out_of_reach")) >= 2, "the service looks twice")
    assert not service.results()
    service.drop("this-is-the-inbox", b"")
    wait_until(lambda: delivered(service.outbox, name), "the photo comes out")
    assert service.stop() == 0
    assert not list(service.quarantine.iterdir())


@pytest.mark.parametrize("role", ["outbox", "hold", "quarantine", "archive"])
@fault("a folder of results unmounted and remounted")
def test_a_folder_of_results_that_is_unmounted_gets_nothing(service: Harness, ledger: Ledger, role: str) -> None:
    """Neither while the service runs nor at a start is anything written to the bare mount point, and no original is touched."""
    service.configure(originals="archive", without_face="hold" if role == "hold" else "deliver", scan_every=1.0)
    folder: Path = getattr(service, role)
    folder.mkdir(exist_ok=True)
    share = service.folder / "share"
    share.mkdir()
    with mounts.in_memory(share), mounts.in_memory(folder):
        mounts.unmount(folder)
        bare = folder.stat().st_ino
        mounts.bind(share, folder)
        service.start()
        mounts.unmount(folder)
        original = service.drop("photo.jpg", _photo_for(role))
        loss = "original_not_retired" if role == "archive" else "folder_out_of_reach"
        wait_until(lambda: service.told(loss), "the loss is noticed")
        assert folder.stat().st_ino == bare
        assert service.stop() == 0
        refused = service.tell("once")
        assert refused.returncode == 3
        assert "is away" in refused.stderr
        assert not list(folder.iterdir())
        assert original.read_bytes() == _photo_for(role)
        mounts.bind(share, folder)
        service.start()
        wait_until(lambda: [path for path in folder.iterdir() if path.suffix == ".jpg"], "the photo has its outcome")
        assert service.stop() == 0
        service.reconciled(1)
        mounts.unmount(folder)


def _photo_for(role: str) -> bytes:
    if role == "hold":
        return _without_face()
    return portrait(1)[:-2000] if role == "quarantine" else portrait(1)


def _without_face() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (200, 160), (120, 130, 140)).save(file, "JPEG")
    return file.getvalue()


@fault("errors of a share")
def test_a_share_that_breaks_off(service: Harness, ledger: Ledger) -> None:
    """While every call on one inbox fails the other goes on, and nothing of the broken one is taken for deleted."""
    other, outbox = two_inboxes(service)
    share = service.folder / "share"
    share.mkdir()
    with mounts.through_fuse(share, service.inbox) as fuse:
        service.start()
        first = ledger.drop(share, 1)
        wait_until(lambda: delivered(service.outbox, first), "the first photo comes out")
        fuse.break_off()
        wait_until(lambda: service.told("folder_out_of_reach"), "the break is noticed")
        assert {line["inbox"] for line in service.told("folder_out_of_reach")} == {"photos"}
        (other / "other.jpg").write_bytes(portrait(50))
        wait_until(lambda: delivered(outbox, "other.jpg"), "the other inbox goes on")
        second = ledger.drop(share, 2)
        mounts.unmount(service.inbox)
        with mounts.through_fuse(share, service.inbox):
            wait_until(lambda: delivered(service.outbox, first, second), "the share is back")
            wait_until(lambda: service.told("folder_back"), "that is told")
            assert service.stop() == 0
            service.reconciled(3)
        mounts.mount(service.inbox)  # for the unmount of the outer one
    ledger.check_all_delivered()


@fault("errors of a share")
def test_a_mount_without_events_is_polled(service: Harness, ledger: Ledger) -> None:
    """Through FUSE, as from a NAS, no event tells of what others write: `auto` polls, and each photo comes out once."""
    share = service.folder / "share"
    share.mkdir()
    with mounts.through_fuse(share, service.inbox):
        service.start()
        (line,) = service.told("inbox")
        assert line["watch"] == "poll"
        for number in range(5):
            ledger.drop(share, number)
        wait_until(lambda: len(service.results()) == 5, "all photos come out")
        assert service.stop() == 0
    ledger.check_all_delivered()


@fault("a mount that hangs")
def test_a_mount_that_hangs(service: Harness, ledger: Ledger) -> None:
    """While one inbox answers to nothing the other delivers; it is told; SIGTERM ends the service in time."""
    other, outbox = two_inboxes(service)
    share = service.folder / "share"
    share.mkdir()
    with mounts.through_fuse(share, service.inbox) as fuse:
        service.start()
        first = ledger.drop(share, 1)
        wait_until(lambda: delivered(service.outbox, first), "the first photo comes out")
        fuse.hang()
        wait_until(lambda: service.told("folder_hangs"), "the standstill is told")
        for number in range(3):
            (other / f"{number}.jpg").write_bytes(portrait(50 + number))
        wait_until(lambda: delivered(outbox, "0.jpg", "1.jpg", "2.jpg"), "the other inbox goes on")
        begin = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begin < DRAIN_SECONDS
        fuse.answer()
        ledger.drop(share, 2)
        assert service.once() == 0
    ledger.check_all_delivered()


@fault("a mount that hangs")
def test_an_outbox_that_hangs(service: Harness, ledger: Ledger) -> None:
    """Photos that hang on their way into one outbox leave carriers for the other inbox, and its photos come out."""
    other, outbox = two_inboxes(service)
    share = service.folder / "share"
    share.mkdir()
    with mounts.through_fuse(share, service.outbox) as fuse:
        service.start()
        fuse.hang()
        for number in range(6):
            ledger.drop(service.inbox, number)
        for number in range(3):
            (other / f"{number}.jpg").write_bytes(portrait(50 + number))
        wait_until(lambda: delivered(outbox, "0.jpg", "1.jpg", "2.jpg"), "the other inbox goes on")
        fuse.answer()
        wait_until(lambda: len(service.results()) == 6, "the hanging ones come out")
        assert service.stop() == 0
        ledger.check_all_delivered()


@fault("disk full")
@pytest.mark.parametrize("full", ["outbox", "state"])
def test_a_full_disk(service: Harness, ledger: Ledger, full: str) -> None:
    """With no room the inbox pauses with an alarm and charges no attempt; with room again it goes on by itself."""
    (service.folder / "state").mkdir(mode=0o700)
    other, outbox = two_inboxes(service)
    disk = service.folder / full
    with mounts.in_memory(disk, "2m"):
        service.start()
        filler = disk / ".filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass
        names = [ledger.drop(service.inbox, number) for number in range(4)]
        wait_until(lambda: len(service.told("disk_full")) >= 3, "the alarm is told")
        assert [path for path in service.results() if path != filler] == []
        if full == "outbox":
            (other / "other.jpg").write_bytes(portrait(50))
            wait_until(lambda: delivered(outbox, "other.jpg"), "the other inbox goes on")
        filler.unlink()
        wait_until(lambda: len(service.told("job")) == 4 + (full == "outbox"), "all goes on")
        assert {job["outcome"] for job in service.told("job")} == {"published"}
        assert {job["attempt"] for job in service.told("job")} == {1}
        assert service.stop() == 0
        assert delivered(service.outbox, *names)
        ledger.check_all_delivered()


@fault("errors of a share")
def test_an_outbox_made_read_only(service: Harness, ledger: Ledger) -> None:
    """EROFS is a folder out of reach: the photo waits, without an attempt, until it may be written again."""
    with mounts.in_memory(service.outbox):
        service.start()
        mounts.remount(service.outbox, "ro")
        ledger.drop(service.inbox, 1)
        wait_until(lambda: len(service.told("folder_out_of_reach")) >= 2, "the trouble is told")
        mounts.remount(service.outbox, "rw")
        (job,) = wait_until(lambda: service.told("job"), "it goes on")
        assert job["attempt"] == 1
        assert service.stop() == 0
        ledger.check_all_delivered()
