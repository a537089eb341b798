"""Publish: a result appears in one step, whole and durable, beside what was there; or nothing appears."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing
from tests.rooms import (
    CANARY,
    NASTY,
    bound_by_rights,
    contents,
    drop,
    inbox_in,
    job_of,
    open_descriptors,
    quick_folder,
    small_disk,
)

from facewarden import config
from facewarden.delivery.placing import came_through, sweep, withdraw
from facewarden.delivery.publish import publish
from facewarden.files.newfile import temporary_name
from facewarden.journal import Job, Journal

RESULT = b"result" * 1000


@pytest.fixture
def journal() -> Iterator[Journal]:
    """An open journal; what a test opens besides and does not close fails it."""
    with quick_folder() as state, contextlib.closing(Journal(state)) as opened:
        before = open_descriptors()
        yield opened
        assert open_descriptors() == before


@pytest.fixture
def inbox(tmp_path: Path) -> config.Inbox:
    """An inbox with its folders."""
    return inbox_in(tmp_path)


def a_job(journal: Journal, inbox: config.Inbox, name: bytes = b"a.jpg") -> Job:
    drop(inbox, name)
    return job_of(journal, inbox, name)


def noted(journal: Journal, job: Job) -> Job:
    """The job as the journal knows it now."""
    return next(open_ for open_ in journal.unfinished() if open_.id == job.id)


@pytest.mark.parametrize("name", [b"a.jpg", b"deep/er/a.jpg", *NASTY], ids=repr)
def test_a_result_stands_where_it_is_wanted(journal: Journal, inbox: config.Inbox, name: bytes) -> None:
    """Under the name wanted, subfolders made, alone, and the journal knows where and that it is durable."""
    job = a_job(journal, inbox, name)
    assert publish(journal, job, "published", RESULT, inbox.outbox, name, regions=3) == name
    assert contents(inbox.outbox) == {name: RESULT}
    after = noted(journal, job)
    assert (after.state, after.outcome, after.target, after.regions) == ("placed", "published", name, 3)
    assert came_through(after, inbox.outbox, journal.key)


def test_a_taken_name_gets_a_number(journal: Journal, inbox: config.Inbox) -> None:
    """Files, folders and links of that name stay as they are, and the journal knows the name that was free."""
    (inbox.outbox / "a.jpg").write_bytes(b"another's")
    (inbox.outbox / "a-2.jpg").mkdir()
    (inbox.outbox / "a-3.jpg").symlink_to("nowhere")
    job = a_job(journal, inbox)
    assert publish(journal, job, "published", RESULT, inbox.outbox, b"a.jpg") == b"a-4.jpg"
    assert noted(journal, job).target == b"a-4.jpg"
    (inbox.outbox / "a-3.jpg").unlink()
    assert contents(inbox.outbox) == {b"a.jpg": b"another's", b"a-4.jpg": RESULT}


def test_the_rights_of_a_result_follow_the_umask(journal: Journal, inbox: config.Inbox) -> None:
    """The operator's umask says who may read results, in new subfolders too."""
    old = os.umask(0o027)
    try:
        publish(journal, a_job(journal, inbox), "published", RESULT, inbox.outbox, b"deep/a.jpg")
    finally:
        os.umask(old)
    assert (inbox.outbox / "deep").stat().st_mode & 0o777 == 0o750
    assert (inbox.outbox / "deep" / "a.jpg").stat().st_mode & 0o777 == 0o640


def test_each_step_is_durable_before_the_next(
    journal: Journal, inbox: config.Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is on the disk before the journal notes its name, the folder before the journal says that it is placed."""
    steps: list[str] = []
    real_fsync, real_link = os.fsync, os.link

    def fsync(descriptor: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        real_fsync(descriptor)

    def link(*given: object, **more: object) -> None:
        steps.append("name")
        real_link(*given, **more)  # type: ignore[arg-type]

    job = a_job(journal, inbox)
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(os, "link", link)
    monkeypatch.setattr(Journal, "placing", _told(Journal.placing, "placing", steps))
    monkeypatch.setattr(Journal, "placed", _told(Journal.placed, "placed", steps))
    publish(journal, job, "published", RESULT, inbox.outbox, b"deep/a.jpg")
    assert steps == ["folder", "file", "placing", "name", "folder", "placed"]


def _told(method: Callable[..., None], name: str, steps: list[str]) -> Callable[..., None]:
    """The method itself, told of in the list when it has returned."""

    def call(*given: object, **more: object) -> None:
        method(*given, **more)
        steps.append(name)

    return call


@pytest.mark.parametrize("kind", ["link", "file"])
def test_no_result_leaves_the_outbox(journal: Journal, inbox: config.Inbox, tmp_path: Path, kind: str) -> None:
    """Where a subfolder is a link or a file, publishing fails, and nothing is written behind it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    if kind == "link":
        (inbox.outbox / "deep").symlink_to(outside)
    else:
        (inbox.outbox / "deep").touch()
    job = a_job(journal, inbox, b"deep/a.jpg")
    with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
        publish(journal, job, "published", RESULT, inbox.outbox, b"deep/a.jpg")
    assert refused.value.errno in (errno.ENOTDIR, errno.ELOOP)
    assert contents(outside) == {}
    assert noted(journal, job).state == "claimed"


def test_a_missing_or_closed_outbox_changes_nothing(journal: Journal, inbox: config.Inbox) -> None:
    """The job stays claimed, nothing is visible, and it works as soon as the folder does."""
    job = a_job(journal, inbox)
    away = inbox.outbox.with_name("away")
    inbox.outbox.rename(away)
    with pytest.raises(FileNotFoundError):
        publish(journal, job, "published", RESULT, inbox.outbox, b"a.jpg")
    away.rename(inbox.outbox)
    inbox.outbox.chmod(0o500)
    with bound_by_rights(), pytest.raises(PermissionError):
        publish(journal, job, "published", RESULT, inbox.outbox, b"a.jpg")
    inbox.outbox.chmod(0o700)
    assert noted(journal, job).state == "claimed"
    assert contents(inbox.outbox) == {}
    publish(journal, job, "published", RESULT, inbox.outbox, b"a.jpg")
    assert contents(inbox.outbox) == {b"a.jpg": RESULT}


def test_a_full_outbox_changes_nothing(journal: Journal, tmp_path: Path) -> None:
    """Where the disk is full nothing is visible and the job stays claimed; with room again it works."""
    with small_disk(tmp_path / "disk", 64) as disk:
        inbox = inbox_in(tmp_path, outbox=disk)
        job = a_job(journal, inbox)
        for _ in range(2):
            with pytest.raises(OSError) as refused:  # noqa: PT011 - the number is looked at
                publish(journal, job, "published", bytes(1 << 20), disk, b"a.jpg")
            assert refused.value.errno == errno.ENOSPC
        assert contents(disk) == {}
        assert noted(journal, job).state == "claimed"
        publish(journal, job, "published", RESULT, disk, b"a.jpg")
        assert contents(disk) == {b"a.jpg": RESULT}


def test_an_interrupted_placing_is_told_from_one_that_happened(journal: Journal, inbox: config.Inbox) -> None:
    """Another file under the recorded name, none, or a folder that is gone or a link now: it did not happen."""
    job = a_job(journal, inbox)
    publish(journal, job, "published", RESULT, inbox.outbox, b"deep/a.jpg")
    after = noted(journal, job)
    assert came_through(after, inbox.outbox, journal.key)
    file = inbox.outbox / "deep" / "a.jpg"
    file.rename(file.with_name("moved.jpg"))
    assert not came_through(after, inbox.outbox, journal.key)
    file.write_bytes(b"another's")
    assert not came_through(after, inbox.outbox, journal.key)
    file.unlink()
    file.symlink_to("moved.jpg")
    assert not came_through(after, inbox.outbox, journal.key)
    (inbox.outbox / "deep").rename(inbox.outbox / "real")
    assert not came_through(after, inbox.outbox, journal.key)
    (inbox.outbox / "deep").symlink_to("real")
    assert not came_through(after, inbox.outbox, journal.key)
    assert not came_through(after, inbox.outbox / "missing", journal.key)


def test_a_closed_folder_leaves_the_doubt(journal: Journal, inbox: config.Inbox) -> None:
    """Where it cannot be told whether a placing happened, that is an error and no answer."""
    job = a_job(journal, inbox)
    publish(journal, job, "published", RESULT, inbox.outbox, b"deep/a.jpg")
    after = noted(journal, job)
    (inbox.outbox / "deep").chmod(0)
    with bound_by_rights(), pytest.raises(PermissionError):
        came_through(after, inbox.outbox, journal.key)
    (inbox.outbox / "deep").chmod(0o700)


def test_sweeping_removes_a_jobs_temp_file_alone(journal: Journal, inbox: config.Inbox) -> None:
    """Only the job's own temp file goes, and a folder that is missing, a file or a link holds none."""
    job = a_job(journal, inbox)
    mine = os.fsdecode(temporary_name(job.id))
    (inbox.outbox / "deep").mkdir()
    for folder in (inbox.outbox, inbox.outbox / "deep"):
        (folder / mine).touch()
        (folder / ".facewarden-0000.part").touch()
    (inbox.outbox / "link").symlink_to("deep")
    (inbox.outbox / "file").touch()
    for subfolder in (b"missing", b"link", b"file"):
        sweep(job, inbox.outbox, subfolder)
    assert (inbox.outbox / "deep" / mine).exists()
    sweep(job, inbox.outbox, b"deep")
    sweep(job, inbox.outbox, b"")
    assert set(contents(inbox.outbox)) == {
        b".facewarden-0000.part",
        b"deep/.facewarden-0000.part",
        b"file",
        b"link" if (inbox.outbox / "link").is_file() else b"file",
    }


def test_withdrawing_removes_the_target(journal: Journal, inbox: config.Inbox) -> None:
    """What was placed is gone again, and nothing else is."""
    (inbox.outbox / "a.jpg").write_bytes(b"another's")
    job = a_job(journal, inbox)
    publish(journal, job, "published", RESULT, inbox.outbox, b"a.jpg")
    withdraw(noted(journal, job), inbox.outbox)
    assert contents(inbox.outbox) == {b"a.jpg": b"another's"}


def test_publishing_tells_no_name(journal: Journal, inbox: config.Inbox) -> None:
    """Nothing is logged, whatever the file is called, and a failure is the system's own."""
    job = a_job(journal, inbox, CANARY.encode())
    with structlog.testing.capture_logs() as told:
        publish(journal, job, "published", RESULT, inbox.outbox, CANARY.encode())
    assert told == []
