"""What could not be done now is done later: originals that should have gone go once they can, and it is told until then."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.daemon import wait_until
from tests.faults import mounts
from tests.faults.harness import Harness, Ledger
from tests.faults.table import fault
from tests.portraits import portrait


@contextmanager
def full_archive(service: Harness) -> Iterator[Callable[[], None]]:
    """An archive without room; what is given makes room."""
    service.archive.mkdir()
    with mounts.in_memory(service.archive, "64k"):
        filler = service.archive / "filler"
        filler.write_bytes(bytes(60_000))
        yield filler.unlink


@contextmanager
def locked_original(service: Harness) -> Iterator[Callable[[], None]]:
    """A folder from which nothing can be removed; what is given lets go of it."""

    def change(flag: str) -> bool:
        return not subprocess.run(["chattr", flag, str(service.inbox)], capture_output=True, check=False).returncode

    def lock() -> None:
        if not change("+a"):
            pytest.skip("this file system knows no attributes (chattr)")

    def unlock() -> None:
        assert change("-a")

    lock()
    try:
        yield unlock
    finally:
        change("-a")


@fault("an original that cannot be retired yet")
@pytest.mark.parametrize("trouble", [full_archive, locked_original], ids=lambda trouble: trouble.__name__)
@pytest.mark.parametrize("restart", [False, True])
def test_an_original_that_stayed_goes_as_soon_as_it_can(
    service: Harness, ledger: Ledger, trouble: Callable[..., object], restart: bool
) -> None:
    """Its result is out, it is told as owed, and it leaves by itself: of a running service, and after a restart."""
    policy = "archive" if trouble is full_archive else "delete"
    service.configure(originals=policy)
    with trouble(service) as mend:  # type: ignore[attr-defined]
        (service.inbox / "photo-1.jpg").write_bytes(ledger_photo(ledger, 1))
        service.start()
        wait_until(lambda: service.told("original_not_retired"), "it cannot be retired")
        wait_until(service.results, "its result is out")
        wait_until(lambda: service.owed() == 1, "it is owed")
        assert json.loads(service.reconcile("--json").stdout)["inboxes"][0]["owed"] == 1
        assert (service.inbox / "photo-1.jpg").exists()
        if restart:
            assert service.stop() == 0
        mend()
        if restart:
            service.start()
        wait_until(lambda: not any(service.inbox.iterdir()), "it has gone")
        wait_until(lambda: service.owed() == 0, "nothing is owed any more")
        assert service.stop() == 0
    assert ledger.check_results() == set(ledger.dropped)


@fault("an original that cannot be retired yet")
def test_status_alarms_once_it_is_owed_for_an_hour(service: Harness, ledger: Ledger) -> None:
    """Before that it is only told."""
    service.configure(originals="archive")
    with full_archive(service):
        (service.inbox / "photo-1.jpg").write_bytes(ledger_photo(ledger, 1))
        assert service.once() == 0
        assert service.tell("status").returncode == 0
        assert "still to be archived" in " ".join(service.tell("status").stdout.split())
        with sqlite3.connect(service.folder / "state/journal.sqlite") as journal:
            journal.execute("UPDATE jobs SET ended_at = ended_at - 3700")
        assert service.tell("status").returncode == 1


def ledger_photo(ledger: Ledger, number: int) -> bytes:
    """A portrait, noted as dropped under its name; written in place, for the inbox may let nobody rename."""
    ledger.dropped[f"photo-{number}.jpg"] = number
    return portrait(number)
