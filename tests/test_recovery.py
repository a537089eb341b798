"""Recovery: killed at any step, or failing at any step, one drop has one result and no original is lost."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
import structlog.testing
from tests.rooms import (
    CANARY,
    contents,
    drop,
    inbox_in,
    job_of,
    killed_before_step,
    quick_folder,
    second_file_system,
    signature_of,
)

from facewarden import config
from facewarden.config.models import Role
from facewarden.delivery.publish import publish
from facewarden.delivery.quarantine import quarantine
from facewarden.delivery.retire import retire
from facewarden.errors import DAMAGED, CannotStart
from facewarden.journal import Journal
from facewarden.recovery import recover, resume

NAME = b"albums/photo.jpg"
RESULT = b"result" * 1000
ORIGINAL = b"original" * 1000
KEY = b"key" * 11
ROLES: tuple[Role, ...] = get_args(Role)


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in a quick file system: these tests write through to the disk some thousand times."""
    with second_file_system() as folder:
        yield folder


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


def deliver(journal: Journal, inbox: config.Inbox) -> None:
    """What a journey does from the claim on, once it has a result."""
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    publish(journal, job, "published", RESULT, inbox.outbox, job.source)
    retire(job, inbox.path, inbox.originals, inbox.folder("archive"))
    journal.done(job)


def refuse(journal: Journal, inbox: config.Inbox) -> None:
    """What a journey does from the claim on, where there is no result."""
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    keep = inbox.originals == "keep"
    quarantine(journal, job, DAMAGED, inbox.path, inbox.folder("quarantine"), keep=keep)
    journal.done(job)


def start_again(state: Path, inbox: config.Inbox, work: Callable[[Journal, config.Inbox], None]) -> None:
    """A fresh start: recover, then take up the file if it is there and has had no outcome; nothing may stay open."""
    journal = Journal(state)
    recover(journal, KEY, {inbox.name: inbox})
    assert not [name for role in ROLES for name in contents(inbox.folder(role)) if name.endswith(b".part")]
    path = inbox.path / os.fsdecode(NAME)
    if path.exists() and not journal.finished(inbox.name, NAME, signature_of(inbox.path, NAME)):
        work(journal, inbox)
    assert journal.unfinished() == []
    journal.close()


def killed_everywhere(
    folder: Path, inbox: config.Inbox, work: Callable[[Journal, config.Inbox], None]
) -> Iterator[None]:
    """Drop a photo, kill the work before its first, second, … step, start again; yields after each, until it ends."""
    for step in range(1000):
        state = folder / f"state-{step}"
        state.mkdir()
        drop(inbox, NAME, ORIGINAL)

        def run(state: Path = state) -> None:
            work(Journal(state), inbox)

        killed = killed_before_step(step, run)
        assert all(data == RESULT for data in contents(inbox.outbox).values()), "a half file was visible"
        start_again(state, inbox, work)
        yield
        for role in ROLES:
            for name in contents(inbox.folder(role)):
                (inbox.folder(role) / os.fsdecode(name)).unlink()
        if not killed:
            assert step > 15, "the work has more steps than that"
            return


@pytest.mark.parametrize("originals", ["keep", "archive", "delete"])
def test_killed_at_any_step_of_a_delivery(quick: Path, originals: str) -> None:
    """Each drop has exactly one whole result, and the original is where its policy wants it."""
    inbox = inbox_in(quick, originals=originals)
    for _ in killed_everywhere(quick, inbox, deliver):
        assert contents(inbox.outbox) == {NAME: RESULT}
        assert contents(inbox.path) == ({NAME: ORIGINAL} if originals == "keep" else {})
        assert contents(inbox.folder("archive")) == ({NAME: ORIGINAL} if originals == "archive" else {})


@pytest.mark.parametrize("originals", ["keep", "archive"])
def test_killed_at_any_step_of_a_quarantine(quick: Path, originals: str) -> None:
    """The original is in one place, whole, a report is beside it or alone, and nothing is in the outbox."""
    inbox = inbox_in(quick, originals=originals)
    for _ in killed_everywhere(quick, inbox, refuse):
        assert contents(inbox.outbox) == {}
        there = contents(inbox.folder("quarantine"))
        reports = {name for name in there if name.endswith(b".txt")}
        assert len(reports) == 1
        kept = {name: there[name] for name in there if name not in reports}
        assert [contents(inbox.path), kept].count({NAME: ORIGINAL}) == 1
        assert kept == ({} if originals == "keep" else {NAME: ORIGINAL})


def test_killed_at_any_step_of_a_quarantine_across_file_systems(quick: Path, tmp_path: Path) -> None:
    """Also where the move is a copy, one original is left: in quarantine."""
    inbox = inbox_in(quick, originals="delete", quarantine=tmp_path / "quarantine")
    for _ in killed_everywhere(quick, inbox, refuse):
        assert contents(inbox.path) == {}
        there = contents(inbox.folder("quarantine"))
        assert [there[name] for name in there if not name.endswith(b".txt")] == [ORIGINAL]


def test_killed_at_any_step_of_archiving_across_file_systems(quick: Path, tmp_path: Path) -> None:
    """Also where the move is a copy there is one result, and the original is in the archive (after a crash maybe twice)."""
    inbox = inbox_in(quick, originals="archive", archive=tmp_path / "archive")
    for _ in killed_everywhere(quick, inbox, deliver):
        assert contents(inbox.outbox) == {NAME: RESULT}
        assert contents(inbox.path) == {}
        archived = contents(inbox.folder("archive"))
        assert set(archived.values()) == {ORIGINAL}
        assert len(archived) <= 2


def test_killed_where_the_file_system_knows_no_nameless_files(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hidden temp file instead of a nameless one there is one result too, and the temp file is swept away."""
    real_open = os.open

    def without_nameless(path: str | bytes, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return real_open(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", without_nameless)
    inbox = inbox_in(quick, originals="delete")
    # Half a temp file is hidden, so what may be visible at the kill is looked at without it.
    for step in range(1000):
        state = quick / f"state-{step}"
        state.mkdir()
        drop(inbox, NAME, ORIGINAL)
        killed = killed_before_step(step, lambda state=state: deliver(Journal(state), inbox))  # type: ignore[misc]
        visible = {name: data for name, data in contents(inbox.outbox).items() if b"/." not in name}
        assert visible in ({}, {NAME: RESULT})
        start_again(state, inbox, deliver)
        assert contents(inbox.outbox) == {NAME: RESULT}
        assert contents(inbox.path) == {}
        (inbox.outbox / os.fsdecode(NAME)).unlink()
        if not killed:
            break


def test_an_original_that_left_during_the_stop_has_vanished(tmp_path: Path, journal: Journal) -> None:
    """A claimed file that is gone at the next start, or is another now, is no longer waited for."""
    inbox = inbox_in(tmp_path)
    for name in (b"gone.jpg", b"changed.jpg", b"same.jpg"):
        drop(inbox, name)
        job_of(journal, inbox, name)
    (inbox.path / "gone.jpg").unlink()
    drop(inbox, b"changed.jpg", b"another original")
    recover(journal, KEY, {inbox.name: inbox})
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
    recover(journal, KEY, {inbox.name: inbox})
    assert journal.unfinished() == []


def test_an_inbox_that_left_the_configuration_is_not_touched(tmp_path: Path, journal: Journal) -> None:
    """A job of an inbox that is not configured now stays open, and nothing of it is moved."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job_of(journal, inbox, NAME)
    recover(journal, KEY, {})
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
        recover(journal, KEY, {inbox.name: inbox for inbox in (away, here)})
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
    resume(journal, KEY, inbox, NAME)
    assert journal.finished(inbox.name, NAME, job.signature)
    assert journal.unfinished() == []


def test_a_placing_that_failed_is_resumed_under_the_same_job(tmp_path: Path, journal: Journal) -> None:
    """Where nothing was placed the job goes back to its claim, with its attempts, instead of a second one beside it."""
    inbox = inbox_in(tmp_path)
    drop(inbox, NAME)
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    journal.placing(job, "published", NAME, inode=1)
    resume(journal, KEY, inbox, NAME)
    again = job_of(journal, inbox, NAME)
    assert (again.id, again.attempts) == (job.id, 1)
    assert len(journal.unfinished()) == 1
