"""Killed at every step of a journey: one drop, one result, and the original is there until its result is durable."""

from __future__ import annotations

import pytest
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault

STEPS = [
    "before intake.claim:claim",
    "before journal.record:Journal.claim",
    "after journal.record:Journal.claim",
    "after journal.tried:Tried.attempt",
    "after pool.local:LocalPool.treat",
    "before delivery.results:Results.keep",
    "after delivery.results:Results.keep",
    "after files.newfile:NewFile.write",
    "before journal.record:Journal.placing",
    "after journal.record:Journal.placing",
    "before files.newfile:NewFile.give",
    "after files.newfile:NewFile.give",
    "before files.newfile:place/fsync",
    "after files.newfile:place/fsync",
    "before journal.record:Journal.placed",
    "after journal.record:Journal.placed",
    "before delivery.retire:retire",
    "after delivery.retire:retire",
    "before journal.record:Journal.done",
    "after journal.record:Journal.done",
]
"""The steps of a photo that is delivered, in their order: before and after each write that must last."""

DECISIVE = [
    "after journal.record:Journal.claim",
    "after journal.record:Journal.placing",
    "after files.newfile:NewFile.give",
    "after journal.record:Journal.placed",
    "after delivery.retire:retire",
]
"""Those after which the next start goes another way; for the policies whose other steps are the same."""

QUARANTINE_STEPS = [
    "before delivery.quarantine:quarantine",
    "before delivery.quarantine:_write_report",
    "after delivery.quarantine:_write_report",
    "before delivery.retire:move",
    "after journal.record:Journal.placing",
    "after files:rename_no_replace",
    "after files.newfile:place/fsync",
    "before journal.record:Journal.placed",
    "after journal.record:Journal.placed",
    "before journal.record:Journal.done",
    "after journal.record:Journal.done",
]


@fault("kill -9 at every step")
@pytest.mark.parametrize("originals", ["archive", "delete", "keep"])
def test_killed_at_every_step_of_a_delivery(service: Harness, ledger: Ledger, originals: str) -> None:
    """Photo after photo the real service is killed one step further; each start ends what the kill before it began."""
    service.configure({"limits": {"attempts": 20}}, originals=originals, settle=0.1)  # each kill costs one
    steps = STEPS if originals == "archive" else DECISIVE
    for number, step in enumerate(steps):
        name = ledger.drop(service.inbox, number)
        service.start_at(step)
        service.wait_killed()
        delivered = ledger.check_results()
        assert name in delivered or (service.inbox / name).exists(), step
    assert service.once() == 0
    ledger.check_all_delivered()
    inbox = {path.name for path in service.inbox.iterdir()}
    assert inbox == (set(ledger.dropped) if originals == "keep" else set())
    if originals == "archive":
        assert {path.name for path in service.archive.iterdir()} == set(ledger.dropped)
    service.reconciled(len(steps))


@fault("kill -9 at every step")
def test_killed_at_every_step_of_a_quarantine(service: Harness) -> None:
    """What cannot be redacted is in quarantine once, with its report, whatever the step it was cut off at."""
    service.configure(originals="archive", settle=0.1)
    for number, step in enumerate(QUARANTINE_STEPS):
        original = service.drop(f"{number}.jpg", b"no photo at all %d" % number)
        service.start_at(step)
        service.wait_killed()
        assert original.exists() or (service.quarantine / original.name).exists(), step
    service.once()
    assert not list(service.inbox.iterdir())
    assert not service.results()
    names = {path.name for path in service.quarantine.iterdir() if path.suffix != ".txt"}
    assert names == {f"{number}.jpg" for number in range(len(QUARANTINE_STEPS))}
    service.reconciled(len(QUARANTINE_STEPS))
