"""Recovery: what an earlier run left open ends well, whatever became of its files meanwhile."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog.testing
from tests.rooms import (
    CANARY,
    contents,
    door_of,
    drop,
    inbox_in,
    job_of,
    quick_folder,
)

from facewarden.delivery.publish import publish
from facewarden.errors import CannotStart
from facewarden.files import Identity
from facewarden.journal import Journal
from facewarden.service.recovery import recover, resume

NAME = b"albums/photo.jpg"
RESULT = b"result" * 1000


@pytest.fixture
def state() -> Iterator[Path]:
    """A fresh state folder."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    """An open journal in the test's own folder."""
    with contextlib.closing(Journal(state)) as opened:
        yield opened


def test_an_original_that_left_during_the_stop_has_vanished(tmp_path: Path, journal: Journal) -> None:
    """A claimed file that is gone at the next start, or is another now, is no longer waited for."""
    inbox = inbox_in(tmp_path)
    for name in (b"gone.jpg", b"changed.jpg", b"same.jpg"):
        drop(inbox, name)
        job_of(journal, inbox, name)
    (inbox.path / "gone.jpg").unlink()
    drop(inbox, b"changed.jpg", b"another original")
    recover(journal, {inbox.name: (inbox, door_of(inbox))})
    assert [job.source for job in journal.unfinished()] == [b"same.jpg"]
    assert journal.counts() == {"vanished": 2, "open": 1}


@pytest.mark.parametrize("swap", ["file", "link"])
def test_a_subfolder_that_became_something_else_stops_nothing(tmp_path: Path, journal: Journal, swap: str) -> None:
    """Where a job's subfolder is a file or a link now, its original has vanished and its temp file is nowhere."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job_of(journal, inbox, NAME)
    for folder in (inbox.path, inbox.outbox):
        albums = folder / "albums"
        if albums.exists():
            (albums / "photo.jpg").unlink()
            albums.rmdir()
        if swap == "file":
            albums.write_bytes(b"")
        else:
            albums.symlink_to(tmp_path)
    recover(journal, {inbox.name: (inbox, door_of(inbox))})
    assert journal.unfinished() == []


def test_an_inbox_that_left_the_configuration_is_not_touched(tmp_path: Path, journal: Journal) -> None:
    """A job of an inbox that is not configured now stays open, and nothing of it is moved."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job_of(journal, inbox, NAME)
    recover(journal, {})
    assert len(journal.unfinished()) == 1
    assert contents(inbox.path) == {NAME: b"original"}


def test_one_unreachable_inbox_does_not_stop_the_others(tmp_path: Path, journal: Journal) -> None:
    """A job whose folder is out of reach is left for the next start, told of without its path; the others go on."""
    for name in ("away", "here"):
        (tmp_path / name).mkdir()
    away, here = (inbox_in(tmp_path / name, name=name) for name in ("away", "here"))
    for inbox in (away, here):
        drop(inbox, CANARY.encode())
        job = job_of(journal, inbox, CANARY.encode())
        publish(journal, job, "published", RESULT, inbox.outbox, job.source)
    away.path.rename(tmp_path / CANARY)
    with structlog.testing.capture_logs() as told:
        recover(journal, {inbox.name: (inbox, door_of(inbox)) for inbox in (away, here)})
    assert [job.inbox for job in journal.unfinished()] == ["away"]
    assert [entry["event"] for entry in told] == ["folder_out_of_reach", "job_recovered"]
    assert CANARY not in repr(told)


def test_a_journey_cut_off_by_an_error_is_resumed_without_a_second_result(
    tmp_path: Path, state: Path, journal: Journal
) -> None:
    """Where a result was placed but the journal could not note it, the file is not worked on again."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job = job_of(journal, inbox, NAME)
    with contextlib.closing(sqlite3.connect(state / "journal.sqlite")) as database:
        database.execute(
            "CREATE TRIGGER fault BEFORE UPDATE ON jobs WHEN new.state = 'placed' BEGIN SELECT raise(FAIL, ''); END"
        )
        with pytest.raises(CannotStart):
            publish(journal, job, "published", RESULT, inbox.outbox, job.source)
        database.execute("DROP TRIGGER fault")
    assert contents(inbox.outbox) == {NAME: RESULT}
    resume(journal, inbox, door_of(inbox), NAME)
    assert journal.finished(inbox.name, NAME, job.signature)
    assert journal.unfinished() == []


def test_a_placing_that_failed_is_resumed_under_the_same_job(tmp_path: Path, journal: Journal) -> None:
    """Where nothing was placed the job goes back to its claim, with its attempts, instead of a second one beside it."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    journal.placing(job, "published", NAME, Identity(1))
    resume(journal, inbox, door_of(inbox), NAME)
    again = job_of(journal, inbox, NAME)
    assert (again.id, again.attempts) == (job.id, 1)
    assert len(journal.unfinished()) == 1
