"""Quarantine: what could not be redacted leaves the inbox with a report, is never lost, and never reaches an outbox."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
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
    second_file_system,
)

from facewarden import config, files
from facewarden.delivery.quarantine import quarantine, report
from facewarden.errors import DAMAGED, DOCUMENT_DAMAGED, REASONS, FileRefused, Reason
from facewarden.journal import Job, Journal


@pytest.fixture
def journal() -> Iterator[Journal]:
    """An open journal; what a test opens besides and does not close fails it."""
    with quick_folder() as state, contextlib.closing(Journal(state)) as opened:
        before = open_descriptors()
        yield opened
        assert open_descriptors() == before


@pytest.fixture(params=["same", "other"])
def inbox(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[config.Inbox]:
    """An inbox whose quarantine is in the same file system, or in another one."""
    if request.param == "same":
        yield inbox_in(tmp_path)
        return
    with second_file_system() as other:
        yield inbox_in(tmp_path, quarantine=other / "quarantine")


def a_job(journal: Journal, inbox: config.Inbox, name: bytes = b"deep/a.jpg") -> Job:
    drop(inbox, name)
    return job_of(journal, inbox, name)


def put(journal: Journal, job: Job, inbox: config.Inbox, *, keep: bool, reason: Reason = DAMAGED) -> str:
    with files.folder(inbox.path) as root:
        return quarantine(journal, job, FileRefused(reason), root, inbox.folder("quarantine"), keep=keep)


def parted(inbox: config.Inbox) -> tuple[dict[bytes, bytes], list[bytes]]:
    """The originals in quarantine, and the texts of the reports."""
    there = contents(inbox.folder("quarantine"))
    reports = [name for name in there if there[name].startswith(b"Facewarden did not deliver")]
    return {name: data for name, data in there.items() if name not in reports}, [there[name] for name in reports]


@pytest.mark.parametrize("name", [b"a.jpg", b"deep/er/a.jpg", *NASTY], ids=repr)
@pytest.mark.parametrize("keep", [True, False])
def test_an_original_is_set_apart_with_a_report(journal: Journal, inbox: config.Inbox, name: bytes, keep: bool) -> None:
    """Moved under its own path, or kept where it was dropped; in both cases one report tells the reason and the job."""
    job = a_job(journal, inbox, name)
    assert put(journal, job, inbox, keep=keep) == "quarantined"
    originals, (told,) = parted(inbox)
    assert originals == ({} if keep else {name: b"original"})
    assert contents(inbox.path) == ({name: b"original"} if keep else {})
    assert contents(inbox.outbox) == {}
    assert f"{DAMAGED.number} ({DAMAGED.name})".encode() in told
    assert job.id.encode() in told
    (noted,) = journal.unfinished()
    assert (noted.state, noted.outcome, noted.reason) == ("placed", "quarantined", DAMAGED.number)


@pytest.mark.parametrize("keep", [True, False])
def test_a_report_lies_beside_its_original(journal: Journal, inbox: config.Inbox, keep: bool) -> None:
    """It is in the same subfolder and begins with the original's name, as far as a name can be long."""
    name = "é".encode() * 125 + b"x.jpg"
    put(journal, a_job(journal, inbox, b"deep/" + name), inbox, keep=keep)
    (beside,) = (path for path in contents(inbox.folder("quarantine")) if path.endswith(b".txt"))
    folder, _, told = beside.partition(b"/")
    assert folder == b"deep"
    assert told.decode()[:80] == name.decode()[:80]
    assert len(told) <= 255


def test_quarantine_replaces_nothing(journal: Journal, inbox: config.Inbox) -> None:
    """Two originals of one name, one after the other, are both kept, each with its report."""
    for data in (b"first", b"second"):
        drop(inbox, b"a.jpg", data)
        put(journal, job_of(journal, inbox, b"a.jpg"), inbox, keep=False)
    originals, reports = parted(inbox)
    assert originals == {b"a.jpg": b"first", b"a-2.jpg": b"second"}
    assert len(reports) == 2


def test_a_report_names_the_damaged_page() -> None:
    """Where one page of a document is at fault; of any other failure no page is told."""
    assert b"Page:          3\n" in report("0f3a", FileRefused(DOCUMENT_DAMAGED, page=3))
    assert b"Page:" not in report("0f3a", FileRefused(DAMAGED))


def test_an_original_that_went_away_has_vanished(journal: Journal, inbox: config.Inbox) -> None:
    """Gone or replaced meanwhile, nothing is moved and nothing reported: the new file is a new drop."""
    job = a_job(journal, inbox)
    (inbox.path / "deep" / "a.jpg").unlink()
    assert put(journal, job, inbox, keep=False) == "vanished"
    job = a_job(journal, inbox)
    drop(inbox, b"deep/a.jpg", b"a new drop")
    assert put(journal, job, inbox, keep=False) == "vanished"
    assert contents(inbox.path) == {b"deep/a.jpg": b"a new drop"}
    assert parted(inbox) == ({}, [])
    assert journal.counts() == {"vanished": 2}


def test_a_quarantine_out_of_reach_leaves_the_original(journal: Journal, inbox: config.Inbox) -> None:
    """It stays in the inbox, whole and alone, and the next try ends as if it were the first."""
    job = a_job(journal, inbox)
    folder = inbox.folder("quarantine")
    folder.chmod(0o500)
    with bound_by_rights(), pytest.raises(PermissionError):
        put(journal, job, inbox, keep=False)
    folder.chmod(0o700)
    (inbox.path / "deep").chmod(0o500)
    for _ in range(3):
        with bound_by_rights(), pytest.raises(PermissionError):
            put(journal, job, inbox, keep=False)
    (inbox.path / "deep").chmod(0o700)
    originals, _ = parted(inbox)
    assert originals == {}
    assert contents(inbox.path) == {b"deep/a.jpg": b"original"}
    put(journal, job, inbox, keep=False)
    assert parted(inbox)[0] == {b"deep/a.jpg": b"original"}
    assert len(parted(inbox)[1]) == 1


def test_a_link_in_quarantine_is_not_followed(journal: Journal, inbox: config.Inbox, tmp_path: Path) -> None:
    """An unredacted original is not led out of quarantine by a link in it."""
    (inbox.folder("quarantine") / "deep").symlink_to(inbox.outbox)
    kept = a_job(journal, inbox)
    put(journal, kept, inbox, keep=True)
    assert contents(inbox.path) == {b"deep/a.jpg": b"original"}
    moved = a_job(journal, inbox)
    put(journal, moved, inbox, keep=False)
    assert contents(inbox.outbox) == {}
    assert contents(inbox.path) == {}
    plain = f"facewarden-{moved.id}.jpg".encode()
    reports = {f"facewarden-{kept.id}.jpg.facewarden.txt".encode(), plain + b".facewarden-%s.txt" % moved.id.encode()}
    assert set(contents(inbox.folder("quarantine"))) == {plain, *reports}


@pytest.mark.parametrize("reason", REASONS.values(), ids=lambda reason: reason.name)
def test_a_report_says_what_happened_and_what_to_do(reason: Reason) -> None:
    """Every reason makes a report of a few lines, with its number, in plain text."""
    told = report("0f3a", FileRefused(reason)).decode("ascii")
    assert reason.what in told
    assert reason.advice in told
    assert f"{reason.number} ({reason.name})" in told
    assert "0f3a" in told
    assert told.count("\n") == 7


@pytest.mark.parametrize("keep", [True, False])
def test_quarantining_tells_no_name(journal: Journal, inbox: config.Inbox, keep: bool) -> None:
    """Nothing is logged, and no report holds the name of its original."""
    with structlog.testing.capture_logs() as told:
        put(journal, a_job(journal, inbox, CANARY.encode()), inbox, keep=keep)
    assert told == []
    assert not any(CANARY.encode() in text for text in parted(inbox)[1])
