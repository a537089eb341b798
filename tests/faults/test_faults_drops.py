"""What a thing is, not where its name points: one drop, one result, whatever is renamed, touched or called otherwise."""

from __future__ import annotations

import io
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.daemon import pixels_of, wait_until
from tests.faults.harness import Harness, check_pixels, check_redacted
from tests.faults.storm import wall
from tests.faults.table import fault
from tests.portraits import portrait, portrait_pixels


def touch(path: Path) -> None:
    os.utime(path)


def set_time(path: Path) -> None:
    os.utime(path, (1_000_000_000, 1_000_000_000))


def rename_case(path: Path) -> None:
    path.rename(path.with_name("A.JPG"))


def rewrite(path: Path) -> None:
    path.write_bytes(path.read_bytes())
    os.utime(path)


def rewrite_beside(path: Path) -> None:
    path.with_name("x.part").write_bytes(path.read_bytes())
    path.with_name("x.part").rename(path)


def rename_folder(path: Path) -> None:
    path.parent.rename(path.parent.with_name("renamed"))


def move_folder(path: Path) -> None:
    (path.parents[1] / "deeper").mkdir()
    path.parent.rename(path.parents[1] / "deeper" / "album")


CHANGES = [touch, set_time, rename_case, rewrite, rewrite_beside, rename_folder, move_folder]


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_the_same_photo_is_no_new_drop(service: Harness, change: Callable[[Path], None], running: bool) -> None:
    """A kept original that has its result, and is then touched, rewritten with the same bytes, renamed or moved: one result."""
    kept = service.drop("album/a.jpg", portrait(1))
    if running:
        service.start()
        wait_until(lambda: service.told("job"), "the first is done")
        change(kept)
        service.drop("last.jpg", portrait(2))
        wait_until(lambda: len(service.told("job")) == 2, "the last is done")
        assert service.stop() == 0
    else:
        assert service.once() == 0
        change(kept)
    for _ in range(2):
        assert service.once() == 0
    names = {"album/a.jpg", *(["last.jpg"] if running else [])}
    assert {str(path.relative_to(service.outbox)) for path in service.results()} == names
    service.reconciled(len(names))


def chmod(path: Path) -> None:
    path.chmod(0o600)


@fault("another file under a known name or inode")
@pytest.mark.parametrize("running", [True, False])
def test_other_content_of_the_same_size_and_date_is_a_new_drop(service: Harness, running: bool) -> None:
    """Written over in place, with the date put back, as `rsync --inplace --times` does; rights alone make no new drop."""
    kept, untouched = service.drop("a.bmp", bitmap(1)), service.drop("b.bmp", bitmap(2))
    if running:
        service.start()
        wait_until(lambda: len(service.told("job")) == 2, "the first ones are done")
    else:
        assert service.once() == 0
    chmod(untouched)
    dates = kept.stat()
    kept.write_bytes(bitmap(3))
    os.utime(kept, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    if running:
        wait_until(lambda: len(service.told("job")) == 3, "the new one is done")
        assert service.stop() == 0
    for _ in range(2):
        assert service.once() == 0
    assert [path.name for path in service.results()] == ["a-2.bmp", "a.bmp", "b.bmp"]
    check_pixels(pixels_of(service.outbox / "a-2.bmp"), 3)


def bitmap(number: int) -> bytes:
    """A portrait whose file is as large as any other one's."""
    file = io.BytesIO()
    Image.fromarray(portrait_pixels(number)).save(file, "BMP")
    return file.getvalue()


@fault("touched, renamed, moved, called otherwise")
def test_a_copy_beside_its_original_is_a_new_drop(service: Harness) -> None:
    """The original is still where it was, so its copy is another one; and so is other content under its name."""
    kept = service.drop("a.jpg", portrait(1))
    assert service.once() == 0
    shutil.copy(kept, kept.with_name("b.jpg"))
    assert service.once() == 0
    kept.write_bytes(portrait(2))
    assert service.once() == 0
    assert [path.name for path in service.results()] == ["a-2.jpg", "a.jpg", "b.jpg"]
    check_redacted(service.outbox / "a-2.jpg", 2)


@fault("touched, renamed, moved, called otherwise")
def test_the_same_photo_dropped_again_after_its_result_left_is_a_new_drop(service: Harness) -> None:
    """Kept original and result were both taken away: who drops the photo again wants it again."""
    for _ in range(2):
        kept = service.drop("a.jpg", portrait(1))
        assert service.once() == 0
        (result,) = service.results()
        result.unlink()
        kept.unlink()


def named(name: str, **more: Any) -> dict[str, Any]:
    return {"inboxes": [{"name": name, "path": "inbox", "outbox": "outbox"} | more]}


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("by", ["reload", "once"])
def test_an_inbox_that_is_called_otherwise_takes_its_photos_along(service: Harness, by: str) -> None:
    """No kept original is done again, what was held can be explained and released, before and after the next start."""
    service.configure(named("first"), without_face="hold")
    service.drop("a.jpg", portrait(1))
    service.drop("nobody.png", wall(1))
    service.drop("nobody-either.png", wall(2))
    if by == "reload":
        service.start()
        wait_until(lambda: len(service.told("job")) == 3, "all are done")
        service.configure(named("second"), without_face="hold")
        assert service.process
        service.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(service.told("started")) == 2, "the new configuration is taken")
        service.drop("b.jpg", portrait(2))
        wait_until(lambda: len(service.told("job")) >= 4, "the next is done")
        assert service.stop() == 0
    else:
        assert service.once() == 0
        service.configure(named("second"), without_face="hold")
        assert service.tell("release", str(service.hold / "nobody-either.png")).returncode == 0
        assert service.once() == 0
    assert "held" in service.tell("explain", str(service.hold / "nobody.png")).stdout
    assert service.tell("release", str(service.hold / "nobody.png")).returncode == 0
    assert len([path for path in service.results() if path.name.startswith("a")]) == 1
    assert service.reconcile().returncode == 0


@fault("touched, renamed, moved, called otherwise")
@pytest.mark.parametrize("along", [False, True])
def test_a_hold_folder_that_moved_leaves_nothing_behind(service: Harness, along: bool) -> None:
    """Another hold folder is refused, by key, while held results lie in the old one; moved along, they can be released."""
    service.configure(named("photos"), without_face="hold")
    service.drop("nobody.png", wall(1))
    assert service.once() == 0
    (service.folder / "elsewhere").mkdir()
    service.configure(named("photos", hold="elsewhere"), without_face="hold")
    told = service.tell("check")
    assert told.returncode != 0
    assert "inboxes[0].hold" in told.stdout + told.stderr
    assert service.spawn("once").wait(60) == 3
    if not along:
        service.configure(named("photos"), without_face="hold")
    else:
        for path in service.hold.iterdir():
            path.rename(service.folder / "elsewhere" / path.name)
        assert service.tell("check").returncode == 0
    assert service.once() == 0
    found = (service.folder / "elsewhere" if along else service.hold) / "nobody.png"
    assert service.tell("release", str(found)).returncode == 0
    assert [path.name for path in service.results()] == ["nobody.png"]
