"""Absence is believed only of the right folder: while the share is away, nothing is concluded from what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault
from tests.portraits import portrait


def start_without_it(service: Harness) -> None:
    """A start while the share is away, which tells that it is, and ends."""
    service.start()
    wait_until(lambda: service.told("folder_out_of_reach"), "it is told")
    assert service.stop() == 0


@fault("the share is away")
@pytest.mark.parametrize("command", [("forget", "--days", "0"), ("reconcile",), ("once", "--dry-run"), ("run",)])
@pytest.mark.parametrize("marker", [True, False])
def test_kept_originals_of_a_share_that_is_away_are_not_done_again(
    service: Harness, ledger: Ledger, command: tuple[str, ...], marker: bool
) -> None:
    """An empty folder stands where the share was: whatever is asked meanwhile, there is no second result when it is back."""
    share = service.folder / "share"
    share.mkdir()
    with mounts.in_memory(share):
        mounts.bind(share, service.inbox)
        inbox = {"name": "photos", "path": "inbox", "outbox": "outbox"} | ({"marker": "here.is"} if marker else {})
        (service.inbox / "here.is").touch()
        service.configure({"inboxes": [inbox]}, photos={"ignore": ["*.part", "here.is"]})
        for number in range(3):
            ledger.drop(service.inbox, number)
        assert service.once() == 0
        mounts.unmount(service.inbox)
        if command == ("run",):
            start_without_it(service)
        else:
            told = service.tell(*command)
            assert "vanished" not in told.stdout
            assert told.returncode == 1
            assert "out of reach" in told.stderr
        mounts.bind(share, service.inbox)
        assert service.once() == 0
        mounts.unmount(service.inbox)
    ledger.check_all_delivered()


@fault("the share is away")
@pytest.mark.parametrize("originals", ["keep", "archive", "delete"])
def test_a_job_cut_off_waits_for_its_share(service: Harness, ledger: Ledger, originals: str) -> None:
    """Killed after its result was placed; a start while the share is away concludes nothing, and the next one ends it."""
    share = service.folder / "share"
    share.mkdir()
    with mounts.in_memory(share):
        mounts.bind(share, service.inbox)
        service.configure(originals=originals)
        ledger.drop(service.inbox, 1)
        service.start_at("after journal.record:Journal.placed")
        service.wait_killed()
        mounts.unmount(service.inbox)
        start_without_it(service)
        mounts.bind(share, service.inbox)
        assert service.once() == 0
        left = {path.name for path in service.inbox.iterdir()}
        mounts.unmount(service.inbox)
    ledger.check_all_delivered()
    assert left == (set(ledger.dropped) if originals == "keep" else set())


@fault("the share is away")
def test_an_empty_folder_in_the_inboxs_place_is_not_believed(service: Harness) -> None:
    """The inbox was renamed away, and another folder has its name: rows of originals that were dropped into the first stay."""
    service.drop("a.jpg", portrait(1))
    assert service.once() == 0
    service.inbox.rename(service.folder / "away")
    service.inbox.mkdir()
    told = service.tell("forget", "--days", "0")
    assert told.returncode == 1
    service.once()
    assert service.tell("forget", "--days", "0").stdout == "0 forgotten\n"
    service.inbox.rmdir()
    Path(service.folder / "away").rename(service.inbox)
    assert service.once() == 0
    assert len(service.results()) == 1
