"""Inboxes that are away when the service starts: the others are served, it is told, and they are taken once they are back."""

from __future__ import annotations

import errno
import json

import pytest
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault
from tests.faults.test_faults_mounts import two_inboxes
from tests.portraits import portrait


def troubles(service: Harness, inbox: str) -> list[str]:
    """What `status` says keeps an inbox from its work."""
    told = json.loads(service.tell("status", "--json").stdout)
    (row,) = [row for row in told["inboxes"] if row["inbox"] == inbox]
    return list(row["troubles"])


@fault("the share is away")
def test_an_inbox_that_is_missing_at_the_start(service: Harness, ledger: Ledger) -> None:
    """The other one delivers at once; made later, the missing one is served by itself, in the same process."""
    other, outbox = two_inboxes(service)
    other.rmdir()
    first = ledger.drop(service.inbox, 1)
    service.start()
    wait_until((service.outbox / first).exists, "the inbox that is there is served")
    assert {line["inbox"] for line in service.told("folder_out_of_reach")} == {"other"}
    assert "folder_out_of_reach" in troubles(service, "other")
    assert service.tell("check").returncode != 0
    other.mkdir()
    (other / "late.jpg").write_bytes(portrait(50))
    wait_until((outbox / "late.jpg").exists, "the missing one is served once it is there")
    assert troubles(service, "other") == []
    second = ledger.drop(service.inbox, 2)
    wait_until((service.outbox / second).exists, "the first one still is")
    assert service.stop() == 0
    service.reconciled(3)
    ledger.check_all_delivered()


@pytest.mark.parametrize("role", ["outbox", "quarantine"])
@fault("the share is away")
def test_an_inbox_with_a_folder_of_no_use_at_the_start(service: Harness, ledger: Ledger, role: str) -> None:
    """Read-only, say: the other inbox is served, it is told which folder, and the photos go once that may be written."""
    other, outbox = two_inboxes(service)
    folder = outbox if role == "outbox" else other.with_name("other-quarantine")
    folder.mkdir(exist_ok=True)
    with mounts.in_memory(folder):
        mounts.remount(folder, "ro")
        (other / "late.jpg").write_bytes(portrait(50))
        first = ledger.drop(service.inbox, 1)
        service.start()
        wait_until((service.outbox / first).exists, "the inbox that is well is served")
        (line,) = service.told("folder_out_of_reach")
        assert (line["inbox"], line["folder"], line["error"]) == ("other", role, errno.EROFS)
        told = service.tell("status")
        assert told.returncode == 1
        assert f"the {role} folder cannot be used: mount it for writing" in told.stdout
        mounts.remount(folder, "rw")
        wait_until((outbox / "late.jpg").exists, "the other one is served")
        assert service.stop() == 0
        service.reconciled(2)
    ledger.check_all_delivered()


@fault("a mount that hangs")
def test_a_mount_that_hangs_at_the_start(service: Harness, ledger: Ledger) -> None:
    """It holds up neither the start nor the other inbox; once it answers it is served."""
    other, outbox = two_inboxes(service)
    share = service.folder / "share"
    share.mkdir()
    assert service.once() == 0  # at the very first start nobody could tell whether a journal was lost
    with mounts.through_fuse(share, other) as fuse:
        fuse.hang()
        first = ledger.drop(service.inbox, 1)
        service.start()
        wait_until((service.outbox / first).exists, "the other inbox is served")
        assert [line["inbox"] for line in service.told("folder_hangs")] == ["other"]
        (share / "late.jpg").write_bytes(portrait(50))
        fuse.answer()
        wait_until((outbox / "late.jpg").exists, "the mount answers and is served")
        assert service.stop() == 0
    ledger.check_all_delivered()


@fault("the share is away")
def test_once_says_that_an_inbox_was_away(service: Harness, ledger: Ledger) -> None:
    """What can be done is done, and the exit code tells the rest; with none left nothing starts."""
    other, _ = two_inboxes(service)
    other.rmdir()
    ledger.drop(service.inbox, 1)
    assert service.once() == 1
    ledger.check_all_delivered()
    service.inbox.rename(service.folder / "elsewhere")
    assert service.once() == 3


@fault("the share is away")
def test_rows_of_an_inbox_that_is_away_are_kept(service: Harness, ledger: Ledger) -> None:
    """Its kept originals do not come out twice, though a day of forgetting passed meanwhile."""
    other, outbox = two_inboxes(service)
    (other / "kept.jpg").write_bytes(portrait(50))
    first = ledger.drop(service.inbox, 1)
    assert service.once() == 0
    away = service.folder / "away"
    other.rename(away)
    service.start()
    wait_until(lambda: service.told("folder_out_of_reach"), "it is told")
    assert service.tell("forget", "--days", "0").returncode in (0, 1)
    away.rename(other)
    wait_until(lambda: len(service.told("started")) == 2, "it is back")
    second = ledger.drop(service.inbox, 2)
    wait_until((service.outbox / second).exists, "work goes on")
    assert service.stop() == 0
    assert [path.name for path in outbox.iterdir()] == ["kept.jpg"]
    assert {path.name for path in service.outbox.iterdir()} == {first, second}


@fault("journal corrupt, absent, older")
@pytest.mark.parametrize("lost", ["inbox", "outbox"])
def test_a_lost_journal_and_an_inbox_that_is_away(service: Harness, ledger: Ledger, lost: str) -> None:
    """Nobody could tell then what was delivered of it, so nothing starts: it would all be done again once it is back."""
    other, outbox = two_inboxes(service)
    for number in (50, 51):
        (other / f"{number}.jpg").write_bytes(portrait(number))
    ledger.drop(service.inbox, 1)
    assert service.once() == 0
    (service.folder / "state").rename(service.folder / "lost")
    gone = other if lost == "inbox" else outbox
    gone.rename(service.folder / "away")
    assert service.once() == 3
    ledger.check_all_delivered()
    (service.folder / "away").rename(gone)
    (service.folder / "lost").rename(service.folder / "state")
    assert service.once() == 0
    assert len(list(outbox.iterdir())) == 2
