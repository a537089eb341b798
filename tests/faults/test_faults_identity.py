"""A file is known by more than its name or its inode: what is given up or delivered is the very one that was meant."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from tests.daemon import wait_until
from tests.faults.harness import Harness, Ledger, check_redacted
from tests.faults.storm import wall
from tests.faults.table import fault
from tests.portraits import portrait


def held(service: Harness) -> Path:
    """A photo without a face, held; returns the held result."""
    service.configure(without_face="hold", originals="archive")
    service.drop("nobody.png", wall(7))
    assert service.once() == 0
    return service.hold / "nobody.png"


def put_another(path: Path) -> None:
    path.write_bytes(portrait(1))


def put_over(path: Path) -> None:
    path.with_name("other").write_bytes(portrait(1))
    path.with_name("other").rename(path)


def put_link(path: Path) -> None:
    path.unlink()
    path.with_name("elsewhere").write_bytes(portrait(1))
    path.symlink_to("elsewhere")


def alter(path: Path) -> None:
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@fault("another file under a known name or inode")
@pytest.mark.parametrize("swap", [put_another, put_over, put_link, alter], ids=lambda swap: swap.__name__)
def test_release_delivers_the_held_result_alone(service: Harness, swap: object) -> None:
    """Another photo, a link or altered bytes under the held name are refused, and nothing reaches the outbox."""
    path = held(service)
    swap(path)  # type: ignore[operator]
    told = service.tell("release", str(path))
    assert told.returncode == 1
    assert "no longer" in told.stderr
    assert service.results() == []


@fault("another file under a known name or inode")
def test_a_held_result_that_was_copied_back_is_released(service: Harness) -> None:
    """The same bytes in another file, as a backup gives them back, are the held result."""
    path = held(service)
    data = path.read_bytes()
    path.unlink()
    (service.hold / "spacer").touch()
    path.write_bytes(data)
    assert service.tell("release", str(path)).returncode == 0
    (result,) = service.results()
    assert result.read_bytes() == data


@fault("another file under a known name or inode")
def test_an_inode_that_went_to_another_file_is_no_result(service: Harness, ledger: Ledger) -> None:
    """Killed between placing and noting, and another file has name and inode meanwhile: the original is not given up for it."""
    service.configure(originals="delete")
    name = ledger.drop(service.inbox, 1)
    service.start_at("after files.newfile:NewFile.give")
    service.wait_killed()
    (result,) = service.results()
    result.write_bytes(b"somebody else's")  # the same inode, as one that is given anew would be
    assert service.once() == 0
    assert result.read_bytes() == b"somebody else's"
    (ours,) = set(service.results()) - {result}
    check_redacted(ours, ledger.dropped[name])


@fault("another file under a known name or inode")
def test_a_photo_is_not_deleted_for_a_result_that_has_gone(service: Harness) -> None:
    """`duplicates: skip` and `originals: delete`: where somebody took the earlier result away, the photo is delivered again."""
    service.configure(originals="delete", duplicates="skip")
    service.drop("one.jpg", portrait(3))
    assert service.once() == 0
    service.drop("one.jpg", portrait(3))
    assert service.once() == 0
    (result,) = service.results()
    result.unlink()
    service.drop("one.jpg", portrait(3))
    assert service.once() == 0
    (result,) = service.results()
    check_redacted(result, 3)
    assert not (service.inbox / "one.jpg").exists()


@fault("another file under a known name or inode")
@pytest.mark.parametrize("originals", ["archive", "delete"])
@pytest.mark.parametrize("point", ["before delivery.retire:retire", "before delivery.original:compared"])
def test_a_version_written_at_the_last_moment_is_not_lost(service: Harness, originals: str, point: str) -> None:
    """Rewritten in place between reading and retiring: the new version gets a result of its own, the first is superseded."""
    service.configure(originals=originals)
    original = service.drop("a.jpg", portrait(1))
    service.start_at(point, "stop")
    service.wait_stopped()
    aside = [path for path in service.inbox.iterdir() if path.name.startswith(".facewarden-")]
    (aside or [original])[0].write_bytes(portrait(2))
    service.go_on()
    assert service.process
    service.tell("status")
    assert wait_for_results(service, 2)
    assert service.stop() == 0
    first, second = sorted(service.results(), key=lambda path: len(path.name))
    check_redacted(first, 1)
    check_redacted(second, 2)
    told = service.tell("explain", str(first))
    assert "superseded" in told.stdout
    assert "delivered" in service.tell("explain", str(second)).stdout
    service.reconciled(1)
    kept = [path.read_bytes() for path in service.archive.glob("*")] if originals == "archive" else []
    assert kept == ([portrait(2)] if originals == "archive" else [])
    with sqlite3.connect(service.folder / "state/journal.sqlite") as journal:
        assert {row[0] for row in journal.execute("SELECT outcome FROM jobs")} == {"superseded", "published"}


@fault("another file under a known name or inode")
@pytest.mark.parametrize("originals", ["archive", "delete"])
def test_what_was_put_in_place_of_what_was_compared_is_not_given_up(service: Harness, originals: str) -> None:
    """Another file under the hidden name, after the original was read for the last time: it stays, and has its own result."""
    service.configure(originals=originals)
    service.drop("a.jpg", portrait(1))
    service.start_at("after key:content_of_file", "stop")
    service.wait_stopped()
    (aside,) = service.inbox.iterdir()
    other = service.folder / "other"
    other.write_bytes(portrait(2))
    other.rename(aside)
    service.go_on()
    assert wait_for_results(service, 2)
    assert service.stop() == 0
    first, second = sorted(service.results(), key=lambda path: len(path.name))
    check_redacted(first, 1)
    check_redacted(second, 2)
    archived = [path.read_bytes() for path in service.archive.glob("*")] if originals == "archive" else []
    assert archived == ([portrait(2)] if originals == "archive" else [])


@fault("another file under a known name or inode")
@pytest.mark.parametrize("originals", ["keep", "archive", "delete"])
def test_what_was_changed_before_its_result_was_placed_gives_none(service: Harness, originals: str) -> None:
    """Rewritten in place while it is worked on: nothing of what it was before is delivered, only what it is in the end."""
    service.configure(originals=originals)
    original = service.drop("a.jpg", portrait(1))
    service.start_at("after pool.local:LocalPool.treat", "stop")
    service.wait_stopped()
    original.write_bytes(portrait(2))
    service.go_on()
    wait_until(lambda: service.results() and (originals == "keep" or not original.exists()), "it comes out")
    assert service.stop() == 0
    assert service.once() == 0
    (result,) = service.results()
    check_redacted(result, 2)
    kept = {"keep": service.inbox, "archive": service.archive}.get(originals)
    assert kept is None or [path.read_bytes() for path in kept.iterdir()] == [portrait(2)]
    service.reconciled(1)


def wait_for_results(service: Harness, count: int) -> bool:
    """Until so many photos have come out and none is in the inbox."""
    return bool(
        wait_until(lambda: len(service.results()) == count and not any(service.inbox.iterdir()), "all come out")
    )
