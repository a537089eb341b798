"""What an inbox remembers of old files: each is asked of the journal once, and no more is kept than the folder holds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.rooms import drop, inbox_in

from facewarden.files import Signature
from facewarden.intake import known
from facewarden.intake.inbox import Inbox
from facewarden.intake.known import Known
from facewarden.values import Recipe


class Kept:
    """An inbox of kept originals that all had their outcome, and what its memory asked."""

    def __init__(self, folder: Path, count: int) -> None:
        self.settings = inbox_in(folder)
        self.asked: list[bytes] = []
        self.amendments = 0
        self.fresh: set[bytes] = set()
        """Names of which the journal knows nothing."""
        for number in range(count):
            drop(self.settings, b"%d.jpg" % number)
        self.room = Inbox(self.settings, Recipe({}), "poll", self._finished, lambda: self.amendments)

    def _finished(self, _: str, path: bytes, signature: Signature) -> bool:
        self.asked.append(path)
        return path not in self.fresh

    def asked_by_scan(self, now: float) -> list[bytes]:
        self.asked.clear()
        self.room.scan(now)
        return sorted(self.asked)


def test_old_files_are_asked_once(tmp_path: Path) -> None:
    """The first scan asks of each file, the next ones of none; a version that changed is asked of again, and alone."""
    kept = Kept(tmp_path, 5)
    assert len(kept.asked_by_scan(0)) == 5
    assert kept.asked_by_scan(30) == []
    os.utime(kept.settings.path / "3.jpg", (1, 1))
    assert kept.asked_by_scan(60) == [b"3.jpg"]
    assert kept.room.walked == 15
    assert not kept.room.waiting


def test_what_was_forgotten_is_asked_again(tmp_path: Path) -> None:
    """Where another process took rows out of the journal, the memory is no longer believed: the file is a new drop."""
    kept = Kept(tmp_path, 2)
    kept.room.scan(0)
    kept.amendments, kept.fresh = 1, {b"1.jpg"}
    assert b"1.jpg" in kept.asked_by_scan(30)
    assert kept.room.waiting == 1
    assert set(kept.asked_by_scan(60)) == {b"1.jpg"}


def test_what_left_the_folder_leaves_the_memory(tmp_path: Path) -> None:
    """A file that went away and came back unchanged is asked of again: nothing is kept of what a scan did not meet."""
    kept = Kept(tmp_path, 2)
    kept.room.scan(0)
    away = (kept.settings.path / "0.jpg").rename(tmp_path / "away")
    assert kept.asked_by_scan(30) == []
    away.rename(kept.settings.path / "0.jpg")
    assert kept.asked_by_scan(60) == [b"0.jpg"]


def test_a_scan_that_fails_forgets_nothing(tmp_path: Path) -> None:
    """A folder that was away is asked no more than before, once it is back."""
    kept = Kept(tmp_path, 3)
    kept.room.scan(0)
    away = kept.settings.path.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        kept.room.scan(30)
    away.rename(kept.settings.path)
    assert kept.asked_by_scan(60) == []


def test_the_memory_is_bounded_and_does_not_churn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more files than there is room for, the rest alone is asked of each time."""
    monkeypatch.setattr(known, "ROOM", 4)
    kept = Kept(tmp_path, 7)
    assert len(kept.asked_by_scan(0)) == 7
    for now in (30, 60):
        assert len(kept.asked_by_scan(now)) == 3
    assert not kept.room.waiting


def test_odd_inodes_and_dates_are_one_version(tmp_path: Path) -> None:
    """Numbers beyond what the journal can store (some of FUSE, dates after 2262) are the same for a scan and an event."""
    memory = Known(lambda path, signature: True, int)
    status = os.stat_result(
        (0o100600, 2**64 - 5, 1, 1, 0, 0, 9, 0, 0, 0), {"st_mtime_ns": 2**63 + 7, "st_ctime_ns": 2**63 + 9}
    )
    signature = Signature.of(status)
    assert signature.inode < 0 > signature.mtime_ns
    memory.scan_begins()
    assert not memory.remembers(b"a", status)
    assert memory.has_ended(b"a", signature)
