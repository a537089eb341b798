"""Watch: what inotify tells becomes a hint with the exact path, or the wish to scan; never a file, never a log line."""

from __future__ import annotations

import logging
import os
import queue
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.rooms import MEMORY, NASTY

from facewarden.intake.watch import Watch, way_of

PATIENCE = 20.0


class Hints:
    """Hears what a watch tells."""

    def __init__(self) -> None:
        self.heard: queue.SimpleQueue[tuple[bytes | None, bool] | str] = queue.SimpleQueue()

    def hint(self, path: bytes | None, *, renamed: bool) -> None:
        self.heard.put((path, renamed))

    def events_lost(self) -> None:
        self.heard.put("events lost")

    def watches_lacking(self) -> None:
        self.heard.put("watches lacking")

    def wait_for(self, path: bytes | None, *, renamed: bool = False) -> None:
        """Take hints until this one comes."""
        while self.heard.get(timeout=PATIENCE) != (path, renamed):
            pass


@pytest.fixture
def hints() -> Hints:
    """Where the hints of a test's watch arrive."""
    return Hints()


@pytest.fixture
def watch(hints: Hints) -> Iterator[Watch]:
    """A running watch; it ends with the test."""
    it = Watch(hints)
    yield it
    it.stop()


@pytest.mark.parametrize("name", [b"a.jpg", *NASTY], ids=repr)
def test_a_written_file_is_hinted_by_its_exact_path(tmp_path: Path, watch: Watch, hints: Hints, name: bytes) -> None:
    """Whatever its name, the path comes as bytes relative to the inbox."""
    watch.add(tmp_path, deep=True)
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118
        file.write(b"x")
    hints.wait_for(name)


def test_a_file_moved_in_or_renamed_is_hinted(tmp_path: Path, watch: Watch, hints: Hints) -> None:
    """Programs that write elsewhere and move are seen; a rename inside hints the new name."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch.add(inbox, deep=True)
    (tmp_path / "made").write_bytes(b"x")
    (tmp_path / "made").rename(inbox / "moved.jpg")
    hints.wait_for(b"moved.jpg", renamed=True)
    (inbox / "moved.jpg").rename(inbox / "renamed.jpg")
    hints.wait_for(b"renamed.jpg", renamed=True)


def test_a_new_folder_asks_for_a_scan(tmp_path: Path, watch: Watch, hints: Hints) -> None:
    """What a new folder held before it was watched is found by a scan; what comes later is hinted."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch.add(inbox, deep=True)
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "early.jpg").write_bytes(b"x")
    (tmp_path / "album").rename(inbox / "album")
    hints.wait_for(None)
    (inbox / "other").mkdir()
    hints.wait_for(None)


def test_a_folder_that_cannot_be_watched_is_an_error(tmp_path: Path, watch: Watch) -> None:
    """A missing folder raises OSError, and the watch goes on for others."""
    with pytest.raises(OSError, match="No such file"):
        watch.add(tmp_path / "missing", deep=True)
    watch.add(tmp_path, deep=True)


def test_losing_the_folder_breaks_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where a watched folder is removed, that of another inbox is still watched; the loss is left to the scan to find."""
    lost, kept = Hints(), Hints()
    watches = [Watch(lost), Watch(kept)]
    for watch, name in zip(watches, ("lost", "kept"), strict=True):
        (tmp_path / name).mkdir()
        watch.add(tmp_path / name, deep=True)
    (tmp_path / "lost").rmdir()
    (tmp_path / "kept" / "a.jpg").write_bytes(b"x")
    kept.wait_for(b"a.jpg")
    for watch in watches:
        watch.stop()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_the_way_is_chosen_by_the_file_system(tmp_path: Path) -> None:
    """A wish is followed; `auto` means events on a local disk, and in memory."""
    assert way_of(tmp_path, "poll") == "poll"
    assert way_of(tmp_path, "events") == "events"
    assert way_of(tmp_path, "auto") == "events"
    if MEMORY.is_dir():
        assert way_of(MEMORY, "auto") == "events"
    with pytest.raises(FileNotFoundError):
        way_of(tmp_path / "missing", "auto")


def test_an_event_during_the_end_of_a_watch_is_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What watchdog says of it would look like a trouble in the service's log."""
    watch = Watch(Hints())
    watch.add(tmp_path, deep=True)
    (emitter,) = watch._observer.emitters
    watch.stop()
    emitter.queue_events(0.1)
    assert not caplog.records
