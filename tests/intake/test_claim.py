"""Claim: a settled file is read once, whole and unfollowed, or not at all; the journal knows it before any work."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog.testing
from tests import rooms
from tests.rooms import (
    CANARY,
    NASTY,
    bound_by_rights,
    drop,
    inbox_in,
    open_descriptors,
    quick_folder,
    signature_of,
)

from facewarden import config, files
from facewarden.errors import EMPTY, TOO_MANY_BYTES, UNREADABLE, Reason
from facewarden.files import Identity
from facewarden.intake.claim import Claim, NotSettledError, claim
from facewarden.intake.settle import Settled
from facewarden.journal import Journal
from facewarden.values import Limits, Recipe

RECIPE = Recipe({"blazeface": 0.3}, limits=Limits(bytes=10_000))
DATA = bytes(range(256)) * 30


@pytest.fixture
def state() -> Iterator[Path]:
    """A fresh state folder."""
    with quick_folder() as folder:
        yield folder


@pytest.fixture
def journal(state: Path) -> Iterator[Journal]:
    """An open journal; what a test opens besides and does not close fails it."""
    with contextlib.closing(Journal(state)) as opened:
        before = open_descriptors()
        yield opened
        assert open_descriptors() == before


@pytest.fixture
def inbox(tmp_path: Path) -> config.Inbox:
    """An inbox with its folders."""
    return inbox_in(tmp_path)


def settled(inbox: config.Inbox, name: bytes) -> Settled:
    return Settled(name, signature_of(inbox.path, name), 0.0)


def claimed(journal: Journal, inbox: config.Inbox, it: Settled, recipe: Recipe = RECIPE) -> Claim:
    with files.folder(inbox.path) as root:
        return claim(journal, inbox, root, it, recipe)


@pytest.mark.parametrize("name", [b"a.jpg", b"deep/er/a.jpg", *NASTY], ids=repr)
def test_a_settled_file_becomes_a_job(journal: Journal, inbox: config.Inbox, name: bytes) -> None:
    """Its bytes are read whole, and the journal knows it under a random id before any work."""
    drop(inbox, name, DATA)
    it = claimed(journal, inbox, settled(inbox, name))
    assert it.data == DATA
    assert it.refusal is None
    (job,) = journal.unfinished()
    assert (job.id, job.source, job.state, job.signature) == (
        it.job.id,
        name,
        "claimed",
        signature_of(inbox.path, name),
    )


def test_a_file_is_claimed_again_under_the_same_id(journal: Journal, inbox: config.Inbox) -> None:
    """The attempts of an earlier run are not forgotten."""
    drop(inbox, b"a.jpg", DATA)
    first = claimed(journal, inbox, settled(inbox, b"a.jpg"))
    journal.attempt(first.job)
    again = claimed(journal, inbox, settled(inbox, b"a.jpg"))
    assert (again.job.id, again.job.attempts) == (first.job.id, 1)


def test_content_is_recognised_without_being_told(state: Path, journal: Journal, inbox: config.Inbox) -> None:
    """The same bytes give the same key under any name, another state folder's key another, and no plain hash is kept."""
    for name, data in ((b"a.jpg", DATA), (b"b.jpg", DATA), (b"c.jpg", DATA + b"x")):
        drop(inbox, name, data)
    a, b, c = (claimed(journal, inbox, settled(inbox, name)) for name in (b"a.jpg", b"b.jpg", b"c.jpg"))
    assert a.content == b.content != c.content
    assert a.variant == b.variant == c.variant
    with quick_folder() as other, contextlib.closing(Journal(other)) as another:
        assert claimed(another, inbox, settled(inbox, b"a.jpg")).content != a.content
    written = b"".join(file.read_bytes() for file in state.glob("journal*"))
    assert a.content in written
    for algorithm in ("md5", "sha1", "sha256", "sha512", "blake2b"):
        digest = hashlib.new(algorithm, DATA)
        assert digest.digest() not in written
        assert digest.hexdigest().encode() not in written


def test_whatever_shapes_the_result_makes_another_variant(
    journal: Journal, tmp_path: Path, inbox: config.Inbox
) -> None:
    """Another recipe or another output means that an earlier result does not stand for this one; a name does not matter."""
    drop(inbox, b"a.jpg", DATA)
    it = settled(inbox, b"a.jpg")
    recipes = [
        RECIPE,
        Recipe({"blazeface": 0.3}, style="solid"),
        Recipe({"blazeface": 0.3}, growth=2.0),
        Recipe({"centerface": 0.3}),
    ]
    outputs = [
        inbox,
        inbox.model_copy(update={"output": config.profile.Output(format="png")}),
        inbox.model_copy(update={"output": config.profile.Output(jpeg_quality=80)}),
    ]
    variants = {claimed(journal, inbox, it, recipe).variant for recipe in recipes}
    variants |= {claimed(journal, other, it).variant for other in outputs}
    assert len(variants) == len(recipes) + len(outputs) - 1
    assert claimed(journal, inbox.model_copy(update={"name": "scans"}), it).variant in variants


@pytest.mark.parametrize(
    ("size", "reason"), [(0, EMPTY), (10_001, TOO_MANY_BYTES), (1 << 40, TOO_MANY_BYTES)], ids=["empty", "over", "hole"]
)
def test_a_file_of_no_use_is_a_job_with_a_reason(
    journal: Journal, inbox: config.Inbox, size: int, reason: Reason
) -> None:
    """Empty or over the limit: refused before a byte is read, and known to the journal, so that it ends in quarantine."""
    drop(inbox, b"a.jpg", b"")
    os.truncate(inbox.path / "a.jpg", size)
    it = claimed(journal, inbox, settled(inbox, b"a.jpg"))
    assert it.refusal == reason
    assert it.data == b""
    assert [job.id for job in journal.unfinished()] == [it.job.id]


def test_a_file_at_the_limit_is_taken(journal: Journal, inbox: config.Inbox) -> None:
    """The limit itself is allowed."""
    drop(inbox, b"a.jpg", bytes(10_000))
    assert claimed(journal, inbox, settled(inbox, b"a.jpg")).refusal is None


def test_a_file_without_the_right_to_read_it(journal: Journal, inbox: config.Inbox) -> None:
    """It is a job with a reason; in a subfolder that is closed it waits for a scan that can see it."""
    drop(inbox, b"a.jpg", DATA)
    drop(inbox, b"deep/b.jpg", DATA)
    closed, deep = settled(inbox, b"a.jpg"), settled(inbox, b"deep/b.jpg")
    (inbox.path / "a.jpg").chmod(0)
    (inbox.path / "deep").chmod(0)
    with bound_by_rights():
        assert claimed(journal, inbox, closed).refusal is UNREADABLE
        with pytest.raises(NotSettledError):
            claimed(journal, inbox, deep)
    (inbox.path / "deep").chmod(0o700)
    assert [job.source for job in journal.unfinished()] == [b"a.jpg"]


@pytest.mark.parametrize("swap", rooms.SWAPS)
def test_what_changed_since_it_settled_is_not_read(
    journal: Journal, inbox: config.Inbox, swap: Callable[[Path], None]
) -> None:
    """Written, replaced, gone, a link, pipe, socket or folder now, at the file or above it: it must settle again."""
    drop(inbox, b"deep/a.jpg", DATA)
    it = settled(inbox, b"deep/a.jpg")
    swap(inbox.path / "deep" / "a.jpg")
    with pytest.raises(NotSettledError):
        claimed(journal, inbox, it)
    assert journal.unfinished() == []


@pytest.mark.parametrize("swap", [rooms.rewrite, rooms.touch, rooms.shorten, rooms.empty])
def test_what_changes_while_it_is_read_is_not_taken(
    journal: Journal, inbox: config.Inbox, swap: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is written, cut or touched between its opening and its last byte must settle again."""
    drop(inbox, b"a.jpg", DATA)
    it = settled(inbox, b"a.jpg")
    real_readv = os.readv

    def slow(descriptor: int, views: list[memoryview]) -> int:
        count = real_readv(descriptor, [views[0][:100]])
        swap(inbox.path / "a.jpg")
        return count

    monkeypatch.setattr(os, "readv", slow)
    with pytest.raises(NotSettledError):
        claimed(journal, inbox, it)
    assert journal.unfinished() == []


def test_a_file_whose_size_is_a_lie_is_not_taken(journal: Journal, inbox: config.Inbox) -> None:
    """Where a file system promises more bytes than there are, half a file is not taken for a whole one."""
    liar = Path("/sys/kernel/uevent_seqnum")
    if not liar.exists() or len(liar.read_bytes()) == liar.stat().st_size:
        pytest.skip("there is no file here whose size is a lie")
    there = inbox.model_copy(update={"path": liar.parent})
    with pytest.raises(NotSettledError):
        claimed(journal, there, settled(there, b"uevent_seqnum"))
    assert journal.unfinished() == []


def test_a_disk_that_fails_while_it_reads(
    journal: Journal, inbox: config.Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is known with its reason, which allows another try."""
    drop(inbox, b"a.jpg", DATA)

    def failing(*_: object) -> int:
        raise OSError(5, "I/O error")

    monkeypatch.setattr(os, "readv", failing)
    it = claimed(journal, inbox, settled(inbox, b"a.jpg"))
    assert it.refusal is UNREADABLE
    assert UNREADABLE.retry


@pytest.mark.parametrize("seconds", [10**10, -(10**9), 2**33])
def test_a_date_far_away_is_a_date(journal: Journal, inbox: config.Inbox, seconds: int) -> None:
    """A file of the year 2286 or 1938 is claimed, ends and is known again as any other."""
    drop(inbox, b"a.jpg", DATA)
    os.utime(inbox.path / "a.jpg", (seconds, seconds))
    it = claimed(journal, inbox, settled(inbox, b"a.jpg"))
    journal.placing(it.job, "published", b"a.jpg", Identity(2**63 - 1))
    journal.done(it.job)
    assert journal.finished(inbox.name, b"a.jpg", signature_of(inbox.path, b"a.jpg"))


def test_a_claim_tells_no_name(journal: Journal, tmp_path: Path) -> None:
    """Neither a claim nor its failure logs anything, and a failure's text holds no path."""
    inbox = inbox_in(tmp_path)
    drop(inbox, CANARY.encode(), DATA)
    it = settled(inbox, CANARY.encode())
    with structlog.testing.capture_logs() as told:
        claimed(journal, inbox, it)
        (inbox.path / CANARY).unlink()
        with pytest.raises(NotSettledError) as refused:
            claimed(journal, inbox, it)
    assert told == []
    assert str(refused.value) == ""
