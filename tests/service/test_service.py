"""The promises of the whole service, held against its real process."""

from __future__ import annotations

import functools
import io
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.daemon import Daemon, pixels_of, wait_until

from facewarden.values import Pixels

Portrait = Callable[[int], bytes]


def test_a_dropped_photo_comes_out_redacted(daemon: Daemon, astronaut: Pixels) -> None:
    """A photo dropped into a running service's inbox appears in the outbox: the face hidden, the rest untouched."""
    daemon.start()
    Image.fromarray(astronaut).save(daemon.inbox / ".someone.png")
    (daemon.inbox / ".someone.png").rename(daemon.inbox / "someone.png")
    (result,) = wait_until(daemon.results, "the result appears")
    after = pixels_of(result)
    assert result.name == "someone.png"
    assert after.shape == astronaut.shape
    change = np.abs(astronaut.astype(np.int16) - after)
    assert change[90:160, 180:260].mean() > 25, "the face is still there"
    assert not change[300:].any(), "what is far from the face changed"
    assert daemon.stop() == 0


def test_every_orientation_gives_the_same_result(daemon: Daemon, astronaut: Pixels) -> None:
    """However a photo is stored, its EXIF value turns it upright and the result is the same to the pixel."""
    daemon.configure(duplicates="deliver", output={"format": "png"})
    upright = Image.fromarray(astronaut[:400])
    for value, back in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = value
        stored = upright if back is None else upright.transpose(back)
        stored.save(daemon.inbox / f"{value}.png", exif=exif)
    assert daemon.once() == 0
    results = [pixels_of(path) for path in daemon.results()]
    assert len(results) == 8
    assert all(np.array_equal(result, results[0]) for result in results)
    assert not np.array_equal(results[0], astronaut[:400])


STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
"""How a camera stores an upright picture for each EXIF orientation (CIPA DC-008, Orientation)."""


def test_the_original_is_kept_and_not_taken_twice(daemon: Daemon, portrait: Portrait) -> None:
    """With `originals: keep` the original stays unchanged, and a second `once` does nothing more."""
    original = daemon.drop("someone.jpg", portrait(1))
    assert daemon.once() == 0
    assert daemon.once() == 0
    assert original.read_bytes() == portrait(1)
    assert [path.name for path in daemon.results()] == ["someone.jpg"]
    assert not daemon.told("job")


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_originals_leave_as_the_profile_says(daemon: Daemon, portrait: Portrait, policy: str) -> None:
    """An original is archived under its subfolder or deleted once its result is there."""
    daemon.configure(originals=policy)
    daemon.drop("ward/someone.jpg", portrait(1))
    assert daemon.once() == 0
    assert [path.relative_to(daemon.outbox) for path in daemon.results()] == [Path("ward/someone.jpg")]
    assert not (daemon.inbox / "ward/someone.jpg").exists()
    assert (daemon.archive / "ward/someone.jpg").exists() == (policy == "archive")


def test_what_cannot_be_redacted_is_quarantined(daemon: Daemon, portrait: Portrait) -> None:
    """A damaged file ends in quarantine with a report, in the outbox in no form, and the exit code says so."""
    daemon.configure(originals="archive")
    daemon.drop("cut.jpg", portrait(1)[:-900])
    daemon.drop("words.jpg", b"these are words" * 100)
    daemon.drop("good.jpg", portrait(2))
    assert daemon.once() == 1
    assert [path.name for path in daemon.results()] == ["good.jpg"]
    assert {job["reason"] for job in daemon.told("job") if job["outcome"] == "quarantined"} == {10, 13}
    names = {path.name.split(".facewarden-")[0] for path in daemon.quarantine.iterdir()}
    assert names == {"cut.jpg", "words.jpg"}
    reports = [path.read_text() for path in daemon.quarantine.glob("*.txt")]
    assert len(reports) == 2
    assert all("What to do:" in report and "cut" not in report for report in reports)


def test_the_same_content_is_not_worked_on_twice(daemon: Daemon, portrait: Portrait) -> None:
    """The same photo under another name is delivered again from the earlier result."""
    daemon.configure(originals="delete")
    daemon.drop("first.jpg", portrait(1))
    assert daemon.once() == 0
    daemon.drop("second.jpg", portrait(1))
    assert daemon.once() == 0
    first, second = daemon.results()
    assert first.read_bytes() == second.read_bytes()
    (job,) = daemon.told("job")
    assert job["duplicate"] is True
    assert "detect_s" not in job


def test_the_same_content_at_the_same_time_is_worked_on_once(daemon: Daemon, portrait: Portrait) -> None:
    """Twins dropped together give two results and one search."""
    daemon.configure({"workers": 2})
    for name in "abcd":
        daemon.drop(f"{name}.jpg", portrait(1))
    assert daemon.once() == 0
    assert len(daemon.results()) == 4
    assert sum("detect_s" in job for job in daemon.told("job")) == 1


def test_duplicates_may_be_skipped(daemon: Daemon, portrait: Portrait) -> None:
    """With `duplicates: skip` one result is enough, and the second original is retired all the same."""
    daemon.configure(originals="delete", duplicates="skip")
    daemon.drop("first.jpg", portrait(1))
    assert daemon.once() == 0
    daemon.drop("second.jpg", portrait(1))
    assert daemon.once() == 0
    assert [path.name for path in daemon.results()] == ["first.jpg"]
    assert not list(daemon.inbox.iterdir())


def test_a_duplicate_is_not_deleted_for_a_result_that_was_overwritten(daemon: Daemon, portrait: Portrait) -> None:
    """Also where the size is the same and the date was put back: its bytes decide, for the original would be all that is left."""
    daemon.configure(originals="delete", duplicates="skip")
    daemon.drop("first.jpg", portrait(1))
    assert daemon.once() == 0
    (result,) = daemon.results()
    before = result.stat()
    with result.open("r+b") as file:
        file.write(bytes(before.st_size))
    os.utime(result, ns=(before.st_atime_ns, before.st_mtime_ns))
    daemon.drop("second.jpg", portrait(1))
    assert daemon.once() == 0
    assert pixels_of(daemon.outbox / "second.jpg").shape == (128, 128, 3)


def test_a_kept_original_has_one_result_though_the_outbox_changed(daemon: Daemon, portrait: Portrait) -> None:
    """What became of its result in the outbox of before nobody knows: touched or renamed it is no new drop."""
    daemon.drop("touched.jpg", portrait(1))
    renamed = daemon.drop("renamed.jpg", portrait(2))
    assert daemon.once() == 0
    (daemon.folder / "other").mkdir()
    daemon.configure({"inboxes": [{"name": "photos", "path": "inbox", "outbox": "other"}]})
    renamed.rename(daemon.inbox / "other.jpg")
    (daemon.inbox / "touched.jpg").touch()
    daemon.drop("new.jpg", portrait(3))
    assert daemon.once() == 0
    assert [path.name for path in (daemon.folder / "other").iterdir()] == ["new.jpg"]


def test_a_taken_name_is_never_overwritten(daemon: Daemon, portrait: Portrait) -> None:
    """A result whose name is taken in the outbox gets a number; what was there stays."""
    (daemon.outbox / "someone.jpg").write_bytes(b"not ours")
    daemon.drop("someone.jpg", portrait(1))
    assert daemon.once() == 0
    assert (daemon.outbox / "someone.jpg").read_bytes() == b"not ours"
    assert pixels_of(daemon.outbox / "someone-2.jpg").shape == (128, 128, 3)


def test_a_photo_without_a_face_may_be_held(daemon: Daemon) -> None:
    """With `without_face: hold` the result waits in the hold folder for a person."""
    daemon.configure(without_face="hold")
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(buffer, "PNG")
    daemon.drop("wall.png", buffer.getvalue())
    assert daemon.once() == 0
    assert not daemon.results()
    assert [path.name for path in daemon.hold.iterdir() if path.suffix != ".txt"] == ["wall.png"]


def test_a_growing_file_is_not_read_early(daemon: Daemon, portrait: Portrait) -> None:
    """A file that is still written is left alone until it has been quiet, and then delivered whole."""
    daemon.configure(settle=1.0)
    daemon.start()
    data = portrait(1)
    with (daemon.inbox / "slow.jpg").open("wb", buffering=0) as file:
        for start in range(0, len(data), len(data) // 5):
            file.write(data[start : start + len(data) // 5])
            daemon.drop(f"pace{start}.tmp", b"")  # an ignored name
            wait_until(lambda: os.fstat(file.fileno()).st_mtime_ns, "the file system takes the write")
            assert not daemon.results()
    (job,) = wait_until(lambda: daemon.told("job"), "the whole file is delivered")
    assert job["outcome"] == "published"
    assert pixels_of(daemon.results()[0]).shape == (128, 128, 3)


def test_temporary_and_hidden_names_are_ignored(daemon: Daemon, portrait: Portrait) -> None:
    """Names that programs use while they still write are no photos."""
    for name in (".hidden.jpg", "upload.jpg.part", "~lock.jpg", ".trash/in.jpg", "@eaDir/in.jpg"):
        daemon.drop(name, portrait(1))
    assert daemon.once() == 0
    assert not daemon.results()


def test_special_files_are_left_alone(daemon: Daemon, portrait: Portrait, tmp_path: Path) -> None:
    """Links are not followed, pipes do not hang the service, and the photo beside them is delivered."""
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(portrait(9))
    (daemon.inbox / "link.jpg").symlink_to(secret)
    (daemon.inbox / "linked").symlink_to(tmp_path)
    os.mkfifo(daemon.inbox / "pipe.jpg")
    daemon.drop("good.jpg", portrait(1))
    assert daemon.once() == 0
    assert [path.name for path in daemon.results()] == ["good.jpg"]


def test_a_second_service_on_the_same_state_is_refused(daemon: Daemon) -> None:
    """The state folder belongs to one service; the second ends with its own exit code."""
    daemon.start()
    second = Daemon.__new__(Daemon)
    second.__dict__ |= daemon.__dict__ | {"process": None}
    assert second.once() == 4
    assert daemon.stop() == 0


def test_a_stop_drains(daemon: Daemon, portrait: Portrait) -> None:
    """SIGTERM in the middle of work ends in time with exit code 0, and what was left is done at the next start."""
    for number in range(12):
        daemon.drop(f"{number}.jpg", portrait(number))
    daemon.start()
    wait_until(daemon.results, "the first result appears")
    assert daemon.stop() == 0
    assert daemon.once() == 0
    assert len(daemon.results()) == 12


def has_results(daemon: Daemon, count: int) -> bool:
    return len(daemon.results()) >= count


def test_kill_9_costs_nothing(daemon: Daemon, portrait: Portrait) -> None:
    """Killed without warning several times in mid-work, each drop has one result, whole, and no temp file stays."""
    daemon.configure(originals="delete")
    names = {f"{number}.jpg" for number in range(24)}
    for name in names:
        daemon.drop(name, portrait(int(name[:-4])))
    for few in (3, 8, 14):
        daemon.start()
        wait_until(functools.partial(has_results, daemon, few), "some results appear")
        daemon.kill()
        for path in daemon.outbox.glob("*.jpg"):
            assert pixels_of(path).shape == (128, 128, 3)
    assert daemon.once() == 0
    assert {path.name for path in daemon.results()} == names
    assert not list(daemon.inbox.iterdir())


@pytest.mark.parametrize(("form", "shared"), [("photo", False), ("inbox", True)])
def test_a_worker_is_for_a_photo_or_an_inbox(daemon: Daemon, portrait: Portrait, form: str, *, shared: bool) -> None:
    """By the profile's choice the worker that served one photo waits for the inbox's next one, or is gone."""
    daemon.configure(worker_for=form)
    daemon.start()
    assert daemon.process
    before = _workers(daemon.process.pid)
    daemon.drop("first.jpg", portrait(1))
    wait_until(daemon.results, "the result appears")
    wait_until(lambda: len(_workers(daemon.process.pid)) == 1, "one worker waits")  # type: ignore[union-attr]
    assert (_workers(daemon.process.pid) == before) == shared
    assert daemon.stop() == 0


def _workers(service: int) -> set[int]:
    """Process ids of the service's children, whichever of its threads started them."""
    return {int(child) for task in Path(f"/proc/{service}/task").iterdir() for child in _children_of(task)}


def _children_of(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:  # that thread has just ended
        return []


def test_a_killed_worker_is_replaced(daemon: Daemon, portrait: Portrait) -> None:
    """A worker that dies between photos costs nothing: the next photo gets a fresh one."""
    daemon.start()
    daemon.drop("first.jpg", portrait(1))
    wait_until(daemon.results, "the first result appears")
    assert daemon.process
    for worker in _workers(daemon.process.pid):
        os.kill(worker, signal.SIGKILL)
    daemon.drop("second.jpg", portrait(2))
    wait_until(lambda: len(daemon.results()) == 2, "the second result appears")
    assert daemon.stop() == 0


def test_the_journal_and_its_folder_are_private(daemon: Daemon, portrait: Portrait) -> None:
    """The state folder, the journal, the key and the kept results can be read by the service's user alone."""
    daemon.drop("someone.jpg", portrait(1))
    assert daemon.once() == 0
    state = daemon.folder / "state"
    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    kept = [state / "journal.sqlite", state / "key", *(state / "results").iterdir()]
    assert len(kept) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_names_stay_out_of_the_log(daemon: Daemon, portrait: Portrait) -> None:
    """No file name, folder name or path is logged, whatever becomes of the file."""
    canary = "Zyxwvut"
    daemon.configure(originals="archive")
    daemon.drop(f"{canary}dir/{canary}.jpg", portrait(1))
    daemon.drop(f"{canary}-bad.jpg", b"nothing" * 9)
    assert daemon.once() == 1
    text = "\n".join(daemon.log)
    assert canary not in text
    assert str(daemon.folder) not in text
    assert len(daemon.told("job")) == 2
