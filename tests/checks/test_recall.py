"""The self-test of recall: drawn faces are found by every detector, and a search that misses them delivers nothing."""

from __future__ import annotations

import subprocess
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from tests.daemon import Daemon, wait_until

from facewarden.checks.recall import HAIRS, SKINS, face, require_recall
from facewarden.errors import RECALL_LOST, CannotStart, Exit
from facewarden.journal import Journal, read_tests
from facewarden.pool import LocalPool
from facewarden.sandbox import detect
from facewarden.service import upkeep
from facewarden.values import Recipe

BLIND = Recipe({"blazeface": 1.0}, smallest_face=40)
"""A search that finds nothing: no answer is that sure."""


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalPool]:
    it = LocalPool(1)
    it.start()
    yield it
    it.stop()


@pytest.mark.parametrize("detector", ["blazeface", "centerface"])
def test_every_detector_finds_the_drawn_face(detector: Any) -> None:
    """In each skin and size, surely and in its place."""
    search = detect.load([detector])
    for side in (96, 128, 256):
        for skin, hair in zip(SKINS, HAIRS, strict=True):
            best = search(face(side, skin, hair), 40, {detector: 0.6})[0]
            assert best.x < 0.4 * side < 0.6 * side < best.x + best.width
            assert best.y < 0.43 * side < 0.6 * side < best.y + best.height


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe({"blazeface": None}, smallest_face=40),
        Recipe({"centerface": None}, smallest_face=20, style="solid"),
        Recipe({"blazeface": None, "centerface": None}, smallest_face=60, plan="strict", style="mosaic"),
        Recipe({"blazeface": None}, smallest_face=400, style="gaussian"),
    ],
)
def test_honest_searches_pass(pool: LocalPool, recipe: Recipe) -> None:
    """Whatever detectors, sizes and styles an inbox chose."""
    require_recall(pool, [(recipe, None)])


def test_a_search_that_misses_fails(pool: LocalPool) -> None:
    """One blind inbox among good ones is enough."""
    with pytest.raises(CannotStart) as refusal:
        require_recall(pool, [(Recipe({"blazeface": None}, smallest_face=40), "photos"), (BLIND, "photos")])
    assert refusal.value.reason is RECALL_LOST


GOOD = [
    Recipe({"blazeface": None}, smallest_face=side, style=style) for side in (40, 50) for style in ("veil", "solid")
]


@pytest.mark.parametrize("blind", [False, True])
def test_fresh_workers_share_the_recipes(*, blind: bool) -> None:
    """At a start each worker tries several inboxes' recipes, so that none is replaced; one that misses is still enough."""
    recipes = [(recipe, f"inbox{number}") for number, recipe in enumerate([*GOOD, *([BLIND] if blind else [])])]
    two = LocalPool(2)
    two.start()
    before = set(two.pids())
    try:
        if blind:
            with pytest.raises(CannotStart):
                require_recall(two, recipes, fresh=True)
        else:
            require_recall(two, [*recipes, (GOOD[0], None)], fresh=True)
        assert set(two.pids()) == before
    finally:
        two.stop()


def test_photo_by_photo_workers_pass_too(pool: LocalPool) -> None:
    """Where every inbox wants a worker for each photo, the drawn picture is one."""
    require_recall(pool, [(recipe, None) for recipe in GOOD[:2]], fresh=True)


def test_a_service_that_misses_faces_delivers_nothing(daemon: Daemon, portrait: Callable[[int], bytes]) -> None:
    """At the start: an exit code of its own, a line of its own in the log, an alarm in the status, no result."""
    daemon.configure(detect={"blazeface": 1.0, "centerface": None, "smallest_face": 40})
    daemon.drop("one.jpg", portrait(1))
    process = daemon.spawn()
    assert process.wait(60) == Exit.RECALL
    wait_until(lambda: daemon.told("recall_failed"), "the log tells")
    assert daemon.told("recall_failed")[0]["level"] == "critical"
    assert not daemon.results()
    checked = subprocess.run(daemon.command("check"), capture_output=True, text=True, check=False)
    assert checked.returncode == Exit.RECALL
    assert "inboxes[0].detect: The search misses drawn faces." in checked.stdout
    said = (daemon.folder / "state/status.json").read_text()
    assert '"passed": false' in said


def test_it_is_repeated_every_day(pool: LocalPool, tmp_path: Path) -> None:
    """A search that grows blind while the service runs is found a day later, and ends the loop."""
    settings = types.SimpleNamespace(worker_for="inbox")
    inbox = types.SimpleNamespace(
        name="photos", settings=settings, recipe=Recipe({"blazeface": None}, smallest_face=40)
    )
    status = types.SimpleNamespace(recall=None)
    journal = Journal(tmp_path)
    recall = upkeep._Recall(pool, cast(Any, [inbox]), cast(Any, status), journal)
    recall.prove()
    now = time.monotonic()
    recall.beat(now)
    assert status.recall["passed"] is True
    inbox.recipe = BLIND
    recall.beat(now + upkeep.DAY + 1)

    def ends() -> bool:
        try:
            recall.beat(now + upkeep.DAY + 2)
        except CannotStart:
            return True
        return False

    wait_until(ends, "the loop is ended")
    journal.close()
    (tests,) = read_tests(tmp_path)
    assert (tests.found, tests.missed) == (1, 1)
    assert status.recall["passed"] is False
