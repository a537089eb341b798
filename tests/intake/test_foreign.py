"""What other programs leave in folders is left alone: each row of the table, by a real scan, a real watch and the real service."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.daemon import Daemon, wait_until
from tests.decide.test_deciding import run
from tests.rooms import drop, inbox_in

from facewarden import config, files
from facewarden.config.profile import PhotoNames
from facewarden.delivery.containers import SUFFIXES
from facewarden.intake.foreign import ROWS, Row, row_of
from facewarden.intake.inbox import Inbox
from facewarden.intake.names import Names, notes_beside
from facewarden.intake.scan import scan
from facewarden.values import Recipe

Portrait = Callable[[int], bytes]
ALL = Names(config.Profile(photos=PhotoNames(ignore=())))
"""Of an operator who wants hidden photos too: the table is not a matter of taste."""
PAGE = Path(__file__).resolve().parents[2] / "docs" / "folders.md"
SHOWN = {"\r": "\\r", "\uf03a": "\\uf03a"}


def example(row: Row) -> str:
    """A name that the row's pattern matches, in letters of another case."""
    name = re.sub(r"\[[^]]*\]|\?", "a", row.pattern).replace("*", "Photo.jpg")
    return name.swapcase() if name.isascii() else name


def path_of(row: Row) -> bytes:
    """Where a row's photo would lie in an inbox."""
    return f"{example(row)}/inside.jpg".encode() if row.kind == "folder" else example(row).encode()


def left(folder: Path) -> tuple[set[bytes], int]:
    """What a scan finds, and how many names it leaves alone."""
    count = []
    with files.folder(folder) as root:
        found = {path for path, _ in scan(root, ALL, deep=True, left=lambda: count.append(1))}
    return found, len(count)


@pytest.mark.parametrize(
    "row", [row for row in ROWS if row.kind != "beside"], ids=lambda row: f"{row.kind} {row.pattern}"
)
def test_each_row_is_left_alone_and_counted(tmp_path: Path, row: Row) -> None:
    """By scans and by events alike, in any case, also where the operator's own list is empty; a photo beside it is taken."""
    inbox = inbox_in(tmp_path, photos={"ignore": ()})
    drop(inbox, path_of(row))
    drop(inbox, b"photo.jpg")
    assert left(inbox.path) == ({b"photo.jpg"}, 1)
    assert not ALL.path(path_of(row))
    assert row_of(example(row), folder=row.kind == "folder")


@pytest.mark.parametrize("row", [row for row in ROWS if row.kind == "beside"], ids=lambda row: row.pattern)
def test_a_note_is_left_alone_only_beside_its_photo(tmp_path: Path, row: Row) -> None:
    """Whatever comes first, the note or its photo; a note of no photo is a drop that can be refused with a reason."""
    inbox, ending = inbox_in(tmp_path), row.pattern[1:].encode()
    for note in (b"sub/a.jpg" + ending, b"sub/A" + ending.upper(), b"other" + ending, b"b" + ending):
        drop(inbox, note)
    assert left(inbox.path) == ({b"sub/a.jpg" + ending, b"sub/A" + ending.upper(), b"other" + ending, b"b" + ending}, 0)
    drop(inbox, b"sub/a.jpg")
    drop(inbox, b"b.HEIC")
    assert left(inbox.path) == ({b"sub/a.jpg", b"b.HEIC", b"other" + ending}, 3)


def test_notes_of_a_takeout() -> None:
    """Google numbers twins behind the photo's ending and cuts long names; the album's own note is of all its photos."""
    long = "an afternoon by the lake with everybody from work.jpg"
    notes = [
        "IMG_1.JPG.supplemental-metadata.json",
        "img_1.jpg(1).json",
        f"{long[:46]}.json",
        "metadata.json",
        "IMG_12.json",
    ]
    assert notes_beside(notes, ["IMG_1.jpg", "IMG_1(1).jpg", long]) == set(notes[:4])
    assert notes_beside(notes, []) == set()


@pytest.mark.parametrize("suffix", [suffix.decode() for suffixes in SUFFIXES.values() for suffix in suffixes])
def test_no_photo_is_taken_for_what_it_only_sounds_like(suffix: str) -> None:
    """Real photos are called so, and a folder may be called like a temporary file."""
    for stem in (
        "holiday.bak",
        "photo #3#",
        "x.tmp",
        "download",
        "a.part",
        "lock",
        "IMG.sb-7d4ab0c5-abcdef",
        "~lake~",
        "thm",
    ):
        assert ALL.file(stem + suffix), stem
    for folder in ("holiday.bak", "photos.download", "#3#", "snapshot", "trash", "recycle", "2024.part"):
        assert ALL.path(f"{folder}/a{suffix}".encode()), folder


def test_an_inbox_tells_the_number_once_and_no_name(tmp_path: Path) -> None:
    """A note that comes before its photo waits, and is left alone once that is there."""
    inbox = Inbox(inbox_in(tmp_path, settle=2.0), Recipe({}), "poll", lambda *_: False)
    drop(inbox.settings, b"IMG_1.xmp")
    inbox.scan(0.0)
    inbox.hint({b"IMG_1.xmp": True}, 0.5)
    assert inbox.take(19.9) is None
    assert (inbox.waiting, inbox.uncounted.names) == (1, 0)
    drop(inbox.settings, b"IMG_1.jpg")
    inbox.scan(19.9)
    settled = inbox.take(21.9)
    assert settled
    assert settled.path == b"IMG_1.jpg"
    assert inbox.take(99.0) is None
    assert (inbox.waiting, inbox.uncounted.names) == (0, 1)


@pytest.mark.timeout(180)
def test_the_service_delivers_none_of_it(daemon: Daemon, portrait: Portrait) -> None:
    """A photo under each name of the table beside one real photo: one result, no note in quarantine, one line with a number."""
    daemon.configure(photos={"ignore": []}, scan_every=0.5)
    daemon.drop("before.jpg", portrait(1))
    rows = [row for row in ROWS if row.kind != "beside"]
    for number, row in enumerate(rows):
        daemon.drop(f"{number}/{path_of(row).decode()}", portrait(number % 20))
    daemon.drop("before.xmp", b"<x/>")
    daemon.start()
    wait_until(daemon.results, "the one photo is delivered")
    for number, row in enumerate(rows):
        daemon.drop(f"late/{number}/{path_of(row).decode()}", portrait(number % 20))
    (daemon.inbox / "after.tmp").write_bytes(portrait(3))
    (daemon.inbox / "after.tmp").rename(daemon.inbox / "after.jpg")
    wait_until(lambda: len(daemon.results()) == 2, "the photo is delivered once it has its name")
    assert daemon.stop() == 0
    assert {path.name for path in daemon.results()} == {"before.jpg", "after.jpg"}
    assert not list(daemon.quarantine.iterdir())
    (told,) = daemon.told("left_alone")
    assert told["waiting"] == len(rows) + 1


def test_a_download_says_that_it_is_not_done(daemon: Daemon, portrait: Portrait) -> None:
    """A file beside which aria2 keeps its own waits, and so does an empty one beside Firefox's; a photo beside them goes."""
    whole = portrait(1)
    daemon.drop("half.jpg.aria2", b"control")
    daemon.drop("half.jpg", whole[:-900])
    daemon.drop("taken.jpg.part", whole[:900])
    daemon.drop("taken.jpg", b"")
    daemon.start()
    for number in range(40, 46):  # one after the other, so that many quiet times pass
        daemon.drop(f"{number}.jpg", portrait(number))
        wait_until((daemon.outbox / f"{number}.jpg").exists, "another photo goes through")
    assert not list(daemon.quarantine.glob("*"))
    assert "says so in a file beside it" in run(daemon, "explain", daemon.inbox / "half.jpg")[1]
    daemon.drop("half.jpg", whole)
    (daemon.inbox / "half.jpg.aria2").unlink()
    daemon.drop("taken.jpg.part", portrait(2)).rename(daemon.inbox / "taken.jpg")
    wait_until(lambda: len(daemon.results()) == 8, "both are delivered")
    assert daemon.stop() == 0
    assert not list(daemon.quarantine.glob("*"))


def test_the_page_shows_the_table() -> None:
    """docs/folders.md has each row in its order, with its source, and no other."""
    shown = re.findall(
        r"^\| `(.+)` \| (\w+) \| (.+?) \| <(.+)> \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert shown == [("".join(SHOWN.get(letter, letter) for letter in row.pattern), *row[1:]) for row in ROWS]
