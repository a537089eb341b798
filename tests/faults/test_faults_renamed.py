"""A photo that is renamed while it is worked on has one result, under the name that it has in the end or had before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.faults.harness import Harness, check_redacted
from tests.faults.storm import wall
from tests.faults.table import fault
from tests.portraits import portrait

LONG_BEFORE = "after pool.local:LocalPool.treat"
AT_THE_LAST = "after files.newfile:NewFile.give"
"""Moments at which the photo is renamed: before its result has a name, and directly after."""


def rename(original: Path) -> Path:
    return original.rename(original.with_name("after.jpg"))


def rename_folder(original: Path) -> Path:
    return original.parent.rename(original.parent.with_name("moved")) / original.name


def put_another_in_its_place(original: Path) -> Path:
    renamed = rename(original)
    original.write_bytes(portrait(2))
    return renamed


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("point", [LONG_BEFORE, AT_THE_LAST])
@pytest.mark.parametrize(
    ("originals", "change"), [("keep", rename), ("delete", rename), ("keep", rename_folder), ("archive", rename_folder)]
)
def test_renamed_while_it_is_worked_on(
    service: Harness, originals: str, point: str, change: Callable[[Path], Path]
) -> None:
    """One photo, one result, and its original goes the way of all originals."""
    service.configure(originals=originals)
    original = service.drop("album/before.jpg", portrait(1))
    service.start_at(point, "stop")
    service.wait_stopped()
    renamed = change(original)
    service.go_on()
    wait_until(lambda: service.results() and (originals == "keep" or not renamed.exists()), "it comes out")
    assert service.stop() == 0
    assert service.once() == 0  # whatever was left would come out now
    (result,) = service.results()
    check_redacted(result, 1)
    expected = original if point == AT_THE_LAST else renamed
    assert result.relative_to(service.outbox) == expected.relative_to(service.inbox)
    assert renamed.exists() == (originals == "keep")
    archived = [path.read_bytes() for path in service.archive.rglob("*.jpg")] if service.archive.exists() else []
    assert archived == ([portrait(1)] if originals == "archive" else [])
    service.reconciled(1)


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("originals", ["keep", "delete"])
def test_renamed_with_another_in_its_place(service: Harness, originals: str) -> None:
    """Both photos come out, each once."""
    service.configure(originals=originals)
    original = service.drop("before.jpg", portrait(1))
    service.start_at(AT_THE_LAST, "stop")
    service.wait_stopped()
    put_another_in_its_place(original)
    service.go_on()
    wait_until(lambda: len(service.results()) == 2, "both come out")
    assert service.stop() == 0
    assert service.once() == 0
    first, second = sorted(service.results(), key=lambda path: path.stat().st_mtime_ns)
    check_redacted(first, 1)
    check_redacted(second, 2)
    service.reconciled(2)


@fault("touched, renamed, moved, called otherwise")
def test_a_held_one_that_is_renamed_leaves_no_note(service: Harness) -> None:
    """The note that was written before its result could be placed goes with it."""
    service.configure(without_face="hold")
    original = service.drop("before.png", wall(3))
    service.start_at("after delivery.holding:write_note", "stop")
    service.wait_stopped()
    original.rename(original.with_name("after.png"))
    service.go_on()
    held = wait_until(lambda: list(service.hold.glob("after*.png")), "it is held")
    assert service.stop() == 0
    notes = [path.name for path in service.hold.glob("*.txt")]
    assert len(held) == len(notes) == 1
    assert notes[0].startswith("after.png")
    service.reconciled(1)


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("originals", ["keep", "archive"])
def test_a_refused_one_that_is_renamed_is_refused_once(service: Harness, originals: str) -> None:
    """One note for one damaged photo, whatever it is called by then."""
    service.configure(originals=originals)
    original = service.drop("before.jpg", portrait(1)[:-2000])
    service.start_at("before delivery.quarantine:quarantine", "stop")
    service.wait_stopped()
    original.rename(original.with_name("after.jpg"))
    service.go_on()
    wait_until(lambda: list(service.quarantine.glob("after*.txt")), "it is refused")
    assert service.stop() == 0
    assert service.once() == 0
    assert [path.name for path in service.quarantine.glob("before*")] == []
    assert len(list(service.quarantine.glob("*.txt"))) == 1
    service.reconciled(1)
