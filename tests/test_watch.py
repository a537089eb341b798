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
Hint = tuple[str, bytes | None]


@pytest.fixture
def hints() -> queue.SimpleQueue[Hint]:
    """Where the hints of a test's watch arrive."""
    return queue.SimpleQueue()


@pytest.fixture
def watch(hints: queue.SimpleQueue[Hint]) -> Iterator[Watch]:
    """A running watch; it ends with the test."""
    it = Watch(lambda inbox, path: hints.put((inbox, path)))
    yield it
    it.stop()


def wait_for(hints: queue.SimpleQueue[Hint], wanted: Hint) -> None:
    """Take hints until this one comes."""
    while hints.get(timeout=PATIENCE) != wanted:
        pass


@pytest.mark.parametrize("name", [b"a.jpg", *NASTY], ids=repr)
def test_a_written_file_is_hinted_by_its_exact_path(
    tmp_path: Path, watch: Watch, hints: queue.SimpleQueue[Hint], name: bytes
) -> None:
    """Whatever its name, the path comes as bytes relative to the inbox."""
    watch.add("photos", tmp_path, deep=True)
    with open(os.path.join(os.fsencode(tmp_path), name), "wb") as file:  # noqa: PTH118
        file.write(b"x")
    wait_for(hints, ("photos", name))


def test_a_file_moved_in_or_renamed_is_hinted(tmp_path: Path, watch: Watch, hints: queue.SimpleQueue[Hint]) -> None:
    """Programs that write elsewhere and move are seen; a rename inside hints the new name."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch.add("photos", inbox, deep=True)
    (tmp_path / "made").write_bytes(b"x")
    (tmp_path / "made").rename(inbox / "moved.jpg")
    wait_for(hints, ("photos", b"moved.jpg"))
    (inbox / "moved.jpg").rename(inbox / "renamed.jpg")
    wait_for(hints, ("photos", b"renamed.jpg"))


def test_a_new_folder_asks_for_a_scan(tmp_path: Path, watch: Watch, hints: queue.SimpleQueue[Hint]) -> None:
    """What a new folder held before it was watched is found by a scan; what comes later is hinted."""
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    watch.add("photos", inbox, deep=True)
    (tmp_path / "album").mkdir()
    (tmp_path / "album" / "early.jpg").write_bytes(b"x")
    (tmp_path / "album").rename(inbox / "album")
    wait_for(hints, ("photos", None))
    (inbox / "other").mkdir()
    wait_for(hints, ("photos", None))


def test_inboxes_are_told_apart(tmp_path: Path, watch: Watch, hints: queue.SimpleQueue[Hint]) -> None:
    """Each hint bears the name of its inbox, also where one folder's path begins with the other's."""
    for name in ("in", "inbox"):
        (tmp_path / name).mkdir()
        watch.add(name, tmp_path / name, deep=False)
    for name in ("inbox", "in"):
        (tmp_path / name / "a.jpg").write_bytes(b"x")
        wait_for(hints, (name, b"a.jpg"))


def test_a_folder_that_cannot_be_watched_is_an_error(tmp_path: Path, watch: Watch) -> None:
    """A missing folder raises OSError, and the watch goes on for others."""
    with pytest.raises(OSError, match="No such file"):
        watch.add("photos", tmp_path / "missing", deep=True)
    watch.add("photos", tmp_path, deep=True)


def test_losing_the_folder_breaks_nothing(
    tmp_path: Path, watch: Watch, hints: queue.SimpleQueue[Hint], caplog: pytest.LogCaptureFixture
) -> None:
    """Where a watched folder is removed, the others are still watched, and the loss is left to the scan to find."""
    for name in ("lost", "kept"):
        (tmp_path / name).mkdir()
        watch.add(name, tmp_path / name, deep=True)
    (tmp_path / "lost").rmdir()
    (tmp_path / "kept" / "a.jpg").write_bytes(b"x")
    wait_for(hints, ("kept", b"a.jpg"))
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
