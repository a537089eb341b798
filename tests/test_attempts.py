"""Attempts: each failure of a photo counts once, whatever the journal's disk did meanwhile."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, cast

from tests.rooms import inbox_in, small_disk

from facewarden.config.models import LimitsSection
from facewarden.delivery.results import Results
from facewarden.errors import CRASHED, FileRefused
from facewarden.files import Signature
from facewarden.intake.root import Root
from facewarden.intake.settle import Settled
from facewarden.journal import Journal
from facewarden.journey import Journey
from facewarden.values import Recipe


class CrashingPool:
    """Each photo makes its worker die; at the first one the disk of the journal runs full as well."""

    def __init__(self, disk: Path) -> None:
        self.asked = 0
        self.filler = disk / "filler"

    def treat(self, *_: object, **__: object) -> None:
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
