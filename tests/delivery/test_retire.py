"""Retire: an original goes only as its policy says, only if it is still the one that was claimed, and never is lost."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
import structlog.testing
from tests import rooms
from tests.rooms import (
    CANARY,
    NASTY,
    bound_by_rights,
    contents,
    drop,
    inbox_in,
    job_of,
    killed_before_step,
    open_descriptors,
    quick_folder,
    second_file_system,
    small_disk,
)

from facewarden import config, files
from facewarden.delivery.original import is_there
from facewarden.delivery.retire import move, retire
from facewarden.files.newfile import NewFile
from facewarden.journal import Job, Journal

Policy = Literal["keep", "archive", "delete"]
POLICIES: tuple[Policy, ...] = ("keep", "archive", "delete")


@pytest.fixture
def journal() -> Iterator[Journal]:
    """An open journal; what a test opens besides and does not close fails it."""
    with quick_folder() as state, contextlib.closing(Journal(state)) as opened:
        before = open_descriptors()
        yield opened
        assert open_descriptors() == before


@pytest.fixture(params=["same", "other"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[config.Inbox]:
    """An inbox whose archive is in the same file system, or in another one."""
    if request.param == "same":
        yield inbox_in(tmp_path)
        return
    with second_file_system() as other:
        yield inbox_in(tmp_path, archive=other / "archive")


def a_job(journal: Journal, inbox: config.Inbox, name: bytes = b"deep/a.jpg") -> Job:
    drop(inbox, name)
    return job_of(journal, inbox, name)


def carry_out(journal: Journal, job: Job, inbox: config.Inbox, policy: Policy) -> None:
    with files.folder(inbox.path) as root:
        retire(job, root, policy, inbox.folder("archive"), journal.key)


@pytest.mark.parametrize("name", [b"a.jpg", b"deep/er/a.jpg", *NASTY], ids=repr)
@pytest.mark.parametrize("policy", POLICIES)
def test_an_original_ends_as_its_policy_says(
    journal: Journal, inbox: config.Inbox, policy: Policy, name: bytes
) -> None:
    """Kept it stays, archived it stands under the same path elsewhere, deleted it is gone; a second time changes nothing."""
    job = a_job(journal, inbox, name)
    for _ in range(2):
        carry_out(journal, job, inbox, policy)
    there = {name: b"original"}
    assert contents(inbox.path) == (there if policy == "keep" else {})
    assert contents(inbox.folder("archive")) == (there if policy == "archive" else {})


def test_an_archive_replaces_nothing(journal: Journal, inbox: config.Inbox) -> None:
    """An original whose name is taken in the archive gets a number."""
    (inbox.folder("archive") / "deep").mkdir()
    (inbox.folder("archive") / "deep" / "a.jpg").write_bytes(b"earlier")
    carry_out(journal, a_job(journal, inbox), inbox, "archive")
    assert contents(inbox.folder("archive")) == {b"deep/a.jpg": b"earlier", b"deep/a-2.jpg": b"original"}


@pytest.mark.parametrize(
    "swap",
    [rooms.rewrite, rooms.replace, rooms.turn_into_link, rooms.turn_parent_into_link, rooms.turn_parent_into_file],
)
@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_what_is_no_longer_the_claimed_file_stays(
    journal: Journal, inbox: config.Inbox, policy: Policy, swap: Callable[[Path], None]
) -> None:
    """A file that was rewritten or replaced is a new drop, and nothing behind a link is touched."""
    job = a_job(journal, inbox)
    swap(inbox.path / "deep" / "a.jpg")
    before = contents(inbox.path)
    carry_out(journal, job, inbox, policy)
    assert contents(inbox.path) == before
    assert contents(inbox.folder("archive")) == {}


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_an_original_that_may_not_go_stays_in_one_place(journal: Journal, inbox: config.Inbox, policy: Policy) -> None:
    """Where the service may not remove it, that is an error, it stays, and no copy is left in the archive."""
    job = a_job(journal, inbox)
    (inbox.path / "deep").chmod(0o500)
    for _ in range(2):
        with bound_by_rights(), pytest.raises(PermissionError):
            carry_out(journal, job, inbox, policy)
    (inbox.path / "deep").chmod(0o700)
    assert contents(inbox.path) == {b"deep/a.jpg": b"original"}
    assert contents(inbox.folder("archive")) == {}


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_killed_anywhere_it_ends_once(journal: Journal, inbox: config.Inbox, policy: Policy) -> None:
    """Killed before each step and done again, as a start does: one original in the archive, or none, and no other copy."""
    number, killed = 0, True
    while killed:
        job = a_job(journal, inbox)
        killed = killed_before_step(number, functools.partial(carry_out, journal, job, inbox, policy))
        carry_out(journal, job, inbox, policy)
        assert contents(inbox.path) == {}, number
        archived = {b"deep/a.jpg": b"original"} if policy == "archive" else {}
        assert contents(inbox.folder("archive")) == archived, number
        shutil.rmtree(inbox.folder("archive") / "deep", ignore_errors=True)
        number += 1
    assert number >= 3


def test_an_archive_that_is_a_link_inside_is_not_followed(
    journal: Journal, inbox: config.Inbox, tmp_path: Path
) -> None:
    """No original is moved out of the archive by a link in it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (inbox.folder("archive") / "deep").symlink_to(outside)
    job = a_job(journal, inbox)
    carry_out(journal, job, inbox, "archive")
    assert contents(inbox.path) == {}
    assert contents(outside) == {}
    assert contents(inbox.folder("archive")) == {f"facewarden-{job.id}.jpg".encode(): b"original"}


def test_a_full_archive_keeps_the_original(journal: Journal, tmp_path: Path) -> None:
    """Where a copy does not fit, the original stays and nothing of the copy is left."""
    with small_disk(tmp_path / "disk", 64) as disk:
        inbox = inbox_in(tmp_path, archive=disk)
        drop(inbox, b"a.jpg", bytes(1 << 20))
        with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
            carry_out(journal, job_of(journal, inbox, b"a.jpg"), inbox, "archive")
        assert refused.value.errno == errno.ENOSPC
        assert set(contents(inbox.path)) == {b"a.jpg"}
        assert contents(disk) == {}


def test_a_new_drop_during_the_copy_is_not_lost(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that comes under its name while the original is copied to another file system stays, and that is archived whole."""
    with second_file_system() as other:
        inbox = inbox_in(tmp_path, archive=other / "archive")
        job = a_job(journal, inbox)

        real_copy = NewFile.copy

        def slow_copy(made: NewFile, source: int) -> None:
            real_copy(made, source)
            (inbox.path / "deep" / "a.jpg").write_bytes(b"a new drop")

        monkeypatch.setattr(NewFile, "copy", slow_copy)
        carry_out(journal, job, inbox, "archive")
        assert contents(inbox.path) == {b"deep/a.jpg": b"a new drop"}
        assert contents(inbox.folder("archive")) == {b"deep/a.jpg": b"original"}


def test_a_move_records_what_will_stand_where(journal: Journal, inbox: config.Inbox) -> None:
    """The last record before the move names the path and the file that are there after it."""
    recorded: list[tuple[bytes, files.Identity]] = []
    job = a_job(journal, inbox)
    with files.folder(inbox.path) as root:
        assert is_there(job, root)
        placed = move(job, root, inbox.folder("archive"), job.source, lambda *told: recorded.append(told))
        assert not is_there(job, root)
    status = (inbox.folder("archive") / os.fsdecode(placed)).stat()
    assert recorded[-1] == (placed, files.Identity.of(status, None))


def test_a_copy_keeps_the_rights_of_the_original(journal: Journal, inbox: config.Inbox) -> None:
    """Who could read the original in the inbox can read it in the archive, and nobody else."""
    job = a_job(journal, inbox)
    (inbox.path / "deep" / "a.jpg").chmod(0o640)
    carry_out(journal, job, inbox, "archive")
    assert (inbox.folder("archive") / "deep" / "a.jpg").stat().st_mode & 0o777 == 0o640


def test_retiring_tells_no_name(journal: Journal, inbox: config.Inbox) -> None:
    """Nothing is logged of what is moved or deleted."""
    with structlog.testing.capture_logs() as told:
        for policy in POLICIES:
            carry_out(journal, a_job(journal, inbox, CANARY.encode()), inbox, policy)
    assert told == []
