"""Photos that come the way they do in real life: over SMB, over FTP, under a temp name, page by page, to a NAS."""

from __future__ import annotations

import threading

from tests.daemon import wait_until
from tests.faults import mounts, peers
from tests.faults.harness import Harness, Ledger, check_redacted, write_slowly
from tests.faults.table import fault
from tests.portraits import portrait


@fault("real peers")
def test_a_scanner_over_smb(service: Harness, ledger: Ledger) -> None:
    """Photos that smbclient writes to a Samba share, at once, slowly, and under a temp name, come out once and whole."""
    service.configure(settle=1.0, scan_every=0.5)
    for number in range(3):
        # Some page's worth behind the picture, so that a slow transfer takes seconds.
        (service.folder / f"{number}.jpg").write_bytes(portrait(number) + bytes(150_000))
        ledger.dropped[f"photo-{number}.jpg"] = number
    with peers.samba(service.folder / "samba", service.inbox) as share:
        service.start()
        share.put(service.folder / "0.jpg", "photo-0.jpg")
        share.put(service.folder / "1.jpg", "photo-1.jpg", slowly=True)
        share.put(service.folder / "2.jpg", "photo-2.part", slowly=True)
        assert not (service.outbox / "photo-2.part").exists()
        share.rename("photo-2.part", "photo-2.jpg")
        wait_until(lambda: len(service.results()) == 3, "all photos come out")
        assert service.stop() == 0
    ledger.check_all_delivered()
    assert {job["outcome"] for job in service.told("job")} == {"published"}
    service.reconciled(3)


@fault("real peers")
def test_an_upload_over_ftp_that_stalls_and_resumes(service: Harness) -> None:
    """An upload in place that pauses for less than the quiet time, and one that breaks off and is resumed, come out whole."""
    service.configure(settle=2.0, scan_every=0.5)
    data = portrait(1)
    with peers.slow_ftp(service.inbox) as server:
        service.start()
        server.send("photo.jpg", data[:3000])
        server.send("photo.jpg", data[3000:], offset=3000)
        server.send("second.part", portrait(2))
        server.rename("second.part", "second.jpg")
        wait_until(lambda: len(service.results()) == 2, "both photos come out")
        assert service.stop() == 0
    check_redacted(service.outbox / "photo.jpg", 1)
    check_redacted(service.outbox / "second.jpg", 2)
    assert not list(service.quarantine.iterdir())


@fault("real peers")
def test_many_writers_at_once(service: Harness, ledger: Ledger) -> None:
    """Writers in place and writers that rename, side by side, each at its own pace: each photo once, none early."""
    service.configure(settle=1.0, scan_every=0.3)
    service.start()
    writers = []
    for number in range(6):
        name = f"photo-{number}.jpg"
        ledger.dropped[name] = number
        arguments = (service.inbox / name, portrait(number), 3 + number, 0.4)
        writers.append(threading.Thread(target=write_slowly, args=arguments))
    for writer in writers:
        writer.start()
    for number in range(6, 12):
        ledger.drop(service.inbox, number)
    for writer in writers:
        writer.join()
    wait_until(lambda: len(service.results()) == 12, "all photos come out")
    assert service.stop() == 0
    ledger.check_all_delivered()
    assert not list(service.quarantine.iterdir())


@fault("real peers")
def test_a_nas_written_to_slowly(service: Harness, ledger: Ledger) -> None:
    """On a share that sends no events a photo written in bursts is read once, when it is whole, and after a remount not again."""
    service.configure(settle=1.0, scan_every=0.3)
    share = service.folder / "share"
    share.mkdir()
    with mounts.through_fuse(share, service.inbox):
        service.start()
        write_slowly(share / "photo-1.jpg", portrait(1), 6, 0.5)
        ledger.dropped["photo-1.jpg"] = 1
        wait_until(service.results, "the photo comes out")
        assert service.stop() == 0
    with mounts.through_fuse(share, service.inbox):
        assert service.once() == 0
        ledger.check_all_delivered()
        service.reconciled(1)
