"""Attempts: each failure of a photo counts once, whatever the journal's disk did meanwhile; and none after a failed self-test."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import structlog
from tests.rooms import inbox_in, small_disk

from facewarden import files, logs
from facewarden.config.models import LimitsSection
from facewarden.delivery.results import Results
from facewarden.errors import CRASHED, DEADLINE, SERVICE_ENDED, TRUNCATED, FileRefused, Reason
from facewarden.files import Signature
from facewarden.intake.claim import claim
from facewarden.intake.root import Root
from facewarden.intake.settle import Settled
from facewarden.journal import Journal, read_jobs
from facewarden.pool import Pool
from facewarden.replies import Reply
from facewarden.service.journey import Journey
from facewarden.values import Recipe


class CrashingPool:
    """Each photo makes its worker die; at the first one the disk of the journal runs full as well."""

    def __init__(self, disk: Path) -> None:
        self.asked = 0
        self.filler = disk / "filler"

    def treat(self, *_: object, begin: Callable[[], None], **__: object) -> None:
        begin()
        self.asked += 1
        if self.asked == 1:
            with contextlib.suppress(OSError), self.filler.open("wb", buffering=0) as file:
                while file.write(bytes(512)):
                    pass
        raise FileRefused(CRASHED)


def test_a_failure_is_not_taken_back_with_a_full_disk(tmp_path: Path) -> None:
    """A photo that makes workers die is given up after `attempts`, also where one more could not be counted."""
    inbox = inbox_in(tmp_path)
    photo = inbox.path / "a.jpg"
    photo.write_bytes(b"kills its worker")
    root = Root(inbox.path)
    with small_disk(tmp_path / "disk", 512) as disk, contextlib.closing(Journal(disk)) as journal, root.opened():
        pool = CrashingPool(disk)
        limits = LimitsSection(attempts=3)
        results = Results(tmp_path / "results", journal.key, 1 << 20)
        journey = Journey(journal, cast("Any", pool), results, limits)
        settled = Settled(b"a.jpg", Signature.of(photo.stat()), 0.0)

        def carry() -> str:
            return journey.carry(inbox, root.proved, Recipe({"blazeface": 0.5}), settled).outcome

        assert carry() == "out_of_reach"
        assert pool.asked == 1
        pool.filler.unlink()
        assert carry() == "quarantined"
        assert pool.asked == 3
    root.close()


class RefusingPool:
    """Each photo is refused for this reason."""

    def __init__(self, reason: Reason) -> None:
        self.reason, self.asked = reason, 0

    def treat(self, *_: object, begin: Callable[[], None], **__: object) -> None:
        begin()
        self.asked += 1
        raise FileRefused(self.reason)


@pytest.mark.parametrize("originals", ["keep", "archive"])
@pytest.mark.parametrize(("reason", "asked"), [(TRUNCATED, 7), (DEADLINE, 3)])
def test_a_quarantine_that_is_away_is_not_charged_to_the_photo(
    tmp_path: Path, originals: str, reason: Reason, asked: int
) -> None:
    """However often it could not be put there: in the end it has the reason for which it was refused."""
    inbox = inbox_in(tmp_path, originals=originals)
    photo = inbox.path / "a.jpg"
    photo.write_bytes(b"half a photo")
    root = Root(inbox.path)
    quarantine = inbox.folder("quarantine")
    quarantine.rename(tmp_path / "away")
    (tmp_path / "state").mkdir()
    with contextlib.closing(Journal(tmp_path / "state")) as journal, root.opened():
        pool = RefusingPool(reason)
        results = Results(tmp_path / "results", journal.key, 1 << 20)
        settled = Settled(b"a.jpg", Signature.of(photo.stat()), 0.0)

        def carry() -> str:  # as after a new start
            journey = Journey(journal, cast("Any", pool), results, LimitsSection(attempts=3))
            return journey.carry(inbox, root.proved, Recipe({"blazeface": 0.5}), settled).outcome

        assert {carry() for _ in range(6)} == {"out_of_reach"}
        (tmp_path / "away").rename(quarantine)
        assert carry() == "quarantined"
        assert pool.asked == asked
        (job,) = read_jobs(tmp_path / "state")
        assert job.reason == reason.number
        assert reason.name in next(quarantine.glob("*.txt")).read_text(encoding="utf-8")
    root.close()


class DyingPool:
    """The service is killed in the middle of each photo: nothing that follows is done."""

    def __init__(self) -> None:
        self.began = 0

    def treat(self, *_: object, begin: Callable[[], None], **__: object) -> None:
        begin()
        self.began += 1
        raise KeyboardInterrupt


def test_a_service_that_is_killed_charges_its_photos_little(tmp_path: Path) -> None:
    """Three times as often as workers may fail; then it may be the photo, and the reason says no more than that."""
    inbox = inbox_in(tmp_path)
    photo = inbox.path / "a.jpg"
    photo.write_bytes(b"a photo")
    root = Root(inbox.path)
    (tmp_path / "state").mkdir()
    with contextlib.closing(Journal(tmp_path / "state")) as journal, root.opened():
        pool = DyingPool()
        results = Results(tmp_path / "results", journal.key, 1 << 20)
        settled = Settled(b"a.jpg", Signature.of(photo.stat()), 0.0)

        def carry() -> str:
            journey = Journey(journal, cast("Any", pool), results, LimitsSection(attempts=2))
            return journey.carry(inbox, root.proved, Recipe({"blazeface": 0.5}), settled).outcome

        for _ in range(6):
            with pytest.raises(KeyboardInterrupt):
                carry()
        assert carry() == "quarantined"
        assert pool.began == 6
        (job,) = read_jobs(tmp_path / "state")
        assert job.reason == SERVICE_ENDED.number
    root.close()


class MissesFaces:
    """Treats photos with a real pool, and meanwhile the daily self-test fails."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool

    def treat(self, *given: Any, **named: Any) -> Reply:
        reply = self.pool.treat(*given, **named)
        structlog.get_logger().critical("recall_failed")
        return reply


def test_no_photo_is_delivered_after_the_self_test_failed(
    tmp_path: Path, pool: Pool, portrait: Callable[[int], bytes]
) -> None:
    """One that was under way already goes back to its inbox, without an attempt charged."""
    inbox = inbox_in(tmp_path)
    photo = inbox.path / "a.jpg"
    photo.write_bytes(portrait(1))
    root = Root(inbox.path)
    (tmp_path / "state").mkdir()
    with contextlib.closing(Journal(tmp_path / "state")) as journal, root.opened():
        results = Results(tmp_path / "results", journal.key, 1 << 20)
        journey = Journey(journal, cast("Any", MissesFaces(pool)), results, LimitsSection())
        settled = Settled(b"a.jpg", Signature.of(photo.stat()), 0.0)
        with logs.heard_by(journey.hear):
            logs.configure()
            ending = journey.carry(inbox, root.proved, Recipe({"blazeface": 0.5}), settled)
        assert ending.outcome == "again"
        assert not list(inbox.outbox.iterdir())
        assert photo.read_bytes() == portrait(1)
        (job,) = journal.unfinished()
        assert journal.attempt(job) == 1
    root.close()


def test_other_weights_are_another_variant(tmp_path: Path) -> None:
    """A result that other weights gave is not delivered again."""
    inbox = inbox_in(tmp_path)
    (inbox.path / "a.jpg").write_bytes(b"a photo")
    settled = Settled(b"a.jpg", Signature.of((inbox.path / "a.jpg").stat()), 0.0)
    (tmp_path / "state").mkdir()
    with contextlib.closing(Journal(tmp_path / "state")) as journal, files.folder(inbox.path) as root:
        one, other = (
            claim(journal, inbox, root, settled, Recipe({"blazeface": 0.5}), weights).variant for weights in ("1", "2")
        )
    assert one != other
