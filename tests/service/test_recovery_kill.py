"""Killed at any step, one drop has one result, and no original is lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest
from tests.rooms import contents, door_of, drop, inbox_in, job_of, killed_before_step, second_file_system, signature_of

from facewarden import config
from facewarden.config.models import Role
from facewarden.delivery.publish import publish
from facewarden.delivery.quarantine import quarantine
from facewarden.errors import DAMAGED, FileRefused
from facewarden.journal import Journal
from facewarden.service.recovery import recover
from facewarden.service.retiring import conclude

NAME = b"albums/photo.jpg"
RESULT = b"result" * 1000
ORIGINAL = b"original" * 1000
ROLES: tuple[Role, ...] = get_args(Role)


@pytest.fixture
def quick() -> Iterator[Path]:
    """A folder in a quick file system: these tests write through to the disk some thousand times."""
    with second_file_system() as folder:
        yield folder


def deliver(journal: Journal, inbox: config.Inbox) -> None:
    """What a journey does from the claim on, once it has a result."""
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    publish(journal, job, "published", RESULT, inbox.outbox, job.source)
    conclude(journal, job, inbox, door_of(inbox))


def refuse(journal: Journal, inbox: config.Inbox) -> None:
    """What a journey does from the claim on, where there is no result."""
    job = job_of(journal, inbox, NAME)
    journal.attempt(job)
    keep = inbox.originals == "keep"
    with door_of(inbox)() as root:
        quarantine(journal, job, FileRefused(DAMAGED), root, inbox.folder("quarantine"), keep=keep)
    journal.done(job)


def start_again(state: Path, inbox: config.Inbox, work: Callable[[Journal, config.Inbox], None]) -> None:
    """A fresh start: recover, then take up the file if it is there and has had no outcome; nothing may stay open."""
    journal = Journal(state)
    recover(journal, {inbox.name: (inbox, door_of(inbox))})
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
