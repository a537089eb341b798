"""An inbox between two steps of the loop: every photo goes once, however often it is seen, and a failing folder waits."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.rooms import drop, inbox_in, signature_of

from facewarden.files import Signature
from facewarden.intake import inbox as room
from facewarden.intake.inbox import Inbox
from facewarden.intake.scan import look
from facewarden.values import Recipe


class Clocked:
    """An inbox, with what has ended remembered here instead of in a journal."""

    def __init__(self, folder: Path, **choices: object) -> None:
        self.settings = inbox_in(folder, settle=2.0, scan_every=30.0, **choices)
        self.done: set[tuple[bytes, Signature]] = set()
        self.room = Inbox(self.settings, Recipe({}), "poll", lambda _, *version: version in self.done)

    def take_all(self, now: float) -> list[bytes]:
        paths = []
        while settled := self.room.take(now):
            paths.append(settled.path)
        return paths


@pytest.fixture
def inbox(tmp_path: Path) -> Clocked:
    """A room with an empty inbox."""
    return Clocked(tmp_path)


def test_an_inbox_gives_each_file_once(inbox: Clocked) -> None:
    """From the scan to its end a file is handed out once, however often it is seen meanwhile."""
    drop(inbox.settings, b"a.jpg")
    for now in (0.0, 1.0):
        inbox.room.scan(now)
        inbox.room.hint(dict.fromkeys((b"a.jpg", b"missing.jpg", b".hidden", b"", b"a.jpg/x"), False), now)
    assert inbox.room.waiting == 1
    assert inbox.take_all(1.9) == []
    assert inbox.take_all(2.0) == [b"a.jpg"]
    inbox.room.scan(3.0)
    inbox.room.hint({b"a.jpg": False}, 3.0)
    assert inbox.take_all(9.0) == []
    inbox.done.add((b"a.jpg", signature_of(inbox.settings.path, b"a.jpg")))
    inbox.room.ended(b"a.jpg")
    inbox.room.scan(10.0)
    assert inbox.take_all(20.0) == []
    drop(inbox.settings, b"a.jpg", b"another")
    inbox.room.scan(21.0)
    assert inbox.take_all(23.0) == [b"a.jpg"]


def test_more_files_than_room_all_come_out(inbox: Clocked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With more files than are watched at a time, the next scans find the rest: each goes once, none is forgotten."""
    monkeypatch.setattr(room, "ROOM", 5)
    monkeypatch.setattr(room, "BATCH", 2)
    full = Clocked(tmp_path)
    for number in range(23):
        drop(full.settings, b"%d.jpg" % number)
    gone: list[bytes] = []
    for now in range(0, 100, 10):
        full.room.scan(now)
        assert full.room.waiting <= 5
        for path in full.take_all(now + 5):
            gone.append(path)
            full.done.add((path, signature_of(full.settings.path, path)))
            full.room.ended(path)
    assert sorted(gone) == sorted(b"%d.jpg" % number for number in range(23))
    assert not full.room.more


def test_a_folder_that_fails_in_mid_take_gives_no_file_twice(inbox: Clocked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files settled before the failure are under way: a scan in between does not bring them in again."""
    for name in (b"a.jpg", b"b.jpg"):
        drop(inbox.settings, name)
        os.utime(inbox.settings.path / os.fsdecode(name), (name[0], name[0]))
    inbox.room.scan(0.0)

    def failing(root: int, path: bytes, done: bytes = b"") -> Signature | None:
        if path == b"b.jpg":
            raise OSError(5, "I/O error")
        return look(root, path, done)

    monkeypatch.setattr(room, "look", failing)
    with pytest.raises(OSError, match="I/O"):
        inbox.room.take(2.0)
    monkeypatch.undo()
    inbox.room.scan(3.0)
    assert sorted(inbox.take_all(20.0)) == [b"a.jpg", b"b.jpg"]


def test_a_failing_folder_is_left_alone_for_longer_each_time(inbox: Clocked) -> None:
    """After a failure nothing is handed out for a pause that doubles up to a minute; a success starts over."""
    drop(inbox.settings, b"a.jpg")
    inbox.room.scan(0.0)
    now, pauses = 100.0, []
    for _ in range(8):
        inbox.room.failed(now)
        assert inbox.room.take(now) is None
        pauses.append(inbox.room.next_due(now) - now)
        now += pauses[-1]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert inbox.room.failing
    assert inbox.take_all(now) == [b"a.jpg"]
    inbox.room.succeeded(b"", "outbox")
    inbox.room.failed(now)
    assert inbox.room.next_due(now) - now == 1


def test_subfolders_can_be_left_out(tmp_path: Path) -> None:
    """With `subfolders: ignore` neither a scan nor a hint brings in what lies deeper."""
    flat = Clocked(tmp_path, subfolders="ignore")
    drop(flat.settings, b"a.jpg")
    drop(flat.settings, b"deep/b.jpg")
    flat.room.scan(0.0)
    flat.room.hint({b"deep/b.jpg": False}, 0.0)
    assert flat.take_all(5.0) == [b"a.jpg"]


def test_a_missing_inbox_is_an_error_in_every_step(inbox: Clocked) -> None:
    """Scan, hint and take raise where the folder is away; the files that were waiting are not forgotten."""
    drop(inbox.settings, b"a.jpg")
    inbox.room.scan(0.0)
    away = inbox.settings.path.with_name("away")
    inbox.settings.path.rename(away)
    for step in (inbox.room.scan, inbox.room.take, lambda now: inbox.room.hint({b"a.jpg": False}, now)):
        with pytest.raises(FileNotFoundError):
            step(9.0)
    away.rename(inbox.settings.path)
    assert inbox.take_all(10.0) == [b"a.jpg"]


def test_another_photos_success_is_not_taken_for_the_end_of_a_trouble(inbox: Clocked) -> None:
    """While the quarantine fails for one photo, others are delivered: the inbox is troubled until that one is done, or has left."""
    room = inbox.room
    (room.path / "bad.jpg").write_bytes(b"cut short")
    room.failed(0.0, "quarantine", b"bad.jpg")
    pause = room.not_before
    room.succeeded(b"good.jpg", "outbox")
    assert room.failing
    room.failed(pause, "quarantine", b"bad.jpg")
    assert room.not_before - pause > pause, "it is left alone for longer"
    room.succeeded(b"bad.jpg", "quarantine")
    assert room.waiting == 0
    room.failed(0.0, "quarantine", b"bad.jpg")
    (room.path / "bad.jpg").unlink()
    room.scan(100.0)
    assert not room.failing
